package replay

import (
	"slices"
	"strconv"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
)

// tracker follows the isolated CPUs that are looked at: who ran, who came and
// went, what it cost the owner.
type tracker struct {
	*worlds
	cfg  accounting
	cpu  map[int32]*trackedCPU
	list []*trackedCPU // by CPU number
	// beside are the CPUs that share an LLC with one of them.
	beside cpumask.Mask
	// land counts where tasks that may intrude land, by pid.
	land map[int32]*Landing
	// hold is what foreign tasks do to each CPU as recorded, alts what differs from that
	// in the worlds of the alternatives.
	hold map[int32]*Hold
	alt  []altTrack
}

// altTrack is what the tracker keeps of one alternative.
type altTrack struct {
	*side
	hold              map[int32]*Hold // less what is recorded
	moved             map[int32]*MovedTask
	certain, possible int64
}

// accounting says what is wanted of the isolated CPUs.
type accounting struct {
	// cpus are those to look at, empty for all; owner names their own task, empty to find
	// it; role is the baseline's.
	cpus  cpumask.Mask
	owner string
	role  Role
	// run, near and stay get what ends, nil skips it.
	run, near func(*Slice)
	stay      func(*Stay)
}

// maxTracked bounds the tasks whose landings are kept.
const maxTracked = 65_536

// trackedCPU is one isolated CPU while the replay goes.
type trackedCPU struct {
	cpu int32
	res *CPUResult
	// since is when the present run began; cut says that its begin was not seen.
	since int64
	cut   bool
	cur   int32
	known bool
	// open holds the stays in progress by pid.
	open map[int32]*openStay
	// others counts the tasks that are neither owner nor foreign.
	others map[int32]*OtherTask
	// intruder is the last foreign run: its stay, and its span.
	intruder                 *openStay
	intruderFrom, intrudedTo int64
	delay                    int64 // of the present run, NoTime if none
	intruded                 bool
}

// openStay is a stay in progress.
type openStay struct {
	Stay
	index int
	// left is what each alternative leaves of it.
	left []Remains
}

func newTracker(r *worlds, cfg accounting) *tracker {
	t := &tracker{worlds: r, cfg: cfg, cpu: map[int32]*trackedCPU{}, land: map[int32]*Landing{}, hold: map[int32]*Hold{}}
	for _, a := range r.alts {
		t.alt = append(t.alt, altTrack{side: a, hold: map[int32]*Hold{}, moved: map[int32]*MovedTask{}})
	}
	focus := r.isolated.Value
	if !cfg.cpus.Empty() {
		focus = focus.And(cfg.cpus)
	}
	for c := range focus.All() {
		if c >= r.ncpu {
			continue
		}
		k := &trackedCPU{
			cpu: int32(c), since: r.s.start, cut: true, cur: parser.NoPID, open: map[int32]*openStay{}, others: map[int32]*OtherTask{},
			res:        &CPUResult{CPU: c, Time: map[Class]int64{}, OwnerDelay: NewDelayHistogram(), OwnerDelayIntruded: NewDelayHistogram()},
			intrudedTo: parser.NoTime, delay: parser.NoTime,
		}
		t.cpu[k.cpu] = k
		t.list = append(t.list, k)
		t.hold[k.cpu] = &Hold{CPU: c}
		for i := range t.alt {
			t.alt[i].hold[k.cpu] = &Hold{CPU: c}
		}
		t.findOwner(k)
		if c < len(r.host.CPU) {
			t.beside = t.beside.Or(r.host.CPU[c].LLC)
		}
		if c < len(r.t.cpu) && r.t.cpu[c].known {
			k.cur, k.known = r.t.cpu[c].cur, true
		}
	}
	for pid, ts := range r.s.task.All() {
		if k := t.cpu[ts.startCPU]; k != nil && r.s.shownAtStart(ts) {
			t.arrive(k, r.t.get(pid), CameBefore, parser.NoCPU, r.s.start)
		}
	}
	return t
}

