// Package hidden follows facts that the kernel's choices hang on and no event tells: the
// scan budget, wakee_flips, WF_SYNC, recent_used_cpu, throttled tasks. Each is observed from
// events, asked by decisions and learned from what was chosen; a rehearsal lets later
// decisions speak too.
package hidden

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/timeline"
)

// Facts are the hidden facts that a pass follows: numbers that the kernel's choices
// hang on and no event tells. They are observed from events, asked by decisions, and
// learned from what was chosen.
type Facts struct {
	rec    *timeline.Recorded
	t      *timeline.Timeline
	llcs   []LLC
	budget []scanBudget // by LLC
	cost   []*scanCost  // by CPU, nil if nothing was asked of it
	// odds are those of the scans that decision number deciding asked about.
	odds     []*scanOdds
	oddsOf   int64
	deciding int64
	sampled  int64
	of       [][]int      // by CPU, the LLCs that it belongs to
	most     []int64      // by CPU, what its utilisation is at most
	idled    cpumask.Mask // those that may have just gone idle
	util     bool
	sync     syncHabits
	limits   throttles
	task     parser.ByPID[*habits]
	// unsettled counts how often all that is known of tasks was forgotten; first holds the
	// guesses at flips by how often a task changes its partner.
	unsettled int
	first     map[int64][]flipsGuess
	// swapper holds the flips of each CPU's, nil if it woke nobody yet; halved is room for
	// the counts of one whose guesses the wakeup in hand halves.
	swapper []*flips
	halved  []place.Weighted
	// Later is what a rehearsal learned, nil if there was none; Book is where this
	// rehearsal writes, nil if it is none.
	Later *Rehearsed
	Book  *Notebook
	// Passed counts, by CPU, the decisions that would have chosen a silent CPU had it been
	// idle.
	Passed []int
}

// LLC is one LLC of some scenario.
type LLC struct {
	Span cpumask.Mask
	Pct  int // imbalance_pct of its domain

	cpus []int // of the span, those recorded
	// most is the sum of what the utilisation of each CPU is at most; fresh: one has just gone
	// idle.
	most  int64
	fresh bool
}

// habits are the hidden facts about one task.
type habits struct {
	// Recent holds what recent_used_cpu may be, the likeliest first; empty if it may be
	// any CPU.
	Recent []int
	flips  flips
	woken  lastHabit
	// Narrow is a narrower affinity, believed or not; nil if nothing speaks for one.
	Narrow *Narrowed
	// unsettled is how often all was forgotten before this.
	unsettled int
}

// New begins to follow the facts of some LLCs; later is what a rehearsal learned, nil
// if there was none. util: some kernel has its scan budget from the utilisation.
func New(rec *timeline.Recorded, t *timeline.Timeline, llcs []LLC, later *Rehearsed, util bool) *Facts {
	h := &Facts{
		rec: rec, t: t, llcs: llcs, util: util, Later: later, sync: syncHabits{path: map[wakePath]*habit{}}, first: map[int64][]flipsGuess{},
		budget: make([]scanBudget, len(llcs)), cost: make([]*scanCost, rec.NCPU), Passed: make([]int, rec.NCPU), swapper: make([]*flips, rec.NCPU),
		of: make([][]int, len(t.CPU)), most: make([]int64, len(t.CPU)),
	}
	for c := range t.CPU {
		t.Touched.Set(c)
	}
	h.limits = throttles{host: rec.Host, cpu: make([]throttled, rec.NCPU), at: map[string]int64{}, seen: map[int32]bool{}}
	for i, l := range llcs {
		for c := range l.Span.All() {
			if c < len(t.CPU) {
				llcs[i].cpus = append(llcs[i].cpus, c)
				h.of[c] = append(h.of[c], i)
			}
		}
		h.budget[i] = newScanBudget(int64(l.Span.Weight()), int64(l.Pct))
		h.budget[i].open = len(rec.Host.ForeignParams()) > 0
		if b := &h.budget[i]; later != nil && i < len(later.budget) {
			b.later = &hindsight{budgetNotes: later.budget[i], weight: b.weight}
		}
	}
	return h
}

