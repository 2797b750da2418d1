package report

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrWrite is wrapped by every error about a report folder that cannot be
// written: no room, no permission, or a folder that is not schedreplay's to
// replace.
var ErrWrite = errors.New("cannot write the report")

// marker is the file by which a report folder is known for one; it lists the
// others.
const marker = ".schedreplay-report"

// markerHead is its first line.
const markerHead = "schedreplay report; replaced as a whole by the next one"

// folder is a report folder in the making: a temporary one beside the final
// place, which takes that place in the end or vanishes.
type folder struct {
	dir, tmp string
	files    []string
}

// newFolder makes the temporary folder, after making sure that the final place
// is free or holds an older report and nothing else.
func newFolder(dir string) (*folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, writeError(dir, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real // replace what a link leads to, not the link
	}
	if err := mayReplace(abs); err != nil {
		return nil, writeError(dir, err)
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o777); err != nil {
		return nil, writeError(dir, err)
	}
	tmp, err := makeBeside(abs, "tmp")
	if err != nil {
		return nil, writeError(dir, err)
	}
	return &folder{dir: abs, tmp: tmp}, nil
}

// makeBeside makes a hidden folder beside dir, with the permissions that folders
// have there: os.MkdirTemp would make one for secrets.
func makeBeside(dir, what string) (string, error) {
	for i := 0; ; i++ {
		path := filepath.Join(filepath.Dir(dir), fmt.Sprintf(".%s.%s-%d-%d", filepath.Base(dir), what, os.Getpid(), i))
		err := os.Mkdir(path, 0o777)
		if err == nil || !errors.Is(err, fs.ErrExist) || i == 1000 {
			return path, err
		}
	}
}

// refusal is why an existing folder must stay.
type refusal string

func (r refusal) Error() string { return string(r) }

// writeError says in one line what is wrong, without the temporary names that
// nobody asked for.
func writeError(dir string, err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err
	}
	if l := (*os.LinkError)(nil); errors.As(err, &l) {
		err = l.Err
	}
	remedy := "make room or name another folder with -o"
	if errors.Is(err, fs.ErrPermission) {
		remedy = "name another folder with -o"
	}
	if r := refusal(""); errors.As(err, &r) {
		remedy = "move it away or name another folder with -o"
	}
	return fmt.Errorf("%w to %s: %w; %s", ErrWrite, dir, err, remedy)
}

// mayReplace reports why a folder must not be replaced, nil if it may.
func mayReplace(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return refusal("there is a file of that name")
	}
	f, err := os.Open(filepath.Join(dir, marker))
	if errors.Is(err, fs.ErrNotExist) {
		return refusal("the folder exists and schedreplay did not make it")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	ours := map[string]bool{marker: true, ".": true}
	sc := bufio.NewScanner(f)
	if !sc.Scan() || sc.Text() != markerHead {
		return refusal("the folder exists and its " + marker + " is not schedreplay's")
	}
	for sc.Scan() {
		ours[filepath.FromSlash(sc.Text())] = true
	}
	if err := sc.Err(); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !ours[rel] && !(d.IsDir() && rel == "figures") {
			return refusal(fmt.Sprintf("the folder holds %q, which schedreplay did not write", rel))
		}
		return nil
	})
}

// create opens a new file of the report for writing; name is slash-separated.
func (f *folder) create(name string) (*os.File, error) {
	path := filepath.Join(f.tmp, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		f.files = append(f.files, name)
	}
	return file, err
}

// write writes a whole file.
func (f *folder) write(name string, b []byte) error {
	file, err := f.create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	return errors.Join(err, file.Close())
}

// commit puts the folder in its place.
func (f *folder) commit() error {
	slices.Sort(f.files)
	files := f.files
	if err := f.write(marker, []byte(markerHead+"\n"+strings.Join(files, "\n")+"\n")); err != nil {
		return err
	}
	// Somebody may have put something there meanwhile.
	if err := mayReplace(f.dir); err != nil {
		return err
	}
	old := ""
	if _, err := os.Lstat(f.dir); err == nil {
		var err error
		if old, err = makeBeside(f.dir, "old"); err != nil {
			return err
		}
		if err := os.Rename(f.dir, filepath.Join(old, "report")); err != nil {
			os.Remove(old)
			return err
		}
	}
	if err := os.Rename(f.tmp, f.dir); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(filepath.Join(old, "report"), f.dir))
			os.Remove(old)
		}
		return err
	}
	if old != "" {
		os.RemoveAll(old) // what is left of it is hidden and harmless
	}
	f.tmp = ""
	return nil
}

// discard removes what was written, unless it was committed.
func (f *folder) discard() {
	if f.tmp != "" {
		os.RemoveAll(f.tmp)
		f.tmp = ""
	}
}
