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
	// state is how each of them was when it was opened; empty for a copy of our own.
	state []os.FileInfo
}

// newRaw takes one file as it is now.
func newRaw(f *os.File, st os.FileInfo) *rawFile {
	return &rawFile{f: f, size: st.Size(), state: []os.FileInfo{st}}
}

// add takes one file of a folder, which it closes from now on.
func (r *rawFile) add(f *os.File) error {
	r.files = append(r.files, f)
	st, err := f.Stat()
	if err != nil {
		return err
	}
	r.state = append(r.state, st)
	r.size += st.Size()
	return nil
}

// changed returns an error if a file was written to since it was opened.
func (r *rawFile) changed(name string) error {
	files := r.files
	if r.f != nil {
		files = []*os.File{r.f}
	}
	for i, was := range r.state {
		is, err := files[i].Stat()
		if err != nil {
			return fileError(name, err)
		}
		if is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime()) {
			return refuse(name, "stop what writes it, or give a copy", "%w", parser.ErrChanged)
		}
	}
	return nil
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
