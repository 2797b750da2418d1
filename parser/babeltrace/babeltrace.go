// Package babeltrace reads what babeltrace2 prints of a trace in the Common Trace Format:
// of LTTng's kernel tracer (lttng-modules, include/instrumentation/events/sched.h), and of
// what perf data convert --to-ctf made of a perf.data file.
//
// LTTng says tid where the kernel says pid, and counts priorities from the highest fair
// one: 20 is the kernel's 120. It does not say in which context an event was recorded, nor,
// without the context tid, which task was current.
package babeltrace

import (
	"bytes"
	"fmt"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// capture is one printed trace.
type capture struct {
	text.Capture
}

// New opens the text of babeltrace2. It reads the beginning of src and refuses, with
// [parser.ErrUnsupported], what cannot be used: events without a time, a CPU or names of
// their fields, times in cycles, and traces without events of the scheduler. Other text is
// [parser.ErrFormat].
func New(src parser.Source) (parser.Capture, error) {
	c := &capture{}
	head, err := c.Begin(src, parser.Meta{Dialect: parser.DialectBabeltrace, Resolution: 1}, func(out *text.Stream) text.Dialect { return &pass{out: out} })
	if err != nil {
		return nil, err
	}
	if err := c.readHead(head.Lines); err != nil {
		return nil, err
	}
	return c, nil
}

// Looks reports whether a line could be one of this dialect's.
func Looks(line []byte) bool {
	_, ok := split(line)
	return ok
}

// readHead judges the first lines.
func (c *capture) readHead(lines [][]byte) error {
	const lttng = "record with `lttng enable-event -k sched_switch,sched_waking,sched_wakeup,sched_wakeup_new,sched_migrate_task`"
	p := &pass{}
	events, sched, firstBad, clock := 0, 0, 0, false
	for i, line := range lines {
		col, ok := split(line)
		if !ok {
			if firstBad == 0 && bytes.Contains(line, []byte(": { ")) {
				firstBad = i + 1
			}
			continue
		}
		events++
		clock = clock || col.ofDay
		var ev parser.Event
		if fit, _ := p.Decode(&ev, line, 1); fit != text.FitWhole || ev.Kind == parser.KindOther {
			continue
		}
		sched++
		if ev.Kind == parser.KindWaking || ev.Kind == parser.KindWakeup {
			c.Meta().HasWakings = true
		}
	}
	switch {
	case events == 0 && firstBad > 0:
		return c.Refuse(firstBad, parser.ErrUnsupported, "the events have no CPU or no time in seconds",
			"print again with plain `babeltrace2`, without --clock-cycles, --fields or --names")
	case events == 0:
		return c.Refuse(0, parser.ErrFormat, "no line is an event that babeltrace2 printed", "give the text of babeltrace2")
	case sched == 0:
		return c.Refuse(0, parser.ErrUnsupported, fmt.Sprintf("none of its first %d events is one of the scheduler: nothing can be told of CPUs and tasks", events), lttng)
	}
	if !c.Meta().HasWakings {
		c.Note("No sched_waking or sched_wakeup is among the first events: who ran where and when is told, not who woke it nor why it was placed there.")
	}
	if clock {
		c.Note("Times count from midnight, as babeltrace2 prints them; --clock-seconds prints the trace's own.")
	}
	return nil
}

// columns are a line's parts.
type columns struct {
	time  int64
	ofDay bool // time is a time of day
	cpu   int32
	name  []byte
	// first holds the packet's fields, last the event's own, between those of contexts.
	first, between, last []byte
}

// split finds the parts of "[time] (+delta) host name: { cpu_id = 0 }, { … }".
func split(line []byte) (c columns, ok bool) {
	if len(line) < 2 || line[0] != '[' {
		return c, false
	}
	end := bytes.IndexByte(line, ']')
	if end < 0 {
		return c, false
	}
	if c.time, c.ofDay, ok = clock(line[1:end]); !ok {
		return c, false
	}
	rest := line[end+1:]
	colon := bytes.Index(rest, []byte(": { "))
	if colon < 0 {
		return c, false
	}
	c.name = rest[bytes.LastIndexByte(rest[:colon], ' ')+1 : colon]
	groups := rest[colon+2:]
	for n := 0; len(groups) > 0; n++ {
		group, after, ok := value(groups)
		if !ok || len(group) < 2 || group[0] != '{' {
			return c, n > 0 // cut: what can be told is told
		}
		switch {
		case n == 0:
			c.first = group
		default:
			if c.last != nil {
				c.between = c.last
			}
			c.last = group
		}
		groups = bytes.TrimPrefix(text.SkipSpace(after), []byte(", "))
	}
	c.cpu = parser.NoCPU
	eachField(c.first, func(key, v []byte) {
		if n, _, ok := text.Int(v); ok && string(key) == "cpu_id" {
			c.cpu, _ = text.CPU(n)
		}
	})
	return c, c.cpu != parser.NoCPU
}

// clock reads a time: seconds, or a time of day with or without its date.
func clock(b []byte) (ns int64, ofDay, ok bool) {
	if i := bytes.IndexByte(b, ' '); i >= 0 { // the date
		b = b[i+1:]
	}
	parts := bytes.Split(b, []byte(":"))
	if len(parts) != 1 && len(parts) != 3 {
		return 0, false, false
	}
	ns, _, rest, ok := text.Time(parts[len(parts)-1])
	if !ok || len(rest) > 0 {
		return 0, false, false
	}
	if len(parts) == 3 {
		h, r1, ok1 := text.Uint(parts[0])
		m, r2, ok2 := text.Uint(parts[1])
		if !ok1 || !ok2 || len(r1)+len(r2) > 0 || h > 23 || m > 59 || ns >= 61e9 || ns < 0 {
			return 0, false, false
		}
		ns += (h*60 + m) * 60e9
	}
	return ns, len(parts) == 3, true
}

// value takes one value off b: a number, a text in quotes, or what stands in brackets.
func value(b []byte) (v, rest []byte, ok bool) {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '(' || c == '[':
			depth++
		case (c == '}' || c == ')' || c == ']') && depth > 0:
			if depth--; depth == 0 {
				return b[:i+1], b[i+1:], true
			}
		case depth == 0 && (c == ',' || c == ' ' || c == '}'):
			return b[:i], b[i:], true
		}
	}
	return b, nil, depth == 0 && !quoted
}

// eachField tells of the fields of "{ key = value, … }". It reports whether the group is
// whole.
func eachField(group []byte, tell func(key, value []byte)) bool {
	if len(group) < 2 || group[0] != '{' || group[len(group)-1] != '}' {
		return false
	}
	b := text.SkipSpace(group[1:])
	for len(b) > 0 && b[0] != '}' {
		key, rest, ok := bytes.Cut(b, []byte(" = "))
		if !ok {
			return false
		}
		v, rest, ok := value(rest)
		if !ok {
			return false
		}
		tell(key, v)
		b = text.SkipSpace(bytes.TrimPrefix(text.SkipSpace(rest), []byte(",")))
	}
	return true
}
