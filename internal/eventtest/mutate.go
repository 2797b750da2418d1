package eventtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"schedreplay/parser"
)

// Open opens a capture in memory.
type Open func(b []byte) (parser.Capture, error)

// Mutilate opens copies of a capture that are cut at every step bytes, have
// bits flipped and words replaced by lies, and checks that nothing panics, that
// no copy makes the reader allocate more than limit bytes in all, and that a
// reader that stops says where.
func Mutilate(t *testing.T, whole []byte, step, flips int, limit uint64, open Open) {
	t.Helper()
	var most uint64
	copies := 0
	defer func() { t.Logf("%d copies, at most %d KiB allocated for one", copies, most>>10) }()
	rnd := rand.New(rand.NewPCG(1, uint64(len(whole))))
	try := func(what string, b []byte) {
		t.Helper()
		defer func() {
			if r := recover(); r != nil {
				t.Fatalf("%s: panic: %v", what, r)
			}
		}()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Exercise(open, b)
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		copies++
		most = max(most, after.TotalAlloc-before.TotalAlloc)
		if used := after.TotalAlloc - before.TotalAlloc; used > limit {
			t.Errorf("%s: %d bytes allocated, at most %d are promised", what, used, limit)
		}
	}
	for n := 0; n < len(whole); n += step {
		try(fmt.Sprintf("cut at %d", n), whole[:n])
	}
	b := make([]byte, len(whole))
	for range flips {
		copy(b, whole)
		// Half of them where the headers are.
		span := len(b)
		if rnd.IntN(2) == 0 {
			span = min(span, 2048)
		}
		at := rnd.IntN(span)
		b[at] ^= 1 << rnd.IntN(8)
		try(fmt.Sprintf("bit flipped at %d", at), b)
		lies := []byte{0, 0x7f, 0x80, 0xff}
		at = rnd.IntN(span) &^ 3
		for i := at; i < min(at+1<<(2+rnd.IntN(2)), len(b)); i++ {
			b[i] = lies[rnd.IntN(len(lies))]
		}
		try(fmt.Sprintf("lies at %d", at), b)
	}
}

// Exercise opens a capture, runs a pass and closes it. It returns an error if
// a promise was broken; that the input is bad breaks none.
func Exercise(open Open, b []byte) error {
	c, err := open(b)
	if err != nil {
		return checkError(err)
	}
	defer c.Close()
	if c.Meta() == nil || c.Meta().Host == nil {
		return fmt.Errorf("no description")
	}
	broken, _, end := Check(c)
	if broken != nil {
		return broken
	}
	if end != nil {
		return checkError(end)
	}
	return nil
}

// checkError checks that an error is a [parser.Error] with a place in the
// input.
func checkError(err error) error {
	e, ok := err.(*parser.Error)
	switch {
	case !ok:
		return fmt.Errorf("%T is no parser.Error: %w", err, err)
	case e.Err == nil || e.Format == "":
		return fmt.Errorf("incomplete error: %+v", e)
	case e.Line != 0 || e.Offset < -1:
		return fmt.Errorf("error without a sensible place: %+v", e)
	}
	return nil
}

// Corpus writes seeds of a fuzz target to testdata/fuzz if -update is set.
func Corpus(t testing.TB, target string, seeds map[string][]byte) {
	t.Helper()
	if !*update {
		return
	}
	dir := filepath.Join("testdata", "fuzz", target)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range seeds {
		text := "go test fuzz v1\n[]byte(" + strconv.Quote(string(b)) + ")\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
