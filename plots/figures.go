package plots

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Bounds on the figures of one report.
const (
	MaxFigureCPUs  = 4 // CPUs that get figures
	maxStripLanes  = 5 // intruders told apart in a strip
	MaxLandings    = 3 // intruders whose landing is drawn
	maxEntryMarks  = 400
	maxLandingCPUs = 256
)

// Set is the figures of a report by section, and the sentences that stand
// where one would be empty.
type Set struct {
	// CPU holds the figures of an isolated CPU, by number.
	CPU map[int]*CPUFigures
	// Landing are those of where wakeups land, placements if there is no
	// intruder.
	Landing []*Figure
	// NoLanding says why there is none.
	NoLanding string
	// Matrix is from where to where all wakeups went, nil if that is not known.
	Matrix *Figure
	// Topology is the machine, noTopology why there is none.
	Topology   *Figure
	NoTopology string
}

type CPUFigures struct {
	Strip, Entry, DelayTime, DelayCDF, DelayHeat, Runs *Figure
	// Why a figure is not there.
	NoEntry, NoDelay, NoRuns string
}

// All returns the figures in the order of the report.
func (s *Set) All(cpus []*findings.CPU) []*Figure {
	var out []*Figure
	for _, c := range cpus {
		if f := s.CPU[c.CPU]; f != nil {
			for _, g := range []*Figure{f.Strip, f.Entry, f.DelayTime, f.DelayCDF, f.DelayHeat, f.Runs} {
				if g != nil {
					out = append(out, g)
				}
			}
		}
	}
	out = append(out, s.Landing...)
	for _, g := range []*Figure{s.Matrix, s.Topology} {
		if g != nil {
			out = append(out, g)
		}
	}
	return out
}

// BuildFigures makes the figures of a report.
func BuildFigures(f *findings.Findings, col *Collector) *Set {
	res, cpus := f.Result, f.CPUs
	set := &Set{CPU: map[int]*CPUFigures{}}
	for _, c := range cpus {
		// CPUs that nobody held come last; one of them still shows that.
		if len(set.CPU) == MaxFigureCPUs || len(set.CPU) > 0 && c.All.Stays() == 0 {
			break
		}
		if t := col.CPUs[c.CPU]; t != nil {
			set.CPU[c.CPU] = buildCPUFigures(res, t, c, &col.near)
		}
	}
	set.landings(res, col, cpus)
	set.Matrix = matrixFigure(res, col)
	set.Topology, set.NoTopology = topologyFigure(f)
	return set
}

func buildCPUFigures(res *replay.Result, t *CPUTrack, c *findings.CPU, n *near) *CPUFigures {
	f := &CPUFigures{Strip: stripFigure(res, t, c)}
	f.Entry, f.NoEntry = entryFigure(t, c, n)
	f.DelayTime, f.DelayCDF, f.NoDelay = delayFigures(res, t, c)
	if f.DelayCDF != nil {
		f.DelayHeat = heatFigure(res, t, c)
	}
	f.Runs, f.NoRuns = runsFigure(t, c)
	return f
}

// name of a figure's file.
func figureName(cpu int, what string) string { return fmt.Sprintf("cpu%d-%s", cpu, what) }

// shortName is a task's name for tight places.
func shortName(t replay.TaskRef) string { return say.Plain(say.CommName(t)) }

// fullName is a task's name with its pid.
func fullName(t replay.TaskRef) string { return say.Plain(say.TaskName(t)) }

// intruderWords names those who held a CPU: "ksmd", "3 tasks".
func intruderWords(c *findings.CPU) string {
	switch n := len(c.Tasks); n {
	case 0:
		return "a foreign task"
	case 1:
		return say.CommName(c.Tasks[0].Task)
	case 2:
		return say.CommName(c.Tasks[0].Task) + " or " + say.CommName(c.Tasks[1].Task)
	default:
		return fmt.Sprintf("one of %d foreign tasks", n)
	}
}

func OwnerName(c *findings.CPU) string {
	if c.Owner == nil {
		return "the owner"
	}
	return say.CommName(*c.Owner)
}