// Unsettle forgets what was known of tasks' recent_used_cpu and flips: what was not recorded
// may have changed them.
func (h *Facts) Unsettle() {
	h.unsettled++ // and each task when it is asked about next
	clear(h.swapper)
}

// Resume forgets what was known of scan budgets, of what scans cost and of throttled tasks: the
// recording goes on after a seam with another load than before.
func (h *Facts) Resume() {
	clear(h.cost)
	for i := range h.budget {
		h.budget[i].resume()
	}
	for c := range h.limits.cpu {
		h.limits.cpu[c].clear()
	}
}

// start begins to follow the flips of a task that the survey knows.
func (h *Facts) start(f *flips, pid int32, cpu int) {
	if s := h.rec.Survey; pid == 0 || s.Task.Get(pid) != nil {
		rate := flipsRate(s.Partners(pid, cpu), s.End-s.Start)
		if rate == 0 {
			return
		}
		if h.first[rate] == nil {
			h.first[rate] = firstGuesses(rate)
		}
		f.start(h.first[rate])
	}
}

// Blind reports whether this is a rehearsal, which does not see what was chosen.
func (h *Facts) Blind() bool { return h.Book != nil }

// Rehearsed reports whether there is a rehearsal, so that hindsight will tell of CPUs that
// may be held up.
func (h *Facts) Rehearsed() bool { return h.Later != nil || h.Book != nil }

// Of returns the habits of a task.
func (h *Facts) Of(pid int32) *habits {
	k := h.task.Get(pid)
	switch {
	case k == nil:
		k = &habits{}
		h.task.Set(pid, k)
	case k.unsettled == h.unsettled:
		return k
	}
	*k = habits{woken: k.woken, Narrow: k.Narrow, unsettled: h.unsettled}
	h.start(&k.flips, pid, 0)
	return k
}

// flipsOf returns the flips of the task current where a wakeup was made, nil if that is
// not known. An interrupt over an idle CPU counts for that CPU's swapper.
func (h *Facts) flipsOf(w *Waking) *flips {
	switch {
	case w.Waker > 0 && h.t.Find(w.Waker) != nil:
		return &h.Of(w.Waker).flips
	case w.Waker != 0 || uint(w.CPU) >= uint(len(h.swapper)):
		return nil
	case h.swapper[w.CPU] == nil:
		h.swapper[w.CPU] = &flips{}
		h.start(h.swapper[w.CPU], 0, w.CPU)
	}
	return h.swapper[w.CPU]
}

// Before takes an event that the timeline takes next.
func (h *Facts) Before(ev *parser.Event) { h.limits.before(ev, h.t) }

// Observe takes an event that the timeline has taken.
func (h *Facts) Observe(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindFork:
		h.Of(ev.Task.PID).flips.copyTo(&h.Of(ev.Next.PID).flips)
	case parser.KindWakeupNew:
		if k := h.Of(ev.Task.PID); timeline.UsableCPU(ev.CPU) && int(ev.CPU) < h.rec.NCPU && timeline.UsableCPU(ev.TargetCPU) {
			k.Recent = append(k.Recent[:0], int(ev.CPU))
		}
	case parser.KindSwitch:
		if ev.Task.PID > 0 && ev.Task.PID != ev.Next.PID && ev.State.Gone() {
			h.task.Set(ev.Task.PID, nil)
		}
	}
}

// Sample lets the scan budgets follow the milliseconds up to now.
func (h *Facts) Sample(now int64) {
	const every = 1_000_000
	if len(h.budget) == 0 || !h.util || now-h.sampled < every {
		return
	}
	steps := (now - h.sampled) / every
	if h.sampled == 0 {
		steps = 1
		h.sampled = now
	} else {
		h.sampled += steps * every
	}
	h.follow(now)
	for i := range h.budget {
		b, l := &h.budget[i], &h.llcs[i]
		v := b.weight
		if l.most > b.full {
			v = load.NrIdleScan(h.used(i), b.weight, b.pct)
		}
		b.step(v, steps, l.fresh)
	}
}

