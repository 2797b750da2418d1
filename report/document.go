package report

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/plots"
	"schedreplay/replay"
)

// document is the report before it takes a format.
type document struct {
	Title string
	// Partial says that the input was damaged; empty if it was not.
	Partial string
	// Brief is the verdict in a few sentences, Verdict in full. Warnings and Headlines
	// stand below it: what to know before relying on it, and how the kernels were chosen.
	Brief     []string
	Verdict   []say.Paragraph
	Warnings  []string
	Headlines []string
	Tiles     []say.Tile
	Leads     []*plots.Figure // on the first page
	Sections  []section
}

type section struct {
	ID, Title string
	// Level is 2 or 3.
	Level  int
	Blocks []block
}

// block is one of its fields.
type block struct {
	Text   string
	List   []string
	Steps  []string // a numbered list
	Table  *table
	Figure *plots.Figure
}

type table struct {
	Caption string
	Cols    []col
	Rows    [][]string
	Note    string
	// Keys are what the rows are sorted by where that is not their text: per row
	// and column a number, "" for none. A table with keys sorts and filters.
	Keys [][]string
	// Short bounds the rows in Markdown, if it is not 0.
	Short int
	// Foot is a last row of totals.
	Foot []string
}

// row adds a row with its keys.
func (t *table) row(cells, keys []string) {
	t.Rows, t.Keys = append(t.Rows, cells), append(t.Keys, keys)
}

// key is a number to sort by.
func key(n int64) string { return strconv.FormatInt(n, 10) }

// col is a column's name; numbers are set to the right.
type col struct {
	Name string
	Num  bool
}

// Bounds on the tables of the report; the CSV files hold the rest.
const (
	maxStayRows    = 100 // on the page
	maxShortRows   = 20  // in Markdown
	maxShorterRows = 10
	maxTaskRows    = 40
	maxRouteRows   = 60
	maxEntrySteps  = 3 // ways in explained per CPU
	maxCPURows     = 24
	maxSections    = 16 // CPUs with a section
	maxLandingRows = 12
)

func para(s string) block { return block{Text: s} }

// compose makes the document of a result.
func compose(f *findings.Findings, col *plots.Collector, o *Options, figs *plots.Set) *document {
	res, cpus := f.Result, f.CPUs
	d := &document{
		Title: "Who ran on the isolated CPUs", Brief: say.Brief(f), Verdict: say.Verdict(f), Tiles: say.Tiles(f), Warnings: say.Warnings(f),
	}
	if len(cpus) == 1 {
		d.Title = fmt.Sprintf("Who ran on isolated CPU %d", cpus[0].CPU)
	} else if iso, ok := res.Isolated.Get(); ok && iso.Empty() || !ok {
		d.Title = "Where the kernel put the tasks"
	}
	if !f.HasFix() { // else the brief says it
		d.Headlines = say.Headline(res)
	}
	if res.Partial != nil {
		d.Partial = fmt.Sprintf("The capture could not be read to its end; everything here is about the %s before that place. Reason: %s",
			say.Duration(res.End-res.Start), say.Clean(withoutPath(messageOf(res.Partial), res.Meta)))
	}
	if len(cpus) > 0 {
		if lead := figs.CPU[cpus[0].CPU]; lead != nil {
			for _, x := range []*plots.Figure{lead.Strip, lead.Entry} {
				if x != nil {
					d.Leads = append(d.Leads, x)
				}
			}
		}
	}
	if p := unknownParagraph(res); p.Text != "" {
		d.Verdict = append(d.Verdict, p)
	}
	for i, c := range cpus {
		if i == maxSections || i > 0 && c.All.Stays() == 0 {
			break
		}
		d.add(cpuSections(f, c, figs.CPU[c.CPU], i == 0)...)
	}
	if len(cpus) > 1 {
		d.add(cpuList(cpus))
	}
	d.add(landingSection(res, col, figs), changesSection(f), fidelitySection(f), factsSection(f), unknownSection(res), machineSection(figs), madeSection(f, o))
	return d
}

func (d *document) add(s ...section) {
	for _, x := range s {
		if len(x.Blocks) > 0 {
			d.Sections = append(d.Sections, x)
		}
	}
}

// messageOf is an error's message with the file's name but not its folder.
func messageOf(err error) string {
	var e *parser.Error
	if errors.As(err, &e) {
		short := *e
		short.File = filepath.Base(e.File)
		return strings.Replace(err.Error(), e.Error(), short.Error(), 1)
	}
	return err.Error()
}

// withoutPath keeps folders out of messages: the report goes to others.
func withoutPath(s string, m *parser.Meta) string {
	if m == nil || m.Name == "" {
		return s
	}
	return strings.ReplaceAll(s, m.Name, filepath.Base(m.Name))
}

