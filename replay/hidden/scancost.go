package hidden

import (
	"math"

	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/load"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
)

// scanCost follows avg_scan_cost of one CPU's sd_llc, which with avg_idle gives the
// budget of the scans made on that CPU before 6.0 (SIS_PROP in select_idle_cpu,
// 1ad3aaf3fcd2; 4.9 and 4.10 have another test of the same numbers). It is in no event,
// so it is followed as a distribution over a grid of logarithms.
//
// A scan that comes to its end, at an idle CPU or at the last one, moves the average an
// eighth of the way to what it took. One of which the budget runs out returns before
// that: so a CPU that was interrupted in one scan, and has a great average since, scans
// the least there is until scans so short come to an end.
type scanCost struct {
	// p is the likelihood of each cell, by what bounds avg_idle; it sums to 1.
	p [load.IdleBounds][costCells]float64
}

const (
	// costCells is the number of cells of the grid, costOctave of them double the cost;
	// the first is costLeast, in ns.
	costCells  = 64
	costOctave = 4
	costLeast  = 50
	// costUsual is, in ns, what the averages lie below that no interrupted scan raised: the
	// cost of looking at some CPUs, inflated where the machine is emulated. A CPU of which
	// nothing is known has one above it in costRaised of the cases.
	costUsual  = 16_000
	costRaised = 0.1
	// costInterrupted is how often a scan is held up and takes any time. Else a usual
	// average moves by a cell at most, down or up, and one above that loses nearly an
	// eighth, most of a cell.
	costInterrupted = 0.01
	costDown        = 0.35
	costUp          = 0.2
	costFalls       = 0.75
)

// costOf is the cost of a cell, in ns.
var costOf = func() (ns [costCells]int64) {
	for i := range ns {
		ns[i] = int64(costLeast * math.Exp2(float64(i)/costOctave))
	}
	return ns
}()

// usualCells is the number of cells up to costUsual.
var usualCells = func() (n int) {
	for n < costCells && costOf[n] <= costUsual {
		n++
	}
	return n
}()

// newScanCost knows of a CPU what the others tell of the bound of avg_idle.
func newScanCost(others []*scanCost) *scanCost {
	c, usual := &scanCost{}, usualCells
	var bound [load.IdleBounds]float64
	all := 0.0
	for b := range bound {
		bound[b] = 1
		for _, o := range others {
			if o != nil {
				for _, p := range o.p[b] {
					bound[b] += p
				}
			}
		}
		all += bound[b]
	}
	for b := range c.p {
		for i := range c.p[b] {
			if i < usual {
				c.p[b][i] = (1 - costRaised) / float64(usual) * bound[b] / all
			} else {
				c.p[b][i] = costRaised / float64(costCells-usual) * bound[b] / all
			}
		}
	}
	return c
}

// scanOdds is the distribution of the budget of one scan.
type scanOdds struct {
	*scanCost
	rule   rules.BudgetRule
	this   int // the CPU that scans
	weight int64
	// idle is what the rule counts of the CPU's idle time, by its bound.
	idle [load.IdleBounds]int64
	// p is the likelihood of each budget from 0 to weight, limit the budget by the cost's cell.
	p     []float64
	limit [load.IdleBounds][costCells]int64
	// ranged is the budget as a range around its middle.
	ranged explore.Range
}

// sum fills in p, limit and ranged.
func (o *scanOdds) sum() {
	o.p = append(o.p[:0], make([]float64, o.weight+1)...)
	for b := range o.scanCost.p {
		for i, p := range o.scanCost.p[b] {
			n := load.ScanLimit(o.rule, o.weight, o.idle[b], costOf[i])
			o.limit[b][i] = n
			o.p[n] += p
		}
	}
	o.ranged = o.value()
}

// value works out the budget as a range around its middle.
func (o *scanOdds) value() explore.Range {
	const tail = 1.0 / budgetTail
	r := explore.Range{Lo: -1, Best: -1, From: fact.Estimated}
	sum := 0.0
	for v, p := range o.p {
		if sum += p; r.Lo < 0 && sum > tail {
			r.Lo = int64(v)
		}
		if r.Best < 0 && sum > 0.5 {
			r.Best = int64(v)
		}
		if r.Hi = int64(v); r.Best >= 0 && sum > 1-tail {
			break
		}
	}
	return r
}

// Doubt implements [explore.Odds].
func (o *scanOdds) Doubt(v int64) uint8 {
	below := 0.0
	for i, p := range o.p {
		if int64(i) < v {
			below += p
		}
	}
	const whole = 1 << 32
	return explore.DoubtOf(uint64(max(0, min(below, 1-below))*whole), whole)
}

// learn takes what a decision showed: the budget was from lo to hi, and how the scan
// ended.
func (o *scanOdds) learn(lo, hi int64, end place.ScanEnd, width int64) {
	for b := range o.scanCost.p {
		for i := range o.scanCost.p[b] {
			if n := o.limit[b][i]; n < lo || n > hi {
				o.scanCost.p[b][i] /= budgetDoubt
			}
		}
	}
	o.move(func(b, i int) bool {
		return end == place.ScanFound || end == place.ScanVain && o.limit[b][i] >= width
	})
}

// ForgetScan takes a decision made on a CPU of which it is not known whether it scanned.
func (h *Facts) ForgetScan(this int) {
	if c := h.cost[this]; c != nil {
		c.move(func(int, int) bool { return true })
		h.odds = h.odds[:0]
	}
}

// move lets a scan change the average in the cells where it came to its end.
func (c *scanCost) move(ended func(bound, cell int) bool) {
	sum := 0.0
	var next scanCost
	for b := range c.p {
		held, to := 0.0, &next.p[b]
		for i, p := range c.p[b] {
			sum += p
			m := 0.0
			if ended(b, i) {
				m = p
			}
			down, up := costDown, costUp
			if i >= usualCells {
				down, up = costFalls, 0
			}
			to[i] += p - m*(costInterrupted+down+up)
			to[max(i-1, 0)] += m * down
			to[min(i+1, costCells-1)] += m * up
			// Held up for any time, it rises to anything.
			held += m * costInterrupted / float64(costCells-i)
			to[i] += held
		}
	}
	for b := range next.p {
		for i := range next.p[b] {
			c.p[b][i] = next.p[b][i] / sum
		}
	}
}
