package place

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// selectTaskRqFair places a task of the fair class.
//
// Models select_task_rq_fair (kernel/sched/fair.c, 4.16 and later; until 5.7
// the loop also ends at a level without SD_LOAD_BALANCE, which every level
// has). docs/kernel/wake_affine.md#select_task_rq_fair.
func (s *Selector) selectTaskRqFair() {
	w := s.w
	if s.Machine.Asymmetric() {
		// Asymmetric capacity and energy-aware placement are recognised only.
		s.o.Path = PathNotModelled
		return
	}
	if s.Trace == nil && s.x.Again(&s.aim.made) {
		s.o = s.aim.o
	} else {
		a := &s.aim
		a.slow, a.spanned = s.takeAim()
		a.o, a.made = s.o, s.x.Mark()
	}
	prev, target := s.prev, s.o.Target
	if s.aim.slow >= 0 {
		s.o.Target = prev
		s.findIdlestCPU(s.aim.slow)
		return
	}
	if w.Kind != KindWakeup {
		s.o.CPU, s.o.Path = target, PathSlow // no domain balances here: the task stays
		return
	}
	if !s.aim.spanned {
		if s.Parts |= rules.PartUnspanned; s.Rules.SiblingNeedsAffine {
			s.take(prev, PathTarget)
			return
		}
	}
	s.selectIdleSibling(prev, target)
	s.finishFair()
}

// finishFair notes in the waker where it woke a task that it may pull.
func (s *Selector) finishFair() {
	if s.o.Affine {
		if s.Parts |= rules.PartRecent; s.Rules.RecentUsed == rules.RecentUsedOnHit {
			s.o.SetWakersRecent = s.this // 32e839dda3ba; 89aafd67f28c (5.15) ended it
		}
	}
}

// aim is what the domain loop came to, in most runs of an exploration as in the run before.
type aim struct {
	o Outcome
	// slow is the level that balances, -1 if none does; spanned: one holds both CPUs.
	slow    int
	spanned bool
	made    explore.Mark
}

// takeAim is the loop over the domains of the waker's CPU, which chooses the target.
func (s *Selector) takeAim() (slow int, spanned bool) {
	w, m := s.w, s.Machine
	this, prev := s.this, s.prev
	target, affine := prev, false
	if w.Kind == KindWakeup {
		affine = s.wantAffine()
		s.o.Affine = affine
	}
	slow = -1
	for i := range m.Levels(this) {
		d := m.Level(this, i)
		if affine && d.Has(rules.SDWakeAffine) && d.Span.Test(prev) {
			spanned = true
			if this != prev {
				target = s.wakeAffine(d)
			}
			slow = -1
			break
		}
		if (w.Kind == KindWakeupNew && d.Has(rules.SDBalanceFork)) || (w.Kind == KindExec && d.Has(rules.SDBalanceExec)) {
			slow = i
		} else if !affine {
			break
		}
	}
	s.o.Target = target
	return slow, spanned
}

// wantAffine is want_affine: whether the wakeup may pull the task to the waker's
// CPU. record_wakee has counted already: replay keeps the flips.
func (s *Selector) wantAffine() bool {
	affine := s.allowed(s.this)
	why := explore.Known(affine, s.w.AllowedFrom)
	and := func(not bool, a explore.Answer) {
		a.Value = !a.Value
		if affine = !not; affine { // all had to hold
			a.Open, a.From = a.Open || why.Open, min(a.From, why.From)
		}
		why = a
	}
	if affine && s.wideMatters() {
		if s.Rules.WakeWide != rules.WakeWideNone {
			and(s.wakeWide())
		}
		if least, most := s.capacities(); affine && most-least >= most>>3 {
			s.Parts |= rules.PartCap
		}
		if affine && s.Rules.WakeCap {
			and(s.wakeCap())
		}
	}
	s.step(Step{Func: "select_task_rq_fair", Kind: AskAffine, CPU: s.this, Answer: yesno(affine), Fact: why})
	return affine
}

// wideMatters says whether anything depends on wake_wide in the domain loop: the
// task can be pulled, or the waker's recent_used_cpu is written.
func (s *Selector) wideMatters() bool {
	n := s.Machine.Levels(s.this)
	if s.this == s.prev || n == 0 || !s.Machine.Level(s.this, n-1).Span.Test(s.prev) {
		if s.Parts |= rules.PartRecent; s.Rules.RecentUsed != rules.RecentUsedOnHit {
			return false
		}
	}
	s.Parts |= rules.PartWide
	return s.Rules.WakeWide != rules.WakeWideInAffine
}