// unknownParagraph names what is not known.
func unknownParagraph(res *replay.Result) say.Paragraph {
	var what []string
	for _, u := range res.Unknown {
		what = append(what, say.Sentence(say.Unknown(u).What))
	}
	if len(what) == 0 {
		return say.Paragraph{}
	}
	return say.Paragraph{Label: "Not known", Text: strings.Join(what, " ") + " A section further down tells what each costs."}
}

// machineSection draws the machine.
func machineSection(figs *plots.Set) section {
	s := section{ID: "machine", Title: "The machine", Level: 2}
	s.figure(figs.Topology, figs.NoTopology)
	return s
}

func unknownSection(res *replay.Result) section {
	s := section{ID: "unknown", Title: "What is not known", Level: 2}
	if len(res.Unknown) == 0 {
		if !res.Isolated.Known() {
			return s // the verdict says what is missing
		}
		s.Blocks = append(s.Blocks, para("Nothing that this report needs was missing."))
		return s
	}
	var list []string
	for _, u := range res.Unknown {
		d := say.Unknown(u)
		line := say.Bold(say.Sentence(d.What)) + " " + say.Sentence(d.Cost)
		if d.Remedy != "" {
			line += " " + say.Sentence(d.Remedy)
		}
		list = append(list, line)
	}
	s.Blocks = append(s.Blocks, block{List: list})
	return s
}

// cpuSections tells everything about one isolated CPU.
func cpuSections(all *findings.Findings, c *findings.CPU, f *plots.CPUFigures, first bool) []section {
	id := func(s string) string { return fmt.Sprintf("cpu%d%s", c.CPU, s) }
	head := section{ID: id(""), Title: fmt.Sprintf("CPU %d", c.CPU), Level: 2}
	if !first {
		for _, p := range say.About(all, c) {
			head.Blocks = append(head.Blocks, para(say.Bold(p.Label+".")+" "+p.Text))
		}
		if f != nil && f.Strip != nil {
			head.Blocks = append(head.Blocks, block{Figure: f.Strip})
		}
	}
	head.Blocks = append(head.Blocks, block{Table: timeTable(c)})
	if others := othersTable(c); others != nil {
		head.Blocks = append(head.Blocks, block{Table: others})
	}
	out := []section{head}

	entry := section{ID: id("-entry"), Title: "How the entry happened", Level: 3}
	if f != nil && !(first && f.Entry != nil) { // it is on the first page
		entry.figure(f.Entry, f.NoEntry)
	}
	// The main entry, and others that came by another way.
	told := map[findings.Turn]bool{}
	for _, st := range entriesWorstFirst(c) {
		way := findings.Turn{From: st.Entry.Path, To: st.Entry.Patched.Path}
		if st.Entry.Explanation == nil || told[way] {
			continue
		}
		if told[way] = true; len(told) > maxEntrySteps {
			break
		}
		entry.Blocks = append(entry.Blocks, explain(all.Result, st.Entry)...)
	}
	if len(entry.Blocks) > 0 {
		if e := entriesWorstFirst(c); len(told) == 0 && len(e) > 0 {
			entry.Blocks = append(entry.Blocks, para("The decision was not told step by step."))
		}
		out = append(out, entry)
	}

	stays := section{ID: id("-stays"), Title: "Stays", Level: 3}
	if len(c.Stays) > 0 {
		stays.Blocks = append(stays.Blocks, block{Table: staysTable(c)})
		if len(c.LongestRuns) > 1 {
			stays.Blocks = append(stays.Blocks, block{Table: runsTable(c)})
		}
		if f != nil {
			stays.figure(f.Runs, f.NoRuns)
		}
		out = append(out, stays)
	}

	delay := section{ID: id("-delay"), Title: "The owner’s sch delay", Level: 3}
	if tb := delayTable(c); tb != nil {
		delay.Blocks = append(delay.Blocks, block{Table: tb})
	}
	if f != nil {
		delay.figure(f.DelayTime, f.NoDelay)
		if f.DelayTime != nil {
			delay.figure(f.DelayCDF, f.NoDelay)
		}
		delay.figure(f.DelayHeat, "")
	}
	if len(c.LongestDelays) > 1 {
		delay.Blocks = append(delay.Blocks, block{Table: worstDelays(c)})
	}
	return append(out, delay)
}

// figure adds a figure, or the sentence that stands in for it.
func (s *section) figure(f *plots.Figure, why string) {
	switch {
	case f != nil:
		s.Blocks = append(s.Blocks, block{Figure: f})
	case why != "":
		s.Blocks = append(s.Blocks, para(why))
	}
}

