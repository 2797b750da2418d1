package anonymize

import (
	"errors"
	"math"
	"os"

	"schedreplay/parser"
)

// ErrRefused is wrapped by the error about a capture that cannot be rewritten;
// the error says why.
var ErrRefused = errors.New("the capture cannot be anonymised")

// Window is a span of time in ns of the capture's clock, both ends included.
type Window struct{ From, To int64 }

// All is the window without ends.
var All = Window{math.MinInt64, math.MaxInt64}

// Report says what a copy is like.
type Report struct {
	// Records is the number of records or lines with an event.
	Records int64
	// Masked is the number of lines in which the place of a name was not certain:
	// all their letters that are not the tool's own became x.
	Masked int64
	// Dropped is the number of bytes behind a damaged place, which are not in the
	// copy.
	Dropped int64
}

// Capture writes an anonymised copy of a capture to out, which must be empty. src
// is the capture's own decompressed bytes, c its reader. A window other than
// [All] is possible for text alone. The error wraps [ErrRefused] where the
// capture is of a kind that cannot be rewritten.
func Capture(src parser.Source, c parser.Capture, n *Names, w Window, out *os.File) (*Report, error) {
	d := c.Meta().Dialect
	binary := d == parser.DialectPerfData || d == parser.DialectTraceDat || d == parser.DialectPerfetto
	switch {
	case src.Open == nil:
		return nil, refuse("its events lie in several files (perf record --threads or --switch-output); give one file")
	case d == parser.DialectBabeltrace:
		return nil, refuse("what babeltrace2 prints cannot be rewritten; of perf, give the perf.data that it was made of")
	case binary && w != All:
		return nil, refuse("a window can be cut from text alone; print the capture first, with perf script or trace-cmd report")
	case binary && src.At == nil:
		return nil, refuse("a binary capture must be a file")
	case d == parser.DialectPerfData:
		return perfData(src, n, out)
	case d == parser.DialectTraceDat:
		return traceDat(src, n, out)
	case d == parser.DialectPerfetto:
		return perfettoTrace(src, n, out)
	}
	return text(src, c, n, w, out)
}
