package open

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schedreplay/parser"
)

// A file that is written to while it is read gives no answer.
func TestChanged(t *testing.T) {
	later := func(t *testing.T, path string) {
		t.Helper()
		now := time.Now().Add(time.Second) // whatever the clock of the file system counts in
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile("testdata/recorded/perf.data.zst")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"ftrace": trace(50_000), "ftrace.gz": pack(t, "gzip", trace(50_000)), "perf.data.zst": data} {
		for how, change := range map[string]func(t *testing.T, path string){
			"truncated": func(t *testing.T, path string) {
				if err := os.Truncate(path, int64(len(b)/2)); err != nil {
					t.Fatal(err)
				}
			},
			"grown": func(t *testing.T, path string) {
				f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				f.Write(b[:100])
				f.Close()
			},
			"overwritten": func(t *testing.T, path string) {
				if err := os.WriteFile(path, b, 0o644); err != nil {
					t.Fatal(err)
				}
				later(t, path)
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				path := write(t, t.TempDir(), name, b)
				in := open(t, path, Options{})
				if _, err := count(in); err != nil {
					t.Fatal(err)
				}
				changed := false
				for _, err := range in.Events() { // while a pass is under way
					if !changed {
						changed = true
						change(t, path)
					}
					if errors.Is(err, parser.ErrChanged) {
						changed = false
					}
				}
				if changed {
					t.Error("the pass under way ended well")
				}
				if n, err := count(in); !errors.Is(err, parser.ErrChanged) || len(n) > 0 {
					t.Errorf("the next pass: %v, %v", n, err)
				}
				if _, err := in.Checksum(); !errors.Is(err, parser.ErrChanged) {
					t.Errorf("checksum: %v", err)
				}
			})
		}
	}
}

// Opening ends when it is told to, also while a pipe gives nothing.
func TestInterrupted(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go w.Write(trace(100))
	for name, stdin := range map[string]io.Reader{"nothing comes": r, "no end": zeros{}} {
		tmp := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := File(ctx, "-", Options{Stdin: io.MultiReader(strings.NewReader(string(trace(10))), stdin), Temp: parser.Temp{Dir: tmp, Limit: 1 << 40}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(tmp); len(left) > 0 {
			t.Errorf("%s: left behind: %v", name, left)
		}
	}
	// A named pipe that nobody writes to.
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := osexec.Command("mkfifo", pipe).Run(); err == nil {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := File(ctx, pipe, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("pipe: %v", err)
		}
	}
	// A pass as well.
	ctx, cancel := context.WithCancel(t.Context())
	in, err := File(ctx, write(t, t.TempDir(), "x", trace(50_000)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cancel()
	if n, err := count(in); !errors.Is(err, context.Canceled) || n[parser.KindSwitch] > 20_000 {
		t.Errorf("%v, %v", n, err)
	}
}

type noise struct {
	rnd  *rand.ChaCha8
	read int
}

func (n *noise) Read(p []byte) (int, error) {
	n.read += len(p)
	return n.rnd.Read(p)
}

// What begins like no capture is refused before it is copied; devices are not read.
func TestRefusedAtOnce(t *testing.T) {
	tmp := filepath.Join(t.TempDir(), "absent") // a copy would fail
	endless := &noise{rnd: rand.NewChaCha8([32]byte{})}
	if _, err := File(t.Context(), "-", Options{Stdin: endless, Temp: parser.Temp{Dir: tmp}}); !errors.Is(err, parser.ErrFormat) || endless.read > 4*probeBytes {
		t.Errorf("noise: %v after %d bytes", err, endless.read)
	}
	for _, dev := range []string{"/dev/urandom", "/dev/zero", "/dev/null"} {
		if _, err := os.Stat(dev); err != nil {
			t.Skip(err)
		}
		if _, err := File(t.Context(), dev, Options{}); !errors.Is(err, parser.ErrFormat) {
			t.Errorf("%s: %v", dev, err)
		}
	}
}

// A file whose content the kernel makes has no size and is not empty.
func TestMade(t *testing.T) {
	const path = "/proc/self/status"
	if st, err := os.Stat(path); err != nil || st.Size() > 0 {
		t.Skip("no such file here")
	}
	_, err := File(t.Context(), path, Options{})
	if !errors.Is(err, parser.ErrFormat) || strings.Contains(err.Error(), "empty") {
		t.Errorf("%v", err)
	}
	pipe := write(t, t.TempDir(), "trace_pipe", nil)
	if _, err := File(t.Context(), pipe, Options{}); !errors.Is(err, parser.ErrUnsupported) || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("%v", err)
	}
}

// A missing folder for temporary files is named, with what helps.
func TestNoTemp(t *testing.T) {
	tmp := filepath.Join(t.TempDir(), "absent")
	for _, path := range []string{"-", "testdata/recorded/perf.data.zst"} {
		_, err := File(t.Context(), path, Options{Stdin: strings.NewReader(string(trace(10))), Temp: parser.Temp{Dir: tmp}})
		if !errors.Is(err, parser.ErrTemp) || !strings.Contains(err.Error(), tmp) || !strings.Contains(err.Error(), "TMPDIR") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Of an input that ends before its first event nothing stands; and damage is called so
// once.
func TestWords(t *testing.T) {
	in := open(t, write(t, t.TempDir(), "x", trace(1)[:100]), Options{})
	_, err := count(in)
	if !errors.Is(err, parser.ErrTruncated) || strings.Contains(err.Error(), "stand") || !strings.Contains(err.Error(), "no event before") {
		t.Errorf("cut: %v", err)
	}
	b, err := os.ReadFile("testdata/recorded/perf.data.zst")
	if err != nil {
		t.Fatal(err)
	}
	whole := unpack(t, b)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		b := bytes.Clone(whole)
		for range 20 {
			b[rnd.IntN(len(b))] = byte(rnd.IntN(256))
		}
		in, err := File(t.Context(), write(t, t.TempDir(), "x", b), Options{})
		if err != nil {
			continue
		}
		for ev, err := range in.Events() {
			if strings.Contains(ev.Text, parser.ErrDamaged.Error()) || err != nil && strings.Count(err.Error(), parser.ErrDamaged.Error()) > 1 {
				t.Fatalf("%s, %v", ev.Text, err)
			}
		}
		in.Close()
	}
}
