package outdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a folder with some files.
func write(dir, text string, names ...string) error {
	d, err := New(dir, nil)
	if err != nil {
		return err
	}
	defer d.Drop()
	for _, n := range names {
		if err := d.WriteFile(n, []byte(text)); err != nil {
			return err
		}
	}
	return d.Keep()
}

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, text string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != text {
		t.Errorf("%s holds %q (%v), not %q", path, b, err, text)
	}
}

// alone fails if a folder holds anything but the names given.
func alone(t *testing.T, dir string, names ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("%s holds %q, not %q", dir, got, names)
	}
}

func TestDirReplacesItsOwn(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a", "b", "out")
	for _, text := range []string{"one", "two"} {
		if err := write(dir, text, "x.csv", "figures/y.svg"); err != nil {
			t.Fatal(err)
		}
		holds(t, filepath.Join(dir, "x.csv"), text)
		holds(t, filepath.Join(dir, "figures", "y.svg"), text)
	}
	if err := write(dir, "three", "z.csv"); err != nil {
		t.Fatal(err)
	}
	alone(t, dir, marker, "z.csv")
	alone(t, filepath.Dir(dir), "out")
}

func TestEmptyFolderIsTaken(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, "one", "x"); err != nil {
		t.Fatal(err)
	}
	holds(t, filepath.Join(dir, "x"), "one")
}

func TestForeignFolderStays(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"a folder of somebody's": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, "mine"), nil, 0o666))
		},
		"a wrong marker": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, marker), []byte("something\n"), 0o666))
		},
		"an output with notes in it": func(dir string) error {
			return errors.Join(write(dir, "", "x"), os.WriteFile(filepath.Join(dir, "notes"), []byte("mine"), 0o666))
		},
		"an output with a figure in it": func(dir string) error {
			return errors.Join(write(dir, "", "figures/x"), os.WriteFile(filepath.Join(dir, "figures", "mine"), nil, 0o666))
		},
		"an output with a folder in it": func(dir string) error {
			return errors.Join(write(dir, "", "x"), os.Mkdir(filepath.Join(dir, "mine"), 0o777))
		},
		"a file": func(dir string) error { return os.WriteFile(dir, nil, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "out")
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			err := write(dir, "", "x")
			if !errors.Is(err, ErrWrite) || name != "a file" && !errors.Is(err, ErrForeign) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "elsewhere") && name != "a file" {
				t.Errorf("error %q", err)
			}
			alone(t, root, "out")
		})
	}
}

// An older folder stays when the new one is dropped, fails, or cannot take its
// place.
func TestOlderFolderStays(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "out")
	if err := write(dir, "old", "x"); err != nil {
		t.Fatal(err)
	}
	d, err := New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Drop()
	d.Drop()
	holds(t, filepath.Join(dir, "x"), "old")

	// The second rename fails: the first is undone.
	defer func() { rename = os.Rename }()
	rename = func(from, to string) error {
		if to == dir && !strings.HasSuffix(from, ".old") {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrPermission}
		}
		return os.Rename(from, to)
	}
	if err := write(dir, "new", "x"); !errors.Is(err, ErrWrite) {
		t.Errorf("error %v", err)
	}
	holds(t, filepath.Join(dir, "x"), "old")
	alone(t, root, "out")
}

