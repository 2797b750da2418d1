package record

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
)

// machine is one that offers everything.
func machine(cpus int) Machine {
	m := Machine{Root: "/", Tracefs: "/sys/kernel/tracing", Perf: "/usr/bin/perf", CPUs: cpus, Events: map[string]bool{runtimeEvent: true}}
	for _, e := range wanted {
		m.Events[e] = true
	}
	m.Clocks = words("local global mono boot")
	return m
}

func TestPlan(t *testing.T) {
	less := func(m Machine, events ...string) Machine {
		for _, e := range events {
			delete(m.Events, e)
		}
		return m
	}
	noPerf, virtual, oldClock := machine(4), machine(4), machine(4)
	noPerf.Perf, virtual.Virtual, oldClock.Clocks = "", true, words("local global")
	isolated := cpumask.Of(3)
	for _, c := range []struct {
		name string
		m    Machine
		o    Options
		want string // recorder, clock, events left out, KiB per CPU; or the error
	}{
		{"perf first", machine(4), Options{Backend: Auto}, "perf mono 8 events 16384"},
		{"no perf", noPerf, Options{Backend: Auto}, "tracefs mono 8 events 16384"},
		{"tracefs asked for", machine(4), Options{Backend: Tracefs}, "tracefs mono 8 events 16384"},
		{"a guest", virtual, Options{Backend: Auto}, "perf mono 9 events 16384"},
		{"no mono", oldClock, Options{Backend: Auto}, "perf global 8 events 16384"},
		{"a kernel without waking", less(machine(4), "sched:sched_waking"), Options{Backend: Auto}, "perf mono 7 events 16384"},
		{"384 CPUs share a gigabyte", machine(384), Options{Backend: Tracefs}, "tracefs mono 8 events 2728"},
		{"perf takes powers of two", machine(384), Options{Backend: Perf}, "perf mono 8 events 2048"},
		{"perf's ring maps twice", machine(384), Options{Backend: Perf, Ring: true}, "perf mono 8 events 1024"},
		{"a condition is a ring", machine(384), Options{Backend: Perf, When: &Condition{}, Isolated: isolated}, "perf mono 8 events 1024"},
		{"a size", machine(4), Options{Backend: Tracefs, Buffer: 512 << 20}, "tracefs mono 8 events 131072"},
		{"no such perf", noPerf, Options{Backend: Perf}, "cannot record here: no perf that runs on this kernel in PATH; install it, or leave out --backend"},
		{"no such backend", machine(4), Options{Backend: "dtrace"}, `cannot record that: backend "dtrace"; say auto, perf or tracefs`},
		{"nothing isolated", machine(4), Options{Backend: Auto, When: &Condition{}}, "cannot record that: --when looks at isolated CPUs, and this machine isolates none; name them with --isolated"},
		{"negative", machine(4), Options{Backend: Auto, Duration: -time.Second}, "cannot record that: a negative size or time"},
		{"no switches", less(machine(4), "sched:sched_switch"), Options{Backend: Auto}, "cannot record here: the kernel offers no sched:sched_switch; it needs CONFIG_TRACEPOINTS and CONFIG_SCHED_TRACER or FTRACE"},
		{"too little", machine(384), Options{Backend: Perf, Ring: true, Buffer: 1 << 20}, "cannot record that: 1024 KiB of buffers are too little for 384 CPUs; give at least 48 MiB"},
	} {
		p, err := NewPlan(c.m, c.o)
		got := fmt.Sprintf("%s %s %d events %d", p.Recorder, p.Clock, len(p.Events), p.PerCPU>>10)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// However many CPUs there are, all buffers together keep to what was asked, and what
// the error names suffices.
func TestBuffersAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := machine(rapid.IntRange(1, 8192).Draw(t, "CPUs"))
		m.Available = rapid.Int64Range(0, 1<<42).Draw(t, "available")
		o := Options{
			Backend: rapid.SampledFrom([]Backend{Perf, Tracefs}).Draw(t, "backend"), Ring: rapid.Bool().Draw(t, "ring"),
			Buffer: rapid.Int64Range(0, 1<<40).Draw(t, "buffer"),
		}
		p, err := NewPlan(m, o)
		if err != nil {
			i := strings.LastIndex(err.Error(), "at least ")
			if _, serr := fmt.Sscanf(err.Error()[i:], "at least %d MiB", &o.Buffer); serr != nil || o.Buffer == 0 {
				t.Fatal(err)
			}
			o.Buffer <<= 20
			if p, err = NewPlan(m, o); err != nil {
				t.Fatal(err)
			}
		}
		most := o.Buffer
		if most == 0 {
			most = defaultTotal
		}
		if p.buffers() > most || p.PerCPU < minPerCPU {
			t.Fatalf("%d bytes of %d, %d per CPU", p.buffers(), most, p.PerCPU)
		}
		if p.Recorder == Perf && p.PerCPU&(p.PerCPU-1) != 0 {
			t.Fatalf("perf refuses %d", p.PerCPU)
		}
	})
}

