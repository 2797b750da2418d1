package plots

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
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// document is the report before it takes a format.
type document struct {
	Title     string
	Headlines []string
	// Partial says that the input was damaged; empty if it was not.
	Partial string
	// Brief is the verdict in three sentences, Verdict in full.
	Brief    []string
	Verdict  []finding
	Key      []keyNumber
	Lead     *figure // on the first page
	Sections []section
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
	Figure *figure
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
func compose(res *replay.Result, col *collector, o *Options, cpus []*cpuSummary, figs *figureSet) *document {
	d := &document{
		Title: "Who ran on the isolated CPUs", Brief: brief(res, cpus), Verdict: verdict(res, cpus), Key: keyNumbers(res, cpus),
	}
	if len(cpus) == 1 {
		d.Title = fmt.Sprintf("Who ran on isolated CPU %d", cpus[0].CPU)
	} else if iso, ok := res.Isolated.Get(); ok && iso.Empty() || !ok {
		d.Title = "Where the kernel put the tasks"
	}
	for _, h := range res.Headline {
		d.Headlines = append(d.Headlines, clean(h))
	}
	if res.Partial != nil {
		d.Partial = fmt.Sprintf("The capture could not be read to its end; everything here is about the %s before that place. Reason: %s",
			duration(res.End-res.Start), clean(withoutPath(messageOf(res.Partial), res.Meta)))
	}
	if len(cpus) > 0 {
		if f := figs.cpu[cpus[0].CPU]; f != nil {
			d.Lead = f.strip
		}
	}
	if f := unknownFinding(res); f.Text != "" {
		d.Verdict = append(d.Verdict, f)
	}
	for i, c := range cpus {
		if i == maxSections || i > 0 && c.all.stays() == 0 {
			break
		}
		d.add(cpuSections(res, c, figs.cpu[c.CPU], i == 0, col.cpus[c.CPU])...)
	}
	if len(cpus) > 1 {
		d.add(cpuList(cpus))
	}
	d.add(landingSection(res, col, figs), changesSection(res, col, cpus), fidelitySection(res), factsSection(res, cpus), unknownSection(res), machineSection(figs), madeSection(res, o))
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

// unknownFinding names what is not known in a sentence of the verdict.
func unknownFinding(res *replay.Result) finding {
	var what []string
	for _, u := range res.Unknown {
		what = append(what, strings.TrimSuffix(clean(u.What), "."))
	}
	if len(what) == 0 {
		return finding{}
	}
	for i := range what {
		what[i] = lower(what[i])
		if i == 0 {
			what[i] = strings.TrimSuffix(sentence(what[i]), ".")
		}
	}
	return finding{"Not known", strings.Join(what, "; ") + ". What each costs is told further down."}
}

// machineSection draws the machine.
func machineSection(figs *figureSet) section {
	s := section{ID: "machine", Title: "The machine", Level: 2}
	s.figure(figs.topology, figs.noTopology)
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
		line := bold(strings.TrimSuffix(sentence(clean(u.What)), ".")+":") + " " + clean(u.Cost) + "."
		if u.Remedy != "" {
			line += " " + sentence(clean(u.Remedy))
		}
		list = append(list, line)
	}
	s.Blocks = append(s.Blocks, block{List: list})
	return s
}

// cpuSections tells everything about one isolated CPU.
func cpuSections(res *replay.Result, c *cpuSummary, f *cpuFigures, first bool, t *cpuTrack) []section {
	id := func(s string) string { return fmt.Sprintf("cpu%d%s", c.CPU, s) }
	head := section{ID: id(""), Title: fmt.Sprintf("CPU %d", c.CPU), Level: 2}
	if !first {
		about(res, c, func(label string, sentences ...string) {
			var list []string
			for _, x := range sentences {
				if x != "" {
					list = append(list, sentence(x))
				}
			}
			if len(list) > 0 {
				head.Blocks = append(head.Blocks, para(bold(label+".")+" "+strings.Join(list, " ")))
			}
		})
		head.Blocks = append([]block{para(sentence(whatHeld(c)))}, head.Blocks...)
		if f != nil && f.strip != nil {
			head.Blocks = append(head.Blocks, block{Figure: f.strip})
		}
	}
	head.Blocks = append(head.Blocks, block{Table: timeTable(c)})
	if others := othersTable(c); others != nil {
		head.Blocks = append(head.Blocks, block{Table: others})
	}
	out := []section{head}

	entry := section{ID: id("-entry"), Title: "How the entry happened", Level: 3}
	if f != nil {
		entry.figure(f.entry, f.noEntry)
	}
	// The main entry, and others that came by another way.
	told := map[turn]bool{}
	for _, st := range entriesWorstFirst(c) {
		way := turn{st.Entry.Path, st.Entry.Patched.Path}
		if st.Entry.Explanation == nil || told[way] {
			continue
		}
		if told[way] = true; len(told) > maxEntrySteps {
			break
		}
		entry.Blocks = append(entry.Blocks, explain(res, st.Entry)...)
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
		if t != nil && len(t.longest) > 1 {
			stays.Blocks = append(stays.Blocks, block{Table: runsTable(c, t)})
		}
		if f != nil {
			stays.figure(f.runs, f.noRuns)
		}
		out = append(out, stays)
	}

	delay := section{ID: id("-delay"), Title: "The owner’s sch delay", Level: 3}
	if tb := delayTable(c); tb != nil {
		delay.Blocks = append(delay.Blocks, block{Table: tb})
	}
	if f != nil {
		delay.figure(f.delayTime, f.noDelay)
		if f.delayTime != nil {
			delay.figure(f.delayCDF, f.noDelay)
		}
		delay.figure(f.delayHeat, "")
	}
	if t != nil && len(t.delays) > 1 {
		delay.Blocks = append(delay.Blocks, block{Table: worstDelays(t)})
	}
	return append(out, delay)
}

// figure adds a figure, or the sentence that stands in for it.
func (s *section) figure(f *figure, why string) {
	switch {
	case f != nil:
		s.Blocks = append(s.Blocks, block{Figure: f})
	case why != "":
		s.Blocks = append(s.Blocks, para(why))
	}
}

func timeTable(c *cpuSummary) *table {
	t := &table{
		Caption: fmt.Sprintf("Time on CPU %d over the %s recorded", c.CPU, duration(c.window)),
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
			name = "owner, " + task(*c.Owner)
		}
		t.Rows = append(t.Rows, []string{name, duration(ns), percent(ns, c.window)})
	}
	return t
}

