package open

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"schedreplay/internal/goldentest"
	"schedreplay/parser"
)

// FuzzDetect holds detection and the text readers against any bytes: an error
// says what is wrong in one line, and a pass keeps the contract of
// [parser.Capture].
func FuzzDetect(f *testing.F) {
	for _, dir := range []string{"ftrace", "perfscript", "timehist"} {
		files, err := filepath.Glob("../" + dir + "/testdata/*.txtar")
		if err != nil || len(files) == 0 {
			f.Fatal(dir, err)
		}
		for _, file := range files {
			a, err := txtar.ParseFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(goldentest.Beginning(goldentest.Unescape(a.Files[0].Data)))
		}
	}
	for _, file := range []string{"script.txt.gz", "timehist.txt.gz"} {
		b, err := os.ReadFile("testdata/recorded/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	few := trace(5)
	f.Add(append([]byte("<html><script class=\"trace-data\">\n"), few...))
	f.Add([]byte("<html>\nvar linuxPerfData = \"\\\n" + strings.ReplaceAll(string(few), "\n", "\\n\\\n") + "\";\n"))
	f.Add(quoted(few))
	f.Add(wrap(few, 72))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := goldentest.Source("x", b)
		if c := codecOf(b); c != nil {
			src.At, src.Size = nil, -1
			src.Open = func() (io.ReadCloser, error) { return c.open(bytes.NewReader(b)) }
		}
		d, err := detect(src)
		var capture parser.Capture
		if err == nil && !d.binary {
			capture, err = d.open(d.src)
		}
		if err != nil {
			var pe *parser.Error
			if !errors.As(err, &pe) || bytes.ContainsRune([]byte(err.Error()), '\n') {
				t.Fatalf("not one line of a parser.Error: %q", err)
			}
		}
		if capture != nil {
			goldentest.Contract(t, capture)
		}
	})
}
