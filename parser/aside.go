package parser

import (
	"slices"
	"strconv"
)

// Aside says what an event that is none of the scheduler's ([KindOther]) tells of its
// CPU beside its tasks: an interrupt, a timer, a work item or an idle state begins or ends
// there.
type Aside uint8

// The asides; [Event.Text] and [Event.Count] hold what is said here, and Text is empty
// where the record does not say it.
const (
	// NoAside: the event tells nothing of use, and Text is its name.
	NoAside Aside = iota
	// IRQEntry and IRQExit: irq_handler_entry and _exit; Text is the handler's name,
	// known at entry only, Count the interrupt's number.
	IRQEntry
	IRQExit
	// SoftirqEntry, SoftirqExit and SoftirqRaise: Text is the softirq's name, Count its
	// number.
	SoftirqEntry
	SoftirqExit
	SoftirqRaise
	// HrtimerEntry, HrtimerExit, TimerEntry and TimerExit: hrtimer_expire_entry and _exit,
	// timer_expire_entry and _exit; Text is the timer's function, known at entry only.
	HrtimerEntry
	HrtimerExit
	TimerEntry
	TimerExit
	// WorkStart and WorkEnd: workqueue_execute_start and _end; Text is the work's function.
	WorkStart
	WorkEnd
	// VectorEntry and VectorExit: an interrupt of x86 that no driver handles, told by
	// irq_vectors:NAME_entry and _exit; Text is NAME, Count the vector.
	VectorEntry
	VectorExit
	// IPIEntry and IPIExit: an interrupt that another CPU sent, told by such a vector or
	// elsewhere by ipi_entry and _exit; Text is NAME or the reason, Count the vector.
	IPIEntry
	IPIExit
	// IPISend: ipi_send_cpu, or ipi_raise for one CPU: the CPU interrupts TargetCPU. Text
	// is the function or the reason.
	IPISend
	IPIRaise
	// CPUIdle: cpu_idle; Count is the idle state entered, [IdleExit] when it is left.
	CPUIdle
	// ProcessHang: sched_process_hang; Task has not been scheduled for too long.
	ProcessHang
)

// Asides is a set of them.
type Asides uint32

// Add puts one in, which may be NoAside.
func (s *Asides) Add(a Aside) { *s |= 1 << a &^ 1 }

// Has reports whether any of them is in the set.
func (s Asides) Has(any ...Aside) bool {
	return slices.ContainsFunc(any, func(a Aside) bool { return s&(1<<a) != 0 })
}

// IdleExit is the state of a cpu_idle event by which the CPU leaves its idle state
// (PWR_EVENT_EXIT, include/trace/events/power.h).
const IdleExit = 1<<32 - 1

// tracepoint is a tracepoint that tells an aside.
type tracepoint struct {
	system, name string
	aside        Aside
	vector       string // its Text, if its name says it
}

// tracepoints are those that tell an aside. The vectors are those of
// arch/x86/include/asm/trace/irq_vectors.h.
var tracepoints = func() []tracepoint {
	list := []tracepoint{
		{"irq", "irq_handler_entry", IRQEntry, ""},
		{"irq", "irq_handler_exit", IRQExit, ""},
		{"irq", "softirq_entry", SoftirqEntry, ""},
		{"irq", "softirq_exit", SoftirqExit, ""},
		{"irq", "softirq_raise", SoftirqRaise, ""},
		{"timer", "hrtimer_expire_entry", HrtimerEntry, ""},
		{"timer", "hrtimer_expire_exit", HrtimerExit, ""},
		{"timer", "timer_expire_entry", TimerEntry, ""},
		{"timer", "timer_expire_exit", TimerExit, ""},
		{"workqueue", "workqueue_execute_start", WorkStart, ""},
		{"workqueue", "workqueue_execute_end", WorkEnd, ""},
		{"ipi", "ipi_entry", IPIEntry, ""},
		{"ipi", "ipi_exit", IPIExit, ""},
		{"ipi", "ipi_send_cpu", IPISend, ""},
		{"ipi", "ipi_raise", IPIRaise, ""},
		{"power", "cpu_idle", CPUIdle, ""},
		{"sched", "sched_process_hang", ProcessHang, ""},
	}
	vectors := func(entry, exit Aside, names ...string) {
		for _, v := range names {
			list = append(list, tracepoint{"irq_vectors", v + "_entry", entry, v}, tracepoint{"irq_vectors", v + "_exit", exit, v})
		}
	}
	vectors(VectorEntry, VectorExit, "local_timer", "irq_work", "spurious_apic", "error_apic", "thermal_apic", "threshold_apic", "deferred_error_apic")
	vectors(IPIEntry, IPIExit, "reschedule", "call_function", "call_function_single", "x86_platform_ipi")
	return list
}()

