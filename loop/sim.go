package loop

import (
	"context"
	"math/rand/v2"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/balance"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/loop/supply"
	"schedreplay/loop/work"
)

// world is what the runs of one scenario share.
type world struct {
	prog     *work.Program
	kernel   *rules.Kernel
	m        *topo.Machine
	domains  [][]domain // by CPU, as a run begins with them
	tun      fair.CFSTunables
	slice    int64 // base slice of EEVDF
	jiffy    int64
	hz       int64
	res      *residuals
	isolated cpumask.Mask
	tasks    []tasking // what the scenario makes of the program's tasks
	groups   []work.Group
	// pulls is the chance, of 1<<16, that a CPU which runs out of tasks looks for one.
	pulls uint32
	// scanCost is what a scan for an idle CPU costs by CPU looked at, in ns.
	scanCost int64
	// preemptible: the kernel is (CONFIG_PREEMPTION); then newly idle balancing takes one task.
	preemptible bool
	// random: newly idle balancing is left out by chance (NI_RANDOM).
	random   bool
	rt       rtLimit
	tunables map[string]int64
	irqs     [][]supply.Stretch // by CPU
	irqTo    supply.Moves
	nohzFull cpumask.Mask
	ticks    [][]work.Sample // what ticks take, by CPU
	owners   map[int32]bool  // pids whose delays are wanted as whole distributions
	// cost is how many happenings and balancings a run takes, settled how many the settling of pulls and
	// scanCost took.
	cost, settled int64
}

// tasking is a task as the scenario has it.
type tasking struct {
	allowed cpumask.Mask
	later   []work.Rebind // of allowed
	weight  int64         // load weight, 0 for that of the nice value
	prio    int32         // offset to the recorded one, or the one set
	setPrio bool
	idle    bool // SCHED_IDLE
	batch   bool
	out     bool // taken away
	scale   float64
	period  int64
}

type taskState uint8

const (
	tsAsleep taskState = iota
	tsWaking
	tsQueued
	tsRunning
	tsThrottled // runnable, and off its queue by a limit
	tsGone
)

// task is one task in a run.
type task struct {
	w  *work.Task
	t  *tasking
	id int32
	progress
	conversation

	state   taskState
	cpu     int32
	allowed cpumask.Mask
	since   int64 // running or queued since
	woken   int64 // time of the waking, 0 once it has run
	prio    int32
	weight  int64
	stop    bool
	delayed bool // it sleeps on its queue
	how     fair.How
	se      fair.Entity
	pelt    load.Entity
	wakee
	pick uint64 // when it was put at the head of its queue's list of tasks
	got  work.Figures
}

// progress is how far a task has come in its program.
type progress struct {
	step int   // whose burst it is in
	done int64 // of that burst
	wake int   // next of its wakes
	// wakes is when the wait that it is in ends, if its time is set; else 0.
	wakes int64
	// seq is the order in which the task goes through its waits, by step; pos is where it
	// is. A task that others wake takes them as they come.
	seq     []int32
	pos     int
	arrived []bool // wakings that came before their wait, by step
}

// conversation is who waits for whom between two that talk: held says that this one waits
// to answer, awaited is who waits for it to come to the wait of step awaitedAt.
type conversation struct {
	held      bool
	awaited   *task
	awaitedAt int
}

// wakee is what the kernel keeps of a task for its next wakeups: wakee_flips, last_wakee,
// wakee_flip_decay_ts, recent_used_cpu.
type wakee struct {
	flips   int64
	partner int32
	decay   int64
	recent  int
}

// idling is since when a CPU is idle: idle as idle_stamp has it, 0 if none, swapper since it was
// picked last.
type idling struct{ idle, swapper int64 }

