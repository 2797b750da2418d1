package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"schedreplay": main})
}

// The scripts of testdata/script run the binary itself. $TRACES is the folder of
// the real captures, $SMALL one with the beginning of one of them, for what does
// not depend on how the story goes on, $ENTRY another that holds the incident's
// entry. Beside testscript's own commands they know:
//
//	status N PROGRAM ARG…   the program exits with status N
//	oneline stderr          there is exactly one line on standard error
//	width N FILE            no line of the file has more than N characters
func TestScripts(t *testing.T) {
	traces, err := filepath.Abs(filepath.Join("..", "..", "testdata", "traces"))
	if err != nil {
		t.Fatal(err)
	}
	small := smallCapture(t, filepath.Join(traces, "smt8-isolated3-original"))
	entry := smallCapture(t, filepath.Join(traces, "smt44-isolated43-original"))
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			tmp := filepath.Join(e.WorkDir, ".tmp")
			e.Setenv("TRACES", traces)
			e.Setenv("SMALL", small)
			e.Setenv("ENTRY", entry)
			e.Setenv("TMPDIR", tmp)
			return os.MkdirAll(tmp, 0o777)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "oneline": oneline, "width": width,
		},
	})
}

// smallCapture makes a folder with the first events of a capture, whole lines,
// and its bundle.
func smallCapture(t *testing.T, from string) string {
	const lines = 1200
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(from, "ftrace.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	sc := bufio.NewScanner(z)
	for n := 0; n < lines && sc.Scan(); n++ {
		text = append(append(text, sc.Bytes()...), '\n')
	}
	bundle, err := os.ReadFile(filepath.Join(from, "host.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"ftrace.txt": text, "host.tar.gz": bundle} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("status: %v", err)
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var ee *exec.ExitError
		if !errors.As(err, &ee) {
			ts.Fatalf("%v", err)
		}
		got = ee.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", args[1], got, want)
	}
}

func oneline(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oneline stdout|stderr|FILE")
	}
	s := ts.ReadFile(args[0])
	if strings.Count(s, "\n") != 1 || !strings.HasSuffix(s, "\n") {
		ts.Fatalf("%s is not one line: %q", args[0], s)
	}
}

func width(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: width N stdout|stderr|FILE")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("width: %v", err)
	}
	for l := range strings.Lines(ts.ReadFile(args[1])) {
		if w := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); w > n {
			ts.Fatalf("%d characters: %s", w, l)
		}
	}
}
