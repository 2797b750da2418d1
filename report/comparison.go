package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots"
	"schedreplay/replay"
	"schedreplay/stats"
)

// ErrSamples is what Compare returns where there are too few or too many.
var ErrSamples = errors.New("a comparison takes two to eight captures")

// Comparison holds two or more captures against each other; the first is what
// the others are compared with.
type Comparison struct {
	o       Options
	samples []*findings.Sample
	// Doubts say why the captures may not be comparable, the gravest first.
	Doubts []string
	doc    *document
}

// Compare makes a comparison of finished samples.
func Compare(samples []*findings.Sample, o Options) (*Comparison, error) {
	if len(samples) < 2 || len(samples) > findings.MaxSamples {
		return nil, ErrSamples
	}
	for _, s := range samples {
		if s.Findings == nil {
			return nil, errors.New("plots: a sample was not finished")
		}
	}
	c := &Comparison{o: o, samples: samples}
	for _, s := range samples[1:] {
		for _, d := range say.Doubts(samples[0], s) {
			if len(samples) > 2 {
				d = fmt.Sprintf("%s: %s", say.Clean(s.Name), d)
			}
			c.Doubts = append(c.Doubts, d)
		}
	}
	c.doc = c.compose()
	return c, nil
}

// Verdict says in sentences what the comparison amounts to, one group per
// capture after the first.
func (c *Comparison) Verdict() []string { return say.Each(c.verdict(), say.Plain) }

func (c *Comparison) verdict() []string {
	a := c.samples[0]
	var out []string
	for _, b := range c.samples[1:] {
		x := findings.Compare(a, b)
		out = append(append(out, say.HeldVerdict(x)), say.WaitVerdicts(x)...)
	}
	return out
}

// Broken are the gates that do not hold, one sentence each: every capture but the first
// must keep them.
func (c *Comparison) Broken(gates []findings.Gate) []string {
	var out []string
	for _, s := range c.samples[1:] {
		for _, g := range gates {
			if j := s.Judge(g); !j.Holds {
				out = append(out, say.Clean(s.Name)+": "+say.Broken(&j))
			}
		}
	}
	return out
}

func (c *Comparison) compose() *document {
	d := &document{Title: "Captures compared", Brief: c.verdict()}
	doubts := section{ID: "doubts", Title: "Why they may not be comparable", Level: 2}
	if len(c.Doubts) > 0 {
		doubts.Blocks = []block{{List: say.Each(c.Doubts, func(s string) string { return s + "." })}}
	} else {
		doubts.Blocks = []block{para("Same machine, kernel, isolation, owner, clock and kind of recording, about the same length, nothing lost: nothing speaks against it.")}
	}
	numbers := section{ID: "numbers", Title: "The numbers", Level: 2}
	for _, kind := range c.kinds() {
		numbers.table(c.waitTable(kind))
		numbers.figure(plots.CompareWaitFigure(c.samples, kind), "")
	}
	numbers.table(c.heldTable())
	numbers.figure(plots.CompareHeldFigure(c.samples), "")
	numbers.table(c.fidelityTable())
	d.add(doubts, numbers, c.made())
	return d
}

func (c *Comparison) made() section {
	t := &table{Caption: "Captures, in the order given", Cols: cols("Name", "File", "Kernel", "#Window", "SHA-256")}
	for _, s := range c.samples {
		file, kernel := "–", "not known"
		if s.Result.Meta != nil {
			file = captureName(s.Result.Meta)
		}
		if k := s.Recorded(); k != nil {
			kernel = say.Kernel(k)
		}
		t.fixed(say.Clean(s.Name), file, kernel, say.Duration(s.WindowNS()), say.Code(s.Checksum))
	}
	return section{ID: "made", Title: "How this was made", Level: 2, Blocks: []block{
		para(fmt.Sprintf("By %s: %s. Bands are the middle 95 %% of %d bootstrap draws of %d stretches of each window with replacement, from a fixed seed; that of the entries is of a Poisson count.",
			say.Clean(c.o.Program), say.Code(c.o.Command), stats.Draws, stats.NumBlocks)),
		{Table: t},
	}}
}

