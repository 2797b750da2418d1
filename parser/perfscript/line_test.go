package perfscript

import (
	"strings"
	"testing"

	"schedreplay/internal/goldentest"
)

// Lines of perfs and situations that are not at hand, by their print formats.
func TestLines(t *testing.T) {
	const payload = "sched:sched_waking: comm=a b pid=7 prio=120 target_cpu=001"
	const waking = `sched_waking cpu=1 time=410308639000 task="a b":7[120] `
	tests := []struct{ name, line, want string }{
		{"perf 6.1", "            perf  4041 [001]   410.308639:       " + payload, waking + `cur="perf":4041 target=1`},
		{"perf 6.12", "            perf    4041 [001]   410.308639:       " + payload, waking + `cur="perf":4041 target=1`},
		{"pid and tid", "            perf  4041/4042  [001]   410.308639: " + payload, waking + `cur="perf":4042 target=1`},
		{"period", "            perf  4041 [001]   410.308639:      59107 " + payload, waking + `cur="perf":4041 target=1`},
		{"misc", "            perf  4041 [001] K        410.308639: " + payload, waking + `cur="perf":4041 target=1`},
		{"exited", "              :-1    -1 [001]   410.308639: " + payload, waking + `target=1`},
		{"name unknown", "            :4041  4041 [001]   410.308639: " + payload, waking + `cur="":4041 target=1`},
		{"idle", "         swapper     0 [001]   410.308639: " + payload, waking + `cur="":0 target=1`},
		{"false columns", " 5 [1] 1.5: a:b:  7046 [001]   410.308639: " + payload, waking + `cur="5 [1] 1.5: a:b:":7046 target=1`},
		{"no name", "[001]   410.308639: " + payload, waking + `target=1`},
		{"not padded", "my perf 4041 [001]   410.308639: " + payload, waking + `cur="my perf":4041 target=1`},
		{"long name", "kworker/u8:3-writeback  2956 [001]   410.308639: " + payload, waking + `cur="kworker/u8:3-writeback":2956 target=1`},
		{"another system", "            perf  4041 [001]   410.308639: probe:sched_switch: (ffffffff81)", `other cpu=1 time=410308639000 cur="perf":4041 text="sched_switch"`},
		{"a counter", "            perf  4041 [001]   410.308639:     250000 cpu-clock:pppH:  ffffffff81 f+0x1", `other cpu=1 time=410308639000 cur="perf":4041 text="cpu-clock:pppH"`},
		{"lost", "           mkdir 32147 [001]   717.328088: PERF_RECORD_LOST lost 2", `lost cpu=1 time=717328088000 count=2`},
		{"lost samples", "         swapper     0 [000]   717.328088: PERF_RECORD_LOST_SAMPLES lost 294", `lost count=294`},
		{"fork", "           mkdir 32147 [001]   717.328088: PERF_RECORD_FORK(40:41):(30:31)", `sched_process_fork cpu=1 time=717328088000 task="":31 next="":41 cur="mkdir":32147`},
		{"exit", "           mkdir 32147 [001]   717.328088: PERF_RECORD_EXIT(40:41):(30:31)", `sched_process_exit cpu=1 time=717328088000 task="":41 cur="mkdir":32147`},
		{"rename", "           mkdir 32147 [001]   717.328088: PERF_RECORD_COMM exec: a:1/2:40/41", `comm cpu=1 time=717328088000 task="a:1/2":41 cur="mkdir":32147 text="exec"`},
		{"initial task", "         swapper     0 [000]     0.000000: PERF_RECORD_COMM: init:1/1", `comm task="init":1 cur="":0`},
		{"initial fork", "         swapper     0 [000]     0.000000: PERF_RECORD_FORK(1:1):(0:0)", ``},
		{"other record", "           mkdir 32147 [001]   717.328088: PERF_RECORD_MMAP2 32147/32147: [0x1(0x2)]", `other cpu=1 time=717328088000 cur="mkdir":32147 text="PERF_RECORD_MMAP2"`},
		{"warning", "Processed 3108 events and lost 7 chunks!", `lost`},
		{"callchain", "\tffffffff8139bf41 __traceiter_sched_switch+0x31 ([kernel.kallsyms])", ``},
		{"cut", "            perf  4041 [001]   410.308639: sched:sched_waking: comm=a b pid=7 pr", `damaged text="the fields do not fit the event"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := New(goldentest.Source("x", []byte("# captured on    : x\n"+test.line+"\n")))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for ev, err := range c.Events() {
				if err != nil {
					t.Fatal(err)
				}
				ev.Pos = 0
				got = append(got, strings.TrimPrefix(goldentest.Line(&ev), "0: "))
			}
			if strings.Join(got, "\n") != test.want {
				t.Errorf("\n got %s\nwant %s", strings.Join(got, "\n"), test.want)
			}
		})
	}
}

// perf's records of forks and exits count only if there are no tracepoints for
// them.
func TestForksOnce(t *testing.T) {
	const record = "           mkdir 32147 [001]   717.328088: PERF_RECORD_FORK(41:41):(31:31)\n"
	const tracepoint = "           mkdir 32147 [001]   717.328090: sched:sched_process_fork: comm=a pid=31 child_comm=a child_pid=41\n"
	for text, want := range map[string]int{
		record: 1, record + tracepoint: 1, tracepoint + record: 1, record + tracepoint + record + tracepoint: 2,
		"# event : name = sched:sched_process_fork, , id = { 1 }\n" + record + "# perf version : 6.1\n": 0,
	} {
		c, err := New(goldentest.Source("x", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ev := range c.Events() {
			if ev.Next.PID == 41 {
				n++
			}
		}
		if n != want {
			t.Errorf("%q: %d forks, want %d", text, n, want)
		}
	}
}

func TestCutInLastNumber(t *testing.T) {
	goldentest.Ends(t, "# captured on    : x\n", []string{
		"            perf  4041 [000]   410.308626: sched:sched_stat_runtime: comm=perf pid=4041 runtime=59107 [ns]",
		"            perf  4041 [000]   410.308626: sched:sched_waking: comm=perf pid=4041 prio=120 target_cpu=001",
	}, []string{
		"            perf  4041 [000]   410.308626: sched:sched_waking: comm=perf pid=4041 prio=120 target_cpu=00",
		"           mkdir 32147 [001]   717.328088: PERF_RECORD_LOST lost 2",
		"           mkdir 32147 [001]   717.328088: PERF_RECORD_COMM: mkdir:32147/32147",
	}, New)
}
