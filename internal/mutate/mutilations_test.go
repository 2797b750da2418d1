package mutate

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"schedreplay/export/anonymize"
	"schedreplay/export/perfetto"
	"schedreplay/internal/traces"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/parser/perfetto/pb"
	"schedreplay/replay"
)

var (
	copies = flag.Int("mutilations", 150, "how many damaged copies of captures and bundles to read")
	seed   = flag.Uint64("mutilate-seed", 1, "which ones")
)

// maxPeak is what the whole test may take of memory at its peak, in bytes.
const maxPeak = 200 << 20

// original is a capture or bundle to damage.
type original struct {
	name   string
	plain  []byte
	pack   func([]byte) []byte // nil if it is not compressed
	bundle bool
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

var encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

func zstded(b []byte) []byte { return encoder.EncodeAll(b, nil) }

// deflated makes a Perfetto trace of one packet that holds those of another.
func deflated(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return pb.Message(nil).Sub(pb.TracePacket, pb.Message(nil).Text(pb.PacketDeflated, out.String()))
}

// unpacked reads a file and says how to compress it again.
func unpacked(t *testing.T, path string) original {
	t.Helper()
	o := original{name: filepath.ToSlash(path), bundle: strings.HasSuffix(path, "host.tar.gz")}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	switch filepath.Ext(path) {
	case ".gz":
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
		o.pack = gzipped
	case ".zst":
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r, o.pack = z, zstded
	}
	if o.plain, err = io.ReadAll(io.LimitReader(r, 2<<20)); err != nil {
		t.Fatal(err)
	}
	if n := bytes.LastIndexByte(o.plain, '\n'); len(o.plain) == 2<<20 && n > 0 {
		o.plain = o.plain[:n+1]
	}
	return o
}

func originals(t *testing.T) (all []original) {
	t.Helper()
	root := filepath.Join(traces.Dir(t), "..", "..")
	for _, pattern := range []string{
		"testdata/traces/*/ftrace.txt.gz", "testdata/traces/*/trace.dat.zst", "testdata/traces/*/perf/perf.data.zst", "testdata/traces/*/host.tar.gz",
		"parser/perfdata/testdata/*.data.zst", "parser/tracedat/testdata/*.dat.zst", "parser/perfetto/testdata/*.pftrace.zst", "parser/open/testdata/recorded/*.gz",
	} {
		list, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(list) == 0 {
			t.Fatalf("nothing at %s: %v", pattern, err)
		}
		for _, p := range list {
			o := unpacked(t, p)
			all = append(all, o)
			if strings.Contains(p, ".pftrace.") { // and as packets within a compressed one
				o.name, o.pack = o.name+" deflated", deflated
				all = append(all, o)
			}
		}
	}
	return all
}

// window is a part of a text, of some hundred lines with its header; binary captures stay
// whole.
func window(m *mutator, b []byte) []byte {
	if bytes.IndexByte(b[:min(len(b), 4096)], 0) >= 0 || m.n(20) == 0 {
		return b
	}
	head := 0
	for head < len(b) && b[head] == '#' {
		head += bytes.IndexByte(b[head:], '\n') + 1
	}
	from := head + m.n(len(b)-head)
	from += bytes.IndexByte(b[from:], '\n') + 1
	to := min(len(b), from+20000)
	to = from + bytes.LastIndexByte(b[from:to], '\n') + 1
	return append(bytes.Clone(b[:head]), b[from:to]...)
}

// Damaged copies of all captures and bundles: no reader panics or hangs, none takes more
// memory than is promised, and a capture that only lacks its end says so. The whole is
// `go test ./internal/mutate -mutilations 10000`.
func TestMutilations(t *testing.T) {
	all := originals(t)
	m := newMutator(*seed)
	for _, o := range all {
		m.donors = append(m.donors, o.plain[:min(len(o.plain), 64<<10)])
	}
	dir := t.TempDir()
	deep := 0
	for i := range *copies {
		o := &all[m.n(len(all))]
		b := o.plain
		if !o.bundle {
			b = window(m, b)
		}
		whole := b
		var what string
		var cut, inside bool
		if o.pack != nil && m.n(3) > 0 { // damage inside of what is compressed
			inside = true
			b, what, cut = m.copy(b)
			if m.n(2) == 0 || o.bundle {
				b = o.pack(b)
			}
		} else {
			if o.pack != nil {
				b = o.pack(b)
			}
			b, what, cut = m.copy(b)
		}
		id := fmt.Sprintf("seed %d, copy %d, of %s (%d bytes): %s", *seed, i, o.name, len(whole), what)
		hang := time.AfterFunc(5*time.Minute, func() { panic("it hangs: " + id) })
		func() {
			defer func() {
				if r := recover(); r != nil {
					_ = os.WriteFile(filepath.Join(os.TempDir(), "mutilated"), b, 0o666)
					t.Fatalf("%s: panic: %v", id, r)
				}
			}()
			if o.bundle {
				readBundle(t, id, b)
				return
			}
			path := filepath.Join(dir, "capture")
			if err := os.WriteFile(path, b, 0o666); err != nil {
				t.Fatal(err)
			}
			events, told := readCapture(t, id, path, i%16 == 0)
			if i%16 == 0 {
				deep++
			}
			// A cut of what is compressed, or of a binary file but at the end of a packet or in
			// what no event needs, as the names of a trace.dat's sections at its end.
			if cut && !told && (!inside && o.pack != nil && !strings.Contains(o.name, "pftrace") || strings.Contains(o.name, ".dat.") || strings.Contains(o.name, "perf.data")) {
				if err := os.WriteFile(path, whole, 0o666); err != nil {
					t.Fatal(err)
				}
				if all, _ := readCapture(t, id, path, false); events != all {
					t.Errorf("%s: nothing says that it is cut: %d events of %d", id, events, all)
				}
			}
		}()
		hang.Stop()
	}
	peak := peakMemory(t)
	t.Logf("%d copies, %d of them replayed and exported; peak memory %d MiB", *copies, deep, peak>>20)
	if peak > maxPeak {
		t.Errorf("peak memory %d MiB, at most %d are promised", peak>>20, maxPeak>>20)
	}
}

// peakMemory is the most that was ever resident, 0 where the system does not tell.
func peakMemory(t *testing.T) int64 {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Error(err)
	}
	return kb << 10
}

