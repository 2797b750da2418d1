package plots

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"schedreplay/parser"
	"schedreplay/replay"
)

// MaxSamples bounds the captures of one comparison.
const MaxSamples = 8

// ErrSamples is what Compare returns where there are too few or too many.
var ErrSamples = errors.New("a comparison takes two to eight captures")

// Comparison holds two or more captures against each other; the first is what
// the others are compared with.
type Comparison struct {
	o       Options
	samples []*Sample
	// Doubts say why the captures may not be comparable, the gravest first.
	Doubts []string
	doc    *document
}

// Compare makes a comparison of finished samples.
func Compare(samples []*Sample, o Options) (*Comparison, error) {
	if len(samples) < 2 || len(samples) > MaxSamples {
		return nil, ErrSamples
	}
	for _, s := range samples {
		if s.stats == nil {
			return nil, errors.New("plots: a sample was not finished")
		}
	}
	c := &Comparison{o: o, samples: samples}
	for _, s := range samples[1:] {
		for _, d := range doubts(samples[0], s) {
			if len(samples) > 2 {
				d = fmt.Sprintf("%s: %s", clean(s.Name), d)
			}
			c.Doubts = append(c.Doubts, d)
		}
	}
	c.doc = c.compose()
	return c, nil
}

// doubts are the reasons why two captures may not be comparable.
func doubts(a, b *Sample) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	differ := func(what, x, y, cost string) {
		if x != y {
			add("%s: %s and %s; %s", what, orUnknown(x), orUnknown(y), cost)
		}
	}
	ra, rb := a.res, b.res
	if ha, hb := ra.Host, rb.Host; ha != nil && hb != nil {
		differ("the machines have different CPUs", machineWords(ra), machineWords(rb), "delays and choices follow the topology")
		differ("the hosts have different names", clean(ha.Hostname.Value), clean(hb.Hostname.Value), "other hardware may explain the difference")
		differ("different kernels were recorded", clean(ha.Release.Value), clean(hb.Release.Value), "that may be what you compare, or not")
		if x, y := commandLine(ha), commandLine(hb); x != y {
			add("the kernels’ command lines differ: %s and %s", orUnknown(x), orUnknown(y))
		}
	}
	ia, ka := ra.Isolated.Get()
	ib, kb := rb.Isolated.Get()
	switch {
	case !ka || !kb:
		add("the isolated CPUs are not known in %s", map[bool]string{true: "both", false: "one of them"}[!ka && !kb])
	case !ia.Equal(ib):
		add("different CPUs are isolated: %s and %s", maskWords(ia), maskWords(ib))
	}
	differ("the owners have different names", ownerNames(ra), ownerNames(rb), "their delays are those of different programs")
	if ma, mb := ra.Meta, rb.Meta; ma != nil && mb != nil {
		differ("the formats differ", string(ma.Dialect), string(mb.Dialect), "not every format carries the same events")
		differ("the clocks differ", ma.Clock.Name, mb.Clock.Name, "delays are taken on each capture’s own clock")
		if ma.Resolution != mb.Resolution {
			add("the time stamps are to %s and to %s; short delays are not comparable", duration(ma.Resolution), duration(mb.Resolution))
		}
		if ma.HasWakings != mb.HasWakings {
			add("only one of them carries wakeups: its delays are from waking, the other’s are not")
		}
	}
	wa, wb := a.stats.window, b.stats.window
	if wa > 0 && wb > 0 && (float64(wa)/float64(wb) > 2 || float64(wb)/float64(wa) > 2) {
		add("the windows differ much: %s and %s; in the longer one a rare event is likelier", duration(wa), duration(wb))
	}
	if !ra.Recorded.Equal(rb.Recorded) {
		na, nb := ra.Recorded.Weight(), rb.Recorded.Weight()
		if na*2 < nb || nb*2 < na || na == 1 || nb == 1 {
			add("%s of %s and of %s had events; a recording of few CPUs (-C) shows less", "CPUs", maskWords(ra.Recorded), maskWords(rb.Recorded))
		}
	}
	wakings := func(r *replay.Result) bool { return r.Events[parser.KindWaking] > 0 }
	if wakings(ra) != wakings(rb) {
		add("only one of them has sched_waking; the other’s delays begin at sched_wakeup and are shorter")
	}
	for _, s := range []*Sample{a, b} {
		r := s.res
		if n := r.Lost + r.Overwritten; n > 0 || r.LostUnknown > 0 || r.Holes > 0 {
			add("%s lost events (%s, and %s): what happened then is in no number", clean(s.Name), count(n), counted(r.Holes+r.LostUnknown, "break of unknown size", "breaks of unknown size"))
		}
		if r.Partial != nil || r.Damaged > 0 {
			add("%s is damaged or cut short", clean(s.Name))
		}
		if st := s.stats; st.cpus > 0 && st.wakings > 0 && st.wakings < 100 {
			add("%s has only %s of the owner: its tail is not known", clean(s.Name), counted(st.wakings, "waking"))
		}
	}
	if fa, fb := a.stats.fidelity, b.stats.fidelity; judged(fa) > 0 && judged(fb) > 0 {
		x, y := float64(fa.Exact)/float64(judged(fa)), float64(fb.Exact)/float64(judged(fb))
		if math.Abs(x-y) > 0.1 {
			add("the model fits them differently well: %s and %s exact", percent(fa.Exact, judged(fa)), percent(fb.Exact, judged(fb)))
		}
	}
	if a.Checksum != "" && a.Checksum == b.Checksum {
		add("they are the same file")
	}
	return out
}