func TestSteps(t *testing.T) {
	m := machine(4)
	m.Cgroups = true
	p, err := NewPlan(m, Options{
		Backend: Auto, When: &Condition{Delay: time.Millisecond}, Isolated: cpumask.Of(2, 3), Duration: time.Minute, Command: []string{"a", "b c"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"keep the last of " + strings.Join(wanted, " ") + " on 4 CPUs",
		"through /usr/bin/perf record -a -N -B -k CLOCK_MONOTONIC -m 8192K -o DIR/perf.data -e " + strings.Join(wanted, ",") + " --all-cgroups --overwrite -- sh -c echo; exec cat",
		"buffers: 8192 KiB for each CPU, 64 MiB in all",
		`until interrupted (Ctrl-C, SIGTERM), or ["a" "b c"] ends, or 1m0s are over, or delay>1ms on CPU 2-3`,
		"then collect host.tar.gz",
	}
	if got := p.Steps(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Noise is of the isolated CPUs alone where there are some, and of what the kernel offers.
func TestNoise(t *testing.T) {
	m := machine(4)
	m.Events["irq:softirq_entry"], m.Events["ipi:ipi_send_cpu"], m.Events["sched:sched_process_hang"] = true, true, true
	for _, c := range []struct {
		isolated cpumask.Mask
		want     string
	}{
		{cpumask.Of(2, 3), "-e irq:softirq_entry --filter CPU == 2 || CPU == 3 -e ipi:ipi_send_cpu --filter cpu == 2 || cpu == 3 -e " + strings.Join(wanted, ",") + ",sched:sched_process_hang --"},
		{cpumask.Mask{}, "-e " + strings.Join(wanted, ",") + ",irq:softirq_entry,ipi:ipi_send_cpu,sched:sched_process_hang --"},
	} {
		p, err := NewPlan(m, Options{Backend: Auto, Noise: true, Isolated: c.isolated})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.perfArgs("f"), " "); !strings.Contains(got, " -o f "+c.want) {
			t.Errorf("isolated %s: %s", c.isolated, got)
		}
	}
}

// Whoever may not record is told why, and root is not told to be root.
func TestExplain(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/x", Err: syscall.EPERM}
	for _, c := range []struct {
		m    Machine
		err  error
		want error
		say  string
	}{
		{Machine{UID: 1000}, denied, ErrPermission, "run it as root"},
		{Machine{UID: 0}, denied, ErrPermission, "container"},
		{Machine{UID: 0, Lockdown: "integrity"}, denied, ErrPermission, "container"},
		{Machine{UID: 0, Lockdown: "confidentiality"}, denied, ErrPermission, "locked down (confidentiality)"},
		{Machine{UID: 1000, Lockdown: "confidentiality"}, denied, ErrPermission, "locked down (confidentiality)"},
		{Machine{UID: 0}, &fs.PathError{Op: "open", Path: "/x", Err: syscall.ENOENT}, ErrUnavailable, "mount -t tracefs"},
		{Machine{UID: 0}, syscall.EROFS, ErrUnavailable, "read-only"},
	} {
		err := c.m.explain(c.err)
		if !errors.Is(err, c.want) || !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.say) || c.m.UID == 0 && strings.Contains(err.Error(), "as root:") {
			t.Errorf("uid %d, %q: %v", c.m.UID, c.m.Lockdown, err)
		}
	}
}

func TestMachineFiles(t *testing.T) {
	if n := memAvailable("MemTotal:       24731708 kB\nMemAvailable:   24122136 kB\n"); n != 24122136<<10 {
		t.Errorf("%d bytes", n)
	}
	if memAvailable("nothing") != 0 {
		t.Error("unknown memory is not 0")
	}
	for s, want := range map[string]bool{"processor\t: 0\nflags\t\t: fpu hypervisor lm\n": true, "flags\t\t: fpu lm\n": false, "": false} {
		if hypervised(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
