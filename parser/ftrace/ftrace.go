// Package ftrace reads what the kernel prints in tracefs/trace and
// tracefs/trace_pipe (Documentation/trace/ftrace.rst) and what trace-cmd report
// prints, which is the same lines with a few of its own.
package ftrace

import (
	"bytes"

	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/text"
)

// capture is one printed ftrace buffer.
type capture struct {
	text.Capture
	grammar grammar
	// inBuffer and written are the header's entries, -1 if there is none.
	inBuffer, written int64
}

// wallClock is a time in ns that no clock counting from boot reaches: 30 years.
const wallClock = 30 * 365 * 86400 * int64(1e9)

// New opens a printed ftrace buffer or a trace-cmd report. It reads the
// beginning of src to find the columns and refuses, with [parser.ErrUnsupported],
// what cannot be used: clocks that do not count time, output without time stamps,
// tracers that print no events. Text that is neither is [parser.ErrFormat].
func New(src parser.Source) (parser.Capture, error) {
	c := &capture{grammar: grammar{irqColumn: -1}, inBuffer: -1, written: -1}
	head, err := c.Begin(src, parser.Meta{Dialect: parser.DialectFtrace, Resolution: 1000, HasWakings: true}, func(out *text.Stream) text.Dialect {
		return &pass{capture: c, out: out}
	})
	if err != nil {
		return nil, err
	}
	if err := c.readHead(head); err != nil {
		return nil, err
	}
	return c, nil
}

// Looks reports whether a line could be one of this dialect's: an event, a
// loss marker or a header line, or an event printed without its columns. The line comes
// without quote marks and without its end.
func Looks(line []byte) bool {
	g := grammar{irqColumn: -1}
	if h, ok := g.parse(line); ok && len(h.name) > 0 {
		return true
	}
	for _, s := range []string{"# tracer: ", "# entries-in-buffer/", "cpus=", "version = "} {
		if bytes.HasPrefix(line, []byte(s)) {
			return true
		}
	}
	if _, ok := parseMarker(line); ok {
		return true
	}
	// Unusable output of the same tool: New says why.
	return looksBare(line) || looksRaw(line)
}

// survey is what the first lines show of how the text was made.
type survey struct {
	events, plugin, kernel int // event lines; those of trace-cmd's and of the kernel's columns
	bare, raw              int // lines without time stamps; events as numbers
	stamps                 [stampCount + 1]int
	countLine              int // the first line with a stamp that counts no seconds
	bareLine, rawLine      int
	indents                map[int]int // event lines by how far they are indented
	first                  int64       // the first event's time
	legend                 int
	sawTracer              bool
}

// readHead fills meta and head from the first lines.
func (c *capture) readHead(head text.Head) error {
	v := survey{indents: map[int]int{}, first: parser.NoTime}
	blank := true
	for i, line := range head.Lines {
		h, ok := c.grammar.parse(line)
		switch {
		case ok && len(h.name) > 0:
			v.event(&h, i+1)
		case ok:
		case bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("#")):
			if err := c.headerLine(i+1, bytes.TrimSpace(line), &v.legend, &v.sawTracer); err != nil {
				return err
			}
		case blank && (bytes.HasPrefix(line, []byte("cpus=")) || bytes.HasPrefix(line, []byte("version = "))):
			// The first line of trace-cmd report; elsewhere it may be anything.
			c.Meta().Dialect = parser.DialectTraceCmd
			v.sawTracer = true
		case looksBare(line):
			if v.bare++; v.bare == 1 {
				v.bareLine = i + 1
			}
		case looksRaw(line):
			if v.raw++; v.raw == 1 {
				v.rawLine = i + 1
			}
		}
		blank = blank && len(bytes.TrimSpace(line)) == 0
	}
	for width, n := range v.indents {
		if width > 0 && n*10 >= v.events*9 {
			c.grammar.indent = width
		}
	}
	if v.plugin > v.kernel {
		c.Meta().Dialect = parser.DialectTraceCmd
	}
	if err := c.unusable(&v); err != nil {
		return err
	}
	c.clock(&v)
	if c.Meta().Dialect == parser.DialectFtrace && !v.sawTracer {
		// trace_pipe has no header. It prints what it finds, CPU after CPU.
		c.Meta().MayReorder = true
	}
	return nil
}

// event counts an event line.
func (v *survey) event(h *header, line int) {
	if v.events++; v.events == 1 {
		v.first = h.time
	}
	if !h.aligned {
		v.indents[h.indent()]++
	}
	v.stamps[h.stamp]++
	if h.stamp == stampCount && v.countLine == 0 {
		v.countLine = line
	}
	if h.pad > 1 {
		v.plugin++
	} else {
		v.kernel++
	}
}

