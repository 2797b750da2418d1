package hidden

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/load"
)

// scanBudget follows nr_idle_scan of one LLC (6.0 and later).
//
// Periodic balancing now and then sets it to a function of the utilisation of
// the LLC's CPUs (update_idle_cpu_scan, kernel/sched/fair.c;
// docs/kernel/balance.md#when-nr_idle_scan-is-set). The utilisation is reconstructed; the moments are in no event. So the
// value is followed as a distribution: every millisecond it may have been set to
// about what the reconstruction says, and every decision that shows how far a
// scan went rules values out.
type scanBudget struct {
	weight int64
	pct    int64 // imbalance_pct of the LLC's domain
	full   int64 // the greatest utilisation of the LLC that sets the value to weight
	// p is the likelihood of each value 0 to weight, out of budgetOne.
	p []uint64
	// steps counts the milliseconds followed.
	steps int64
	// share is how likely the value is set to each where the reconstruction says at.
	share []uint64
	at    int64
	// open: what decisions show rules nothing out, since the recorded kernel's scheduler has
	// rules that no mainline kernel has.
	open bool
	// notes, in a rehearsal, is where what happens is written down; later reads in the
	// replay what a rehearsal wrote.
	notes *budgetPen
	later *hindsight
	// both is p together with what comes after decision number asked, empty if nothing
	// is known of that; hindsight: questions are answered by it.
	both      []uint64
	asked     int64
	hindsight bool
	// ranged is the value as a range, kept until something changes it.
	ranged   explore.Range
	isRanged bool
}

const (
	budgetOne = 1 << 32
	// budgetRefresh is the chance that a millisecond sets the value, one in 2 to it: an
	// idle CPU balances an LLC of 8 every 8 to 16 ms at most, a busy one every 128 to
	// 255 ms (get_sd_balance_interval). budgetFresh is that chance while a CPU has
	// just gone idle: newly-idle balancing brings its next pass forward to the
	// interval of the lowest domain (update_next_balance), and the pass goes on to
	// the LLC if that is due by the idle interval, as after a busy time it is.
	budgetRefresh = 5
	budgetFresh   = 3
	// newlyIdle is that interval for cores of two threads, twice its width in ms.
	newlyIdle = 4_000_000
	// budgetDoubt is one over the likelihood that remains to a value that a
	// decision seems to rule out: the idle states it was read from may be off.
	budgetDoubt = 32
	// budgetTail is one over the likelihood that the range leaves out at either
	// end: a 64th in all, as for the flips.
	budgetTail = 128
	// budgetStale is how many milliseconds leave nothing of what was before.
	budgetStale = 256
	// budgetSettle is how many milliseconds the load averages need to forget what
	// was before the capture.
	budgetSettle = 150
)

// budgetFar is the distance beyond which all are equally unlikely.
const budgetFar = 4

// budgetError is how far the value set lies from the reconstruction: the
// likelihood by distance from -budgetFar on, in parts of 1024.
var budgetError = [2*budgetFar + 1]uint64{4, 12, 50, 220, 450, 220, 50, 12, 4}

func newScanBudget(weight, pct int64) scanBudget {
	b := scanBudget{
		weight: weight, pct: pct, full: load.FullScan(weight, pct), p: make([]uint64, weight+1), share: make([]uint64, weight+1), at: -1,
	}
	b.resume()
	return b
}

// resume begins anew, as at the start of a capture.
func (b *scanBudget) resume() {
	for v := range b.p {
		b.p[v] = budgetOne / uint64(len(b.p))
	}
	b.steps, b.isRanged = 0, false
}

// refreshShift is the chance that a millisecond sets the value: one in 2 to it.
func refreshShift(fresh bool) uint {
	if fresh {
		return budgetFresh
	}
	return budgetRefresh
}

// errorShare is the likelihood of a distance from the reconstruction, in parts of
// 1024.
func errorShare(d int64) uint64 {
	if i := uint64(d + budgetFar); i < uint64(len(budgetError)) {
		return budgetError[i]
	}
	return 1
}

