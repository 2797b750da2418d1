package report

import (
	"cmp"
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/plots"
	"schedreplay/replay"
	"schedreplay/stats"
)

// cpuSections tells everything about one isolated CPU.
func cpuSections(all *findings.Findings, c *findings.CPU, f *plots.CPUFigures, first bool) []section {
	id := func(s string) string { return fmt.Sprintf("cpu%d%s", c.CPU, s) }
	head := section{ID: id(""), Title: fmt.Sprintf("CPU %d", c.CPU), Level: 2}
	if !first {
		for _, p := range say.About(all, c) {
			head.text(say.Bold(p.Label+".") + " " + p.Text)
		}
		if f != nil && f.Strip != nil {
			head.figure(f.Strip, "")
		}
	}
	head.table(timeTable(c))
	head.table(othersTable(c))
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
			entry.text("The decision was not told step by step.")
		}
		out = append(out, entry)
	}

	stays := section{ID: id("-stays"), Title: "Stays", Level: 3}
	if len(c.Stays) > 0 {
		stays.table(staysTable(c))
		if len(c.LongestRuns) > 1 {
			stays.table(runsTable(c))
		}
		if f != nil {
			stays.figure(f.Runs, f.NoRuns)
		}
		out = append(out, stays)
	}

	out = append(out, noiseSection(c, f))
	for kind := range replay.WaitKinds {
		if kind == c.Kind() || c.Waits[kind].Count() > 0 {
			out = append(out, waitSection(all, c, f, kind))
		}
	}
	return out
}

// waitSection tells of the owner's waits of one kind.
func waitSection(all *findings.Findings, c *findings.CPU, f *plots.CPUFigures, kind replay.WaitKind) section {
	s := section{
		ID:    fmt.Sprintf("cpu%d%s", c.CPU, [replay.WaitKinds]string{"-delay", "-gap"}[kind]),
		Title: [replay.WaitKinds]string{"The owner’s sch delay", "The owner’s off-CPU gaps"}[kind], Level: 3,
	}
	if c.Waits[kind].Count() > 0 {
		s.table(waitTable(all, c, kind))
	}
	if f != nil {
		w := &f.Waits[kind]
		s.figure(w.Time, w.Why)
		if w.Time != nil {
			s.figure(w.Dist, w.Why)
		}
		s.figure(w.Heat, "")
		s.figure(w.Causes, "")
	}
	if c.Waits[kind].Count() > 0 {
		s.table(causesTable(c, kind))
	}
	if len(c.LongestWaits[kind]) > 1 {
		s.table(worstWaits(c, kind))
	}
	if kind == replay.SchDelay {
		s.table(chainTable(c))
	}
	return s
}

// figure adds a figure, or the sentence that stands in for it.
func (s *section) figure(f *plots.Figure, why string) {
	switch {
	case f != nil:
		s.Blocks = append(s.Blocks, block{Figure: f})
	case why != "":
		s.text(why)
	}
}

// text adds a paragraph.
func (s *section) text(t string) { s.Blocks = append(s.Blocks, para(t)) }