// unusable refuses text that cannot be read as events.
func (c *capture) unusable(v *survey) error {
	switch {
	case v.events == 0 && v.bare > 0:
		return c.Refuse(v.bareLine, parser.ErrUnsupported, "the lines have no time stamps (trace option nocontext-info)",
			"record again with `echo context-info > trace_options`")
	case v.events == 0 && v.raw > 0:
		return c.Refuse(v.rawLine, parser.ErrUnsupported, "the events are printed as numbers (trace option raw, hex or bin)",
			"record again with `echo noraw nohex nobin > trace_options`, or give trace.dat")
	case v.events == 0 && !v.sawTracer:
		return c.Refuse(0, parser.ErrFormat, "no line is an ftrace event",
			"give the text of tracefs/trace or of trace-cmd report")
	case v.stamps[stampCount]*2 > v.events:
		return c.Refuse(v.countLine, parser.ErrUnsupported,
			"the time stamps have no decimal point, so they do not count seconds (trace_clock counter, uptime or x86-tsc)",
			"record again with `echo mono > trace_clock`")
	}
	return nil
}

// clock tells from the stamps what clock they are of.
func (c *capture) clock(v *survey) {
	if v.stamps[stampNano] > 0 || v.stamps[stampRaw] > 0 {
		c.Meta().Resolution = 1
	}
	switch {
	case v.stamps[stampRelative] > 0:
		c.Meta().Clock.Relative = true
		c.Note("Time stamps count from the first event in the buffer (trace option latency-format).")
	case v.first == 0:
		c.Meta().Clock.Relative = true
		c.Note("Time stamps count from the first event (trace-cmd report --align-ts).")
	case v.first >= wallClock && c.Meta().Dialect == parser.DialectFtrace:
		c.Meta().Clock.Name = "tai" // the only trace clock that counts from 1970
	case v.first >= wallClock:
		c.Note("Time stamps count from about 1970: clock tai, or the times of day of trace-cmd record --date.")
	}
	if v.stamps[stampRaw] > 0 {
		c.Note("Time stamps are raw (trace-cmd report --raw-ts) and are taken as nanoseconds.")
	}
	if c.Meta().Clock.Name == "" {
		c.Note("The text does not name its trace_clock; with the default clock, local, different CPUs may disagree on the time.")
	}
}

// headerLine reads one line of the header that print_trace_header and
// print_func_help_header print.
func (c *capture) headerLine(n int, line []byte, legend *int, sawTracer *bool) error {
	switch {
	case bytes.HasPrefix(line, []byte("# tracer: ")):
		*sawTracer = true
		if name := string(bytes.TrimSpace(line[len("# tracer: "):])); name == "function_graph" {
			return c.Refuse(n, parser.ErrUnsupported, "the function_graph tracer prints its own columns",
				"record again with `echo nop > current_tracer`")
		}
	case bytes.HasPrefix(line, []byte("# * Snapshot is ")): // allocated, or freed: print_snapshot_help
		return c.Refuse(n, parser.ErrUnsupported, "the snapshot buffer is empty",
			"take one with `echo 1 > snapshot` while events are recorded, then read snapshot again")
	case bytes.HasPrefix(line, []byte("# entries-in-buffer/entries-written: ")):
		*sawTracer = true
		rest := line[len("# entries-in-buffer/entries-written: "):]
		in, rest, ok := text.Uint(rest)
		if !ok || len(rest) == 0 || rest[0] != '/' {
			break
		}
		written, _, ok := text.Uint(rest[1:])
		if ok && c.written < 0 {
			c.inBuffer, c.written = in, written
		}
	case bytes.Contains(line, []byte(" latency trace v")):
		// "# nop latency trace v1.1.5 on 6.1.192"
		if _, release, ok := bytes.Cut(line, []byte(" on ")); ok && !c.Meta().Host.Release.Known() {
			if r, _ := text.Word(release); len(r) > 0 {
				c.Meta().Host.Release = fact.Seen(string(r), "the header of "+c.Meta().Name)
			}
		}
	case bytes.Contains(line, []byte("=> ")):
		// The legend names the flag columns from left to right; latency-format
		// begins with the CPU, which is no flag.
		switch {
		case bytes.HasSuffix(line, []byte("=> CPU#")):
		case bytes.HasSuffix(line, []byte("=> hardirq/softirq")):
			if c.grammar.irqColumn < 0 {
				c.grammar.irqColumn = *legend
			}
			*legend++
		default:
			*legend++
		}
	}
	return nil
}

// looksBare recognises a payload without columns (nocontext-info).
func looksBare(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	return i > 0 && text.KindOf(line[:i]) != parser.KindOther
}

// looksRaw recognises the raw option's "8212 1 896344471902 type: 366" and the
// hex option's "00001fbd 00000000 000000d09f75ea1a type: 366".
func looksRaw(line []byte) bool {
	f := bytes.Fields(line)
	if len(f) < 5 || string(f[3]) != "type:" {
		return false
	}
	for _, w := range f[:3] {
		for _, c := range w {
			if !(c-'0' <= 9 || c-'a' < 6) {
				return false
			}
		}
	}
	return true
}
