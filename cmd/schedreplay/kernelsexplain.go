package main

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/rows"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// verdictOnKernels is how well each kernel explains a recording.
type verdictOnKernels struct {
	in     *input
	scores []replay.KernelScore
	// rank of each score, from 1; kernels that explain the recording equally well
	// share it.
	rank []int
	// named is the kernel that the user or the recording names, nil if none is
	// known; namedAt is its index, -1 if it is not among the scores.
	named   *rules.Kernel
	namedAt int
	// entries are the decisions, in order of time, that left the sched domains
	// for an isolated CPU and that some kernel cannot have made; can tells for
	// each which kernels can.
	entries []replay.Wakeup
	can     [][]bool
}

// kernelsExplain ranks the kernels by how well they explain a capture.
func (a *app) kernelsExplain(in *input, c *common) error {
	o := replay.Plan{Owner: c.owner, Alternatives: []replay.Scenario{}, Judged: rules.Candidates()}
	res, err := replay.Run(a.ctx, in, in.host, o)
	if err != nil {
		return err
	}
	scores := res.Scores
	replay.Rank(scores)
	if err := a.ctx.Err(); err != nil {
		return err
	}
	v := &verdictOnKernels{in: in, scores: scores, namedAt: -1}
	v.ranks()
	v.findEntries()
	if err := v.findNamed(c.original); err != nil {
		return err
	}
	if c.format == "json" {
		a.kernelsExplainJSON(v)
	} else {
		a.kernelsExplainText(v)
	}
	a.notes(in.host.Notes)
	return nil
}

// ranks numbers the kernels, equal ones alike.
func (v *verdictOnKernels) ranks() {
	n := 0
	for i := range v.scores {
		s := &v.scores[i]
		if i == 0 || !equallyGood(s, &v.scores[i-1]) {
			n++
		}
		v.rank = append(v.rank, n)
	}
}

func equallyGood(a, b *replay.KernelScore) bool {
	return a.Entries == b.Entries && a.Missed() == b.Missed() && a.Exact == b.Exact
}

