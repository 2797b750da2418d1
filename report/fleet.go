package report

import (
	"fmt"
	"strings"

	"schedreplay/export/outdir"
	"schedreplay/export/rows"
	"schedreplay/findings/fleet"
	"schedreplay/findings/say"
	"schedreplay/plots"
	"schedreplay/replay"
	"schedreplay/stats"
)

// Bounds on the tables of a fleet's report; the row sets hold the rest.
const (
	maxFleetRows  = 500
	maxShortFleet = 25 // in Markdown
)

// Fleet is the report on many captures.
type Fleet struct {
	a      *fleet.Answer
	inputs []fleet.Input
	o      Options
	doc    *document
}

// NewFleet makes the report of a fleet's answer, and of what became of each capture.
func NewFleet(a *fleet.Answer, inputs []fleet.Input, o Options) *Fleet {
	d := &document{Title: "Who else: foreign tasks on isolated CPUs, over the fleet", Brief: say.FleetVerdict(a), Tiles: say.FleetTiles(a)}
	delays := section{ID: "delays", Title: "How long the owners waited", Level: 2}
	if f := plots.FleetDelayFigure(&a.Delays, &a.Intruded); f != nil {
		delays.Blocks = append(delays.Blocks, block{Figure: f})
	}
	delays.Blocks = append(delays.Blocks, tableBlock(fleetOwners(a))...)
	d.add(
		section{ID: "causes", Title: "The root causes", Level: 2, Blocks: tableBlock(fleetCauses(a))},
		section{ID: "hosts", Title: "The hosts", Level: 2, Blocks: tableBlock(fleetHosts(a))},
		section{ID: "intruders", Title: "The intruders", Level: 2, Blocks: tableBlock(fleetIntruders(a))},
		section{ID: "kernels", Title: "The kernels", Level: 2, Blocks: tableBlock(fleetKernels(a))},
		delays,
		section{ID: "noise", Title: "What else was on the isolated cores", Level: 2, Blocks: append(tableBlock(fleetNoise(a)), tableBlock(fleetHostNoise(a))...)},
		section{ID: "doubts", Title: "What cannot be judged, and why", Level: 2, Blocks: append(tableBlock(fleetDoubts(a)), tableBlock(fleetDead(a))...)},
		section{ID: "made", Title: "How this was made", Level: 2, Blocks: []block{para(fmt.Sprintf(
			"By %s: %s, of %s. Each was replayed on its own; here their findings are added up. Delays are added up as histograms to three digits, so that the percentiles are those of all wakings.",
			say.Clean(o.Program), say.Code(o.Command), say.Counted(a.Captures, "capture")))}},
	)
	return &Fleet{a, inputs, o, d}
}

// Verdict says in sentences what the answer is.
func (f *Fleet) Verdict() []string { return say.Each(f.doc.Brief, say.Plain) }

// tableBlock is a table that has rows, cut where it is too long.
func tableBlock(t *table) []block {
	if len(t.Rows) == 0 {
		return nil
	}
	if n := len(t.Rows) - maxFleetRows; n > 0 {
		t.Rows, t.Keys = t.Rows[:maxFleetRows], t.Keys[:maxFleetRows]
		t.Note = fmt.Sprintf("%s. %s", say.Counted(int64(n), "more row is in fleet.json", "more rows are in fleet.json"), t.Note)
	}
	t.Short = maxShortFleet
	return []block{{Table: t}}
}

func fleetCauses(a *fleet.Answer) *table {
	t := &table{
		Caption: "By hosts, then by time: one row is one root cause",
		Cols:    cols("Intruder", "How", "Kernel", "Machines", "#Hosts", "#Entries", "#There before", "#Time held", "#Owner delayed", "Left with the fix"),
	}
	for i := range a.Causes {
		c := &a.Causes[i]
		h := &c.Held
		t.row(word(say.IntruderName(c.Intruder)), word(say.Way(string(c.How), c.Path)), word(say.FleetKernel(c.Kernel)), word(say.Shape(c.Shape)), count(c.Hosts),
			count(h.Entries.Total()), count(h.Residents), held(h.NS, h.AtLeast()), length(h.DelayedNS), word(say.Left(h, c.HasFix, c.Shape)))
	}
	return t
}

func fleetHosts(a *fleet.Answer) *table {
	t := &table{
		Caption: "By the share of the time that foreign tasks held the isolated CPUs",
		Cols:    cols("Host", "#Captures", "#Share", "#Time held", "#Entries", "#There before", "#Owner’s p99", "#Longest", "Mostly"),
	}
	for i := range a.Hosts {
		x := &a.Hosts[i]
		h := &x.Held
		p99, longest, worst := length(x.P99), length(x.Longest), "nobody"
		if !x.P99Known {
			p99.text = "–"
		}
		if x.Longest <= 0 {
			longest.text = "–"
		}
		if x.Worst != nil {
			worst = say.IntruderName(x.Worst.Intruder) + ", " + say.Way(string(x.Worst.How), x.Worst.Path)
		}
		t.row(word(say.HostName(x.Host)), count(x.Captures), val{say.Percent(h.NS, x.WindowNS), key(int64(x.Share() * 1e9))}, held(h.NS, h.AtLeast()),
			count(h.Entries.Total()), count(h.Residents), p99, longest, word(worst))
	}
	return t
}