func othersTable(c *cpuSummary) *table {
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
			t.Note = fmt.Sprintf("And %s.", counted(int64(len(list)-i), "more task"))
			break
		}
		t.Rows = append(t.Rows, []string{task(o.Task), o.Class.String(), count(o.Runs), duration(o.RunNS)})
	}
	return t
}

// entriesWorstFirst are the stays that began with a wakeup, the main one first.
func entriesWorstFirst(c *cpuSummary) []*replay.Stay {
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
	for same < len(o) && same < len(p) && o[same] == p[same] {
		same++
	}
	ways := func(ss []place.Step) []string {
		var out []string
		for _, s := range ss {
			line := code(s.Func) + ": " + clean(s.Test) + " → " + clean(s.Answer)
			if s.Fact != (explore.Answer{}) {
				from := s.Fact.From.String()
				if s.Fact.Open {
					from += ", may be otherwise"
				}
				line += " (" + from + ")"
			}
			out = append(out, line)
		}
		return out
	}
	out := []block{para(fmt.Sprintf("%s at %s, wakeup %d: %s.", task(e.Task), clock(e.Time), e.N, wakingWords(e)))}
	if same > 0 {
		who := "Both kernels alike:"
		if same == len(o) && same == len(p) {
			who = "Both kernels do the same:"
		}
		out = append(out, para(bold(who)), block{Steps: ways(o[:same])})
	}
	if same == len(o) && same == len(p) {
		return out
	}
	if res.Original != nil {
		out = append(out, para(bold(clean(res.Original.Name)+":")), block{Steps: append(ways(o[same:]), conclusion(&e.Original))})
	}
	if res.Patched != nil {
		out = append(out, para(bold(clean(res.Patched.Name)+":")), block{Steps: append(ways(p[same:]), conclusion(&e.Patched))})
	}
	return out
}