// cpu is one CPU in a run.
type cpu struct {
	id      int32
	curr    *task // nil: swapper
	fair    fair.Queue
	delayed int     // tasks that sleep on the queue
	queued  []*task // fair tasks queued or running
	rt      []*task // runnable real-time and stop tasks but the current, first in line first
	nr      int     // nr_running
	pending int     // wakeups on the way
	gen     int32   // of the current run
	since   int64   // the current task was charged up to here
	resched bool    // a switch is planned
	ticking bool
	hrticks int32 // how often the timer of a slice was started
	avgIdle int64
	maxCost int64 // max_idle_balance_cost
	pelt    load.Queue
	dom     []domain
	nextBal int64
	slice   int   // the last one traced, -1 if there is none
	rtTime  int64 // rt_time
	rtOff   bool  // real-time tasks are throttled, or the fair server runs
	fairRan int64 // when a fair task last ran, or the first came
	// residual is when the next tick is of those that are left where the tick has stopped.
	residual int64
	supply.CPU
	idling
}

// sim is one run.
type sim struct {
	*world
	agenda
	rng    *rand.Rand
	now    int64
	cpus   []cpu
	all    []task
	counts []int64 // the tasks' RunOn and Entries
	groups []taskGroup
	limits *limits
	phase  int64
	cores  []bool  // has_idle_cores by LLC
	scan   []int64 // nr_idle_scan by LLC
	selecting
	scost    []int64 // avg_scan_cost by CPU
	nohz     int64   // nohz.next_balance
	picks    uint64
	balances int64        // how often a domain was balanced
	env      balance.Env  // of the domain balanced last
	busy     cpumask.Mask // CPUs with fair tasks on their queue
	trace    *[]Slice     // who ran where, nil if that is not wanted
	enough   func() bool  // ends the run early, nil if nothing does
}

// selecting is the waking that is decided: who answers, and what is asked, in memory of its own.
type selecting struct {
	sel        place.Selector
	x          explore.Explorer
	ask        place.Wakeup
	prev, used [1]int
	cf, wf     [1]place.Weighted
}

const second = 1_000_000_000

func newSim(w *world, seed, run uint64) *sim {
	s := new(sim)
	s.anew(w, seed, run)
	return s
}

// anew begins a run in the memory of the one before, of which nothing is left then.
func (s *sim) anew(w *world, seed, run uint64) {
	old, n := *s, w.m.NumCPU()
	*s = sim{world: w, rng: rand.New(rand.NewPCG(seed, run)), agenda: agenda{heap: old.heap[:0]}}
	s.phase = s.rng.Int64N(w.jiffy)
	s.now = w.prog.Start
	s.sel = place.Selector{Rules: &w.kernel.Rules, Machine: w.m, State: s}
	s.env = balance.Env{Rules: w.kernel.Balance, State: lbState{s}, Machine: w.m}
	s.cpus, s.scost = slices.Grow(old.cpus[:0], n)[:n], make([]int64, n)
	for i := range w.groups {
		g := &w.groups[i]
		shares := g.Shares
		if shares == 0 {
			shares = load.WeightOf(int32(120 + g.Nice))
		}
		s.groups = append(s.groups, taskGroup{above: g.Above, shares: shares, on: make([]groupQueue, n)})
	}
	s.newLimits(n)
	for i := range s.cpus {
		c := &s.cpus[i]
		*c = cpu{id: int32(i), slice: -1, since: s.now, queued: clearAll(c.queued), rt: clearAll(c.rt), dom: c.dom}
		c.swapper = s.now
		if w.irqs != nil {
			c.All = w.irqs[i]
		}
		c.fair = s.newTree(c.id)
		c.pelt.Last, c.pelt.Known = s.now, true
		s.scost[i] = s.spread(w.scanCost/2, 2)
		c.maxCost = s.spread(500_000, 5)
		c.avgIdle = c.maxCost
		s.startDomains(c)
	}
	s.cores, s.scan = make([]bool, w.m.NumLLC()), make([]int64, w.m.NumLLC())
	for i := range s.cores {
		s.cores[i], s.scan[i] = true, int64(w.m.LLCSpan(i).Weight())
	}
	s.all = slices.Grow(old.all[:0], len(w.prog.Tasks))[:len(w.prog.Tasks)]
	s.counts = zeros(old.counts, 2*n*len(s.all))
	for i := range s.all {
		got := &s.all[i].got
		at := 2 * n * i
		s.begin(i, work.Figures{RunOn: s.counts[at : at+n : at+n], Entries: s.counts[at+n : at+2*n : at+2*n], Delay: got.Delay[:0], Gap: got.Gap[:0]})
	}
	s.settleGroups()
	for i := range s.cpus {
		c := &s.cpus[i]
		if c.curr == nil && c.nr > 0 {
			s.schedule(c)
		}
	}
}