// follow brings up to now what the LLCs know of their CPUs. Of most nothing has changed.
func (h *Facts) follow(now int64) {
	for i := range h.llcs {
		h.llcs[i].fresh = false
	}
	for c := range h.t.Touched.All() {
		k := &h.t.CPU[c]
		most := min(1024, max(k.CFS.UtilMost(), k.CFS.Est))
		for _, i := range h.of[c] {
			h.llcs[i].most += most - h.most[c]
		}
		h.most[c] = most
		h.idled.Set(c)
	}
	h.t.Touched.Remove(h.t.Touched)
	for c := range h.idled.All() {
		switch k := &h.t.CPU[c]; {
		case k.IdleAt <= now-newlyIdle:
			h.idled.Clear(c)
		case k.Idle():
			for _, i := range h.of[c] {
				h.llcs[i].fresh = true
			}
		}
	}
}

// used is the utilisation of an LLC as ticks keep it. The pass that balances for the idle CPUs
// brings the averages of all that are idle up to date (update_nohz_stats).
func (h *Facts) used(llc int) (sum int64) {
	for _, c := range h.llcs[llc].cpus {
		q := &h.t.CPU[c].CFS
		sum += min(1024, max(q.UtilAt(h.t.Now), q.Est))
	}
	return sum
}

// Begin tells that the questions to come are for decision number n.
func (h *Facts) Begin(n int64) { h.deciding = n }

// ScanBudget is how many CPUs a scan of an LLC made on a CPU at a time may look at, and how
// likely each number is, in hindsight if that is known and wanted.
func (h *Facts) ScanBudget(llc int, rule rules.BudgetRule, this int, at int64, hindsight bool) (explore.Range, explore.Odds) {
	b := &h.budget[llc]
	b.ask(h.deciding, hindsight)
	if rule == rules.BudgetUtil {
		return b.value(), b.odds()
	}
	o := h.scanOdds(rule, this, b.weight, at)
	return o.ranged, o
}

// scanOdds tells of the budget of a scan of weight CPUs made on a CPU, before 6.0.
func (h *Facts) scanOdds(rule rules.BudgetRule, this int, weight, now int64) *scanOdds {
	if h.oddsOf != h.deciding {
		h.oddsOf, h.odds = h.deciding, h.odds[:0]
	}
	for _, o := range h.odds {
		if o.rule == rule && o.this == this && o.weight == weight {
			return o
		}
	}
	if h.cost[this] == nil {
		h.cost[this] = newScanCost(h.cost)
	}
	rest := load.NewIdleTime()
	if !h.t.Slices {
		rest = h.t.CPU[this].Rest
	}
	o := h.oldOdds()
	o.scanCost, o.rule, o.this, o.weight, o.idle = h.cost[this], rule, this, weight, rest.Counted(rule, now, h.rec.Jiffy)
	o.sum()
	h.odds = append(h.odds, o)
	return o
}

// oldOdds are some that nobody asks any more, to be used again.
func (h *Facts) oldOdds() *scanOdds {
	if n := len(h.odds); n < cap(h.odds) && h.odds[:n+1][n] != nil {
		return h.odds[:n+1][n]
	}
	return &scanOdds{}
}

// Waking is a wakeup as far as hidden facts hang on it.
type Waking struct {
	// Time is that of its event, in ns.
	Time    int64
	Context WakerContext
	// Waker and Wakee are pids, Waker 0 on an idle CPU and less where it is not known; CPU
	// is the waker's.
	Waker, Wakee         int32
	CPU                  int
	WakerComm, WakeeComm string
	// Kthread: the waker is a kernel thread. Deep: the wakee sleeps so that signals do not
	// wake it.
	Kthread, Deep bool
}

// Ask answers what a wakeup asks of its tasks, as recorded: WF_SYNC, and what
// recent_used_cpu may be.
func (h *Facts) Ask(w *Waking, q *place.Wakeup) {
	own := h.Of(w.Wakee)
	q.RecentUsed = nil
	if len(own.Recent) > 0 {
		q.RecentUsed = own.Recent
	}
	q.Sync = h.sync.guess(w, &own.woken)
}

