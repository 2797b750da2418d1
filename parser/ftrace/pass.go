package ftrace

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// pass is one run over the capture; it implements [text.Dialect].
type pass struct {
	*capture
	out   *text.Stream
	names parser.Names
	began bool
	// fronts holds what the first bytes of lines tell, width of them in the last line,
	// and events those of the texts behind the time.
	fronts text.Memo[front]
	width  int
	events text.Memo[parser.Event]
}

// Decode implements [text.Dialect].
func (p *pass) Decode(ev *parser.Event, line []byte, n int64) (text.Fit, bool) {
	var h header
	ok := p.again(&h, line)
	known := p.known(&h)
	if known == nil && !(ok && h.splitName(h.text)) {
		if h, ok = p.grammar.parse(line); !ok {
			return text.FitNone, false
		}
		if h.pid != 0 {
			h.comm = p.names.Intern(h.task)
		}
		if h.width > 0 {
			p.width = h.width
			p.fronts.Put(line[:h.width], h.front)
		}
		known = p.known(&h)
	}
	if known != nil {
		*ev = *known
		p.begin(ev, &h, n)
		return text.FitWhole, h.aligned
	}
	fit := p.event(ev, &h, n)
	if fit == text.FitWhole && repeats(ev.Kind) {
		p.events.Put(h.text, *ev)
	}
	return fit, h.aligned
}

// known is an event with the same text as a line, nil if there was none.
func (p *pass) known(h *header) *parser.Event {
	if len(h.text) == 0 || h.stamp == stampCount {
		return nil
	}
	return p.events.Get(h.text)
}

// again reads a line that begins like one before, up to its text.
func (p *pass) again(h *header, line []byte) (ok bool) {
	if len(line) <= p.width {
		return false
	}
	f := p.fronts.Get(line[:p.width])
	if f == nil {
		return false
	}
	h.front, h.aligned = *f, true
	h.text, ok = h.parseStamp(text.SkipSpace(line[p.width:]))
	return ok
}

// repeats reports whether captures hold many events of a kind that differ in what stands
// before their text only.
func repeats(k parser.Kind) bool {
	switch k {
	case parser.KindSwitch, parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew, parser.KindMigrate:
		return true
	}
	return false
}

// begin fills in what the header h tells.
func (p *pass) begin(ev *parser.Event, h *header, n int64) {
	ev.Time, ev.CPU, ev.Pos, ev.Context = h.time, h.cpu, n, h.context
	ev.Cur.PID, ev.Cur.Comm = h.pid, h.comm
	ev.Thread = parser.Thread{TID: parser.NoPID, TGID: parser.NoPID, PPID: parser.NoPID}
	if h.tgid != 0 {
		ev.Thread.TID, ev.Thread.TGID = h.pid, h.tgid
	}
}

// event makes *ev the event of a line whose header is h.
func (p *pass) event(ev *parser.Event, h *header, n int64) text.Fit {
	fresh := func() {
		ev.Renew(text.KindOf(h.name), h.time, h.cpu)
		p.begin(ev, h, n)
	}
	fresh()
	switch {
	case h.stamp == stampCount:
		ev.Renew(parser.KindDamaged, p.out.Last(), parser.NoCPU)
		ev.Pos, ev.Text = n, "the time stamp has no decimal point"
	case ev.Kind == parser.KindOther:
		if len(h.name) == 0 && bareName(h.payload) {
			return text.FitPart // a name without its colon: the line ends early
		}
		if !text.Aside(ev, h.name, h.payload, &p.names) {
			ev.Text = p.otherName(h)
		}
		if bytes.HasPrefix(h.payload, []byte("trace_event_clock_sync:")) {
			// systrace and Android write it into trace_marker; its time may be any.
			ev.Time, ev.CPU, ev.Text = parser.NoTime, parser.NoCPU, "trace_event_clock_sync"
		}
	case !text.Payload(ev, h.payload, &p.names):
		fresh() // without what was read of the other form
		if !pluginPayload(ev, h, &p.names) {
			return text.FitPart
		}
	}
	return text.FitWhole
}

// Deliver implements [text.Dialect]. Before the first event comes what the
// header says was overwritten.
func (p *pass) Deliver(ev *parser.Event) {
	if ev.Kind == parser.KindOther && ev.Time == parser.NoTime {
		p.out.Skip(ev.Text)
		return
	}
	if !p.began && ev.Kind != parser.KindDamaged {
		p.began = true
		if gone := p.written - p.inBuffer; gone > 0 {
			o := parser.NewEvent(parser.KindOverwritten, ev.Time, parser.NoCPU)
			o.Count, o.Pos = gone, ev.Pos
			p.out.Event(&o)
		}
	}
	p.out.Event(ev)
}

// bareName reports whether b is one word that could be an event's name.
func bareName(b []byte) bool {
	for _, c := range b {
		if !nameMark(c) {
			return false
		}
	}
	return true
}

// otherName names an event that replay does not use.
func (p *pass) otherName(h *header) string {
	switch {
	case len(h.name) > 0:
		return p.names.Intern(h.name)
	case bytes.HasPrefix(h.payload, []byte("<stack trace>")):
		return "kernel_stack"
	case bytes.HasPrefix(h.payload, []byte("<user stack trace>")):
		return "user_stack"
	case bytes.Contains(h.payload, []byte(" <-")):
		return "function"
	}
	return "unknown"
}

// Lead implements [text.Dialect]: the name before the pid.
func (p *pass) Lead() int { return p.grammar.indent + dashColumn }

// Remark implements [text.Dialect].
func (p *pass) Remark(line []byte, n int64) bool {
	if m, ok := parseMarker(line); ok {
		switch m.kind {
		case markerLost:
			p.out.Lost(m.cpu, m.count, n)
		case markerStarted:
			p.out.Overwritten(m.cpu, n)
		}
		return true
	}
	t := text.SkipSpace(line)
	if bytes.HasPrefix(t, []byte("trace_event_clock_sync:")) {
		p.out.Skip("trace_event_clock_sync")
		return true
	}
	return len(t) > 0 && t[0] == '#'
}

// Torn implements [text.Dialect].
func (p *pass) Torn(line []byte) bool {
	for _, s := range []string{"pid=", "comm=", "sched_", "_cpu=", "prio=", " ==> "} {
		if bytes.Contains(line, []byte(s)) {
			return true
		}
	}
	// The columns: a name and pid, or the CPU in brackets.
	t := bytes.TrimLeft(line, " ")
	if i := bytes.IndexByte(t, '['); i >= 0 {
		if _, rest, ok := text.Uint(t[i+1:]); ok && len(rest) > 0 && rest[0] == ']' {
			return true
		}
	}
	if i := bytes.LastIndexByte(t, '-'); i >= 0 {
		if _, rest, ok := text.Uint(t[i+1:]); ok && len(bytes.TrimSpace(rest)) == 0 {
			return true
		}
	}
	return false
}

// Whole implements [text.Dialect].
func (p *pass) Whole(_ *parser.Event, line []byte) bool { return text.PayloadEnds(line) }