// baseLanes are the lanes that a CPU has beside its intruders'.
func ownerLane(t *CPUTrack, c *findings.CPU) []lane {
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

// classPick chooses the slices of classes that are no intruder's.
func classPick(classes ...replay.Class) func(*sliver) bool {
	return func(s *sliver) bool { return !s.intruder && slices.Contains(classes, s.class) }
}

func (t *CPUTrack) merged(classes ...replay.Class) *coverage {
	var sum *coverage
	for _, cl := range classes {
		k, ok := t.class[cl]
		if !ok {
			continue
		}
		if sum == nil {
			n := newCoverage(t.base)
			sum = &n
		}
		k.sync()
		sum.sync()
		for i, v := range k.cells {
			sum.cells[i] += v
		}
	}
	return sum
}

// gaps is the part of the window of which the recording does not tell who ran.
func (t *CPUTrack) gaps(start, end int64) *coverage {
	g := newCoverage(t.base)
	g.add(start, end)
	for _, k := range t.class {
		k.sync()
		for i, v := range k.cells {
			g.cells[i] -= v
		}
	}
	for _, k := range t.byTime() {
		k.cover.sync()
		for i, v := range k.cover.cells {
			g.cells[i] -= v
		}
	}
	if k, ok := t.class[replay.ClassUnknown]; ok {
		for i, v := range k.cells {
			g.cells[i] += v
		}
	}
	any := false
	for i, v := range g.cells {
		g.cells[i] = max(v, 0)
		any = any || v > 0
	}
	if !any {
		return nil
	}
	return &g
}

func stripFigure(res *replay.Result, t *CPUTrack, c *findings.CPU) *Figure {
	ax := axisFor(res.Start, res.End)
	t.base.cover(res.Start, res.End)
	before := strip{title: "recorded"}
	if res.BaselineKernel() != nil {
		before.title = "recorded, kernel " + say.Kernel(res.BaselineKernel())
	}
	before.lanes = ownerLane(t, c)
	after := strip{lanes: ownerLane(t, c)}
	list := t.byTime()
	var rest *taskTrack
	if len(list) > maxStripLanes {
		rest = newTaskTrack(t.base, replay.TaskRef{PID: parser.NoPID, Comm: "more"})
		for _, k := range list[maxStripLanes:] {
			rest.ns += k.ns
			for _, p := range [][2]coverage{{rest.cover, k.cover}, {rest.certain, k.certain}, {rest.possible, k.possible}} {
				p[0].sync()
				p[1].sync()
				for i, v := range p[1].cells {
					p[0].cells[i] += v
				}
			}
		}
	}
	resident := map[int32]bool{}
	for _, h := range c.Tasks {
		resident[h.Task.PID] = h.Residents > 0
	}
	// Those that have a lane of their own, by pid.
	named := map[int32]bool{}
	for i, k := range list {
		if i < maxStripLanes && k != t.rest {
			named[k.task.PID] = true
		}
	}
	add := func(name string, k *taskTrack) {
		short := shortName(k.task)
		mine := func(s *sliver) bool {
			if k == rest || k == t.rest {
				return s.intruder && !named[s.pid]
			}
			return s.intruder && s.pid == k.task.PID
		}
		before.lanes = append(before.lanes, lane{name: name, short: short, style: laneIntruder, solid: &k.cover, pickSolid: mine})
		after.lanes = append(after.lanes, lane{
			name: name, short: short, style: laneIntruder, solid: &k.certain, possible: &k.possible, note: "gone",
			pickSolid:    func(s *sliver) bool { return s.patched == replay.MovedCertain && mine(s) },
			pickPossible: func(s *sliver) bool { return s.patched == replay.MovedPossible && mine(s) },
		})
	}
	for i, k := range list {
		if i == maxStripLanes {
			break
		}
		name := fullName(k.task)
		if k == t.rest {
			name = "other intruders"
		} else if resident[k.task.PID] {
			name += ", resident"
		}
		add(name, k)
	}
	if rest != nil {
		add(say.Counted(int64(len(c.Tasks)-maxStripLanes), "more intruder"), rest)
	}
	if k := t.merged(replay.ClassPinned); k != nil {
		before.lanes = append(before.lanes, lane{name: "pinned here too", style: laneOther, solid: k, pickSolid: classPick(replay.ClassPinned)})
	}
	if k := t.merged(replay.ClassHousekeeping, replay.ClassRecorder); k != nil {
		name := "housekeeping"
		if _, ok := t.class[replay.ClassRecorder]; ok {
			if name += ", recorder"; len(t.class) > 0 && t.merged(replay.ClassHousekeeping) == nil {
				name = "recorder"
			}
		}
		before.lanes = append(before.lanes, lane{name: name, style: laneOther, solid: k, pickSolid: classPick(replay.ClassHousekeeping, replay.ClassRecorder)})
	}
	if k := t.merged(replay.ClassIdle); k != nil {
		before.lanes = append(before.lanes, lane{name: "idle", style: laneIdle, solid: k, pickSolid: classPick(replay.ClassIdle)})
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
	marks := entryMarks(c)
	before.raised = len(marks) > 1
	strips := []strip{before}
	if len(list) > 0 && res.Patched != nil && res.Baseline != replay.RolePatched {
		after.title = fmt.Sprintf("under %s: what remains of the intruders", say.Kernel(res.Patched))
		after.bare = c.Came.Remains.MaxNS == 0
		strips = append(strips, after)
		f.Caption += " Below, the intruders as the patched kernel would have placed them: full where they surely remain, hatched where they may; the owner as recorded."
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
	var names []string
	for _, l := range strips[0].lanes {
		names = append(names, l.name)
	}
	s += " " + say.Join(names) + "."
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

// entryFigure is the close-up of how the main stay began.
func entryFigure(t *CPUTrack, c *findings.CPU, n *near) (*Figure, string) {
	main := c.Came.Main
	if main == nil {
		if c.Resident.Main != nil {
			return nil, "There is no close-up of an entry: every foreign task was on the CPU already when the capture begins."
		}
		return nil, ""
	}
	k := t.clipOf(c.Came.MainIndex)
	if k == nil || len(k.runs) < 2 {
		return nil, "There is no close-up of this entry: close-ups are kept of the first entries only."
	}
	at := main.Arrived
	if main.Entry != nil {
		at = main.Entry.Time
	}
	// From a little before the entry to the end of the third foreign run.
	end, seen := at+1, 0
	for i := range k.runs {
		r := &k.runs[i]
		if r.Start >= at && findings.IsIntruder(r) && seen < 3 {
			seen++
			end = r.End
		}
	}
	if seen == 0 {
		return nil, "There is no close-up of this entry: the runs around it were not kept."
	}
	start := at - (end-at)*2/5
	end += (end - at) / 10
	start, end = max(start, k.runs[0].Start), min(end, k.runs[len(k.runs)-1].End)
	base := &timebase{}
	base.cover(start, end)
	type key struct {
		style laneStyle
		pid   int32
	}
	covers := map[key]*coverage{}
	names, shorts := map[key]string{}, map[key]string{}
	var order []key
	for i := range k.runs {
		r := &k.runs[i]
		if r.End <= start || r.Start >= end {
			continue
		}
		id, name := key{laneOther, -1}, "housekeeping, others"
		switch {
		case findings.IsIntruder(r):
			id, name = key{laneIntruder, r.Task.PID}, fullName(r.Task)
		case r.Class == replay.ClassOwner:
			id, name = key{laneOwner, 0}, "owner "+shortName(r.Task)
		case r.Class == replay.ClassIdle:
			id, name = key{laneIdle, 0}, "idle"
		case r.Class == replay.ClassUnknown:
			id, name = key{laneUnknown, 0}, "not known"
		}
		if covers[id] == nil {
			n := newCoverage(base)
			covers[id], names[id], shorts[id] = &n, name, ""
			if id.style == laneIntruder || id.style == laneOwner {
				shorts[id] = shortName(r.Task)
			}
			order = append(order, id)
		}
		covers[id].add(max(r.Start, start), min(r.End, end))
	}
	slices.SortStableFunc(order, func(a, b key) int { return cmp.Compare(a.style, b.style) })
	s := strip{title: fmt.Sprintf("CPU %d, recorded, close-up", c.CPU)}
	for _, id := range order {
		s.lanes = append(s.lanes, lane{name: names[id], short: shorts[id], style: id.style, solid: covers[id]})
	}
	does, what, label := "comes to", "entry", "arrival"
	if main.How == replay.CameUnseen {
		does, what, label = "is first seen on", "first sight", "first seen"
	}
	f := &Figure{
		Name:  figureName(c.CPU, "entry"),
		Title: fmt.Sprintf("%s %s CPU %d at %s", say.CommName(main.Task), does, c.CPU, say.Clock(at)),
		Caption: fmt.Sprintf("The %s and the first %s of foreign tasks, slice by slice.",
			what, say.Counted(int64(seen), "run")),
	}
	strips := []strip{s}
	if beside, left := n.strip(c.CPU, at, start, end, base); beside != nil {
		strips = append(strips, *beside)
		f.Caption += " Below, the other CPUs of its LLC: blank where idle, hatched where the recording does not tell." + busyWords(n.busyAt(c.CPU, at))
		if left > 0 {
			f.Caption += fmt.Sprintf(" %s are left out.", say.Counted(int64(left), "CPU"))
		}
	}
	f.desc = fmt.Sprintf("Close-up of %s of CPU %d around %s: who ran, slice by slice.", say.Duration(end-start), c.CPU, say.Clock(at))
	f.height = stripHeight(strips)
	if main.Entry != nil {
		label = "woken"
		if main.Entry.WakerCPU >= 0 {
			label = fmt.Sprintf("woken on CPU %d", main.Entry.WakerCPU)
		}
	}
	f.draw = drawStrips(strips, axisFor(start, end), []moment{{at: at, label: label}})
	return f, ""
}

func delayFigures(res *replay.Result, t *CPUTrack, c *findings.CPU) (overTime, cdf *Figure, why string) {
	free, intruded := c.Delays()
	if c.Owner == nil {
		return nil, nil, fmt.Sprintf("There is no figure of delays: the owner of CPU %d is not known.", c.CPU)
	}
	if free+intruded == 0 {
		return nil, nil, fmt.Sprintf("There is no figure of delays: the recording shows no waking of %s.", OwnerName(c))
	}
	kinds := delayKinds(say.Plain(intruderWords(c)))
	ax := axisFor(res.Start, res.End)
	var worst *replay.Slice
	if len(c.LongestDelays) > 0 {
		worst = &c.LongestDelays[0].Run
	}
	title := fmt.Sprintf("%s waited at most %s for CPU %d", OwnerName(c), say.Duration(c.Worst()), c.CPU)
	if intruded > 0 && free > 0 {
		title = fmt.Sprintf("%s waited up to %s for CPU %d with an intruder on it, up to %s without",
			OwnerName(c), say.Duration(c.OwnerDelayIntruded.Max()), c.CPU, say.Duration(c.OwnerDelay.Max()))
	}
	overTime = &Figure{
		Name: figureName(c.CPU, "delay"), Title: title,
		Caption: "The owner’s sch delay (from waking to running) over time: a line from the least to the greatest of each pixel column, a marker on the greatest.",
		desc:    delayDescription(c),
		height: func(s size) float64 {
			if s.narrow {
				return 19
			}
			return 18
		},
		draw:  drawDelayTime([2]extents{t.delay, t.intruded}, kinds, ax, worst),
		chart: chartDelay(t, [2]extents{t.delay, t.intruded}, kinds, ax),
	}
	if free+intruded < 3 {
		return overTime, nil, fmt.Sprintf("There is no distribution: the recording shows only %s of %s.", say.Counted(free+intruded, "waking"), OwnerName(c))
	}
	cdf = &Figure{
		Name:    figureName(c.CPU, "delay-cdf"),
		Title:   fmt.Sprintf("Distribution of %s’s sch delay on CPU %d", OwnerName(c), c.CPU),
		Caption: "The share of the owner’s wakings that waited no longer, on a scale of nines. A percentile is labelled if at least one waking lies above it.",
		desc:    delayDescription(c),
		height: func(s size) float64 {
			if s.narrow {
				return 21
			}
			return 20
		},
		draw:  drawDelayCDF([2]*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded}, kinds),
		chart: chartCDF([2]*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded}, kinds),
	}
	return overTime, cdf, ""
}

func delayDescription(c *findings.CPU) string {
	var parts []string
	for i, h := range []*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded} {
		if h == nil || h.Count() == 0 {
			continue
		}
		with := [2]string{"without", "with"}[i]
		s := fmt.Sprintf("%s %s an intruder on the core: median %s", say.Counted(h.Count(), "waking"), with, say.Duration(h.Percentile(50)))
		for _, p := range []float64{99, 99.9} {
			if stats.HasPercentile(p, h.Count()) {
				s += fmt.Sprintf(", p%g %s", p, say.Duration(h.Percentile(p)))
			}
		}
		parts = append(parts, s+fmt.Sprintf(", longest %s", say.Duration(h.Max())))
	}
	return say.Join(parts) + "."
}

// runsFigure shows the run lengths and the period of the intruder that held
// the CPU longest.
func runsFigure(t *CPUTrack, c *findings.CPU) (*Figure, string) {
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
		title: "how long each run was", axis: "length of a run, logarithmic", noun: "runs", h: k.length, clr: intruderRd,
	}}
	caption := "How long the intruder’s runs were"
	if k.period.Count() > 1 {
		panels = append(panels, histPanel{
			title: "how long from run to run", axis: "from one run’s start to the next’s, logarithmic", noun: "intervals", h: k.period, clr: intruderRd,
		})
		caption += ", and how regularly it came back: a narrow peak is a timer"
	}
	f := &Figure{
		Name:    figureName(c.CPU, "runs"),
		Title:   fmt.Sprintf("%s ran %s at a time on CPU %d, mostly", say.CommName(k.task), say.Duration(k.length.Median()), c.CPU),
		Caption: caption + ". Runs cut by the window’s edge are left out.",
		desc:    fmt.Sprintf("%s: median %s, longest %s.", say.Counted(k.length.Count(), "run"), say.Duration(k.length.Median()), say.Duration(k.length.Max())),
		height:  histHeight(len(panels)),
		draw:    drawHists(panels),
	}
	if k.period.Count() > 1 {
		f.Title = fmt.Sprintf("%s ran on CPU %d about every %s, for %s (medians)", say.CommName(k.task), c.CPU, say.Duration(k.period.Median()), say.Duration(k.length.Median()))
		f.desc += fmt.Sprintf(" From run to run: median %s, longest %s.", say.Duration(k.period.Median()), say.Duration(k.period.Max()))
	}
	return f, ""
}