// findEntries collects the entries that rule kernels out, as far as the scores
// name them.
func (v *verdictOnKernels) findEntries() {
	at := map[int64]int{}
	for i := range v.scores {
		s := &v.scores[i]
		for j := range s.RuledOutBy[:min(int(s.Entries), len(s.RuledOutBy))] {
			w := &s.RuledOutBy[j]
			k, ok := at[w.N]
			if !ok {
				k = len(v.entries)
				at[w.N] = k
				v.entries = append(v.entries, *w)
				can := make([]bool, len(v.scores))
				for l := range can {
					can[l] = true
				}
				v.can = append(v.can, can)
			}
			v.can[k][i] = false
		}
	}
	order := make([]int, len(v.entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int { return int(v.entries[x].N - v.entries[y].N) })
	entries, can := make([]replay.Wakeup, len(order)), make([][]bool, len(order))
	for i, k := range order {
		entries[i], can[i] = v.entries[k], v.can[k]
	}
	v.entries, v.can = entries, can
}

// findNamed looks for the kernel that the user names, or else the recording.
func (v *verdictOnKernels) findNamed(original string) error {
	k, err := (*rules.Kernel)(nil), error(nil)
	switch release, ok := v.in.host.Release.Get(); {
	case original != "":
		if k, err = rules.ParseKernel(original, ""); err != nil {
			return err
		}
	case ok:
		if k, err = rules.ParseKernel(release, v.in.host.Version.Value); err != nil {
			return nil // a release that the model does not cover is ranked nowhere
		}
	default:
		return nil
	}
	v.named = k
	if len(k.Unknown) == 0 {
		v.namedAt = slices.IndexFunc(v.scores, func(s replay.KernelScore) bool { return s.Kernel.Rules == k.Rules })
	}
	return nil
}

// lacks reports whether a kernel is without a fix: it has the code and not the
// fix, or not even the code.
func lacks(r *rules.Rules, f rules.Fix) bool { return !r.Has(f) || !meaningful(r, f) }

// without names the fixes one of which every kernel that can have made a
// decision lacks: as few as possible, nil if no two will do.
func (v *verdictOnKernels) without(can []bool) []rules.Fix {
	fs := rules.Fixes()
	fits := func(set ...rules.Fix) bool {
		tells := false
		for i := range v.scores {
			r := &v.scores[i].Kernel.Rules
			lacking := slices.ContainsFunc(set, func(f rules.Fix) bool { return lacks(r, f) })
			if can[i] && !lacking {
				return false
			}
			tells = tells || !can[i] && !lacking
		}
		return tells
	}
	for _, f := range fs {
		if fits(f) {
			return []rules.Fix{f}
		}
	}
	for i, f := range fs {
		for _, g := range fs[i+1:] {
			if fits(f, g) {
				return []rules.Fix{f, g}
			}
		}
	}
	return nil
}

func orFixes(fs []rules.Fix) string {
	var s []string
	for _, f := range fs {
		s = append(s, string(f))
	}
	return strings.Join(s, " or ")
}

// cameTo tells a decision in one clause.
func cameTo(w *replay.Wakeup) string {
	return fmt.Sprintf("at %s s %s %s -> %s", replay.Seconds(w.Time), pidTask(w.Task), cpuText(w.PrevCPU), cpuText(w.RecordedCPU))
}

func pidTask(t replay.TaskRef) string {
	return fmt.Sprintf("%s (pid %d)", parser.DisplayComm(t.Comm), t.PID)
}

// conclusion says in one sentence, or a few, what follows for smt-span and for
// the kernel named.
func (v *verdictOnKernels) conclusion() []string {
	const fix = rules.FixSMTSpan
	if v.decisions() == 0 {
		why := "the capture shows no placement"
		if len(v.in.host.CPU) == 0 {
			why = "the topology of the machine is not known; give a host bundle with --host"
		}
		return []string{"No decision can be judged, so the recording tells nothing about the kernel: " + why + "."}
	}
	var out []string
	undecided := "The recording does not tell whether the kernel has smt-span: "
	iso, known := v.in.host.Isolated.Get()
	decided := false
	for i := range v.entries {
		w := &v.entries[i]
		fs := v.without(v.can[i])
		story := fmt.Sprintf("at %s s %s came from CPU %d to isolated CPU %d, outside its sched domain", replay.Seconds(w.Time), pidTask(w.Task), w.PrevCPU, w.RecordedCPU)
		switch {
		case len(fs) == 1 && fs[0] == fix:
			out = append(out, fmt.Sprintf("No kernel with %s can have made this recording: %s.", fix, story))
			decided = true
		case slices.Contains(fs, fix) && len(fs) == 2:
			out = append(out, fmt.Sprintf("No kernel with both %s and %s can have made this recording: %s.", fs[0], fs[1], story))
			if b := v.best(); b.without == 1 && b.with != 1 {
				out = append(out, fmt.Sprintf("Those that explain it best lack %s.", fix))
			}
			decided = true
		}
		if decided {
			break
		}
	}
	switch {
	case decided:
	case !known:
		out = append(out, undecided+"which CPUs are isolated is not known; name them with --isolated.")
	case iso.Empty():
		out = append(out, undecided+"no CPU is isolated, so nothing could be entered.")
	case len(v.entries) > 0:
		out = append(out, undecided+"what came to an isolated CPU from inside the sched domains can have come otherwise.")
	default:
		out = append(out, undecided+"it shows no task that only a kernel without it puts on an isolated CPU.")
		out = append(out, v.closeness()...)
	}
	if only := v.in.Meta().RecordedCPUs; !only.Empty() && !decided {
		out = append(out, fmt.Sprintf("Only CPU %s was recorded: what came there from other CPUs, and how, is not in it.", only))
	}
	if v.rank[len(v.rank)-1] == 1 {
		out = append(out, "Every kernel explains it equally well.")
	}
	if v.named != nil && v.namedAt >= 0 {
		s := &v.scores[v.namedAt]
		what := "the recorded release"
		if v.named.Name != v.in.host.Release.Value {
			what = "the kernel named"
		}
		if s.Entries > 0 && v.scores[0].Entries == 0 {
			out = append(out, fmt.Sprintf("%s, %s, cannot have made it.", upperFirst(what), v.named.Name))
		}
	}
	return out
}

// bestRanks are the ranks of the best kernel with smt-span and of the best
// without, and their indices.
type bestRanks struct{ with, without, withAt, withoutAt int }

func (v *verdictOnKernels) best() bestRanks {
	var b bestRanks
	for i := range v.scores {
		switch has := !lacks(&v.scores[i].Kernel.Rules, rules.FixSMTSpan); {
		case has && b.with == 0:
			b.with, b.withAt = v.rank[i], i
		case !has && b.without == 0:
			b.without, b.withoutAt = v.rank[i], i
		}
	}
	return b
}

// closeness compares the best kernel with smt-span and the best without, where
// no entry decides.
func (v *verdictOnKernels) closeness() []string {
	b := v.best()
	if b.with == 0 || b.without == 0 {
		return nil
	}
	x, y, n := v.scores[b.withAt].Missed(), v.scores[b.withoutAt].Missed(), v.decisions()
	facts := fmt.Sprintf("the best kernel with it cannot have made %d of %d decisions, the best without it %d", x, n, y)
	switch small := (y - x) * 100; {
	case x == y:
		return nil
	case small > n:
		return []string{"Yet it fits kernels with smt-span better: " + facts + "."}
	}
	return []string{upperFirst(facts) + ": a difference that timing alone can make."}
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (v *verdictOnKernels) decisions() int64 {
	if len(v.scores) == 0 {
		return 0
	}
	return v.scores[0].Decisions
}

// ranksShown bounds the ranks that the text lists without -v.
const ranksShown = 8

func (a *app) kernelsExplainText(v *verdictOnKernels) {
	s := a.style()
	for _, l := range v.in.remarks(nil) {
		fmt.Fprintln(a.out, term.Wrap(l, 80))
	}
	for i, l := range v.conclusion() {
		if l = term.Wrap(l, 80); i == 0 {
			l = s.Bold(l)
		}
		fmt.Fprintln(a.out, l)
	}
	if v.decisions() == 0 {
		return
	}
	last := v.rank[len(v.rank)-1]
	fmt.Fprintln(a.out, "\n"+term.Wrap(fmt.Sprintf("%s judged by %d kernels, each set of rules once; those that explain the recording equally well share a rank (%s)",
		plural(v.decisions(), "decision"), len(v.scores), plural(int64(last), "rank")), 80))
	fmt.Fprintln(a.out, s.Bold(fmt.Sprintf("\n%5s %18s", "", "impossible")))
	fmt.Fprintln(a.out, s.Bold(fmt.Sprintf("%5s %8s %9s %7s %8s  %s", "rank", "entries", "decisions", "exact", "", "kernels")))
	shown := v.shownRanks(a.verbose)
	gap := false
	for i := 0; i < len(v.scores); {
		j := i
		for j < len(v.scores) && v.rank[j] == v.rank[i] {
			j++
		}
		if shown[v.rank[i]] {
			a.rankRow(v, i, j)
			gap = false
		} else if !gap {
			fmt.Fprintf(a.out, "%5s\n", "…")
			gap = true
		}
		i = j
	}
	a.whatRulesOut(v)
	if v.named != nil {
		fmt.Fprintln(a.out)
		switch {
		case v.namedAt >= 0:
			fmt.Fprintln(a.out, term.Wrap(fmt.Sprintf("%s is rank %d.%s", v.named.Name, v.rank[v.namedAt], v.ruledOut(v.namedAt)), 80))
		case len(v.named.Unknown) > 0:
			fmt.Fprintln(a.out, term.Wrap(fmt.Sprintf("Which fixes %s carries is not known (%s): it has no rank of its own.", v.named.Name, strings.Join(unknownFixes(v.named), ", ")), 80))
		}
	}
}

// shownRanks chooses the ranks for the text: the best, those of the best kernel
// with and without smt-span, and that of the kernel named.
func (v *verdictOnKernels) shownRanks(all bool) map[int]bool {
	b := v.best()
	shown := map[int]bool{b.with: true, b.without: true}
	for i, r := range v.rank {
		if all || r <= ranksShown || i == v.namedAt {
			shown[r] = true
		}
	}
	return shown
}

// rankRow prints the kernels of one rank.
func (a *app) rankRow(v *verdictOnKernels, from, to int) {
	s := &v.scores[from]
	const margin, lines = 43, 3
	var names []string
	var plain []string
	for i := from; i < to; i++ {
		k := &v.scores[i].Candidate
		if a.verbose {
			names = append(names, kernelNames(k, true))
			continue
		}
		if n := releaseNames(k); n != "" {
			plain = append(plain, strings.Split(n, ", ")...)
		} else {
			names = append(names, k.Kernel.Name)
		}
	}
	slices.SortStableFunc(names, func(x, y string) int { return toggles(x) - toggles(y) })
	names = append(plain, names...)
	text, left := fitNames(names, 80-margin, lines, a.verbose)
	if left > 0 {
		text += fmt.Sprintf("\nand %d more", left)
	}
	blank := "\n" + strings.Repeat(" ", margin)
	entries := fmt.Sprintf("%8d", s.Entries)
	if st := a.style(); s.Entries > 0 {
		entries = st.Bad(entries)
	}
	fmt.Fprintf(a.out, "%5d %s %9d %7d %8s  %s\n", v.rank[from], entries, s.Missed(), s.Exact, percent(s.Exact, s.Decisions), strings.ReplaceAll(text, "\n", blank))
}

// toggles counts the fixes that a name adds and takes away.
func toggles(name string) int { return strings.Count(name, "+") + strings.Count(name, "-") }

// beforeFix is the last place before width at which a name can be broken: where
// a fix begins.
func beforeFix(line string, width int) int {
	for i := min(width, len(line)-1); i > 0; i-- {
		if line[i] != '+' && line[i] != '-' {
			continue
		}
		for _, f := range rules.Fixes() {
			if strings.HasPrefix(line[i+1:], string(f)) {
				return i
			}
		}
	}
	return -1
}

// fitNames puts names into so many lines at most, breaking a long one before a
// fix; left are those that found no room.
func fitNames(names []string, width, lines int, all bool) (text string, left int) {
	var out []string
	line := ""
	put := func(word string) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= width:
			line += " " + word
		default:
			out, line = append(out, line), word
		}
		for len([]rune(line)) > width {
			cut := beforeFix(line, width)
			if cut <= 0 {
				break
			}
			out, line = append(out, line[:cut]), "  "+strings.TrimLeft(line[cut:], " ")
		}
	}
	for i, n := range names {
		if i < len(names)-1 {
			n += ","
		}
		wasOut, wasLine := slices.Clone(out), line
		put(n)
		if !all && i > 0 && len(out)+1 > lines {
			return strings.TrimSuffix(strings.Join(append(wasOut, wasLine), "\n"), ","), len(names) - i
		}
	}
	return strings.Join(append(out, line), "\n"), 0
}

