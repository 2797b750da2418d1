package ftrace

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"schedreplay/internal/goldentest"
	"schedreplay/parser"
)

// legend is the header of a kernel that prints the given columns of flags.
func legend(columns ...string) string {
	var b strings.Builder
	b.WriteString("# tracer: nop\n#\n# entries-in-buffer/entries-written: 1/1   #P:4\n#\n")
	for i, c := range columns {
		fmt.Fprintf(&b, "#%31s%s%s=> %s\n", "", strings.Repeat("|", i), "_-----", c)
	}
	b.WriteString("#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n#              | |         |   |||||     |         |\n")
	return b.String()
}

var (
	mainline = []string{"irqs-off/BH-disabled", "need-resched", "hardirq/softirq", "preempt-depth", "migrate-disable"}
	old      = []string{"irqs-off", "need-resched", "hardirq/softirq", "preempt-depth"}
	rt       = []string{"irqs-off", "need-resched", "need-resched-lazy", "hardirq/softirq", "preempt-depth", "preempt-lazy-depth", "migrate-disable"}
)

// The flags column has four to eight characters, of which the legend tells the
// meaning; without a legend, as in trace_pipe, the letters do.
func TestContext(t *testing.T) {
	tests := []struct {
		legend []string
		flags  string
		want   parser.Context
	}{
		{mainline, "d..2.", parser.ContextTask},
		{mainline, "dNh3.", parser.ContextHardirq},
		{mainline, "dNH3.", parser.ContextHardirq},
		{mainline, "d.s2.", parser.ContextSoftirq},
		{mainline, "dNZ31", parser.ContextNMI},
		{mainline, "d.z31", parser.ContextNMI},
		{mainline, "bLs2.", parser.ContextSoftirq}, // 6.13: L is need-resched-lazy
		{mainline, "..?2.", parser.ContextUnknown},
		{old, "d..2", parser.ContextTask},
		{old, "dNh3", parser.ContextHardirq},
		{rt, "dn.h2..", parser.ContextHardirq},
		{rt, "d.Ls311", parser.ContextSoftirq},
		{rt, "d.L.311", parser.ContextTask},
		{rt, "d...311", parser.ContextTask},
		{nil, "d..2", parser.ContextTask},
		{nil, "dNh3.", parser.ContextHardirq},
		{nil, "dn.h2..", parser.ContextHardirq},
		{nil, "d.Ls3.1.", parser.ContextSoftirq},
		{nil, "d...3...", parser.ContextTask},
	}
	for _, test := range tests {
		text := ""
		if test.legend != nil {
			text = legend(test.legend...)
		}
		text += fmt.Sprintf("          <idle>-0       [009] %s   555.400822: sched_waking: comm=a pid=7 prio=120 target_cpu=009\n", test.flags)
		if strings.Contains(test.flags, "?") {
			text = strings.Replace(text, "?", "x", 1)
		}
		c, err := New(goldentest.Source("x", []byte(text)))
		if err != nil {
			t.Fatal(err)
		}
		for ev, err := range c.Events() {
			if err != nil || ev.Kind != parser.KindWaking || ev.Context != test.want || ev.Time != 555400822000 || ev.CPU != 9 {
				t.Errorf("%q (%d columns): %s, %v; want %s", test.flags, len(test.legend), goldentest.Line(&ev), err, test.want)
			}
		}
	}
}

