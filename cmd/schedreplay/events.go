package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/export/rows"
	"schedreplay/parser"
)

func (a *app) eventsCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "events CAPTURE",
		Short: "The decoded events",
		Long: `events prints the capture event by event, in one vocabulary for every dialect: the
scheduler's tracepoints, and losses, holes and damaged places. --cpu shows the events
that a CPU recorded, --task those that name the task. Formats: text (as perf script
prints them), jsonl.`,
		Example: `  schedreplay events trace.dat --cpu 43 --from 24.56 --to 24.58
  schedreplay events perf.data --task ksmd --format jsonl`,
	}
	c.add(cmd, "text", "jsonl")
	return a.captureCommand(cmd, &c, func(in *input) error { return a.events(in, &c) })
}

func (a *app) events(in *input, c *common) error {
	print := a.eventText
	if c.format == "jsonl" {
		print = a.eventJSON
	}
	in.other = true
	show := func(ev *parser.Event) {
		if c.filter.time(ev.Time) && c.filter.isCPU(int(ev.CPU)) && eventNames(&c.filter, ev) {
			print(ev)
		}
	}
	// Damage is shown once something was decoded: an input of which nothing can be
	// read gives no output.
	var damage []parser.Event
	const maxDamage = 1000
	n := 0
	for ev, err := range in.Events() {
		if err != nil {
			break // in.partial has it
		}
		if n++; n%4096 == 0 && a.ctx.Err() != nil {
			break
		}
		if in.decoded == 0 {
			if len(damage) < maxDamage {
				damage = append(damage, ev)
			}
			continue
		}
		for i := range damage {
			show(&damage[i])
		}
		damage = nil
		show(&ev)
	}
	return a.ctx.Err()
}

func eventNames(f *filter, ev *parser.Event) bool {
	return f.isTask(ev.Task.PID, ev.Task.Comm) || f.isTask(ev.Next.PID, ev.Next.Comm) || f.isTask(ev.Cur.PID, ev.Cur.Comm)
}

// eventText prints an event as perf script does, names made printable.
func (a *app) eventText(ev *parser.Event) {
	comm := parser.DisplayComm(ev.Cur.Comm)
	switch {
	case comm != "":
	case ev.Cur.PID == 0:
		comm = "swapper"
	case ev.Cur.PID > 0:
		comm = fmt.Sprintf(":%d", ev.Cur.PID)
	}
	pid, cpu := "", "[ - ]"
	if ev.Cur.PID != parser.NoPID {
		pid = fmt.Sprint(ev.Cur.PID)
	}
	if ev.CPU >= 0 {
		cpu = fmt.Sprintf("[%03d]", ev.CPU)
	}
	name := ev.Kind.String()
	if ev.Kind == parser.KindOther {
		name = parser.DisplayComm(ev.Text)
	}
	line := fmt.Sprintf("%16s %7s %s %s: %18s: %s", comm, pid, cpu, stamp(ev.Time), name, payload(ev))
	fmt.Fprintln(a.out, strings.TrimRight(line, " "))
}

// stamp prints a time with all its digits.
func stamp(ns int64) string {
	if ns == parser.NoTime {
		return "?"
	}
	sign := ""
	if ns < 0 {
		sign, ns = "-", -ns
	}
	return fmt.Sprintf("%s%d.%09d", sign, ns/1e9, ns%1e9)
}