func timeTable(c *findings.CPU) *table {
	t := &table{
		Caption: fmt.Sprintf("Time on CPU %d over the %s recorded", c.CPU, say.Duration(c.WindowNS)),
		Cols:    []col{{Name: "Who"}, {Name: "Time", Num: true}, {Name: "Share", Num: true}},
	}
	for _, x := range []struct {
		class replay.Class
		name  string
	}{
		{replay.ClassOwner, "owner"},
		{replay.ClassForeign, "foreign tasks"},
		{replay.ClassPinned, "other tasks pinned here"},
		{replay.ClassHousekeeping, "housekeeping kernel threads"},
		{replay.ClassRecorder, "recorder"},
		{replay.ClassIdle, "idle"},
		{replay.ClassUnknown, "not known"},
	} {
		ns := c.Time[x.class]
		always := x.class == replay.ClassForeign || x.class == replay.ClassIdle || x.class == replay.ClassUnknown
		if ns == 0 && !always {
			continue
		}
		name := x.name
		if x.class == replay.ClassOwner && c.Owner != nil {
			name = "owner, " + say.TaskName(*c.Owner)
		}
		t.Rows = append(t.Rows, []string{name, say.Duration(ns), say.Percent(ns, c.WindowNS)})
	}
	return t
}

func othersTable(c *findings.CPU) *table {
	if len(c.Others) == 0 {
		return nil
	}
	list := slices.Clone(c.Others)
	slices.SortStableFunc(list, func(a, b replay.OtherTask) int {
		return cmp.Or(cmp.Compare(b.RunNS, a.RunNS), cmp.Compare(a.Task.PID, b.Task.PID))
	})
	t := &table{
		Caption: "Tasks that belong on the CPU or made the recording: not counted as intruders",
		Cols:    []col{{Name: "Task"}, {Name: "What it is"}, {Name: "Runs", Num: true}, {Name: "Time", Num: true}},
	}
	for i, o := range list {
		if i == maxTaskRows {
			t.Note = fmt.Sprintf("And %s.", say.Counted(int64(len(list)-i), "more task"))
			break
		}
		t.Rows = append(t.Rows, []string{say.TaskName(o.Task), o.Class.String(), say.Count(o.Runs), say.Duration(o.RunNS)})
	}
	return t
}

// entriesWorstFirst are the stays that began with a wakeup, the main one first.
func entriesWorstFirst(c *findings.CPU) []*replay.Stay {
	var list []*replay.Stay
	for _, s := range c.Stays {
		if s.Entry != nil {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b *replay.Stay) int { return cmp.Compare(b.RunNS, a.RunNS) })
	return list
}

// explain tells a decision step by step: what both kernels do alike once, then
// where they part.
func explain(res *replay.Result, e *replay.Entry) []block {
	o, p := e.Explanation.Original, e.Explanation.Patched
	same := 0
	for same < len(o) && same < len(p) && o[same].Same(&p[same]) && o[same].Fact == p[same].Fact {
		same++
	}
	ways := func(ss []place.Step) []string {
		var out []string
		for _, s := range ss {
			line := say.Code(s.Func) + ": " + say.Clean(say.Test(&s)) + " → " + say.Clean(say.Answer(&s))
			if from := say.Provenance(&s); from != "" {
				line += " (" + from + ")"
			}
			out = append(out, line)
		}
		return out
	}
	out := []block{para(fmt.Sprintf("%s at %s, wakeup %d: %s.", say.TaskName(e.Task), say.Clock(e.Time), e.N, say.WakingWords(e)))}
	if same > 0 {
		who := "Both kernels alike:"
		if same == len(o) && same == len(p) {
			who = "Both kernels do the same:"
		}
		out = append(out, para(say.Bold(who)), block{Steps: ways(o[:same])})
	}
	if same == len(o) && same == len(p) {
		return out
	}
	if res.Original != nil {
		out = append(out, para(say.Bold(say.Kernel(res.Original)+":")), block{Steps: append(ways(o[same:]), say.Conclusion(&e.Original))})
	}
	if res.Patched != nil {
		out = append(out, para(say.Bold(say.Kernel(res.Patched)+":")), block{Steps: append(ways(p[same:]), say.Conclusion(&e.Patched))})
	}
	return out
}

