// Package noise follows what CPUs do beside their tasks: which interrupts, softirqs and
// timers ran when, each without those that interrupted it, and what they were for.
package noise

import (
	"slices"
	"strings"

	"schedreplay/parser"
)

// Kind says what took a CPU from its owner.
type Kind uint8

// The kinds, in the order in which they are told.
const (
	// Task and Kthread: a task of user space, a kernel thread.
	Task Kind = iota
	Kthread
	// Hardirq: an interrupt, of a device or of a timer that is not the tick.
	Hardirq
	Softirq
	// Tick: the timer interrupt that keeps the scheduler's time.
	Tick
	// IPI: an interrupt that another CPU sent.
	IPI
	// Kinds is how many there are.
	Kinds
)

// String names the kind as reports and programs read it.
func (k Kind) String() string {
	return [Kinds]string{"task", "kernel thread", "hard irq", "softirq", "tick", "IPI"}[k]
}

// OfTask reports whether it is a task's run; else it is one of the interruptions.
func (k Kind) OfTask() bool { return k <= Kthread }

// By says how a [Cause] led to what it is the cause of.
type By uint8

// The ways.
const (
	// ByFunction: a timer or a work item ran Name, a function of the kernel.
	ByFunction By = iota
	// ByTask: the task Name, PID woke it or raised it, on CPU.
	ByTask
	// ByHardirq and BySoftirq: the interrupt or softirq Name did, on CPU; Name is empty
	// where it is not recorded which.
	ByHardirq
	BySoftirq
	// BySender: CPU sent it, its task being Name, PID.
	BySender
)

// String names the way for programs.
func (b By) String() string {
	return [...]string{"function", "task", "hardirq", "softirq", "sender"}[b]
}

// Cause is what led to an interruption or a run. Unknown numbers are NoPID and NoCPU.
type Cause struct {
	By       By
	Name     string
	PID, CPU int32
}

// Span is a stretch of time in ns.
type Span struct{ From, To int64 }

// Interruption is one interrupt or softirq that has ended.
type Interruption struct {
	Kind Kind
	// Name is the handler's, the vector's or the softirq's; of a timer of which no
	// interrupt is recorded "timer".
	Name string
	// Start and End in ns; NS is the time between them less what interrupted it.
	Start, End, NS int64
	// Spans are when it ran, the last of them; before the first of many it ran too.
	Spans []Span
	// Causes are the functions that it ran, or what raised or sent it.
	Causes []Cause
	// Outermost: it interrupted a task, or idleness, and nothing else.
	Outermost bool
}

// level orders what can interrupt what.
type level uint8

const (
	levelSoft level = 1 + iota
	levelHard
)

// frame is an interrupt or softirq that runs, or a part of one that begins and ends by
// itself.
type frame struct {
	aside  parser.Aside // it began with
	level  level
	part   bool // of the frame below
	ipi    bool
	tick   bool
	name   string
	start  int64
	on     int64 // since when it runs after what interrupted it
	ns     int64 // run before
	spans  []Span
	causes []Cause
}

// The bounds on what is kept: interrupts do not nest deeper.
const (
	maxDepth  = 8
	maxSpans  = 16
	maxCauses = 8
)

// CPU follows one CPU. Its zero value has seen nothing.
type CPU struct {
	stack  []frame
	raised [10]Cause
	// sent is what interrupted it last from another CPU.
	sent     Cause
	sentTold bool
	// Idle is the idle state that it is in, -1 if in none that was told, from Since on.
	Idle  int64
	Since int64
	told  bool
	// Unpaired counts ends without a beginning and beginnings without an end.
	Unpaired int64
	ended    []Interruption
}

// tickFunctions are those of the tick's timer: tick_sched_timer, from 6.9 on
// tick_nohz_handler (kernel/time/tick-sched.c). See docs/kernel/interrupts.md.
var tickFunctions = []string{"tick_sched_timer", "tick_nohz_handler"}

