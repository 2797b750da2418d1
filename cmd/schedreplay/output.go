package main

import (
	"bufio"
	"io"

	"schedreplay/export/outdir"
)

// output is standard output: buffered, and the first error to write ends the
// command.
type output struct {
	w    *bufio.Writer
	raw  io.Writer
	err  error
	fail func(error)
}

func newOutput(w io.Writer, fail func(error)) *output {
	o := &output{raw: w, fail: fail}
	o.w = bufio.NewWriterSize(rawOutput{o}, 1<<16)
	return o
}

// Write implements io.Writer. Errors end the command and are not for callers to
// handle.
func (o *output) Write(b []byte) (int, error) { return o.w.Write(b) }

// WriteString implements io.StringWriter.
func (o *output) WriteString(s string) (int, error) { return o.w.WriteString(s) }

func (o *output) flush() error {
	_ = o.w.Flush()
	return o.err
}

// rawOutput writes through to the stream and keeps the first error.
type rawOutput struct{ o *output }

func (r rawOutput) Write(b []byte) (int, error) {
	n, err := r.o.raw.Write(b)
	if err != nil && r.o.err == nil {
		r.o.err = outdir.Wrap("standard output", err)
		r.o.fail(r.o.err)
	}
	return n, err
}
