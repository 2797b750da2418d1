package page

import (
	"fmt"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings"
	"schedreplay/findings/say"
)

// Sweep prints the entries and the time held under every kernel, and the first
// release of each line that prevents them.
func (p *Page) Sweep(s *findings.Sweep) {
	if why := say.SweepEmpty(s); why != "" {
		fmt.Fprintln(p)
		p.Paragraph(why, 0)
		return
	}
	recorded := s.Recorded()
	const perBlock = 3 // 20 + 3 × 20 columns
	for from := 0; from < len(recorded); from += perBlock {
		p.sweepBlock(s, recorded, from, min(from+perBlock, len(recorded)))
	}
	fmt.Fprintln(p)
	p.Paragraph("entries: of foreign tasks, as predicted; (+N) more are possible, by facts that the capture does not hold. "+
		"ms: run time of such tasks there.", 0)
	for i := range recorded {
		for _, l := range say.SweepStays(&recorded[i]) {
			p.Paragraph(l, 0)
		}
	}
	p.sweepLines(s)
}

// sweepBlock prints the table for some of the isolated CPUs.
func (p *Page) sweepBlock(s *findings.Sweep, recorded []findings.SweptCPU, from, to int) {
	st := p.Style
	over := term.Table{Style: st, Columns: term.Columns("<20")}
	t := term.Table{Style: st, Columns: term.Columns("kernel<20")}
	row := []term.Cell{{Text: "as recorded"}}
	for _, r := range recorded[from:to] {
		over.Columns = append(over.Columns, term.Column{Name: fmt.Sprintf("CPU %d", r.CPU), Width: 19, Right: true})
		t.Columns = append(t.Columns, term.Columns("entries>10", "ms>8")...)
		row = append(row, sweepCells(r.Entries.Total(), 0, r.NS, nil)...)
	}
	fmt.Fprintln(p)
	over.Head(p)
	t.Head(p)
	t.Row(p, row...)
	for i := range s.Rows {
		r := &s.Rows[i]
		row := []term.Cell{{Text: say.Releases(&r.Candidate)}}
		for _, h := range r.Holds[from:to] {
			var in func(string) string
			switch {
			case h.Entries > 0:
				in = st.Bad
			case h.EntriesPossible > 0 && r.Kernel.Rules.Leaks():
				in = st.Warn
			}
			row = append(row, sweepCells(h.Entries, h.EntriesPossible, h.HeldNS, in)...)
		}
		t.Row(p, row...)
	}
}

func sweepCells(entries, possible, ns int64, in func(string) string) []term.Cell {
	more := ""
	if possible > 0 {
		more = fmt.Sprintf("(+%d)", possible)
	}
	return []term.Cell{{Text: fmt.Sprintf("%d %-5s", entries, more), In: in}, {Text: fmt.Sprintf("%d.%d", ns/1e6, ns%1e6/1e5), In: in}}
}

// sweepLines tells the first release of each line that prevents the entries.
func (p *Page) sweepLines(s *findings.Sweep) {
	fmt.Fprintln(p)
	if why := say.NoSweptEntry(s); why != "" {
		p.Paragraph(why, 0)
		return
	}
	var later, always, never []string
	for _, l := range s.Lines() {
		switch l.First {
		case "":
			never = append(never, l.Name)
		case l.Name:
			always = append(always, l.Name)
		default:
			later = append(later, l.First)
		}
	}
	fmt.Fprintln(p, p.Style.Bold("the first release of each line that prevents them"))
	for _, g := range [...]struct {
		what string
		list []string
	}{{"by a point release", later}, {"from the start", always}, {"none, or not surely", never}} {
		if len(g.list) > 0 {
			fmt.Fprintln(p, term.Beside("  "+g.what, say.Ranges(g.list), 24, width))
		}
	}
}
