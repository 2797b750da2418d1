// Package timehist prints what ran, slice by slice, in the form of
// `perf sched timehist`: the same columns, so that either can be held against
// the other. It differs from perf on purpose in three things: state letters are
// the kernel's own; task names are printable; and where a CPU's history breaks (a
// loss, a hole) it says so and prints no slice across the gap.
package timehist

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// Options choose columns and lines, as the flags of perf sched timehist do.
type Options struct {
	// Wakeups (-w), Next (-n) and Migrations (-M) add lines and the task that
	// follows; CPUVisual (-V) and State (--state) add columns.
	Wakeups, Next, Migrations, CPUVisual, State bool
	// From and To clip to a part of the time, in ns: slices that begin before or
	// end after it are cut at its edge.
	From, To int64
	// CPUs limits the CPUs shown; empty for all.
	CPUs cpumask.Mask
	// Task says which tasks to show; nil for all. Losses and breaks are shown
	// whatever the tasks.
	Task func(pid int32, comm string) bool
}

// Printer prints one capture. Show it every event twice: first to Survey, then
// to Print.
type Printer struct {
	w   io.Writer
	o   Options
	err error

	ncpu      int
	hasWaking bool
	began     bool
	width     int

	cpus  []cpu
	tasks map[int32]*task
}

// cpu is where a CPU's history stands.
type cpu struct {
	// last is the time of its last switch, NoTime before the first and after a
	// gap.
	last int64
	idle task
}

// task is what is kept of a task.
type task struct {
	// recorded is its name by the recorder's own records, which may tell more than
	// the event does ("kworker/14:1-mm"); comm is its name by the events.
	recorded, comm string
	// ready is since when it waits to run, out when it last left a CPU; NoTime if
	// unknown.
	ready, out int64
}

// commWidth is the width of the task column before a wider name comes.
const commWidth = 30

// New returns a printer that writes to w.
func New(w io.Writer, o Options) *Printer {
	return &Printer{w: w, o: o, width: commWidth, tasks: map[int32]*task{}}
}

// Survey takes an event of the first pass.
func (p *Printer) Survey(ev *parser.Event) {
	if ev.CPU >= 0 && ev.CPU < cpumask.MaxCPUs {
		p.ncpu = max(p.ncpu, int(ev.CPU)+1)
	}
	p.hasWaking = p.hasWaking || ev.Kind == parser.KindWaking
}

// SetCPUs tells the number of CPUs of the machine, where it is known.
func (p *Printer) SetCPUs(n int) { p.ncpu = max(p.ncpu, n) }

// visualWidth is the width of the column of -V: one character for each CPU and,
// as perf has it, one more.
func (p *Printer) visualWidth() int { return p.ncpu + 1 }

// Print takes an event of the second pass. It returns the first error of
// writing.
func (p *Printer) Print(ev *parser.Event) error {
	if !p.began {
		p.began = true
		p.header()
	}
	if ev.CPU >= cpumask.MaxCPUs {
		return p.err
	}
	switch ev.Kind {
	case parser.KindSwitch:
		p.change(ev)
	case parser.KindSlice:
		p.slice(ev)
	case parser.KindWaking, parser.KindWakeupNew:
		p.wakeup(ev)
	case parser.KindWakeup:
		if !p.hasWaking {
			p.wakeup(ev)
		}
	case parser.KindMigrate:
		p.migrate(ev)
	case parser.KindComm:
		p.get(ev.Task.PID).recorded = ev.Task.Comm
	case parser.KindFork:
		p.name(&ev.Next)
	case parser.KindLost, parser.KindOverwritten:
		p.lost(ev)
	case parser.KindHole:
		p.hole(ev)
	}
	return p.err
}

// Close prints the header if nothing was printed.
func (p *Printer) Close() error {
	if !p.began {
		p.began = true
		p.header()
	}
	return p.err
}

