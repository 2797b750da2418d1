package parser

import (
	"cmp"
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

// AsideFields are the fields of the tracepoints of an aside, as the kernel names them; empty
// where there is none.
type AsideFields struct {
	// Number counts: without it a record tells nothing, unless it is Optional.
	Number   string
	Optional bool
	// Text is a name.
	Text string
	// Function points to a function of the kernel, and Else to another for where that is null.
	Function, Else string
}

// asideFields are those of each aside; see docs/kernel/interrupts.md.
var asideFields = [ProcessHang + 1]AsideFields{
	IRQEntry:     {Number: "irq", Text: "name"},
	IRQExit:      {Number: "irq"},
	SoftirqEntry: {Number: "vec"},
	SoftirqExit:  {Number: "vec"},
	SoftirqRaise: {Number: "vec"},
	HrtimerEntry: {Function: "function"},
	TimerEntry:   {Function: "function"},
	WorkStart:    {Function: "function"},
	WorkEnd:      {Function: "function"}, // from 5.8 on
	VectorEntry:  {Number: "vector"},
	VectorExit:   {Number: "vector"},
	IPIEntry:     {Number: "vector", Optional: true, Text: "reason"}, // of x86, of others
	IPIExit:      {Number: "vector", Optional: true, Text: "reason"},
	IPISend:      {Number: "cpu", Function: "callback", Else: "callsite"}, // reschedule has none: who asked for it
	IPIRaise:     {Number: "target_cpus", Text: "reason"},
	CPUIdle:      {Number: "state"},
	ProcessHang:  {Number: "pid", Text: "comm"},
}

// Fields returns the fields that count.
func (a Aside) Fields() AsideFields { return asideFields[a] }

// AsideValues are what the fields of an [AsideFields] hold.
type AsideValues struct {
	// Number is known if Known; of a set of CPUs the only one.
	Number int64
	Known  bool
	// Functions are names, or addresses as 0x…; a null pointer is empty.
	Text, Function, Else string
}

// SetAside makes ev tell an aside, whose [AsideOf] text is what, by the values of its fields.
// It reports false, and leaves ev as it is, without the one that counts. Every dialect's
// records are told by it.
func (ev *Event) SetAside(a Aside, what string, v *AsideValues) bool {
	n := v.Number
	if f := a.Fields(); a == NoAside || !v.Known && f.Number != "" && !f.Optional {
		return false
	}
	target, task := ev.TargetCPU, ev.Task
	if !v.Known {
		n = -1
	}
	switch a {
	case IRQEntry:
		what = v.Text
	case SoftirqEntry, SoftirqExit, SoftirqRaise:
		what = SoftirqName(n)
	case HrtimerEntry, TimerEntry, WorkStart, WorkEnd:
		what = v.Function
	case IPIEntry, IPIExit:
		if what == "" && !v.Known {
			what = v.Text
		}
	case IPISend, IPIRaise:
		if n < 0 || n >= 1<<20 {
			return false
		}
		if target, what = int32(n), v.Text; a == IPISend {
			what = cmp.Or(v.Function, v.Else)
		}
		n = -1
	case CPUIdle:
		n = int64(uint32(n))
	case ProcessHang:
		if n < 0 || n > 1<<22 {
			return false
		}
		task, what = Task{PID: int32(n), Prio: NoPrio, Comm: v.Text}, ""
		n = -1
	}
	ev.Aside, ev.Text, ev.Count, ev.TargetCPU, ev.Task = a, what, n, target, task
	return true
}

// Value is what a field of a record holds: a number or a text.
type Value struct {
	N    int64
	Text []byte
}

// SetAsideOf is [Event.SetAside] of a tracepoint, "name" or "system:name", with its record's
// fields by name. Functions that are told as numbers are addresses.
func (ev *Event) SetAsideOf(tracepoint []byte, names *Names, fields map[string]Value) bool {
	a, what := AsideOf(tracepoint)
	f := a.Fields()
	text := func(name string) string {
		t := fields[name].Text
		return names.Intern(t[:min(len(t), MaxAsideName)])
	}
	function := func(name string) string {
		if v := fields[name]; v.Text == nil && v.N != 0 {
			return names.Intern(strconv.AppendUint([]byte("0x"), uint64(v.N), 16))
		}
		return text(name)
	}
	n, known := fields[f.Number]
	if a == IPIRaise {
		known = false // a set, and these have numbers and texts
	}
	return ev.SetAside(a, what, &AsideValues{n.N, known, text(f.Text), function(f.Function), function(f.Else)})
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