// landings draws where the intruders' wakeups land; without intruders, where
// all of them do.
func (s *Set) landings(res *replay.Result, col *Collector, cpus []*findings.CPU) {
	iso, _ := res.Isolated.Get()
	ns := map[int32]int64{}
	for _, c := range cpus {
		for _, h := range c.Tasks {
			ns[h.Task.PID] += h.NS
		}
	}
	list := slices.Clone(res.Landings)
	slices.SortStableFunc(list, func(a, b *replay.Landing) int {
		return cmp.Or(cmp.Compare(ns[b.Task.PID], ns[a.Task.PID]), cmp.Compare(a.Task.PID, b.Task.PID))
	})
	for _, l := range list {
		if len(s.Landing) == MaxLandings {
			break
		}
		if len(l.Recorded)+len(l.Original)+len(l.Patched) == 0 {
			continue
		}
		rows := landingRows(res, l.Recorded, l.Original, l.Patched)
		var before, after int64
		for cpu, n := range l.Recorded {
			if iso.Test(cpu) {
				before += n
			}
		}
		for cpu, n := range l.Patched {
			if iso.Test(cpu) {
				after += n
			}
		}
		where := "isolated CPUs"
		if iso.Weight() == 1 {
			where = fmt.Sprintf("CPU %d", iso.First())
		}
		f := &Figure{
			Name:    fmt.Sprintf("landing-%d", l.Task.PID),
			Title:   fmt.Sprintf("Wakeups of %s that landed on %s: %s recorded, %s with the patch", say.CommName(l.Task), where, say.Count(before), say.Count(after)),
			Caption: "How often the task’s wakeups landed on each CPU: as recorded, and as the model predicts it under both kernels.",
			desc:    fmt.Sprintf("Recorded: %s. Predicted under the patched kernel: %s.", landingWords(l.Recorded), landingWords(l.Patched)),
		}
		s.finishLanding(f, res, rows, iso)
	}
	if len(s.Landing) > 0 {
		return
	}
	if len(col.placed) == 0 {
		s.NoLanding = "There is no figure of where wakeups land: the recording shows no selection of a CPU."
		return
	}
	var m [3]map[int]int64
	for i := range m {
		m[i] = map[int]int64{}
		for cpu, n := range col.placed {
			if n[i] > 0 {
				m[i][cpu] = n[i]
			}
		}
	}
	f := &Figure{
		Name:    "placements",
		Title:   "Where the wakeups of all tasks land",
		Caption: "How often each CPU was chosen, over all decisions: as recorded, and as the model predicts it under both kernels.",
		desc:    fmt.Sprintf("Recorded: %s.", landingWords(m[0])),
	}
	s.finishLanding(f, res, landingRows(res, m[0], m[1], m[2]), iso)
}

