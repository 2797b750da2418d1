package page

import (
	"fmt"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/replay"
)

// noiseShown bounds the sources of one kind of noise that are listed without -v.
const noiseShown = 4

// Noise prints what a CPU did beside its tasks, nothing if the recording does not tell. -v
// adds the rest of the list, and what led to each source.
func (p *Page) Noise(c *findings.CPU) {
	if !c.NoiseTold() {
		return
	}
	fmt.Fprintf(p, "\n  %s\n", p.Style.Bold("what else was on the core"))
	t := term.Table{Style: p.Style, Indent: 2, Columns: term.Columns("noise<8", "of<21", "times>7", "time>9", "share>7", "longest>9", "owner>9")}
	t.Head(p)
	for kind, s := range c.NoiseByKind() {
		if kind := replay.NoiseKind(kind); !kind.OfTask() {
			p.noiseKind(&t, c, kind, s)
		}
	}
	p.Paragraph("Owner: the part while it ran or waited. Tasks are above; an interrupt over one counts for itself.", 2)
	if unknown := say.NoiseUnknown(c); unknown != "" {
		p.Paragraph(unknown+".", 2)
	}
}

// noiseKind prints the sources of one kind.
func (p *Page) noiseKind(t *term.Table, c *findings.CPU, kind replay.NoiseKind, s findings.NoiseSum) {
	known, n, rest := c.WindowNS-c.UnknownNS, 0, s.Unnamed
	for i := range c.Noise.Items {
		x := &c.Noise.Items[i]
		if x.Kind != kind {
			continue
		}
		if n++; n > noiseShown && !p.Verbose {
			rest += x.Count
			continue
		}
		owner := "?"
		if c.Owner != nil {
			owner = say.Duration(x.OwnerNS)
		}
		t.Row(p, term.Cells(kind.String(), term.Cut(parser.DisplayComm(x.Name), 21), fmt.Sprint(x.Count), say.Duration(x.NS), Percent(x.NS, known), say.Duration(x.Longest), owner)...)
		if p.Verbose && len(x.Causes) > 0 {
			p.Paragraph(say.NoiseCauses(x), 6)
		}
	}
	switch {
	case rest > 0:
		t.Row(p, term.Cells(kind.String(), "others", fmt.Sprint(rest))...)
	case n == 0 && s.Known:
		t.Row(p, term.Cells(kind.String(), "none", "0")...)
	}
}
