package perfdata

import (
	"errors"
	"io"
	"os"

	"schedreplay/parser"
)

// spoolInMemory is how many bytes a spool holds before it takes to disk.
const spoolInMemory = 8 << 20

// spool keeps streams that can be read only once, one behind the other, for
// reading at random: in memory while small, then in a temporary file.
type spool struct {
	mem   []byte // all of it, or what is not yet in file
	file  *os.File
	inFil int64
	temp  parser.Temp
}

// Write appends p.
func (s *spool) Write(p []byte) (int, error) {
	s.mem = append(s.mem, p...)
	if s.file == nil && len(s.mem) <= spoolInMemory {
		return len(p), nil
	}
	if len(s.mem) >= 1<<20 {
		if err := s.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

func (s *spool) size() int64 { return s.inFil + int64(len(s.mem)) }

// flush moves what is in memory to the file.
func (s *spool) flush() error {
	if s.file == nil {
		f, err := s.temp.Create()
		if err != nil {
			return err
		}
		s.file = f
	}
	if err := s.temp.Write(s.file, s.inFil, s.mem); err != nil {
		return err
	}
	s.inFil += int64(len(s.mem))
	s.mem = s.mem[:0]
	return nil
}

// ReadAt reads what was written. Writing must be over.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < s.inFil {
		k := min(int64(len(p)), s.inFil-off)
		got, err := s.file.ReadAt(p[:k], off)
		if n += got; err != nil && !(errors.Is(err, io.EOF) && int64(got) == k) {
			return n, err
		}
		off += k
	}
	if n < len(p) && off-s.inFil < int64(len(s.mem)) {
		n += copy(p[n:], s.mem[off-s.inFil:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close gives everything back.
func (s *spool) Close() error {
	s.mem = nil
	if s.file == nil {
		return nil
	}
	s.temp.Remove(s.file)
	s.file = nil
	return nil
}