// step lets some milliseconds pass in which the reconstruction gives value v; fresh
// says that a CPU of the LLC has just gone idle.
func (b *scanBudget) step(v int64, ms int64, fresh bool) {
	b.steps, b.isRanged = b.steps+ms, false
	if b.notes != nil {
		b.notes.refresh(v, ms, fresh)
	}
	if at := max(0, min(v, b.weight)); at != b.at {
		b.at = at
		for j := range b.share {
			b.share[j] = errorShare(int64(j) - at)
		}
	}
	rate, p, share := refreshShift(fresh), b.p, b.share[:len(b.p)]
	for range min(ms, budgetStale) {
		left := uint64(0)
		for j, x := range p {
			p[j] = x - x>>rate
			left += x >> rate
		}
		left /= 1024 // of what was left, by how far a value is off
		for j := range p {
			p[j] += left * share[j]
		}
	}
	b.normalise()
}

// near bounds the values, of n, that lie so close to one that errorShare tells them from
// those far off.
func near(at int64, n int) (lo, hi int64) {
	return max(0, at-budgetFar), min(int64(n), at+budgetFar+1)
}

func (b *scanBudget) normalise() {
	sum := uint64(0)
	for _, p := range b.p {
		sum += p
	}
	if sum == 0 {
		for v := range b.p {
			b.p[v] = budgetOne / uint64(len(b.p))
		}
		return
	}
	if sum < budgetOne/2 || sum > 2*budgetOne {
		scale := budgetOne/sum + 1
		for i, p := range b.p {
			if sum > budgetOne {
				b.p[i] = p / (sum / budgetOne)
			} else {
				b.p[i] = p * scale
			}
		}
	}
}

// prove takes what a decision showed: the budget was at least lo and at most
// hi.
func (b *scanBudget) prove(lo, hi int64) {
	ruleOut(b.p, lo, hi)
	b.normalise()
	b.isRanged = false
}

func ruleOut(p []uint64, lo, hi int64) {
	for v := range p {
		if int64(v) < lo || int64(v) > hi {
			p[v] /= budgetDoubt
		}
	}
}

// ask is told the number of the decision that the next questions are for, and whether
// they are to be answered in hindsight.
func (b *scanBudget) ask(n int64, hindsight bool) {
	if b.notes != nil {
		b.notes.ask(n)
	}
	if on := hindsight && b.later != nil; on != b.hindsight {
		b.hindsight, b.isRanged = on, false
	}
	if !b.hindsight || b.asked == n {
		return
	}
	b.asked, b.both, b.isRanged = n, b.both[:0], false
	fit, sum := b.later.after(n), uint64(0)
	for v, f := range fit {
		b.both = append(b.both, b.p[v]*f/fitOne)
		sum += b.both[v]
	}
	if sum < budgetOne/budgetDoubt/budgetDoubt {
		b.both = b.both[:0] // they contradict each other
	}
}

// odd is the likelihood of each value for the decision that asks.
func (b *scanBudget) odd() []uint64 {
	if b.hindsight && len(b.both) > 0 {
		return b.both
	}
	return b.p
}

// value is the budget as a range around its middle.
func (b *scanBudget) value() explore.Range {
	if !b.isRanged {
		b.ranged, b.isRanged = b.work(), true
	}
	return b.ranged
}

// work works it out.
func (b *scanBudget) work() explore.Range {
	r := explore.Range{Lo: 0, Hi: b.weight, From: fact.Estimated}
	odd, sum := b.odd(), uint64(0)
	for _, p := range odd {
		sum += p
	}
	// The median: a scan asks whether the value is at least some number.
	for acc := odd[0]; acc < sum/2 && r.Best < b.weight; acc += odd[r.Best] {
		r.Best++
	}
	if b.open || b.steps < budgetSettle {
		return r
	}
	tail := sum / budgetTail
	for acc := uint64(0); r.Lo < r.Best; r.Lo++ {
		if acc += odd[r.Lo]; acc > tail {
			break
		}
	}
	for acc := uint64(0); r.Hi > r.Best; r.Hi-- {
		if acc += odd[r.Hi]; acc > tail {
			break
		}
	}
	return r
}

// odds are those of the values, nil where it is open, and while the load averages hold what
// was before the capture.
func (b *scanBudget) odds() explore.Odds {
	if b.open || b.steps < budgetSettle {
		return nil
	}
	return b
}

// Doubt implements [explore.Odds].
func (b *scanBudget) Doubt(v int64) uint8 {
	sum, below := uint64(0), uint64(0)
	for i, p := range b.odd() {
		sum += p
		if int64(i) < v {
			below += p
		}
	}
	return explore.DoubtOf(min(below, sum-below), sum)
}