func staysTable(c *findings.CPU) *table {
	t := &table{
		Caption: "Stays of foreign tasks, the costliest first", Short: maxShortRows,
		Cols: []col{
			{Name: "Stay", Num: true},
			{Name: "Task"},
			{Name: "Came"},
			{Name: "Arrived", Num: true},
			{Name: "Left", Num: true},
			{Name: "Runs", Num: true},
			{Name: "Time", Num: true},
			{Name: "Wakings", Num: true},
			{Name: "Patched", Num: true},
		},
	}
	idx := make([]int, len(c.Stays))
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, func(a, b int) int { return cmp.Compare(c.Stays[b].RunNS, c.Stays[a].RunNS) })
	for n, i := range idx {
		if n == maxStayRows {
			t.Note = fmt.Sprintf("%s in stays.csv. ", say.Counted(int64(len(idx)-n), "more stay is", "more stays are"))
			break
		}
		s := c.Stays[i]
		left, leftKey, arrived := "still there", "", say.Clock(s.Arrived)
		if s.Left != parser.NoTime {
			left, leftKey = say.Clock(s.Left), key(s.Left)
		}
		if s.How == replay.CameBefore {
			arrived = "before"
		}
		t.row([]string{
			fmt.Sprint(i + 1), say.TaskName(s.Task), say.CameWords(s), arrived, left, say.Count(s.Runs), say.Sign(s.CutRuns > 0) + say.Duration(s.RunNS), say.Count(s.Wakings), say.RemainsWords(s.PatchedRunNS, s.PatchedRunMaxNS),
		}, []string{key(int64(i + 1)), "", "", key(s.Arrived), leftKey, key(s.Runs), key(s.RunNS), key(s.Wakings), key(s.PatchedRunMaxNS)})
	}
	h := &c.All
	var wakings int64
	for _, s := range c.Stays {
		wakings += s.Wakings
	}
	t.Foot = []string{"all", say.Counted(h.Stays(), "stay"), "", "", "", say.Count(h.Runs), say.Sign(h.CutRuns > 0) + say.Duration(h.NS), say.Count(wakings), say.RemainsWords(h.Remains.MinNS, h.Remains.MaxNS)}
	if c.StaysDropped > 0 {
		t.Note += fmt.Sprintf("%s beyond the first %s were counted only. ", say.Counted(c.StaysDropped, "stay"), say.Count(replay.MaxStays))
	}
	t.Note += "Wakings: while the task was on this CPU, after the entry. Patched: the run time that remains on isolated CPUs under the patched kernel."
	if c.All.CutRuns > 0 {
		t.Note += " ≥: a run was cut by the window’s edge or a gap."
	}
	return t
}

// runsTable lists the longest runs, with those of all in the last row.
func runsTable(c *findings.CPU) *table {
	t := &table{
		Caption: "The longest runs of foreign tasks", Short: maxShorterRows,
		Cols: []col{{Name: "Task"}, {Name: "From", Num: true}, {Name: "Length", Num: true}, {Name: "Stay", Num: true}, {Name: "With the patch"}},
		Note: "Every run is in intrusions.csv.",
	}
	for i := range c.LongestRuns {
		r := &c.LongestRuns[i]
		stay, stayKey := "–", ""
		if r.Stay >= 0 {
			stay = fmt.Sprint(r.Stay + 1)
			stayKey = stay
		}
		t.row([]string{say.TaskName(r.Task), say.Clock(r.Start), say.Sign(r.CutStart || r.CutEnd) + say.Duration(r.End-r.Start), stay, staysWords(r.Patched)},
			[]string{"", key(r.Start), key(r.End - r.Start), stayKey, ""})
	}
	t.Foot = []string{fmt.Sprintf("all %s", say.Counted(c.All.Runs, "run")), "", say.Sign(c.All.CutRuns > 0) + say.Duration(c.All.NS), "", ""}
	return t
}

// staysWords says what becomes of a run under the patched kernel.
func staysWords(m replay.Moved) string {
	switch m {
	case replay.MovedCertain:
		return "remains"
	case replay.MovedPossible:
		return "may remain"
	}
	return "gone"
}

func worstDelays(c *findings.CPU) *table {
	t := &table{
		Caption: "The owner’s longest delays", Short: maxShorterRows,
		Cols: []col{{Name: "Ran at", Num: true}, {Name: "sch delay", Num: true}, {Name: "Intruder on the core"}},
	}
	for i := range c.LongestDelays {
		r := &c.LongestDelays[i].Run
		t.row([]string{say.Clock(r.Start), say.Duration(r.Delay), map[bool]string{true: "yes", false: "no"}[r.Intruded]}, []string{key(r.Start), key(r.Delay), ""})
	}
	return t
}

