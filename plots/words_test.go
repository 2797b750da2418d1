package plots

import (
	"strings"
	"testing"
)

func TestDuration(t *testing.T) {
	for ns, want := range map[int64]string{
		0: "0 ns", 1: "1 ns", 640: "640 ns", 999: "999 ns", 1000: "1.00 µs", 12_345: "12.3 µs", 999_499: "999 µs", 999_500: "1.00 ms", 1_234_567: "1.23 ms",
		999_600_000: "1.00 s", 1_000_000_000: "1.00 s", 59_990_000_000: "60.0 s", 3_600_000_000_000: "3,600 s", -5_000: "-5.00 µs",
	} {
		if got := duration(ns); got != want {
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
		if got := percent(c.part, c.whole); got != c.want {
			t.Errorf("percent(%d, %d) = %q, want %q", c.part, c.whole, got, c.want)
		}
	}
}

func TestCountsAndTimes(t *testing.T) {
	for got, want := range map[string]string{
		count(1234567): "1,234,567", count(-1000): "-1,000", count(999): "999", counted(1, "run"): "1 run", counted(0, "run"): "0 runs", counted(2, "entry", "entries"): "2 entries",
		clock(24_569_910_999): "24.569910 s", clock(-1_500_000_000): "-1.500000 s", times(0): "never", times(2): "twice", times(3): "3 times",
		join([]string{"a", "b", "c"}): "a, b and c", joinUpTo([]string{"a", "b", "c"}, 1, "task"): "a and 2 more tasks",
		roundDuration(1e9): "1 s", roundDuration(5e4): "50 µs", roundDuration(1): "1 ns", trimFloat(-0.001, 2): "0", trimFloat(1.5, 2): "1.5", trimFloat(100, 2): "100",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"prev_cpu of _x_":                              `prev_cpu of \_x\_`,
		"a|b <i>*c*</i> [d](e) `f":                     `a\|b &lt;i&gt;\*c\*&lt;/i&gt; \[d\](e) ` + "\\`f",
		code("select_idle_smt"):                        "`select_idle_smt`",
		string(markName) + "@all #1" + string(markEnd): "`@all #1`",
		string(markName) + "a|@b" + string(markEnd):    `a\|&#64;b`,
		bold("so "+code("x")+":") + " y":               "**so x:** y",
		"# no heading":                                 `\# no heading`,
	} {
		if got := mdText(in); got != want {
			t.Errorf("mdText(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCleanLetsNoMarksThrough(t *testing.T) {
	for _, s := range []string{"a\ue000b\ue003", "\x1b[31m", "a\u202eb", "line\nline"} {
		if got := clean(s); strings.ContainsAny(got, "\ue000\ue001\ue002\ue003\x1b\u202e\n") {
			t.Errorf("clean(%q) = %q", s, got)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("ksmd")
	f.Add("a|b`<c>\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{mdText(clean(s)), string(htmlText(clean(s))), mdText(string(markName) + clean(s) + string(markEnd))} {
			if strings.ContainsAny(got, "\n\r\x1b\u202e\ue000") {
				t.Errorf("%q became %q", s, got)
			}
		}
		if h := string(htmlText(clean(s))); strings.ContainsAny(strings.ReplaceAll(h, "&lt;", ""), "<>") {
			t.Errorf("%q became %q", s, h)
		}
	})
}