func conclusion(p *replay.Placed) string {
	if p.CPU < 0 {
		return "no prediction"
	}
	s := fmt.Sprintf("CPU %d, path %s", p.CPU, p.Path)
	if p.Bounded && p.Possible.Weight() > 1 {
		s += fmt.Sprintf("; possible: %s", cpuNoun(p.Possible))
	}
	return bold(s)
}

// cameWords says how a stay began, for a table.
func cameWords(s *replay.Stay) string {
	switch s.How {
	case replay.CameByWakeup:
		if s.Entry != nil && s.Entry.Path != "" && explained(&s.Entry.Wakeup) {
			return fmt.Sprintf("%s%s", s.Entry.Path, fromCPU(s.FromCPU))
		}
		return "wakeup" + fromCPU(s.FromCPU)
	case replay.CameByMigration:
		return "moved" + fromCPU(s.FromCPU)
	case replay.CameBefore:
		return "there before"
	}
	return "not seen"
}

func remainsWords(min, max int64) string {
	switch {
	case max < min || min == max:
		return duration(min)
	case min == 0:
		return "0 to " + duration(max)
	}
	return duration(min) + " to " + duration(max)
}

func staysTable(c *cpuSummary) *table {
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
			t.Note = fmt.Sprintf("%s in stays.csv. ", counted(int64(len(idx)-n), "more stay is", "more stays are"))
			break
		}
		s := c.Stays[i]
		left, leftKey, arrived := "still there", "", clock(s.Arrived)
		if s.Left != parser.NoTime {
			left, leftKey = clock(s.Left), key(s.Left)
		}
		if s.How == replay.CameBefore {
			arrived = "before"
		}
		t.row([]string{
			fmt.Sprint(i + 1), task(s.Task), cameWords(s), arrived, left, count(s.Runs), sign(s.CutRuns > 0) + duration(s.RunNS), count(s.Wakings), remainsWords(s.PatchedRunNS, s.PatchedRunMaxNS),
		}, []string{key(int64(i + 1)), "", "", key(s.Arrived), leftKey, key(s.Runs), key(s.RunNS), key(s.Wakings), key(s.PatchedRunMaxNS)})
	}
	h := &c.all
	var wakings int64
	for _, s := range c.Stays {
		wakings += s.Wakings
	}
	t.Foot = []string{"all", counted(h.stays(), "stay"), "", "", "", count(h.runs), sign(h.cut > 0) + duration(h.ns), count(wakings), remainsWords(h.patched, h.patchedMax)}
	if c.StaysDropped > 0 {
		t.Note += fmt.Sprintf("%s beyond the first %s were counted only. ", counted(c.StaysDropped, "stay"), count(replay.MaxStays))
	}
	t.Note += "Wakings: while the task was on this CPU, after the entry. Patched: the run time that remains on isolated CPUs under the patched kernel."
	if c.all.cut > 0 {
		t.Note += " ≥: a run was cut by the window’s edge or a gap."
	}
	return t
}

// sign stands before a length that is a lower bound.
func sign(atLeast bool) string {
	if atLeast {
		return "≥ "
	}
	return ""
}

