package text

import (
	"bytes"

	"schedreplay/parser"
)

// HeadLines is how many non-empty lines are looked at before the first event.
const HeadLines = 200

// headBytes bounds the bytes looked at, for inputs of long lines.
const headBytes = 512 << 10

// Head is the beginning of a printed capture.
type Head struct {
	// Lines are the first lines with the marks of Shape taken off, empty ones
	// included.
	Lines [][]byte
	Shape Shape
	// Complete is true if Lines are the whole input and the last one ended in a
	// newline.
	Complete bool
}

// ReadHead reads the beginning of src. An error comes only if not a single
// line could be read.
func ReadHead(src parser.Source) (Head, error) {
	r, err := src.Open()
	if err != nil {
		return Head{}, err
	}
	defer r.Close()
	var h Head
	l := NewLines(r, Shape{})
	for full, size := 0, 0; full < HeadLines && size < headBytes; {
		line, ok := l.Next()
		if !ok {
			h.Complete = l.Err() == nil
			break
		}
		size += len(line) + 1
		if len(bytes.TrimSpace(line)) > 0 {
			full++
		}
		h.Lines = append(h.Lines, bytes.Clone(line))
	}
	if len(h.Lines) == 0 && l.Err() != nil {
		return Head{}, l.Err()
	}
	h.Shape = ShapeOf(h.Lines)
	if h.Shape != (Shape{}) {
		for i := range h.Lines {
			h.Lines[i] = h.Shape.Strip(h.Lines[i])
		}
	}
	return h, nil
}