func landingRows(res *replay.Result, recorded, original, patched map[int]int64) []landingRow {
	rows := []landingRow{{"recorded", ink, recorded}}
	if len(original) > 0 && res.Original != nil {
		rows = append(rows, landingRow{"model of " + say.Kernel(res.Original), ownerBlue, original})
	}
	if len(patched) > 0 && res.Patched != nil {
		rows = append(rows, landingRow{"model of " + say.Kernel(res.Patched), patchGreen, patched})
	}
	return rows
}

func (s *Set) finishLanding(f *Figure, res *replay.Result, rows []landingRow, iso cpumask.Mask) {
	var used cpumask.Mask
	for _, r := range rows {
		for cpu := range r.counts {
			used.Set(cpu)
		}
	}
	groups, left := cpuGroups(res, used, iso)
	if left > 0 {
		f.Caption += fmt.Sprintf(" CPUs that were never chosen are left out where there are too many (%d).", left)
	}
	if len(rows) == 1 {
		f.Caption = strings.Replace(f.Caption, ": as recorded, and as the model predicts it under both kernels", ", as recorded; the model has no prediction", 1)
	}
	f.height, f.draw = landingHeight(len(rows)), drawLanding(rows, groups, iso, "wakeups that landed on the CPU")
	s.Landing = append(s.Landing, f)
}

