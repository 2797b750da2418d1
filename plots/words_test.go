package plots

import (
	"testing"

	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
)

func TestCountsAndTimes(t *testing.T) {
	for got, want := range map[string]string{
		say.Count(1234567): "1,234,567", say.Count(-1000): "-1,000", say.Count(999): "999", say.Counted(1, "run"): "1 run", say.Counted(0, "run"): "0 runs", say.Counted(2, "entry", "entries"): "2 entries",
		say.Clock(24_569_910_999): "24.569910 s", say.Clock(-1_500_000_000): "-1.500000 s", say.Times(0): "never", say.Times(2): "twice", say.Times(3): "3 times",
		say.Join([]string{"a", "b", "c"}): "a, b and c", say.JoinUpTo([]string{"a", "b", "c"}, 1, "task"): "a and 2 more tasks",
		axes.RoundDuration(1e9): "1 s", axes.RoundDuration(5e4): "50 µs", axes.RoundDuration(1): "1 ns",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