// payload prints the fields of an event in the kernel's words; unknown ones as
// a question mark.
func payload(ev *parser.Event) string {
	task := func(prefix string, t *parser.Task, prio bool) string {
		s := fmt.Sprintf("%scomm=%s %spid=%s", prefix, parser.DisplayComm(t.Comm), prefix, number(t.PID, parser.NoPID))
		if prio {
			s += fmt.Sprintf(" %sprio=%s", prefix, number(t.Prio, parser.NoPrio))
		}
		return s
	}
	switch ev.Kind {
	case parser.KindSwitch:
		return task("prev_", &ev.Task, true) + " prev_state=" + ev.State.String() + " ==> " + task("next_", &ev.Next, true)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		return task("", &ev.Task, true) + " target_cpu=" + cpuDigits(ev.TargetCPU)
	case parser.KindMigrate:
		return task("", &ev.Task, true) + " orig_cpu=" + number(ev.OrigCPU, parser.NoCPU) + " dest_cpu=" + number(ev.TargetCPU, parser.NoCPU)
	case parser.KindFork:
		return task("", &ev.Task, false) + " " + task("child_", &ev.Next, false)
	case parser.KindExec:
		return "filename=" + parser.DisplayComm(ev.Text) + " pid=" + number(ev.Task.PID, parser.NoPID) + " old_pid=" + number(ev.OldPID, parser.NoPID)
	case parser.KindExit:
		return task("", &ev.Task, true)
	case parser.KindStatRuntime:
		return task("", &ev.Task, false) + " runtime=" + nanoseconds(ev.Runtime) + " [ns]"
	case parser.KindSlice:
		return task("", &ev.Task, true) + " start=" + stamp(ev.Start) + " wait=" + nanoseconds(ev.Wait) + " delay=" + nanoseconds(ev.Delay) +
			" runtime=" + nanoseconds(ev.Runtime) + " [ns] state=" + ev.State.String()
	case parser.KindComm:
		return task("", &ev.Task, false)
	case parser.KindLost, parser.KindOverwritten:
		count := "unknown"
		if ev.Count >= 0 {
			count = fmt.Sprint(ev.Count)
		}
		s := "events=" + count
		if ev.Start != parser.NoTime {
			s += " since=" + stamp(ev.Start)
		}
		return s
	case parser.KindHole:
		return "entered " + task("", &ev.Next, false) + " since=" + stamp(ev.Start) + " left " + task("", &ev.Task, false)
	case parser.KindDamaged:
		return fmt.Sprintf("at=%d %s", ev.Pos, parser.DisplayComm(ev.Text))
	}
	return ""
}

func number(n, unknown int32) string {
	if n == unknown {
		return "?"
	}
	return fmt.Sprint(n)
}

func cpuDigits(cpu int32) string {
	if cpu < 0 {
		return "?"
	}
	return fmt.Sprintf("%03d", cpu)
}

func nanoseconds(ns int64) string {
	if ns == parser.NoTime {
		return "?"
	}
	return fmt.Sprint(ns)
}

// eventJSON prints an event as an object: kind, time, CPU, context and current
// task always, and the fields of its kind.
func (a *app) eventJSON(ev *parser.Event) {
	var o rows.Object
	o.Begin()
	o.Time("time_ns", ev.Time)
	o.CPU("cpu", int(ev.CPU))
	o.Word("kind", ev.Kind.String())
	o.Number("pos", ev.Pos, true)
	o.Word("context", ev.Context.String())
	o.Task("cur_", ev.Cur.PID, ev.Cur.Comm)
	prio := func(k string, t *parser.Task) { o.Number(k, int64(t.Prio), t.Prio != parser.NoPrio) }
	state := func(k string) {
		if ev.State.Known() {
			o.Word(k, ev.State.String())
		} else {
			o.Null(k)
		}
	}
	switch ev.Kind {
	case parser.KindOther:
		o.Comm("name", ev.Text)
	case parser.KindSwitch:
		o.Task("prev_", ev.Task.PID, ev.Task.Comm)
		prio("prev_prio", &ev.Task)
		state("prev_state")
		o.Task("next_", ev.Next.PID, ev.Next.Comm)
		prio("next_prio", &ev.Next)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		prio("prio", &ev.Task)
		o.CPU("target_cpu", int(ev.TargetCPU))
	case parser.KindMigrate:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		prio("prio", &ev.Task)
		o.CPU("orig_cpu", int(ev.OrigCPU))
		o.CPU("dest_cpu", int(ev.TargetCPU))
	case parser.KindFork:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		o.Task("child_", ev.Next.PID, ev.Next.Comm)
	case parser.KindExec:
		o.Comm("filename", ev.Text)
		o.Number("pid", int64(ev.Task.PID), ev.Task.PID != parser.NoPID)
		o.Number("old_pid", int64(ev.OldPID), ev.OldPID != parser.NoPID)
	case parser.KindExit, parser.KindComm:
		o.Task("", ev.Task.PID, ev.Task.Comm)
	case parser.KindStatRuntime:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		o.Time("runtime_ns", ev.Runtime)
	case parser.KindSlice:
		o.Task("", ev.Task.PID, ev.Task.Comm)
		o.Time("start_ns", ev.Start)
		o.Time("wait_ns", ev.Wait)
		o.Time("delay_ns", ev.Delay)
		o.Time("runtime_ns", ev.Runtime)
		state("state")
	case parser.KindLost, parser.KindOverwritten:
		o.Time("since_ns", ev.Start)
		o.Number("count", ev.Count, ev.Count >= 0)
	case parser.KindHole:
		o.Time("since_ns", ev.Start)
		o.Task("entered_", ev.Next.PID, ev.Next.Comm)
		o.Task("left_", ev.Task.PID, ev.Task.Comm)
	case parser.KindDamaged:
		o.Comm("why", ev.Text)
	}
	o.End()
	_, _ = a.out.Write(o.Line())
}
