package tracedat

import (
	"bytes"
	"io"

	"schedreplay/parser"
)

// memory makes a source of bytes.
func memory(name string, b []byte) parser.Source {
	return parser.Source{
		Name: name, At: bytes.NewReader(b), Size: int64(len(b)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil },
	}
}
