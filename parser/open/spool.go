package open

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"

	"schedreplay/parser"
)

// spooled is a temporary file.
type spooled struct {
	f    *os.File
	temp parser.Temp
	size int64
	// tail is why the copy ends before its original does; nil if it does not.
	tail error
}

// spool copies r to a temporary file of bounded size.
func spool(name string, r io.Reader, o *Options) (*spooled, error) {
	f, err := o.Temp.Create()
	if err != nil {
		return nil, err
	}
	s := &spooled{f: f, temp: o.Temp}
	if err := s.fill(name, r); err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

// fill copies r. What was read before damage stands.
func (s *spooled) fill(name string, r io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := r.Read(buf)
		if werr := s.temp.Write(s.f, s.size, buf[:n]); werr != nil {
			return werr
		}
		s.size += int64(n)
		switch {
		case err == nil:
		case errors.Is(err, parser.ErrTruncated), errors.Is(err, parser.ErrDamaged):
			s.tail = err
			return nil
		case errors.Is(err, parser.ErrLimit):
			return readError(name, err)
		case errors.Is(err, io.EOF):
			return nil
		default:
			return fileError(name, err)
		}
	}
}

// spoolSource copies the decompressed bytes of src to a temporary file.
func spoolSource(src parser.Source, o *Options) (*spooled, error) {
	r, err := src.Open()
	if err != nil {
		return nil, readError(src.Name, err)
	}
	defer r.Close()
	return spool(src.Name, r, o)
}

// remove closes and deletes the file. It may be called twice.
func (s *spooled) remove() {
	if s.f != nil {
		s.temp.Remove(s.f)
		s.f = nil
	}
}

// probeBytes is how much of a stream is looked at before it is copied: more than
// detection reads of a text.
const probeBytes = 1 << 20

// probe refuses a stream that begins like nothing that can be read. head is its
// beginning, all of it if whole is true.
func probe(name string, head []byte, whole bool) error {
	if whole {
		return nil // it is looked at in a moment
	}
	short := false
	src := parser.Source{Name: name, Size: -1, Open: func() (io.ReadCloser, error) {
		r := io.MultiReader(bytes.NewReader(head), readerFunc(func([]byte) (int, error) {
			short = true
			return 0, io.ErrUnexpectedEOF
		}))
		if c := codecOf(head); c != nil {
			return c.open(r)
		}
		return io.NopCloser(r), nil
	}}
	if _, err := detect(src); err != nil && !short && !errors.Is(err, errTar) {
		return err
	}
	return nil
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// interruptible is r until ctx is cancelled, also while a read waits for bytes that
// may never come.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	type result struct {
		n   int
		err error
	}
	buf := make([]byte, 256<<10)
	var have []byte
	var failed error
	done := make(chan result, 1)
	return readerFunc(func(p []byte) (int, error) {
		if len(have) == 0 && failed == nil {
			go func() {
				n, err := r.Read(buf)
				done <- result{n, err}
			}()
			select {
			case <-ctx.Done():
				// The read may go on into buf, which nobody looks at any more.
				have, failed = nil, ctx.Err()
			case got := <-done:
				have, failed = buf[:got.n], got.err
			}
		}
		n := copy(p, have)
		if have = have[n:]; len(have) > 0 {
			return n, nil
		}
		return n, failed
	})
}