// runsTable lists the longest runs, with those of all in the last row.
func runsTable(c *cpuSummary, k *cpuTrack) *table {
	t := &table{
		Caption: "The longest runs of foreign tasks", Short: maxShorterRows,
		Cols: []col{{Name: "Task"}, {Name: "From", Num: true}, {Name: "Length", Num: true}, {Name: "Stay", Num: true}, {Name: "With the patch"}},
		Note: "Every run is in intrusions.csv.",
	}
	for i := range k.longest {
		r := &k.longest[i]
		stay, stayKey := "–", ""
		if r.Stay >= 0 {
			stay = fmt.Sprint(r.Stay + 1)
			stayKey = stay
		}
		t.row([]string{task(r.Task), clock(r.Start), sign(r.CutStart || r.CutEnd) + duration(r.End-r.Start), stay, staysWords(r.Patched)},
			[]string{"", key(r.Start), key(r.End - r.Start), stayKey, ""})
	}
	t.Foot = []string{fmt.Sprintf("all %s", counted(c.all.runs, "run")), "", sign(c.all.cut > 0) + duration(c.all.ns), "", ""}
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

func worstDelays(k *cpuTrack) *table {
	t := &table{
		Caption: "The owner’s longest delays", Short: maxShorterRows,
		Cols: []col{{Name: "Ran at", Num: true}, {Name: "sch delay", Num: true}, {Name: "Intruder on the core"}},
	}
	for i := range k.delays {
		r := &k.delays[i]
		t.row([]string{clock(r.Start), duration(r.Delay), map[bool]string{true: "yes", false: "no"}[r.Intruded]}, []string{key(r.Start), key(r.Delay), ""})
	}
	return t
}

func delayTable(c *cpuSummary) *table {
	free, intruded := c.delays()
	if free+intruded == 0 {
		return nil
	}
	t := &table{
		Caption: fmt.Sprintf("sch delay of %s: from waking to running", ownerName(c)),
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
		row := []string{[2]string{"free of intruders", "an intruder ran before it"}[i], count(h.Count())}
		for _, p := range []float64{50, 90, 99, 99.9} {
			if h.Count() == 0 || !hasPercentile(p, h.Count()) {
				row = append(row, "–")
			} else {
				row = append(row, duration(h.Percentile(p)))
			}
		}
		if h.Count() == 0 {
			row = append(row, "–")
		} else {
			row = append(row, duration(h.Max()))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// cpuList is the overview of several isolated CPUs.
func cpuList(cpus []*cpuSummary) section {
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
			owner = task(*c.Owner)
		}
		if free, intruded := c.delays(); free+intruded > 0 {
			worst = duration(c.worst())
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(c.CPU), owner, count(c.all.entries()), count(c.all.residents), count(c.all.runs), duration(c.all.ns), worst})
	}
	if !rest.Empty() {
		t.Note = fmt.Sprintf("%s are in report.json; none of them was held longer.", cpuNoun(rest))
	}
	s.Blocks = []block{{Table: t}}
	return s
}

func landingSection(res *replay.Result, col *collector, figs *figureSet) section {
	s := section{ID: "landing", Title: "Where wakeups land", Level: 2}
	for _, f := range figs.landing {
		s.Blocks = append(s.Blocks, block{Figure: f})
	}
	if len(figs.landing) == 0 {
		s.figure(nil, figs.noLanding)
	}
	iso, _ := res.Isolated.Get()
	for i, l := range res.Landings {
		if i == maxLandings {
			s.Blocks = append(s.Blocks, para(fmt.Sprintf("The landings of %s are in report.json.", counted(int64(len(res.Landings)-i), "more task"))))
			break
		}
		if t := landingTable(l, iso); t != nil {
			s.Blocks = append(s.Blocks, block{Table: t})
		}
	}
	if figs.matrix != nil {
		s.Blocks = append(s.Blocks, block{Figure: figs.matrix}, block{Table: routesTable(res, col)})
	}
	return s
}

// routesTable is the matrix in numbers: the routes onto isolated CPUs, then the
// commonest.
func routesTable(res *replay.Result, k *collector) *table {
	iso, _ := res.Isolated.Get()
	t := &table{
		Caption: "Wakeups by the CPU before and the CPU chosen, those onto isolated CPUs first", Short: maxShorterRows,
		Cols: []col{{Name: "Before", Num: true}, {Name: "Chosen", Num: true}, {Name: "Onto an isolated CPU"}, {Name: "Recorded", Num: true}, {Name: "Original", Num: true}, {Name: "Patched", Num: true}},
	}
	list := sortedRoutes(res, k, 0)
	for i, r := range list {
		if i == maxRouteRows {
			t.Note = fmt.Sprintf("And %s of CPUs.", counted(int64(len(list)-i), "more pair"))
			break
		}
		n := k.routes.n[r]
		t.row([]string{fmt.Sprint(r.from), fmt.Sprint(r.to), map[bool]string{true: "yes", false: "no"}[iso.Test(int(r.to))], count(n[0]), count(n[1]), count(n[2])},
			[]string{key(int64(r.from)), key(int64(r.to)), "", key(n[0]), key(n[1]), key(n[2])})
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
		Caption: fmt.Sprintf("Where the wakeups of %s land; run time as recorded", task(l.Task)),
		Cols:    []col{{Name: "CPU", Num: true}, {Name: "Recorded", Num: true}, {Name: "Original", Num: true}, {Name: "Patched", Num: true}, {Name: "Ran", Num: true}},
	}
	for i, cpu := range cpus {
		if i == maxLandingRows {
			t.Note = fmt.Sprintf("And %s.", counted(int64(len(cpus)-i), "more CPU"))
			break
		}
		name := fmt.Sprint(cpu)
		if iso.Test(cpu) {
			name += " (isolated)"
		}
		t.Rows = append(t.Rows, []string{name, count(l.Recorded[cpu]), count(l.Original[cpu]), count(l.Patched[cpu]), duration(l.RecordedRunNS[cpu])})
	}
	return t
}

// changesSection is the patch's blast radius.
func changesSection(res *replay.Result, c *collector, cpus []*cpuSummary) section {
	s := section{ID: "changes", Title: "What else the patch changes", Level: 2}
	if res.Patched == nil {
		return s
	}
	if !topologyKnown(res) {
		s.Blocks = append(s.Blocks, para("What the patch changes is not known, since the machine’s topology is not."))
		return s
	}
	if res.MovedCertain+res.MovedPossible == 0 {
		s.Blocks = append(s.Blocks, para("The patch changes no wakeup of this recording."))
		return s
	}
	s.Blocks = append(s.Blocks, para(fmt.Sprintf("Of %s placed, the patch changes %s for certain and %s possibly: the kernels then choose different CPUs, each in its own world.",
		counted(res.Wakeups, "wakeup"), count(res.MovedCertain), count(res.MovedPossible))))
	s.Blocks = append(s.Blocks, block{Table: effectsTable(c, cpus)})
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
			t.Note = fmt.Sprintf("And %s; each changed wakeup is in wakeups.csv.", counted(int64(len(res.Moved)-i), "more task"))
			break
		}
		row := []string{task(m.Task), count(m.Certain), count(m.Possible)}
		keys := []string{"", key(m.Certain), key(m.Possible)}
		for e := range effects {
			var n turnCount
			if by := c.effects[m.Task.PID]; by != nil {
				n = by[e]
			}
			row, keys = append(row, count(n.certain+n.possible)), append(keys, key(n.certain+n.possible))
		}
		t.row(row, keys)
	}
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	rows := c.sortedTurns()
	if len(rows) > 0 {
		t := &table{
			Caption: "By how the CPU is found", Short: maxShortRows,
			Cols: []col{{Name: "Original path"}, {Name: "Patched path"}, {Name: "Certain", Num: true}, {Name: "Possible", Num: true}},
		}
		for i, r := range rows {
			if i == maxTaskRows {
				break
			}
			t.row([]string{string(r.from), string(r.to), count(r.certain), count(r.possible)}, []string{"", "", key(r.certain), key(r.possible)})
		}
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	t = &table{
		Caption: "The first changed wakeups of each kind, certain ones first", Short: maxShortRows,
		Cols: []col{{Name: "Wakeup", Num: true}, {Name: "Time", Num: true}, {Name: "Task"}, {Name: "It"}, {Name: "Sure"}, {Name: "Recorded", Num: true}, {Name: "Original"}, {Name: "Patched"}},
		Note: "All of them are in wakeups.csv.",
	}
	for i, sure := range [2]*[effects][]example{&c.certain, &c.possible} {
		for e := range effects {
			what, _ := e.words()
			for _, x := range sure[e] {
				t.row([]string{count(x.n), clock(x.time), task(x.task), what, [2]string{"certain", "possible"}[i], cpuOr(x.recorded), cpuPath(x.from, x.pathFrom), cpuPath(x.to, x.pathTo)},
					[]string{key(x.n), key(x.time), "", "", "", key(int64(x.recorded)), "", ""})
			}
		}
	}
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
	return s
}

