package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"schedreplay/export/outdir"
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/plots"
	"schedreplay/replay"
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

type jsonInterval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

func jsonIntervalOf(i stats.Interval) *jsonInterval {
	if !i.Known {
		return nil
	}
	round := func(v float64) float64 { // what differs beyond is noise of the arithmetic
		if v == math.Trunc(v) {
			return v
		}
		return jsonRound(v)
	}
	return &jsonInterval{round(i.Value), round(i.Low), round(i.High)}
}

// jsonRound keeps six significant digits.
func jsonRound(v float64) float64 {
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	return r
}

// comparedSample is a capture in compare.json.
type comparedSample struct {
	Name        string                   `json:"name"`
	SHA256      *string                  `json:"sha256"`
	Kernel      *string                  `json:"kernel"`
	WindowNS    int64                    `json:"window_ns"`
	Wakings     int64                    `json:"owner_wakings"`
	Percentiles map[string]*jsonInterval `json:"owner_delay_ns"`
	WorstNS     *int64                   `json:"owner_delay_max_ns"`
	Gaps        int64                    `json:"owner_gaps"`
	GapNS       map[string]*jsonInterval `json:"owner_gap_ns"`
	WorstGapNS  *int64                   `json:"owner_gap_max_ns"`
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

// comparedTo is what differs from the first capture in compare.json.
type comparedTo struct {
	Name        string                   `json:"name"`
	Ratios      map[string]*jsonInterval `json:"owner_delay_ratio"`
	Superiority *float64                 `json:"longer_than_before"`
	Effect      *string                  `json:"effect"`
	GapRatios   map[string]*jsonInterval `json:"owner_gap_ratio"`
	GapLonger   *float64                 `json:"longer_gap_than_before"`
	GapEffect   *string                  `json:"gap_effect"`
}

// JSON returns the comparison for programs; docs/comparing.md tells of its
// fields.
func (c *Comparison) JSON() ([]byte, error) {
	percentiles := func(of func(i int) stats.Interval) map[string]*jsonInterval {
		m := map[string]*jsonInterval{}
		for i, p := range findings.Percentiles {
			m[fmt.Sprintf("p%g", p)] = jsonIntervalOf(of(i))
		}
		return m
	}
	worst := func(d *findings.Delays) *int64 {
		if d.Count() == 0 {
			return nil
		}
		ns := d.WorstNS()
		return &ns
	}
	j := struct {
		SchemaVersion int              `json:"schema_version"`
		Program       string           `json:"program"`
		Command       string           `json:"command"`
		Verdict       []string         `json:"verdict"`
		Doubts        []string         `json:"doubts"`
		Captures      []comparedSample `json:"captures"`
		Against       []comparedTo     `json:"against_first"`
	}{SchemaVersion: 1, Program: c.o.Program, Command: c.o.Command, Verdict: c.Verdict(), Doubts: say.Each(c.Doubts, say.Clean)}
	for _, s := range c.samples {
		x := comparedSample{
			Name: say.Clean(s.Name), SHA256: strPtr(s.Checksum), WindowNS: s.WindowNS(), Entries: s.Sum.Held.Entries.Total(),
			PerSecond: jsonIntervalOf(s.EntriesPerS), Residents: s.Sum.Held.Residents, Runs: s.Sum.Held.Runs, RunNS: s.Sum.Held.NS, Share: jsonIntervalOf(s.Share),
			Decisions: s.Fidelity.Decisions, Exact: s.Fidelity.Exact, Covered: s.Fidelity.Covered, Unjudged: s.Fidelity.Unjudged,
		}
		if k := s.Recorded(); k != nil {
			x.Kernel = &k.Name
		}
		of := func(kind replay.WaitKind) (int64, map[string]*jsonInterval, *int64) {
			d := &s.Sum.Waits[kind]
			return d.Count(), percentiles(func(i int) stats.Interval { return s.Waits[kind].Percentile[i] }), worst(d)
		}
		x.Wakings, x.Percentiles, x.WorstNS = of(replay.SchDelay)
		x.Gaps, x.GapNS, x.WorstGapNS = of(replay.OffCPUGap)
		j.Captures = append(j.Captures, x)
	}
	for _, s := range c.samples[1:] {
		before := c.samples[0]
		of := func(kind replay.WaitKind) (ratios map[string]*jsonInterval, longer *float64, effect *string) {
			ratios = percentiles(func(i int) stats.Interval { return findings.Ratio(&before.Waits[kind], &s.Waits[kind], i) })
			if p, ok := findings.Superiority(&before.Sum.Waits[kind], &s.Sum.Waits[kind]); ok {
				r, word := jsonRound(p), say.EffectSize(p)
				longer, effect = &r, &word
			}
			return ratios, longer, effect
		}
		x := comparedTo{Name: say.Clean(s.Name)}
		x.Ratios, x.Superiority, x.Effect = of(replay.SchDelay)
		x.GapRatios, x.GapLonger, x.GapEffect = of(replay.OffCPUGap)
		j.Against = append(j.Against, x)
	}
	b, err := json.MarshalIndent(j, "", " ")
	return rows.Printable(append(b, '\n')), err
}

// Write puts compare.md, compare.json and figures/ into a folder. Its error
// wraps [outdir.ErrWrite].
func (c *Comparison) Write(d *outdir.Dir) error { return outdir.Wrap(d.Name(), c.write(d)) }

func (c *Comparison) write(d *outdir.Dir) error {
	if err := render(d, c.doc.figures(), true); err != nil {
		return err
	}
	return c.doc.write(d, "compare", false, c.JSON)
}
