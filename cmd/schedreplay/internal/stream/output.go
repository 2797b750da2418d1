// Package stream has the streams of a run: input that can be interrupted, output that ends the
// run at its first error, rows printed beside the replay.
package stream

import (
	"bufio"
	"io"

	"schedreplay/export/outdir"
)

// Output is standard output: buffered, and the first error to write ends the
// command.
type Output struct {
	w    *bufio.Writer
	raw  io.Writer
	err  error
	fail func(error)
}

// NewOutput returns output to a stream; fail is told the first error.
func NewOutput(w io.Writer, fail func(error)) *Output {
	o := &Output{raw: w, fail: fail}
	o.w = bufio.NewWriterSize(rawOutput{o}, 1<<16)
	return o
}

// Write implements io.Writer. Errors end the command and are not for callers to
// handle.
func (o *Output) Write(b []byte) (int, error) { return o.w.Write(b) }

// WriteString implements io.StringWriter.
func (o *Output) WriteString(s string) (int, error) { return o.w.WriteString(s) }

// Flush writes out what is buffered and returns the first error.
func (o *Output) Flush() error {
	_ = o.w.Flush()
	return o.err
}

// rawOutput writes through to the stream and keeps the first error.
type rawOutput struct{ o *Output }

func (r rawOutput) Write(b []byte) (int, error) {
	n, err := r.o.raw.Write(b)
	if err != nil && r.o.err == nil {
		r.o.err = outdir.Wrap("standard output", err)
		r.o.fail(r.o.err)
	}
	return n, err
}