// Flips tells of a wakeup the wakee_flips of the waker, as it will have left them, and of the
// wakee. They are valid until the wakeup after it.
func (h *Facts) Flips(w *Waking) (waker, wakee place.Counts) {
	if f := h.flipsOf(w); f != nil {
		waker = f.after(w.Wakee, w.Time, &h.halved)
	}
	return waker, h.Of(w.Wakee).flips.value()
}

// Lesson is what a recorded choice proves about hidden facts: the scan budget from Lo to
// Hi, and of the others whether they hold, -1 where that stays open. Target is below 0
// where even that does. Lean is Wide, and LeanSync is Sync, or where that stays open what of
// it leads likelier to the recorded CPU.
type Lesson struct {
	Lo, Hi                           int64
	Idle, Sync, LeanSync, Wide, Lean int8
	Target                           int
	// Scan is how the scan ended and Width how many CPUs it had, by the likeliest run.
	Scan  place.ScanEnd
	Width int64
}

// Scanned tells where a scan was made: of the LLC of that number, by a rule, on a CPU, at a
// time in ns. LLCSize is sd_llc_size of the waker's CPU.
type Scanned struct {
	LLC     int
	Rule    rules.BudgetRule
	This    int
	At      int64
	LLCSize int
}

// Learn takes a lesson from a wakeup.
func (h *Facts) Learn(w *Waking, l *Lesson, by Scanned) {
	if by.LLC >= 0 {
		switch b := &h.budget[by.LLC]; {
		case by.Rule == rules.BudgetUtil && (l.Lo > 0 || l.Hi < 1<<40):
			b.prove(l.Lo, min(l.Hi, b.weight))
		case by.Rule != rules.BudgetUtil && l.Scan != place.ScanNone:
			h.scanOdds(by.Rule, by.This, b.weight, by.At).learn(l.Lo, l.Hi, l.Scan, l.Width)
			h.odds = h.odds[:0]
		}
	}
	if l.LeanSync >= 0 {
		proof := float64(syncLean)
		if l.Sync >= 0 {
			proof = 1
		}
		h.sync.learn(w, l.LeanSync == 1, proof)
	}
	if f := h.flipsOf(w); f != nil && l.Lean >= 0 && w.Waker != w.Wakee {
		doubt := uint32(flipsDoubt)
		if l.Wide < 0 {
			doubt = flipsLean
		}
		learnFlips(f, &h.Of(w.Wakee).flips, int64(by.LLCSize), l.Lean == 1, doubt)
	}
}

// Woke counts a waking for the waker's wakee_flips (record_wakee).
func (h *Facts) Woke(w *Waking) {
	if f := h.flipsOf(w); f != nil {
		f.wakes(w.Wakee, w.Time)
	}
}

// Rehearse makes facts that have not begun those of a rehearsal.
func (h *Facts) Rehearse() {
	h.Book = &Notebook{budget: make([]budgetPen, len(h.budget))}
	for i := range h.budget {
		h.Book.budget[i] = budgetPen{book: h.Book, llc: int32(i)}
		h.budget[i].notes = &h.Book.budget[i]
	}
}

// Note writes down what decision number n shows of the budget of an LLC, -1 if of none:
// it was from lo to hi. Each decision that looked has its note, even if that says nothing:
// so those after it do not hang on what it chose.
func (h *Facts) Note(n int64, llc int, lo, hi int64) {
	for i := range h.budget {
		switch b := &h.budget[i]; {
		case b.notes.asked != n:
		case llc == i:
			b.notes.proof(n, lo, min(hi, b.weight))
		default:
			b.notes.proof(n, 0, b.weight)
		}
	}
}

// Margin is the range in which the kernel's own average lies, given the
// reconstructed one now and as of its last update.
func Margin(now, stale int64) explore.Range {
	lo, hi := min(now, stale), max(now, stale)
	return explore.Range{Lo: max(0, lo-lo/8-60), Best: now, Hi: hi + hi/12 + 24, From: fact.Estimated}
}
