package page

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings"
	"schedreplay/findings/say"
)

// ranksShown bounds the ranks that the text lists without -v.
const ranksShown = 8

// Ranks prints which kernels explain a capture, best first.
func (p *Page) Ranks(r *findings.Ranks) {
	s := p.Style
	for i, l := range say.KernelConclusion(r) {
		if l = term.Wrap(say.Terminal(l), width); i == 0 {
			l = s.Bold(l)
		}
		fmt.Fprintln(p, l)
	}
	if r.Decisions() == 0 {
		return
	}
	fmt.Fprintln(p, "\n"+term.Wrap(fmt.Sprintf("%s judged by %d kernels, each set of rules once; those that explain the recording equally well share a rank (%s)",
		Counted(r.Decisions(), "decision"), len(r.Scores), Counted(int64(r.Last()), "rank")), width))
	t := term.Table{Style: s, Columns: term.Columns("rank>5", "entries>8", "decisions>9", "exact>7", ">8", " kernels<")}
	fmt.Fprintln(p, s.Bold(fmt.Sprintf("\n%5s %18s", "", "impossible")))
	t.Head(p)
	shown := map[int]bool{}
	for i, rank := range r.Rank {
		if p.Verbose || rank <= ranksShown || i == r.NamedAt || i == r.With || i == r.Without {
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
			p.rankRow(&t, r, i, j)
			gap = false
		} else if !gap {
			t.Row(p, term.Cell{Text: "…"})
			gap = true
		}
		i = j
	}
	if len(r.Entries) > 0 {
		fmt.Fprintln(p, "\n"+s.Bold("what rules kernels out"))
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		p.Paragraph(say.WhoCan(e)+": "+say.CameTo(&e.Wakeup), 2)
	}
	if n := say.NamedRank(r); n != "" {
		fmt.Fprintln(p)
		p.Paragraph(n, 0)
	}
}

// rankRow prints the kernels of one rank.
func (p *Page) rankRow(t *term.Table, r *findings.Ranks, from, to int) {
	const margin, lines = 43, 3
	var names, plain []string
	for i := from; i < to; i++ {
		k := &r.Scores[i].Candidate
		n := say.Releases(k)
		switch {
		case p.Verbose && len(k.Same) > 0:
			names = append(names, k.Kernel.Name+" (= "+strings.Join(k.Same, ", ")+")")
		case p.Verbose || n == "":
			names = append(names, k.Kernel.Name)
		default:
			plain = append(plain, strings.Split(n, ", ")...)
		}
	}
	slices.SortStableFunc(names, func(x, y string) int { return say.Toggles(x) - say.Toggles(y) })
	text, left := say.FitKernels(append(plain, names...), width-margin, lines, p.Verbose)
	if left > 0 {
		text = append(text, fmt.Sprintf("and %d more", left))
	}
	s := &r.Scores[from]
	entries := term.Cell{Text: fmt.Sprint(s.Entries)}
	if s.Entries > 0 {
		entries.In = t.Style.Bad
	}
	t.Row(p, term.Cell{Text: fmt.Sprint(r.Rank[from])}, entries, term.Cell{Text: fmt.Sprint(s.Missed())}, term.Cell{Text: fmt.Sprint(s.Exact)},
		term.Cell{Text: Percent(s.Exact, s.Decisions)}, term.Cell{Text: " " + text[0]})
	for _, l := range text[1:] {
		fmt.Fprintln(p, strings.Repeat(" ", margin)+l)
	}
}
