package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func emptyReport(t *testing.T, dir string) error {
	t.Helper()
	r, err := NewReport(dir, testOptions)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Write(bare().res)
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

func TestFolderIsReplacedIfOurs(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "report")
	for range 2 {
		if err := emptyReport(t, dir); err != nil {
			t.Fatal(err)
		}
		alone(t, parent, "report")
	}
}

func TestFolderIsMadeWithItsParents(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "report")
	if err := emptyReport(t, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "report.md")); err != nil {
		t.Error(err)
	}
}

func TestFolderThatIsNotOurs(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"a folder of somebody's": func(dir string) error { return os.Mkdir(dir, 0o777) },
		"a file":                 func(dir string) error { return os.WriteFile(dir, nil, 0o666) },
		"a wrong marker": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o777), os.WriteFile(filepath.Join(dir, marker), []byte("something\n"), 0o666))
		},
		"a report with notes in it": func(dir string) error {
			return errors.Join(emptyReport(t, dir), os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("mine"), 0o666))
		},
		"a report with a figure in it": func(dir string) error {
			return errors.Join(emptyReport(t, dir), os.MkdirAll(filepath.Join(dir, "figures"), 0o777), os.WriteFile(filepath.Join(dir, "figures", "mine.png"), nil, 0o666))
		},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			dir := filepath.Join(parent, "report")
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			err := emptyReport(t, dir)
			if !errors.Is(err, ErrWrite) {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), dir) {
				t.Errorf("error %q", err)
			}
			alone(t, parent, "report")
		})
	}
}

func TestFolderBelowAFile(t *testing.T) {
	parent := t.TempDir()
	if err := os.WriteFile(filepath.Join(parent, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := emptyReport(t, filepath.Join(parent, "file", "report")); !errors.Is(err, ErrWrite) {
		t.Errorf("error %v", err)
	}
	alone(t, parent, "file")
}

// A disk that fills up while the tables stream is told by Err and by Write, and
// leaves nothing.
func TestWriteFails(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "report")
	r, err := NewReport(dir, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	// What the kernel would say of a full disk comes from a closed file here.
	if err := r.tables.runs.f.Close(); err != nil {
		t.Fatal(err)
	}
	s := build(incidentSpec())
	for range 20 { // more than the buffers hold
		s.play(r.Observer())
	}
	if !errors.Is(r.Err(), ErrWrite) {
		t.Errorf("Err: %v", r.Err())
	}
	if err := r.Write(s.res); !errors.Is(err, ErrWrite) {
		t.Errorf("Write: %v", err)
	}
	alone(t, parent)
	if err := r.Write(s.res); err == nil {
		t.Error("a closed report was written")
	}
}

// An older report stays when the new one fails or is abandoned.
func TestAbandonedReport(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "report")
	if err := emptyReport(t, dir); err != nil {
		t.Fatal(err)
	}
	r, err := NewReport(dir, testOptions)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	r.Close()
	alone(t, parent, "report")
	if _, err := os.Stat(filepath.Join(dir, "report.md")); err != nil {
		t.Error(err)
	}
}
