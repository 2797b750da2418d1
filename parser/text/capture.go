package text

import (
	"fmt"
	"iter"

	"schedreplay/parser"
)

// Capture is what the captures of printed dialects share: each embeds it.
type Capture struct {
	src   parser.Source
	meta  parser.Meta
	shape Shape
	pass  func(*Stream) Dialect
	stats LastStats
}

// Begin reads the beginning of src. pass makes what decodes the lines in one pass.
func (c *Capture) Begin(src parser.Source, meta parser.Meta, pass func(*Stream) Dialect) (Head, error) {
	head, err := ReadHead(src)
	if err != nil {
		return head, &parser.Error{File: src.Name, Format: string(meta.Dialect), Offset: -1, Err: err}
	}
	meta.Name, meta.Host = src.Name, &parser.Host{}
	c.src, c.meta, c.shape, c.pass = src, meta, head.Shape, pass
	return head, nil
}

// Refuse says why the text cannot be used, at line n if it is one that tells, and what can be
// done.
func (c *Capture) Refuse(n int, sentinel error, why, remedy string) error {
	return &parser.Error{
		File: c.src.Name, Format: string(c.meta.Dialect), Line: int64(n), Offset: -1, Err: fmt.Errorf("%w: %s", sentinel, why), Remedy: remedy,
	}
}

// Note adds a note to what is told of the capture.
func (c *Capture) Note(s string) { c.meta.Notes = append(c.meta.Notes, s) }

// Meta implements [parser.Capture].
func (c *Capture) Meta() *parser.Meta { return &c.meta }

// Close implements [parser.Capture].
func (c *Capture) Close() error { return nil }

// Stats returns the counts of the last pass that ended.
func (c *Capture) Stats() parser.Stats { return c.stats.Load() }

// Events implements [parser.Capture].
func (c *Capture) Events() iter.Seq2[parser.Event, error] { return parser.Given(c.Lend()) }

// Lend implements [parser.Lender].
func (c *Capture) Lend() iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		out := NewStream(yield)
		NewRecords(&c.src, c.pass(out), out).Run(c.shape, string(c.meta.Dialect))
		c.stats.Store(out)
	}
}