func readBundle(t *testing.T, id string, b []byte) {
	h, err := host.ReadArchive("bundle", bytes.NewReader(b))
	if err != nil {
		one(t, id, err)
		return
	}
	if _, err := host.Merge(nil, h, host.Flags{}); err != nil {
		one(t, id, err)
	}
}

// one holds an error to one line that says where it is.
func one(t *testing.T, id string, err error) {
	var e *parser.Error
	if !errors.As(err, &e) || strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("%s: not one line of a parser.Error: %q", id, err)
	}
}

// readCapture opens a capture and passes over it, as each command does, and deep through
// a replay and the writers. It counts the events, and reports whether anything was told to be
// wrong.
func readCapture(t *testing.T, id, path string, deep bool) (events int, told bool) {
	in, err := open.File(context.Background(), path, open.Options{Temp: parser.Temp{Dir: filepath.Dir(path), Limit: 1 << 30}})
	if err != nil {
		one(t, id, err)
		return 0, true
	}
	defer in.Close()
	last := map[int32]int64{}
	for ev, err := range in.Events() {
		if err != nil {
			one(t, id, err)
			told = true
			continue
		}
		events++
		switch ev.Kind {
		case parser.KindDamaged, parser.KindLost, parser.KindOverwritten, parser.KindHole:
			told = true
		}
		if ev.Time != parser.NoTime && ev.CPU >= 0 {
			if before, ok := last[ev.CPU]; ok && ev.Time < before {
				t.Errorf("%s: time runs backwards on CPU %d: %d after %d", id, ev.CPU, ev.Time, before)
			}
			last[ev.CPU] = ev.Time
		}
	}
	if deep {
		export(t, id, in, filepath.Dir(path))
	}
	return events, told
}

func export(t *testing.T, id string, in *open.Input, dir string) {
	w := perfetto.NewWriter(io.Discard, perfetto.Options{})
	for ev, err := range in.Events() {
		if err == nil {
			w.Event(&ev)
		}
	}
	h, err := host.Merge(in.Meta().Host, nil, host.Flags{})
	if err != nil {
		one(t, id, err)
		return
	}
	o := w.Observer()
	if _, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: o, Explain: w.Explains}); err != nil && strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("%s: %q", id, err)
	}
	_ = w.Close()
	out, err := os.Create(filepath.Join(dir, "copy"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := anonymize.Capture(in.Source(), in.Capture, anonymize.NewNames(nil), anonymize.All, out); err != nil && strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("%s: %q", id, err)
	}
}
