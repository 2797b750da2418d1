package eventtest

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"schedreplay/parser"
)

var update = flag.Bool("update", false, "write golden files anew")

// Unpack returns the content of a zstd file.
func Unpack(t testing.TB, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	b, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b
}

// Golden compares what a capture tells with a golden file; -update writes it.
// Long captures are told in full only where they are not plain tracepoints: the
// middle of the rest is a checksum.
func Golden(t *testing.T, path string, c parser.Capture) {
	t.Helper()
	var b bytes.Buffer
	Dump(&b, c)
	const head, tail = 120, 30
	var short strings.Builder
	sum, plain, n := sha256.New(), 0, 0
	tracepoint := func(line string) bool { return line[0] >= '0' && line[0] <= '9' && strings.Contains(line, " sched_") }
	for line := range strings.Lines(b.String()) {
		if tracepoint(line) {
			plain++
		}
	}
	for line := range strings.Lines(b.String()) {
		if !tracepoint(line) {
			short.WriteString(line)
			continue
		}
		if n++; n <= head || n > plain-tail {
			short.WriteString(line)
			continue
		}
		sum.Write([]byte(line))
		if n == plain-tail {
			fmt.Fprintf(&short, "%d more, sha256 %x\n", plain-tail-head, sum.Sum(nil))
		}
	}
	got := short.String()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, d)
	}
}