// releaseNames are the releases among a candidate's names, neighbours of the
// table as a range, "" if it is none.
func releaseNames(k *rules.Candidate) string {
	var list []string
	for _, n := range append([]string{k.Kernel.Name}, k.Same...) {
		if !strings.ContainsAny(n, "+-") {
			list = append(list, n)
		}
	}
	return joinRanges(list)
}

// joinRanges shortens three or more neighbouring rows of the table to the first
// and the last.
func joinRanges(list []string) string {
	next := map[string]string{}
	rows := rules.Rows()
	for i := 1; i < len(rows); i++ {
		next[rows[i-1].Name()] = rows[i].Name()
	}
	var out []string
	for i := 0; i < len(list); {
		j := i + 1
		for j < len(list) && next[list[j-1]] == list[j] {
			j++
		}
		if j-i >= 3 {
			out = append(out, list[i]+"–"+list[j-1])
		} else {
			out = append(out, list[i:j]...)
		}
		i = j
	}
	return strings.Join(out, ", ")
}

// kernelNames are all names of a candidate.
func kernelNames(k *rules.Candidate, all bool) string {
	s := k.Kernel.Name
	if all && len(k.Same) > 0 {
		s += " (= " + strings.Join(k.Same, ", ") + ")"
	}
	return s
}

