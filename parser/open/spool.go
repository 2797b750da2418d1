package open

import (
	"errors"
	"io"
	"os"

	"schedreplay/parser"
)

// spooled is a temporary file.
type spooled struct {
	f    *os.File
	size int64
	// tail is why the copy ends before its original does; nil if it does not.
	tail error
}

// spool copies r to a temporary file of bounded size.
func spool(name string, r io.Reader, o *Options) (*spooled, error) {
	f, err := os.CreateTemp(o.TempDir, "schedreplay-*")
	if err != nil {
		return nil, fileError(name, err)
	}
	s := &spooled{f: f}
	limit := o.spoolLimit()
	s.size, err = io.Copy(f, io.LimitReader(r, limit+1))
	switch {
	case s.size > limit:
		err = limitError(name, limit)
	case errors.Is(err, parser.ErrTruncated), errors.Is(err, parser.ErrDamaged):
		s.tail, err = err, nil // what was read stands
	case errors.Is(err, parser.ErrLimit):
		err = readError(name, err)
	case err != nil:
		err = fileError(name, err)
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
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
func (s *spooled) remove() error {
	if s.f == nil {
		return nil
	}
	name := s.f.Name()
	s.f.Close()
	s.f = nil
	return os.Remove(name)
}
