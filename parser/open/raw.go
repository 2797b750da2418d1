package open

import (
	"errors"
	"io"
	"math"
	"os"

	"schedreplay/parser"
)

// rawFile is an input as stored.
type rawFile struct {
	f    *os.File
	size int64
	// files are those of a folder of perf record --threads, which its reader opens
	// itself; f is nil then.
	files []*os.File
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

// source returns the decompressed input, and whether it is compressed.
func (r *rawFile) source(name string, p *progress) (src parser.Source, packed bool, err error) {
	src.Name = name
	if r.size == 0 {
		return src, false, errEmpty(name)
	}
	var magic [8]byte
	n, err := r.f.ReadAt(magic[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return src, false, fileError(name, err)
	}
	c := codecOf(magic[:n])
	if c == nil {
		src.Open = func() (io.ReadCloser, error) { return io.NopCloser(p.stream(r.all())), nil }
		src.At, src.Size = p.at(r.f), r.size
		return src, false, nil
	}
	src.Size = -1
	src.Open = func() (io.ReadCloser, error) { return c.open(p.stream(r.all())) }
	return src, true, nil
}
