package table

import (
	"bufio"
	"io"
	"strconv"

	"schedreplay/export/quote"
)

// jsonlWriter writes one JSON object a line, its fields in the order of the
// columns, unknown values null.
type jsonlWriter struct {
	w *bufio.Writer
	b []byte
	s *Schema
}

func newJSONL(w io.Writer, s *Schema) *jsonlWriter {
	return &jsonlWriter{w: bufio.NewWriterSize(w, 1<<16), s: s}
}

func (j *jsonlWriter) Write(row []Value) error {
	b := append(j.b[:0], '{')
	for i, v := range row {
		if i > 0 {
			b = append(b, ',')
		}
		col := &j.s.Columns[i]
		b = append(b, '"')
		b = append(b, col.Name...)
		b = append(b, '"', ':')
		switch {
		case !v.Known:
			b = append(b, "null"...)
		case col.Type == Int:
			b = strconv.AppendInt(b, v.Int, 10)
		case col.Type == Bool:
			b = strconv.AppendBool(b, v.Bool)
		default:
			b = quote.AppendJSON(b, v.Text, true) // browsers may be shown it too
		}
	}
	j.b = append(b, '}', '\n')
	_, err := j.w.Write(j.b)
	return err
}

func (j *jsonlWriter) Close() error { return j.w.Flush() }
