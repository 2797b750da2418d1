package say

import (
	"strings"
	"testing"
)

func TestDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", 1: "1 ns", 640: "640 ns", 999: "999 ns", 1000: "1.00 µs", 12_345: "12.3 µs", 999_499: "999 µs", 999_500: "1.00 ms", 1_234_567: "1.23 ms",
		999_600_000: "1.00 s", 1_000_000_000: "1.00 s", 59_990_000_000: "60.0 s", 3_600_000_000_000: "3,600 s", -5_000: "-5.00 µs",
	} {
		if got := Duration(ns); got != want {
			t.Errorf("duration(%d) = %q, want %q", ns, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		part, whole int64
		want        string
	}{
		{0, 0, "unknown"},
		{0, 10, "0 %"},
		{10, 10, "100 %"},
		{1, 3, "33.3 %"},
		{9999, 10000, "over 99.9 %"},
		{1, 1_000_000, "under 0.1 %"},
		{12, 10, "120.0 %"},
	} {
		if got := Percent(c.part, c.whole); got != c.want {
			t.Errorf("percent(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestCleanLetsNoMarksThrough(t *testing.T) {
	for _, s := range []string{"a\ue000b\ue003", "\x1b[31m", "a\u202eb", "line\nline"} {
		if got := Clean(s); strings.ContainsAny(got, "\ue000\ue001\ue002\ue003\x1b\u202e\n") {
			t.Errorf("clean(%q) = %q", s, got)
		}
	}
}