// kinds are the kinds of waits that there is something to tell of: sch delays, unless there
// are gaps alone.
func (c *Comparison) kinds() []replay.WaitKind {
	var out []replay.WaitKind
	for kind := range replay.WaitKinds {
		if slices.ContainsFunc(c.samples, func(s *findings.Sample) bool { return s.Sum.Waits[kind].Count() > 0 }) {
			out = append(out, kind)
		}
	}
	if len(out) == 0 {
		out = append(out, replay.SchDelay)
	}
	return out
}

func (c *Comparison) waitTable(kind replay.WaitKind) *table {
	t := waitsTable(fmt.Sprintf("The owner’s %s, with 95 %% bands", say.WaitNoun(kind)), kind, "Capture", "#p50")
	for _, s := range c.samples {
		all := &s.Sum.Waits[kind]
		row := []string{say.Clean(s.Name), say.Count(all.Count())}
		for _, p := range s.Waits[kind].Percentile {
			row = append(row, say.Durations(p))
		}
		worst := "–"
		if all.Count() > 0 {
			worst = say.Duration(all.WorstNS())
		}
		t.fixed(append(row, worst)...)
	}
	return t
}

// waitsTable is a table of waits of one kind, still without rows: of whom they are, how many,
// and how long.
func waitsTable(caption string, kind replay.WaitKind, who, median string) *table {
	return &table{
		Caption: caption, Cols: cols(who, [replay.WaitKinds]string{"#Wakings", "#Gaps"}[kind], median, "#p90", "#p99", "#p99.9", "#Longest"),
		Note: "A percentile is given where at least one " + [replay.WaitKinds]string{"waking", "gap"}[kind] + " lies above it.",
	}
}

func (c *Comparison) heldTable() *table {
	t := &table{
		Caption: "Foreign tasks on the isolated CPUs, with 95 % bands",
		Cols:    cols("Capture", "#Entries", "#per second", "#There before", "#Runs", "#Time", "#Share of the time"),
	}
	for _, s := range c.samples {
		if h := &s.Sum.Held; s.Share.Known {
			t.fixed(say.Clean(s.Name), say.Count(h.Entries.Total()), fmt.Sprintf("%s (%s–%s)", say.Rate(s.EntriesPerS.Value), say.Rate(s.EntriesPerS.Low), say.Rate(s.EntriesPerS.High)),
				say.Count(h.Residents), say.Count(h.Runs), say.Duration(h.NS), say.Shares(s.Share))
		} else {
			t.fixed(say.Clean(s.Name), "–", "–", "–", "–", "–", "–")
		}
	}
	return t
}

