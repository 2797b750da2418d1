package replay

import (
	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// facts are the hidden facts that a pass follows: numbers that the kernel's choices
// hang on and no event tells. They are observed from events, asked by decisions, and
// learned from what was chosen.
type facts struct {
	rec    *recorded
	t      *timeline
	llcs   []llcSpan
	budget []scanBudget // by LLC
	cost   []*scanCost  // by CPU, nil if nothing was asked of it
	// odds are those of the scans that decision number deciding asked about.
	odds     []*scanOdds
	oddsOf   int64
	deciding int64
	sampled  int64
	sync     syncHabits
	task     parser.ByPID[*habits]
	// later is what a rehearsal learned, nil if there was none; notes is where this
	// rehearsal writes, nil if it is none.
	later, notes *rehearsed
}

// llcSpan is one LLC of some scenario.
type llcSpan struct {
	span cpumask.Mask
	pct  int // imbalance_pct of its domain
}

// habits are the hidden facts about one task.
type habits struct {
	// recent holds what recent_used_cpu may be, the likeliest first; empty if it may be
	// any CPU.
	recent []int
	flips  flips
	woken  lastHabit
}

// newFacts begins to follow the facts of some LLCs; later is what a rehearsal learned, nil
// if there was none.
func newFacts(rec *recorded, t *timeline, llcs []llcSpan, later *rehearsed) *facts {
	h := &facts{
		rec: rec, t: t, llcs: llcs, later: later, sync: syncHabits{path: map[wakePath]*habit{}},
		budget: make([]scanBudget, len(llcs)), cost: make([]*scanCost, rec.ncpu),
	}
	for i, l := range llcs {
		h.budget[i] = newScanBudget(int64(l.span.Weight()), int64(l.pct))
		if b := &h.budget[i]; later != nil && i < len(later.budget) {
			b.later = &hindsight{notes: later.budget[i], weight: b.weight}
		}
	}
	return h
}

// blind reports whether this is a rehearsal, which does not see what was chosen.
func (h *facts) blind() bool { return h.notes != nil }

// of returns the habits of a task.
func (h *facts) of(pid int32) *habits {
	k := h.task.Get(pid)
	if k == nil {
		k = &habits{}
		if ts := h.rec.s.task.Get(pid); ts != nil {
			k.flips.start(ts.partners, h.rec.s.end-h.rec.s.start)
		}
		h.task.Set(pid, k)
	}
	return k
}

// observe takes an event that the timeline has taken.
func (h *facts) observe(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindFork:
		h.of(ev.Task.PID).flips.copyTo(&h.of(ev.Next.PID).flips)
	case parser.KindWakeupNew:
		if k := h.of(ev.Task.PID); usableCPU(ev.CPU) && int(ev.CPU) < h.rec.ncpu && usableCPU(ev.TargetCPU) {
			k.recent = append(k.recent[:0], int(ev.CPU))
		}
	case parser.KindSwitch:
		if ev.Task.PID > 0 && ev.Task.PID != ev.Next.PID && ev.State.Gone() {
			h.task.Set(ev.Task.PID, nil)
		}
	}
}

// sample lets the scan budgets follow the milliseconds up to now.
func (h *facts) sample(now int64) {
	const every = 1_000_000
	if len(h.budget) == 0 || now-h.sampled < every {
		return
	}
	steps := (now - h.sampled) / every
	if h.sampled == 0 {
		steps = 1
		h.sampled = now
	} else {
		h.sampled += steps * every
	}
	for i := range h.budget {
		b := &h.budget[i]
		sum, fresh := int64(0), false
		for c := range h.llcs[i].span.All() {
			if c < len(h.t.cpu) {
				k := &h.t.cpu[c]
				fresh = fresh || k.idle() && k.idleAt > now-newlyIdle
				// The pass that balances for the idle CPUs brings the averages of all
				// that are idle up to date (update_nohz_stats).
				a, _ := h.t.loadOf(c)
				sum += min(1024, max(a.Util, k.cfs.Est))
			}
		}
		b.step(nrIdleScan(sum, b.weight, b.pct), steps, fresh)
	}
}

// begin tells that the questions to come are for decision number n.
func (h *facts) begin(n int64) { h.deciding = n }

// scanBudget is how many CPUs a scan of an LLC made on a CPU at a time may look at, and how
// likely each number is, in hindsight if that is known and wanted.
func (h *facts) scanBudget(llc int, rule rules.BudgetRule, this int, at int64, hindsight bool) (explore.Range, explore.Odds) {
	b := &h.budget[llc]
	b.ask(h.deciding, hindsight)
	if rule == rules.BudgetUtil {
		return b.value(), b.odds()
	}
	o := h.scanOdds(rule, this, b.weight, at)
	return o.value(), o
}

// scanOdds tells of the budget of a scan of weight CPUs made on a CPU, before 6.0.
func (h *facts) scanOdds(rule rules.BudgetRule, this int, weight, now int64) *scanOdds {
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
	rest := newIdleTime()
	if !h.t.slices {
		rest = h.t.cpu[this].rest
	}
	o := &scanOdds{scanCost: h.cost[this], rule: rule, this: this, weight: weight, idle: rest.counted(rule, now, h.rec.jiffy)}
	o.sum()
	h.odds = append(h.odds, o)
	return o
}

// learnScan takes from decision that scanned an LLC that its budget was from lo to hi, and
// how the scan of width CPUs ended.
func (h *facts) learnScan(llc int, rule rules.BudgetRule, this int, at, lo, hi int64, end place.ScanEnd, width int64) {
	b := &h.budget[llc]
	switch {
	case rule == rules.BudgetUtil && (lo > 0 || hi < 1<<40):
		b.prove(lo, min(hi, b.weight))
	case rule != rules.BudgetUtil && end != place.ScanNone:
		h.scanOdds(rule, this, b.weight, at).learn(lo, hi, end, width)
		h.odds = h.odds[:0]
	}
}

// rehearse makes facts that have not begun those of a rehearsal.
func (h *facts) rehearse() {
	left := maxNotes
	h.notes = &rehearsed{busy: make([]busyNotes, h.rec.ncpu)}
	for i := range h.budget {
		h.budget[i].notes = &budgetNotes{left: &left}
	}
}

// note writes down what decision number n shows of the budget of an LLC, -1 if of none:
// it was from lo to hi. Each decision that looked has its note, even if that says nothing:
// so those after it do not hang on what it chose.
func (h *facts) note(n int64, llc int, lo, hi int64) {
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

// learned is what a rehearsal has written down.
func (h *facts) learned() *rehearsed {
	for i := range h.budget {
		h.notes.budget = append(h.notes.budget, h.budget[i].notes.list)
	}
	return h.notes
}

// margin is the range in which the kernel's own average lies, given the
// reconstructed one now and as of its last update.
func margin(now, stale int64) explore.Range {
	lo, hi := min(now, stale), max(now, stale)
	return explore.Range{Lo: max(0, lo-lo/8-60), Best: now, Hi: hi + hi/12 + 24, From: fact.Estimated}
}
