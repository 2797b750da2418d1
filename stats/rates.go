package stats

import "gonum.org/v1/gonum/mathext"

// Rates of events that come one by one are compared and banded exactly, as Poisson counts;
// nothing is approximated where the counts are small.

// PoissonBand is the exact 95 % band of a mean by a count of events (Garwood).
func PoissonBand(n int64) (lo, hi float64) {
	if n > 0 {
		lo = mathext.GammaIncRegInv(float64(n), 0.025)
	}
	return lo, mathext.GammaIncRegInv(float64(n)+1, 0.975)
}

// RateRatio is the rate of n events in a window over that of m events in another one, with
// its exact 95 % band: given n+m events, n is binomial (Clopper and Pearson). The band
// holds 1 exactly where chance explains the difference at 5 %. Its High is 0 where the
// ratio has no upper bound: m is 0, or nothing is known of a window.
func RateRatio(n int64, window float64, m int64, other float64) Interval {
	if window <= 0 || other <= 0 || n+m == 0 {
		return Interval{}
	}
	x, y := float64(n), float64(m)
	odds := func(p float64) float64 { return p / (1 - p) * other / window }
	r := Interval{Known: true}
	if n > 0 {
		r.Low = odds(mathext.InvRegIncBeta(x, y+1, 0.025))
	}
	if m > 0 {
		r.Value = x / y * other / window
		r.High = odds(mathext.InvRegIncBeta(x+1, y, 0.975))
	}
	return r
}

// Differs reports whether a ratio's band leaves 1 out: below if it is smaller, above if it
// is greater.
func (i Interval) Differs() (below, above bool) {
	return i.Known && i.High > 0 && i.High < 1, i.Known && i.Low > 1
}
