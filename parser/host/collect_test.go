package host

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/parser"
)

// machine unpacks a bundle into a folder that looks like the root of a machine.
func machine(t testing.TB, bundle string) string {
	t.Helper()
	raw, err := os.Open(bundle)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	z, err := gzip.NewReader(raw)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, strings.TrimPrefix(h.Name, "host/"))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(r)
		if err := os.WriteFile(at, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func collect(t testing.TB, root string) ([]byte, Collected) {
	t.Helper()
	var b bytes.Buffer
	c, err := Collect(context.Background(), root, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), c
}

// What Collect stores of a machine, Read knows.
func TestCollectRoundTrip(t *testing.T) {
	for _, name := range []string{"numa16"} {
		bundle := "testdata/bundles/" + name + ".tar.gz"
		want, err := Read(t.Context(), bundle)
		if err != nil {
			t.Fatal(err)
		}
		data, c := collect(t, machine(t, bundle))
		if c.Missed > 0 {
			t.Errorf("missed %q", c.Why)
		}
		got, err := ReadArchive("collected", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS == "linux" && len(got.Wall) != clockReadings {
			t.Errorf("%d clock readings", len(got.Wall))
		}
		got.Wall = nil
		if d := cmp.Diff(dump(want), dump(got)); d != "" {
			t.Errorf("%s: -want +got:\n%s", name, d)
		}
	}
}

func names(t testing.TB, data []byte) []string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 0 || h.Uname != "" || h.Uid != 0 {
			t.Errorf("%s tells time or owner", h.Name)
		}
		out = append(out, h.Name)
	}
}

func TestCollectOrder(t *testing.T) {
	root := machine(t, "testdata/bundles/numa16.tar.gz")
	one, _ := collect(t, root)
	two, _ := collect(t, root)
	list := names(t, one)
	if !slices.Equal(list, names(t, two)) {
		t.Error("two bundles of one machine differ in order")
	}
	a, b := slices.Index(list, "host/sys/devices/system/cpu/cpu2/topology/core_id"), slices.Index(list, "host/sys/devices/system/cpu/cpu10/topology/core_id")
	if a < 0 || b < a {
		t.Errorf("cpu2 at %d, cpu10 at %d", a, b)
	}
}