func fleetIntruders(a *fleet.Answer) *table {
	t := &table{
		Caption: "By the hosts they were on",
		Cols:    cols("Intruder", "#Hosts", "#Entries", "#There before", "#Runs", "#Time held", "#Owner delayed"),
		Note:    "A star stands for the numbers that kernel threads of one kind differ in.",
	}
	for i := range a.Intruders {
		x := &a.Intruders[i]
		h := &x.Held
		t.row(word(say.IntruderName(x.Name)), count(x.Hosts), count(h.Entries.Total()), count(h.Residents), count(h.Runs), held(h.NS, h.AtLeast()), length(h.DelayedNS))
	}
	return t
}

func fleetKernels(a *fleet.Answer) *table {
	t := &table{
		Caption: "Entries under each kernel",
		Cols:    cols("Kernel", "Has the fix", "#Hosts", "#Entered", "#Captures", "#Entries", "#Time held", "#Model exact", "Ways in"),
	}
	for i := range a.Kernels {
		k := &a.Kernels[i]
		ways := say.Each(k.Ways, func(w fleet.Way) string { return say.Count(w.Entries) + " " + say.Way(w.How, w.Path) })
		fix := yesNo(k.HasFix)
		if k.Name == "" {
			fix = "–"
		}
		t.row(word(say.FleetKernel(k.Name)), word(fix), count(k.Hosts), count(k.Hit), count(k.Captures), count(k.Held.Entries.Total()), held(k.Held.NS, k.Held.AtLeast()),
			val{say.Percent(k.Exact, k.Decisions-k.Unjudged), key(k.Exact)}, word(say.JoinUpTo(ways, 4, "way")))
	}
	return t
}

func fleetOwners(a *fleet.Answer) *table {
	t := &table{
		Caption: "The owners’ waits: sch delay, from waking to running, and the off-CPU gaps of those that never sleep",
		Cols:    cols("Owner", "Wait", "#Hosts", "#Waits", "#p50", "#p99", "#p99.9", "#Longest"),
		Note:    "A percentile is given where at least one wait lies above it.",
	}
	add := func(name string, kind replay.WaitKind, hosts int64, d *stats.Dist) {
		if d.Count() == 0 {
			return
		}
		row := []val{word(name), word(say.WaitNoun(kind)), count(hosts), count(d.Count())}
		for _, p := range []float64{50, 99, 99.9} {
			ns, ok := d.Percentile(p)
			c := length(ns)
			if !ok {
				c.text = "–"
			}
			row = append(row, c)
		}
		t.row(append(row, length(d.Max()))...)
	}
	for i := range a.Owners {
		o := &a.Owners[i]
		add(say.IntruderName(o.Name), replay.SchDelay, o.Hosts, &o.Delays)
		add(say.IntruderName(o.Name), replay.OffCPUGap, o.Hosts, &o.Gaps)
	}
	return t
}

// noiseCells are the cells that tell what a kind of noise took, behind those of the first
// columns.
func noiseCells(k *fleet.KindNoise, first ...val) []val {
	share, owner, most := "?", "?", "–"
	part, known := k.Share()
	if known {
		share = say.Percent(k.NS, k.ToldNS)
	}
	if ns, known := k.Owner(); known {
		owner = say.Duration(ns)
	}
	if k.Most != nil {
		most = say.SourceName(k.Most)
	}
	return append(first, val{share, key(int64(part * 1e9))}, length(k.NS), count(k.Count), length(k.LongestNS), val{owner, key(k.OwnerNS)}, word(most))
}

func noiseCols(first ...string) []col {
	return cols(append(first, "#Share", "#Time", "#Times", "#Longest", "#Cost the owner", "Mostly")...)
}

func fleetNoise(a *fleet.Answer) *table {
	t := &table{
		Caption: "By kind of noise, over the isolated cores of all hosts",
		Cols:    append(noiseCols("Kind", "#Hosts that tell", "#Hosts with it"), cols("Worst host")...),
		Note:    "Share: of the time of which recordings tell of the kind. Cost the owner: the part while an owner that is known ran or waited there. Tasks are all that were no owner.",
	}
	for i := range a.Noise {
		k := &a.Noise[i]
		row := []val{word(k.Kind), count(k.Hosts), count(k.Hit)}
		if k.Hosts == 0 && k.Hit == 0 {
			row = append(row, word("not recorded"), word("?"), word("?"), word("?"), word("?"), word("–"))
		} else {
			row = noiseCells(k, row...)
		}
		worst := "–"
		if k.Worst != nil {
			worst = say.HostName(k.Worst)
		}
		t.row(append(row, word(worst))...)
	}
	return t
}

func fleetHostNoise(a *fleet.Answer) *table {
	t := &table{Caption: "By host and kind, the greatest share of the time first", Cols: noiseCols("Host", "Kind")}
	for i := range a.HostNoise {
		k := &a.HostNoise[i]
		t.row(noiseCells(k, word(say.HostName(k.Host)), word(k.Kind))...)
	}
	return t
}

