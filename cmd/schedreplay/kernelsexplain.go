package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// kernelsExplain ranks the kernels by how well they explain a capture.
func (a *app) kernelsExplain(in *input, c *common) error {
	res, err := a.replayWith(in, replay.Plan{Alternatives: []replay.Scenario{}, Judged: rules.Candidates(cmp.Or(c.original, in.host.Release.Value))})
	if err != nil {
		return err
	}
	r, err := findings.RanksOf(res, c.original)
	if err != nil {
		return err
	}
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Ranks(r, in.partial() != nil))
	} else {
		a.ranksText(in, r)
	}
	a.notes(in.host.Notes)
	return nil
}

// ranksShown bounds the ranks that the text lists without -v.
const ranksShown = 8

func (a *app) ranksText(in *input, r *findings.Ranks) {
	s := a.style()
	for _, l := range in.remarks(nil) {
		a.paragraph(l, 0)
	}
	for i, l := range say.KernelConclusion(r) {
		if l = term.Wrap(say.Terminal(l), 80); i == 0 {
			l = s.Bold(l)
		}
		fmt.Fprintln(a.out, l)
	}
	if r.Decisions() == 0 {
		return
	}
	fmt.Fprintln(a.out, "\n"+term.Wrap(fmt.Sprintf("%s judged by %d kernels, each set of rules once; those that explain the recording equally well share a rank (%s)",
		plural(r.Decisions(), "decision"), len(r.Scores), plural(int64(r.Last()), "rank")), 80))
	t := term.Table{Style: s, Columns: []term.Column{
		{Name: "rank", Width: 5, Right: true},
		{Name: "entries", Width: 8, Right: true},
		{Name: "decisions", Width: 9, Right: true},
		{Name: "exact", Width: 7, Right: true},
		{Width: 8, Right: true},
		{Name: " kernels"},
	}}
	fmt.Fprintln(a.out, s.Bold(fmt.Sprintf("\n%5s %18s", "", "impossible")))
	t.Head(a.out)
	shown := map[int]bool{}
	for i, rank := range r.Rank {
		if a.verbose || rank <= ranksShown || i == r.NamedAt || i == r.With || i == r.Without {
			shown[rank] = true
		}
	}
	gap := false
	for i := 0; i < len(r.Scores); {
		j := i
		for j < len(r.Scores) && r.Rank[j] == r.Rank[i] {
			j++
		}
		if shown[r.Rank[i]] {
			a.rankRow(&t, r, i, j)
			gap = false
		} else if !gap {
			t.Row(a.out, term.Cell{Text: "…"})
			gap = true
		}
		i = j
	}
	if len(r.Entries) > 0 {
		fmt.Fprintln(a.out, "\n"+s.Bold("what rules kernels out"))
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		a.paragraph(say.WhoCan(e)+": "+say.CameTo(&e.Wakeup), 2)
	}
	if n := say.NamedRank(r); n != "" {
		fmt.Fprintln(a.out)
		a.paragraph(n, 0)
	}
}

// rankRow prints the kernels of one rank.
func (a *app) rankRow(t *term.Table, r *findings.Ranks, from, to int) {
	const margin, lines = 43, 3
	var names, plain []string
	for i := from; i < to; i++ {
		k := &r.Scores[i].Candidate
		n := say.Releases(k)
		switch {
		case a.verbose && len(k.Same) > 0:
			names = append(names, k.Kernel.Name+" (= "+strings.Join(k.Same, ", ")+")")
		case a.verbose || n == "":
			names = append(names, k.Kernel.Name)
		default:
			plain = append(plain, strings.Split(n, ", ")...)
		}
	}
	slices.SortStableFunc(names, func(x, y string) int { return say.Toggles(x) - say.Toggles(y) })
	text, left := say.FitKernels(append(plain, names...), 80-margin, lines, a.verbose)
	if left > 0 {
		text = append(text, fmt.Sprintf("and %d more", left))
	}
	s := &r.Scores[from]
	entries := term.Cell{Text: fmt.Sprint(s.Entries)}
	if s.Entries > 0 {
		entries.In = t.Style.Bad
	}
	t.Row(a.out, term.Cell{Text: fmt.Sprint(r.Rank[from])}, entries, term.Cell{Text: fmt.Sprint(s.Missed())}, term.Cell{Text: fmt.Sprint(s.Exact)},
		term.Cell{Text: percent(s.Exact, s.Decisions)}, term.Cell{Text: " " + text[0]})
	for _, l := range text[1:] {
		fmt.Fprintln(a.out, strings.Repeat(" ", margin)+l)
	}
}
