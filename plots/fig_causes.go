package plots

import (
	"fmt"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/parts"
	"schedreplay/plots/internal/stack"
	"schedreplay/replay"
)

// palette are the colours of parts of bars.
var palette = parts.Palette{Paper: paper, Ink: ink, Muted: muted, Grid: grid, Band: band, Owner: ownerBlue, Intruder: intruderRd, Patch: patchGreen, Other: otherSky, Idle: idleGrey}

// maxCauseBars bounds the waits that have a bar of their own.
const maxCauseBars = 5

// Heights in em: of a bar, of what stands above and below bars, and of a bar with its gap.
const (
	causeBar   = 1.9
	causeHead  = 1.6
	causeAxis  = 3.4
	causePitch = 2.4
)

// causesFigure is what the owner's waits of one kind went to, all of them and the longest.
func causesFigure(c *findings.CPU, kind replay.WaitKind) *Figure {
	w := &c.Waits[kind]
	all, longest := palette.Causes(findings.CausesOf(w.Parts), w.Sum()), c.LongestWaits[kind]
	if len(all) == 0 {
		return nil
	}
	if len(longest) == 1 {
		longest = nil
	}
	longest = longest[:min(len(longest), maxCauseBars)]
	return &Figure{
		Name:  figureName(c.CPU, [replay.WaitKinds]string{"delay-causes", "gap-causes"}[kind]),
		Title: fmt.Sprintf("Why %s was late on CPU %d, by cause of its %s: %s %s", OwnerName(c), c.CPU, say.WaitNoun(kind)+"s", all[0].Short, say.Percent(int64(all[0].Value), w.Sum())),
		Caption: "What had the CPU from the beginning of each wait to its end, as time: all waits in one bar, and below it the longest, on an axis of their own. " +
			"A cause has the same pattern everywhere.",
		desc: "The waits went to " + say.Join(stack.Labels(all)) + ".",
		height: func(s size) float64 {
			h := s.barHeight(all)
			if len(longest) > 0 {
				h += causeHead + causePitch*float64(len(longest)) + causeAxis + 0.6
			}
			return h
		},
		draw: func(fr *frame) {
			fr.bar(fmt.Sprintf("All %s: %s", say.CountedWaits(w.Count(), kind), say.Duration(w.Sum())), timeWaited, all)
			if len(longest) > 0 {
				fr.longestCauses("The longest, by when they ended", longest)
			}
		},
	}
}

// barHeight is that of a bar with all around it, in em.
func (s size) barHeight(all []stack.Part) float64 {
	return causeHead + stack.RowHeight*float64(len(outsideOf(s, all))) + causeBar + causeAxis
}

// noiseFigure is what took a CPU from its owner, by kind; nil where the recording tells of
// tasks alone.
func noiseFigure(c *findings.CPU) *Figure {
	all, bars := palette.NoiseBars(c)
	if len(bars) == 0 {
		return nil
	}
	return &Figure{
		Name:    figureName(c.CPU, "noise"),
		Title:   fmt.Sprintf("What else was on CPU %d: %s of noise, most of it %s", c.CPU, say.Duration(int64(stack.Sum(all))), all[0].Short),
		Caption: "Time by kind; each is its own, so that an interrupt over a softirq or a task counts for itself. The owner’s own runs are no noise.",
		desc:    "The noise was " + say.Join(stack.Labels(all)) + ".",
		height: func(s size) (h float64) {
			for _, b := range bars {
				h += s.barHeight(b.Parts) + 0.6
			}
			return h
		},
		draw: func(fr *frame) {
			for _, b := range bars {
				fr.bar(b.Title, "time", b.Parts)
			}
		},
	}
}

// stackStyle is how bars look in a size.
func (s size) stackStyle(fr *frame) *stack.Style {
	st := s.style(0.88, false, ink)
	return &stack.Style{
		Em: s.em, Ink: ink, Paper: paper, Width: func(t string) vg.Length { return st.Width(drawable(t)) },
		Text: func(x, y vg.Length, t string, ax, ay float64) { fr.text(x, y, t, st, ax, ay) },
	}
}

// outsideOf are the parts whose labels stand above the bar of all waits.
func outsideOf(s size, all []stack.Part) []int {
	return s.stackStyle(nil).Outside(all, (s.width-2*s.margin())*0.95)
}

// waitAxis makes axes of waits up to the longest.
func (fr *frame) waitAxis(name string, longest float64, width vg.Length) *axes.Pair {
	p := fr.newPlot()
	ax := axes.TimeFor(0, int64(longest))
	ax.Apply(p, width)
	p.X.Label = ax.Named(name)
	p.X.Max, p.X.Min = longest, 0
	for i := range p.X.Ticks {
		p.X.Ticks[i].Value *= ax.Unit
	}
	return p
}

// timeWaited names the axis of waits.
const timeWaited = "time waited"

// bar draws a bar with its title, its axis and labels, from the top down.
func (fr *frame) bar(title, axis string, all []stack.Part) {
	fr.text(fr.c.Min.X, fr.c.Max.Y, title, fr.style(0.95, true, ink), 0, 1)
	outside := outsideOf(fr.size, all)
	c := fr.c
	c.Max.Y -= fr.em * causeHead
	c.Min.Y = c.Max.Y - fr.em*vg.Length(stack.RowHeight*float64(len(outside))+causeBar+causeAxis)
	fr.c.Max.Y = c.Min.Y - fr.em*0.6
	p := fr.waitAxis(axis, stack.Sum(all), c.Max.X-c.Min.X)
	p.Add(func(c draw.Canvas, p *axes.Pair) {
		x, _ := p.Transforms(&c)
		y := c.Min.Y + fr.em*0.3
		fr.stackStyle(fr).Bar(&c, all, outside, x, y, y+fr.em*causeBar)
	})
	p.Draw(c)
}

func (fr *frame) longestCauses(title string, longest []replay.Slice) {
	fr.text(fr.c.Min.X, fr.c.Max.Y, title, fr.style(0.95, true, ink), 0, 1)
	c, st := fr.c, fr.style(0.88, false, ink)
	c.Max.Y -= fr.em * causeHead
	var names, lengths []string
	var left, right vg.Length
	for i := range longest {
		_, ns := longest[i].Wait()
		names, lengths = append(names, say.Clock(longest[i].Start)), append(lengths, say.Duration(ns))
		left, right = max(left, st.Width(names[i])), max(right, st.Width(lengths[i]))
	}
	c.Min.X += left + fr.em*0.6
	c.Max.X -= right + fr.em*0.6
	_, most := longest[0].Wait()
	p := fr.waitAxis(timeWaited, float64(most), c.Max.X-c.Min.X)
	p.Add(func(c draw.Canvas, p *axes.Pair) {
		x, _ := p.Transforms(&c)
		for i := range longest {
			_, ns := longest[i].Wait()
			y := c.Max.Y - fr.em*vg.Length(causePitch*float64(i+1)-0.2)
			middle := y + fr.em*causeBar/2
			fr.stackStyle(fr).Bar(&c, palette.Causes(findings.CausesOf(longest[i].Parts), ns), nil, x, y, y+fr.em*causeBar)
			fr.text(c.Min.X-fr.em*0.5, middle, names[i], st, 1, 0.5)
			fr.text(x(float64(ns))+fr.em*0.4, middle, lengths[i], st, 0, 0.5)
		}
	})
	p.Draw(c)
}
