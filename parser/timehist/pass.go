package timehist

import (
	"bytes"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/parser/text"
)

// pass is one run over the capture; it implements [text.Dialect].
type pass struct {
	*capture
	out     *text.Stream
	names   parser.Names
	grammar grammar
	// summary is true behind the last slice, where perf prints its tables.
	summary bool
	// nexts is true once a slice named the next task: all do then.
	nexts bool
}

// Decode implements [text.Dialect].
func (p *pass) Decode(ev *parser.Event, line []byte, n int64) (text.Fit, bool) {
	f, ok := split(line)
	if !ok || p.summary {
		return text.FitNone, false
	}
	ev.Renew(parser.KindSlice, f.time, f.cpu)
	fits := false
	if at, ns, rest, ok := p.grammar.numbersAt(f.rest); ok {
		fits = p.slice(ev, f.rest[:at], ns, rest)
	} else {
		fits = p.wakeup(ev, f.rest) || p.migration(ev, f.rest)
	}
	ev.Pos = n
	switch {
	case !fits:
		return text.FitPart, true
	case ev.Kind == parser.KindWaking && ev.Task.PID == parser.NoPID:
		// A name without ids at the end of the line: they may be on the next one.
		return text.FitLoose, true
	}
	return text.FitWhole, true
}

// slice fills a KindSlice. perf stamps it when the task leaves the CPU.
func (p *pass) slice(ev *parser.Event, left []byte, ns [4]int64, rest []byte) bool {
	name := p.grammar.name(left, 0)
	prio := int32(parser.NoPrio)
	if p.grammar.prio {
		i := bytes.LastIndexByte(name, ' ')
		v, ok := lastPrio(name[i+1:])
		if i < 0 || !ok {
			return false
		}
		prio, name = v, bytes.TrimRight(name[:i], " ")
	}
	var ok bool
	if ev.Task, ok = task(name, &p.names); !ok {
		return false
	}
	ev.Task.Prio = prio
	ev.Wait, ev.Delay, ev.Runtime = ns[0], ns[1], ns[2]
	ev.Start = ev.Time - ev.Runtime
	rest = text.SkipSpace(rest)
	if p.grammar.state {
		var letter []byte
		letter, rest = text.Word(rest)
		ev.State = text.LyingState(letter, true)
		if ev.Task.PID == 0 && ev.State == parser.StateIdle {
			// perf prints I for the idle task, which the kernel calls running.
			ev.State = parser.StateRunning
		}
		rest = text.SkipSpace(rest)
	}
	ev.Next, ok = next(rest, &p.names)
	p.nexts = p.nexts || ev.Next.PID != parser.NoPID
	return ok
}

// lastPrio reads "120", or "120->49" for a priority that changed, of which the
// last holds when the task leaves.
func lastPrio(b []byte) (int32, bool) {
	if i := bytes.Index(b, []byte("->")); i >= 0 {
		b = b[i+2:]
	}
	n, rest, ok := text.Int(b)
	return int32(n), ok && len(rest) == 0 && n > parser.NoPrio && n < 1000
}

// wakeup fills a KindWaking: the line is the waker's.
func (p *pass) wakeup(ev *parser.Event, b []byte) bool {
	left, right, ok := cutSpacer(b, "awakened: ")
	if !ok {
		return false
	}
	ev.Kind = parser.KindWaking
	var ok1, ok2 bool
	ev.Cur, ok1 = task(p.grammar.name(left, 0), &p.names)
	ev.Task, ok2 = task(bytes.TrimRight(right, " "), &p.names)
	return ok1 && ok2
}

// migration fills a KindMigrate: "migrated: perf[16161] cpu 0 => 1".
func (p *pass) migration(ev *parser.Event, b []byte) bool {
	left, right, ok := cutSpacer(b, "migrated: ")
	if !ok {
		return false
	}
	const cpu, arrow = " cpu ", " => "
	i := bytes.LastIndex(right, []byte(cpu))
	if i < 0 {
		return false
	}
	orig, rest, ok := text.Uint(right[i+len(cpu):])
	if !ok || !bytes.HasPrefix(rest, []byte(arrow)) {
		return false
	}
	dest, rest, ok := text.Uint(rest[len(arrow):])
	if !ok || len(text.SkipSpace(rest)) > 0 {
		return false
	}
	ev.Kind = parser.KindMigrate
	var ok1, ok2, ok3, ok4 bool
	ev.OrigCPU, ok1 = text.CPU(orig)
	ev.TargetCPU, ok2 = text.CPU(dest)
	ev.Cur, ok3 = task(p.grammar.name(left, 2), &p.names)
	ev.Task, ok4 = task(right[:i], &p.names)
	return ok1 && ok2 && ok3 && ok4
}

// Deliver implements [text.Dialect].
func (p *pass) Deliver(ev *parser.Event) { p.out.Event(ev) }

// summaries are the first lines of the tables behind the slices.
var summaries = []string{"Runtime summary", "Idle-time summary", "Terminated tasks:", "Idle stats:", "Wait-time summary"}

// Lead implements [text.Dialect]: time and CPU come first.
func (p *pass) Lead() int { return 0 }

// Remark implements [text.Dialect].
func (p *pass) Remark(line []byte, n int64) bool {
	if p.summary {
		if len(line) > 0 {
			p.out.Skip("summary")
		}
		return true
	}
	for _, s := range summaries {
		if string(bytes.TrimSpace(line)) == s {
			p.summary = true
			p.out.Skip("summary")
			return true
		}
	}
	if g, ok := parseHeader(line); ok {
		p.grammar = g
		return true
	}
	if time, count, cpu, ok := parseLost(line); ok {
		p.out.LostAt(cpu, time, count, n)
		return true
	}
	if text.PerfLoss(line) {
		p.out.LostAt(parser.NoCPU, p.out.Last(), -1, n)
		return true
	}
	return isRuler(line)
}

// isRuler recognises the lines around the header: dashes and units.
func isRuler(line []byte) bool {
	t := bytes.TrimSpace(line)
	return bytes.HasPrefix(t, []byte("[tid/pid]")) || len(t) > 0 && len(bytes.Trim(t, "- ")) == 0
}

// Torn implements [text.Dialect].
func (p *pass) Torn(line []byte) bool {
	if _, _, rest, ok := text.Time(text.SkipSpace(line)); ok && len(rest) > 0 && rest[0] == ' ' {
		return true
	}
	if _, _, _, ok := plain.numbersAt(line); ok {
		return true
	}
	return bytes.Contains(line, []byte("  awakened: ")) || bytes.Contains(line, []byte("  migrated: "))
}

// Whole implements [text.Dialect]: the columns that the other lines have are there,
// and names are closed.
func (p *pass) Whole(ev *parser.Event, line []byte) bool {
	if line[len(line)-1] == ']' {
		return true
	}
	switch ev.Kind {
	case parser.KindSlice:
		return !p.nexts && (!p.grammar.state || ev.State != 0)
	case parser.KindMigrate:
		return ev.TargetCPU == 0 || ev.TargetCPU*10 >= cpumask.MaxCPUs
	}
	return false
}
