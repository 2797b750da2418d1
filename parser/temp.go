package parser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrTemp: a temporary file cannot be made or written.
var ErrTemp = errors.New("no room for temporary files")

// DefaultTempLimit is the most that one temporary file holds unless it is said
// otherwise: 4 GiB, room for any capture that a person records.
const DefaultTempLimit = 4 << 30

// Temp says where temporary files go and how large each may grow. The zero value is
// good.
type Temp struct {
	// Dir is the folder, empty for the system's (TMPDIR, else /tmp).
	Dir string
	// Limit is the largest size in bytes, 0 for DefaultTempLimit.
	Limit int64
}

// spareSpace is what temporary files leave to others on their disk, in bytes; it is
// looked at whenever as much was written again as lookEvery.
const (
	spareSpace = 64 << 20
	lookEvery  = 16 << 20
)

// Folder is where the files go.
func (t Temp) Folder() string {
	if t.Dir != "" {
		return t.Dir
	}
	return os.TempDir()
}

// Create makes a temporary file that has no name where a file can be removed while
// open: nothing is left behind then, however the process ends. [Temp.Remove] is for
// the rest.
func (t Temp) Create() (*os.File, error) {
	f, err := os.CreateTemp(t.Folder(), "schedreplay-*")
	if err != nil {
		return nil, t.fail(err)
	}
	_ = os.Remove(f.Name())
	return f, nil
}

// Remove closes and removes a file that Create made.
func (t Temp) Remove(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name()) // gone already but on systems that keep open files
}

// Write appends b to a file that holds size bytes. Its errors wrap [ErrLimit], beyond
// Limit, or [ErrTemp].
func (t Temp) Write(f *os.File, size int64, b []byte) error {
	limit := t.Limit
	if limit <= 0 {
		limit = DefaultTempLimit
	}
	if size+int64(len(b)) > limit {
		return &Error{
			File: t.Folder(), Offset: -1, Err: fmt.Errorf("%w: a temporary copy there would exceed %d bytes", ErrLimit, limit),
			Remedy: "decompress the capture to a file and name that, or allow more with --temp-limit",
		}
	}
	if size/lookEvery != (size+int64(len(b)))/lookEvery {
		if free, ok := freeSpace(t.Folder()); ok && free < spareSpace {
			return t.fail(fmt.Errorf("less than %d MiB are free", spareSpace>>20))
		}
	}
	if _, err := f.WriteAt(b, size); err != nil {
		return t.fail(err)
	}
	return nil
}

// fail says what is wrong with the folder.
func (t Temp) fail(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &Error{
		File: t.Folder(), Offset: -1, Err: fmt.Errorf("%w: %w", ErrTemp, err), Remedy: "set TMPDIR to a folder with room for a copy of the capture",
	}
}
