package host

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"schedreplay/fact"
	"schedreplay/parser"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// entry is one file of a test archive.
type entry struct {
	name, body string
	kind       byte
	link       string
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.body)), Typeflag: e.kind, Linkname: e.link, Mode: 0o644}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, e.body)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// files makes entries of path, content pairs.
func files(pairs ...string) []entry {
	var out []entry
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, entry{name: pairs[i], body: pairs[i+1]})
	}
	return out
}

func readEntries(t testing.TB, entries ...entry) *parser.Host {
	t.Helper()
	h, err := ReadArchive("test.tar", bytes.NewReader(tarOf(t, entries...)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func show[T any](f fact.Fact[T]) string {
	if !f.Known() {
		return "unknown"
	}
	return fmt.Sprintf("%v (%s, %s)", f.Value, f.From, f.Source)
}

// dump writes a host as text, every field, in a fixed order.
func dump(h *parser.Host) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("hostname %s", show(h.Hostname))
	p("release %s", show(h.Release))
	p("version %s", show(h.Version))
	p("arch %s", show(h.Arch))
	p("cmdline %s", show(h.Cmdline))
	p("possible %s", show(h.Possible))
	p("present %s", show(h.Present))
	p("online %s", show(h.Online))
	p("isolated %s", show(h.Isolated))
	p("isolated later %s", show(h.IsolatedLater))
	p("islands %s", show(h.Islands))
	p("nohz_full %s", show(h.NohzFull))
	for i, c := range h.CPU {
		p("cpu %d known %v smt %s cluster %s die %s package %s llc L%d %s ids %d %d %d capacity %d",
			i, c.Known, c.Siblings, c.Cluster, c.Die, c.Package, c.LLCLevel, c.LLC, c.CoreID, c.DieID, c.PackageID, c.Capacity)
	}
	for _, n := range h.Node {
		p("node %d cpus %s distance %v", n.ID, n.CPUs, n.Distance)
	}
	for _, cpu := range slices.Sorted(maps.Keys(h.Domains)) {
		for i, d := range h.Domains[cpu] {
			p("cpu %d domain %d %s span %q imbalance_pct %d flags %s", cpu, i, d.Name, d.Span, d.ImbalancePct, strings.Join(d.Flags, " "))
		}
		if len(h.Domains[cpu]) == 0 {
			p("cpu %d no domain", cpu)
		}
	}
	p("features %s", show(h.Features))
	p("hz %s", show(h.HZ))
	for _, k := range slices.Sorted(maps.Keys(h.Config)) {
		p("config %s=%s", k, h.Config[k])
	}
	for _, k := range slices.Sorted(maps.Keys(h.Tunables)) {
		p("tunable %s=%d", k, h.Tunables[k])
	}
	for _, pid := range slices.Sorted(maps.Keys(h.Task)) {
		t := h.Task[pid]
		p("task %d tgid %d ppid %d %q affinity %s kthread %s bound %s policy %s nice %s last %s start %s", t.PID, t.TGID, t.PPID, t.Comm,
			show(t.Affinity), show(t.Kthread), show(t.Bound), show(t.Policy), show(t.Nice), show(t.LastCPU), show(t.StartTicks))
	}
	for _, s := range h.Stated {
		p("stated %q %d %s", s.Name, s.PID, s.CPUs)
	}
	for _, c := range h.Wall {
		p("clocks %+v", c)
	}
	for _, n := range h.Notes {
		p("note %s", n)
	}
	return b.String()
}

// The goldens hold what bundles of real machines say; see testdata/README.md.
func TestReadGolden(t *testing.T) {
	bundles, _ := filepath.Glob("testdata/bundles/*.tar.gz")
	if len(bundles) == 0 {
		t.Fatal("no bundles")
	}
	for _, bundle := range bundles {
		name := strings.TrimSuffix(filepath.Base(bundle), ".tar.gz")
		t.Run(name, func(t *testing.T) {
			h, err := Read(t.Context(), bundle)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "golden", name+".txt")
			got := dump(h)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// Whatever wraps a bundle, it says the same.
func TestReadContainers(t *testing.T) {
	raw, err := os.ReadFile("testdata/bundles/smt8-isolated3.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReadArchive("x", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	reroot := func(root string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		r := tar.NewReader(bytes.NewReader(plain))
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			h = &tar.Header{Name: root + strings.TrimPrefix(h.Name, "host/"), Size: h.Size, Typeflag: h.Typeflag, Mode: 0o600}
			if err := w.WriteHeader(h); err != nil {
				t.Fatal(err)
			}
			io.Copy(w, r)
		}
		w.Close()
		return b.Bytes()
	}
	var zs bytes.Buffer
	zw, _ := zstd.NewWriter(&zs)
	zw.Write(plain)
	zw.Close()
	var xs bytes.Buffer
	xw, err := xz.NewWriter(&xs)
	if err != nil {
		t.Fatal(err)
	}
	xw.Write(plain)
	xw.Close()
	for name, data := range map[string][]byte{
		"tar": plain, "zstd": zs.Bytes(), "xz": xs.Bytes(), "no root": reroot(""), "dot root": reroot("./"),
		"dot host": reroot("./host/"), "other root": reroot("my machine/"),
	} {
		got, err := ReadArchive("x", bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(dump(want), dump(got)); d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
	for _, root := range []string{"", "host/", "anything/"} {
		dir := t.TempDir()
		r := tar.NewReader(bytes.NewReader(reroot(root)))
		for {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			at := filepath.Join(dir, h.Name)
			os.MkdirAll(filepath.Dir(at), 0o755)
			b, _ := io.ReadAll(r)
			if err := os.WriteFile(at, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Read(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(dump(want), dump(got)); d != "" {
			t.Errorf("folder rooted at %q: -want +got:\n%s", root, d)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	big := strings.Repeat("x", 600)
	good := tarOf(t, files("host/proc/version", "Linux version 6.1.0 x")...)
	empty := t.TempDir()
	for name, tc := range map[string]struct {
		data []byte
		path string
		want error
		text string
	}{
		"empty":         {data: []byte{}, text: "no file of /proc or /sys"},
		"not tar":       {data: []byte(big), text: "neither a folder nor a tar archive"},
		"bad gzip":      {data: []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x00garbage garbage"), want: parser.ErrHost},
		"other tar":     {data: tarOf(t, files("etc/passwd", "root")...), text: "schedreplay collect"},
		"cut":           {data: good[:520], want: parser.ErrTruncated},
		"two machines":  {data: tarOf(t, files("a/proc/version", "x", "b/proc/version", "y")...), text: `"a/" and "b/"`},
		"missing":       {path: "/does/not/exist", want: os.ErrNotExist},
		"empty folder":  {path: empty, text: "no file of /proc or /sys"},
		"xz dictionary": {data: []byte("\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x28\x00\x00\x00\xe6\xa0\x11\xb3"), want: parser.ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if tc.path != "" {
				_, err = Read(t.Context(), tc.path)
			} else {
				_, err = ReadArchive("b.tar", bytes.NewReader(tc.data))
			}
			var pe *parser.Error
			if !errors.As(err, &pe) || !errors.Is(err, parser.ErrHost) {
				t.Fatalf("error %v is no parser.Error about a host", err)
			}
			if tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %q lacks %q", err, tc.text)
			}
		})
	}
}

// Hostile entries are counted and change nothing.
func TestReadHostile(t *testing.T) {
	entries := files("host/proc/sys/kernel/osrelease", "6.1.0\n")
	for range 3 {
		entries = append(entries, entry{name: "host/../../etc/passwd", body: "evil"})
	}
	entries = append(
		entries,
		entry{name: "/proc/cmdline", body: "isolcpus=1"},
		entry{name: "host/proc/cmdline", kind: tar.TypeSymlink, link: "/etc/shadow"},
		entry{name: "host/proc/version", kind: tar.TypeLink, link: "host/proc/sys/kernel/osrelease"},
		entry{name: "host/sys/devices", kind: tar.TypeSymlink, link: "/"},
		entry{name: "host/proc/1/comm", kind: tar.TypeFifo},
		entry{name: "host/proc/2/status", body: strings.Repeat("A", maxFile+1)},
		entry{name: "host/proc/sys/kernel/hostname", body: "first"},
		entry{name: "host/proc/sys/kernel/hostname", body: "second\n"},
		entry{name: "host/proc/99999999999999999999/status", body: "Name:\tx\n"},
		entry{name: "host/sys/devices/system/cpu/cpu999999999/topology/core_id", body: "1"},
		entry{name: "host/unrelated", kind: tar.TypeSymlink, link: "/"},
	)
	got := dump(readEntries(t, entries...))
	want := `hostname second (observed, /proc/sys/kernel/hostname)
release 6.1.0 (observed, /proc/sys/kernel/osrelease)
version unknown
arch unknown
cmdline unknown
possible unknown
present unknown
online unknown
isolated unknown
isolated later unknown
islands unknown
nohz_full unknown
features unknown
hz unknown
note host bundle: 3 archive entries that point outside the bundle skipped
note host bundle: 1 archive entries with an absolute path skipped
note host bundle: 1 files larger than 64 KiB skipped
note host bundle: 1 files replaced by a later one of the same name skipped
note host bundle: 4 links and special files skipped
note /sys/devices/system/cpu: 1 CPUs are beyond those possible; ignored
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A folder's links are not followed, even inside it.
func TestReadFolderLinks(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	os.WriteFile(secret, []byte("isolcpus=1"), 0o644)
	os.MkdirAll(filepath.Join(dir, "host", "proc", "sys", "kernel"), 0o755)
	os.WriteFile(filepath.Join(dir, "host", "proc", "sys", "kernel", "osrelease"), []byte("6.1.0\n"), 0o644)
	if err := os.Symlink(secret, filepath.Join(dir, "host", "proc", "cmdline")); err != nil {
		t.Skip(err)
	}
	os.Symlink("/sys", filepath.Join(dir, "host", "sys"))
	h, err := Read(t.Context(), filepath.Join(dir, "host"))
	if err != nil {
		t.Fatal(err)
	}
	if h.Cmdline.Known() || h.Possible.Known() {
		t.Errorf("read through a link: %v %v", h.Cmdline, h.Possible)
	}
	if want := []string{"host bundle: 2 links and special files skipped"}; !slices.Equal(h.Notes, want) {
		t.Errorf("notes %q, want %q", h.Notes, want)
	}
}

// What lies beyond a bound of a bundle is left out, and a note says so.
func TestReadBounds(t *testing.T) {
	junk := make([]entry, 100)
	for i := range junk {
		junk[i] = entry{name: fmt.Sprintf("proc/%d/comm", i+1), body: "x"}
	}
	junk[50].name = "proc/1/task/77/comm"
	junk[51].name, junk[51].body = "proc/52/status", strings.Repeat("x", maxTaskFile+1)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(tarOf(t, append([]entry{{name: "proc/version", body: "Linux version 6.1.0 x"}}, entry{name: "junk", body: strings.Repeat("\x00", 1<<20)})...))
	z.Close()
	for name, tc := range map[string]struct {
		data  []byte
		max   bounds
		tasks int
		want  []string
	}{
		"none":     {tarOf(t, junk...), bundleBounds, 98, []string{"host bundle: 1 files larger than 64 KiB skipped"}},
		"entries":  {tarOf(t, junk...), bounds{50, 1000, 1 << 20, 1 << 30}, 50, []string{"host bundle: what follows the first 50 entries was left out"}},
		"tasks":    {tarOf(t, junk...), bounds{1000, 30, 1 << 20, 1 << 30}, 30, []string{"host bundle: 70 files of tasks beyond the first 30 skipped"}},
		"kept":     {tarOf(t, junk[:50]...), bounds{1000, 1000, 10 * 76, 1 << 30}, 9, []string{"host bundle: 41 files beyond the first 0 MiB skipped"}},
		"unpacked": {bomb.Bytes(), bounds{1000, 1000, 1 << 20, 1 << 19}, 0, []string{"host bundle: what follows the first 0 MiB was left out"}},
	} {
		tree := newTree(name)
		tree.max = tc.max
		if err := tree.readArchive(bytes.NewReader(tc.data)); err != nil {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		h := tree.host()
		if len(h.Task) != tc.tasks || !slices.Equal(h.Notes, tc.want) {
			t.Errorf("%s: %d tasks, want %d; notes %q", name, len(h.Task), tc.tasks, h.Notes)
		}
	}
	dir := t.TempDir()
	for _, e := range junk {
		at := filepath.Join(dir, e.name)
		os.MkdirAll(filepath.Dir(at), 0o755)
		os.WriteFile(at, []byte(e.body), 0o644)
	}
	tree := newTree(dir)
	tree.max.entries = 99
	if err := tree.readFolder(t.Context(), dir); err != nil || len(tree.host().Notes) == 0 {
		t.Errorf("folder: error %v, notes %q", err, tree.notes)
	}
}

// Very many tasks, or files of megabytes for each, cost what the bounds allow.
func TestReadCost(t *testing.T) {
	if testing.Short() {
		t.Skip("writes archives of some hundred MiB")
	}
	var many, large bytes.Buffer
	pack := func(to *bytes.Buffer, n int, body string) {
		z, err := zstd.NewWriter(to)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(z)
		w.WriteHeader(&tar.Header{Name: "host/proc/version", Mode: 0o644})
		for i := range n {
			w.WriteHeader(&tar.Header{Name: fmt.Sprintf("host/proc/%d/status", i+1), Size: int64(len(body)), Mode: 0o644})
			io.WriteString(w, body)
		}
		w.Close()
		z.Close()
	}
	pack(&many, 200_000, "Name:\ta\nPPid:\t1\nCpus_allowed_list:\t0-3\n")
	pack(&large, 100, "Name:\ta\n"+strings.Repeat("x:y\n", 1<<20-100))
	for name, b := range map[string][]byte{"many": many.Bytes(), "large": large.Bytes()} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		h, err := ReadArchive(name, bytes.NewReader(b))
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err != nil || len(h.Notes) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 128<<20 {
			t.Errorf("%s: %d MiB are kept", name, kept>>20)
		}
		runtime.KeepAlive(h)
	}
}

// Reading ends when it is told to.
func TestReadInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{"testdata/bundles/numa16.tar.gz", t.TempDir()} {
		if h, err := Read(ctx, path); h != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, %v", path, h, err)
		}
	}
}
