// Package parts says which parts the bars of waits and of noise have, and how they look.
package parts

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/stack"
	"schedreplay/replay"
)

// Palette are the colours of the figures.
type Palette struct {
	Paper, Ink, Muted, Grid, Band, Owner, Intruder, Patch, Other, Idle color.NRGBA
}

// look tells parts apart, without colours too.
type look struct {
	fill, line color.NRGBA
	pattern    stack.Pattern
}

func part(l look, name string, ns, sum int64) stack.Part {
	return stack.Part{
		Label: fmt.Sprintf("%s %s (%s)", name, say.Duration(ns), say.Percent(ns, sum)), Short: name,
		Value: float64(ns), Fill: l.fill, Line: l.line, Pattern: l.pattern,
	}
}

func costliestFirst(parts []stack.Part) []stack.Part {
	slices.SortStableFunc(parts, func(a, b stack.Part) int { return cmp.Compare(b.Value, a.Value) })
	return parts
}

// Causes are the parts of a bar: waits by cause, the costliest first.
func (p *Palette) Causes(c findings.Causes, sum int64) []stack.Part {
	looks := [replay.Causes]look{
		replay.CauseUnknown:      {p.Paper, p.Muted, stack.Dots},
		replay.CauseForeign:      {p.Intruder, p.Paper, stack.Rising},
		replay.CausePinned:       {p.Other, p.Ink, stack.Falling},
		replay.CauseHousekeeping: {p.Patch, p.Paper, stack.Upright},
		replay.CauseRecorder:     {p.Band, p.Ink, stack.Level},
		replay.CauseThrottled:    {p.Owner, p.Paper, stack.Cross},
		replay.CauseIdle:         {p.Idle, p.Idle, stack.Plain},
		replay.CauseElsewhere:    {p.Grid, p.Ink, stack.Dots},
		replay.CauseHardirq:      {p.Ink, p.Paper, stack.Falling},
		replay.CauseSoftirq:      {p.Muted, p.Paper, stack.Level},
		replay.CauseIdleState:    {p.Idle, p.Ink, stack.Falling},
	}
	var out []stack.Part
	for cause, ns := range c.ByCause() {
		if ns > 0 {
			out = append(out, part(looks[cause], say.CauseName(replay.Cause(cause)), ns, sum))
		}
	}
	return costliestFirst(out)
}

// Noise are the parts of a bar: a CPU's noise by kind, the costliest first; that of tasks and
// kernel threads only if tasks is true.
func (p *Palette) Noise(c *findings.CPU, tasks bool) []stack.Part {
	looks := [replay.NoiseKinds]look{
		replay.NoiseTask:    {p.Intruder, p.Paper, stack.Rising},
		replay.NoiseKthread: {p.Patch, p.Paper, stack.Upright},
		replay.NoiseHardirq: {p.Ink, p.Paper, stack.Falling},
		replay.NoiseSoftirq: {p.Muted, p.Paper, stack.Level},
		replay.NoiseTick:    {p.Other, p.Ink, stack.Cross},
		replay.NoiseIPI:     {p.Band, p.Ink, stack.Dots},
	}
	sums, all := c.NoiseByKind(), int64(0)
	for kind, s := range sums {
		if tasks || !replay.NoiseKind(kind).OfTask() {
			all += s.NS
		}
	}
	var out []stack.Part
	for kind, s := range sums {
		if k := replay.NoiseKind(kind); s.NS > 0 && (tasks || !k.OfTask()) {
			out = append(out, part(looks[kind], say.NoiseKinds(k), s.NS, all))
		}
	}
	return costliestFirst(out)
}

// Bar is a bar with its title.
type Bar struct {
	Title string
	Parts []stack.Part
}

// NoiseBars are the bars of a CPU's noise: all of it, if tasks have a part, and what was no
// task; none where the recording tells of tasks alone. all are the parts of the first.
func (p *Palette) NoiseBars(c *findings.CPU) (all []stack.Part, bars []Bar) {
	all, beside := p.Noise(c, true), p.Noise(c, false)
	if !c.NoiseTold() || len(beside) == 0 {
		return all, nil
	}
	bar := func(title string, parts []stack.Part) {
		bars = append(bars, Bar{fmt.Sprintf("%s: %s", title, say.Duration(int64(stack.Sum(parts)))), parts})
	}
	if len(all) == len(beside) {
		bar("Beside tasks", beside)
		return all, bars
	}
	bar("All noise", all)
	bar("Of it beside tasks, on an axis of its own", beside)
	return all, bars
}
