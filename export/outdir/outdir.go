// Package outdir makes what a command leaves behind appear whole or not at
// all: files and folders are written beside their place and take it in the end.
package outdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrForeign is wrapped by the error about a place that holds something else
// than an older output of the same kind.
var ErrForeign = errors.New("schedreplay did not make it")

// marker is the file by which a folder is known for one of these; it lists the
// others.
const marker = ".schedreplay-output"

// Dir is a folder in the making.
type Dir struct {
	dir, tmp string
	files    []string
}

// New begins a folder at path, which must be free or hold an older folder that
// this package made and nothing else.
func New(path string) (*Dir, error) {
	abs, err := place(path)
	if err != nil {
		return nil, err
	}
	if err := mayReplaceDir(abs); err != nil {
		return nil, err
	}
	tmp, err := beside(abs, func(p string) error { return os.Mkdir(p, 0o777) })
	if err != nil {
		return nil, err
	}
	return &Dir{dir: abs, tmp: tmp}, nil
}

// place is the absolute path of what a path leads to, with its parents made.
func place(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real // replace what a link leads to, not the link
	}
	return abs, os.MkdirAll(filepath.Dir(abs), 0o777)
}

// beside makes something with a free hidden name in the same folder.
func beside(path string, make func(string) error) (string, error) {
	for i := 0; ; i++ {
		p := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.tmp-%d-%d", filepath.Base(path), os.Getpid(), i))
		err := make(p)
		if err == nil || !errors.Is(err, os.ErrExist) || i == 1000 {
			return p, err
		}
	}
}

func mayReplaceDir(dir string) error {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(list) == 0:
		return nil
	}
	mark, err := os.ReadFile(filepath.Join(dir, marker))
	if err != nil {
		return fmt.Errorf("the folder exists and %w; name another with -o", ErrForeign)
	}
	ours := strings.Split(string(mark), "\n")
	for _, e := range list {
		if e.Name() != marker && !slices.Contains(ours, e.Name()) {
			return fmt.Errorf("the folder holds %q: %w; move it away or name another with -o", e.Name(), ErrForeign)
		}
	}
	return nil
}

// Create makes a file of the folder; the caller closes it.
func (d *Dir) Create(name string) (*os.File, error) {
	d.files = append(d.files, name)
	return os.OpenFile(filepath.Join(d.tmp, name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
}

// Keep puts the folder in its place.
func (d *Dir) Keep() error {
	slices.Sort(d.files)
	if err := os.WriteFile(filepath.Join(d.tmp, marker), []byte(strings.Join(d.files, "\n")+"\n"), 0o666); err != nil {
		return err
	}
	if err := mayReplaceDir(d.dir); err != nil {
		return err
	}
	if _, err := os.Stat(d.dir); err == nil {
		old := d.tmp + ".old"
		if err := os.Rename(d.dir, old); err != nil {
			return err
		}
		defer os.RemoveAll(old)
		if err := os.Rename(d.tmp, d.dir); err != nil {
			return errors.Join(err, os.Rename(old, d.dir))
		}
		return nil
	}
	return os.Rename(d.tmp, d.dir)
}

// Drop removes what was not kept.
func (d *Dir) Drop() { _ = os.RemoveAll(d.tmp) }

// File is a file in the making.
type File struct {
	*os.File
	path, tmp string
}

// NewFile begins a file at path. An older file there is replaced by Keep; a
// folder or anything else that is no regular file is refused.
func NewFile(path string) (*File, error) {
	abs, err := place(path)
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(abs); err == nil && !st.Mode().IsRegular() {
		return nil, errors.New("it exists and is no file; name another with -o")
	}
	var f *os.File
	tmp, err := beside(abs, func(p string) (err error) {
		f, err = os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &File{f, abs, tmp}, nil
}

// Keep closes the file and puts it in its place.
func (f *File) Keep() error {
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.tmp, f.path)
}

// Drop closes and removes what was not kept.
func (f *File) Drop() {
	_ = f.Close()
	_ = os.Remove(f.tmp)
}
