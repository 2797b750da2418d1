package record

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/ftrace"
)

func TestParseCondition(t *testing.T) {
	for s, want := range map[string]string{
		"intrusion": "intrusion", "delay>1ms": "delay>1ms", "delay > 250us": "delay>250µs",
		"delay": "", "delay>0s": "", "delay>-1s": "", "delay>1": "", "": "", "intrusions": "",
	} {
		c, err := ParseCondition(s)
		switch {
		case want == "" && !errors.Is(err, ErrOptions):
			t.Errorf("%q: %v, %v", s, c, err)
		case want != "" && (err != nil || c.String() != want):
			t.Errorf("%q: %v, %v", s, c, err)
		}
	}
}

// tasks are what /proc says in the tests: pid 10 owns CPU 3, 20 is ksmd, 30 is bound to
// CPU 3 by the kernel; of 40 nothing is known.
func tasks(pid int32) (parser.TaskInfo, bool) {
	switch pid {
	case 10:
		return parser.TaskInfo{Affinity: fact.Seen(cpumask.Of(3), "")}, true
	case 20:
		return parser.TaskInfo{Affinity: fact.Seen(cpumask.Of(0, 1, 2, 3), ""), Kthread: fact.Seen(true, "")}, true
	case 30:
		return parser.TaskInfo{Affinity: fact.Seen(cpumask.Of(3), ""), Kthread: fact.Seen(true, "")}, true
	case 50, 60:
		return parser.TaskInfo{Affinity: fact.Seen(cpumask.Of(0, 3), "")}, true
	}
	return parser.TaskInfo{}, false
}

// pipeText is what trace_pipe prints: no header.
func pipeText(lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		cpu, rest, _ := strings.Cut(l, " ")
		at, payload, _ := strings.Cut(rest, " ")
		fmt.Fprintf(&b, "          <idle>-0       [%s] d..2. %s: %s\n", cpu, at, payload)
	}
	return b.String()
}

func sw(cpu, at, prev, state, next string) string {
	name := func(role, pid string) string {
		comm := map[string]string{"0": "swapper/3", "10": "pmd-c", "20": "ksmd", "30": "kworker/3:1", "40": "gone", "50": "perf", "60": "bash"}[pid]
		return fmt.Sprintf("%s_comm=%s %s_pid=%s %s_prio=120", role, comm, role, pid, role)
	}
	return fmt.Sprintf("%s %s sched_switch: %s prev_state=%s ==> %s", cpu, at, name("prev", prev), state, name("next", next))
}

func wakeup(cpu, at, pid, target string) string {
	return fmt.Sprintf("%s %s sched_wakeup: comm=x pid=%s prio=120 target_cpu=%s", cpu, at, pid, target)
}

func TestConditionMet(t *testing.T) {
	intrusion, delay := Condition{}, Condition{Delay: time.Millisecond}
	for _, c := range []struct {
		name  string
		when  Condition
		lines []string
		want  string
	}{
		{"ksmd", intrusion, []string{sw("003", "1.000100", "10", "R+", "20")}, "ksmd (pid 20) ran on isolated CPU 3 at 1.000100"},
		{"elsewhere", intrusion, []string{sw("002", "1.000100", "10", "R+", "20")}, ""},
		{"idle", intrusion, []string{sw("003", "1.000100", "10", "S", "0")}, ""},
		{"the owner", intrusion, []string{sw("003", "1.000100", "0", "R", "10")}, ""},
		{"a bound kworker", intrusion, []string{sw("003", "1.000100", "10", "R", "30")}, ""},
		{"not known is no intrusion", intrusion, []string{sw("003", "1.000100", "10", "R", "40")}, ""},
		{"a recorder", intrusion, []string{sw("003", "1.000100", "10", "R", "50")}, ""},
		{"the second of two", intrusion, []string{sw("003", "1.000100", "10", "R", "30"), sw("003", "1.000200", "30", "S", "60")}, "bash (pid 60) ran on isolated CPU 3 at 1.000200"},
		{"woken", delay, []string{wakeup("000", "1.000000", "10", "003"), sw("003", "1.002000", "20", "S", "10")}, "pmd-c (pid 10) waited 2ms for CPU 3 at 1.002000"},
		{"woken twice counts from the first", delay, []string{wakeup("000", "1.000000", "10", "003"), wakeup("000", "1.001500", "10", "003"), sw("003", "1.002000", "20", "S", "10")}, "pmd-c (pid 10) waited 2ms for CPU 3 at 1.002000"},
		{"preempted", delay, []string{sw("003", "1.000000", "10", "R", "20"), sw("003", "1.004000", "20", "S", "10")}, "pmd-c (pid 10) waited 4ms for CPU 3 at 1.004000"},
		{"slept", delay, []string{sw("003", "1.000000", "10", "S", "20"), sw("003", "1.004000", "20", "S", "10")}, ""},
		{"exactly the bound", delay, []string{sw("003", "1.000000", "10", "R", "20"), sw("003", "1.001000", "20", "S", "10")}, ""},
		{"an intruder's own delay", delay, []string{wakeup("000", "1.000000", "20", "003"), sw("003", "1.004000", "10", "R", "20")}, ""},
		{"events were lost", delay, []string{wakeup("000", "1.000000", "10", "003"), "LOST", sw("003", "1.002000", "20", "S", "10")}, ""},
	} {
		s := ""
		for _, l := range c.lines {
			if l == "LOST" {
				s += "CPU:3 [LOST 12 EVENTS]\n"
				continue
			}
			s += pipeText(l)
		}
		name := filepath.Join(t.TempDir(), "trace_pipe")
		if err := os.WriteFile(name, []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
		live, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // what is there is read, then it is over
		cap, err := ftrace.New(pipeSource(ctx, live))
		if err != nil {
			t.Fatal(err)
		}
		w := watcher{Condition: c.when, isolated: cpumask.Of(3), task: tasks}
		h, err := w.first(cap.Events())
		live.Close()
		got := ""
		if h != nil {
			got = h.String()
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func TestFilter(t *testing.T) {
	if f := filter("CPU", cpumask.Of(3, 42)); f != "CPU == 3 || CPU == 42" {
		t.Errorf("%q", f)
	}
	if f := filter("target_cpu", cpumask.Range(0, 8191)); f != "" {
		t.Errorf("%d bytes", len(f))
	}
}

// A condition that was read is written as what reads alike.
func FuzzParseCondition(f *testing.F) {
	for _, s := range []string{"intrusion", "delay>1ms", "delay > 1h2m3.5s", "delay>1e3s", "delay>-0s", "delay>9223372036s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCondition(s)
		if err != nil {
			if !errors.Is(err, ErrOptions) || c != nil {
				t.Fatalf("%q: %v, %v", s, c, err)
			}
			return
		}
		if again, err := ParseCondition(c.String()); err != nil || *again != *c || c.Delay < 0 {
			t.Fatalf("%q is %v, which reads %v, %v", s, c, again, err)
		}
	})
}
