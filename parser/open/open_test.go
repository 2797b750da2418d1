package open

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"schedreplay/internal/goldentest"
	"schedreplay/parser"
)

// trace returns n switches of one CPU as ftrace prints them.
func trace(n int) []byte {
	var b bytes.Buffer
	b.WriteString("# tracer: nop\n#\n")
	for i := range n {
		fmt.Fprintf(&b, "%16s-%-7d [000] d..2. %5d.%06d: sched_switch: prev_comm=a prev_pid=%d prev_prio=120 prev_state=S ==> "+
			"next_comm=a next_pid=%d next_prio=120\n", "a", 100+i%7, i/1e6, i%1e6, 100+i%7, 100+(i+1)%7)
	}
	return b.Bytes()
}

func pack(t *testing.T, codec string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch codec {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "zstd":
		w, err = zstd.NewWriter(&out)
	case "xz":
		w, err = xz.NewWriter(&out)
	default:
		return b
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// count runs a pass and returns the number of events by kind and the error.
func count(c parser.Capture) (map[parser.Kind]int, error) {
	n := map[parser.Kind]int{}
	for ev, err := range c.Events() {
		if err != nil {
			return n, err
		}
		n[ev.Kind]++
	}
	return n, nil
}

func open(t *testing.T, path string, o Options) *Input {
	t.Helper()
	in, err := File(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

func TestFile(t *testing.T) {
	b := trace(5000)
	for _, codec := range []string{"plain", "gzip", "zstd", "xz"} {
		t.Run(codec, func(t *testing.T) {
			in := open(t, write(t, t.TempDir(), "x", pack(t, codec, b)), Options{})
			if in.Meta().Dialect != parser.DialectFtrace || in.Meta().Confidence != "199 of 199 lines" {
				t.Errorf("dialect %q, confidence %q", in.Meta().Dialect, in.Meta().Confidence)
			}
			for range 2 { // every pass is one of its own
				n, err := count(in)
				if err != nil || n[parser.KindSwitch] != 5000 || len(n) != 1 {
					t.Fatalf("%v, %v", n, err)
				}
			}
		})
	}
}

// A compressed capture that is cut, or followed by something else, gives what
// can be read, then the error.
func TestDamagedCompression(t *testing.T) {
	b := trace(25_000)
	cut := func(b []byte) []byte { return b[:len(b)*3/4] }
	tests := []struct {
		name  string
		b     []byte
		least int
		want  error
	}{
		{"gzip cut", cut(pack(t, "gzip", b)), 10_000, parser.ErrTruncated},
		{"zstd cut", cut(pack(t, "zstd", b)), 10_000, parser.ErrTruncated},
		{"xz cut", cut(pack(t, "xz", b)), 10_000, parser.ErrTruncated},
		{"gzip garbage", append(pack(t, "gzip", b), "garbage"...), 25_000, parser.ErrDamaged},
		{"zstd garbage", append(pack(t, "zstd", b), "garbage"...), 25_000, parser.ErrDamaged},
		{"gzip zeros", append(pack(t, "gzip", b), make([]byte, 1000)...), 25_000, nil},
		{"gzip members", append(pack(t, "gzip", b[:100_000]), pack(t, "gzip", b[100_000:])...), 25_000, nil},
		{"gzip second member cut", append(pack(t, "gzip", b), "\x1f\x8b\x08"...), 25_000, parser.ErrTruncated},
		{"gzip checksum", flip(pack(t, "gzip", b), -6), 24_000, parser.ErrDamaged},
		{"text cut", b[:len(b)-10], 24_999, parser.ErrTruncated},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := open(t, write(t, t.TempDir(), "x", test.b), Options{})
			n, err := count(in)
			if !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if n[parser.KindSwitch] < test.least {
				t.Errorf("%d switches, want at least %d", n[parser.KindSwitch], test.least)
			}
			if n[parser.KindDamaged] > 0 {
				t.Errorf("%d damaged lines", n[parser.KindDamaged])
			}
			var pe *parser.Error
			if err != nil && (!errors.As(err, &pe) || strings.Count(err.Error(), "\n") > 0) {
				t.Errorf("not one line of a parser.Error: %v", err)
			}
		})
	}
}

func flip(b []byte, at int) []byte {
	b[len(b)+at] ^= 0xff
	return b
}

// Memory for a decoder is bounded whatever the stream asks for.
func TestDecoderMemory(t *testing.T) {
	b := pack(t, "xz", trace(100))
	// The dictionary size is the byte behind the filter's id and length in the
	// first block's header, which ends in its checksum.
	i := bytes.Index(b[12:], []byte{0x21, 1}) + 12
	b[i+2] = 40
	header := b[12 : 12+4*(int(b[12])+1)]
	binary.LittleEndian.PutUint32(header[len(header)-4:], crc32.ChecksumIEEE(header[:len(header)-4]))
	var frame bytes.Buffer
	w, err := zstd.NewWriter(&frame, zstd.WithWindowSize(512<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	w.ReadFrom(io.MultiReader(bytes.NewReader(trace(100)), io.LimitReader(zeros{}, 3<<20)))
	w.Close()
	for name, b := range map[string][]byte{"xz": b, "zstd": frame.Bytes()} {
		_, err := File(t.Context(), write(t, t.TempDir(), "x", b), Options{})
		if !errors.Is(err, parser.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

func TestNotACapture(t *testing.T) {
	tests := []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "not a scheduler capture: the file is empty; check how it was copied"},
		{"empty gzip", pack(t, "gzip", nil), "not a scheduler capture: the file is empty; check how it was copied"},
		{"prose", []byte("Dear colleague,\nplease find the trace below.\n"), "not a scheduler capture: none of the first 2 lines looks like a scheduler event; " + remedy},
		{"noise", []byte("\x00\x01\x02\x03\xff\xfe"), "not a scheduler capture: it is binary data of no known kind; " + remedy},
		{"zip", []byte("PK\x03\x04\x14\x00"), "not a scheduler capture: it is a zip archive; unpack it"},
		{"7z", []byte("7z\xbc\xaf\x27\x1c\x00"), "not a scheduler capture: it is a 7z archive; unpack it"},
		{"bzip2", []byte("BZh91AY&SY"), "not a scheduler capture: it is compressed with bzip2; decompress it"},
		{"lz4", []byte("\x04\x22\x4d\x18\x64\x40\xa7"), "not a scheduler capture: it is compressed with lz4; decompress it"},
		{"CTF", []byte("\xc1\x1f\xfc\xc1\x00"), "not a scheduler capture: it is a stream of a CTF trace; give the text that babeltrace2 makes of its folder"},
		{"program", []byte("\x7fELF\x02\x01"), "not a scheduler capture: it is a program; " + remedy},
		{"tar", append(append(make([]byte, 257), "ustar\x0000"...), make([]byte, 300)...), "not a scheduler capture: it is a tar archive; give the capture itself; a host bundle goes to --host"},
		{"utf-16", []byte("\xff\xfe#\x00 \x00t\x00"), "not a scheduler capture: it is text in UTF-16; convert it with `iconv -f UTF-16 -t UTF-8`"},
		{"twice", pack(t, "gzip", pack(t, "zstd", trace(10))), "not a scheduler capture: it is compressed twice; decompress it once"},
		{"blank", []byte("\n\n   \n"), "not a scheduler capture: none of the first 0 lines looks like a scheduler event; " + remedy},
		{"gzip cut in header", []byte("\x1f\x8b\x08"), "capture is cut short: the gzip data ends early; copy the capture again"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, t.TempDir(), "x", test.b)
			_, err := File(t.Context(), path, Options{})
			if err == nil {
				t.Fatal("opened")
			}
			if got := strings.TrimPrefix(err.Error(), path+": "); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
	_, err := File(t.Context(), filepath.Join(t.TempDir(), "absent"), Options{})
	if !errors.Is(err, os.ErrNotExist) || strings.Count(err.Error(), "absent") != 1 {
		t.Errorf("absent file: %v", err)
	}
}

func TestFolder(t *testing.T) {
	b := trace(10)
	tests := []struct {
		name   string
		files  map[string]string
		path   string
		bundle string
		want   error
	}{
		{"one", map[string]string{"trace.txt": "T"}, "trace.txt", "", nil},
		{"with bundle", map[string]string{"a.gz": "T", "host.tar.gz": "x", "README": "x", "NOTES.md": "cpus=4", ".hidden": "T"}, "a.gz", "host.tar.gz", nil},
		{"bundle folder", map[string]string{"a": "T", "host/proc/version": "x"}, "a", "host", nil},
		{"other files", map[string]string{"a": "T", "notes.txt": "the core was busy"}, "a", "", nil},
		{"oracle", map[string]string{"a": "T", "oracle.txt": "T", "oracle": "T"}, "a", "", nil},
		{"two", map[string]string{"b": "T", "a": "T"}, "", "", ErrAmbiguous},
		{"one broken", map[string]string{"b": "T", "a": "PERFILE2"}, "", "", ErrAmbiguous},
		{"only broken", map[string]string{"a": "PERFILE2"}, "", "", parser.ErrTruncated},
		{"two bundles", map[string]string{"a": "T", "host.tar": "x", "host.tar.gz": "x"}, "", "", ErrAmbiguous},
		{"none", map[string]string{"README.md": "T", "oracle.txt": "T"}, "", "", ErrNoCapture},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range test.files {
				if content == "T" {
					content = string(b)
				}
				write(t, dir, name, []byte(content))
			}
			in, err := File(t.Context(), dir, Options{})
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if err != nil {
				if test.name == "two" && !strings.Contains(err.Error(), "a, b") {
					t.Errorf("names no file: %v", err)
				}
				return
			}
			defer in.Close()
			if in.Path != filepath.Join(dir, test.path) {
				t.Errorf("path %s", in.Path)
			}
			if test.bundle == "" && in.Bundle != "" || test.bundle != "" && in.Bundle != filepath.Join(dir, test.bundle) {
				t.Errorf("bundle %q", in.Bundle)
			}
			if n, err := count(in); err != nil || n[parser.KindSwitch] != 10 {
				t.Errorf("%v, %v", n, err)
			}
		})
	}
}

// A file's neighbours are told of, never used.
func TestBeside(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a", trace(1))
	bundle := write(t, dir, "host.tar.gz", []byte("x"))
	if in := open(t, path, Options{}); in.Bundle != "" || in.Beside != bundle {
		t.Errorf("bundle %q, beside %q", in.Bundle, in.Beside)
	}
	write(t, dir, "host.tar", []byte("x"))
	if in := open(t, path, Options{}); in.Beside != "" {
		t.Errorf("beside %q of two", in.Beside)
	}
}

func TestOracle(t *testing.T) {
	dir := t.TempDir()
	oracle := write(t, dir, "oracle.txt", trace(1))
	link := filepath.Join(dir, "trace.txt")
	if err := os.Symlink(oracle, link); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{oracle, link} {
		if _, err := File(t.Context(), path, Options{}); !errors.Is(err, ErrOracle) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestStdin(t *testing.T) {
	tmp := t.TempDir()
	for _, codec := range []string{"plain", "gzip"} {
		b := pack(t, codec, trace(1000))
		in := open(t, "-", Options{Stdin: bytes.NewReader(b), Temp: parser.Temp{Dir: tmp}})
		if n, err := count(in); err != nil || n[parser.KindSwitch] != 1000 {
			t.Errorf("%v, %v", n, err)
		}
		if in.Meta().Name != "-" {
			t.Errorf("name %q", in.Meta().Name)
		}
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := File(t.Context(), "-", Options{Stdin: io.MultiReader(bytes.NewReader(trace(10)), zeros{}), Temp: parser.Temp{Dir: tmp, Limit: 4 << 20}}); !errors.Is(err, parser.ErrLimit) {
		t.Errorf("endless input: %v", err)
	}
	if _, err := File(t.Context(), "-", Options{Stdin: strings.NewReader("nothing"), Temp: parser.Temp{Dir: tmp}}); !errors.Is(err, parser.ErrFormat) {
		t.Errorf("no capture: %v", err)
	}
	if _, err := File(t.Context(), "-", Options{}); err == nil {
		t.Error("opened without standard input")
	}
	left, err := os.ReadDir(tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSpool(t *testing.T) {
	tmp := t.TempDir()
	const path = "testdata/recorded/perf.data.zst"
	in := open(t, path, Options{Temp: parser.Temp{Dir: tmp}})
	if n, err := count(in); err != nil || n[parser.KindSwitch] == 0 {
		t.Errorf("%v, %v", n, err)
	}
	// The copy has no name: nothing is left behind, however the process ends.
	if left, _ := os.ReadDir(tmp); runtime.GOOS == "linux" && len(left) > 0 {
		t.Error("the temporary copy has a name")
	}
	in.Close()
	if left, _ := os.ReadDir(tmp); len(left) > 0 {
		t.Error("the temporary copy stays")
	}
	if _, err := File(t.Context(), path, Options{Temp: parser.Temp{Dir: tmp, Limit: 1000}}); !errors.Is(err, parser.ErrLimit) {
		t.Errorf("limit: %v", err)
	}
}

// What is wrong behind the end of a compressed binary capture is told too.
func TestSpoolTail(t *testing.T) {
	b, err := os.ReadFile("testdata/recorded/perf.data.zst")
	if err != nil {
		t.Fatal(err)
	}
	in := open(t, write(t, t.TempDir(), "x", append(b, "garbage"...)), Options{})
	n, err := count(in)
	if !errors.Is(err, parser.ErrDamaged) || n[parser.KindSwitch] == 0 {
		t.Errorf("%v, %v", n, err)
	}
}

func TestProgress(t *testing.T) {
	b := trace(50_000)
	path := write(t, t.TempDir(), "x", b)
	var told []int64
	in := open(t, path, Options{Progress: func(done, total int64) {
		if total != int64(len(b)) {
			t.Fatalf("total %d of %d", total, len(b))
		}
		told = append(told, done)
	}})
	told = nil
	if _, err := count(in); err != nil {
		t.Fatal(err)
	}
	if len(told) < 5 || len(told) > progressSteps+1 || told[len(told)-1] != int64(len(b)) {
		t.Errorf("told %d times, last %v", len(told), told[max(len(told)-1, 0):])
	}
	for i := 1; i < len(told); i++ {
		if told[i] < told[i-1] {
			t.Errorf("progress goes back: %v", told)
		}
	}
}

func TestChecksum(t *testing.T) {
	in := open(t, write(t, t.TempDir(), "x", trace(1)), Options{})
	a, err := in.Checksum()
	b, _ := in.Checksum()
	if err != nil || a != b || len(a) != 64 {
		t.Errorf("%q, %q, %v", a, b, err)
	}
}

func TestPerfThreads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "perf.data")
	for _, name := range []string{"data", "data.0", "data.1"} {
		b, err := os.ReadFile("testdata/threads/" + name + ".zst")
		if err != nil {
			t.Fatal(err)
		}
		d, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if b, err = d.DecodeAll(b, nil); err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, b)
	}
	for _, path := range []string{dir, filepath.Dir(dir)} {
		in := open(t, path, Options{})
		if n, err := count(in); err != nil || n[parser.KindSwitch] == 0 {
			t.Errorf("%s: %v, %v", path, n, err)
		}
		if _, err := in.Checksum(); err != nil || in.Path != dir {
			t.Errorf("%s: path %s, %v", path, in.Path, err)
		}
	}
}

// events reads a capture, without what the dialects tell differently.
func events(t *testing.T, path string, keep func(*parser.Event) bool) []string {
	t.Helper()
	in := open(t, path, Options{})
	var all []string
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		ev.Pos, ev.Cur.Comm, ev.Context = 0, "", parser.ContextUnknown
		ev.Thread = parser.Thread{TID: parser.NoPID, TGID: parser.NoPID, PPID: parser.NoPID}
		if keep(&ev) {
			all = append(all, goldentest.Line(&ev))
		}
	}
	return all
}

// One recording, read from perf.data and from what perf prints of it, is the
// same recording.
func TestDialectsAgree(t *testing.T) {
	const dir = "testdata/recorded/"
	data := func(keep func(*parser.Event) bool) []string { return events(t, dir+"perf.data.zst", keep) }
	t.Run("script", func(t *testing.T) {
		keep := func(ev *parser.Event) bool {
			if ev.Cur.PID < 0 {
				ev.Cur.PID = parser.NoPID // perf has no tid of a task that exited
			}
			// perf script does not print its own records unless asked to.
			return ev.Kind != parser.KindComm && ev.Kind != parser.KindExit
		}
		if d := cmp.Diff(data(keep), events(t, dir+"script.txt.gz", keep)); d != "" {
			t.Errorf("-perf.data +perf script:\n%s", d)
		}
	})
	t.Run("timehist", func(t *testing.T) {
		// A slice ends in a switch; names and microseconds are all it shares.
		cut := func(ev *parser.Event) bool {
			e := parser.NewEvent(parser.KindSlice, ev.Time/1000*1000, ev.CPU)
			switch ev.Kind {
			case parser.KindSwitch, parser.KindSlice:
				e.Task.PID, e.Next.PID = ev.Task.PID, ev.Next.PID
			case parser.KindWaking, parser.KindMigrate, parser.KindWakeupNew:
				e.Kind, e.Task.PID, e.OrigCPU = ev.Kind, ev.Task.PID, ev.OrigCPU
				switch ev.Kind {
				case parser.KindMigrate:
					e.TargetCPU = ev.TargetCPU
				case parser.KindWakeupNew:
					e.Kind = parser.KindWaking // one word for both
				}
			default:
				return false
			}
			*ev = e
			return true
		}
		if d := cmp.Diff(data(cut), events(t, dir+"timehist.txt.gz", cut)); d != "" {
			t.Errorf("-perf.data +timehist:\n%s", d)
		}
	})
}

// unpack decompresses a file of testdata.
func unpack(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := codecOf(b).open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return b
}