// wakeCap says whether the wakee is too large for the smaller of the two CPUs, where
// that is noticeably smaller than the root domain's largest.
//
// Models wake_cap (kernel/sched/fair.c, 3273163c6775, 4.9 to 4.19); since df054e8445a4
// (4.20) it asks on asymmetric machines only. Until then a core with one isolated
// thread made the machine look like one: see [topo.CPUDomains].
func (s *Selector) wakeCap() (bool, explore.Answer) {
	least, most := s.capacities()
	if most-least < most>>3 {
		return false, explore.Known(false, fact.Observed)
	}
	u := s.w.Util
	limit := int64(least) * 1024 / capacityMargin // more does not fit
	a := explore.Answer{Value: u.Best > limit, Open: u.Lo <= limit && u.Hi > limit, From: u.From}
	if u.From > fact.Unknown {
		a.Doubt = marginDoubt
	}
	v := s.x.Ask(fWakeCap, least, a)
	s.o.Cap = bit(v)
	s.step(Step{Func: "wake_cap", Kind: AskCapacity, CPU: -1, N: u.Best, M: int64(least), Answer: yesno(v), Fact: a})
	return v, a
}

// capacities are the smaller one of the two CPUs and the root domain's largest.
func (s *Selector) capacities() (least, most int) {
	return min(s.Machine.Capacity(s.prev), s.Machine.Capacity(s.this)), s.Machine.MaxCapacity(s.this)
}

// capacityMargin is capacity_margin: a task fits with a fifth to spare.
const capacityMargin = 1280

// wakeWide says whether waker and wakee switch partners so often that pulling
// the wakee to the waker would crowd its LLC.
//
// Models wake_wide (kernel/sched/fair.c, 3.12 and later): the LLC size of a
// CPU isolated at boot is 0, so a waker there is always wide.
func (s *Selector) wakeWide() (bool, explore.Answer) {
	size := int64(s.Machine.LLCSize(s.this))
	a := s.w.isWide(size, s.Rules.WakeWide)
	v := s.x.Ask(fWide, int(size)<<2|int(s.Rules.WakeWide), a)
	s.o.Wide = bit(v)
	s.step(Step{Func: "wake_wide", Kind: AskWide, CPU: s.this, N: size, Answer: yesno(v), Fact: a})
	return v, a
}

// isWide is the answer about the flips for an LLC of size CPUs by a rule.
func (w *Wakeup) isWide(size int64, rule rules.WakeWideRule) explore.Answer {
	k := w.Wides
	if k == nil {
		cur, wakee := NewCounts(w.Cur.Flips), NewCounts(w.Flips)
		return weighWide(&cur, &wakee, size, rule)
	}
	for i := range k.known {
		if a := &k.known[i]; a.size == size && a.rule == rule {
			return a.Answer
		}
	}
	k.Hold()
	a := weighWide(&k.cur, &k.wakee, size, rule)
	k.known = append(k.known, wideAnswer{a, size, rule})
	return a
}

// weighWide answers the test of wake_wide where only weighted guesses at both
// counts are known, if that.
func weighWide(cur, wakee *Counts, size int64, rule rules.WakeWideRule) explore.Answer {
	if len(cur.Of) == 0 || len(wakee.Of) == 0 {
		return explore.Answer{Open: true, From: fact.Unknown}
	}
	yes := uint64(0)
	for i := range cur.Of {
		g := &cur.Of[i]
		yes += uint64(g.Weight) * wakee.within(widePartners(g.Value+cur.More, size, rule))
	}
	all := cur.weight * wakee.weight
	return explore.Rarely(yes > all-yes, explore.DoubtOf(min(yes, all-yes), all), fact.Estimated)
}

// WideWith is how much of the weight is wide together with another task's count, as wake_wide
// has it since 4.3 for an LLC of size CPUs, and all there is.
func (c *Counts) WideWith(count, size int64) (wide, all uint64) {
	return c.within(widePartners(count, size, rules.WakeWideLLC)), c.weight
}