func judged(f replay.Fidelity) int64 { return f.Decisions - f.Unjudged }

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// machineWords is the shape of a machine.
func machineWords(r *replay.Result) string {
	n, smt := 0, 0
	llc := map[string]bool{}
	for _, c := range r.Host.CPU {
		if c.Known {
			n++
			smt = max(smt, c.Siblings.Weight())
			llc[c.LLC.String()] = true
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %d per core, %s", counted(int64(n), "CPU"), smt, counted(int64(len(llc)), "LLC"))
}

// commandLine is the part of the kernel's command line that concerns the
// scheduler.
func commandLine(h *parser.Host) string {
	var out []string
	for _, w := range strings.Fields(h.Cmdline.Value) {
		name, _, _ := strings.Cut(w, "=")
		switch name {
		case "isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "nosmt", "mitigations", "preempt", "housekeeping", "kthread_cpus", "skew_tick", "idle", "intel_idle.max_cstate", "processor.max_cstate":
			out = append(out, clean(w))
		}
	}
	return strings.Join(out, " ")
}

func ownerNames(r *replay.Result) string {
	var names []string
	for _, c := range r.CPUs {
		if c.Owner != nil && !slices.Contains(names, parser.DisplayComm(c.Owner.Comm)) {
			names = append(names, parser.DisplayComm(c.Owner.Comm))
		}
	}
	slices.Sort(names)
	return joinUpTo(names, 4, "task")
}

// Verdict says in sentences what the comparison amounts to, one group per
// capture after the first.
func (c *Comparison) Verdict() []string {
	var out []string
	for _, x := range c.verdict() {
		out = append(out, plain(x))
	}
	return out
}

func (c *Comparison) verdict() []string {
	a := c.samples[0]
	var out []string
	for _, b := range c.samples[1:] {
		out = append(out, heldVerdict(a, b), delayVerdict(a, b))
	}
	return out
}

func (s *Sample) title() string { return bold(clean(s.Name)) }

// heldVerdict compares entries and time.
func heldVerdict(a, b *Sample) string {
	x, y := a.stats, b.stats
	if !x.share.Known || !y.share.Known {
		return fmt.Sprintf("%s: who held the isolated CPUs is not known in %s.", b.title(), map[bool]string{true: "both captures", false: "one capture"}[!x.share.Known && !y.share.Known])
	}
	s := fmt.Sprintf("%s: foreign tasks entered %s in %s (%s in %s before) and held %s of the time (%s before)", b.title(),
		counted(y.entries, "time"), duration(y.window), counted(x.entries, "time"), duration(x.window), share(y.share.Value), share(x.share.Value))
	word := map[bool]string{true: "better", false: "worse"}[y.share.Value < x.share.Value]
	switch {
	case x.held == 0 && y.held == 0:
		s += ": no difference, there were none"
	case apart95(x.share, y.share) && apart95(x.entriesPerS, y.entriesPerS):
		s += fmt.Sprintf(": %s, beyond what chance explains", word)
	case apart95(x.share, y.share):
		s += fmt.Sprintf(": %s in these captures, but so few entries may differ by chance; longer recordings would tell", word)
	default:
		s += ": no difference that these captures can tell from chance"
	}
	return s + "."
}

// apart95 reports whether the bands of two estimates do not meet.
func apart95(a, b Interval) bool { return a.High < b.Low || b.High < a.Low }

func share(v float64) string { return percent(int64(math.Round(v*1e9)), 1e9) }

// delayVerdict compares the owners' delays, with the size of the effect.
func delayVerdict(a, b *Sample) string {
	p, ok := superiority(a, b)
	if !ok {
		return fmt.Sprintf("%s: the owner’s sch delay cannot be compared, since one of the captures shows no waking of it.", b.title())
	}
	best := -1
	for i := range percentiles[:3] {
		if r := ratio(a.stats, b.stats, i); r.Known {
			best = i
		}
	}
	s := b.title() + ": "
	if best < 0 {
		s += fmt.Sprintf("the owner waited up to %s (%s before)", duration(b.stats.worst), duration(a.stats.worst))
	} else {
		r := ratio(a.stats, b.stats, best)
		s += fmt.Sprintf("the owner’s p%g sch delay is %s (%s before), %s of it (95 %% band %s to %s)", percentiles[best],
			duration(int64(b.stats.pct[best].Value)), duration(int64(a.stats.pct[best].Value)), factor(r.Value), factor(r.Low), factor(r.High))
		switch {
		case r.High < 1:
			s += ": better"
		case r.Low > 1:
			s += ": worse"
		default:
			s += ": no difference that these captures can tell from chance"
		}
	}
	return s + fmt.Sprintf("; over all wakings, one waits longer than one before in %.0f %% of pairs, a %s effect.", 100*p, effectSize(p))
}

// effectSize is a word for the probability of superiority, by the customary
// bounds (Vargha and Delaney).
func effectSize(p float64) string {
	switch d := math.Abs(p - 0.5); {
	case d < 0.06:
		return "negligible"
	case d < 0.14:
		return "small"
	case d < 0.21:
		return "medium"
	}
	return "large"
}

// factor prints a ratio with two digits or so.
func factor(v float64) string {
	switch {
	case v >= 100:
		return count(int64(math.Round(v)))
	case v >= 10:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("1/%s", count(int64(math.Round(1/max(v, 1e-9)))))
}

// Bounds are what a gate demands of every capture but the first; nil means no
// bound.
type Bounds struct {
	MaxP99 *int64 // ns
	// MaxIntrusions bounds the foreign tasks' arrivals on isolated CPUs.
	MaxIntrusions *int64
}

// Broken are the bounds that do not hold, one sentence each; what is not known
// does not hold.
func (c *Comparison) Broken(b Bounds) []string {
	var out []string
	for _, s := range c.samples[1:] {
		out = append(out, s.broken(b)...)
	}
	return out
}

func (s *Sample) broken(b Bounds) []string {
	var out []string
	st := s.stats
	name := clean(s.Name)
	if b.MaxP99 != nil {
		p := st.pct[2]
		switch {
		case st.wakings == 0:
			out = append(out, fmt.Sprintf("%s: the owner’s p99 is not known, since no waking of it was recorded", name))
		case !p.Known && st.worst > *b.MaxP99:
			out = append(out, fmt.Sprintf("%s: %s are too few for a p99, and the longest delay, %s, is over %s", name, counted(st.wakings, "waking"), duration(st.worst), duration(*b.MaxP99)))
		case p.Known && p.Value > float64(*b.MaxP99):
			out = append(out, fmt.Sprintf("%s: the owner’s p99 sch delay is %s, over %s", name, duration(int64(p.Value)), duration(*b.MaxP99)))
		}
	}
	if b.MaxIntrusions != nil {
		switch {
		case st.cpus == 0:
			out = append(out, fmt.Sprintf("%s: intrusions are not known, since no isolated CPU is", name))
		case st.entries > *b.MaxIntrusions:
			out = append(out, fmt.Sprintf("%s: %s, over %s", name, counted(st.entries, "intrusion"), count(*b.MaxIntrusions)))
		}
	}
	return out
}

func (c *Comparison) compose() *document {
	d := &document{Title: "Captures compared", Brief: c.verdict()}
	var figs []*figure
	if f := compareDelayFigure(c.samples); f != nil {
		figs = append(figs, f)
	}
	if f := compareHeldFigure(c.samples); f != nil {
		figs = append(figs, f)
	}
	doubts := section{ID: "doubts", Title: "Why they may not be comparable", Level: 2}
	if len(c.Doubts) > 0 {
		var list []string
		for _, x := range c.Doubts {
			list = append(list, x+".")
		}
		doubts.Blocks = []block{{List: list}}
	} else {
		doubts.Blocks = []block{para("Same machine, kernel, isolation, owner, clock and kind of recording, about the same length, nothing lost: nothing speaks against it.")}
	}
	numbers := section{ID: "numbers", Title: "The numbers", Level: 2, Blocks: []block{{Table: c.delayTable()}}}
	if len(figs) > 0 && figs[0].name == "compare-delay" {
		numbers.Blocks = append(numbers.Blocks, block{Figure: figs[0]})
		figs = figs[1:]
	}
	numbers.Blocks = append(numbers.Blocks, block{Table: c.heldTable()})
	for _, f := range figs {
		numbers.Blocks = append(numbers.Blocks, block{Figure: f})
	}
	numbers.Blocks = append(numbers.Blocks, block{Table: c.fidelityTable()})
	d.add(doubts, numbers, c.made())
	return d
}

func (c *Comparison) made() section {
	t := &table{Caption: "Captures, in the order given", Cols: []col{{Name: "Name"}, {Name: "File"}, {Name: "Kernel"}, {Name: "Window", Num: true}, {Name: "SHA-256"}}}
	for _, s := range c.samples {
		file, kernel := "–", "not known"
		if s.res.Meta != nil {
			file = captureName(s.res.Meta)
		}
		if s.res.Original != nil {
			kernel = clean(s.res.Original.Name)
		}
		t.Rows = append(t.Rows, []string{clean(s.Name), file, kernel, duration(s.stats.window), code(s.Checksum)})
	}
	return section{ID: "made", Title: "How this was made", Level: 2, Blocks: []block{
		para(fmt.Sprintf("By %s: %s. Bands are the middle 95 %% of %d bootstrap draws of %d stretches of each window with replacement, from a fixed seed; that of the entries is of a Poisson count.",
			clean(c.o.Program), code(c.o.Command), bootstrapRuns, sampleBlocks)),
		{Table: t},
	}}
}

func (c *Comparison) delayTable() *table {
	t := &table{
		Caption: "The owner’s sch delay, with 95 % bands",
		Cols:    []col{{Name: "Capture"}, {Name: "Wakings", Num: true}, {Name: "p50", Num: true}, {Name: "p90", Num: true}, {Name: "p99", Num: true}, {Name: "p99.9", Num: true}, {Name: "Longest", Num: true}},
		Note:    "A percentile is given where at least one waking lies above it.",
	}
	for _, s := range c.samples {
		row := []string{clean(s.Name), count(s.stats.wakings)}
		for _, p := range s.stats.pct {
			row = append(row, p.durations())
		}
		worst := "–"
		if s.stats.wakings > 0 {
			worst = duration(s.stats.worst)
		}
		t.Rows = append(t.Rows, append(row, worst))
	}
	return t
}

func (i Interval) durations() string {
	if !i.Known {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", duration(int64(i.Value)), duration(int64(i.Low)), duration(int64(i.High)))
}

func (c *Comparison) heldTable() *table {
	t := &table{
		Caption: "Foreign tasks on the isolated CPUs, with 95 % bands",
		Cols:    []col{{Name: "Capture"}, {Name: "Entries", Num: true}, {Name: "per second", Num: true}, {Name: "There before", Num: true}, {Name: "Runs", Num: true}, {Name: "Time", Num: true}, {Name: "Share of the time", Num: true}},
	}
	for _, s := range c.samples {
		st := s.stats
		row := []string{clean(s.Name), "–", "–", "–", "–", "–", "–"}
		if st.share.Known {
			row = []string{
				clean(s.Name), count(st.entries), fmt.Sprintf("%s (%s–%s)", rate(st.entriesPerS.Value), rate(st.entriesPerS.Low), rate(st.entriesPerS.High)),
				count(st.residents), count(st.runs), duration(st.held), st.share.shares(),
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// shares prints a part of the time; none at all has no band that the recording
// could give.
func (i Interval) shares() string {
	if i.High == 0 {
		return share(i.Value)
	}
	return fmt.Sprintf("%s (%s–%s)", share(i.Value), share(i.Low), share(i.High))
}

// rate prints events per second.
func rate(v float64) string { return fmt.Sprintf("%.3g", math.Abs(v)) }

func (c *Comparison) fidelityTable() *table {
	t := &table{
		Caption: "How well the model fits each",
		Cols:    []col{{Name: "Capture"}, {Name: "Decisions", Num: true}, {Name: "Exact", Num: true}, {Name: "Covered", Num: true}, {Name: "CPUs possible", Num: true}},
	}
	for _, s := range c.samples {
		f := s.stats.fidelity
		row := []string{clean(s.Name), count(f.Decisions), "–", "–", "–"}
		if n := judged(f); n > 0 {
			row = []string{clean(s.Name), count(f.Decisions), percent(f.Exact, n), percent(f.Covered, n), fmt.Sprintf("%.1f", f.PossibleMean())}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Table is a table as text: a caption, then rows of cells.
type Table struct {
	Caption string
	Header  []string
	Rows    [][]string
}

// Tables returns the comparison's tables for a terminal.
func (c *Comparison) Tables() []Table {
	var out []Table
	for _, t := range []*table{c.delayTable(), c.heldTable(), c.fidelityTable()} {
		x := Table{Caption: plain(t.Caption)}
		for _, k := range t.Cols {
			x.Header = append(x.Header, k.Name)
		}
		for _, r := range t.Rows {
			var cells []string
			for _, k := range r {
				cells = append(cells, plain(k))
			}
			x.Rows = append(x.Rows, cells)
		}
		out = append(out, x)
	}
	return out
}

type jsonInterval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

func (i Interval) json() *jsonInterval {
	if !i.Known {
		return nil
	}
	round := func(v float64) float64 { // what differs beyond is noise of the arithmetic
		r, _ := jsonRound(v)
		return r
	}
	return &jsonInterval{round(i.Value), round(i.Low), round(i.High)}
}

// jsonRound keeps six significant digits.
func jsonRound(v float64) (float64, error) {
	var r float64
	_, err := fmt.Sscan(fmt.Sprintf("%.6g", v), &r)
	return r, err
}

// JSON returns the comparison for programs; docs/comparing.md tells of its
// fields.
func (c *Comparison) JSON() ([]byte, error) {
	type sample struct {
		Name        string                   `json:"name"`
		SHA256      *string                  `json:"sha256"`
		Kernel      *string                  `json:"kernel"`
		WindowNS    int64                    `json:"window_ns"`
		Wakings     int64                    `json:"owner_wakings"`
		Percentiles map[string]*jsonInterval `json:"owner_delay_ns"`
		WorstNS     *int64                   `json:"owner_delay_max_ns"`
		Entries     int64                    `json:"entries"`
		PerSecond   *jsonInterval            `json:"entries_per_s"`
		Residents   int64                    `json:"residents"`
		Runs        int64                    `json:"foreign_runs"`
		RunNS       int64                    `json:"foreign_run_ns"`
		Share       *jsonInterval            `json:"foreign_share"`
		Decisions   int64                    `json:"decisions"`
		Exact       int64                    `json:"exact"`
		Covered     int64                    `json:"covered"`
		Unjudged    int64                    `json:"unjudged"`
	}
	type against struct {
		Name        string                   `json:"name"`
		Ratios      map[string]*jsonInterval `json:"owner_delay_ratio"`
		Superiority *float64                 `json:"longer_than_before"`
		Effect      *string                  `json:"effect"`
	}
	j := struct {
		SchemaVersion int       `json:"schema_version"`
		Program       string    `json:"program"`
		Command       string    `json:"command"`
		Verdict       []string  `json:"verdict"`
		Doubts        []string  `json:"doubts"`
		Captures      []sample  `json:"captures"`
		Against       []against `json:"against_first"`
	}{SchemaVersion: 1, Program: c.o.Program, Command: c.o.Command, Verdict: c.Verdict(), Doubts: texts(c.Doubts)}
	for _, s := range c.samples {
		st := s.stats
		x := sample{
			Name: clean(s.Name), SHA256: strPtr(s.Checksum), WindowNS: st.window, Wakings: st.wakings, Percentiles: map[string]*jsonInterval{}, Entries: st.entries,
			PerSecond: st.entriesPerS.json(), Residents: st.residents, Runs: st.runs, RunNS: st.held, Share: st.share.json(),
			Decisions: st.fidelity.Decisions, Exact: st.fidelity.Exact, Covered: st.fidelity.Covered, Unjudged: st.fidelity.Unjudged,
		}
		if s.res.Original != nil {
			x.Kernel = &s.res.Original.Name
		}
		if st.wakings > 0 {
			x.WorstNS = &st.worst
		}
		for i, p := range percentiles {
			x.Percentiles[fmt.Sprintf("p%g", p)] = st.pct[i].json()
		}
		j.Captures = append(j.Captures, x)
	}
	for _, s := range c.samples[1:] {
		x := against{Name: clean(s.Name), Ratios: map[string]*jsonInterval{}}
		for i, p := range percentiles {
			x.Ratios[fmt.Sprintf("p%g", p)] = ratio(c.samples[0].stats, s.stats, i).json()
		}
		if p, ok := superiority(c.samples[0], s); ok {
			r, err := jsonRound(p)
			if err != nil {
				return nil, err
			}
			word := effectSize(p)
			x.Superiority, x.Effect = &r, &word
		}
		j.Against = append(j.Against, x)
	}
	b, err := json.MarshalIndent(j, "", " ")
	return append(b, '\n'), err
}

// Write puts compare.md, compare.json and figures/ into a folder, which appears
// whole or not at all. Its error wraps [ErrWrite].
func (c *Comparison) Write(dir string) error {
	f, err := newFolder(dir)
	if err != nil {
		return err
	}
	defer f.discard()
	if err := c.write(f); err != nil {
		return writeError(dir, err)
	}
	return nil
}

func (c *Comparison) write(d *folder) error {
	for _, f := range c.doc.figures() {
		for _, s := range sizes {
			base := path.Join("figures", f.name+s.suffix)
			if err := d.write(base+".svg", f.svg(s, "g")); err != nil {
				return err
			}
			b, err := f.png(s)
			if err != nil {
				return err
			}
			if err := d.write(base+".png", b); err != nil {
				return err
			}
		}
	}
	if err := d.write("compare.md", c.doc.markdown(func(f *figure) string { return path.Join("figures", f.name+".png") })); err != nil {
		return err
	}
	b, err := c.JSON()
	if err != nil {
		return err
	}
	if err := d.write("compare.json", b); err != nil {
		return err
	}
	return d.commit()
}
