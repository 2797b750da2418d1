package plots

import (
	"cmp"
	"fmt"
	"slices"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/kept"
	"schedreplay/replay"
)

// ownerLane is the owner's lane, nil if the owner is not known.
func ownerLane(t *cpuTrack, c *findings.CPU) []lane {
	if c.Owner == nil {
		return nil
	}
	l := lane{name: "owner " + shortName(*c.Owner), short: shortName(*c.Owner), style: laneOwner, note: "did not run"}
	if k, ok := t.class[replay.ClassOwner]; ok {
		l.solid = &k
	}
	l.pickSolid = classPick(replay.ClassOwner)
	return []lane{l}
}

// classPick chooses the slices of a class that are no intruder's.
func classPick(class replay.Class) func(*kept.Sliver) bool {
	return func(s *kept.Sliver) bool { return !s.Intruder && s.Class == class }
}

// gaps is the part of the window of which the recording does not tell who ran.
func (t *cpuTrack) gaps(start, end int64) *columns.Coverage {
	g := columns.NewCoverage(t.base)
	g.Add(start, end)
	for class, k := range t.class {
		if class != replay.ClassUnknown {
			g.Merge(k, -1)
		}
	}
	for _, k := range t.byTime() {
		g.Merge(k.cover, -1)
	}
	any := false
	for i, v := range g.Cells {
		g.Cells[i] = max(v, 0)
		any = any || v > 0
	}
	if !any {
		return nil
	}
	return &g
}

// intruderLanes are the lanes of the intruders: as recorded, and what remains of them. The
// longest have one each, the others share the last.
func intruderLanes(t *cpuTrack, c *findings.CPU) (recorded, remains []lane) {
	list := t.byTime()
	names := map[int32]string{} // of those that have a lane of their own
	for _, h := range c.Tasks {
		if names[h.Task.PID] = fullName(h.Task); h.Residents > 0 {
			names[h.Task.PID] += ", resident"
		}
	}
	named := map[int32]bool{}
	for _, k := range list[:min(len(list), maxStripLanes)] {
		named[k.task.PID] = k != t.rest
	}
	add := func(name string, k *taskTrack, own bool) {
		short := shortName(k.task)
		mine := func(s *kept.Sliver) bool { return s.Intruder && (own && s.PID == k.task.PID || !own && !named[s.PID]) }
		recorded = append(recorded, lane{name: name, short: short, style: laneIntruder, solid: &k.cover, pickSolid: mine})
		remains = append(remains, lane{
			name: name, short: short, style: laneIntruder, solid: &k.certain, possible: &k.possible, note: "gone",
			pickSolid:    func(s *kept.Sliver) bool { return s.Patched == replay.MovedCertain && mine(s) },
			pickPossible: func(s *kept.Sliver) bool { return s.Patched == replay.MovedPossible && mine(s) },
		})
	}
	for _, k := range list[:min(len(list), maxStripLanes)] {
		if k == t.rest {
			add("other intruders", k, false)
		} else {
			add(cmp.Or(names[k.task.PID], fullName(k.task)), k, true)
		}
	}
	if len(list) > maxStripLanes {
		rest := newTaskTrack(t.base, replay.TaskRef{PID: parser.NoPID, Comm: "more"})
		for _, k := range list[maxStripLanes:] {
			rest.cover.Merge(k.cover, 1)
			rest.certain.Merge(k.certain, 1)
			rest.possible.Merge(k.possible, 1)
		}
		add(say.Counted(int64(len(c.Tasks)-maxStripLanes), "more intruder"), rest, false)
	}
	return recorded, remains
}