// effectsTable says what the changes mean, for the intruders and for others.
func effectsTable(c *collector, cpus []*cpuSummary) *table {
	t := &table{
		Caption: "What the changes mean, good and bad",
		Cols:    []col{{Name: "The wakeup"}, {Name: "That is"}, {Name: "Intruders’, certain", Num: true}, {Name: "possible", Num: true}, {Name: "Others’, certain", Num: true}, {Name: "possible", Num: true}},
		Note:    "An idle CPU is lost or gained as the model finds it; how long the task then waits is not computed.",
	}
	intruder := map[int32]bool{}
	for _, k := range cpus {
		for _, h := range k.tasks {
			intruder[h.task.PID] = true
		}
	}
	var sum [effects][2]turnCount
	for pid, by := range c.effects {
		i := 1
		if intruder[pid] {
			i = 0
		}
		for e, n := range by {
			sum[e][i].certain += n.certain
			sum[e][i].possible += n.possible
		}
	}
	for e := range effects {
		what, judged := e.words()
		n := &sum[e]
		t.Rows = append(t.Rows, []string{what, judged, count(n[0].certain), count(n[0].possible), count(n[1].certain), count(n[1].possible)})
	}
	return t
}

func cpuOr(cpu int) string {
	if cpu < 0 {
		return "not known"
	}
	return fmt.Sprint(cpu)
}

