package timehist

import (
	"fmt"
	"io"
	"slices"
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
	// Summary (-S) ends with a summary by task, SummaryOnly (-s) prints nothing
	// else. As in perf, State chooses its columns, and migrations are counted only
	// with Migrations.
	Summary, SummaryOnly bool
	// NoInterrupts leaves out what interrupted the tasks, where that is recorded. Host has
	// names for the functions of timers, nil if it is not known.
	NoInterrupts bool
	Host         *parser.Host
	// PerfData says that the capture is a perf.data file: tasks are known by what
	// its samples and task records say of them, as perf knows them.
	PerfData bool
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

	// machine is the number of CPUs of the machine, 0 if not known; top is the
	// highest CPU seen.
	machine, top int
	hasWaking    bool
	// perf: tasks are known as perf knows them.
	perf  bool
	began bool
	width int

	cpus    []cpu
	threads map[int32]*thread
	group   map[int32]int32 // thread groups by pid, as ftrace tells them
	total   total
}

// cpu is where a CPU's history stands.
type cpu struct {
	// last is the time of its last switch, NoTime before the first and after a
	// gap.
	last int64
	gap  bool // last is unknown because of a gap
	idle thread

	beside beside
}

// commWidth is the width of the task column before a wider name comes.
const commWidth = 30

// New returns a printer that writes to w.
func New(w io.Writer, o Options) *Printer {
	return &Printer{w: w, o: o, width: commWidth, top: -1, threads: map[int32]*thread{}, group: map[int32]int32{}}
}

// Survey takes an event of the first pass.
func (p *Printer) Survey(ev *parser.Event) {
	if ev.CPU >= 0 && ev.CPU < cpumask.MaxCPUs {
		p.top = max(p.top, int(ev.CPU))
	}
	p.hasWaking = p.hasWaking || ev.Kind == parser.KindWaking
	if t := ev.Thread; t.TID > 0 {
		p.perf = p.perf || p.o.PerfData
		if !p.o.PerfData && t.TGID != parser.NoPID {
			p.group[t.TID] = t.TGID
		}
	}
}

// SetCPUs tells the number of CPUs of the machine, where it is known.
func (p *Printer) SetCPUs(n int) { p.machine = n }

// maxCPU is what perf takes for the number of CPUs.
func (p *Printer) maxCPU() int {
	if p.machine > 0 {
		return max(p.machine, p.top)
	}
	return p.top + 1
}

// visualWidth is the width of the column of -V: one character for each CPU and,
// as perf has it, one more.
func (p *Printer) visualWidth() int { return p.maxCPU() + 1 }

// Print takes an event of the second pass. It returns the first error of
// writing.
func (p *Printer) Print(ev *parser.Event) error {
	p.begin()
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
		p.renamed(ev)
	case parser.KindFork:
		p.forked(ev)
	case parser.KindExit:
		p.exited(ev)
	case parser.KindLost, parser.KindOverwritten:
		p.lost(ev)
	case parser.KindHole:
		p.hole(ev)
	case parser.KindOther:
		p.aside(ev)
	}
	return p.err
}

// Close prints the summary. It prints the header if there was no event.
func (p *Printer) Close() error {
	p.begin()
	if p.o.Summary || p.o.SummaryOnly {
		p.summary()
	}
	return p.err
}