// byName are the tracepoints by name, and by system and name.
var byName = func() map[string]*tracepoint {
	m := map[string]*tracepoint{}
	for i := range tracepoints {
		t := &tracepoints[i]
		m[t.name], m[t.system+":"+t.name] = t, t
	}
	return m
}()

// AsideOf returns what a tracepoint, "name" or "system:name", tells, [NoAside] if nothing
// of use, and what its name says for [Event.Text].
func AsideOf(name []byte) (a Aside, text string) {
	if t := byName[string(name)]; t != nil {
		return t.aside, t.vector
	}
	return NoAside, ""
}

// softirqs are the names of the softirqs by number (include/linux/interrupt.h).
var softirqs = [...]string{"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"}

// SoftirqName names a softirq by its number, empty if there is none.
func SoftirqName(vec int64) string {
	if vec < 0 || vec >= int64(len(softirqs)) {
		return ""
	}
	return softirqs[vec]
}

// Value is what a field of a record holds: a number or a text.
type Value struct {
	N    int64
	Text []byte
}

// SetAside makes ev tell what a tracepoint, "name" or "system:name", tells beside the tasks
// of its CPU, from its record's fields by name. It reports false, and leaves ev as it is, of
// any other tracepoint and of a record without the field that counts. Functions that are
// told as numbers are addresses.
func (ev *Event) SetAside(tracepoint []byte, names *Names, fields map[string]Value) bool {
	aside, what := AsideOf(tracepoint)
	number, target, task := int64(-1), ev.TargetCPU, ev.Task
	var v Value
	ok := true
	text := func(name string) string {
		t := fields[name].Text
		return names.Intern(t[:min(len(t), MaxAsideName)])
	}
	function := func(name string) string {
		v, ok := fields[name]
		switch {
		case !ok || v.Text == nil && v.N == 0:
			return ""
		case v.Text == nil:
			return names.Intern(strconv.AppendUint([]byte("0x"), uint64(v.N), 16))
		}
		return names.Intern(v.Text[:min(len(v.Text), MaxAsideName)])
	}
	switch aside {
	case NoAside, IPIRaise:
		return false
	case IRQEntry:
		v, ok = fields["irq"]
		number, what = v.N, text("name")
	case IRQExit:
		v, ok = fields["irq"]
		number = v.N
	case SoftirqEntry, SoftirqExit, SoftirqRaise:
		v, ok = fields["vec"]
		number, what = v.N, SoftirqName(v.N)
	case HrtimerEntry, TimerEntry, WorkStart, WorkEnd:
		what = function("function")
	case VectorEntry, VectorExit:
		v, ok = fields["vector"]
		number = v.N
	case IPIEntry, IPIExit:
		if v, told := fields["vector"]; told {
			number = v.N
		} else if what == "" {
			what = text("reason")
		}
	case IPISend:
		v, ok = fields["cpu"]
		ok = ok && v.N >= 0 && v.N < 1<<20
		target, what = int32(v.N), function("callback")
		if what == "" && fields["callsite"].Text != nil {
			what = function("callsite") // reschedule: who asked for it
		}
	case CPUIdle:
		v, ok = fields["state"]
		number = int64(uint32(v.N))
	case ProcessHang:
		v, ok = fields["pid"]
		ok = ok && v.N >= 0 && v.N <= 1<<22
		task = Task{PID: int32(v.N), Prio: NoPrio, Comm: text("comm")}
	}
	if ok {
		ev.Aside, ev.Text, ev.Count, ev.TargetCPU, ev.Task = aside, what, number, target, task
	}
	return ok
}

// MaxAsideName bounds a name of an aside that the kernel does not bound, in bytes.
const MaxAsideName = 256

// Name is the name of the event's tracepoint, of one that tells an aside without its
// system, or a word for what is none.
func (ev *Event) Name() string {
	switch {
	case ev.Kind != KindOther:
		return ev.Kind.String()
	case ev.Aside == NoAside:
		return ev.Text
	}
	name := ev.Text
	for i := range tracepoints {
		if t := &tracepoints[i]; t.aside == ev.Aside && (t.vector == "" || t.vector == ev.Text) {
			name = t.name // the last: a vector's goes before what names any
		}
	}
	return name
}
