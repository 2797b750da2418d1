package record

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"schedreplay/parser"
)

// Backend is what makes the recording.
type Backend string

// The backends. [Auto] takes perf where it runs, else tracefs.
const (
	Auto    Backend = "auto"
	Perf    Backend = "perf"
	Tracefs Backend = "tracefs"
)

// Options is what the user asks for.
type Options struct {
	Backend Backend
	// Ring keeps only what the buffers hold in the end.
	Ring bool
	// When ends the recording; it implies Ring.
	When *Condition
	// Noise records too what else runs on the isolated CPUs than tasks.
	Noise bool
	// Isolated are the CPUs that When and Noise look at.
	Isolated parser.CPUs
	// Duration ends the recording, 0 for none.
	Duration time.Duration
	// Buffer is the memory of all buffers together in bytes, 0 for a default.
	Buffer int64
	// Command is run, and its end ends the recording; empty for none.
	Command []string
}

// Plan is what will be done. It is a function of a Machine and Options.
type Plan struct {
	Machine Machine
	Options
	// Recorder is the backend chosen, [Perf] or [Tracefs].
	Recorder Backend
	// Events are the tracepoints as "system:event".
	Events []string
	// Filters are event filters (Documentation/trace/events.rst) by event, for some.
	Filters map[string]string
	// Clock is the trace clock; perf's is always CLOCK_MONOTONIC.
	Clock string
	// PerCPU is the size of one CPU's buffer in bytes.
	PerCPU int64
}

const (
	// defaultTotal bounds the buffers of all CPUs together and defaultPerCPU that of
	// one, unless the user says otherwise.
	defaultTotal  = 1 << 30
	defaultPerCPU = 16 << 20
	// minPerCPU holds some 300 switches: less is no recording.
	minPerCPU = 64 << 10
)

// wanted are the events of a recording, in the order of docs/recording.md; the
// runtime is for guests: it shows CPUs that the hypervisor held up.
var wanted = []string{
	"sched:sched_switch", "sched:sched_waking", "sched:sched_wakeup", "sched:sched_wakeup_new", "sched:sched_migrate_task",
	"sched:sched_process_fork", "sched:sched_process_exec", "sched:sched_process_exit",
}

const runtimeEvent = "sched:sched_stat_runtime"

// noise are the events of what runs on a CPU beside tasks, those of work items, and
// idleness, as far as a kernel has them.
var noise = strings.Fields(`
	irq:irq_handler_entry irq:irq_handler_exit irq:softirq_entry irq:softirq_exit irq:softirq_raise
	irq_vectors:local_timer_entry irq_vectors:local_timer_exit irq_vectors:reschedule_entry irq_vectors:reschedule_exit
	irq_vectors:call_function_entry irq_vectors:call_function_exit
	irq_vectors:call_function_single_entry irq_vectors:call_function_single_exit ipi:ipi_entry ipi:ipi_exit ipi:ipi_send_cpu
	timer:hrtimer_expire_entry timer:hrtimer_expire_exit timer:timer_expire_entry timer:timer_expire_exit
	workqueue:workqueue_execute_start workqueue:workqueue_execute_end power:cpu_idle sched:sched_process_hang`)

// Events that are of another CPU than the one that they are about.
const (
	sendEvent = "ipi:ipi_send_cpu"
	hangEvent = "sched:sched_process_hang"
)

// NewPlan decides how to record on a machine. The error wraps [ErrOptions] or
// [ErrUnavailable].
func NewPlan(m Machine, o Options) (Plan, error) {
	p := Plan{Machine: m, Options: o, Recorder: o.Backend}
	p.Ring = o.Ring || o.When != nil
	switch {
	case o.Backend == Auto && m.Perf != "":
		p.Recorder = Perf
	case o.Backend == Auto:
		p.Recorder = Tracefs
	case o.Backend == Perf && m.Perf == "":
		return p, fmt.Errorf("%w: no perf that runs on this kernel in PATH; install it, or leave out --backend", ErrUnavailable)
	case o.Backend != Perf && o.Backend != Tracefs:
		return p, fmt.Errorf("%w: backend %q; say auto, perf or tracefs", ErrOptions, o.Backend)
	}
	if o.When != nil && o.Isolated.Empty() {
		return p, fmt.Errorf("%w: --when looks at isolated CPUs, and this machine isolates none; name them with --isolated", ErrOptions)
	}
	if o.Duration < 0 || o.Buffer < 0 {
		return p, fmt.Errorf("%w: a negative size or time", ErrOptions)
	}
	for _, e := range wanted {
		if m.Events[e] {
			p.Events = append(p.Events, e)
		}
	}
	if !slices.Contains(p.Events, wanted[0]) {
		return p, fmt.Errorf("%w: the kernel offers no %s; it needs CONFIG_TRACEPOINTS and CONFIG_SCHED_TRACER or FTRACE", ErrUnavailable, wanted[0])
	}
	if m.Virtual && m.Events[runtimeEvent] {
		p.Events = append(p.Events, runtimeEvent)
	}
	if o.Noise {
		p.addNoise()
	}
	for _, c := range []string{"mono", "boot", "global", "local"} {
		if m.Clocks[c] {
			p.Clock = c
			break
		}
	}
	return p, p.share()
}

