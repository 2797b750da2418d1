package table

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"schedreplay/parser"
)

// csvWriter writes CSV (RFC 4180, with a line feed for line end).
type csvWriter struct {
	w *bufio.Writer
	b []byte
	s *Schema
}

func newCSV(w io.Writer, s *Schema) (*csvWriter, error) {
	c := &csvWriter{w: bufio.NewWriterSize(w, 1<<16), s: s}
	for i, col := range s.Columns {
		if i > 0 {
			c.b = append(c.b, ',')
		}
		c.b = append(c.b, col.Name...)
	}
	_, err := c.w.Write(append(c.b, '\n'))
	return c, err
}

func (c *csvWriter) Write(row []Value) error {
	c.b = c.b[:0]
	for i, v := range row {
		if i > 0 {
			c.b = append(c.b, ',')
		}
		if !v.Known {
			continue
		}
		switch c.s.Columns[i].Type {
		case Int:
			c.b = strconv.AppendInt(c.b, v.Int, 10)
		case Bool:
			c.b = strconv.AppendBool(c.b, v.Bool)
		case Word:
			c.b = appendCell(c.b, v.Text)
		case Name:
			c.b = appendCell(c.b, parser.CellComm(v.Text))
		}
	}
	_, err := c.w.Write(append(c.b, '\n'))
	return err
}

func (c *csvWriter) Close() error { return c.w.Flush() }

// appendCell quotes where that is needed.
func appendCell(b []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\n\r") && strings.Trim(s, " ") == s {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}