// within is the weight of the values from lo to hi, and of those from from on.
func (c *Counts) within(lo, hi, from int64) uint64 {
	lo, hi, from = lo-c.More, hi-c.More, from-c.More
	switch {
	case c.most < min(lo, from) || c.least > hi && c.most < from:
		return 0
	case c.least >= lo && c.most <= hi || c.least >= from:
		return c.weight
	}
	fits := uint64(0)
	for i := range c.Of {
		if v := c.Of[i].Value; v >= lo && v <= hi || v >= from {
			fits += uint64(c.Of[i].Weight)
		}
	}
	return fits
}

// widePartners returns the counts of a wakee that are wide together with the
// waker's: those from lo to hi, and those from from on. Since 4.3 both have to flip
// at least as often as the LLC has CPUs, and the one that flips more that many times
// as often as the other.
func widePartners(cur, size int64, rule rules.WakeWideRule) (lo, hi, from int64) {
	const none = math.MaxInt64
	switch {
	case rule == rules.WakeWideInAffine && size == 0:
		// Up to 4.2: wakee > size && cur > size*wakee.
		if cur > 0 {
			return 1, none, none
		}
		return 1, 0, none
	case rule == rules.WakeWideInAffine:
		return size + 1, (cur - 1) / size, none
	case size == 0:
		return 0, none, none
	case cur < size || cur > none/size:
		return size, cur / size, none
	}
	return size, cur / size, cur * size
}

// wakeAffine decides between the waker's CPU and the previous one.
//
// Models wake_affine (kernel/sched/fair.c) with WA_IDLE and WA_WEIGHT on where
// there are such features, and LB_BIAS without effect, the domains' wake_idx being
// 0. docs/kernel/wake_affine.md#wake_affine.
func (s *Selector) wakeAffine(d *topo.Domain) int {
	this, prev := s.this, s.prev
	if s.Parts |= rules.PartAffine; s.Rules.WakeWide == rules.WakeWideInAffine {
		if wide, _ := s.wakeWide(); wide {
			return prev
		}
	}
	if s.Rules.AffineIdle {
		if c := s.wakeAffineIdle(); c >= 0 {
			return c
		}
	}
	s.Parts |= rules.PartAffineWeight
	if s.Rules.Affine == rules.AffineCache && s.Machine.ShareCache(this, prev) {
		s.step(Step{Func: "wake_affine", Kind: AskShareCache, CPU: this, Other: prev, Answer: Yes})
		return this
	}
	if s.wakeAffineWeight(d) {
		return this
	}
	return prev
}

// wakeAffineIdle returns the CPU that idleness decides for, or -1.
//
// Models wake_affine_idle; nr_running counts every class, with DelayedDiscount
// less the delayed fair tasks.
func (s *Selector) wakeAffineIdle() int {
	const fn = "wake_affine_idle"
	this, prev := s.this, s.prev
	if s.Parts |= rules.PartAffineIdle; s.Rules.AffineEager && s.idle(fn, this) {
		return this
	}
	if s.Machine.ShareCache(this, prev) && s.idle(fn, this) {
		if s.idle(fn, prev) {
			return prev
		}
		return this
	}
	if s.sync() {
		n := s.State.NrRunning(this)
		if s.Rules.DelayedDiscount {
			n = s.State.NrRunnable(this)
		}
		a := explore.Answer{Value: n.Best == 1, Open: n.Lo <= 1 && n.Hi >= 1 && n.Lo != n.Hi, From: n.From}
		one := s.x.Ask(fNrRunningOne, this<<1|int(bit(s.Rules.DelayedDiscount)), a)
		s.step(Step{Func: fn, Kind: AskRunsOne, CPU: this, Answer: yesno(one), Fact: a})
		if one {
			return this
		}
	}
	if s.Rules.IdlePrev && s.idle(fn, prev) {
		return prev
	}
	return -1
}

// sync is WF_SYNC less an exiting waker; it is in no event.
func (s *Selector) sync() bool {
	v := s.x.Ask(fSync, 0, s.w.Sync)
	s.o.Sync = bit(v)
	s.step(Step{Func: "select_task_rq_fair", Kind: AskSync, CPU: -1, Answer: yesno(v), Fact: s.w.Sync})
	return v
}