// stripFigure shows what ran on a CPU over the whole recording, and below what remains of
// the intruders under the patched kernel.
func stripFigure(res *replay.Result, t *cpuTrack, c *findings.CPU) *Figure {
	ax := axes.TimeFor(res.Start, res.End)
	t.base.Cover(res.Start, res.End)
	recorded, remains := intruderLanes(t, c)
	before := strip{title: "recorded", lanes: slices.Concat(interruptLanes(t, c), ownerLane(t, c), recorded)}
	if k := res.BaselineKernel(); k != nil {
		before.title = "recorded, kernel " + say.Kernel(k)
	}
	for _, x := range []struct {
		class replay.Class
		name  string
		style laneStyle
	}{
		{replay.ClassPinned, "pinned here too", laneOther},
		{replay.ClassHousekeeping, "housekeeping", laneOther},
		{replay.ClassRecorder, "recorder", laneOther},
		{replay.ClassIdle, "idle", laneIdle},
	} {
		if k, ok := t.class[x.class]; ok {
			before.lanes = append(before.lanes, lane{name: x.name, style: x.style, solid: &k, pickSolid: classPick(x.class)})
		}
	}
	if k := t.gaps(res.Start, res.End); k != nil {
		before.lanes = append(before.lanes, lane{name: "not known", style: laneUnknown, solid: k})
	}
	f := &Figure{
		Name:  figureName(c.CPU, "strip"),
		Title: stripTitle(c),
		Caption: "What ran on the CPU over time. The height of a bar is the share of its pixel column in which the task ran; " +
			"a dashed line with a triangle marks an entry.",
	}
	if before.lanes != nil && before.lanes[0].style == laneInterrupt {
		f.Caption += interruptCaption
	}
	marks := entryMarks(c)
	before.raised = len(marks) > 1
	strips := []strip{before}
	if len(recorded) > 0 && res.Patched != nil && res.Baseline != replay.RolePatched {
		strips = append(strips, strip{
			title: fmt.Sprintf("under %s: what remains of the intruders", say.Kernel(res.Patched)),
			lanes: remains, bare: c.Came.Remains.MaxNS == 0,
		})
		f.Caption += " Below, the intruders as the patched kernel would have placed them: full where they surely remain, hatched where they may."
		if c.Came.Unreproduced() {
			f.Caption += " The model does not reproduce the entry, so the lower part says little."
		}
	}
	f.height = stripHeight(strips)
	f.draw = drawStrips(strips, ax, marks)
	f.chart = chartStrip(t, strips, ax, marks)
	f.desc = stripDescription(c, strips)
	return f
}

func stripTitle(c *findings.CPU) string {
	if c.All.Stays() == 0 {
		return fmt.Sprintf("No foreign task ran on CPU %d", c.CPU)
	}
	who := say.JoinUpTo(taskNames(c.Tasks, 2), 2, "task")
	return fmt.Sprintf("%s held CPU %d for %s%s, in %s", who, c.CPU, say.AtLeast(c.All.AtLeast()), say.Duration(c.All.NS), say.Counted(c.All.Runs, "run"))
}

// taskNames returns the names of the first n tasks, and empty ones for the
// rest so that they are counted.
func taskNames(tasks []*findings.Held, n int) []string {
	names := make([]string, len(tasks))
	for i, h := range tasks {
		if i < n {
			names[i] = say.CommName(h.Task)
		}
	}
	return names
}

func stripDescription(c *findings.CPU, strips []strip) string {
	s := say.Plain(stripTitle(c)) + "."
	s += fmt.Sprintf(" %s from top to bottom:", say.Counted(int64(len(strips[0].lanes)), "lane"))
	s += " " + say.Join(say.Each(strips[0].lanes, func(l lane) string { return l.name })) + "."
	if len(strips) > 1 {
		s += fmt.Sprintf(" Under the patched kernel %s of the intruders' time surely remains and at most %s may.", say.Duration(c.All.Remains.MinNS), say.Duration(c.All.Remains.MaxNS))
	}
	return s
}

// entryMarks marks the entries within the capture; the first bears the time.
func entryMarks(c *findings.CPU) []moment {
	var marks []moment
	for _, s := range c.Stays {
		if s.How == replay.CameBefore || len(marks) == maxEntryMarks {
			continue
		}
		at := s.Arrived
		if s.Entry != nil {
			at = s.Entry.Time
		}
		marks = append(marks, moment{at: at})
	}
	slices.SortStableFunc(marks, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	if len(marks) > 0 {
		n := c.Came.Stays()
		switch at := say.Clock(marks[0].at); {
		case n == c.Came.Entries.Unseen:
			marks[0].label = "first seen at " + at
		case n > 1:
			marks[0].label = fmt.Sprintf("first of %d entries, %s", n, at)
		default:
			marks[0].label = "entry at " + at
		}
	}
	return marks
}
