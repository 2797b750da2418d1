// Package account follows the isolated CPUs: who ran there, who came and went, what it cost
// the CPU's own task, and what another kernel would have left of it.
package account

import (
	"slices"
	"strconv"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/noise"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// Tracker follows the isolated CPUs that are looked at: who ran, who came and
// went, what it cost the owner.
type Tracker struct {
	*world.Worlds
	cfg  Config
	cpu  []*trackedCPU // by CPU number, nil of others
	list []*trackedCPU // those that there are, in that order
	// beside are the CPUs that share an LLC with one of them.
	beside cpumask.Mask
	// land counts where tasks that may intrude land, by pid.
	land parser.ByPID[*Landing]
	// noise follows what each CPU does beside its tasks, nil as long as none tells;
	// unnamed: timers are recorded and their functions have no names.
	noise   []noise.CPU
	unnamed bool
	// woken is how each task was woken last, and spare follows the idle CPUs, if asked for.
	woken parser.ByPID[*Wake]
	spare *spare
	ended Slice // the run that ended last
	// hold is what foreign tasks do to each CPU as recorded, alts what differs from that
	// in the worlds of the alternatives.
	hold map[int32]*Hold
	alt  []altTrack
}

// altTrack is what the tracker keeps of one alternative.
type altTrack struct {
	*world.Side
	hold              map[int32]*Hold // less what is recorded
	moved             map[int32]*MovedTask
	certain, possible int64
}

// Config says what is wanted of the isolated CPUs.
type Config struct {
	// CPUs are those to look at, empty for all; owner names their own task, empty to find
	// it; role is the baseline's.
	CPUs  cpumask.Mask
	Owner string
	Role  decide.Role
	// Told: each decision tells how the alternatives answer it, and so what they change and
	// what they leave of a stay can be told. Else they have Holds alone.
	Told bool
	// Run, Near, Interrupted and Stay get what ends, nil skips it.
	Run, Near   func(*Slice)
	Interrupted func(cpu int, in *noise.Interruption)
	Stay        func(*Stay)
	// Why: also how tasks were woken, and which CPUs were idle while others waited.
	Why bool
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
	// lately are the spells of the owner's present wait, ownerCame when the owner was
	// moved here in it, NoTime if it was not.
	lately    []spell
	ownerCame int64
	// waitedFor is the wait that the present run ended, NoTime by kind if none; intruded and
	// told and kept are of an owner's.
	waitedFor [WaitKinds]int64
	intruded  bool
	told      []Part
	kept      int64
	// chain is how the task of the present run was woken to it, nil if it was not.
	chain  *Wake
	beside beside
}

// openStay is a stay in progress.
type openStay struct {
	Stay
	index int
	// left is what each alternative leaves of it.
	left []Remains
	// toldAt is when the last of the owner's waits ended that counts in DelayedOwner.
	toldAt int64
}

// New begins to follow the isolated CPUs of a pass.
func New(r *world.Worlds, cfg Config) *Tracker {
	t := &Tracker{Worlds: r, cfg: cfg, cpu: make([]*trackedCPU, r.NCPU), hold: map[int32]*Hold{}}
	for _, a := range r.Alts {
		t.alt = append(t.alt, altTrack{Side: a, hold: map[int32]*Hold{}, moved: map[int32]*MovedTask{}})
	}
	focus := r.Isolated.Value
	if !cfg.CPUs.Empty() {
		focus = focus.And(cfg.CPUs)
	}
	for c := range focus.All() {
		if c >= r.NCPU {
			continue
		}
		k := &trackedCPU{
			cpu: int32(c), since: r.Survey.Start, cut: true, cur: parser.NoPID, open: map[int32]*openStay{}, others: map[int32]*OtherTask{},
			res: &CPUResult{CPU: c, Time: map[Class]int64{}}, ownerCame: parser.NoTime, beside: beside{idleFrom: parser.NoTime},
		}
		k.begins()
		t.cpu[c] = k
		t.list = append(t.list, k)
		t.hold[k.cpu] = &Hold{CPU: c}
		for i := range t.alt {
			t.alt[i].hold[k.cpu] = &Hold{CPU: c}
		}
		t.findOwner(k)
		if c < len(r.Host.CPU) {
			t.beside = t.beside.Or(r.Host.CPU[c].LLC)
		}
		if c < len(r.Timeline.CPU) && r.Timeline.CPU[c].Known {
			k.cur, k.known = r.Timeline.CPU[c].Cur, true
		}
	}
	if m := r.Base.Machine; cfg.Why && m != nil && r.Survey.Only.Empty() && !r.Timeline.Slices && m.NumCPU() >= len(r.Timeline.CPU) {
		t.spare = newSpare(r.Timeline, m.RootSpan)
	}
	for pid, ts := range r.Survey.Task.All() {
		if k := t.at(ts.StartCPU); k != nil && r.Survey.ShownAtStart(ts) {
			t.arrive(k, r.Timeline.Get(pid), CameBefore, parser.NoCPU, r.Survey.Start)
		}
	}
	return t
}

// told are the alternatives of which is told what they change.
func (t *Tracker) told() []altTrack {
	if !t.cfg.Told {
		return nil
	}
	return t.alt
}

func sortedPIDs[V any](m map[int32]V) []int32 {
	pids := make([]int32, 0, len(m))
	for pid := range m {
		pids = append(pids, pid)
	}
	slices.Sort(pids)
	return pids
}

// ownsFrom is the share of the window, in percent, that a task must have run on a CPU to
// be its owner where its affinity is a guess.
const ownsFrom = 90

// findOwner picks the task whose affinity lies within the isolated CPUs and
// that ran most on this one. Where nothing states the affinity, only a task that had the
// CPU nearly all the time is one: a task is seen on a CPU for other reasons too.
func (t *Tracker) findOwner(k *trackedCPU) {
	r := t.Worlds
	if want := t.cfg.Owner; want != "" {
		pid, err := strconv.ParseInt(want, 10, 32)
		for p, ts := range r.Survey.Task.All() {
			if (err == nil && int64(p) == pid || err != nil && ts.Comm == want) && (ts.Seen.Test(int(k.cpu)) || k.res.Owner == nil && ts.StartCPU == k.cpu) {
				k.res.Owner, k.res.OwnerFrom = &timeline.TaskRef{PID: p, Comm: ts.Comm, Prio: r.Timeline.Get(p).Prio}, fact.Observed
			}
		}
		return
	}
	best, sure := int64(0), false
	for pid := range r.Survey.Task.All() {
		ran := r.Survey.RanNS[timeline.RunKey{CPU: k.cpu, PID: pid}]
		if ran <= 0 || pid == 0 || ran <= best && sure {
			continue
		}
		p := r.Timeline.Get(pid)
		a := r.Timeline.Affinities.Of(p)
		known := a.From > fact.Assumed // outweighs any time that an assumed one ran
		if !known && 100*ran < ownsFrom*(r.Survey.End-r.Survey.Start) {
			continue
		}
		if !a.Kthread && !a.Recorder && a.Mask.SubsetOf(r.Isolated.Value) && (known && !sure || known == sure && ran > best) {
			best, sure = ran, known
			k.res.Owner, k.res.OwnerFrom = &timeline.TaskRef{PID: pid, Comm: p.Comm, Prio: p.Prio}, a.From
		}
	}
}

// class says what a task is to the CPU.
func (t *Tracker) class(k *trackedCPU, p *timeline.Task) Class {
	if p.PID == 0 {
		return ClassIdle
	}
	if o := k.res.Owner; o != nil && o.PID == p.PID {
		return ClassOwner
	}
	a := t.Timeline.Affinities.Of(p)
	switch {
	case a.Kthread && a.Mask.Weight() == 1:
		return ClassHousekeeping
	case a.Recorder:
		return ClassRecorder
	case a.Mask.SubsetOf(t.Isolated.Value):
		return ClassPinned
	}
	return ClassForeign
}

// arrive opens a stay of a foreign task.
func (t *Tracker) arrive(k *trackedCPU, p *timeline.Task, how How, from int32, at int64) *openStay {
	if p.PID <= 0 {
		return nil
	}
	class := t.class(k, p)
	if class != ClassForeign {
		return nil
	}
	if s := k.open[p.PID]; s != nil {
		return s
	}
	s := &openStay{Stay: Stay{CPU: int(k.cpu), Task: p.Ref(), Class: class, Cgroup: t.Host.CgroupOf(p.PID, p.Comm), How: how, FromCPU: int(from), Arrived: at, Left: parser.NoTime}, index: -1, left: make([]Remains, len(t.told()))}
	if n := len(t.Of); t.cfg.Told && n > 1 {
		s.More = make([]Remains, n-1)
	}
	k.open[p.PID] = s
	if len(k.res.Stays) < MaxStays {
		s.index = len(k.res.Stays)
		k.res.Stays = append(k.res.Stays, &s.Stay)
	} else {
		k.res.StaysDropped++
	}
	return s
}

// leave ends a task's stay.
func (t *Tracker) leave(k *trackedCPU, pid int32, at int64) {
	if s := k.open[pid]; s != nil {
		s.Left = at
		delete(k.open, pid)
		if f := t.cfg.Stay; f != nil {
			f(&s.Stay)
		}
	}
}

// leaveOthers ends the task's stays on every CPU but one.
func (t *Tracker) leaveOthers(pid, cpu int32, at int64) {
	for _, k := range t.list {
		if k.cpu != cpu && len(k.open) > 0 {
			t.leave(k, pid, at)
		}
	}
}

// at is a CPU that is looked at, nil if it is not.
func (t *Tracker) at(cpu int32) *trackedCPU {
	if uint(cpu) < uint(len(t.cpu)) {
		return t.cpu[cpu]
	}
	return nil
}

// Placed takes a decision that was just computed: an entry, a waking within a
// stay, or a departure.
func (t *Tracker) Placed(line *decide.Wakeup, p *timeline.Task, path place.Path, entry *decide.Explanation) {
	t.count(line, p)
	if len(t.list) == 0 || line.RecordedCPU < 0 || line.Kind == place.KindExec {
		return // an exec moves through the stopper, whose migration tells
	}
	rec := int32(line.RecordedCPU)
	if k := t.at(rec); k != nil {
		s := k.open[p.PID]
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
	t.leaveOthers(p.PID, rec, line.Time)
}

// waking counts a waking of a task on the CPU it stays on.
func (t *Tracker) waking(s *openStay, line *decide.Wakeup, p *timeline.Task) {
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
func (t *Tracker) remains(s *openStay, p *timeline.Task) {
	for i := range t.told() {
		switch t.stayIn(i, s, p) {
		case decide.MovedCertain:
			s.left[i].Certain++
		case decide.MovedPossible:
			s.left[i].Possible++
		}
	}
	t.tell(s)
}

// tell copies what is left of a stay into its result.
func (t *Tracker) tell(s *openStay) {
	if !t.cfg.Told {
		return
	}
	for i, at := range t.Of {
		switch left := s.left[at]; {
		case i > 0:
			s.More[i-1] = left
			s.More[i-1].Kernel = t.Names[i]
		case t.cfg.Role == decide.RolePatched:
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
func (t *Tracker) in(alt int, p *timeline.Task) decide.Moved {
	if t.Base.Machine == nil {
		return decide.MovedPossible // no machine to run the kernel on
	}
	div := t.alt[alt].World.Diverged(p.PID)
	if div == nil {
		return decide.MovedCertain
	}
	in := 0
	for _, c := range div.CPUs {
		if t.Isolated.Value.Test(c) {
			in++
		}
	}
	switch in {
	case 0:
		return decide.MovedNo
	case len(div.CPUs):
		return decide.MovedCertain
	}
	return decide.MovedPossible
}

// stayIn is in for a task on a stay: where the way in was not seen, or the model has no
// answer for it, the other kernel may have kept it out.
func (t *Tracker) stayIn(alt int, s *openStay, p *timeline.Task) decide.Moved {
	in := t.in(alt, p)
	if in == decide.MovedCertain && (s.How == CameUnseen || s.Entry != nil && t.answer(alt, &s.Entry.Wakeup).CPU < 0) {
		return decide.MovedPossible
	}
	return in
}

// answer is what an alternative says to a wakeup.
func (t *Tracker) answer(alt int, line *decide.Wakeup) *decide.Placed {
	if i := t.First[alt]; i > 0 {
		return &line.More[i-1].Placed
	}
	return line.Other()
}

// count keeps where wakeups land and what the patch moves.
func (t *Tracker) count(line *decide.Wakeup, p *timeline.Task) {
	iso := t.Isolated.Value
	for i := range t.told() {
		moved := line.Moved
		if at := t.First[i]; at > 0 {
			moved = line.More[at-1].Moved
		}
		if moved != decide.MovedNo {
			t.alt[i].count(p, line, moved, t.answer(i, line).CPU, iso, t.cfg.Role)
		}
	}
	if line.RecordedCPU < 0 || iso.Empty() {
		return
	}
	l := t.land.Get(p.PID)
	if l == nil {
		if t.land.Len() >= maxTracked || !t.Timeline.Affinities.Of(p).Mask.Intersects(iso) {
			return
		}
		l = &Landing{Task: p.Ref(), Recorded: map[int]int64{}, Original: map[int]int64{}, Patched: map[int]int64{}, RecordedRunNS: map[int]int64{}}
		t.land.Set(p.PID, l)
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
func (a *altTrack) count(p *timeline.Task, line *decide.Wakeup, moved decide.Moved, to int, iso cpumask.Mask, role decide.Role) {
	if moved == decide.MovedCertain {
		a.certain++
	} else {
		a.possible++
	}
	m := a.moved[p.PID]
	if m == nil {
		if len(a.moved) >= maxTracked {
			return
		}
		m = &MovedTask{Task: p.Ref()}
		a.moved[p.PID] = m
	}
	if moved == decide.MovedCertain {
		m.Certain++
	} else {
		m.Possible++
	}
	was, is := iso.Test(line.RecordedCPU), to >= 0 && iso.Test(to)
	if role == decide.RolePatched {
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

// Before sees an event before the timeline does.
func (t *Tracker) Before(ev *parser.Event) {
	if len(t.list) == 0 {
		return
	}
	switch ev.Kind {
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		if t.cfg.Why {
			t.wakes(ev)
		}
	case parser.KindSwitch:
		t.noiseSwitched(ev)
		if k := t.at(ev.CPU); k != nil {
			t.switched(k, ev)
		} else if ev.Next.PID > 0 {
			t.leaveOthers(ev.Next.PID, ev.CPU, ev.Time)
		}
	case parser.KindMigrate:
		p := t.named(&ev.Task)
		if t.Timeline.Own {
			return // a selection's own: placed has it
		}
		if k := t.at(ev.TargetCPU); k != nil && ev.OrigCPU != ev.TargetCPU {
			if k.res.Owner != nil && k.res.Owner.PID == p.PID {
				k.ownerCame = ev.Time
			}
			if s := t.arrive(k, p, CameByMigration, ev.OrigCPU, ev.Time); s != nil && s.How == CameByMigration && s.Arrived == ev.Time {
				s.MovedBy = t.mover(ev)
			}
		}
		t.leaveOthers(p.PID, ev.TargetCPU, ev.Time)
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		t.lose(ev)
	case parser.KindSlice:
		if k := t.at(ev.CPU); k != nil {
			t.slice(k, ev)
		}
	}
}

// lose takes word that events are missing.
func (t *Tracker) lose(ev *parser.Event) {
	for c := range t.noise {
		if ev.CPU < 0 || int(ev.CPU) == c {
			t.noise[c].Lose()
		}
	}
	for _, k := range t.list {
		switch {
		case ev.CPU >= 0 && ev.CPU != k.cpu:
		case t.idled(k, ev):
			sw := parser.NewEvent(parser.KindSwitch, t.Timeline.CPU[k.cpu].Since, k.cpu)
			sw.Task, sw.Next, sw.State = ev.Next, ev.Task, parser.StateRunning
			t.switched(k, &sw)
		default:
			t.gap(k, ev)
		}
	}
}

// idled reports a hole that is one switch out of idle, which the timeline has made.
func (t *Tracker) idled(k *trackedCPU, hole *parser.Event) bool {
	c := &t.Timeline.CPU[k.cpu]
	return k.known && k.cur == 0 && c.Known && c.Cur > 0 && c.Cur == hole.Task.PID && c.Since >= k.since && t.Timeline.LostAt(k.cpu) < hole.Start
}

// named is a task by the name that an event has for it, before the timeline sees that.
func (t *Tracker) named(e *parser.Task) *timeline.Task {
	p := t.Timeline.Get(e.PID)
	if e.PID > 0 && e.Comm != "" && e.Comm != p.Comm {
		p.Comm = e.Comm
		p.ForgetAffinity() // the name is part of what tells it
	}
	return p
}

// switched ends one run and begins the next.
func (t *Tracker) switched(k *trackedCPU, ev *parser.Event) {
	out := t.named(&ev.Task)
	if !k.known || k.cur != ev.Task.PID {
		// What ran until now was not seen; at least the task that leaves was here.
		t.account(k, ClassUnknown, ev.Time)
		k.doubted()
		k.since, k.cut = ev.Time, true
		k.begins()
	}
	t.run(k, out, ev.Time, false)
	if ev.State.Gone() || ev.State.Known() && !ev.State.Runnable() && out.Exiting {
		t.leave(k, out.PID, ev.Time)
	}
	k.since, k.cut, k.cur, k.known = ev.Time, false, ev.Next.PID, true
	k.begins()
	if ev.Next.PID <= 0 {
		return
	}
	in := t.named(&ev.Next)
	t.leaveOthers(in.PID, k.cpu, ev.Time)
	if k.open[in.PID] == nil {
		t.arrive(k, in, CameUnseen, parser.NoCPU, ev.Time)
	}
	if kind, since := t.waiting(in); since != parser.NoTime {
		if kind == SchDelay {
			t.answers(k, in)
		}
		t.ends(k, in, kind, since, ev.Time)
	}
}

// begins clears what is told of a run: its wait, and what interrupted it.
func (k *trackedCPU) begins() {
	k.waitedFor, k.intruded, k.told, k.kept = [WaitKinds]int64{parser.NoTime, parser.NoTime}, false, nil, 0
	k.chain, k.beside.idleFrom = nil, parser.NoTime
	k.beside.inner, k.beside.waited, k.beside.causes = 0, 0, k.beside.causes[:0]
}

// ends takes the wait that a run ends.
func (t *Tracker) ends(k *trackedCPU, p *timeline.Task, kind WaitKind, since, in int64) {
	k.waitedFor[kind] = in - since
	if t.class(k, p) == ClassOwner {
		t.waited(k, kind, since, in)
	}
}

// account adds time to a class.
func (t *Tracker) account(k *trackedCPU, c Class, until int64) {
	if d := until - k.since; d > 0 {
		k.res.Time[c] += d
	}
}

// run ends the present run of p; cutEnd says that its end was not seen.
func (t *Tracker) run(k *trackedCPU, p *timeline.Task, end int64, cutEnd bool) {
	end = max(end, k.since) // where a CPU's clock goes back
	class := t.class(k, p)
	t.account(k, class, end)
	run := &t.ended
	*run = Slice{
		CPU: int(k.cpu), Task: p.Ref(), Class: class, Start: k.since, End: end, CutStart: k.cut, CutEnd: cutEnd,
		Delay: k.waitedFor[SchDelay], Gap: k.waitedFor[OffCPUGap], Intruded: k.intruded, Parts: k.told, Kept: k.kept, Woken: k.chain, Stay: -1, Patched: decide.MovedCertain,
	}
	ran := end - k.since
	var stay *openStay
	switch class {
	case ClassForeign:
		s := k.open[p.PID]
		if s == nil {
			s = t.arrive(k, p, CameUnseen, parser.NoCPU, k.since)
		}
		if s != nil {
			run.Stay = s.index
			s.Task = p.Ref()
			s.Runs++
			s.RunNS += ran
			if k.cut || cutEnd {
				s.CutRuns++
			}
			run.Patched = t.ranOn(s, p, ran)
			stay = s
		}
		if l := t.land.Get(p.PID); l != nil {
			l.RecordedRunNS[int(k.cpu)] += ran
		}
	case ClassHousekeeping, ClassRecorder, ClassPinned:
		o := k.others[p.PID]
		if o == nil && len(k.others) < maxTracked {
			o = &OtherTask{Class: class}
			k.others[p.PID] = o
		}
		if o != nil {
			o.Task = p.Ref()
			o.Runs++
			o.RunNS += ran
		}
	case ClassOwner:
		k.res.Owner.Comm, k.res.Owner.Prio = p.Comm, p.Prio
	}
	t.runsBeside(k, p, run)
	t.meanwhile(k, p, run, stay)
	if f := t.cfg.Run; f != nil && (ran > 0 || class != ClassIdle) {
		f(run)
	}
}

// ranOn adds a run of a stay to what the alternatives leave of it, and says what the patched
// kernel does.
func (t *Tracker) ranOn(s *openStay, p *timeline.Task, ran int64) decide.Moved {
	patched := decide.MovedCertain
	for i := range t.told() {
		in := t.stayIn(i, s, p)
		switch in {
		case decide.MovedCertain:
			s.left[i].RunNS += ran
			s.left[i].RunMaxNS += ran
		case decide.MovedPossible:
			s.left[i].RunMaxNS += ran
		}
		if i == t.Of[0] && t.cfg.Role != decide.RolePatched {
			patched = in
		}
	}
	t.tell(s)
	return patched
}

// gap cuts the present run where events are missing.
func (t *Tracker) gap(k *trackedCPU, ev *parser.Event) {
	from := ev.Time
	if ev.Start != parser.NoTime {
		from = max(ev.Start, k.since)
	}
	if k.known && k.cur >= 0 && from > k.since {
		t.run(k, t.Timeline.Get(k.cur), from, true)
		k.since = from
	} else {
		k.doubted()
	}
	t.account(k, ClassUnknown, ev.Shown())
	k.since, k.cut, k.known, k.cur = ev.Shown(), true, ev.Task.PID != parser.NoPID, ev.Task.PID
	if k.begins(); k.cur > 0 {
		t.leaveOthers(k.cur, k.cpu, ev.Time)
	}
}

// slice takes a run as perf sched timehist prints it.
func (t *Tracker) slice(k *trackedCPU, ev *parser.Event) {
	p := t.Timeline.See(&ev.Task)
	if ev.Start > k.since {
		t.account(k, ClassUnknown, ev.Start)
	}
	k.since, k.cut = max(ev.Start, t.Survey.Start), ev.Start < t.Survey.Start
	k.begins()
	switch off := p.OffCPU.Since(t.Timeline.LostAt); {
	case ev.Delay > 0:
		t.ends(k, p, SchDelay, ev.Start-ev.Delay, ev.Start)
	case ev.Wait > 0 && (off != parser.NoTime || !t.Survey.HasStates && t.Survey.HasDelays):
		// Without the state column: it waited, and no waking ended that.
		t.ends(k, p, OffCPUGap, ev.Start-ev.Wait, ev.Start)
	}
	t.run(k, p, ev.Time, false)
	k.since, k.cut, k.cur, k.known = ev.Time, true, parser.NoPID, false
}

// Near passes on a slice on a CPU beside those looked at.
func (t *Tracker) Near(pid, cpu int32, start, end int64) {
	f := t.cfg.Near
	if f == nil || end <= start || t.at(cpu) != nil || !t.beside.Test(int(cpu)) {
		return
	}
	s := Slice{CPU: int(cpu), Task: t.Timeline.Get(pid).Ref(), Start: start, End: end, Delay: parser.NoTime, Stay: -1}
	if pid == 0 {
		s.Class = ClassIdle
	}
	f(&s)
}

// RanElsewhere keeps the run time by CPU of tasks that may intrude.
func (t *Tracker) RanElsewhere(pid, cpu int32, ns int64) {
	if l := t.land.Get(pid); l != nil && t.at(cpu) == nil && ns > 0 {
		l.RecordedRunNS[int(cpu)] += ns
	}
}

// Entered counts a decision that takes a foreign task to an isolated CPU in an
// alternative's world; places are where it may be now, the prediction first.
func (t *Tracker) Entered(alt int, p *timeline.Task, prev int, places []int) {
	if len(t.list) == 0 {
		return
	}
	a := &t.alt[alt]
	for i, c := range places {
		k := t.at(int32(c))
		if k == nil {
			continue
		}
		was := prev
		if div := a.World.Diverged(p.PID); div != nil {
			was = div.CPUs[0]
		}
		if c == was || t.class(k, p) != ClassForeign {
			continue
		}
		if i == 0 {
			a.hold[k.cpu].Entries++
		} else {
			a.hold[k.cpu].EntriesPossible++
		}
	}
}

// Held adds a run to the CPU that it is on in each world.
func (t *Tracker) Held(pid, cpu int32, ns int64) {
	if len(t.list) == 0 || pid <= 0 || ns <= 0 {
		return
	}
	on := func(cpu int32, hold map[int32]*Hold, ns int64) {
		if k := t.at(cpu); k != nil && t.class(k, t.Timeline.Get(pid)) == ClassForeign {
			hold[cpu].HeldNS += ns
		}
	}
	on(cpu, t.hold, ns)
	for i := range t.alt {
		if div := t.alt[i].World.Diverged(pid); div != nil {
			on(cpu, t.alt[i].hold, -ns)
			on(int32(div.CPUs[0]), t.alt[i].hold, ns)
		}
	}
}

// holds returns what an alternative's world did to each CPU.
func (t *Tracker) holds(alt int) []Hold {
	out := make([]Hold, 0, len(t.list))
	for _, k := range t.list {
		h := *t.alt[alt].hold[k.cpu]
		h.HeldNS += t.hold[k.cpu].HeldNS
		out = append(out, h)
	}
	return out
}

// End closes everything at the end of the window.
func (t *Tracker) End() {
	at := t.Survey.End
	for _, k := range t.list {
		if k.known && k.cur >= 0 {
			t.run(k, t.Timeline.Get(k.cur), at, true)
		} else {
			t.account(k, ClassUnknown, at)
		}
		for _, pid := range sortedPIDs(k.open) {
			s := k.open[pid]
			if f := t.cfg.Stay; f != nil {
				f(&s.Stay)
			}
		}
		for _, pid := range sortedPIDs(k.others) {
			k.res.Others = append(k.res.Others, *k.others[pid])
		}
		k.res.Noise = t.noiseOf(k)
	}
}

// Results are the CPUs looked at, what is known of them, and where the tasks that had a
// foreign stay land.
func (t *Tracker) Results() (focus []int, cpus []*CPUResult, landings []*Landing) {
	stayed := map[int32]bool{}
	for _, k := range t.list {
		focus = append(focus, int(k.cpu))
		cpus = append(cpus, k.res)
		for _, s := range k.res.Stays {
			stayed[s.Task.PID] = true
		}
	}
	for pid, l := range t.land.All() {
		if stayed[pid] {
			landings = append(landings, l)
		}
	}
	return focus, cpus, landings
}

// Difference is what an alternative, by its number in the plan, makes of the capture.
func (t *Tracker) Difference(i int) Difference {
	a := &t.alt[t.Of[i]]
	return Difference{Holds: t.holds(t.Of[i]), MovedCertain: a.certain, MovedPossible: a.possible, Moved: a.tasks()}
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