// whatRulesOut names the decisions that rule kernels out.
func (a *app) whatRulesOut(v *verdictOnKernels) {
	if len(v.entries) == 0 {
		return
	}
	s := a.style()
	fmt.Fprintln(a.out, "\n"+s.Bold("what rules kernels out"))
	for i := range v.entries {
		n := 0
		for _, c := range v.can[i] {
			if c {
				n++
			}
		}
		who := fmt.Sprintf("possible with %d of %d kernels only", n, len(v.scores))
		if fs := v.without(v.can[i]); fs != nil {
			who = "without " + orFixes(fs) + " only"
		}
		fmt.Fprintln(a.out, term.Indent(who+": "+cameTo(&v.entries[i]), 2, 80))
	}
}

// ruledOut names decisions that a kernel worse than the best cannot have made.
func (v *verdictOnKernels) ruledOut(i int) string {
	s := &v.scores[i]
	if v.rank[i] == 1 || len(s.RuledOutBy) == 0 {
		return ""
	}
	var list []string
	for j := range s.RuledOutBy {
		list = append(list, cameTo(&s.RuledOutBy[j]))
	}
	return " It cannot have made, and others can: " + strings.Join(list, "; ") + "."
}

// kernelsExplainJSON writes one document.
func (a *app) kernelsExplainJSON(v *verdictOnKernels) {
	var o rows.Object
	o.Begin()
	o.Words("conclusion", v.conclusion())
	o.Number("decisions", v.decisions(), true)
	if v.named == nil {
		o.Null("named")
	} else {
		o.Key("named")
		o.Begin()
		o.Word("kernel", v.named.Name)
		rank := 0
		if v.namedAt >= 0 {
			rank = v.rank[v.namedAt]
		}
		o.Number("rank", int64(rank), rank > 0)
		o.Words("unknown_fixes", unknownFixes(v.named))
		o.End()
	}
	o.List("entries")
	for i := range v.entries {
		o.Begin()
		rows.Fields(&o, rows.Decisions, &v.entries[i])
		var fs []string
		for _, f := range v.without(v.can[i]) {
			fs = append(fs, string(f))
		}
		o.Words("without_one_of", fs)
		o.End()
	}
	o.EndList()
	o.List("kernels")
	for i := range v.scores {
		s := &v.scores[i]
		o.Begin()
		o.Number("rank", int64(v.rank[i]), true)
		o.Word("kernel", s.Kernel.Name)
		o.Words("same", s.Same)
		o.Words("fixes", fixes(&s.Kernel.Rules))
		o.Number("impossible_entries", s.Entries, true)
		o.Number("impossible_decisions", s.Missed(), true)
		o.Number("exact", s.Exact, true)
		o.List("ruled_out_by")
		for j := range s.RuledOutBy {
			rows.Row(&o, rows.Decisions, &s.RuledOutBy[j])
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	o.Bool("partial", v.in.partial() != nil, true)
	o.End()
	_, _ = a.out.Write(o.Line())
}
