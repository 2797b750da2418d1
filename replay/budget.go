package replay

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel"
)

// scanBudget follows nr_idle_scan of one LLC (6.0 and later). Periodic
// balancing recomputes it from the utilisation of the LLC's CPUs; when exactly
// is in no event, so the value of every millisecond is kept for as long as a
// pass may lie back, and what decisions prove narrows it.
//
// Source: update_idle_cpu_scan, kernel/sched/fair.c; details, section (b).
type scanBudget struct {
	weight int64
	pct    int64
	// sample holds the value at each of the last milliseconds.
	sample [budgetMemory]int16
	n      int // samples taken
	// proofs are the latest bounds that decisions proved.
	lo, hi     int64
	loAt, hiAt int64
	proved     bool
}

const (
	budgetMemory = 128
	// budgetTrust is how long a bound that a decision proved is believed, in ns.
	budgetTrust = 8_000_000
)

// nrIdleScan is the formula: x is the sum of the CPUs' utilisation over the
// LLC's weight.
func nrIdleScan(sum, weight, pct int64) int64 {
	x := sum / weight
	y := x * x * pct * pct / (10000 * 1024)
	return (1024 - min(y, 1024)) * weight / 1024
}

func (b *scanBudget) add(v int64) {
	b.sample[b.n%budgetMemory] = int16(v)
	b.n++
}

// around returns the budget as a range: what the samples of the last back
// milliseconds allow, widened by one.
func (b *scanBudget) around(now int64, back int) kernelmodel.Range {
	if b.n == 0 {
		return kernelmodel.Range{Lo: 0, Best: b.weight / 2, Hi: b.weight, From: fact.Unknown}
	}
	lo, hi := int64(1<<15), int64(0)
	for i := range min(back, b.n, budgetMemory) {
		v := int64(b.sample[(b.n-1-i)%budgetMemory])
		lo, hi = min(lo, v), max(hi, v)
	}
	best := int64(b.sample[(b.n-1)%budgetMemory])
	r := kernelmodel.Range{Lo: max(0, lo-1), Best: best, Hi: min(b.weight, hi+1), From: fact.Estimated}
	if b.n < back {
		// The averages have not settled: nothing is certain yet.
		r.Lo, r.Hi = 0, b.weight
	}
	if b.proved {
		if now-b.loAt < budgetTrust && r.Best < b.lo {
			r.Best = min(b.lo, r.Hi)
		}
		if now-b.hiAt < budgetTrust && r.Best > b.hi {
			r.Best = max(b.hi, r.Lo)
		}
	}
	return r
}

// prove takes what a decision at now showed: the budget was at least lo and at
// most hi.
func (b *scanBudget) prove(now, lo, hi int64) {
	if !b.proved {
		b.lo, b.hi, b.loAt, b.hiAt, b.proved = 0, b.weight, now, now, true
	}
	if lo > 0 {
		if lo >= b.lo || now-b.loAt >= budgetTrust {
			b.lo, b.loAt = lo, now
		} else {
			b.loAt = max(b.loAt, now-budgetTrust/2)
		}
		if b.hi < lo {
			b.hi, b.hiAt = b.weight, now
		}
	}
	if hi < b.weight {
		if hi <= b.hi || now-b.hiAt >= budgetTrust {
			b.hi, b.hiAt = hi, now
		}
		if b.lo > hi {
			b.lo, b.loAt = 0, now
		}
	}
}