// Lines of kernels and tools that are not at hand, by their print formats.
func TestLines(t *testing.T) {
	const front = "              rm-26132   [001] d..2.   632.213923: "
	tests := []struct{ name, line, want string }{
		{
			"kernel 4.1 says success", "          <idle>-0     [000] d.h3 61197.472005: sched_wakeup: comm=a b pid=7 prio=120 success=1 target_cpu=000",
			`sched_wakeup cpu=0 time=61197472005000 task="a b":7[120] cur="":0 context=hardirq target=0`,
		},
		{
			"and the lack of it", front + "sched_wakeup: comm=a pid=7 prio=120 success=0 target_cpu=000",
			`other cpu=1 time=632213923000 task="a":7[120] cur="rm":26132 context=task target=0 text="sched_wakeup"`,
		},
		{
			"a name with success", front + "sched_wakeup: comm= success=0 pid=7 prio=120 target_cpu=000",
			`sched_wakeup cpu=1 time=632213923000 task=" success=0":7[120] cur="rm":26132 context=task target=0`,
		},
		{
			"vruntime of 4.19", front + "sched_stat_runtime: comm=rm pid=26132 runtime=59107 [ns] vruntime=123456 [ns]",
			`sched_stat_runtime cpu=1 time=632213923000 task="rm":26132 cur="rm":26132 context=task runtime=59107`,
		},
		{
			"vendor keys", front + "sched_migrate_task: comm=rm pid=26132 prio=-1 orig_cpu=1 dest_cpu=2 state=1 overutil=0",
			`sched_migrate_task cpu=1 time=632213923000 task="rm":26132[-1] cur="rm":26132 context=task orig=1 target=2`,
		},
		{
			"vendor keys of a switch", front + "sched_switch: prev_comm=rm prev_pid=26132 prev_prio=120 prev_state=S util=3 ==> next_comm=sh next_pid=9 next_prio=49 util=4",
			`sched_switch cpu=1 time=632213923000 task="rm":26132[120] state=S next="sh":9[49] cur="rm":26132 context=task`,
		},
		{
			"states of 4.13", front + "sched_switch: prev_comm=rm prev_pid=26132 prev_prio=120 prev_state=D|K ==> next_comm=sh next_pid=9 next_prio=120",
			`sched_switch cpu=1 time=632213923000 task="rm":26132[120] state=D next="sh":9[120] cur="rm":26132 context=task`,
		},
		{
			"preempted", front + "sched_switch: prev_comm=rm prev_pid=26132 prev_prio=120 prev_state=R+ ==> next_comm=sh next_pid=9 next_prio=120",
			`sched_switch cpu=1 time=632213923000 task="rm":26132[120] state=R+ next="sh":9[120] cur="rm":26132 context=task`,
		},
		{
			"exec", front + "sched_process_exec: filename=/tmp/a b pid=1 old_pid=7 pid=26132 old_pid=26131",
			`sched_process_exec cpu=1 time=632213923000 task="":26132 cur="rm":26132 context=task oldpid=26131 text="/tmp/a b pid=1 old_pid=7"`,
		},
		{
			"fork", front + "sched_process_fork: comm= child_comm=x pid=26132 child_comm= pid=1 child_pid=27000",
			`sched_process_fork cpu=1 time=632213923000 task=" child_comm=x":26132 next=" pid=1":27000 cur="rm":26132 context=task`,
		},
		{
			"exit of 6.18", front + "sched_process_exit: comm=rm pid=26132 prio=120 group_dead=true",
			`sched_process_exit cpu=1 time=632213923000 task="rm":26132[120] cur="rm":26132 context=task`,
		},
		{
			"rename", front + "task_rename: pid=26132 oldcomm=a newcomm=b newcomm=c oom_score_adj=0",
			`comm cpu=1 time=632213923000 task="c":26132 cur="rm":26132 context=task`,
		},
		{
			"width of old pids", "           <...>-123   [001] d..2   632.213923: sched_process_wait: comm=a pid=0 prio=120",
			`other cpu=1 time=632213923000 cur="":123 context=task text="sched_process_wait"`,
		},
		{
			"unknown tgid", "             cc1-28256   (-------) [001] d..2.   658.273810: sched_stat_runtime: comm=cc1 pid=28256 runtime=1 [ns]",
			`sched_stat_runtime cpu=1 time=658273810000 task="cc1":28256 cur="cc1":28256 context=task runtime=1`,
		},
		{
			"tgid", "             cc1-28256   (  28250) [001] d..2.   658.273810: sched_process_exit: comm=cc1 pid=28256 prio=120",
			`sched_process_exit cpu=1 time=658273810000 task="cc1":28256[120] cur="cc1":28256 tgid=28250 context=task`,
		},
		{
			"narrow tgid", "             cc1-28256   (28256) [001] d..2   658.273810: sched_stat_runtime: comm=cc1 pid=28256 runtime=1 [ns]",
			`sched_stat_runtime cpu=1 time=658273810000 task="cc1":28256 cur="cc1":28256 tgid=28256 context=task runtime=1`,
		},
		{"function tracer", front + "schedule <-do_idle", `other cpu=1 time=632213923000 cur="rm":26132 context=task text="function"`},
		{"trace_printk", front + "select_task_rq_fair: pid=240 cpu=42", `other cpu=1 time=632213923000 cur="rm":26132 context=task text="select_task_rq_fair"`},
		{
			"trace-cmd 3.3", "             asm-23322 [000] d..2.   601.567381: sched_switch:         asm:23322 [120] X ==> asm:23323 [120]",
			`sched_switch cpu=0 time=601567381000 task="asm":23322[120] state=?(off) next="asm":23323[120] cur="asm":23322 context=task`,
		},
		{
			"trace-cmd 2", "             asm-23322 [072]   601.567348: sched_wakeup:         a:b:23324 [-1] success=1 CPU:072",
			`sched_wakeup cpu=72 time=601567348000 task="a:b":23324[-1] cur="asm":23322 target=72`,
		},
		{
			"idle of an old library", "             asm-23322 [072]   601.567348: sched_switch:         a:23322 [120] W ==> b:1 [120] Latency: 48.352 usecs",
			`sched_switch cpu=72 time=601567348000 task="a":23322[120] state=I next="b":1[120] cur="asm":23322`,
		},
		{"no such CPU", "              rm-26132   [9999] d..2.   632.213923: sched_waking: comm=a pid=7 prio=120 target_cpu=001", ``},
		{"no such target", front + "sched_waking: comm=a pid=7 prio=120 target_cpu=9999", `damaged text="the fields do not fit the event"`},
		{"no such pid", front + "sched_waking: comm=a pid=70000000000 prio=120 target_cpu=1", `damaged text="the fields do not fit the event"`},
		{"cut", front + "sched_switch: prev_comm=rm prev_pid=26132 prev_pr", `damaged text="the fields do not fit the event"`},
		{"beginning lost", "36 next_comm=sh next_pid=9 next_prio=120", `damaged text="no time and CPU found in the line"`},
		{"time beyond int64", "              rm-26132   [001] d..2. 99999999999.000000: sched_waking: comm=a pid=7 prio=120 target_cpu=001", `damaged text="no time and CPU found in the line"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := lines(t, "# tracer: nop\n"+test.line+"\n")
			want := test.want
			switch {
			case want == "":
				want = `2: damaged text="no time and CPU found in the line"`
			default:
				want = "2: " + want
			}
			if got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

// lines reads a capture and joins its events.
func lines(t *testing.T, capture string) string {
	t.Helper()
	c, err := New(goldentest.Source("x", []byte(capture)))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for ev, err := range c.Events() {
		if err != nil {
			all = append(all, err.Error())
			break
		}
		all = append(all, goldentest.Line(&ev))
	}
	return strings.Join(all, "\n")
}

func TestMarkers(t *testing.T) {
	const event = "              rm-26132   [003] d..2.   %s: sched_waking: comm=a pid=7 prio=120 target_cpu=003\n"
	first, second := fmt.Sprintf(event, "1.000000"), fmt.Sprintf(event, "2.000000")
	const waking = `sched_waking cpu=3 time=%d000000000 task="a":7[120] cur="rm":26132 context=task target=3`
	tests := []struct{ marker, want string }{
		{"CPU:3 [LOST 793 EVENTS]", "3: lost cpu=3 start=1000000000 time=2000000000 count=793"},
		{"CPU:3 [LOST EVENTS]", "3: lost cpu=3 start=1000000000 time=2000000000"},
		{"CPU:3 [793 EVENTS DROPPED]", "3: lost cpu=3 start=1000000000 time=2000000000 count=793"},
		{"CPU:3 [EVENTS DROPPED]", "3: lost cpu=3 start=1000000000 time=2000000000"},
		{"##### CPU 3 buffer started ####", "3: overwritten cpu=3 time=2000000000"},
		{"CPU:3 [SUBBUFFER START]", ""},
		{"CPU 3 is empty", ""},
		{"cpus=8", ""},
		{"version = 6", ""},
		{"# a comment", ""},
	}
	for _, test := range tests {
		got := lines(t, "# tracer: nop\n"+first+test.marker+"\n"+second)
		want := "2: " + fmt.Sprintf(waking, 1) + "\n"
		if test.want != "" {
			want += test.want + "\n"
		}
		want += "4: " + fmt.Sprintf(waking, 2)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.marker, got, want)
		}
	}
	// Two losses in a row are one; a loss at the end has an end too; a loss on
	// another CPU waits for that CPU.
	got := lines(t, "# tracer: nop\n"+first+"CPU:3 [LOST 2 EVENTS]\nCPU:3 [LOST 3 EVENTS]\nCPU:1 [LOST 4 EVENTS]\n"+second)
	want := "2: " + fmt.Sprintf(waking, 1) + "\n3: lost cpu=3 start=1000000000 time=2000000000 count=5\n6: " + fmt.Sprintf(waking, 2) +
		"\n5: lost cpu=1 time=2000000000 count=4"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// A capture that went through mail or a ticket reads as before.
func TestPasted(t *testing.T) {
	const capture = "# tracer: nop\n" +
		"          <idle>-0       [000] d..2.   632.000001: sched_waking: comm=a b pid=7 prio=120 target_cpu=000\n" +
		"          <idle>-0       [000] d..2.   632.000002: sched_wakeup: comm=a b pid=7 prio=120 target_cpu=000\n" +
		"            > rm-26132   [001] d..2.   632.000003: sched_stat_runtime: comm=> rm pid=26132 runtime=5 [ns]\n" +
		"          <idle>-0       [000] d..2.   632.000004: sched_switch: prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=a b next_pid=7 next_prio=120\n"
	plain := lines(t, capture)
	prefix := func(p string) string {
		return p + strings.ReplaceAll(strings.TrimSuffix(capture, "\n"), "\n", "\n"+p) + "\n"
	}
	number := func(format string) string {
		var b strings.Builder
		for i, l := range strings.SplitAfter(strings.TrimSuffix(capture, "\n"), "\n") {
			fmt.Fprintf(&b, format+"%s", i+40, l)
		}
		return b.String() + "\n"
	}
	for name, pasted := range map[string]string{
		"indented":       prefix("        "),
		"quoted":         prefix("> "),
		"quoted thrice":  prefix("> > > "),
		"quoted tightly": prefix(">>"),
		"boxed":          prefix("| "),
		"carriage":       strings.ReplaceAll(capture, "\n", "\r\n"),
		"both":           strings.ReplaceAll(prefix("> "), "\n", "\r\n"),
		"grep -n":        number("%d:"),
		"cat -n":         number("%6d\t"),
		"byte order":     "\ufeff" + capture,
		"journal":        prefix("Nov 22 15:08:15 host kernel: "),
		"no last line":   strings.TrimSuffix(capture, "\n"),
	} {
		if got := lines(t, pasted); got != plain {
			t.Errorf("%s:\n got %s\nwant %s", name, got, plain)
		}
	}
	// Text around it is no damage.
	if got := lines(t, "# tracer: nop\nHello,\n\nthis is it:\n\n"+capture+"\nRegards - Jane"); strings.Contains(got, "damaged") || strings.Contains(got, "cut") {
		t.Errorf("prose: %s", got)
	}
}

// The text may end anywhere: what came before stands, and only the last line
// is an error.
func TestCut(t *testing.T) {
	const line = "          <idle>-0       [000] d..2.   632.%06d: sched_waking: comm=a b pid=7 prio=120 target_cpu=000\n"
	whole := "# tracer: nop\n" + fmt.Sprintf(line, 1) + fmt.Sprintf(line, 2)
	first := strings.Index(whole, fmt.Sprintf(line, 2))
	for end := first; end < len(whole); end++ {
		events, failed := 0, false
		c, err := New(goldentest.Source("x", []byte(whole[:end])))
		if err != nil {
			t.Fatal(end, err)
		}
		for ev, err := range c.Events() {
			switch {
			case err != nil:
				failed = true
			case ev.Kind == parser.KindWaking:
				events++
			default:
				t.Errorf("cut at %d: %s", end, goldentest.Line(&ev))
			}
		}
		complete := end == first || end >= len(whole)-1
		if want := 1 + end/(len(whole)-1); failed == complete || events != want {
			t.Errorf("cut at %d, %q: %d events, failed %v", end, whole[first:end], events, failed)
		}
	}
}

// One digit more may be missing: such a line says nothing that can be believed.
func TestCutInLastNumber(t *testing.T) {
	const front = "# tracer: nop\n          <idle>-0       [000] d..2.   632.000001: "
	const sw = "sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=b next_pid=2 next_prio="
	goldentest.Ends(t, front, []string{
		sw + "14", // there is no 140
		sw + "120",
		sw + "0",
		sw + "-1",
		sw + "1 ",
		"sched_waking: comm=a pid=7 prio=120 target_cpu=041",
		"sched_waking: comm=a pid=7 prio=120 target_cpu=900",
		"sched_migrate_task: comm=a pid=7 prio=120 orig_cpu=1 dest_cpu=0",
		"sched_process_fork: comm=a pid=7 child_comm=b child_pid=419431",
		"sched_stat_runtime: comm=a pid=7 runtime=5 [ns]",
		"sched_stat_runtime: comm=a pid=7 runtime=5 [ns] vruntime=7",
		"sched_waking:         a:7 [120] CPU:041",
		"sched_switch:         a:7 [120] S ==> b:8 [120]",
		"sched_wakeup: comm=a pid=0x7 (7) prio=0x78 (120) target_cpu=0x4 (4)",
		"irq_handler_entry: irq=1", // nothing of it is used
	}, []string{
		sw + "1", // 1, 10 or 120
		sw + "12",
		sw + "13",
		"sched_waking: comm=a pid=7 prio=120 target_cpu=04",
		"sched_waking: comm=a pid=7 prio=120 target_cpu=100", // 1000
		"sched_migrate_task: comm=a pid=7 prio=120 orig_cpu=1 dest_cpu=4",
		"sched_process_fork: comm=a pid=7 child_comm=b child_pid=8",
		"sched_process_exec: filename=/a pid=7 old_pid=7",
		"sched_stat_runtime: comm=a pid=7 runtime=5",
		"sched_waking:         a:7 [120] CPU:04",
		"task_rename: pid=1 oldcomm=a newcomm=b oom_score_adj=1",
	}, New)
}

// What a line is does not change because it might have been the end of another one.
func TestNoPiece(t *testing.T) {
	const torn = "          <idle>-0       [003] d..2.   632.000001: sched_migrate_task: comm=a pid=7 prio=120 orig_cpu=1 dest_cpu=2 and\n"
	const event = "<idle>-0 [000] d..2. 632.000002: sched_waking: comm=b pid=7 prio=120 target_cpu=001"
	for _, before := range []string{"          <idle>-0       [003] d..2.   632.000001: sched_migrate_task: comm=a pid=7\n", torn} {
		all := strings.Split(lines(t, "# tracer: nop\n"+before+event+"\n"), "\n")
		alone := strings.Split(lines(t, "# tracer: nop\n\n"+event+"\n"), "\n")
		if got, want := all[len(all)-1], alone[len(alone)-1]; got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

// Marks that systrace and Android write are no damage, whatever their time.
func TestClockSync(t *testing.T) {
	const event = "          <idle>-0       [000] d..2.   632.%06d: sched_waking: comm=a pid=7 prio=120 target_cpu=000\n"
	first, second := fmt.Sprintf(event, 1), fmt.Sprintf(event, 2)
	want := lines(t, "# tracer: nop\n\n"+first+"\n"+second+"\n")
	for _, mark := range []string{
		"           <...>-5608    [000] ...1.   632.000003: tracing_mark_write: trace_event_clock_sync: parent_ts=1632.0\n",
		"           <...>-5608    [000] ...1.   999.000003: tracing_mark_write: trace_event_clock_sync: realtime_ts=1521474000000\n",
		"           <...>-5608    [000] ...1.     0.000003: 0: trace_event_clock_sync: parent_ts=0.0\n",
		"           <...>-5608    [000] ...1.   100.000003: irq_handler_entry: irq=7\n",
		"trace_event_clock_sync: parent_ts=1632.0\n",
	} {
		if got := lines(t, "# tracer: nop\n\n"+first+mark+second+"\n"); got != want {
			t.Errorf("%s\n got %s\nwant %s", mark, got, want)
		}
	}
	if got := lines(t, "# tracer: nop\n           <...>-5608    [000] ...1.   999.000003: tracing_mark_write: trace_event_clock_sync: parent_ts=0.0\n"+first+"\n"+second+"\n"); got != want {
		t.Errorf("before all: got %s", got)
	}
}

// A hole in a file is damage where it lies; what stands around it is read.
func TestNULs(t *testing.T) {
	const event = "          <idle>-0       [000] d..2.   632.%06d: sched_waking: comm=a pid=7 prio=120 target_cpu=000\n"
	nuls := strings.Repeat("\x00", 600)
	got := lines(t, "# tracer: nop\n"+nuls+"\n"+fmt.Sprintf(event, 1)+nuls+fmt.Sprintf(event, 2)+strings.Replace(fmt.Sprintf(event, 3), "comm=a", "comm=a\x00b", 1)+fmt.Sprintf(event, 4))
	want := []string{
		`2: damaged text="NULs where text was"`,
		`3: sched_waking cpu=0 time=632000001000 task="a":7[120] cur="":0 context=task target=0`,
		`4: damaged time=632000001000 text="NULs where text was"`,
		`5: damaged time=632000001000 text="the fields do not fit the event"`,
		`6: sched_waking cpu=0 time=632000004000 task="a":7[120] cur="":0 context=task target=0`,
	}
	if got != strings.Join(want, "\n") {
		t.Errorf("got\n%s", got)
	}
}

// tracefs/snapshot prints what it is for until a snapshot is taken (print_snapshot_help);
// then it reads as tracefs/trace does.
func TestSnapshot(t *testing.T) {
	for _, state := range []string{"freed", "allocated"} {
		_, err := New(goldentest.Source("snapshot", []byte("# tracer: nop\n#\n#\n# * Snapshot is "+state+" *\n#\n# Snapshot commands:\n"+
			"# echo 0 > snapshot : Clears and frees snapshot buffer\n")))
		if !errors.Is(err, parser.ErrUnsupported) || !strings.Contains(err.Error(), "echo 1 > snapshot") {
			t.Errorf("%s: %v", state, err)
		}
	}
}