// zeros are so many zeros, in old memory if that is enough.
func zeros[T any](old []T, n int) []T {
	if cap(old) < n {
		return make([]T, n)
	}
	clear(old[:n])
	return old[:n]
}

// clearAll empties a list, of which the memory is kept.
func clearAll[T any](list []T) []T {
	clear(list)
	return list[:0]
}

// spread draws a value of at least so much from so many octaves, each as likely.
func (s *sim) spread(least int64, octaves int) int64 {
	least <<= s.rng.IntN(octaves)
	return least + s.rng.Int64N(least)
}

// begin puts a task where the window finds it, with the averages that its share of the
// window makes it hold on the whole. got is what it got, nothing so far.
func (s *sim) begin(i int, got work.Figures) {
	p := &s.all[i]
	w := &s.prog.Tasks[i]
	seq, arrived := zeros(p.seq, len(w.Steps)), zeros(p.arrived, len(w.Steps))
	*p = task{w: w, t: &s.tasks[i], id: int32(i), cpu: max(0, w.CPU), stop: w.Stop, allowed: s.tasks[i].allowed, got: got}
	p.partner, p.flips, p.decay, p.seq, p.arrived = -1, w.Flips, s.now-w.FlipsAge, seq, arrived
	for j := range p.seq {
		p.seq[j] = int32(j)
	}
	if p.t.out || len(w.Steps) == 0 {
		p.state = tsGone
		return
	}
	if !p.allowed.Test(int(p.cpu)) {
		p.cpu = s.elsewhere(p)
	}
	for k := range p.t.later {
		s.plan(max(s.now, p.t.later[k].Time), evRebind, p.id, int32(k))
	}
	p.recent = int(p.cpu)
	s.newStep(p)
	p.se = fair.Entity{ID: i, Group: w.Group, Weight: p.weight, Idle: p.t.idle, Batch: p.t.batch}
	c := &s.cpus[p.cpu]
	p.pelt = load.Entity{Attached: -1, Weight: p.weight}
	if w.Begin != work.BeginUnborn && s.isFair(p) {
		span := max(1, s.prog.End-s.prog.Start)
		waits := int64(0)
		for _, d := range w.Recorded.Delay {
			waits += d
		}
		for _, d := range w.Recorded.Gap {
			waits += d
		}
		p.pelt.Util = min(1024, 1024*w.Recorded.Run/span)
		p.pelt.Runnable = min(1024, 1024*(w.Recorded.Run+waits)/span)
		p.pelt.Load = min(p.weight, p.weight*(w.Recorded.Run+waits)/span)
		p.pelt.Est = p.pelt.Util
		p.pelt.Known = true
		c.pelt.Attach(&p.pelt)
		p.pelt.Attached = p.cpu
	}
	switch w.Begin {
	case work.BeginUnborn:
		p.state = tsAsleep
		if w.Steps[0].Then.Edge != work.EdgeTask { // whose fork made it was not recorded
			s.sleep(p)
		}
	case work.BeginAsleep:
		p.state = tsAsleep
		p.done = 0
		s.sleep(p)
	default:
		p.how = fair.Moved
		s.enqueue(c, p)
	}
}

// elsewhere is where a task begins that may not be where the window finds it: near there,
// not all such tasks on one CPU.
func (s *sim) elsewhere(p *task) int32 {
	near := p.allowed.And(s.m.Sharers(int(p.cpu)))
	if near.Empty() {
		near = p.allowed.And(s.m.Active())
	}
	if near.Empty() {
		return p.cpu
	}
	n := int(p.id) % near.Weight()
	c := near.First()
	for ; n > 0; n-- {
		c = near.Next(c)
	}
	return int32(c)
}