// begin prints the header, once.
func (p *Printer) begin() {
	if !p.began {
		p.began = true
		if !p.o.SummaryOnly {
			p.header()
		}
	}
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

func (p *Printer) at(n int32) *cpu {
	for int(n) >= len(p.cpus) {
		p.cpus = append(p.cpus, cpu{last: parser.NoTime, idle: newThread(0, 0)})
	}
	return &p.cpus[n]
}

// change is a switch: the slice of the task that leaves ends.
func (p *Printer) change(ev *parser.Event) {
	k := p.leaving(ev)
	if ev.CPU < 0 {
		return
	}
	c := p.at(ev.CPU)
	c.beside.Switched()
	if ev.Task.PID == 0 {
		k = &c.idle
	}
	since, now := c.last, ev.Time
	begun := since // a slice whose begin is not known shows its end only
	if begun == parser.NoTime {
		begun = now
	}
	if now >= p.o.From && begun <= p.o.To {
		if since != parser.NoTime {
			since = max(since, p.o.From)
		}
		now = min(now, p.o.To)
		s := k.slice(since, now)
		if p.counts(ev.CPU, &ev.Task) {
			p.total.count(k, s, c.gap, p.perf)
		}
		p.sliceLine(now, ev, k, s)
	}
	p.total.window(now, p.o.From, p.o.To)
	c.last, c.gap = ev.Time, false
	k.out, k.ready, k.left = ev.Time, parser.NoTime, ev.State
}

// slice is a slice that the capture itself tells.
func (p *Printer) slice(ev *parser.Event) {
	k := p.leaving(ev)
	if ev.CPU < 0 || ev.Time < p.o.From || ev.Time > p.o.To {
		return
	}
	if ev.Task.PID == 0 {
		k = &p.at(ev.CPU).idle
	}
	s := span{wait: max(ev.Wait, 0), delay: max(ev.Delay, 0), run: max(ev.Runtime, 0)}
	if p.counts(ev.CPU, &ev.Task) {
		p.total.count(k, s, false, p.perf)
	}
	p.sliceLine(ev.Time, ev, k, s)
	p.total.window(ev.Time, p.o.From, p.o.To)
	k.left = ev.State
}

// counts reports whether the summary counts a slice of the task.
func (p *Printer) counts(cpu int32, t *parser.Task) bool {
	if p.o.Task != nil && !p.o.Task(t.PID, t.Comm) {
		p.total.skipped = true
		return false
	}
	return p.onCPU(cpu)
}

// onCPU reports whether a CPU is shown; NoCPU stands for all of them.
func (p *Printer) onCPU(cpu int32) bool {
	return p.o.CPUs.Empty() || cpu < 0 || p.o.CPUs.Test(int(cpu))
}

// shown reports whether a line about any of the tasks is shown.
func (p *Printer) shown(cpu int32, tasks ...*parser.Task) bool {
	named := func(t *parser.Task) bool { return p.o.Task(t.PID, t.Comm) }
	return p.onCPU(cpu) && (p.o.Task == nil || slices.ContainsFunc(tasks, named))
}

func (p *Printer) sliceLine(now int64, ev *parser.Event, k *thread, s span) {
	t, cpu := &ev.Task, ev.CPU
	if p.o.SummaryOnly || !p.shown(cpu, t) {
		return
	}
	var b strings.Builder
	p.place(&b, now, cpu)
	if p.o.CPUVisual {
		mark := "s"
		if t.PID == 0 {
			mark = "i"
		}
		fmt.Fprintf(&b, " %s ", p.visual(cpu, mark))
	}
	b.WriteByte(' ')
	p.column(&b, p.label(k, t, "<idle>"))
	b.WriteByte(' ')
	for _, ns := range [3]int64{s.wait, s.delay, s.run} {
		b.WriteString(msec(ns, 6))
	}
	if p.o.State {
		fmt.Fprintf(&b, " %5s ", letter(ev.State, t.PID))
	}
	if p.o.Next {
		next := &ev.Next
		s := fmt.Sprintf("next: %s[%d]", next.Comm, next.PID)
		if next.PID == 0 {
			s = fmt.Sprintf("next: swapper/%d[0]", cpu)
		}
		fmt.Fprintf(&b, " %-*s", p.width, parser.DisplayComm(s[:min(len(s), maxNext)]))
	} else if p.o.Wakeups {
		fmt.Fprintf(&b, "  %-*s", p.width, "")
	}
	b.WriteByte('\n')
	p.print(b.String())
}

// msec prints a time in ms, cut to µs (print_sched_time).
func msec(ns int64, width int) string {
	return fmt.Sprintf("%*d.%03d ", width, ns/1e6, ns%1e6/1e3)
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

func (p *Printer) place(b *strings.Builder, ns int64, cpu int32) {
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

// column prints a task's label; the column grows with the widest so far.
func (p *Printer) column(b *strings.Builder, s string) {
	b.WriteString(s)
	for n := utf8.RuneCountInString(s); n < p.width; n++ {
		b.WriteByte(' ')
	}
}

// wakeup is a task that becomes ready to run.
func (p *Printer) wakeup(ev *parser.Event) {
	k := p.subject(&ev.Task)
	if k.ready == parser.NoTime {
		k.ready = ev.Time
	}
	if !p.o.Wakeups || p.o.SummaryOnly || !p.inTime(ev.Time) || !p.shown(ev.CPU, &ev.Task, &ev.Cur) {
		return
	}
	var b strings.Builder
	p.place(&b, ev.Time, ev.CPU)
	if p.o.CPUVisual {
		b.WriteString(" " + strings.Repeat(" ", p.visualWidth()) + " ")
	}
	p.event(&b, ev)
	p.print(b.String() + "awakened: " + p.label(k, &ev.Task, "swapper") + "\n")
}

func (p *Printer) inTime(ns int64) bool { return p.o.From <= ns && ns <= p.o.To }

// event prints whose line it is that is no slice.
func (p *Printer) event(b *strings.Builder, ev *parser.Event) {
	b.WriteByte(' ')
	p.column(b, p.label(p.current(ev), &ev.Cur, "swapper"))
	fmt.Fprintf(b, "   %9s  %9s  %9s ", "", "", "")
}

// migrate is a task that changes its CPU.
func (p *Printer) migrate(ev *parser.Event) {
	if !p.o.Migrations {
		return
	}
	k := p.subject(&ev.Task)
	k.migrations++
	if p.o.SummaryOnly || !p.inTime(ev.Time) || !p.shown(ev.CPU, &ev.Task, &ev.Cur) {
		return
	}
	var b strings.Builder
	p.place(&b, ev.Time, ev.CPU)
	if p.o.CPUVisual {
		fmt.Fprintf(&b, "  %s  ", p.visual(ev.CPU, "m"))
	}
	p.event(&b, ev)
	p.print(b.String() + fmt.Sprintf("migrated: %s cpu %d => %d\n", p.label(k, &ev.Task, "swapper"), ev.OrigCPU, ev.TargetCPU))
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
		p.print(fmt.Sprintf("%15s gap on cpu %d since %s: %s was current, then %s\n", stamp(ev.Time), ev.CPU, stamp(ev.Start), p.taskLabel(&ev.Next), p.taskLabel(&ev.Task)))
	}
}

// forget drops what is known of a CPU, or of all of them.
func (p *Printer) forget(cpu int32) {
	p.total.gaps++
	if cpu >= 0 {
		p.at(cpu).forget()
		return
	}
	for i := range p.cpus {
		p.cpus[i].forget()
	}
}

func (c *cpu) forget() {
	c.last, c.gap = parser.NoTime, true
	c.beside.Lose()
}
