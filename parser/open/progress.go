package open

import (
	"context"
	"io"
	"sync/atomic"
)

// progress counts what is read of an input of known size and tells it at a
// modest rate. Through it reading ends when ctx is cancelled.
type progress struct {
	ctx        context.Context
	tell       func(done, total int64) // nil if nobody wants to know
	size       int64
	done, told atomic.Int64
}

func newProgress(ctx context.Context, tell func(done, total int64), size int64) *progress {
	return &progress{ctx: ctx, tell: tell, size: size}
}

// progressSteps is how often a pass reports at most, and progressBytes how many
// bytes at least lie between two reports.
const (
	progressSteps = 200
	progressBytes = 256 << 10
)

// begin starts to count anew.
func (p *progress) begin() {
	p.done.Store(0)
	p.told.Store(0)
}

// read notes n bytes more.
func (p *progress) read(n int) {
	if p.tell == nil || n <= 0 {
		return
	}
	done := min(p.done.Add(int64(n)), p.size)
	told := p.told.Load()
	if done-told >= max(p.size/progressSteps, progressBytes) && p.told.CompareAndSwap(told, done) {
		p.tell(done, p.size)
	}
}

// finish tells where the pass ended.
func (p *progress) finish() {
	if p.tell != nil {
		p.tell(min(p.done.Load(), p.size), p.size)
	}
}

// stream is r, counted.
func (p *progress) stream(r io.Reader) io.Reader { return &countedReader{r, p} }

// at is r, counted.
func (p *progress) at(r io.ReaderAt) io.ReaderAt { return &countedReaderAt{r, p} }

type countedReader struct {
	r io.Reader
	p *progress
}

func (c *countedReader) Read(b []byte) (int, error) {
	if c.p.ctx.Err() != nil {
		return 0, c.p.ctx.Err()
	}
	n, err := c.r.Read(b)
	c.p.read(n)
	return n, err
}

type countedReaderAt struct {
	r io.ReaderAt
	p *progress
}

func (c *countedReaderAt) ReadAt(b []byte, off int64) (int, error) {
	if c.p.ctx.Err() != nil {
		return 0, c.p.ctx.Err()
	}
	n, err := c.r.ReadAt(b, off)
	c.p.read(n)
	return n, err
}