// addNoise adds the events of noise, of the isolated CPUs alone where there are some.
func (p *Plan) addNoise() {
	p.Filters = map[string]string{}
	for _, e := range noise {
		if !p.Machine.Events[e] {
			continue
		}
		p.Events = append(p.Events, e)
		f := filter("CPU", p.Isolated)
		switch e {
		case sendEvent:
			f = filter("cpu", p.Isolated) // the one that is interrupted
		case hangEvent:
			f = "" // khungtaskd runs elsewhere
		}
		if f != "" {
			p.Filters[e] = f
		}
	}
}

// share parts the memory among the CPUs.
func (p *Plan) share() error {
	total, n := p.Buffer, int64(p.Machine.CPUs)
	if total == 0 {
		total = min(defaultTotal, n*defaultPerCPU)
		if a := p.Machine.Available / 8; a > 0 {
			total = min(total, max(a, n*minPerCPU*2))
		}
	}
	p.PerCPU = total / n &^ (4<<10 - 1)
	if p.Recorder == Perf {
		if p.Ring {
			p.PerCPU /= 2 // perf maps as much again for what is not overwritten
		}
		if p.PerCPU > 0 {
			p.PerCPU = 1 << (bits.Len64(uint64(p.PerCPU)) - 1)
		}
	}
	if p.PerCPU >= minPerCPU {
		return nil
	}
	need := n * minPerCPU
	if p.Recorder == Perf && p.Ring {
		need *= 2
	}
	return fmt.Errorf("%w: %d KiB of buffers are too little for %d CPUs; give at least %d MiB", ErrOptions, total>>10, n, (need+1<<20-1)>>20)
}

// buffers is the memory of all buffers in bytes.
func (p *Plan) buffers() int64 {
	n := p.PerCPU * int64(p.Machine.CPUs)
	if p.Recorder == Perf && p.Ring {
		n *= 2
	}
	return n
}

// perfArgs is perf's command line. Its workload writes a line when perf records and
// ends when its standard input does: so perf ends with this process however that
// dies.
func (p *Plan) perfArgs(file string) []string {
	args := []string{"record", "-a", "-N", "-B", "-k", "CLOCK_MONOTONIC", "-m", fmt.Sprintf("%dK", p.PerCPU>>10), "-o", file}
	var all []string
	for _, e := range p.Events {
		if f := p.Filters[e]; f != "" {
			args = append(args, "-e", e, "--filter", f) // of the last event
		} else {
			all = append(all, e)
		}
	}
	args = append(args, "-e", strings.Join(all, ","))
	if p.Machine.Cgroups {
		args = append(args, "--all-cgroups")
	}
	if p.Ring {
		args = append(args, "--overwrite")
	}
	return append(args, "--", "sh", "-c", "echo; exec cat")
}

// Steps says in lines what [Plan.Run] does.
func (p *Plan) Steps() []string {
	what := "record"
	if p.Ring {
		what = "keep the last of"
	}
	out := []string{fmt.Sprintf("%s %s on %d CPUs", what, strings.Join(p.Events, " "), p.Machine.CPUs)}
	switch p.Recorder {
	case Perf:
		out = append(out, fmt.Sprintf("through %s %s", p.Machine.Perf, strings.Join(p.perfArgs("DIR/perf.data"), " ")))
	default:
		out = append(out, fmt.Sprintf("through an instance of %s, clock %s, removed at the end", p.Machine.Tracefs, p.Clock))
	}
	out = append(out, fmt.Sprintf("buffers: %d KiB for each CPU, %d MiB in all", p.PerCPU>>10, p.buffers()>>20))
	until := "until interrupted (Ctrl-C, SIGTERM)"
	if len(p.Command) > 0 {
		until += fmt.Sprintf(", or %q ends", p.Command)
	}
	if p.Duration > 0 {
		until += fmt.Sprintf(", or %s are over", p.Duration)
	}
	if p.When != nil {
		until += fmt.Sprintf(", or %s on CPU %s", p.When, p.Isolated)
	}
	return append(out, until, "then collect host.tar.gz")
}