func cpuPath(cpu int, p place.Path) string {
	if cpu < 0 {
		return "not known"
	}
	return fmt.Sprintf("%d by %s", cpu, p)
}

func fidelitySection(res *replay.Result) section {
	s := section{ID: "fidelity", Title: "How well the model fits", Level: 2}
	s.Blocks = append(s.Blocks, para(sentence(fidelityWords(res))))
	f := &res.Fidelity
	if len(f.Paths) == 0 || f.Decisions == f.Unjudged {
		return s
	}
	t := &table{
		Caption: "The model of the original kernel against the CPUs recorded, by predicted path",
		Cols:    []col{{Name: "Path"}, {Name: "Decisions", Num: true}, {Name: "Exact", Num: true}, {Name: "Covered", Num: true}},
		Note:    "Exact: the prediction is the recorded CPU. Covered: the recorded CPU is among those held possible.",
	}
	for _, p := range f.Paths {
		t.Rows = append(t.Rows, []string{string(p.Path), count(p.Decisions), percent(p.Exact, p.Decisions), percent(p.Covered, p.Decisions)})
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	return s
}

// provenances are the ways to know something, the surest first.
var provenances = []string{
	fact.Observed.String(), fact.Reconstructed.String(), fact.Estimated.String(), fact.Assumed.String(), fact.Unknown.String(),
}

// factsSection lists what the report stands on, by how it is known.
func factsSection(res *replay.Result, cpus []*cpuSummary) section {
	s := section{ID: "facts", Title: "What this stands on", Level: 2}
	t := &table{Caption: "Facts and how they are known", Cols: []col{{Name: "Fact"}, {Name: "Value"}, {Name: "Known"}, {Name: "From"}}}
	row := func(name, value string, from fact.Provenance, source string) {
		if from == fact.Unknown {
			value = "–"
		}
		if source == "" {
			source = "–"
		}
		t.Rows = append(t.Rows, []string{name, value, from.String(), clean(source)})
	}
	if h := res.Host; h != nil {
		row("kernel release", clean(h.Release.Value), h.Release.From, h.Release.Source)
		row("isolated CPUs", maskWords(h.Isolated.Value), res.Isolated.From, res.Isolated.Source)
		row("CPUs possible", maskWords(h.Possible.Value), h.Possible.From, h.Possible.Source)
		n, from := 0, fact.Unknown
		for _, c := range h.CPU {
			if c.Known {
				n++
				from = fact.Observed
			}
		}
		row("topology and caches", "of "+counted(int64(n), "CPU"), from, "")
	}
	if res.Original != nil {
		row("rules of the original kernel", clean(res.Original.Name), res.KernelsFrom, "")
	}
	for i, c := range cpus {
		if i == maxTaskRows {
			break
		}
		if c.Owner != nil {
			row(fmt.Sprintf("owner of CPU %d", c.CPU), task(*c.Owner), c.OwnerFrom, "")
		} else {
			row(fmt.Sprintf("owner of CPU %d", c.CPU), "", fact.Unknown, "")
		}
	}
	if !res.Recorded.Empty() {
		row("who ran when, sch delays", "events of "+cpuNoun(res.Recorded), fact.Observed, "the capture")
	}
	row("idleness, queue lengths, prev_cpu", "of every CPU recorded", fact.Reconstructed, "the events")
	row("load averages, scan budget", "inside a margin", fact.Estimated, "the events")
	slices.SortStableFunc(t.Rows, func(a, b []string) int {
		return cmp.Compare(slices.Index(provenances, a[2]), slices.Index(provenances, b[2]))
	})
	s.Blocks = append(s.Blocks, para("Observed: the capture or the host says so. Reconstructed: follows from events by the kernel’s own rules. "+
		"Estimated: computed with a margin. Assumed: a default or a rule of thumb. Unknown: the answer is split into everything possible."), block{Table: t})
	if len(res.Notes) > 0 {
		var notes []string
		for _, n := range res.Notes {
			notes = append(notes, clean(n))
		}
		s.Blocks = append(s.Blocks, block{List: notes})
	}
	return s
}

func maskWords(m cpumask.Mask) string {
	if m.Empty() {
		return "none"
	}
	return m.String()
}

// captureName is the input's name without its folder.
func captureName(m *parser.Meta) string {
	if m.Name == "-" || m.Name == "" {
		return "standard input"
	}
	return clean(filepath.Base(m.Name))
}

// madeSection says how the report was made, so that it can be made again.
func madeSection(res *replay.Result, o *Options) section {
	s := section{ID: "made", Title: "How this was made", Level: 2}
	t := &table{Caption: "Program, input and what was read", Cols: []col{{Name: "What"}, {Name: "Value"}}}
	row := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, []string{name, value})
		}
	}
	row("program", clean(o.Program))
	if o.Command != "" {
		row("command", code(o.Command))
	}
	if m := res.Meta; m != nil {
		row("capture", captureName(m))
		if o.Checksum != "" {
			row("SHA-256", code(o.Checksum))
		}
		dialect := string(m.Dialect)
		if m.Confidence != "" {
			dialect += ", by " + m.Confidence
		}
		row("format", clean(dialect))
		clk := m.Clock.Name
		if clk == "" {
			clk = "not named"
		}
		row("clock", clean(clk))
	}
	row("window", fmt.Sprintf("%s to %s (%s)", clock(res.Start), clock(res.End), duration(res.End-res.Start)))
	if !res.Recorded.Empty() {
		row("CPUs with events", res.Recorded.String())
	}
	var kinds []parser.Kind
	for k := range res.Events {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		row(k.String()+" events", count(res.Events[k]))
	}
	row("wakeups placed", count(res.Wakeups))
	lost := count(res.Lost)
	if res.LostUnknown > 0 {
		lost += fmt.Sprintf(", and an unknown number in %s", counted(res.LostUnknown, "place"))
	}
	row("events lost", lost)
	row("events overwritten", count(res.Overwritten))
	row("holes no loss explains", count(res.Holes))
	row("damaged pieces", count(res.Damaged))
	balancer := count(res.BalancerMoves)
	if res.BalancerIgnored > 0 {
		balancer += fmt.Sprintf(", of which the patched world ignored %s, of tasks that had diverged", count(res.BalancerIgnored))
	}
	row("migrations outside wakeups", balancer)
	if res.Original != nil {
		row("original kernel", fmt.Sprintf("%s, rules of %s", clean(res.Original.Name), res.Original.Row))
	}
	if res.Patched != nil {
		v := fmt.Sprintf("%s, rules of %s", clean(res.Patched.Name), res.Patched.Row)
		if more, fewer := fixesBetween(res); len(more)+len(fewer) > 0 {
			if len(more) > 0 {
				v += "; has in addition " + fixNames(more)
			}
			if len(fewer) > 0 {
				v += "; lacks " + fixNames(fewer)
			}
		}
		row("patched kernel", v)
	}
	s.Blocks = append(s.Blocks, block{Table: t})
	if res.Meta != nil && len(res.Meta.Notes) > 0 {
		var notes []string
		for _, n := range res.Meta.Notes {
			notes = append(notes, clean(withoutPath(n, res.Meta)))
		}
		s.Blocks = append(s.Blocks, block{List: notes})
	}
	return s
}