// newStep takes up the present step: its priority may have changed. One that sleeps on its
// queue keeps what it has there.
func (s *sim) newStep(p *task) {
	p.done, p.wake = 0, 0
	if p.delayed {
		return
	}
	p.prio = p.prioAt(p.step)
	p.weight = load.WeightOf(p.prio)
	switch {
	case p.t.weight > 0:
		p.weight = p.t.weight
	case p.t.idle:
		p.weight = 3
	}
}

// prioAt is the priority that the scenario gives a task in a step.
func (p *task) prioAt(step int) int32 {
	prio := p.w.Steps[step].Prio
	switch {
	case p.t.setPrio:
		return p.t.prio
	case prio >= place.MaxRTPrio:
		return min(139, max(100, prio+p.t.prio))
	}
	return prio
}

// setScheduler is __sched_setscheduler for the current task, whose present step has another
// priority than the one before: it leaves its queue and comes to that of its new class.
func (s *sim) setScheduler(c *cpu, p *task) {
	s.charge(c)
	if s.isFair(p) {
		c.pelt.Advance(s.now)
		p.pelt.Step(s.now, true, true)
		c.pelt.Running = false
		c.fair.Put(s.now)
		c.fair.Dequeue(&p.se, false, s.now)
		s.leave(c, p)
	}
	c.nr--
	c.curr = nil
	s.newStep(p)
	p.how = fair.Moved
	s.enqueue(c, p)
	s.schedule(c)
}

func (s *sim) isFair(p *task) bool { return !p.stop && p.prio >= place.MaxRTPrio }

// run goes on up to end.
func (s *sim) run(ctx context.Context, end int64) {
	for n := 0; len(s.heap) > 0; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return
		}
		if s.heap[0].at > end {
			break
		}
		if n%64 == 0 && s.enough != nil && s.enough() {
			return
		}
		h := s.next()
		s.now = h.at
		switch h.kind {
		case evRun:
			if c := &s.cpus[h.id]; c.gen == h.n {
				s.milestone(c)
			}
		case evTick:
			if c := &s.cpus[h.id]; h.n == 0 || !c.ticking {
				s.tick(c)
			}
		case evHRTick:
			s.hrtick(&s.cpus[h.id], h.n)
		case evWake:
			s.arrive(&s.all[h.id], int(h.n), nil, s.all[h.id].cpu)
		case evActivate:
			s.activate(&s.all[h.id])
		case evResched:
			c := &s.cpus[h.id]
			c.resched = false
			s.schedule(c)
		case evRTPeriod:
			s.rtPeriod(&s.cpus[h.id])
		case evPeriod:
			s.period(int(h.id), h.n == 1)
		case evNohz:
			s.nohzIdleBalance(&s.cpus[h.id])
		case evRebind:
			s.setAffinity(&s.all[h.id], s.all[h.id].t.later[h.n].Allowed)
		}
	}
	s.now = end
	for i := range s.cpus {
		s.charge(&s.cpus[i])
	}
}

// charge accounts the current task's time up to now.
func (s *sim) charge(c *cpu) {
	d := s.now - c.since
	if d <= 0 {
		return
	}
	taken := c.Takes(c.since, s.now)
	c.since = s.now
	p := c.curr
	if p == nil {
		return
	}
	p.done += d - taken
	p.got.Taken += taken
	p.got.Run += d
	p.got.RunOn[c.id] += d
	if p.realTime() {
		s.chargeRT(c, d)
	} else if s.limits != nil && s.isFair(p) {
		s.accountRuntime(c, p, d)
	}
	if s.trace != nil {
		s.traced(c, p, d)
	}
}

// traced notes the last d ns of a task on a CPU.
func (s *sim) traced(c *cpu, p *task, d int64) {
	t := *s.trace
	if i := c.slice; i >= 0 && t[i].Task == p.id && t[i].End == s.now-d {
		t[i].End = s.now
		return
	}
	c.slice = len(t)
	*s.trace = append(t, Slice{Task: p.id, CPU: c.id, Start: s.now - d, End: s.now})
}

