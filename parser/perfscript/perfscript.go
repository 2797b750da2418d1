// Package perfscript reads what perf script and perf sched script print of a
// recording of scheduler tracepoints (tools/perf/builtin-script.c).
package perfscript

import (
	"bytes"
	"fmt"
	"iter"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

const format = string(parser.DialectPerf)

// capture is one printed recording.
type capture struct {
	src   parser.Source
	meta  parser.Meta
	shape text.Shape
	// forks and exits are true if the recording has tracepoints for them, so that
	// perf's own records say nothing new.
	forks, exits bool
	stats        text.LastStats
}

// New opens the text of perf script. It reads the beginning of src to find the
// columns and refuses, with [parser.ErrUnsupported], what cannot be used: lines
// without time or CPU (-F), and times that count from the line before
// (--deltatime). Text that is not of perf script is [parser.ErrFormat].
func New(src parser.Source) (parser.Capture, error) {
	head, err := text.ReadHead(src)
	if err != nil {
		return nil, &parser.Error{File: src.Name, Format: format, Offset: -1, Err: err}
	}
	c := &capture{
		src: src,
		meta: parser.Meta{
			Name: src.Name, Dialect: parser.DialectPerf, Resolution: 1000, Host: &parser.Host{}, HasWakings: true,
		},
		shape: head.Shape,
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

func (c *capture) Meta() *parser.Meta { return &c.meta }

func (c *capture) Close() error { return nil }

// Stats returns the counts of the last pass that ended.
func (c *capture) Stats() parser.Stats { return c.stats.Load() }

func (c *capture) Events() iter.Seq2[parser.Event, error] { return parser.Given(c.Lend()) }

// Lend implements [parser.Lender].
func (c *capture) Lend() iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		p := &pass{capture: c, out: text.NewStream(yield), forks: c.forks, exits: c.exits}
		text.NewRecords(&c.src, p, p.out).Run(c.shape, format)
		c.stats.Store(p.out)
	}
}

func (c *capture) refuse(n int, sentinel error, why, remedy string) error {
	return &parser.Error{
		File: c.src.Name, Format: format, Line: int64(n), Offset: -1, Err: fmt.Errorf("%w: %s", sentinel, why), Remedy: remedy,
	}
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
		return c.refuse(lacking, parser.ErrUnsupported, "the lines have no CPU or no time (perf script -F)",
			"print again with `perf script -F comm,tid,cpu,time,event,trace`")
	case events == 0 && !h.seen:
		return c.refuse(0, parser.ErrFormat, "no line is an event of perf script", "give the text of perf script")
	case first == 0 && backwards > 0:
		return c.refuse(0, parser.ErrUnsupported, "the times count from the line before (perf script --deltatime)",
			"print again without --deltatime")
	case first == 0:
		c.meta.Clock.Relative = true
		c.meta.Clock.HasWall = false
		c.meta.Notes = append(c.meta.Notes, "Time stamps count from the first event (perf script --reltime).")
	}
	if nano > 0 {
		c.meta.Resolution = 1
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