func (p *Printer) print(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

const rule = "---------------------------------------------------------------------------------------------------------------------------------"

// rulerOf returns n dashes.
func rulerOf(n int) string {
	if n <= len(rule) {
		return rule[:n]
	}
	return strings.Repeat("-", n)
}

func (p *Printer) header() {
	line := func(cpu, visual, name, a, b, c, state string) {
		s := fmt.Sprintf("%15s %-6s ", "", cpu)
		if cpu == "cpu" {
			s = fmt.Sprintf("%15s %6s ", "time", cpu)
		}
		if strings.HasPrefix(cpu, "-") {
			s = rulerOf(15) + " " + cpu + " "
		}
		if p.o.CPUVisual {
			s += " " + visual + " "
		}
		s += fmt.Sprintf(" %-*s  %9s  %9s  %9s", p.width, name, a, b, c)
		if p.o.State {
			s += "  " + state
		}
		p.print(s + "\n")
	}
	var digits strings.Builder
	for i := range p.visualWidth() {
		fmt.Fprintf(&digits, "%x", i%16)
	}
	line("cpu", digits.String(), "task name", "wait time", "sch delay", "run time", "state")
	line("", strings.Repeat(" ", p.visualWidth()), "[tid/pid]", "(msec)", "(msec)", "(msec)", "     ")
	line(rulerOf(6), rulerOf(p.visualWidth()), rulerOf(p.width), rulerOf(9), rulerOf(9), rulerOf(9), rulerOf(5))
}

func newTask() task { return task{ready: parser.NoTime, out: parser.NoTime} }

func (p *Printer) get(pid int32) *task {
	t := p.tasks[pid]
	if t == nil {
		k := newTask()
		t = &k
		p.tasks[pid] = t
	}
	return t
}

// name keeps a task's latest name.
func (p *Printer) name(t *parser.Task) {
	if t.PID > 0 && t.Comm != "" {
		p.get(t.PID).comm = t.Comm
	}
}

func (p *Printer) at(n int32) *cpu {
	for int(n) >= len(p.cpus) {
		p.cpus = append(p.cpus, cpu{last: parser.NoTime, idle: newTask()})
	}
	return &p.cpus[n]
}

// change is a switch: the slice of the task that leaves ends.
func (p *Printer) change(ev *parser.Event) {
	p.name(&ev.Task)
	p.name(&ev.Next)
	if ev.CPU < 0 {
		return
	}
	c := p.at(ev.CPU)
	since, now := c.last, ev.Time
	c.last = ev.Time
	t := &c.idle
	if ev.Task.PID != 0 {
		t = p.get(ev.Task.PID)
	}
	begun := since // a slice whose begin is not known shows its end only
	if begun == parser.NoTime {
		begun = now
	}
	if now >= p.o.From && begun <= p.o.To {
		if since != parser.NoTime {
			since = max(since, p.o.From)
		}
		p.ran(ev, t, since, min(now, p.o.To))
	}
	t.out, t.ready = ev.Time, parser.NoTime
}

// ran prints a slice from since, NoTime if its begin is not known, to now.
func (p *Printer) ran(ev *parser.Event, t *task, since, now int64) {
	wait, delay, run := int64(0), int64(0), int64(0)
	if since != parser.NoTime {
		run = now - since
		if t.ready != parser.NoTime && t.ready <= since {
			delay = since - t.ready
		}
		if t.out != parser.NoTime && t.out <= since {
			wait = since - t.out
		}
	}
	p.sliceLine(now, ev.CPU, &ev.Task, wait, delay, run, ev.State, &ev.Next)
}

// slice is a slice that the capture itself tells.
func (p *Printer) slice(ev *parser.Event) {
	p.name(&ev.Task)
	if ev.CPU < 0 || ev.Time < p.o.From || ev.Time > p.o.To {
		return
	}
	p.sliceLine(ev.Time, ev.CPU, &ev.Task, max(ev.Wait, 0), max(ev.Delay, 0), max(ev.Runtime, 0), ev.State, &ev.Next)
}

// onCPU reports whether a CPU is shown; NoCPU stands for all of them.
func (p *Printer) onCPU(cpu int32) bool {
	return p.o.CPUs.Empty() || cpu < 0 || p.o.CPUs.Test(int(cpu))
}

// shown reports whether a line about any of the tasks is shown.
func (p *Printer) shown(cpu int32, tasks ...*parser.Task) bool {
	if !p.onCPU(cpu) {
		return false
	}
	if p.o.Task == nil {
		return true
	}
	for _, t := range tasks {
		if p.o.Task(t.PID, t.Comm) {
			return true
		}
	}
	return false
}

func (p *Printer) sliceLine(now int64, cpu int32, t *parser.Task, wait, delay, run int64, state parser.State, next *parser.Task) {
	if !p.shown(cpu, t) {
		return
	}
	var b strings.Builder
	p.begin(&b, now, cpu)
	if p.o.CPUVisual {
		mark := "s"
		if t.PID == 0 {
			mark = "i"
		}
		fmt.Fprintf(&b, " %s ", p.visual(cpu, mark))
	}
	b.WriteByte(' ')
	p.column(&b, p.label(t, "<idle>"))
	b.WriteByte(' ')
	for _, ns := range [3]int64{wait, delay, run} {
		fmt.Fprintf(&b, "%6d.%03d ", ns/1e6, ns%1e6/1e3)
	}
	if p.o.State {
		fmt.Fprintf(&b, " %5s ", letter(state, t.PID))
	}
	if p.o.Next {
		s := "next: "
		if next.PID == 0 {
			s += fmt.Sprintf("swapper/%d[0]", cpu)
		} else {
			s += fmt.Sprintf("%s[%d]", parser.DisplayComm(next.Comm), next.PID)
		}
		fmt.Fprintf(&b, " %-*s", p.width, s)
	} else if p.o.Wakeups {
		fmt.Fprintf(&b, "  %-*s", p.width, "")
	}
	if t.PID != 0 {
		b.WriteString("  ")
	}
	p.print(strings.TrimRight(b.String(), " ") + "\n")
}

// letter is the state in which a task left: one letter, as perf prints it.
func letter(s parser.State, pid int32) string {
	switch {
	case pid == 0:
		return "I"
	case !s.Known():
		return "?"
	}
	return s.String()[:1]
}

func (p *Printer) begin(b *strings.Builder, ns int64, cpu int32) {
	fmt.Fprintf(b, "%15s [%04d] ", stamp(ns), cpu)
}

// visual is the column with one character for each CPU.
func (p *Printer) visual(cpu int32, mark string) string {
	n := p.visualWidth()
	if cpu < 0 || int(cpu) >= n {
		return strings.Repeat(" ", n)
	}
	return strings.Repeat(" ", int(cpu)) + mark + strings.Repeat(" ", n-int(cpu)-1)
}

// stamp prints a time in seconds, cut to microseconds as perf does.
func stamp(ns int64) string {
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	return fmt.Sprintf("%s%d.%06d", sign, ns/1e9, ns%1e9/1e3)
}

// comm is a task's name: the recorder's, else the event's, else the last one
// that any event gave.
func (p *Printer) comm(t *parser.Task) string {
	k := p.tasks[t.PID]
	switch {
	case k != nil && k.recorded != "":
		return parser.DisplayComm(k.recorded)
	case k != nil && t.Comm == "":
		return parser.DisplayComm(k.comm)
	}
	return parser.DisplayComm(t.Comm)
}

// label names a task as the column does; idle is the idle task's name.
func (p *Printer) label(t *parser.Task, idle string) string {
	switch name := p.comm(t); {
	case t.PID == 0:
		return idle
	case t.PID == parser.NoPID && name == "":
		return "?"
	case name == "":
		return fmt.Sprintf(":%d", t.PID)
	case t.PID == parser.NoPID:
		return name
	default:
		return fmt.Sprintf("%s[%d]", name, t.PID)
	}
}

// column prints a task's label; the column grows with the widest so far.
func (p *Printer) column(b *strings.Builder, s string) {
	n := utf8.RuneCountInString(s)
	p.width = max(p.width, n)
	b.WriteString(s)
	for ; n < p.width; n++ {
		b.WriteByte(' ')
	}
}

// wakeup is a task that becomes ready to run.
func (p *Printer) wakeup(ev *parser.Event) {
	p.name(&ev.Task)
	if t := p.get(ev.Task.PID); t.ready == parser.NoTime {
		t.ready = ev.Time
	}
	if !p.o.Wakeups || !p.inTime(ev.Time) || !p.shown(ev.CPU, &ev.Task, &ev.Cur) {
		return
	}
	var b strings.Builder
	p.begin(&b, ev.Time, ev.CPU)
	if p.o.CPUVisual {
		b.WriteString(" " + strings.Repeat(" ", p.visualWidth()) + " ")
	}
	p.event(&b, ev, "awakened: "+p.label(&ev.Task, "swapper"))
}

func (p *Printer) inTime(ns int64) bool { return p.o.From <= ns && ns <= p.o.To }

// event ends a line that is no slice.
func (p *Printer) event(b *strings.Builder, ev *parser.Event, what string) {
	b.WriteByte(' ')
	p.column(b, p.label(&ev.Cur, "swapper"))
	fmt.Fprintf(b, "   %9s  %9s  %9s ", "", "", "")
	b.WriteString(what)
	p.print(b.String() + "\n")
}

// migrate is a task that changes its CPU.
func (p *Printer) migrate(ev *parser.Event) {
	p.name(&ev.Task)
	if !p.o.Migrations || !p.inTime(ev.Time) || !p.shown(ev.CPU, &ev.Task, &ev.Cur) {
		return
	}
	var b strings.Builder
	p.begin(&b, ev.Time, ev.CPU)
	if p.o.CPUVisual {
		fmt.Fprintf(&b, "  %s  ", p.visual(ev.CPU, "m"))
	}
	p.event(&b, ev, fmt.Sprintf("migrated: %s cpu %d => %d", p.label(&ev.Task, "swapper"), ev.OrigCPU, ev.TargetCPU))
}

// lost is the recorder's word that events are missing.
func (p *Printer) lost(ev *parser.Event) {
	p.forget(ev.CPU)
	if !p.inTime(ev.Time) || !p.onCPU(ev.CPU) {
		return
	}
	count, what := "an unknown number of", "lost"
	if ev.Count >= 0 {
		count = fmt.Sprint(ev.Count)
	}
	if ev.Kind == parser.KindOverwritten {
		what = "overwritten before:"
	}
	where := "all cpus"
	if ev.CPU >= 0 {
		where = fmt.Sprintf("cpu %d", ev.CPU)
	}
	p.print(fmt.Sprintf("%15s %s %s events on %s\n", stamp(ev.Time), what, count, where))
}

// hole is a break that nothing announces.
func (p *Printer) hole(ev *parser.Event) {
	p.forget(ev.CPU)
	if p.inTime(ev.Time) && p.shown(ev.CPU, &ev.Task, &ev.Next) {
		p.print(fmt.Sprintf("%15s gap on cpu %d since %s: %s entered, %s left\n", stamp(ev.Time), ev.CPU, stamp(ev.Start), p.label(&ev.Next, "<idle>"), p.label(&ev.Task, "<idle>")))
	}
}

// forget drops what is known of a CPU, or of all of them.
func (p *Printer) forget(cpu int32) {
	if cpu >= 0 {
		p.at(cpu).last = parser.NoTime
		return
	}
	for i := range p.cpus {
		p.cpus[i].last = parser.NoTime
	}
}