func bit(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

// marginDoubt is how unlikely it is, in bits, that loads within their margins
// compare otherwise than by their best values: of recorded decisions one in eight to ten.
const marginDoubt = 3

// affineLoads are the loads that wake_affine compares: of the two CPUs, of the
// task current on the waker's and of the wakee, and the CPUs' capacities.
type affineLoads struct {
	this, prev, cur, task, capThis, capPrev int64
}

// wakeAffineWeight says whether the waker's CPU would be the less loaded one.
//
// Models wake_affine_weight with WA_BIAS on, and what stood in wake_affine before
// 4.14. Loads are estimates: inside their margin the answer stays open. Task groups
// are not modelled, so effective_load is the task's own.
func (s *Selector) wakeAffineWeight(d *topo.Domain) bool {
	st, w, r := s.State, s.w, s.Rules
	sync := s.sync()
	this, prev := st.Load(r.CPULoad, s.this), st.Load(r.CPULoad, s.prev)
	cur, task := w.Cur.Load, w.Load
	if r.TaskWeight {
		cur, task = explore.Exactly(w.Cur.Weight, w.Cur.Load.From), explore.Exactly(w.Weight, w.Load.From)
	}
	from := min(this.From, prev.From, task.From)
	capThis, capPrev := st.Capacity(s.this), st.Capacity(s.prev)
	nr := int64(0)
	if r.Affine == rules.AffinePerTask {
		nr = st.NrRunning(s.this).Best
	}
	bias := int64(100 + (d.ImbalancePct-100)/2)
	less := func(l affineLoads) bool { return affine(r, l, sync, bias, nr) }
	a := explore.Answer{Value: less(affineLoads{this.Best, prev.Best, cur.Best, task.Best, capThis.Best, capPrev.Best}), From: from}
	open := func(this, prev, cur, task explore.Range) bool {
		for _, l := range [...]affineLoads{
			{this.Lo, prev.Hi, cur.Hi, task.Lo, capThis.Hi, capPrev.Lo}, // most in favour of this
			{this.Hi, prev.Lo, cur.Lo, task.Hi, capThis.Lo, capPrev.Hi},
			{this.Lo, prev.Lo, cur.Hi, task.Lo, capThis.Hi, capPrev.Lo}, // most in favour of room for one task
		} {
			if less(l) != a.Value {
				return true
			}
		}
		return false
	}
	a.Open = open(this, prev, cur, task)
	switch {
	case r.Affine == rules.AffineCache:
		a.Open = true // the loads of the nodes decide, which this only resembles
	case from > fact.Unknown && a.Open:
		a.Doubt = marginDoubt
	case from > fact.Unknown && open(twice(this), twice(prev), cur, task):
		a.Open, a.Doubt = true, explore.MaxDoubt
	}
	v := s.x.Ask(fAffineWeight, (cpuPair(s.this, s.prev)<<1|int(bit(sync)))<<2|int(r.CPULoad), a)
	s.step(Step{
		Func: "wake_affine_weight", Kind: AskLoads, CPU: s.this, Other: s.prev,
		N: this.Best + task.Best, M: prev.Best - onPrev(r, task.Best), Answer: yesno(v), Fact: a,
	})
	return v
}

// twice doubles the margins of a number.
func twice(r explore.Range) explore.Range {
	r.Lo, r.Hi = max(0, 2*r.Lo-r.Best), 2*r.Hi-r.Best
	return r
}

// onPrev is what wake_affine takes from prev's load for the wakee of the given
// load.
func onPrev(r *rules.Rules, load int64) int64 {
	if r.Affine == rules.AffineWeight {
		return load
	}
	return 0
}

// affine is the comparison that wake_affine makes of known loads; nr is
// nr_running of the waker's CPU.
func affine(r *rules.Rules, l affineLoads, sync bool, bias, nr int64) bool {
	all := l.this
	if sync {
		if r.Affine == rules.AffineWeight && l.cur > l.this {
			return true
		}
		l.this -= l.cur
	}
	te, pe := (l.this+l.task)*100*l.capPrev, (l.prev-onPrev(r, l.task))*bias*l.capThis
	switch {
	case r.Affine == rules.AffineWeight:
		if sync || r.AffineEager {
			pe++
		}
		return te < pe
	case l.this <= 0:
		// Nothing runs there, or only the waker, which is about to sleep. Since 3.18
		// the capacities still count.
		return r.Affine == rules.AffinePerTask || 100*l.capPrev <= bias*l.capThis
	case te <= pe:
		return true
	}
	return r.Affine == rules.AffinePerTask && nr > 0 && l.this <= l.prev && (l.this+l.prev)*nr <= all
}