// A file that cannot be read is counted and named, and everything else is there.
func TestCollectUnreadable(t *testing.T) {
	root := machine(t, "testdata/bundles/smt8-isolated3.tar.gz")
	if os.Getuid() == 0 {
		// Root reads everything: a file that is too large fails as well.
		if err := os.WriteFile(filepath.Join(root, "sys/kernel/debug/sched/features"), make([]byte, maxFile+1), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if err := os.Chmod(filepath.Join(root, "sys/kernel/debug/sched/features"), 0); err != nil {
		t.Fatal(err)
	}
	data, c := collect(t, root)
	if c.Missed != 1 || len(c.Why) != 1 || !strings.HasPrefix(c.Why[0], "/sys/kernel/debug/sched/features: ") {
		t.Errorf("missed %d: %q", c.Missed, c.Why)
	}
	h, err := ReadArchive("x", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if h.Features.Known() || h.Isolated.Value.String() != "3" {
		t.Errorf("features %s isolated %s", show(h.Features), show(h.Isolated))
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestCollectFails(t *testing.T) {
	if _, err := Collect(context.Background(), t.TempDir(), io.Discard); !errors.Is(err, parser.ErrHost) {
		t.Errorf("nothing to collect: %v", err)
	}
	root := machine(t, "testdata/bundles/smt8-isolated3.tar.gz")
	if _, err := Collect(context.Background(), root, failing{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("writing fails: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Collect(ctx, root, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// steady is what of a live machine stays the same from one reading to the next.
func steady(h *parser.Host) string {
	h = &parser.Host{
		Hostname: h.Hostname, Release: h.Release, Version: h.Version, Arch: h.Arch, Cmdline: h.Cmdline, Possible: h.Possible, Present: h.Present,
		Online: h.Online, Isolated: h.Isolated, NohzFull: h.NohzFull, CPU: h.CPU, Node: h.Node, Domains: h.Domains, Features: h.Features,
		HZ: h.HZ, Config: h.Config, Tunables: h.Tunables, IsolatedLater: h.IsolatedLater, Islands: h.Islands,
	}
	return dump(h)
}

func TestCollectLive(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /proc here")
	}
	data, _ := collect(t, "/")
	got, err := ReadArchive("live", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Read(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(steady(want), steady(got)); d != "" {
		t.Errorf("-live +collected:\n%s", d)
	}
	if len(got.Task) == 0 || len(got.Wall) != clockReadings {
		t.Errorf("%d tasks, %d clock readings", len(got.Task), len(got.Wall))
	}
	for _, w := range got.Wall {
		if w.Boottime < w.Monotonic || w.Realtime < w.Boottime {
			t.Errorf("clocks %+v", w)
		}
	}
	if self, ok := got.Task[int32(os.Getpid())]; !ok || !self.Affinity.Known() {
		t.Errorf("this process: %+v", self)
	}
}

// The shell script of docs/host-bundle.md makes the same bundle.
func TestShellCollector(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /proc here")
	}
	for _, tool := range []string{"/bin/sh", "tar", "find", "mktemp"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	doc, err := os.ReadFile("../../docs/host-bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(doc), "<!-- test: shell -->\n```sh\n")
	script, _, ok := strings.Cut(script, "```")
	if !ok {
		t.Fatal("no script in the document")
	}
	out := filepath.Join(t.TempDir(), "with blank", "host.tar.gz")
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), "OUT="+out)
	if b, err := cmd.CombinedOutput(); err != nil || len(b) > 0 {
		t.Fatalf("%v: %s", err, b)
	}
	got, err := Read(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Read(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(steady(want), steady(got)); d != "" {
		t.Errorf("-live +collected:\n%s", d)
	}
	if a, b := want.Task[1].Cgroup, got.Task[1].Cgroup; a.Value != b.Value || !b.Known() && a.Known() {
		t.Errorf("the group of pid 1 is %s, collected %s", show(a), show(b))
	}
	if len(got.Task) == 0 || len(got.Notes) > 0 {
		t.Errorf("%d tasks, notes %q", len(got.Task), got.Notes)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(tarOf(f, files("host/proc/1/stat", "1 (a) S", "host/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0-1")...))
	f.Add(tarOf(f, files("host/proc/1/status", "Name:\ta\nCpus_allowed_list:\t0-1\n", "host/proc/cmdline", "isolcpus=1 nohz_full=1\n",
		"host/proc/version", "Linux version 6.1.0\n", "host/sys/devices/system/cpu/online", "0-1\n",
		"host/sys/devices/system/cpu/cpu1/cache/index3/shared_cpu_list", "0-1\n", "host/sys/devices/system/node/node0/distance", "10\n",
		"host/sys/kernel/debug/sched/domains/cpu0/domain0/name", "MC\n", "host/sys/fs/cgroup/a/cpuset.cpus.partition", "isolated\n")...))
	f.Add(tarOf(f, entry{name: "host/proc/version", kind: tar.TypeSymlink, link: "/etc"}, entry{name: "proc/cmdline", body: "isolcpus=1"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadArchive("fuzz", bytes.NewReader(data))
		var pe *parser.Error
		if err != nil {
			if !errors.As(err, &pe) || !errors.Is(err, parser.ErrHost) {
				t.Errorf("error %v", err)
			}
			return
		}
		if _, err := Merge(nil, h, Flags{}); err != nil {
			t.Errorf("merge: %v", err)
		}
		Check(h, Seen{CPUs: h.Online.Value, Comm: map[int32]string{1: "a"}})
	})
}

// Root is not told to be root: neither where the kernel is locked down nor elsewhere.
func TestCollectRemedy(t *testing.T) {
	for _, tc := range []struct {
		lockdown string
		uid      int
		want     string
	}{
		{"", 1000, "root reads them all"},
		{"", 0, ""},
		{"[none] integrity confidentiality\n", 1000, "root reads them all"},
		{"[none] integrity confidentiality\n", 0, ""},
		{"none [integrity] confidentiality\n", 0, "the kernel is locked down (integrity): root cannot read debugfs either"},
		{"none integrity [confidentiality]\n", 1000, "the kernel is locked down (confidentiality): root cannot read debugfs either"},
	} {
		root := t.TempDir()
		if tc.lockdown != "" {
			at := filepath.Join(root, "sys/kernel/security")
			os.MkdirAll(at, 0o755)
			if err := os.WriteFile(filepath.Join(at, "lockdown"), []byte(tc.lockdown), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := remedyFor(root, tc.uid); got != tc.want {
			t.Errorf("%q as %d: %q, want %q", tc.lockdown, tc.uid, got, tc.want)
		}
	}
}
