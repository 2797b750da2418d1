package outdir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, dir, name, text string) error {
	t.Helper()
	d, err := New(dir)
	if err != nil {
		return err
	}
	defer d.Drop()
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return d.Keep()
}

func TestDirReplacesItsOwnOnly(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "a", "out")
	for _, text := range []string{"one", "two"} {
		if err := write(t, dir, "x.csv", text); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(filepath.Join(dir, "x.csv")); string(b) != text {
			t.Errorf("x.csv holds %q, want %q", b, text)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := write(t, dir, "x.csv", "three"); !errors.Is(err, ErrForeign) {
		t.Errorf("a folder with somebody's file: %v", err)
	}
	if err := write(t, root, "x.csv", ""); !errors.Is(err, ErrForeign) {
		t.Errorf("somebody's folder: %v", err)
	}
	list, err := os.ReadDir(filepath.Dir(dir))
	if err != nil || len(list) != 1 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, keep := range []bool{false, true, true} {
		f, err := NewFile(path)
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
	if _, err := NewFile(filepath.Dir(path)); err == nil {
		t.Error("a folder in the place of a file is accepted")
	}
	if list, _ := os.ReadDir(filepath.Dir(path)); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}
