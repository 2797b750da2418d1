package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Errors that every error of this package wraps ([ErrWrite]), or some.
var (
	ErrWrite = errors.New("cannot write")
	// ErrForeign: the place holds what schedreplay did not make.
	ErrForeign = errors.New("schedreplay did not make it")
	// ErrInput: the place is, or holds, what the command reads.
	ErrInput = errors.New("it is what is read")
)

// Error says what could not be written, why, and what to do about it.
type Error struct {
	// Path is the place as the caller named it.
	Path string
	Err  error
}

func (e *Error) Error() string {
	remedy := ""
	switch {
	case errors.Is(e.Err, ErrForeign):
		remedy = "; move it away or write elsewhere"
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		remedy = "; free some space or write elsewhere"
	case errors.Is(e.Err, fs.ErrPermission), errors.Is(e.Err, syscall.EROFS), errors.Is(e.Err, syscall.ENOTDIR), errors.Is(e.Err, ErrInput):
		remedy = "; write to another place"
	}
	return fmt.Sprintf("%v %s: %v%s", ErrWrite, e.Path, e.Err, remedy)
}

// Unwrap makes every Error an [ErrWrite].
func (e *Error) Unwrap() []error { return []error{ErrWrite, e.Err} }

// Wrap makes an [Error] of an error about path, nil of nil. Names that the
// operating system adds, temporary ones among them, are left out.
func Wrap(path string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case err == nil, errors.Is(err, ErrWrite):
		return err
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return &Error{path, err}
}

// Inputs are the files and folders that a command reads.
type Inputs []fs.FileInfo

// Add adds what the paths lead to, as far as there is something.
func (in *Inputs) Add(paths ...string) {
	for _, p := range paths {
		if st, err := os.Stat(p); err == nil {
			*in = append(*in, st)
		}
	}
}

func (in Inputs) has(st fs.FileInfo) bool {
	return slices.ContainsFunc(in, func(i fs.FileInfo) bool { return os.SameFile(i, st) })
}

// spared reports an error if a path is an input or lies in one.
func (in Inputs) spared(p string) error {
	for {
		if st, err := os.Stat(p); err == nil && in.has(st) {
			return ErrInput
		}
		up := filepath.Dir(p)
		if up == p {
			return nil
		}
		p = up
	}
}

// marker is the file by which a folder is known for one of these: after a line
// of words it lists the others, slash-separated.
const marker = ".schedreplay-output"

const markerHead = "made by schedreplay, which replaces it as a whole"

// tree is a folder in the making.
type tree struct {
	name, dir, tmp string
	inputs         Inputs
	files          []string
	// once: nothing replaces it, neither now nor later.
	once bool
}

// Dir is a folder in the making, or one below it.
type Dir struct {
	*tree
	prefix string
}

// New begins a folder at path, which must be free, empty, or hold an older
// folder that this package made and nothing else.
func New(path string, inputs Inputs) (*Dir, error) { return begin(&tree{name: path, inputs: inputs}) }

// Into makes a folder at path as [New] does: it appears when fill has filled it, and not at
// all where that fails.
func Into(path string, inputs Inputs, fill func(*Dir) error) error {
	d, err := New(path, inputs)
	if err != nil {
		return err
	}
	defer d.Drop()
	if err := fill(d); err != nil {
		return err
	}
	return d.Keep()
}

// NewOnce begins a folder at path, which must be free or empty. No other takes its
// place later: what it holds cannot be made again.
func NewOnce(path string) (*Dir, error) { return begin(&tree{name: path, once: true}) }

func begin(t *tree) (*Dir, error) {
	var err error
	if t.dir, err = place(t.name); err == nil {
		if err = t.mayReplace(); err == nil {
			t.tmp, err = beside(t.dir, func(p string) error { return os.Mkdir(p, 0o777) })
		}
	}
	if err != nil {
		return nil, Wrap(t.name, err)
	}
	return &Dir{t, ""}, nil
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

// mayReplace reports why what is at the place must stay, nil if it may go.
func (t *tree) mayReplace() error {
	if err := t.inputs.spared(t.dir); err != nil {
		return err
	}
	list, err := os.ReadDir(t.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return errors.New("it is no folder; write to another place")
	case err != nil:
		return err
	case len(list) == 0:
		return nil
	case t.once:
		return errors.New("the folder exists and is not empty; write to another place")
	}
	mark, err := os.ReadFile(filepath.Join(t.dir, marker))
	lines := strings.Split(string(mark), "\n")
	if err != nil || lines[0] != markerHead {
		return fmt.Errorf("the folder exists and %w", ErrForeign)
	}
	return filepath.WalkDir(t.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.dir, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		st, err := os.Stat(p)
		switch {
		case err == nil && t.inputs.has(st):
			return fmt.Errorf("the folder holds %q: %w", rel, ErrInput)
		case rel == "." || rel == marker:
			return nil
		case d.IsDir() && slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, rel+"/") }):
			return nil
		case !d.IsDir() && slices.Contains(lines[1:], rel):
			return nil
		}
		return fmt.Errorf("the folder holds %q: %w", rel, ErrForeign)
	})
}

// Spare adds inputs that New was not told.
func (d *Dir) Spare(inputs Inputs) { d.inputs = append(d.inputs, inputs...) }

// Sub is a folder below d; it appears with d.
func (d *Dir) Sub(name string) *Dir { return &Dir{d.tree, path.Join(d.prefix, name)} }

