package axes

import (
	"math"
	"testing"
)

func TestNorm(t *testing.T) {
	lin, log := Axis{Min: 10, Max: 20}, Axis{Min: 1, Max: 1e4, Log: true}
	for _, c := range []struct {
		a    *Axis
		v, n float64
	}{{&lin, 10, 0}, {&lin, 15, 0.5}, {&lin, 25, 1.5}, {&log, 1, 0}, {&log, 100, 0.5}, {&log, 1e4, 1}} {
		if n := c.a.Norm(c.v); math.Abs(n-c.n) > 1e-12 {
			t.Errorf("%+v: %g is at %g, want %g", c.a, c.v, n, c.n)
		}
	}
}

// A range without extent gets one, so that nothing divides by 0.
func TestSanitize(t *testing.T) {
	p := Pair{X: Axis{Min: 3, Max: 3}, Y: Axis{Min: 5, Max: 1}}
	p.sanitize()
	if p.X.Min != 2 || p.X.Max != 4 || p.Y.Min != 1 || p.Y.Max != 5 {
		t.Errorf("%+v", p)
	}
}