func sortedPIDs[V any](m map[int32]V) []int32 {
	pids := make([]int32, 0, len(m))
	for pid := range m {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// findOwner picks the task whose affinity lies within the isolated CPUs and
// that ran most on this one.
func (t *tracker) findOwner(k *trackedCPU) {
	r := t.worlds
	if want := t.cfg.owner; want != "" {
		pid, err := strconv.ParseInt(want, 10, 32)
		for p, ts := range r.s.task.All() {
			if (err == nil && int64(p) == pid || err != nil && ts.comm == want) && (ts.seen.Test(int(k.cpu)) || k.res.Owner == nil && ts.startCPU == k.cpu) {
				k.res.Owner, k.res.OwnerFrom = &TaskRef{p, ts.comm, r.t.get(p).prio}, fact.Observed
			}
		}
		return
	}
	best, sure := int64(0), false
	for pid := range r.s.task.All() {
		ran := r.s.ranNS[runKey{k.cpu, pid}]
		if ran <= 0 || pid == 0 || ran <= best && sure {
			continue
		}
		p := r.t.get(pid)
		a := r.t.aff.of(p)
		known := a.from > fact.Assumed // outweighs any time that an assumed one ran
		if !a.kthread && !a.recorder && a.mask.SubsetOf(r.isolated.Value) && (known && !sure || known == sure && ran > best) {
			best, sure = ran, known
			k.res.Owner, k.res.OwnerFrom = &TaskRef{pid, p.comm, p.prio}, a.from
		}
	}
}

// class says what a task is to the CPU.
func (t *tracker) class(k *trackedCPU, p *task) Class {
	if p.pid == 0 {
		return ClassIdle
	}
	if o := k.res.Owner; o != nil && o.PID == p.pid {
		return ClassOwner
	}
	a := t.t.aff.of(p)
	switch {
	case a.kthread && a.mask.Weight() == 1:
		return ClassHousekeeping
	case a.recorder:
		return ClassRecorder
	case a.mask.SubsetOf(t.isolated.Value):
		return ClassPinned
	}
	return ClassForeign
}

// arrive opens a stay of a foreign task.
func (t *tracker) arrive(k *trackedCPU, p *task, how How, from int32, at int64) *openStay {
	if p.pid <= 0 {
		return nil
	}
	class := t.class(k, p)
	if class != ClassForeign {
		return nil
	}
	if s := k.open[p.pid]; s != nil {
		return s
	}
	s := &openStay{Stay: Stay{CPU: int(k.cpu), Task: p.ref(), Class: class, How: how, FromCPU: int(from), Arrived: at, Left: parser.NoTime}, index: -1, left: make([]Remains, len(t.alt))}
	if n := len(t.of); n > 1 {
		s.More = make([]Remains, n-1)
	}
	k.open[p.pid] = s
	if len(k.res.Stays) < MaxStays {
		s.index = len(k.res.Stays)
		k.res.Stays = append(k.res.Stays, &s.Stay)
	} else {
		k.res.StaysDropped++
	}
	return s
}

// leave ends a task's stay.
func (t *tracker) leave(k *trackedCPU, pid int32, at int64) {
	if s := k.open[pid]; s != nil {
		s.Left = at
		delete(k.open, pid)
		if f := t.cfg.stay; f != nil {
			f(&s.Stay)
		}
	}
}

// leaveOthers ends the task's stays on every CPU but one.
func (t *tracker) leaveOthers(pid, cpu int32, at int64) {
	for _, k := range t.list {
		if k.cpu != cpu {
			t.leave(k, pid, at)
		}
	}
}

// placed takes a decision that was just computed: an entry, a waking within a
// stay, or a departure.
func (t *tracker) placed(line *Wakeup, p *task, path place.Path, entry *Explanation) {
	t.count(line, p)
	if len(t.list) == 0 || line.RecordedCPU < 0 || line.Kind == place.KindExec {
		return // an exec moves through the stopper, whose migration tells
	}
	rec := int32(line.RecordedCPU)
	if k := t.cpu[rec]; k != nil {
		s := k.open[p.pid]
		switch {
		case s == nil && line.PrevCPU == line.RecordedCPU && line.Kind == place.KindWakeup:
			// It was there all along, unseen so far.
			if s = t.arrive(k, p, CameUnseen, parser.NoCPU, line.Time); s != nil {
				t.waking(s, line, p)
			}
		case s == nil:
			if s = t.arrive(k, p, CameByWakeup, int32(line.PrevCPU), line.Time); s != nil {
				s.Entry = &Entry{Wakeup: *line, Path: line.Made().Path, Explanation: entry}
				s.Entry.More = slices.Clone(line.More)
				if path != "" {
					s.Entry.Path = path
				}
				t.remains(s, p)
			}
		default:
			t.waking(s, line, p)
		}
	}
	t.leaveOthers(p.pid, rec, line.Time)
}

// waking counts a waking of a task on the CPU it stays on.
func (t *tracker) waking(s *openStay, line *Wakeup, p *task) {
	s.Wakings++
	if !line.SelectionKnown {
		s.SelectionsUnknown++
	}
	if line.Selection {
		s.Selections++
		if line.RecordedCPU == s.CPU {
			s.StayedPut++
		}
	}
	t.remains(s, p)
}

// remains counts where the task is in the other worlds after a decision.
func (t *tracker) remains(s *openStay, p *task) {
	for i := range t.alt {
		switch t.stayIn(i, s, p) {
		case MovedCertain:
			s.left[i].Certain++
		case MovedPossible:
			s.left[i].Possible++
		}
	}
	t.tell(s)
}

// tell copies what is left of a stay into its result.
func (t *tracker) tell(s *openStay) {
	for i, at := range t.of {
		switch left := s.left[at]; {
		case i > 0:
			s.More[i-1] = left
			s.More[i-1].Kernel = t.names[i]
		case t.cfg.role == RolePatched:
			s.PatchedCertain, s.PatchedRunNS, s.PatchedRunMaxNS = s.Wakings, s.RunNS, s.RunNS
			if s.Entry != nil {
				s.PatchedCertain++
			}
		default:
			s.PatchedCertain, s.PatchedPossible, s.PatchedRunNS, s.PatchedRunMaxNS = left.Certain, left.Possible, left.RunNS, left.RunMaxNS
		}
	}
}

// in says whether the task is on an isolated CPU in an alternative's world: surely,
// perhaps, or not.
func (t *tracker) in(alt int, p *task) Moved {
	if t.base.m == nil {
		return MovedPossible // no machine to run the kernel on
	}
	div := t.alt[alt].world.diverged[p.pid]
	if div == nil {
		return MovedCertain
	}
	in := 0
	for _, c := range div.cpus {
		if t.isolated.Value.Test(c) {
			in++
		}
	}
	switch in {
	case 0:
		return MovedNo
	case len(div.cpus):
		return MovedCertain
	}
	return MovedPossible
}

// stayIn is in for a task on a stay: where the way in was not seen, or the model has no
// answer for it, the other kernel may have kept it out.
func (t *tracker) stayIn(alt int, s *openStay, p *task) Moved {
	in := t.in(alt, p)
	if in == MovedCertain && (s.How == CameUnseen || s.Entry != nil && t.answer(alt, &s.Entry.Wakeup).CPU < 0) {
		return MovedPossible
	}
	return in
}

// answer is what an alternative says to a wakeup.
func (t *tracker) answer(alt int, line *Wakeup) *Placed {
	if i := slices.Index(t.of, alt); i > 0 {
		return &line.More[i-1].Placed
	}
	return line.Other()
}

// count keeps where wakeups land and what the patch moves.
func (t *tracker) count(line *Wakeup, p *task) {
	iso := t.isolated.Value
	for i := range t.alt {
		moved := line.Moved
		if at := slices.Index(t.of, i); at > 0 {
			moved = line.More[at-1].Moved
		}
		if moved != MovedNo {
			t.alt[i].count(p, line, moved, t.answer(i, line).CPU, iso, t.cfg.role)
		}
	}
	if line.RecordedCPU < 0 || iso.Empty() {
		return
	}
	l := t.land[p.pid]
	if l == nil {
		if len(t.land) >= maxTracked || !t.t.aff.of(p).mask.Intersects(iso) {
			return
		}
		l = &Landing{Task: p.ref(), Recorded: map[int]int64{}, Original: map[int]int64{}, Patched: map[int]int64{}, RecordedRunNS: map[int]int64{}}
		t.land[p.pid] = l
	}
	l.Recorded[line.RecordedCPU]++
	if line.Original.CPU >= 0 {
		l.Original[line.Original.CPU]++
	}
	if line.Patched.CPU >= 0 {
		l.Patched[line.Patched.CPU]++
	}
}

// count adds a wakeup that an alternative takes, or may take, elsewhere.
func (a *altTrack) count(p *task, line *Wakeup, moved Moved, to int, iso cpumask.Mask, role Role) {
	if moved == MovedCertain {
		a.certain++
	} else {
		a.possible++
	}
	m := a.moved[p.pid]
	if m == nil {
		if len(a.moved) >= maxTracked {
			return
		}
		m = &MovedTask{Task: p.ref()}
		a.moved[p.pid] = m
	}
	if moved == MovedCertain {
		m.Certain++
	} else {
		m.Possible++
	}
	was, is := iso.Test(line.RecordedCPU), to >= 0 && iso.Test(to)
	if role == RolePatched {
		was, is = is, was // the baseline is what the original would become
	}
	switch {
	case was && !is:
		m.ToHousekeeping++
	case is && !was:
		m.ToIsolated++
	default:
		m.Within++
	}
}

// before sees an event before the timeline does.
func (t *tracker) before(ev *parser.Event) {
	if len(t.list) == 0 {
		return
	}
	switch ev.Kind {
	case parser.KindSwitch:
		if k := t.cpu[ev.CPU]; k != nil {
			t.switched(k, ev)
		} else if ev.Next.PID > 0 {
			t.leaveOthers(ev.Next.PID, ev.CPU, ev.Time)
		}
	case parser.KindMigrate:
		p := t.t.get(ev.Task.PID)
		if t.t.own {
			return // a selection's own: placed has it
		}
		if k := t.cpu[ev.TargetCPU]; k != nil && ev.OrigCPU != ev.TargetCPU {
			t.arrive(k, p, CameByMigration, ev.OrigCPU, ev.Time)
		}
		t.leaveOthers(p.pid, ev.TargetCPU, ev.Time)
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		for _, k := range t.list {
			if ev.CPU < 0 || ev.CPU == k.cpu {
				t.gap(k, ev)
			}
		}
	case parser.KindSlice:
		if k := t.cpu[ev.CPU]; k != nil {
			t.slice(k, ev)
		}
	}
}

// switched ends one run and begins the next.
func (t *tracker) switched(k *trackedCPU, ev *parser.Event) {
	out := t.t.get(ev.Task.PID)
	if ev.Task.Comm != "" && ev.Task.PID > 0 {
		out.comm = ev.Task.Comm
	}
	if !k.known || k.cur != ev.Task.PID {
		// What ran until now was not seen; at least the task that leaves was here.
		t.account(k, ClassUnknown, ev.Time)
		k.since, k.cut, k.delay, k.intruded = ev.Time, true, parser.NoTime, false
	}
	t.run(k, out, ev.Time, false)
	if ev.State.Gone() || ev.State.Known() && !ev.State.Runnable() && out.exiting {
		t.leave(k, out.pid, ev.Time)
	}
	k.since, k.cut, k.cur, k.known = ev.Time, false, ev.Next.PID, true
	k.delay, k.intruded = parser.NoTime, false
	if ev.Next.PID <= 0 {
		return
	}
	in := t.t.get(ev.Next.PID)
	if ev.Next.Comm != "" {
		in.comm = ev.Next.Comm
	}
	t.leaveOthers(in.pid, k.cpu, ev.Time)
	if k.open[in.pid] == nil {
		t.arrive(k, in, CameUnseen, parser.NoCPU, ev.Time)
	}
	if in.wokenAt != parser.NoTime {
		k.delay = ev.Time - in.wokenAt
		if t.class(k, in) == ClassOwner {
			t.ownerRuns(k, in.wokenAt, ev.Time)
		}
	}
}

// ownerRuns takes the sch delay that ends with the owner's switch-in.
func (t *tracker) ownerRuns(k *trackedCPU, woken, in int64) {
	delay := in - woken
	k.intruded = k.intrudedTo != parser.NoTime && k.intrudedTo > woken
	if k.intruded {
		k.res.OwnerDelayIntruded.Add(delay)
		if s := k.intruder; s != nil {
			s.DelayedOwner++
			s.DelayedOwnerNS += k.intrudedTo - max(woken, k.intruderFrom)
		}
	} else {
		k.res.OwnerDelay.Add(delay)
	}
	if delay > k.res.WorstDelay {
		k.res.WorstDelay, k.res.WorstDelayAt = delay, in
	}
}

// account adds time to a class.
func (t *tracker) account(k *trackedCPU, c Class, until int64) {
	if d := until - k.since; d > 0 {
		k.res.Time[c] += d
	}
}

// run ends the present run of p; cutEnd says that its end was not seen.
func (t *tracker) run(k *trackedCPU, p *task, end int64, cutEnd bool) {
	class := t.class(k, p)
	t.account(k, class, end)
	run := Slice{
		CPU: int(k.cpu), Task: p.ref(), Class: class, Start: k.since, End: end, CutStart: k.cut, CutEnd: cutEnd,
		Delay: k.delay, Intruded: k.intruded, Stay: -1, Patched: MovedCertain,
	}
	ran := end - k.since
	switch class {
	case ClassForeign:
		s := k.open[p.pid]
		if s == nil {
			s = t.arrive(k, p, CameUnseen, parser.NoCPU, k.since)
		}
		if s != nil {
			run.Stay = s.index
			s.Task = p.ref()
			s.Runs++
			s.RunNS += ran
			if k.cut || cutEnd {
				s.CutRuns++
			}
			run.Patched = t.ranOn(s, p, ran)
			k.intruder, k.intruderFrom, k.intrudedTo = s, k.since, end
		}
		if l := t.land[p.pid]; l != nil {
			l.RecordedRunNS[int(k.cpu)] += ran
		}
	case ClassHousekeeping, ClassRecorder, ClassPinned:
		o := k.others[p.pid]
		if o == nil && len(k.others) < maxTracked {
			o = &OtherTask{Class: class}
			k.others[p.pid] = o
		}
		if o != nil {
			o.Task = p.ref()
			o.Runs++
			o.RunNS += ran
		}
	case ClassOwner:
		k.res.Owner.Comm, k.res.Owner.Prio = p.comm, p.prio
	}
	if f := t.cfg.run; f != nil && (ran > 0 || class != ClassIdle) {
		f(&run)
	}
}

// ranOn adds a run of a stay to what the alternatives leave of it, and says what the patched
// kernel does.
func (t *tracker) ranOn(s *openStay, p *task, ran int64) Moved {
	patched := MovedCertain
	for i := range t.alt {
		in := t.stayIn(i, s, p)
		switch in {
		case MovedCertain:
			s.left[i].RunNS += ran
			s.left[i].RunMaxNS += ran
		case MovedPossible:
			s.left[i].RunMaxNS += ran
		}
		if i == t.of[0] && t.cfg.role != RolePatched {
			patched = in
		}
	}
	t.tell(s)
	return patched
}

// gap cuts the present run where events are missing.
func (t *tracker) gap(k *trackedCPU, ev *parser.Event) {
	from := ev.Time
	if ev.Start != parser.NoTime {
		from = max(ev.Start, k.since)
	}
	if k.known && k.cur >= 0 && from > k.since {
		t.run(k, t.t.get(k.cur), from, true)
		k.since = from
	}
	t.account(k, ClassUnknown, ev.Time)
	k.since, k.cut, k.known, k.cur, k.delay, k.intruded = ev.Time, true, false, parser.NoPID, parser.NoTime, false
}

// slice takes a run as perf sched timehist prints it.
func (t *tracker) slice(k *trackedCPU, ev *parser.Event) {
	p := t.t.see(&ev.Task)
	if ev.Start > k.since {
		t.account(k, ClassUnknown, ev.Start)
	}
	k.since, k.cut, k.delay, k.intruded = max(ev.Start, t.s.start), ev.Start < t.s.start, parser.NoTime, false
	if ev.Delay > 0 {
		k.delay = ev.Delay
		if t.class(k, p) == ClassOwner {
			t.ownerRuns(k, ev.Start-ev.Delay, ev.Start)
		}
	}
	t.run(k, p, ev.Time, false)
	k.since, k.cut, k.cur, k.known = ev.Time, true, parser.NoPID, false
}

// near passes on a slice on a CPU beside those looked at.
func (t *tracker) near(pid, cpu int32, start, end int64) {
	f := t.cfg.near
	if f == nil || end <= start || t.cpu[cpu] != nil || !t.beside.Test(int(cpu)) {
		return
	}
	s := Slice{CPU: int(cpu), Task: t.t.get(pid).ref(), Start: start, End: end, Delay: parser.NoTime, Stay: -1}
	if pid == 0 {
		s.Class = ClassIdle
	}
	f(&s)
}

// ranElsewhere keeps the run time by CPU of tasks that may intrude.
func (t *tracker) ranElsewhere(pid, cpu int32, ns int64) {
	if l := t.land[pid]; l != nil && t.cpu[cpu] == nil && ns > 0 {
		l.RecordedRunNS[int(cpu)] += ns
	}
}

// entered counts a decision that takes a foreign task to an isolated CPU in an
// alternative's world; places are where it may be now, the prediction first.
func (t *tracker) entered(alt int, p *task, prev int, places []int) {
	if len(t.list) == 0 {
		return
	}
	a := &t.alt[alt]
	if div := a.world.diverged[p.pid]; div != nil {
		prev = div.cpus[0]
	}
	for i, c := range places {
		k := t.cpu[int32(c)]
		if k == nil || c == prev || t.class(k, p) != ClassForeign {
			continue
		}
		if i == 0 {
			a.hold[k.cpu].Entries++
		} else {
			a.hold[k.cpu].EntriesPossible++
		}
	}
}

// held adds a run to the CPU that it is on in each world.
func (t *tracker) held(pid, cpu int32, ns int64) {
	if len(t.list) == 0 || pid <= 0 || ns <= 0 {
		return
	}
	on := func(cpu int32, hold map[int32]*Hold, ns int64) {
		if k := t.cpu[cpu]; k != nil && t.class(k, t.t.get(pid)) == ClassForeign {
			hold[cpu].HeldNS += ns
		}
	}
	on(cpu, t.hold, ns)
	for i := range t.alt {
		if div := t.alt[i].world.diverged[pid]; div != nil {
			on(cpu, t.alt[i].hold, -ns)
			on(int32(div.cpus[0]), t.alt[i].hold, ns)
		}
	}
}

// holds returns what an alternative's world did to each CPU.
func (t *tracker) holds(alt int) []Hold {
	out := make([]Hold, 0, len(t.list))
	for _, k := range t.list {
		h := *t.alt[alt].hold[k.cpu]
		h.HeldNS += t.hold[k.cpu].HeldNS
		out = append(out, h)
	}
	return out
}

// end closes everything at the end of the window.
func (t *tracker) end() {
	at := t.s.end
	for _, k := range t.list {
		if k.known && k.cur >= 0 {
			t.run(k, t.t.get(k.cur), at, true)
		} else {
			t.account(k, ClassUnknown, at)
		}
		for _, pid := range sortedPIDs(k.open) {
			s := k.open[pid]
			if f := t.cfg.stay; f != nil {
				f(&s.Stay)
			}
		}
		for _, pid := range sortedPIDs(k.others) {
			k.res.Others = append(k.res.Others, *k.others[pid])
		}
	}
}

// results are the CPUs looked at, what is known of them, and where the tasks that had a
// foreign stay land.
func (t *tracker) results() (focus []int, cpus []*CPUResult, landings []*Landing) {
	stayed := map[int32]bool{}
	for _, k := range t.list {
		focus = append(focus, int(k.cpu))
		cpus = append(cpus, k.res)
		for _, s := range k.res.Stays {
			stayed[s.Task.PID] = true
		}
	}
	for _, pid := range sortedPIDs(t.land) {
		if stayed[pid] {
			landings = append(landings, t.land[pid])
		}
	}
	return focus, cpus, landings
}

// difference is what an alternative, by its number in the plan, makes of the capture.
func (t *tracker) difference(i int) Difference {
	a := &t.alt[t.of[i]]
	return Difference{Holds: t.holds(t.of[i]), MovedCertain: a.certain, MovedPossible: a.possible, Moved: a.tasks()}
}

// tasks lists what the alternative moves.
func (a *altTrack) tasks() []MovedTask {
	var out []MovedTask
	for _, pid := range sortedPIDs(a.moved) {
		out = append(out, *a.moved[pid])
	}
	slices.SortStableFunc(out, func(a, b MovedTask) int {
		if a.Certain != b.Certain {
			return int(b.Certain - a.Certain)
		}
		return int(b.Possible - a.Possible)
	})
	return out
}