func fleetDoubts(a *fleet.Answer) *table {
	t := &table{Caption: "Hosts of which not everything can be judged", Cols: cols("Host", "#Captures", "Judged", "Why not")}
	for i := range a.Doubtful {
		d := &a.Doubtful[i]
		var why []string
		for _, x := range d.List {
			s := say.FleetDoubt(x.Doubt)
			if d.Captures > 1 {
				s = fmt.Sprintf("%s (%s)", s, say.Count(x.Captures))
			}
			why = append(why, s)
		}
		judged := map[bool]string{true: "in part", false: "no"}[d.Judged]
		t.row(word(say.HostName(d.Host)), count(d.Captures), word(judged), word(strings.Join(why, "; ")))
	}
	return t
}

func fleetDead(a *fleet.Answer) *table {
	t := &table{Caption: "Dead letters: captures that could not be summed up", Cols: cols("Capture", "Why")}
	for i := range a.Dead {
		d := &a.Dead[i]
		t.row(word(say.Code(d.Path)), word(say.DeadLetter(d)))
	}
	return t
}

// Write puts fleet.html, fleet.md, fleet.json, inputs.csv and figures/ into a folder. Its
// error wraps [outdir.ErrWrite].
func (f *Fleet) Write(d *outdir.Dir) error { return outdir.Wrap(d.Name(), f.write(d)) }

func (f *Fleet) write(d *outdir.Dir) error {
	if err := render(d, f.doc.figures()); err != nil {
		return err
	}
	if err := f.doc.write(d, "fleet", true, f.JSON); err != nil {
		return err
	}
	t, err := rows.Create(d, rows.CSV, rows.Inputs, nil)
	if err != nil {
		return err
	}
	for i := range f.inputs {
		t.Write(&f.inputs[i])
	}
	return t.Close()
}

// JSON returns the answer for programs; docs/fleet.md tells of its fields.
func (f *Fleet) JSON() ([]byte, error) {
	a := f.a
	noise := func(k *fleet.KindNoise) object {
		part, told := k.Share()
		return object{
			{"kind", k.Kind},
			{"share", known(jsonRound(part), told)},
			{"told_ns", k.ToldNS},
			{"count", k.Count},
			{"ns", k.NS},
			{"longest_ns", k.LongestNS},
			{"owner_ns", known(k.Owner())},
			{"most", k.Most},
		}
	}
	return object{
		{"schema_version", 1},
		{"program", f.o.Program},
		{"command", f.o.Command},
		{"verdict", f.Verdict()},
		{"captures", a.Captures},
		{"captures_judged", a.Judged},
		{"causes", append([]fleet.RankedCause{}, a.Causes...)},
		{"hosts", say.Each(a.Hosts, func(h fleet.RankedHost) object {
			return append(
				hostObject(h.Host),
				field{"captures", h.Captures}, field{"share", jsonRound(h.Share())}, field{"window_ns", h.WindowNS}, field{"unknown_ns", h.UnknownNS},
				field{"held", h.Held}, field{"owner_delay_p99_ns", known(h.P99, h.P99Known)}, field{"owner_delay_max_ns", h.Longest},
			)
		})},
		{"intruders", append([]fleet.Intruder{}, a.Intruders...)},
		{"kernels", say.Each(a.Kernels, func(k fleet.RankedKernel) object {
			return object{
				{"kernel", nonempty(k.Name)},
				{"has_fix", k.HasFix},
				{"hosts", k.Hosts},
				{"hosts_entered", k.Hit},
				{"captures", k.Captures},
				{"held", k.Held},
				{"ways", append([]fleet.Way{}, k.Ways...)},
			}
		})},
		{"delays", map[string]stats.Dist{"all": a.Delays, "intruded": a.Intruded, "gaps": a.Gaps}},
		{"owners", say.Each(a.Owners, func(o fleet.RankedOwner) object {
			return object{{"owner", o.Name}, {"hosts", o.Hosts}, {"delays", map[string]stats.Dist{"all": o.Delays, "intruded": o.Intruded, "gaps": o.Gaps}}}
		})},
		{"noise", say.Each(a.Noise, func(k fleet.KindNoise) object {
			var worst any
			if k.Worst != nil {
				worst = nonempty(k.Worst.Name)
			}
			return append(noise(&k), field{"hosts_told", k.Hosts}, field{"hosts_hit", k.Hit}, field{"worst_host", worst})
		})},
		{"host_noise", say.Each(a.HostNoise, func(k fleet.KindNoise) object { return append(hostObject(k.Host), noise(&k)...) })},
		{"doubtful", say.Each(a.Doubtful, func(d fleet.DoubtfulHost) object {
			return append(hostObject(d.Host), field{"judged", d.Judged}, field{"doubts", d.List})
		})},
		{"dead_letters", append([]fleet.DeadLetter{}, a.Dead...)},
	}.document()
}

func hostObject(h *fleet.Host) object {
	return object{{"host", nonempty(h.Name)}, {"capture", nonempty(h.Capture)}}
}
