package main

import (
	"bytes"
	"context"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var updateExample = flag.Bool("update", false, "write the example report anew")

// The example report of the docs is what the program makes of the incident now,
// byte for byte. After a change that is meant:
//
//	go test ./cmd/schedreplay -run TestExample -update
func TestExample(t *testing.T) {
	const example = "../../docs/example"
	dir := filepath.Join(t.TempDir(), "example")
	if *updateExample {
		dir = example
	}
	var out, errs bytes.Buffer
	if s := run(context.Background(), []string{"report", "../../testdata/traces/k419-smt44-isolated43-original", "-o", dir}, strings.NewReader(""), &out, &errs); s != exitDone {
		t.Fatalf("status %d: %s", s, errs.String())
	}
	want, got := tree(t, example), tree(t, dir)
	for name, b := range got {
		switch w, ok := want[name]; {
		case !ok:
			t.Errorf("%s is not in docs/example", name)
		case filepath.Ext(name) == ".png" && runtime.GOARCH != "amd64":
			// Others multiply and add in one step, and round edges otherwise.
		case !bytes.Equal(w, b):
			t.Errorf("docs/example/%s is no longer what the program writes; if that is meant: go test ./cmd/schedreplay -run TestExample -update", name)
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("docs/example/%s is no longer written", name)
		}
	}
	size := 0
	for _, b := range got {
		size += len(b)
	}
	if size > 4_000_000 || len(got["report.html"]) > 2_000_000 {
		t.Errorf("the example has %d bytes, its page %d", size, len(got["report.html"]))
	}
}

func tree(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
