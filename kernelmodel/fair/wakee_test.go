package fair

import "testing"

// wakee_flips are halved when more than a second has passed.
func TestDecayFlips(t *testing.T) {
	for _, c := range []struct {
		now   int64
		want  int64
		halve bool
	}{{second, 9, false}, {second + 1, 4, true}, {5 * second, 4, true}} {
		if got, halved := DecayFlips(9, 0, c.now); got != c.want || halved != c.halve {
			t.Errorf("at %d ns: %d, halved %v", c.now, got, halved)
		}
	}
}