// Name is the folder as the caller named it.
func (d *Dir) Name() string { return filepath.Join(d.name, filepath.FromSlash(d.prefix)) }

// Create makes a file of the folder; the caller closes it. name is
// slash-separated.
func (d *Dir) Create(name string) (*os.File, error) {
	name = path.Join(d.prefix, name)
	p := filepath.Join(d.tmp, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		return nil, Wrap(d.name, err)
	}
	f, err := os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return nil, Wrap(d.name, err)
	}
	d.files = append(d.files, name)
	return f, nil
}

// WriteFile makes a file of the folder with what it holds.
func (d *Dir) WriteFile(name string, b []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return Wrap(d.name, errors.Join(err, f.Close()))
}

// Keep puts the whole folder in its place. If that fails, what was there stays
// there.
func (d *Dir) Keep() error { return Wrap(d.name, d.keep()) }

func (t *tree) keep() error {
	if !t.once {
		slices.Sort(t.files)
		mark := strings.Join(append([]string{markerHead}, t.files...), "\n") + "\n"
		if err := os.WriteFile(filepath.Join(t.tmp, marker), []byte(mark), 0o666); err != nil {
			return err
		}
	}
	if err := t.mayReplace(); err != nil { // somebody may have put something there meanwhile
		return err
	}
	if _, err := os.Lstat(t.dir); err != nil {
		return rename(t.tmp, t.dir)
	}
	old := t.tmp + ".old"
	if err := rename(t.dir, old); err != nil {
		return err
	}
	if err := rename(t.tmp, t.dir); err != nil {
		return errors.Join(err, rename(old, t.dir))
	}
	_ = os.RemoveAll(old) // what is left of it is hidden and harmless
	return nil
}

// rename is os.Rename, but for tests.
var rename = os.Rename

// Drop removes what was not kept. It may be called at any time.
func (d *Dir) Drop() { _ = os.RemoveAll(d.tmp) }

// File is a file in the making.
type File struct {
	*os.File
	name, path, tmp string
}

// NewFile begins a file at path. An older file there is replaced by Keep; a
// device or a pipe is written to at once; a folder is refused, and so is an
// input.
func NewFile(path string, inputs Inputs) (*File, error) {
	f, err := newFile(path, inputs)
	return f, Wrap(path, err)
}

func newFile(path string, inputs Inputs) (*File, error) {
	abs, err := place(path)
	if err != nil {
		return nil, err
	}
	if err := inputs.spared(abs); err != nil {
		return nil, err
	}
	f := &File{name: path, path: abs}
	switch st, err := os.Stat(abs); {
	case err != nil || st.Mode().IsRegular():
	case st.IsDir():
		return nil, errors.New("it is a folder; write to another place")
	default:
		f.File, err = os.OpenFile(abs, os.O_WRONLY, 0)
		return f, err
	}
	f.tmp, err = beside(abs, func(p string) (err error) {
		f.File, err = os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
		return err
	})
	return f, err
}

// Keep closes the file and puts it in its place.
func (f *File) Keep() error {
	err := f.Close()
	if err == nil && f.tmp != "" {
		err = rename(f.tmp, f.path)
	}
	if err != nil {
		f.Drop()
	}
	return Wrap(f.name, err)
}

// Drop closes and removes what was not kept.
func (f *File) Drop() {
	_ = f.Close()
	if f.tmp != "" {
		_ = os.Remove(f.tmp)
	}
}

// IntoFile makes a file at path as [NewFile] does: it appears when fill has written it, and
// not at all where that fails.
func IntoFile(path string, inputs Inputs, fill func(*File) error) error {
	f, err := NewFile(path, inputs)
	if err != nil {
		return err
	}
	if err := fill(f); err != nil {
		f.Drop()
		return err
	}
	return f.Keep()
}

// WriteFile makes a whole file at path.
func WriteFile(path string, b []byte, inputs Inputs) error {
	return IntoFile(path, inputs, func(f *File) error {
		_, err := f.Write(b)
		return Wrap(path, err)
	})
}

// Temp makes a folder for temporary files, which the caller removes.
func Temp() (string, error) {
	dir, err := os.MkdirTemp("", "schedreplay-*")
	if e := Wrap("temporary files to "+os.TempDir(), err); e != nil {
		return "", fmt.Errorf("%w; TMPDIR names another place", e)
	}
	return dir, nil
}

// growing is the file by which a folder is known that is filled bit by bit.
const growing = ".schedreplay-fleet"

// Grow takes a folder that is filled bit by bit, over several runs: free, empty, or taken so
// before. It returns the file that marks it, which the caller closes, and its absolute path.
func Grow(path string) (*os.File, string, error) {
	abs, err := place(path)
	if err != nil {
		return nil, "", Wrap(path, err)
	}
	list, err := os.ReadDir(abs)
	mark := filepath.Join(abs, growing)
	switch _, unmarked := os.Lstat(mark); {
	case errors.Is(err, fs.ErrNotExist):
		err = os.Mkdir(abs, 0o777)
	case err == nil && len(list) > 0 && unmarked != nil:
		err = fmt.Errorf("the folder exists and %w", ErrForeign)
	}
	if err != nil {
		return nil, "", Wrap(path, err)
	}
	f, err := os.OpenFile(mark, os.O_CREATE|os.O_RDWR, 0o666)
	return f, abs, Wrap(path, err)
}