// table adds a table that has rows.
func (s *section) table(t *table) {
	if len(t.Rows) > 0 || t.Foot != nil {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
}

func timeTable(c *findings.CPU) *table {
	t := &table{
		Caption: fmt.Sprintf("Time on CPU %d over the %s recorded", c.CPU, say.Duration(c.WindowNS)),
		Cols:    cols("Who", "#Time", "#Share"),
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
		t.fixed(name, say.Duration(ns), say.Percent(ns, c.WindowNS))
	}
	return t
}

func othersTable(c *findings.CPU) *table {
	list := slices.Clone(c.Others)
	slices.SortStableFunc(list, func(a, b replay.OtherTask) int {
		return cmp.Or(cmp.Compare(b.RunNS, a.RunNS), cmp.Compare(a.Task.PID, b.Task.PID))
	})
	t := &table{
		Caption: "Tasks that belong on the CPU or made the recording: not counted as intruders",
		Cols:    cols("Task", "What it is", "#Runs", "#Time"),
	}
	for _, o := range capped(t, list, maxTaskRows, "And %s.", "more task") {
		t.fixed(say.TaskName(o.Task), o.Class.String(), say.Count(o.Runs), say.Duration(o.RunNS))
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

// explain tells a decision step by step: what both kernels do alike once, the test that
// decides, then what each does.
func explain(res *replay.Result, e *replay.Entry) []block {
	d := findings.EntryDecision(res, e)
	line := func(s *findings.SideStep) string {
		l := say.Code(s.Func) + ": " + say.Clean(say.Test(&s.Step)) + " → " + say.Clean(say.Answer(&s.Step))
		if who := say.Occupant(&s.Occupant, e.Time); who != "" {
			l += ", " + who
		}
		if from := say.Provenance(&s.Step); from != "" {
			l += " (" + from + ")"
		}
		return l
	}
	steps := func(list []findings.SideStep, of findings.Side) (out []string) {
		for i := range list {
			if s := &list[i]; s.Side == findings.Both || s.Side == of {
				out = append(out, line(s))
			}
		}
		return out
	}
	out := []block{para(fmt.Sprintf("%s at %s, wakeup %d: %s.", say.TaskName(e.Task), say.Clock(e.Time), e.N, say.WakingWords(e)))}
	parts := d.PartsAt()
	if parts < 0 {
		return append(out, para(say.Bold("Both kernels do the same:")), block{Steps: steps(d.Steps, findings.Both)})
	}
	if parts > 0 {
		out = append(out, para(say.Bold("Both kernels alike:")), block{Steps: steps(d.Steps[:parts], findings.Both)})
	}
	out = append(out, para(say.Bold("The test that decides:")+" "+say.Deciding(d)))
	for _, side := range []findings.Side{findings.OriginalAlone, findings.PatchedAlone} {
		if k, p := d.Kernel(side); k != nil {
			out = append(out, para(say.Bold(say.Kernel(k)+":")), block{Steps: append(steps(d.Steps[parts:], side), say.Conclusion(p))})
		}
	}
	return out
}

func staysTable(c *findings.CPU) *table {
	t := &table{
		Caption: "Stays of foreign tasks, the costliest first", Short: maxShortRows,
		Cols: cols("#Stay", "Task", "Came", "#Arrived", "#Left", "#Runs", "#Time", "#Wakings", "#Patched"),
	}
	idx := make([]int, len(c.Stays))
	for i := range idx {
		idx[i] = i
	}
	slices.SortStableFunc(idx, func(a, b int) int { return cmp.Compare(c.Stays[b].RunNS, c.Stays[a].RunNS) })
	for _, i := range capped(t, idx, maxStayRows, "%s in stays.csv. ", "more stay is", "more stays are") {
		s := c.Stays[i]
		number, arrived, left := key(int64(i+1)), clock(s.Arrived), word("still there")
		if s.Left != parser.NoTime {
			left = clock(s.Left)
		}
		if s.How == replay.CameBefore {
			arrived.text = "before"
		}
		t.row(val{number, number}, word(say.TaskName(s.Task)), word(say.CameWords(s)), arrived, left, count(s.Runs), held(s.RunNS, s.CutRuns > 0), count(s.Wakings),
			val{say.RemainsWords(s.PatchedRunNS, s.PatchedRunMaxNS), key(s.PatchedRunMaxNS)})
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
		Cols: cols("Task", "#From", "#Length", "#Stay", "With the patch"),
		Note: "Every run is in intrusions.csv.",
	}
	for i := range c.LongestRuns {
		r := &c.LongestRuns[i]
		stay := word("–")
		if r.Stay >= 0 {
			n := key(int64(r.Stay + 1))
			stay = val{n, n}
		}
		t.row(word(say.TaskName(r.Task)), clock(r.Start), held(r.End-r.Start, r.CutStart || r.CutEnd), stay, word(staysWords(r.Patched)))
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

// maxCauses bounds the causes listed.
const maxCauses = 12

// causesTable says what all of the owner's waits of one kind went to, in order of cost.
func causesTable(c *findings.CPU, kind replay.WaitKind) *table {
	w := &c.Waits[kind]
	t := &table{
		Caption: fmt.Sprintf("Why %s was late: what its %s went to", plots.OwnerName(c), say.WaitNoun(kind)+"s"),
		Cols:    cols("Cause", "#Time", "#Share"),
		Note:    "From the beginning of each wait to its end, by what had the CPU meanwhile; the parts sum to the waits.",
	}
	var rest int64
	for i, p := range findings.CausesOf(w.Parts) {
		if i < maxCauses {
			t.fixed(say.CauseWords(&p), say.Duration(p.NS), say.Percent(p.NS, w.Sum()))
		} else {
			rest += p.NS
		}
	}
	if rest > 0 {
		t.fixed("others", say.Duration(rest), say.Percent(rest, w.Sum()))
	}
	t.Foot = []string{"all", say.Duration(w.Sum()), ""}
	return t
}

func worstWaits(c *findings.CPU, kind replay.WaitKind) *table {
	t := &table{
		Caption: [replay.WaitKinds]string{"The owner’s longest delays", "The owner’s longest off-CPU gaps"}[kind], Short: maxShorterRows,
		Cols: cols("#Ran at", "#"+say.WaitNoun(kind), "What it went to"),
	}
	for i := range c.LongestWaits[kind] {
		r := &c.LongestWaits[kind][i]
		_, ns := r.Wait()
		t.row(clock(r.Start), length(ns), word(say.CausesWords(findings.CausesOf(r.Parts))))
	}
	return t
}

func waitTable(all *findings.Findings, c *findings.CPU, kind replay.WaitKind) *table {
	w := &c.Waits[kind]
	t := waitsTable(fmt.Sprintf("%s of %s: %s", say.WaitNoun(kind), plots.OwnerName(c), say.WaitWords(kind)), kind, "The core", "#Median")
	add := func(who string, h *stats.Dist) {
		row := []string{who, say.Count(h.Count())}
		for _, p := range []float64{50, 90, 99, 99.9} {
			cell := "–"
			if ns, known := h.Percentile(p); known {
				cell = say.Duration(ns)
			}
			row = append(row, cell)
		}
		worst := "–"
		if h.Count() > 0 {
			worst = say.Duration(h.Max())
		}
		row = append(row, worst)
		if kind == replay.OffCPUGap {
			row = append(row, say.Duration(h.Sum()))
		}
		t.fixed(row...)
	}
	if kind == replay.OffCPUGap {
		t.Cols = append(t.Cols, col{Name: "In all", Num: true})
	}
	add("free of intruders", w.Free)
	add("an intruder ran before it", w.Intruded)
	if kind == replay.OffCPUGap && say.PatchShortens(all.Result, w) {
		add("with the patch, at most", w.Patched)
		t.Note += " With the patch a gap ends where the intruder would have been elsewhere."
	}
	return t
}

// kernelsSection holds the kernels against each other where there are more than two.
func kernelsSection(f *findings.Findings) section {
	s := section{ID: "kernels", Title: "The kernels compared", Level: 2}
	list := f.Alternatives()
	if len(list) < 2 {
		return s
	}
	t := &table{
		Caption: "Foreign tasks on the isolated CPUs looked at, under each kernel",
		Cols:    cols("Kernel", "#Entries by wakeup", "#possible", "#Time held", "#Wakeups changed", "#possible"),
		Note:    "The first row is the recording. Time held is the run time, as recorded, of the tasks that the kernel keeps there, those there before included.",
	}
	h := &f.Sum.Held
	t.fixed(say.Kernel(f.Recorded()), say.Count(h.Entries.Wakeup), "–", say.Sign(h.AtLeast())+say.Duration(h.NS), "–", "–")
	for _, a := range list {
		t.fixed(say.Kernel(a.Kernel), say.Count(a.Entries), say.Count(a.EntriesPossible), say.Duration(a.HeldNS), say.Count(a.MovedCertain), say.Count(a.MovedPossible))
	}
	s.table(t)
	return s
}

// cpuList is the overview of several isolated CPUs.
func cpuList(cpus []*findings.CPU) section {
	s := section{ID: "cpus", Title: "All isolated CPUs", Level: 2}
	t := &table{
		Caption: "The isolated CPUs looked at, the one held longest first",
		Cols:    cols("#CPU", "Owner", "#Entries", "#There before", "#Runs", "#Foreign time", "#Longest wait"),
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
		if c.Waited() {
			worst = say.Duration(c.Told().Worst())
			if c.Kind() == replay.OffCPUGap {
				worst += " (gap)"
			}
		}
		t.fixed(fmt.Sprint(c.CPU), owner, say.Count(c.All.Entries.Total()), say.Count(c.All.Residents), say.Count(c.All.Runs), say.Duration(c.All.NS), worst)
	}
	if !rest.Empty() {
		t.Note = fmt.Sprintf("%s are in report.json; none of them was held longer.", say.CPUNoun(rest))
	}
	s.Blocks = []block{{Table: t}}
	return s
}