// Take takes an aside of the CPU. What ended with it is valid until the next.
func (c *CPU) Take(ev *parser.Event) []Interruption {
	c.ended = c.ended[:0]
	if ev.Context == parser.ContextTask && len(c.stack) > 0 {
		c.reset() // an end was lost
	}
	switch ev.Aside {
	case parser.IRQEntry:
		name := ev.Text
		if name == "" {
			name = "irq"
		}
		c.begin(ev, levelHard, name, false)
	case parser.VectorEntry:
		c.begin(ev, levelHard, ev.Text, false)
	case parser.IPIEntry:
		c.begin(ev, levelHard, ev.Text, true)
	case parser.SoftirqEntry:
		c.begin(ev, levelSoft, ev.Text, false)
		if v := ev.Count; v >= 0 && v < int64(len(c.raised)) && c.raised[v] != (Cause{}) {
			c.cause(c.raised[v])
			c.raised[v] = Cause{}
		}
	case parser.SoftirqRaise:
		if v := ev.Count; v >= 0 && v < int64(len(c.raised)) && c.raised[v] == (Cause{}) {
			c.raised[v] = c.Who(ev)
		}
	case parser.HrtimerEntry, parser.TimerEntry:
		c.timer(ev)
	case parser.IRQExit:
		c.end(ev, parser.IRQEntry)
	case parser.VectorExit:
		c.end(ev, parser.VectorEntry)
	case parser.IPIExit:
		c.end(ev, parser.IPIEntry)
	case parser.SoftirqExit:
		c.end(ev, parser.SoftirqEntry)
	case parser.HrtimerExit:
		c.end(ev, parser.HrtimerEntry)
	case parser.TimerExit:
		c.end(ev, parser.TimerEntry)
	case parser.CPUIdle:
		c.reset() // the idle task writes it: whatever interrupted it has ended
		c.told, c.Idle, c.Since = true, ev.Count, ev.Time
		if ev.Count == parser.IdleExit {
			c.Idle = -1
		}
	}
	return c.ended
}

// Who is what runs on the CPU at an event of its own: the interrupt, else the task.
func (c *CPU) Who(ev *parser.Event) Cause {
	by := Cause{By: ByHardirq, PID: parser.NoPID, CPU: ev.CPU}
	if i := c.whole(); i >= 0 {
		if by.Name = c.stack[i].name; c.stack[i].level == levelSoft {
			by.By = BySoftirq
		}
		return by
	}
	switch ev.Context {
	case parser.ContextHardirq, parser.ContextNMI:
		return by
	case parser.ContextSoftirq:
		by.By = BySoftirq
		return by
	}
	return Cause{By: ByTask, Name: ev.Cur.Comm, PID: ev.Cur.PID, CPU: ev.CPU}
}

// Sent notes that another CPU interrupts this one.
func (c *CPU) Sent(ev *parser.Event) {
	c.sent, c.sentTold = Cause{By: BySender, Name: ev.Cur.Comm, PID: ev.Cur.PID, CPU: ev.CPU}, true
}

// InIdle is the idle state that the CPU is in, and since when; false if it is in none, or
// that is not recorded.
func (c *CPU) InIdle() (state, since int64, ok bool) {
	return c.Idle, c.Since, c.told && c.Idle >= 0
}

// Interrupted reports whether an interrupt or softirq runs.
func (c *CPU) Interrupted() bool { return len(c.stack) > 0 }

// reset forgets what runs: events are missing, or the CPU switched tasks meanwhile.
func (c *CPU) reset() {
	if len(c.stack) > 0 {
		c.Unpaired++
	}
	c.stack = c.stack[:0]
}

// Switched notes that the CPU runs another task: nothing goes on over that.
func (c *CPU) Switched() {
	c.reset()
	c.Idle = -1
}

// Lose forgets all that is known of the present.
func (c *CPU) Lose() {
	c.stack, c.told, c.sentTold = c.stack[:0], false, false
	clear(c.raised[:])
}

// timer begins a timer's function: a part of the interrupt that it runs in, or where that is
// not recorded all that is known of it.
func (c *CPU) timer(ev *parser.Event) {
	l := levelSoft
	if ev.Context == parser.ContextHardirq || ev.Context != parser.ContextSoftirq && ev.Aside == parser.HrtimerEntry {
		l = levelHard
	}
	if n := len(c.stack); n > 0 {
		l = c.stack[n-1].level
	}
	c.begin(ev, l, "timer", false)
	if ev.Text == "" {
		return
	}
	c.cause(Cause{By: ByFunction, Name: ev.Text, PID: parser.NoPID, CPU: parser.NoCPU})
	if slices.Contains(tickFunctions, ev.Text) {
		if i := c.whole(); i >= 0 {
			c.stack[i].tick = true
		}
	}
}

