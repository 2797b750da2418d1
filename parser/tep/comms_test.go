package tep

import "testing"

func TestComms(t *testing.T) {
	var c Comms
	for _, pid := range []int32{0, 1, 7, lowPIDs - 1, lowPIDs, 1 << 22, -1} {
		if got := c.Get(pid); got != "" {
			t.Errorf("%d is called %q before it has a name", pid, got)
		}
		c.Set(pid, string(rune('a'+pid&15)))
	}
	for _, pid := range []int32{0, 1, 7, lowPIDs - 1, lowPIDs, 1 << 22, -1} {
		if got, want := c.Get(pid), string(rune('a'+pid&15)); got != want {
			t.Errorf("%d is called %q, want %q", pid, got, want)
		}
	}
	c.Set(7, "again")
	if c.Get(7) != "again" || c.Get(6) != "" || c.Get(lowPIDs+1) != "" {
		t.Errorf("%q, %q, %q", c.Get(7), c.Get(6), c.Get(lowPIDs+1))
	}
}
