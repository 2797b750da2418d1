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
		{"perf record -aC 3 x", "3"},
		{"perf record -agC3-5 -- x", "3-5"},
		{"perf record -ag -e x -j any,k -C 3", "3"},
		{"perf record -z3 -C 4", "4"},
		{"perf record -z -C 4", "4"},
		{"perf record -ac 1 -C 4", "4"},
		{"perf record -ac1 -C 4", "4"},
		{"perf record --control fd:3 --cpu 4", "4"},
		{"perf record -eC -C 5", "5"},
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
