package parser

import (
	"strings"
	"testing"
)

func TestRecordCPUs(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"/usr/bin/perf sched record -C 43 -o x -- sh", "43"},
		{"perf record -C1,3-4", "1,3-4"},
		{"perf record -a -R -c 1 -C2,5-6", "2,5-6"},
		{"perf record --cpu=7 x", "7"},
		{"perf record --cpu 7 x", "7"},
		{"perf record --mmap-flush 1M -C 7", "7"},
		{"perf record -a x", ""},
		{"perf record -a -e x sleep -C 3", ""},
		{"perf record -e -C taskset -C 3", ""},
		{"perf record -- taskset -C 3", ""},
		{"perf sched record", ""},
		{"perf record -C nonsense", ""},
		{"perf record -C", ""},
		{"perf script -C 3", ""},
	} {
		if got := RecordCPUs(strings.Fields(c.args)).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.args, got, c.want)
		}
	}
}