// landingWords lists the CPUs chosen most.
func landingWords(m map[int]int64) string {
	type e struct {
		cpu int
		n   int64
	}
	var list []e
	for c, n := range m {
		list = append(list, e{c, n})
	}
	slices.SortFunc(list, func(a, b e) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.cpu, b.cpu)) })
	var words []string
	for _, x := range list {
		words = append(words, fmt.Sprintf("CPU %d %s", x.cpu, say.Times(x.n)))
	}
	if len(words) == 0 {
		return "none"
	}
	return say.JoinUpTo(words, 8, "CPU")
}

// cpuGroups arranges the CPUs of the host by LLC; where they are too many for
// a figure, those that were used, and counts the others.
func cpuGroups(res *replay.Result, used, isolated cpumask.Mask) ([]cpuGroup, int) {
	all := used.Or(isolated)
	known := false
	if res.Host != nil {
		if m, ok := res.Host.Possible.Get(); ok {
			all = all.Or(m)
		}
		for cpu, info := range res.Host.CPU {
			if info.Known {
				known = true
				all.Set(cpu)
			}
		}
	}
	left := 0
	if all.Weight() > maxLandingCPUs {
		n := all.Weight()
		all = used.Or(isolated)
		for all.Weight() > maxLandingCPUs {
			all.Clear(all.Last())
		}
		left = n - all.Weight()
	}
	if !known {
		return []cpuGroup{{"", all.Slice()}}, left
	}
	var groups []cpuGroup
	rest := all.Clone()
	for cpu := rest.First(); cpu >= 0; cpu = rest.First() {
		llc := cpumask.Of(cpu)
		name := ""
		if cpu < len(res.Host.CPU) && res.Host.CPU[cpu].Known && res.Host.CPU[cpu].LLC.Test(cpu) {
			llc = res.Host.CPU[cpu].LLC
			name = llc.String()
		}
		members := llc.And(rest)
		groups = append(groups, cpuGroup{name, members.Slice()})
		rest.Remove(members)
	}
	return groups, left
}
