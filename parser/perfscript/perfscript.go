// Package perfscript reads what perf script and perf sched script print of a
// recording of scheduler tracepoints (tools/perf/builtin-script.c).
package perfscript

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// capture is one printed recording.
type capture struct {
	text.Capture
	// forks and exits are true if the recording has tracepoints for them, so that
	// perf's own records say nothing new.
	forks, exits bool
}

// New opens the text of perf script. It reads the beginning of src to find the
// columns and refuses, with [parser.ErrUnsupported], what cannot be used: lines
// without time or CPU (-F), and times that count from the line before
// (--deltatime). Text that is not of perf script is [parser.ErrFormat].
func New(src parser.Source) (parser.Capture, error) {
	c := &capture{}
	head, err := c.Begin(src, parser.Meta{Dialect: parser.DialectPerf, Resolution: 1000, HasWakings: true}, func(out *text.Stream) text.Dialect {
		return &pass{capture: c, out: out, forks: c.forks, exits: c.exits}
	})
	if err != nil {
		return nil, err
	}
	if err := c.readHead(head); err != nil {
		return nil, err
	}
	return c, nil
}

// Looks reports whether a line could be one of this dialect's. The line comes
// without quote marks and without its end.
func Looks(line []byte) bool {
	if c, ok := split(line); ok {
		_, known := c.event()
		return known || bytes.HasPrefix(c.name, []byte("PERF_RECORD_"))
	}
	return bytes.HasPrefix(line, []byte("# perf version : ")) || bytes.HasPrefix(line, []byte("# captured on ")) ||
		lacksColumns(line)
}

// readHead fills meta from the first lines.
func (c *capture) readHead(head text.Head) error {
	h := header{c: c}
	events, nano := 0, 0
	last, first, backwards := int64(parser.NoTime), int64(parser.NoTime), 0
	lacking := 0
	for i, line := range head.Lines {
		col, ok := split(line)
		switch {
		case ok && bytes.HasPrefix(col.name, []byte("PERF_RECORD_")):
			events++
		case ok:
			events++
			if col.nano {
				nano++
			}
			if first == parser.NoTime {
				first = col.time
			}
			if col.time < last {
				backwards++
			}
			last = col.time
			name, _ := col.event()
			c.saw(string(name))
		case bytes.HasPrefix(line, []byte("# ")):
			h.line(line[2:])
		case lacksColumns(line) && lacking == 0:
			lacking = i + 1
		}
	}
	h.finish()
	switch {
	case events == 0 && lacking > 0:
		return c.Refuse(lacking, parser.ErrUnsupported, "the lines have no CPU or no time (perf script -F)",
			"print again with `perf script -F comm,tid,cpu,time,event,trace`")
	case events == 0 && !h.seen:
		return c.Refuse(0, parser.ErrFormat, "no line is an event of perf script", "give the text of perf script")
	case first == 0 && backwards > 0:
		return c.Refuse(0, parser.ErrUnsupported, "the times count from the line before (perf script --deltatime)",
			"print again without --deltatime")
	case first == 0:
		c.Meta().Clock.Relative = true
		c.Meta().Clock.HasWall = false
		c.Note("Time stamps count from the first event (perf script --reltime).")
	}
	if nano > 0 {
		c.Meta().Resolution = 1
	}
	return nil
}

// saw notes which tracepoints the recording has.
func (c *capture) saw(name string) {
	switch name {
	case "sched_process_fork":
		c.forks = true
	case "sched_process_exit":
		c.exits = true
	}
}

// lacksColumns recognises a sched event that lacks its CPU or its time.
func lacksColumns(line []byte) bool {
	for _, name := range []string{"sched_switch", "sched_waking", "sched_wakeup", "sched_stat_runtime"} {
		i := bytes.Index(line, []byte("sched:"+name+": "))
		if i < 0 {
			continue
		}
		rest := text.SkipSpace(line[i+len("sched:")+len(name)+2:])
		if bytes.HasPrefix(rest, []byte("comm=")) || bytes.HasPrefix(rest, []byte("prev_comm=")) {
			return true
		}
	}
	return false
}
