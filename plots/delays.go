package plots

import (
	"fmt"

	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/replay"
	"schedreplay/stats"
)

// waitFigures are those of the owner's waits of one kind: over time, their distribution,
// and both together.
func waitFigures(res *replay.Result, t *cpuTrack, c *findings.CPU, kind replay.WaitKind) (f WaitFigures) {
	w, noun, name := &c.Waits[kind], say.WaitNoun(kind), [replay.WaitKinds]string{"delay", "gap"}[kind]
	if c.Owner == nil {
		f.Why = fmt.Sprintf("There is no figure of delays: the owner of CPU %d is not known.", c.CPU)
		return f
	}
	if w.Count() == 0 {
		f.Why = fmt.Sprintf("There is no figure: the recording shows no %s of %s.", [replay.WaitKinds]string{"waking", noun}[kind], OwnerName(c))
		return f
	}
	f.Causes = causesFigure(c, kind)
	kinds := delayKinds(say.Plain(intruderWords(c)))
	ax := axes.TimeFor(res.Start, res.End)
	title := fmt.Sprintf([replay.WaitKinds]string{"%s waited at most %s for CPU %d", "%[1]s was off CPU %[3]d for at most %[2]s while runnable"}[kind], OwnerName(c), say.Duration(w.Worst()), c.CPU)
	if w.Intruded.Count() > 0 && w.Free.Count() > 0 {
		title = fmt.Sprintf([replay.WaitKinds]string{"%s waited up to %s for CPU %d with an intruder on it, up to %s without", "%[1]s was off CPU %[3]d for up to %[2]s with an intruder on it, up to %[4]s without"}[kind],
			OwnerName(c), say.Duration(w.Intruded.Max()), c.CPU, say.Duration(w.Free.Max()))
	}
	var worst *replay.Slice
	if l := c.LongestWaits[kind]; len(l) > 0 {
		worst = &l[0]
	}
	f.Time = &Figure{
		Name: figureName(c.CPU, name), Title: title,
		Caption: fmt.Sprintf("The owner’s %s (%s) over time: a line from the least to the greatest of each pixel column, a marker on the greatest.", noun, say.WaitWords(kind)),
		desc:    waitDescription(w, kind), height: high(18, 19),
		draw:  drawDelayTime(t.waits[kind].over, kinds, ax, worst, noun),
		chart: chartDelay(t, kind, kinds, ax),
	}
	if w.Count() < 3 {
		f.Why = fmt.Sprintf("There is no distribution: the recording shows only %s of %s.", say.CountedWaits(w.Count(), kind), OwnerName(c))
		return f
	}
	hists, curves := []*stats.Dist{w.Free, w.Intruded}, kinds[:]
	f.Dist = &Figure{
		Name:    figureName(c.CPU, name+"-cdf"),
		Title:   fmt.Sprintf("Distribution of %s’s %s on CPU %d", OwnerName(c), noun, c.CPU),
		Caption: sharesNoLonger[kind] + ", on a scale of nines. A percentile is labelled if at least one lies above it.",
		desc:    waitDescription(w, kind), height: high(20, 21),
	}
	if kind == replay.OffCPUGap && say.PatchShortens(res, w) {
		hists, curves = append(hists, w.Patched), append(curves, delayKind{"all of them with the patch, at most", patchGreen, draw.BoxGlyph{}, []float64{0.9, 0.2}})
		f.Dist.Caption += " With the patch a gap ends where the intruder would have been elsewhere; one that it filled is gone."
	}
	f.Dist.draw, f.Dist.chart = drawDelayCDF(hists, curves, kind), chartCDF(hists, curves, kind)
	if kind == c.Kind() {
		f.Heat = heatFigure(res, t, c, kind)
	}
	return f
}

var (
	// countNouns are what waits are counted by.
	countNouns = [replay.WaitKinds]string{"wakings", "off-CPU gaps"}
	// sharesNoLonger is what a distribution of waits shows.
	sharesNoLonger = [replay.WaitKinds]string{"The share of the owner’s wakings that waited no longer", "The share of the owner’s off-CPU gaps that are no longer"}
)

func waitDescription(w *replay.Waits, kind replay.WaitKind) string {
	var parts []string
	for i, h := range []*stats.Dist{w.Free, w.Intruded} {
		if h.Count() == 0 {
			continue
		}
		with := [2]string{"without", "with"}[i]
		s := fmt.Sprintf("%s %s an intruder on the core: median %s", say.CountedWaits(h.Count(), kind), with, say.Duration(h.Median()))
		for _, p := range []float64{99, 99.9} {
			if ns, known := h.Percentile(p); known {
				s += fmt.Sprintf(", p%g %s", p, say.Duration(ns))
			}
		}
		parts = append(parts, s+fmt.Sprintf(", longest %s", say.Duration(h.Max())))
	}
	return say.Join(parts) + "."
}

// runsFigure shows the run lengths and the period of the intruder that held
// the CPU longest.
func runsFigure(t *cpuTrack, c *findings.CPU) (*Figure, string) {
	list := t.byTime()
	if len(list) == 0 {
		return nil, ""
	}
	k := list[0]
	if k == t.rest && len(list) > 1 {
		k = list[1]
	}
	if k.length.Count() < 2 {
		return nil, fmt.Sprintf("There is no histogram of runs: the recording shows %s of %s from beginning to end.",
			map[bool]string{true: "one run", false: "no run"}[k.length.Count() == 1], say.TaskName(k.task))
	}
	panels := []histPanel{{
		title: "how long each run was", axis: "length of a run, logarithmic", noun: "runs", h: k.length,
	}}
	caption := "How long the intruder’s runs were"
	if k.period.Count() > 1 {
		panels = append(panels, histPanel{
			title: "how long from run to run", axis: "from one run’s start to the next’s, logarithmic", noun: "intervals", h: k.period,
		})
		caption += ", and how regularly it came back: a narrow peak is a timer"
	}
	f := &Figure{
		Name:    figureName(c.CPU, "runs"),
		Title:   fmt.Sprintf("%s ran %s at a time on CPU %d, mostly", say.CommName(k.task), say.Duration(k.length.Median()), c.CPU),
		Caption: caption + ". Runs cut by the window’s edge are left out.",
		desc:    fmt.Sprintf("%s: median %s, longest %s.", say.Counted(k.length.Count(), "run"), say.Duration(k.length.Median()), say.Duration(k.length.Max())),
		height:  high(19, 16.3*float64(len(panels))-0.8),
		draw:    drawHists(panels),
	}
	if k.period.Count() > 1 {
		f.Title = fmt.Sprintf("%s ran on CPU %d about every %s, for %s (medians)", say.CommName(k.task), c.CPU, say.Duration(k.period.Median()), say.Duration(k.length.Median()))
		f.desc += fmt.Sprintf(" From run to run: median %s, longest %s.", say.Duration(k.period.Median()), say.Duration(k.period.Max()))
	}
	return f, ""
}
