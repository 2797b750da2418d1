package plots

import (
	"cmp"
	"fmt"
	"slices"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/kept"
	"schedreplay/plots/internal/near"
	"schedreplay/replay"
)

// entryFigure is the close-up of how the main stay began; nil and the reason where there is
// none.
func entryFigure(t *cpuTrack, c *findings.CPU, n *near.Near) (*Figure, string) {
	main := c.Came.Main
	if main == nil {
		if c.Resident.Main != nil {
			return nil, "There is no close-up of an entry: every foreign task was on the CPU already when the capture begins."
		}
		return nil, ""
	}
	k := t.clips.Of(c.Came.MainIndex)
	if k == nil || len(k.Runs) < 2 {
		return nil, "There is no close-up of this entry: close-ups are kept of the first entries only."
	}
	at := main.Arrived
	if main.Entry != nil {
		at = main.Entry.Time
	}
	start, end, seen := k.Span(at)
	if seen == 0 {
		return nil, "There is no close-up of this entry: the runs around it were not kept."
	}
	base := &columns.Timebase{}
	base.Cover(start, end)
	marks := markLanes(k, c, start, end, base)
	strips := []strip{{title: fmt.Sprintf("CPU %d, recorded, close-up", c.CPU), lanes: append(marks, closeLanes(k, start, end, base)...)}}
	does, what, label := "comes to", "entry", "arrival"
	switch {
	case main.How == replay.CameUnseen:
		does, what, label = "is first seen on", "first sight", "first seen"
	case main.Entry != nil && main.Entry.WakerCPU >= 0:
		label = fmt.Sprintf("woken on CPU %d", main.Entry.WakerCPU)
	case main.Entry != nil:
		label = "woken"
	}
	f := &Figure{
		Name:    figureName(c.CPU, "entry"),
		Title:   fmt.Sprintf("%s %s CPU %d at %s", say.CommName(main.Task), does, c.CPU, say.Clock(at)),
		Caption: fmt.Sprintf("The %s and the first %s of foreign tasks, slice by slice.", what, say.Counted(int64(seen), "run")),
		desc:    fmt.Sprintf("Close-up of %s of CPU %d around %s: who ran, slice by slice.", say.Duration(end-start), c.CPU, say.Clock(at)),
	}
	if len(marks) > 0 {
		f.Caption += interruptCaption
		if k.MarksFrom > start || k.MarksTo < end {
			f.Caption += " They are hatched where there were too many to keep."
		}
	}
	var queued []waiting
	if main.Entry != nil {
		queued = waitingAt(n, c.CPU, main.Entry)
	}
	if beside, left := besideStrip(n, c.CPU, at, start, end, base, queued); beside != nil {
		strips = append(strips, *beside)
		f.Caption += " Below, the other CPUs of its LLC: blank where no task ran, hatched where the recording does not tell." + busyWords(n.BusyAt(c.CPU, at)) + waitingWords(queued)
		if left > 0 {
			f.Caption += fmt.Sprintf(" %s are left out.", say.Counted(int64(left), "CPU"))
		}
	}
	f.height = stripHeight(strips)
	f.draw = drawStrips(strips, axes.TimeFor(start, end), []moment{{at: at, label: label}})
	return f, ""
}

// closeLanes are who ran on the CPU, slice by slice.
func closeLanes(k *kept.Clip, start, end int64, base *columns.Timebase) []lane {
	type key struct {
		style laneStyle
		pid   int32
	}
	at := map[key]int{}
	var lanes []lane
	for i := range k.Runs {
		r := &k.Runs[i]
		if r.End <= start || r.Start >= end {
			continue
		}
		id, l := key{laneOther, -1}, lane{name: "housekeeping, others"}
		switch {
		case findings.IsIntruder(r):
			id, l = key{laneIntruder, r.Task.PID}, lane{name: fullName(r.Task), short: shortName(r.Task)}
		case r.Class == replay.ClassOwner:
			id, l = key{laneOwner, 0}, lane{name: "owner " + shortName(r.Task), short: shortName(r.Task)}
		case r.Class == replay.ClassIdle:
			id, l = key{laneIdle, 0}, lane{name: "idle"}
		case r.Class == replay.ClassUnknown:
			id, l = key{laneUnknown, 0}, lane{name: "not known"}
		}
		n, ok := at[id]
		if !ok {
			n = len(lanes)
			cover := columns.NewCoverage(base)
			l.style, l.solid = id.style, &cover
			at[id], lanes = n, append(lanes, l)
		}
		lanes[n].solid.Add(max(r.Start, start), min(r.End, end))
	}
	slices.SortStableFunc(lanes, func(a, b lane) int { return cmp.Compare(a.style, b.style) })
	return lanes
}