func delayTable(c *findings.CPU) *table {
	free, intruded := c.Delays()
	if free+intruded == 0 {
		return nil
	}
	t := &table{
		Caption: fmt.Sprintf("sch delay of %s: from waking to running", plots.OwnerName(c)),
		Cols: []col{
			{Name: "The core"},
			{Name: "Wakings", Num: true},
			{Name: "Median", Num: true},
			{Name: "p90", Num: true},
			{Name: "p99", Num: true},
			{Name: "p99.9", Num: true},
			{Name: "Longest", Num: true},
		},
		Note: "A percentile is given where at least one waking lies above it.",
	}
	for i, h := range []*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded} {
		if h == nil {
			continue
		}
		row := []string{[2]string{"free of intruders", "an intruder ran before it"}[i], say.Count(h.Count())}
		for _, p := range []float64{50, 90, 99, 99.9} {
			if h.Count() == 0 || !stats.HasPercentile(p, h.Count()) {
				row = append(row, "–")
			} else {
				row = append(row, say.Duration(h.Percentile(p)))
			}
		}
		if h.Count() == 0 {
			row = append(row, "–")
		} else {
			row = append(row, say.Duration(h.Max()))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// cpuList is the overview of several isolated CPUs.
func cpuList(cpus []*findings.CPU) section {
	s := section{ID: "cpus", Title: "All isolated CPUs", Level: 2}
	t := &table{
		Caption: "The isolated CPUs looked at, the one held longest first",
		Cols: []col{
			{Name: "CPU", Num: true},
			{Name: "Owner"},
			{Name: "Entries", Num: true},
			{Name: "There before", Num: true},
			{Name: "Runs", Num: true},
			{Name: "Foreign time", Num: true},
			{Name: "Worst delay", Num: true},
		},
	}
	var rest cpumask.Mask
	for i, c := range cpus {
		if i >= maxCPURows {
			rest.Set(c.CPU)
			continue
		}
		owner, worst := "not known", "–"
		if c.Owner != nil {
			owner = say.TaskName(*c.Owner)
		}
		if free, intruded := c.Delays(); free+intruded > 0 {
			worst = say.Duration(c.Worst())
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(c.CPU), owner, say.Count(c.All.Entries.Total()), say.Count(c.All.Residents), say.Count(c.All.Runs), say.Duration(c.All.NS), worst})
	}
	if !rest.Empty() {
		t.Note = fmt.Sprintf("%s are in report.json; none of them was held longer.", say.CPUNoun(rest))
	}
	s.Blocks = []block{{Table: t}}
	return s
}

func landingSection(res *replay.Result, col *plots.Collector, figs *plots.Set) section {
	s := section{ID: "landing", Title: "Where wakeups land", Level: 2}
	for _, f := range figs.Landing {
		s.Blocks = append(s.Blocks, block{Figure: f})
	}
	if len(figs.Landing) == 0 {
		s.figure(nil, figs.NoLanding)
	}
	iso, _ := res.Isolated.Get()
	for i, l := range res.Landings {
		if i == plots.MaxLandings {
			s.Blocks = append(s.Blocks, para(fmt.Sprintf("The landings of %s are in report.json.", say.Counted(int64(len(res.Landings)-i), "more task"))))
			break
		}
		if t := landingTable(l, iso); t != nil {
			s.Blocks = append(s.Blocks, block{Table: t})
		}
	}
	if figs.Matrix != nil {
		s.Blocks = append(s.Blocks, block{Figure: figs.Matrix}, block{Table: routesTable(res, col)})
	}
	return s
}

// routesTable is the matrix in numbers: the routes onto isolated CPUs, then the
// commonest.
func routesTable(res *replay.Result, k *plots.Collector) *table {
	iso, _ := res.Isolated.Get()
	t := &table{
		Caption: "Wakeups by the CPU before and the CPU chosen, those onto isolated CPUs first", Short: maxShorterRows,
		Cols: []col{{Name: "Before", Num: true}, {Name: "Chosen", Num: true}, {Name: "Onto an isolated CPU"}, {Name: "Recorded", Num: true}, {Name: "Original", Num: true}, {Name: "Patched", Num: true}},
	}
	list := plots.SortedRoutes(res, k, 0)
	for i, r := range list {
		if i == maxRouteRows {
			t.Note = fmt.Sprintf("And %s of CPUs.", say.Counted(int64(len(list)-i), "more pair"))
			break
		}
		n := k.Routes.N[r]
		t.row([]string{fmt.Sprint(r.From), fmt.Sprint(r.To), map[bool]string{true: "yes", false: "no"}[iso.Test(int(r.To))], say.Count(n[0]), say.Count(n[1]), say.Count(n[2])},
			[]string{key(int64(r.From)), key(int64(r.To)), "", key(n[0]), key(n[1]), key(n[2])})
	}
	return t
}

func landingTable(l *replay.Landing, iso cpumask.Mask) *table {
	var used cpumask.Mask
	for _, m := range []map[int]int64{l.Recorded, l.Original, l.Patched} {
		for cpu := range m {
			used.Set(cpu)
		}
	}
	if used.Empty() {
		return nil
	}
	cpus := used.Slice()
	slices.SortStableFunc(cpus, func(a, b int) int {
		ia, ib := iso.Test(a), iso.Test(b)
		if ia != ib {
			if ia {
				return -1
			}
			return 1
		}
		return cmp.Compare(l.Recorded[b]+l.Patched[b], l.Recorded[a]+l.Patched[a])
	})
	t := &table{
		Caption: fmt.Sprintf("Where the wakeups of %s land; run time as recorded", say.TaskName(l.Task)),
		Cols:    []col{{Name: "CPU", Num: true}, {Name: "Recorded", Num: true}, {Name: "Original", Num: true}, {Name: "Patched", Num: true}, {Name: "Ran", Num: true}},
	}
	for i, cpu := range cpus {
		if i == maxLandingRows {
			t.Note = fmt.Sprintf("And %s.", say.Counted(int64(len(cpus)-i), "more CPU"))
			break
		}
		name := fmt.Sprint(cpu)
		if iso.Test(cpu) {
			name += " (isolated)"
		}
		t.Rows = append(t.Rows, []string{name, say.Count(l.Recorded[cpu]), say.Count(l.Original[cpu]), say.Count(l.Patched[cpu]), say.Duration(l.RecordedRunNS[cpu])})
	}
	return t
}

// changesSection is the patch's blast radius.
func changesSection(f *findings.Findings) section {
	res, c := f.Result, &f.Changes
	s := section{ID: "changes", Title: "What else the patch changes", Level: 2}
	if res.Patched == nil {
		return s
	}
	if !f.TopologyKnown() {
		s.Blocks = append(s.Blocks, para("What the patch changes is not known, since the machine’s topology is not."))
		return s
	}
	if res.MovedCertain+res.MovedPossible == 0 {
		s.Blocks = append(s.Blocks, para("The patch changes no wakeup of this recording."))
		return s
	}
	s.Blocks = append(s.Blocks, para(fmt.Sprintf("Of %s placed, the patch changes %s for certain and %s possibly: the kernels then choose different CPUs, each in its own world.",
		say.Counted(res.Wakeups, "wakeup"), say.Count(res.MovedCertain), say.Count(res.MovedPossible))))
	s.Blocks = append(s.Blocks, block{Table: effectsTable(f)})
	t := &table{
		Caption: "By task", Short: maxShortRows,
		Cols: []col{
			{Name: "Task"},
			{Name: "Certain", Num: true},
			{Name: "Possible", Num: true},
			{Name: "Leave isolation", Num: true},
			{Name: "Enter isolation", Num: true},
			{Name: "Lose an idle CPU", Num: true},
			{Name: "Gain an idle CPU", Num: true},
			{Name: "As good", Num: true},
			{Name: "Alike", Num: true},
		},
	}
	for i, m := range res.Moved {
		if i == maxTaskRows {
			t.Note = fmt.Sprintf("And %s; each changed wakeup is in wakeups.csv.", say.Counted(int64(len(res.Moved)-i), "more task"))
			break
		}
		row := []string{say.TaskName(m.Task), say.Count(m.Certain), say.Count(m.Possible)}
		keys := []string{"", key(m.Certain), key(m.Possible)}
		for e := range findings.Effects {
			var n findings.Count
			if by := c.Effects[m.Task.PID]; by != nil {
				n = by[e]
			}
			row, keys = append(row, say.Count(n.Certain+n.Possible)), append(keys, key(n.Certain+n.Possible))
		}
		t.row(row, keys)
	}
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	rows := c.Turns
	if len(rows) > 0 {
		t := &table{
			Caption: "By how the CPU is found", Short: maxShortRows,
			Cols: []col{{Name: "Original path"}, {Name: "Patched path"}, {Name: "Certain", Num: true}, {Name: "Possible", Num: true}},
		}
		for i, r := range rows {
			if i == maxTaskRows {
				break
			}
			t.row([]string{string(r.From), string(r.To), say.Count(r.Certain), say.Count(r.Possible)}, []string{"", "", key(r.Certain), key(r.Possible)})
		}
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	t = &table{
		Caption: "The first changed wakeups of each kind, certain ones first", Short: maxShortRows,
		Cols: []col{{Name: "Wakeup", Num: true}, {Name: "Time", Num: true}, {Name: "Task"}, {Name: "It"}, {Name: "Sure"}, {Name: "Recorded", Num: true}, {Name: "Original"}, {Name: "Patched"}},
		Note: "All of them are in wakeups.csv.",
	}
	for i, sure := range [2]*[findings.Effects][]findings.Example{&c.Certain, &c.Possible} {
		for e := range findings.Effects {
			what, _ := say.Effect(e)
			for _, x := range sure[e] {
				t.row([]string{say.Count(x.N), say.Clock(x.Time), say.TaskName(x.Task), what, [2]string{"certain", "possible"}[i], say.CPUOr(x.Recorded), say.CPUPath(x.From, x.Turn.From), say.CPUPath(x.To, x.Turn.To)},
					[]string{key(x.N), key(x.Time), "", "", "", key(int64(x.Recorded)), "", ""})
			}
		}
	}
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	return s
}

// effectsTable says what the changes mean, for the intruders and for others.
func effectsTable(f *findings.Findings) *table {
	t := &table{
		Caption: "What the changes mean, good and bad",
		Cols:    []col{{Name: "The wakeup"}, {Name: "That is"}, {Name: "Intruders’, certain", Num: true}, {Name: "possible", Num: true}, {Name: "Others’, certain", Num: true}, {Name: "possible", Num: true}},
		Note:    "An idle CPU is lost or gained as the model finds it; how long the task then waits is not computed.",
	}
	intruder := map[int32]bool{}
	for _, k := range f.CPUs {
		for _, h := range k.Tasks {
			intruder[h.Task.PID] = true
		}
	}
	var sum [findings.Effects][2]findings.Count
	for pid, by := range f.Changes.Effects {
		i := 1
		if intruder[pid] {
			i = 0
		}
		for e, n := range by {
			sum[e][i].Certain += n.Certain
			sum[e][i].Possible += n.Possible
		}
	}
	for e := range findings.Effects {
		what, judged := say.Effect(e)
		n := &sum[e]
		t.Rows = append(t.Rows, []string{what, judged, say.Count(n[0].Certain), say.Count(n[0].Possible), say.Count(n[1].Certain), say.Count(n[1].Possible)})
	}
	return t
}

func fidelitySection(f *findings.Findings) section {
	s := section{ID: "fidelity", Title: "How well the model fits", Level: 2}
	s.Blocks = append(s.Blocks, para(say.Fidelity(f)))
	if len(f.Fidelity.Paths) == 0 || f.Fidelity.Decisions == f.Fidelity.Unjudged {
		return s
	}
	t := &table{
		Caption: "The model of the original kernel against the CPUs recorded, by predicted path",
		Cols:    []col{{Name: "Path"}, {Name: "Decisions", Num: true}, {Name: "Exact", Num: true}, {Name: "Covered", Num: true}},
		Note:    "Exact: the prediction is the recorded CPU. Covered: the recorded CPU is among those held possible.",
	}
	for _, p := range f.Fidelity.Paths {
		t.Rows = append(t.Rows, []string{string(p.Path), say.Count(p.Decisions), say.Percent(p.Exact, p.Decisions), say.Percent(p.Covered, p.Decisions)})
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	return s
}

// provenances are the ways to know something, the surest first.
var provenances = []string{
	fact.Observed.String(), fact.Reconstructed.String(), fact.Estimated.String(), fact.Assumed.String(), fact.Unknown.String(),
}

// factsSection lists what the report stands on, by how it is known.
func factsSection(f *findings.Findings) section {
	res, cpus := f.Result, f.CPUs
	s := section{ID: "facts", Title: "What this stands on", Level: 2}
	t := &table{Caption: "Facts and how they are known", Cols: []col{{Name: "Fact"}, {Name: "Value"}, {Name: "Known"}, {Name: "From"}}}
	row := func(name, value string, from fact.Provenance, source string) {
		if from == fact.Unknown {
			value = "–"
		}
		if source == "" {
			source = "–"
		}
		t.Rows = append(t.Rows, []string{name, value, from.String(), say.Clean(source)})
	}
	if h := res.Host; h != nil {
		row("kernel release", say.Clean(h.Release.Value), h.Release.From, h.Release.Source)
		row("isolated CPUs", say.MaskWords(h.Isolated.Value), res.Isolated.From, res.Isolated.Source)
		row("CPUs possible", say.MaskWords(h.Possible.Value), h.Possible.From, h.Possible.Source)
		n, from := 0, fact.Unknown
		for _, c := range h.CPU {
			if c.Known {
				n++
				from = fact.Observed
			}
		}
		row("topology and caches", "of "+say.Counted(int64(n), "CPU"), from, "")
	}
	if res.Original != nil {
		row("rules of the recorded kernel", say.Kernel(f.Recorded()), res.KernelsFrom, "")
	}
	for i, c := range cpus {
		if i == maxTaskRows {
			break
		}
		if c.Owner != nil {
			row(fmt.Sprintf("owner of CPU %d", c.CPU), say.TaskName(*c.Owner), c.OwnerFrom, "")
		} else {
			row(fmt.Sprintf("owner of CPU %d", c.CPU), "", fact.Unknown, "")
		}
	}
	if !res.Recorded.Empty() {
		row("who ran when, sch delays", "events of "+say.CPUNoun(res.Recorded), fact.Observed, "the capture")
	}
	row("idleness, queue lengths, prev_cpu", "of every CPU recorded", fact.Reconstructed, "the events")
	if f.Fidelity.Judged() > 0 { // else the model asked for none
		row("load averages, scan budget", "inside a margin", fact.Estimated, "the events")
	}
	slices.SortStableFunc(t.Rows, func(a, b []string) int {
		return cmp.Compare(slices.Index(provenances, a[2]), slices.Index(provenances, b[2]))
	})
	s.Blocks = append(s.Blocks, para("Observed: the capture or the host says so. Reconstructed: follows from events by the kernel’s own rules. "+
		"Estimated: computed with a margin. Assumed: a default or a rule of thumb. Unknown: the answer is split into everything possible."), block{Table: t})
	if all := say.Notes(res); len(all) > 0 {
		var notes []string
		for _, n := range all {
			notes = append(notes, say.Clean(n))
		}
		s.Blocks = append(s.Blocks, block{List: notes})
	}
	return s
}

// captureName is the input's name without its folder.
func captureName(m *parser.Meta) string {
	if m.Name == "-" || m.Name == "" {
		return "standard input"
	}
	return say.Clean(filepath.Base(m.Name))
}

// madeSection says how the report was made, so that it can be made again.
func madeSection(f *findings.Findings, o *Options) section {
	res := f.Result
	s := section{ID: "made", Title: "How this was made", Level: 2}
	t := &table{Caption: "Program, input and what was read", Cols: []col{{Name: "What"}, {Name: "Value"}}}
	row := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	row("program", say.Clean(o.Program))
	if o.Command != "" {
		row("command", say.Code(o.Command))
	}
	if m := res.Meta; m != nil {
		row("capture", captureName(m))
		if o.Checksum != "" {
			row("SHA-256", say.Code(o.Checksum))
		}
		dialect := string(m.Dialect)
		if m.Confidence != "" {
			dialect += ", by " + m.Confidence
		}
		row("format", say.Clean(dialect))
		clk := m.Clock.Name
		if clk == "" {
			clk = "not named"
		}
		row("clock", say.Clean(clk))
	}
	row("window", fmt.Sprintf("%s to %s (%s)", say.Clock(res.Start), say.Clock(res.End), say.Duration(res.End-res.Start)))
	if !res.Recorded.Empty() {
		row("CPUs with events", res.Recorded.String())
	}
	var kinds []parser.Kind
	for k := range res.Events {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		row(k.String()+" events", say.Count(res.Events[k]))
	}
	row("wakeups placed", say.Count(res.Wakeups))
	lost := say.Count(res.Lost)
	if res.LostUnknown > 0 {
		lost += fmt.Sprintf(", and an unknown number in %s", say.Counted(res.LostUnknown, "place"))
	}
	row("events lost", lost)
	row("events overwritten", say.Count(res.Overwritten))
	row("holes no loss explains", say.Count(res.Holes))
	row("damaged pieces", say.Count(res.Damaged))
	balancer := say.Count(res.BalancerMoves)
	if res.BalancerIgnored > 0 {
		balancer += fmt.Sprintf(", of which the patched world ignored %s, of tasks that had diverged", say.Count(res.BalancerIgnored))
	}
	row("migrations outside wakeups", balancer)
	if res.Original != nil {
		row("original kernel", fmt.Sprintf("%s, rules of %s", say.Kernel(res.Original), res.Original.Row))
	}
	if res.Patched != nil {
		v := fmt.Sprintf("%s, rules of %s", say.Kernel(res.Patched), res.Patched.Row)
		if more := f.Fix.Adds; len(more) > 0 {
			v += "; has in addition " + say.FixNames(more)
		}
		if fewer := f.Fix.Drops; len(fewer) > 0 {
			v += "; lacks " + say.FixNames(fewer)
		}
		row("patched kernel", v)
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	if res.Meta != nil && len(res.Meta.Notes) > 0 {
		var notes []string
		for _, n := range res.Meta.Notes {
			notes = append(notes, say.Clean(withoutPath(n, res.Meta)))
		}
		s.Blocks = append(s.Blocks, block{List: notes})
	}
	return s
}
