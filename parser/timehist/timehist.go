// Package timehist reads what perf sched timehist prints
// (tools/perf/builtin-sched.c): one line for each time that a task left a CPU,
// and, with its options, wakeups and migrations.
//
// The text says less than the recording it was printed from. Times are cut to
// 1 us; there are no priorities (but for --show-prio), no waker's context and no
// CPU that a task was woken on; without -w there are no wakeups.
package timehist

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// capture is one printed history.
type capture struct {
	text.Capture
	grammar grammar
}

// New opens the text of perf sched timehist. It reads the beginning of src to
// find the columns. A text that holds only the summary (-s) is
// [parser.ErrUnsupported], any other without a slice [parser.ErrFormat].
func New(src parser.Source) (parser.Capture, error) {
	c := &capture{grammar: plain}
	head, err := c.Begin(src, parser.Meta{Dialect: parser.DialectTimehist, Resolution: 1000}, func(out *text.Stream) text.Dialect {
		return &pass{capture: c, out: out, grammar: c.grammar}
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
	if _, ok := parseHeader(line); ok {
		return true
	}
	if _, _, _, ok := parseLost(line); ok {
		return true
	}
	if string(bytes.TrimSpace(line)) == "Runtime summary" {
		return true
	}
	_, ok := split(line)
	return ok
}

// readHead fills meta from the first lines.
func (c *capture) readHead(head text.Head) error {
	summary, slices, header := 0, 0, false
	padded := 0
	for i, line := range head.Lines {
		if g, ok := parseHeader(line); ok {
			if !header {
				c.grammar = g
			}
			header = true
			continue
		}
		if string(bytes.TrimSpace(line)) == "Runtime summary" && summary == 0 {
			summary = i + 1
		}
		f, ok := split(line)
		if !ok {
			continue
		}
		slices++
		_, _, rest, ok := c.grammar.numbersAt(f.rest)
		switch {
		case !ok && bytes.Contains(f.rest, []byte(" awakened: ")):
			c.Meta().HasWakings = true
		case ok && len(rest) > len(spacer)/2 && len(text.SkipSpace(rest)) == 0:
			// With -w and without -n perf fills the place of the next task with blanks.
			padded++
		}
	}
	if padded*2 > slices {
		c.Meta().HasWakings = true
	}
	const again = "print again with `perf sched timehist -w -n -M --state`, or give perf.data"
	switch {
	case slices == 0 && summary > 0:
		return c.Refuse(summary, parser.ErrUnsupported, "only the summary was printed (perf sched timehist -s)", again)
	case slices == 0 && !header:
		return c.Refuse(0, parser.ErrFormat, "no line is one of perf sched timehist", "give the text of perf sched timehist")
	}
	c.Note("perf sched timehist cuts times to 1 us; perf.data has them in ns.")
	if !c.Meta().HasWakings {
		c.Note("The text has no wakeups; " + again + ".")
	}
	if !header {
		c.Note("The text has no header; its columns are taken for those without options.")
	}
	return nil
}
