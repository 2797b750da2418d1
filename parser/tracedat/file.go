package tracedat

import (
	"bytes"
	"cmp"
	"errors"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// File is a trace.dat file as it lies: what stands around the pages of its ring
// buffers, and the pages.
type File struct {
	Preamble tep.Preamble
	Page     tep.HeaderPage
	Table    *tep.Table
	// Pieces are the header page, the event formats and the cached names as written,
	// by the ids that their sections have in version 7.
	Pieces map[uint16][]byte
	// Options are those that [New] reads, in order; BUFFER is in Buffers.
	Options []Option
	Buffers []Buffer
	// Cut says why data at the end is missing, nil if none is.
	Cut error

	c *capture
}

// Option is one option and its id.
type Option struct {
	ID   uint16
	Body []byte
}

// Buffer is a ring buffer: the main one, whose name is empty, or an instance.
type Buffer struct {
	Name, Clock string
	PageSize    int
	CPUs        []int // those with data
	Text        bool  // a latency trace: text, no pages
}

// ReadFile reads what stands around the pages. Its errors are those of [New].
func ReadFile(src parser.Source) (*File, error) {
	c := newCapture(src)
	c.pieces = map[uint16][]byte{}
	if err := c.read(); err != nil {
		return nil, err
	}
	f := &File{Preamble: c.pre, Page: c.page, Table: c.table, Pieces: c.pieces, Options: c.kept, Cut: c.cut, c: c}
	for _, b := range c.buffers {
		x := Buffer{Name: b.name, Clock: cmp.Or(b.clock, c.opts.clock), PageSize: b.pageSize, Text: b.text}
		for _, d := range b.cpus {
			x.CPUs = append(x.CPUs, d.cpu)
		}
		f.Buffers = append(f.Buffers, x)
	}
	return f, nil
}

// Pages calls do with each page of the i-th CPU with data of a buffer. missing is
// the number of bytes behind a damaged place, or that the file lacks.
func (f *File) Pages(buffer, i int, do func(page []byte)) (missing int64, err error) {
	p := newPass(f.c, f.c.buffers[buffer])
	if p.unpack != nil {
		defer p.unpack.close()
	}
	s := p.cpus[i]
	for {
		page, _, err := s.page()
		switch {
		case err == io.EOF:
			return 0, nil
		case errors.Is(err, parser.ErrTruncated), errors.Is(err, parser.ErrDamaged), errors.Is(err, parser.ErrLimit):
			return max(s.end-s.next, 1), nil
		case err != nil:
			return 0, err
		}
		do(page)
	}
}

// piece notes a part of a version 6 file.
func (c *capture) piece(id uint16, from, to int64) error {
	if c.pieces == nil {
		return nil
	}
	b, err := io.ReadAll(io.NewSectionReader(c.src.At, from, to-from))
	c.pieces[id] = b
	return err
}

// copied reads a section of a version 7 file, and notes what it holds.
func (c *capture) copied(id uint16, r io.Reader, read func(*tep.Reader) error) error {
	if c.pieces == nil {
		return read(tep.NewSection(c.pre, r))
	}
	b, err := io.ReadAll(r)
	c.pieces[id] = b
	if err != nil {
		return err
	}
	return read(tep.NewSection(c.pre, bytes.NewReader(b)))
}
