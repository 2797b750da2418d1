package replay

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel"
)

// scanBudget follows nr_idle_scan of one LLC (6.0 and later).
//
// Periodic balancing now and then sets it to a function of the utilisation of
// the LLC's CPUs (update_idle_cpu_scan, kernel/sched/fair.c; details, section
// (b)). The utilisation is reconstructed; the moments are in no event. So the
// value is followed as a distribution: every millisecond it may have been set to
// about what the reconstruction says, and every decision that shows how far a
// scan went rules values out. The reconstruction may be off by about one either
// way on a whole machine; which way shows in time.
type scanBudget struct {
	weight int64
	pct    int64
	// p holds the likelihood of each value 0 to weight under each bias, one bias
	// after the other, out of budgetOne.
	p []uint64
	// steps counts the milliseconds followed.
	steps int64
}

const (
	budgetOne = 1 << 32
	// budgetRefresh is one over the chance that a millisecond sets the value.
	budgetRefresh = 8
	// budgetDoubt is one over the likelihood that remains to a value that a
	// decision seems to rule out: the idle states it was read from may be off.
	budgetDoubt = 10
	// budgetTail is one over the likelihood that the range leaves out at either
	// end.
	budgetTail = 500
	// budgetSettle is how many milliseconds the load averages need to forget what
	// was before the capture.
	budgetSettle = 150
)

// budgetBias are the biases of the reconstruction that are considered, and how
// likely each is at first.
var budgetBias = [...]struct{ off, weight int64 }{{-1, 4}, {0, 8}, {1, 2}}

// budgetLeak is one over the share of its likelihood that a bias gives to the
// others every millisecond, so that none is ever excluded for good.
const budgetLeak = 64

// budgetError is how far the value set lies from the reconstruction: the
// likelihood by distance, in parts of 1024.
var budgetError = [...]uint64{560, 190, 28, 6, 2}

func newScanBudget(weight int64) scanBudget {
	b := scanBudget{weight: weight, pct: 117, p: make([]uint64, len(budgetBias)*int(weight+1))}
	for i, bias := range budgetBias {
		for v := range b.of(i) {
			b.of(i)[v] = budgetOne / 16 * uint64(bias.weight) / uint64(weight+1)
		}
	}
	return b
}

// of returns the likelihoods under bias number i.
func (b *scanBudget) of(i int) []uint64 {
	n := int(b.weight + 1)
	return b.p[i*n : (i+1)*n]
}

// nrIdleScan is the formula: x is the mean utilisation of the LLC's CPUs.
func nrIdleScan(sum, weight, pct int64) int64 {
	x := sum / weight
	y := x * x * pct * pct / (10000 * 1024)
	return (1024 - min(y, 1024)) * weight / 1024
}

// step lets some milliseconds pass in which the reconstruction gives value v.
func (b *scanBudget) step(v int64, ms int64) {
	b.steps += ms
	for range min(ms, 4*budgetRefresh) {
		leak := uint64(0)
		for i, bias := range budgetBias {
			p := b.of(i)
			left := uint64(0)
			for j := range p {
				give := p[j] / budgetLeak
				leak += give
				take := (p[j] - give) / budgetRefresh
				p[j] -= take + give
				left += take
			}
			settle(p, v+bias.off, left)
		}
		for i, bias := range budgetBias {
			settle(b.of(i), v+bias.off, leak/uint64(len(budgetBias)))
		}
	}
	b.normalise()
}

// settle spreads likelihood around the value that a refresh would set.
func settle(p []uint64, at int64, mass uint64) {
	at = max(0, min(at, int64(len(p)-1)))
	for i := range p {
		d := int64(i) - at
		if d < 0 {
			d = -d
		}
		share := uint64(1)
		if d < int64(len(budgetError)) {
			share = budgetError[d]
		}
		p[i] += mass / 1024 * share
	}
}

func (b *scanBudget) normalise() {
	sum := uint64(0)
	for _, p := range b.p {
		sum += p
	}
	if sum == 0 {
		*b = newScanBudget(b.weight)
		return
	}
	scale := budgetOne/sum + 1
	if sum < budgetOne/2 || sum > 2*budgetOne {
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
	for i := range budgetBias {
		for v, p := range b.of(i) {
			if int64(v) < lo || int64(v) > hi {
				b.of(i)[v] = p / budgetDoubt
			}
		}
	}
	b.normalise()
}

// value is the budget as a range around its likeliest value.
func (b *scanBudget) value() kernelmodel.Range {
	r := kernelmodel.Range{Lo: 0, Hi: b.weight, From: fact.Estimated}
	sum, top := uint64(0), uint64(0)
	all := make([]uint64, b.weight+1)
	for i := range budgetBias {
		for v, p := range b.of(i) {
			all[v] += p
			sum += p
		}
	}
	for v, p := range all {
		if p > top {
			top, r.Best = p, int64(v)
		}
	}
	if b.steps < budgetSettle {
		return r
	}
	tail := sum / budgetTail
	for acc := uint64(0); r.Lo < r.Best; r.Lo++ {
		if acc += all[r.Lo]; acc > tail {
			break
		}
	}
	for acc := uint64(0); r.Hi > r.Best; r.Hi-- {
		if acc += all[r.Hi]; acc > tail {
			break
		}
	}
	return r
}
