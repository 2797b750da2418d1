package plots

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/replay"
)

// HelpedFigures are those of what would have helped on one isolated CPU, nil where there is
// none.
type HelpedFigures struct {
	Delay, Strip *Figure
	// NoDelay says why the owner's delays are not drawn.
	NoDelay string
}

// BuildHelped makes the figures of the closed loop, for each of its CPUs up to
// [MaxFigureCPUs].
func BuildHelped(all *findings.Findings, h *findings.Helped) []*HelpedFigures {
	if h == nil {
		return nil
	}
	var out []*HelpedFigures
	for i := range h.CPUs[:min(len(h.CPUs), MaxFigureCPUs)] {
		c := &h.CPUs[i]
		f := &HelpedFigures{Strip: simulatedStrip(all, h, c)}
		if f.Delay = helpedDelay(all, h, c); f.Delay == nil {
			f.NoDelay = "There is no figure of the owner’s delays: it hardly wakes. The table has the time that it was off its CPU."
		}
		out = append(out, f)
	}
	return out
}

// helpedDelay draws the owner's delays as recorded, in the loop, and under the other kernel.
func helpedDelay(all *findings.Findings, h *findings.Helped, c *findings.HelpedCPU) *Figure {
	kinds := [3]delayKind{
		{"recorded", ink, draw.CircleGlyph{}, nil},
		{"the same, in the loop", ownerBlue, draw.PyramidGlyph{}, []float64{0.5, 0.25}},
		{withPatch(all) + ", in the loop", patchGreen, draw.BoxGlyph{}, []float64{0.9, 0.2}},
	}
	var used []delayKind
	var list [][]findings.Level
	lo, hi, most := math.Inf(1), 0.0, int64(0)
	for i, levels := range c.Levels {
		if len(levels) == 0 {
			continue
		}
		used, list = append(used, kinds[i]), append(list, levels)
		lo, hi = min(lo, levels[0].NS.Low), max(hi, levels[len(levels)-1].NS.High)
		most = max(most, int64(math.Pow(10, levels[len(levels)-1].Nine)))
	}
	if len(c.Levels[0]) == 0 {
		return nil
	}
	owner := h.Loop.Program.Tasks[c.Owner]
	p99 := func(o *loop.Outcome) string { return say.Duration(o.Tasks[c.Owner].Delay.P99.Mid) }
	recorded, base, other := p99(&h.Loop.Recorded), p99(&h.Loop.Outcomes[0]), p99(h.Other)
	return &Figure{
		Name:  figureName(c.CPU, "helped-delay"),
		Title: fmt.Sprintf("p99 of the sch delay of %s: %s recorded, %s in the loop, %s there %s", say.CommName(replay.TaskRef{PID: owner.PID, Comm: owner.Comm}), recorded, base, other, withPatch(all)),
		Caption: "The share of the owner’s wakings that waited no longer, on a scale of nines; a curve further right is worse. The tinted band holds the curve in most of the runs. " +
			"How far the blue curve lies from the black one is the loop’s own error.",
		desc:   fmt.Sprintf("p99 is %s in the recording, %s in the loop's baseline and %s under the other kernel.", recorded, base, other),
		height: high(20, 20),
		draw:   drawLevels(list, used, lo, hi, most, replay.SchDelay),
	}
}

// maxSimulated bounds the CPUs that have a lane of their own in a simulated strip.
const maxSimulated = 14

// simulatedStrip shows who runs on the isolated CPU and the other CPUs of its LLC under the
// other kernel, in the first run: the owner as simulated.
func simulatedStrip(all *findings.Findings, h *findings.Helped, c *findings.HelpedCPU) *Figure {
	first := h.FirstOf(h.Other, all.Result, c)
	ax := axes.TimeFor(h.Loop.Program.Start, h.Loop.Program.End)
	var held, ran int64
	for _, s := range first.Slices {
		if s.Intruder {
			ran += s.End - s.Start
			if int(s.CPU) == c.CPU {
				held += s.End - s.Start
			}
		}
	}
	st := strip{title: fmt.Sprintf("under %s, run 1 of %d, as simulated", say.Clean(h.Other.Kernel), h.Loop.Runs), lanes: simulatedLanes(&first, ax), bare: true}
	f := &Figure{
		Name:  figureName(c.CPU, "simulated"),
		Title: fmt.Sprintf("CPU %d and its LLC %s, as simulated: the intruders run for %s, %s of it on CPU %d", c.CPU, withPatch(all), say.Duration(ran), say.Duration(held), c.CPU),
		Caption: "Who runs where in the first run of the closed loop: the owner in blue, the tasks that intruded in the recording in orange, all others in light blue, one upon the other. " +
			"The height of a bar is the share of its pixel column. Who gets through the recorded work before its end does nothing more.",
		height: stripHeight([]strip{st}),
		draw:   drawStrips([]strip{st}, ax, nil),
	}
	f.desc = say.Plain(f.Title) + "."
	return f
}

// simulatedLanes makes a lane for each CPU, the isolated one first; those that are too many
// share one. The last has the intruders where they run on none of them.
func simulatedLanes(first *findings.FirstRun, ax axes.Time) []lane {
	own := first.CPUs
	if len(own) > maxSimulated+1 {
		own = own[:maxSimulated]
	}
	rest := len(first.CPUs) - len(own)
	base := &columns.Timebase{}
	base.Cover(ax.Start, ax.End)
	at := map[int32]int{}
	for i, cpu := range first.CPUs {
		at[int32(cpu)] = min(i, len(own))
	}
	// What covers each lane, one upon the other: the owner, intruders too, others too.
	cover := make([][3]columns.Coverage, len(own)+2)
	for i := range cover {
		for j := range cover[i] {
			cover[i][j] = columns.NewCoverage(base)
			cover[i][j].Sync()
		}
	}
	away := false
	for _, s := range first.Slices {
		i, in := at[s.CPU]
		if !in {
			i = len(own) + 1
		}
		for j := range 3 {
			if s.Owner || j > 0 && s.Intruder || j > 1 && in {
				cover[i][j].Add(s.Start, s.End)
				away = away || !in
			}
		}
	}
	var out []lane
	for i := range cover {
		k := &cover[i]
		name := fmt.Sprintf("%d more CPUs", rest)
		switch {
		case i == len(own) && rest == 0, i > len(own) && !away:
			continue
		case i > len(own):
			name = "elsewhere"
		case i == len(own):
			for j := range k {
				for x := range k[j].Cells {
					k[j].Cells[x] /= int64(rest)
				}
			}
		case i == 0:
			name = fmt.Sprintf("CPU %d, isolated", own[i])
		default:
			name = fmt.Sprintf("CPU %d", own[i])
		}
		out = append(out, lane{name: name, style: laneOther, solid: &k[2], over: []overlay{{laneIntruder, &k[1]}, {laneOwner, &k[0]}}, note: "idle"})
	}
	return out
}
