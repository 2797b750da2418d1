package open

import (
	"errors"
	"io"
	"math"
	"os"
	"sync/atomic"

	"schedreplay/parser"
)

// rawFile is an input as stored: a file that can be read at random, and what
// a pass over it has read so far.
type rawFile struct {
	f        *os.File
	size     int64
	progress func(done, total int64)
	// files are those of a folder of perf record --threads, which its reader opens
	// itself; f is nil then.
	files []*os.File

	done, told atomic.Int64
}

// begin starts the count of a pass.
func (r *rawFile) begin() {
	r.done.Store(0)
	r.told.Store(0)
}

// progressSteps is how often a pass reports, and progressBytes how many bytes
// at least lie between two reports.
const (
	progressSteps = 200
	progressBytes = 256 << 10
)

// read notes that n bytes more were read.
func (r *rawFile) read(n int) {
	if r.progress == nil {
		return
	}
	done := min(r.done.Add(int64(n)), r.size)
	if done-r.told.Load() >= max(r.size/progressSteps, progressBytes) {
		r.told.Store(done)
		r.progress(done, r.size)
	}
}

// finish reports the end of a pass.
func (r *rawFile) finish() {
	if r.progress != nil {
		r.progress(min(r.done.Load(), r.size), r.size)
	}
}

// add takes one file of a folder.
func (r *rawFile) add(f *os.File) {
	r.files = append(r.files, f)
	if st, err := f.Stat(); err == nil {
		r.size += st.Size()
	}
}

func (r *rawFile) close() error {
	var err error
	if r.f != nil {
		err = r.f.Close()
	}
	for _, f := range r.files {
		err = errors.Join(err, f.Close())
	}
	return err
}

// all reads the bytes of the input, file by file.
func (r *rawFile) all() io.Reader {
	if r.f != nil {
		return io.NewSectionReader(r.f, 0, r.size)
	}
	var parts []io.Reader
	for _, f := range r.files {
		parts = append(parts, io.NewSectionReader(f, 0, math.MaxInt64))
	}
	return io.MultiReader(parts...)
}

// stream reads the file from its start and counts.
func (r *rawFile) stream() io.Reader {
	return &countingReader{io.NewSectionReader(r.f, 0, r.size), r}
}

type countingReader struct {
	r   io.Reader
	raw *rawFile
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.raw.read(n)
	return n, err
}

// ReadAt counts too, for readers that seek.
func (r *rawFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.f.ReadAt(p, off)
	r.read(n)
	return n, err
}

// source returns the decompressed input, and whether it is compressed.
func (r *rawFile) source(name string) (src parser.Source, packed bool, err error) {
	src.Name = name
	var magic [8]byte
	n, err := r.f.ReadAt(magic[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return src, false, fileError(name, err)
	}
	if r.size == 0 {
		return src, false, &parser.Error{File: name, Offset: -1, Err: errEmpty, Remedy: "check how it was copied"}
	}
	c := codecOf(magic[:n])
	if c == nil {
		src.Open = func() (io.ReadCloser, error) { return io.NopCloser(r.stream()), nil }
		src.At, src.Size = r, r.size
		return src, false, nil
	}
	src.Size = -1
	src.Open = func() (io.ReadCloser, error) { return c.open(r.stream()) }
	return src, true, nil
}