// begin puts a frame on the stack.
func (c *CPU) begin(ev *parser.Event, l level, name string, ipi bool) {
	// Nothing runs over itself, and no softirq over an interrupt: an end was lost.
	for i := range c.stack {
		if o := &c.stack[i]; o.aside == ev.Aside && o.level == l && (o.name == name || l == levelSoft) {
			if c.Unpaired++; !o.part {
				i = 0
			}
			c.stack = c.stack[:i]
			break
		}
	}
	n := len(c.stack)
	if n == maxDepth || n > 0 && l < c.stack[n-1].level {
		c.reset()
		n = 0
	}
	f := frame{aside: ev.Aside, level: l, ipi: ipi, name: name, start: ev.Time, on: ev.Time}
	if n < cap(c.stack) {
		old := &c.stack[:n+1][n]
		f.spans, f.causes = old.spans[:0], old.causes[:0]
	}
	if n > 0 {
		if f.part = l == c.stack[n-1].level; !f.part {
			c.pause(ev.Time)
		} else if ipi { // the handler of an interrupt that is one (arm64)
			if i := c.whole(); i >= 0 {
				c.stack[i].ipi, c.stack[i].name = true, name
			}
		}
	}
	if c.stack = append(c.stack, f); ipi && c.sentTold && !f.part {
		c.cause(c.sent)
		c.sentTold = false
	}
}

// whole is the innermost frame that is no part of another, -1 if there is none.
func (c *CPU) whole() int {
	i := len(c.stack) - 1
	for i >= 0 && c.stack[i].part {
		i--
	}
	return i
}

// pause stops the time of what runs.
func (c *CPU) pause(at int64) {
	if i := c.whole(); i >= 0 {
		c.stack[i].ran(at)
	}
}

// ran adds the stretch since it runs.
func (f *frame) ran(at int64) {
	if at <= f.on {
		return
	}
	f.ns += at - f.on
	if len(f.spans) == maxSpans {
		f.spans = append(f.spans[:0], f.spans[1:]...)
	}
	f.spans = append(f.spans, Span{f.on, at})
	f.on = at // what comes is its own again if the end of what interrupts it is lost
}

// cause adds a cause of what runs.
func (c *CPU) cause(by Cause) {
	i := c.whole()
	if i < 0 {
		return
	}
	if f := &c.stack[i]; len(f.causes) < maxCauses && !slices.Contains(f.causes, by) {
		f.causes = append(f.causes, by)
	}
}

// end takes the frame off that began with an aside, and what is above it.
func (c *CPU) end(ev *parser.Event, began parser.Aside) {
	i := len(c.stack) - 1
	for i >= 0 && (c.stack[i].aside != began || (began == parser.VectorEntry || began == parser.IPIEntry && ev.Count >= 0) && c.stack[i].name != ev.Text && !c.stack[i].part) {
		i--
	}
	if i < 0 {
		c.Unpaired++
		return
	}
	if i < len(c.stack)-1 {
		c.Unpaired++ // what is above lost its end
		c.stack = c.stack[:i+1]
	}
	f := &c.stack[i]
	if f.part {
		c.stack = c.stack[:i]
		return
	}
	f.ran(ev.Time)
	out := Interruption{Kind: Hardirq, Name: f.name, Start: f.start, End: ev.Time, NS: f.ns, Spans: f.spans, Causes: f.causes}
	switch {
	case f.tick:
		out.Kind = Tick
	case f.ipi:
		out.Kind = IPI
	case f.level == levelSoft:
		out.Kind = Softirq
	}
	c.stack = c.stack[:i]
	if j := c.whole(); j >= 0 {
		c.stack[j].on = ev.Time
	}
	out.Outermost = len(c.stack) == 0
	c.ended = append(c.ended, out)
}

// Device reports whether an interrupt of a kind and name is a device's: it has a handler, and
// is no timer and none of the vectors by which a CPU interrupts itself.
func Device(k Kind, name string) bool {
	return k == Hardirq && name != "" && name != "irq" && name != "irq_work" && !strings.Contains(name, "timer") && !strings.HasSuffix(name, "_apic")
}