// milestone is reached by the current task: a waking it does, or the end of its burst.
func (s *sim) milestone(c *cpu) {
	s.charge(c)
	p := c.curr
	if p == nil {
		return
	}
	st := &p.w.Steps[p.step]
	for p.wake < len(st.Wakes) && s.scaled(p, st.Wakes[p.wake].At) <= p.done {
		k := &st.Wakes[p.wake]
		if y := &s.all[k.Task]; k.Answer && y.state != tsGone && !y.waitsAt(int(k.Step)) && !y.waitsFor(p) {
			s.hold(c, p, y, int(k.Step))
			return
		}
		p.wake++
		if k.Exec {
			if s.exec(c, p) {
				return // it goes on elsewhere
			}
			continue
		}
		s.arrive(&s.all[k.Task], int(k.Step), p, c.id)
	}
	if !st.Cut && p.done >= s.scaled(p, st.Burst) {
		if !s.burstEnds(c, p) {
			return // it sleeps, and another runs
		}
	}
	s.planRun(c)
}

// comesTo reports whether a task has come to the wait of a step, or is past it.
func (p *task) comesTo(step int) bool {
	if p.pos >= len(p.seq) || int(p.seq[p.pos]) == step {
		return true
	}
	for i := p.pos + 1; i < len(p.seq) && i <= p.pos+aheadMost; i++ {
		if int(p.seq[i]) == step {
			return false
		}
	}
	return step < int(p.seq[p.pos])
}

// waitsAt reports whether a task waits at the wait of a step, or is past it.
func (p *task) waitsAt(step int) bool {
	if p.pos < len(p.seq) && int(p.seq[p.pos]) == step {
		return p.state == tsAsleep && !p.held
	}
	return p.comesTo(step)
}

// waitsFor reports whether a task waits for another to go on: that cannot wait for it.
func (p *task) waitsFor(q *task) bool {
	return p.held || p.state == tsAsleep && p.pos < len(p.seq) && p.wait().Edge == work.EdgeTask && p.wait().Waker == q.id
}

// hold blocks the current task, which is to answer another that has not asked yet. The
// recording does not show this wait: there, the other had run before.
func (s *sim) hold(c *cpu, p, y *task, step int) {
	p.held, p.state = true, tsAsleep
	y.awaited, y.awaitedAt = p, step
	s.dequeue(c, p, true)
	s.schedule(c)
}

// release wakes who was held until the task came to the wait of its step.
func (s *sim) release(c *cpu, y *task) {
	p := y.awaited
	if p == nil || !y.comesTo(y.awaitedAt) {
		return
	}
	y.awaited, p.held = nil, false
	s.wakeUp(p, y, c.id, p.wokenBy(), place.KindWakeup)
}

func (s *sim) scaled(p *task, ns int64) int64 {
	if p.t.scale == 0 {
		return ns
	}
	return int64(float64(ns) * p.t.scale)
}

// planRun plans the current task's next milestone.
func (s *sim) planRun(c *cpu) {
	c.gen++
	p := c.curr
	if p == nil {
		return
	}
	st := &p.w.Steps[p.step]
	at := int64(-1)
	if !st.Cut {
		at = s.scaled(p, st.Burst)
	}
	if p.wake < len(st.Wakes) {
		w := s.scaled(p, st.Wakes[p.wake].At)
		if at < 0 || w < at {
			at = w
		}
	}
	if at < 0 {
		return
	}
	s.plan(c.After(s.now, max(0, at-p.done)), evRun, c.id, c.gen)
}

// burstEnds blocks the current task, or takes it on to its next burst if what it would
// wait for has come; it reports whether it goes on.
func (s *sim) burstEnds(c *cpu, p *task) bool {
	st := &p.w.Steps[p.step]
	s.release(c, p)
	if !st.Exit && s.waitIsOver(p) {
		p.advance()
		if p.prioAt(p.step) != p.prio {
			s.setScheduler(c, p)
			return false
		}
		s.newStep(p)
		return true
	}
	p.state = tsAsleep
	s.dequeue(c, p, !st.Exit)
	if st.Exit {
		p.state = tsGone
	} else {
		s.sleep(p)
	}
	s.schedule(c)
	return false
}

