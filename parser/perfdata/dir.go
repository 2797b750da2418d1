package perfdata

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"schedreplay/parser"
)

// maxDirFiles bounds the number of files of a folder: one for each CPU.
const maxDirFiles = 8192

// NewDir opens a folder that perf record --threads wrote: the file data, as
// [New] reads it, and data.0, data.1 … with the records of one ring buffer
// each. read, if not nil, stands between the reader and each of them. Errors are those
// of New; the files stay open until Close.
func NewDir(dir string, temp parser.Temp, read func(io.ReaderAt) io.ReaderAt) (parser.Capture, error) {
	if read == nil {
		read = func(r io.ReaderAt) io.ReaderAt { return r }
	}
	c := newCapture(dir)
	if err := c.openDir(dir, temp, read); err != nil {
		_ = c.Close()
		return nil, asError(dir, err)
	}
	return c, nil
}

// IsDir reports whether a folder looks like one that perf record --threads
// wrote.
func IsDir(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "data"))
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, len(magicLittle))
	if _, err := io.ReadFull(f, magic); err != nil {
		return false
	}
	return string(magic) == magicLittle || string(magic) == magicBig
}

func (c *capture) openDir(dir string, temp parser.Temp, read func(io.ReaderAt) io.ReaderAt) error {
	name := filepath.Join(dir, "data")
	f, size, err := c.openPart(name)
	if err != nil {
		return err
	}
	main := read(f)
	src := parser.Source{
		Name: name, At: main, Size: size, Temp: temp,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(main, 0, size)), nil },
	}
	parts, err := dirParts(dir)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		c.feat.notes = append(c.feat.notes, "the folder has no data.N files beside data: the records of its threads are missing")
	}
	// open ends with finish, which needs the records of all files: so the
	// parts are walked from there.
	c.rest = func() error {
		for _, part := range parts {
			f, size, err := c.openPart(part)
			if err != nil {
				return err
			}
			at := read(f)
			s := scan{c: c, file: part, outer: &store{at}}
			if _, err := s.run(io.NewSectionReader(at, 0, size), 0); err != nil {
				return err
			}
		}
		return nil
	}
	return c.open(src)
}

func (c *capture) openPart(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("cannot open: %w", err)
	}
	c.closers = append(c.closers, f)
	info, err := f.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("cannot open: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%w: %s is not a plain file", parser.ErrUnsupported, name)
	}
	return f, info.Size(), nil
}

// dirParts lists data.N in ascending order of N.
func dirParts(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list: %w", err)
	}
	var nums []int
	for _, e := range entries {
		num, ok := strings.CutPrefix(e.Name(), "data.")
		if n, err := strconv.ParseUint(num, 10, 31); ok && err == nil && n < math.MaxInt32 && strconv.FormatUint(n, 10) == num {
			nums = append(nums, int(n))
		}
	}
	if len(nums) > maxDirFiles {
		return nil, fmt.Errorf("%w: %d files", parser.ErrLimit, len(nums))
	}
	slices.Sort(nums)
	parts := make([]string, len(nums))
	for i, n := range nums {
		parts[i] = filepath.Join(dir, "data."+strconv.Itoa(n))
	}
	return parts, nil
}