// Nothing is written over an input: not the file, nor by a link to it, nor the
// folder it lies in, nor a file in a bundle's folder.
func TestInputsAreSpared(t *testing.T) {
	root := t.TempDir()
	at := func(name string) string { return filepath.Join(root, name) }
	mustWrite(t, at("in"), "capture")
	mustWrite(t, at("host/cpuinfo"), "bundle")
	if err := write(at("ours"), "copy", "perf.data", "host.tar.gz"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(at("in"), at("soft")), os.Link(at("in"), at("hard")), os.Symlink(at("ours"), at("link"))); err != nil {
		t.Skip(err)
	}
	var inputs Inputs
	inputs.Add(at("in"), at("host"), at("ours/perf.data"), at("nothing"))
	for _, p := range []string{"in", "soft", "hard", "host", "host/cpuinfo", "host/new", "ours/perf.data"} {
		if err := WriteFile(at(p), []byte("new"), inputs); !errors.Is(err, ErrWrite) || p != "host" && !errors.Is(err, ErrInput) {
			t.Errorf("file %s: %v", p, err)
		}
	}
	for _, p := range []string{"in", "soft", "host", "host/new", "ours", "link"} {
		d, err := New(at(p), inputs)
		if err == nil {
			d.Drop()
		}
		if !errors.Is(err, ErrWrite) {
			t.Errorf("folder %s: %v", p, err)
		}
	}
	// An input that is told later is spared too.
	d, err := New(at("ours"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Drop()
	d.Spare(inputs)
	if err := d.Keep(); !errors.Is(err, ErrInput) {
		t.Errorf("told later: %v", err)
	}
	holds(t, at("in"), "capture")
	holds(t, at("host/cpuinfo"), "bundle")
	holds(t, at("ours/perf.data"), "copy")
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, keep := range []bool{false, true, true} {
		f, err := NewFile(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !keep {
			f.Drop()
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a dropped file is there: %v", err)
			}
			continue
		}
		if err := f.Keep(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewFile(filepath.Dir(path), nil); !errors.Is(err, ErrWrite) {
		t.Errorf("a folder in the place of a file: %v", err)
	}
	if _, err := NewFile(filepath.Join(path, "below"), nil); !errors.Is(err, ErrWrite) || !strings.Contains(err.Error(), "another place") {
		t.Errorf("below a file: %v", err)
	}
	alone(t, filepath.Dir(path), "f")
}

func TestTemp(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	if _, err := Temp(); !errors.Is(err, ErrWrite) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("error %v", err)
	}
}

// Whatever a folder and its marker hold, what is not listed there survives.
func FuzzMayReplace(f *testing.F) {
	f.Add(markerHead+"\nx\nfigures/y\n", "x", "mine")
	f.Add("x\n", "x", "figures/z")
	f.Add(markerHead+"\n../x\n", "..x", "y")
	if _, err := os.Stat("/dev/shm"); err == nil {
		f.Setenv("TMPDIR", "/dev/shm") // ten times as fast as a disk
	}
	f.Fuzz(func(t *testing.T, mark, a, b string) {
		dir := filepath.Join(t.TempDir(), "out")
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, marker), []byte(mark), 0o666); err != nil {
			t.Fatal(err)
		}
		listed := true
		for _, n := range []string{a, b} {
			if n = filepath.Join("/", n); !filepath.IsLocal(n[1:]) || os.MkdirAll(filepath.Dir(dir+n), 0o777) != nil || os.WriteFile(dir+n, []byte("mine"), 0o666) != nil {
				return
			}
			listed = listed && strings.Contains(mark, filepath.ToSlash(n[1:]))
		}
		if err := write(dir, "new", "new"); err == nil && !listed {
			t.Errorf("replaced with %q and %q in it, by the marker %q", a, b, mark)
		}
	})
}

// What cannot be made again is never replaced, not even by its own maker.
func TestOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recording")
	d, err := NewOnce(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Drop()
	if err := errors.Join(d.WriteFile("perf.data", []byte("events")), d.Keep()); err != nil {
		t.Fatal(err)
	}
	if _, err := NewOnce(dir); !errors.Is(err, ErrWrite) || !strings.Contains(err.Error(), "another place") {
		t.Errorf("a second recording: %v", err)
	}
	if err := write(dir, "report", "report.html"); !errors.Is(err, ErrForeign) {
		t.Errorf("a report in its place: %v", err)
	}
	alone(t, dir, "perf.data")
	holds(t, filepath.Join(dir, "perf.data"), "events")
}