// waitIsOver reports whether the edge that ends the wait of a task's present step has
// come already.
func (s *sim) waitIsOver(p *task) bool {
	if p.pos+1 >= len(p.seq) {
		return false
	}
	if p.arrived[p.seq[p.pos]] {
		return true
	}
	w := p.wait()
	switch w.Edge {
	case work.EdgeTask:
		for i := p.pos + 1; i < len(p.seq) && i <= p.pos+aheadMost; i++ {
			if p.arrived[p.seq[i]] && p.takes(i) {
				return true
			}
		}
	case work.EdgeGrid, work.EdgeOutside:
		return w.Time <= s.now
	}
	return false
}

// wait is what the task's present burst ends in.
func (p *task) wait() *work.Wait { return &p.w.Steps[p.seq[p.pos]].Then }

// wokenBy is the wait that the present burst came after.
func (p *task) wokenBy() *work.Wait { return &p.w.Steps[p.seq[max(0, p.pos-1)]].Then }

// aheadMost is how many waits ahead a task looks for one whose edge has come.
const aheadMost = 8

// takes brings the wait at a later place of the order forward to the present one, if a
// task could do so: all waits between are for tasks, and none for the one that wakes it
// there.
func (p *task) takes(i int) bool {
	by := p.w.Steps[p.seq[i]].Then.Waker
	for j := p.pos; j < i; j++ {
		w := &p.w.Steps[p.seq[j]].Then
		if w.Edge != work.EdgeTask || w.Waker == by || !w.Sync {
			return false
		}
	}
	if w := &p.w.Steps[p.seq[i]].Then; w.Edge != work.EdgeTask || !w.Sync {
		return false
	}
	x := p.seq[i]
	if int(x) >= len(p.seq)-2 {
		return false // its burst is the last
	}
	copy(p.seq[p.pos+1:i+1], p.seq[p.pos:i])
	p.seq[p.pos] = x
	return true
}

// takesUp finds a step among the next waits of the order and takes it, if it may.
func (p *task) takesUp(step int) bool {
	for i := p.pos + 1; i < len(p.seq) && i <= p.pos+aheadMost; i++ {
		if int(p.seq[i]) == step {
			return i+1 < len(p.seq) && p.takes(i)
		}
	}
	return false
}

// advance goes on to the burst after the present wait.
func (p *task) advance() {
	p.step = int(p.seq[p.pos]) + 1
	p.pos++
}

// sleeps is how long a task sleeps until its timer wakes it.
func (p *task) sleeps(w *work.Wait) int64 {
	if p.t.period > 0 {
		return p.t.period
	}
	return w.Sleep
}

// sleep plans what wakes a task that has just blocked.
func (s *sim) sleep(p *task) {
	if p.pos+1 >= len(p.seq) {
		return
	}
	at := p.seq[p.pos]
	w := p.wait()
	p.wakes = 0
	switch w.Edge {
	case work.EdgeTimer:
		p.wakes = s.now + p.sleeps(w)
		s.plan(p.wakes, evWake, p.id, at)
	case work.EdgeGrid, work.EdgeOutside:
		p.wakes = max(s.now, w.Time)
		s.plan(p.wakes, evWake, p.id, at)
	case work.EdgeTask:
		if p.arrived[at] || s.tasks[w.Waker].out {
			s.plan(max(s.now, w.Time), evWake, p.id, at)
		}
	}
}

// arrive brings the edge that ends the wait of a task's step.
func (s *sim) arrive(p *task, step int, waker *task, on int32) {
	if p.state == tsGone || p.arrived[step] {
		return
	}
	p.arrived[step] = true
	if p.state != tsAsleep || p.held || p.pos+1 >= len(p.seq) || int(p.seq[p.pos]) != step && !p.takesUp(step) {
		return
	}
	s.tryToWakeUp(p, waker, on)
}