func (c *Comparison) fidelityTable() *table {
	t := &table{Caption: "How well the model fits each", Cols: cols("Capture", "#Decisions", "#Exact", "#Covered", "#CPUs possible")}
	for _, s := range c.samples {
		f, exact, covered, mean := s.Fidelity, "–", "–", "–"
		if n := f.Judged(); n > 0 {
			exact, covered, mean = say.Percent(f.Exact, n), say.Percent(f.Covered, n), fmt.Sprintf("%.1f", f.PossibleMean())
		}
		t.fixed(say.Clean(s.Name), say.Count(f.Decisions), exact, covered, mean)
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
	var list []*table
	for _, kind := range c.kinds() {
		list = append(list, c.waitTable(kind))
	}
	for _, t := range append(list, c.heldTable(), c.fidelityTable()) {
		out = append(out, Table{
			Caption: say.Plain(t.Caption), Header: say.Each(t.Cols, func(c col) string { return c.Name }),
			Rows: say.Each(t.Rows, func(r []string) []string { return say.Each(r, say.Plain) }),
		})
	}
	return out
}

func intervalObject(i stats.Interval) any {
	if !i.Known {
		return nil
	}
	round := func(v float64) float64 { // what differs beyond is noise of the arithmetic
		if v == math.Trunc(v) {
			return v
		}
		return jsonRound(v)
	}
	return object{{"value", round(i.Value)}, {"low", round(i.Low)}, {"high", round(i.High)}}
}

// jsonRound keeps six significant digits.
func jsonRound(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return r
}

// JSON returns the comparison for programs; docs/comparing.md tells of its
// fields.
func (c *Comparison) JSON() ([]byte, error) {
	return object{
		{"schema_version", 1},
		{"program", c.o.Program},
		{"command", c.o.Command},
		{"verdict", c.Verdict()},
		{"doubts", say.Each(c.Doubts, say.Clean)},
		{"captures", say.Each(c.samples, sampleObject)},
		{"against_first", say.Each(c.samples[1:], func(s *findings.Sample) object { return againstObject(c.samples[0], s) })},
	}.document()
}

func percentileObjects(of func(i int) stats.Interval) map[string]any {
	m := map[string]any{}
	for i, p := range findings.Percentiles {
		m[fmt.Sprintf("p%g", p)] = intervalObject(of(i))
	}
	return m
}

func sampleObject(s *findings.Sample) object {
	var kernel any
	if k := s.Recorded(); k != nil {
		kernel = k.Name
	}
	waits := func(kind replay.WaitKind, count, ns, most string) object {
		d := &s.Sum.Waits[kind]
		return object{
			{count, d.Count()},
			{ns, percentileObjects(func(i int) stats.Interval { return s.Waits[kind].Percentile[i] })},
			{most, known(d.WorstNS(), d.Count() > 0)},
		}
	}
	held, fit := &s.Sum.Held, &s.Fidelity
	return slices.Concat(
		object{{"name", say.Clean(s.Name)}, {"sha256", nonempty(s.Checksum)}, {"kernel", kernel}, {"window_ns", s.WindowNS()}},
		waits(replay.SchDelay, "owner_wakings", "owner_delay_ns", "owner_delay_max_ns"),
		waits(replay.OffCPUGap, "owner_gaps", "owner_gap_ns", "owner_gap_max_ns"),
		object{
			{"entries", held.Entries.Total()},
			{"entries_per_s", intervalObject(s.EntriesPerS)},
			{"residents", held.Residents},
			{"foreign_runs", held.Runs},
			{"foreign_run_ns", held.NS},
			{"foreign_share", intervalObject(s.Share)},
			{"decisions", fit.Decisions},
			{"exact", fit.Exact},
			{"covered", fit.Covered},
			{"unjudged", fit.Unjudged},
		},
	)
}

// againstObject is what differs in s from the capture before.
func againstObject(before, s *findings.Sample) object {
	waits := func(kind replay.WaitKind, ratio, longer, effect string) object {
		p, ok := findings.Superiority(&before.Sum.Waits[kind], &s.Sum.Waits[kind])
		return object{
			{ratio, percentileObjects(func(i int) stats.Interval { return findings.Ratio(&before.Waits[kind], &s.Waits[kind], i) })},
			{longer, known(jsonRound(p), ok)},
			{effect, known(say.EffectSize(p), ok)},
		}
	}
	return slices.Concat(
		object{{"name", say.Clean(s.Name)}},
		waits(replay.SchDelay, "owner_delay_ratio", "longer_than_before", "effect"),
		waits(replay.OffCPUGap, "owner_gap_ratio", "longer_gap_than_before", "gap_effect"),
	)
}

// Write puts compare.md, compare.json and figures/ into a folder. Its error
// wraps [outdir.ErrWrite].
func (c *Comparison) Write(d *outdir.Dir) error { return outdir.Wrap(d.Name(), c.write(d)) }

func (c *Comparison) write(d *outdir.Dir) error {
	if err := render(d, c.doc.figures()); err != nil {
		return err
	}
	return c.doc.write(d, "compare", false, c.JSON)
}
