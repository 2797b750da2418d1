package anonymize_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"schedreplay/export/anonymize"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
)

const root = "../../"

// captures are the recorded files of the dialects' own tests: every printed
// form, hostile names, losses, compression, cut and damaged files.
func captures(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, dir := range []string{"ftrace", "perfscript", "timehist"} {
		files, _ := filepath.Glob(root + "parser/" + dir + "/testdata/*.txtar")
		for _, f := range files {
			a, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range a.Files {
				if x.Name == "capture" {
					all[dir+"/"+filepath.Base(f)] = x.Data
				}
			}
		}
	}
	for _, glob := range []string{"perfdata/testdata/*.zst", "tracedat/testdata/*.zst"} {
		files, _ := filepath.Glob(root + "parser/" + glob)
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all[filepath.Dir(glob)+"/"+filepath.Base(f)] = b
		}
	}
	if len(all) < 40 {
		t.Fatalf("only %d captures found: is the root right?", len(all))
	}
	return all
}

func openBytes(t *testing.T, b []byte) (*open.Input, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return open.File(t.Context(), path, open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
}

// rewrite anonymises an opened capture.
func rewrite(t *testing.T, in *open.Input, n *anonymize.Names, w anonymize.Window) ([]byte, *anonymize.Report, error) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := anonymize.Capture(in.Source(), in.Capture, n, w, f)
	if err != nil {
		return nil, nil, err
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b, r, nil
}

// events reads a capture; what names tell is taken through the mapping, what
// places tell left out.
func events(in *open.Input, to func(string) string) ([]parser.Event, error) {
	var list []parser.Event
	for ev, err := range in.Capture.Events() {
		if err != nil {
			return list, err
		}
		ev.Pos = 0
		ev.Task.Comm, ev.Next.Comm, ev.Cur.Comm = to(ev.Task.Comm), to(ev.Next.Comm), to(ev.Cur.Comm)
		switch ev.Kind {
		case parser.KindExec, parser.KindDamaged:
			ev.Text = ""
		}
		list = append(list, ev)
	}
	return list, nil
}

// The copy of every recorded file holds the same events but for the names, none
// of the names, and has the original's size where nothing in it was compressed.
func TestCopiesAreTheSameButForNames(t *testing.T) {
	for name, b := range captures(t) {
		t.Run(name, func(t *testing.T) {
			in, err := openBytes(t, b)
			if err != nil {
				t.Skipf("no capture: %v", err)
			}
			defer in.Close()
			n := anonymize.NewNames(nil)
			got, report, err := rewrite(t, in, n, anonymize.All)
			if errors.Is(err, anonymize.ErrRefused) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			mapping := n.Mapping()
			want, werr := events(in, func(s string) string {
				if to, ok := mapping[s]; ok {
					return to
				}
				return s
			})
			out, err := openBytes(t, got)
			if err != nil {
				t.Fatalf("the copy cannot be opened: %v", err)
			}
			defer out.Close()
			if out.Meta().Dialect != in.Meta().Dialect {
				t.Errorf("the copy is taken for %s, the original for %s", out.Meta().Dialect, in.Meta().Dialect)
			}
			if a, b := in.Meta().Host, out.Meta().Host; b.Hostname.Value != n.Comm(a.Hostname.Value) || a.Release.Value != b.Release.Value || a.Online.Value.String() != b.Online.Value.String() {
				t.Errorf("the host was %q %q, is %q %q", a.Hostname.Value, a.Release.Value, b.Hostname.Value, b.Release.Value)
			}
			have, herr := events(out, func(s string) string { return s })
			if d := cmp.Diff(want, have); d != "" {
				t.Errorf("events differ (-original +copy):\n%.3000s", d)
			}
			if (werr == nil) != (herr == nil) && report.Dropped == 0 {
				t.Errorf("original ends with %v, copy with %v", werr, herr)
			}
			for from, to := range mapping {
				if from != to && holds(got, from, isText(in)) {
					t.Errorf("the copy still holds %q", from)
				}
			}
			if src := in.Source(); isText(in) && src.Size >= 0 && int64(len(got)) != src.Size {
				t.Errorf("the copy has %d bytes, the original %d", len(got), src.Size)
			}
		})
	}
}

func isText(in *open.Input) bool {
	d := in.Meta().Dialect
	return d != parser.DialectPerfData && d != parser.DialectTraceDat
}

// holds reports whether a copy still names a task: in a printed one anywhere, in
// a binary one as a field or a cached name, for the event formats are full of
// words.
func holds(copied []byte, name string, text bool) bool {
	switch {
	case len(name) <= 4 || strings.Contains(name, "comm=") || strings.Contains(name, "pid=") || strings.Contains(name, "sched"):
		return false // the tools' own words
	case text:
		return bytes.Contains(copied, []byte(name)) && name != "timeout" && name != "number"
	}
	return bytes.Contains(copied, []byte("\x00"+name+"\x00")) || bytes.Contains(copied, []byte("1 "+name+"\n"))
}

// What cannot be rewritten is refused, with the reason.
func TestRefusals(t *testing.T) {
	read := func(path string) []byte {
		b, err := os.ReadFile(root + path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name, path, why string
		w               anonymize.Window
	}{
		{"window of perf.data", "parser/perfdata/testdata/hostile.data.zst", "from text alone", anonymize.Window{From: 0, To: 1}},
		{"killed recorder", "parser/perfdata/testdata/killed.data.zst", "killed", anonymize.All},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := openBytes(t, read(c.path))
			if err != nil {
				t.Skip(err)
			}
			defer in.Close()
			_, _, err = rewrite(t, in, anonymize.NewNames(nil), c.w)
			if !errors.Is(err, anonymize.ErrRefused) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %v, want a refusal that says %q", err, c.why)
			}
		})
	}
}

// Cut anywhere, a binary capture gives an error or a copy, and never a name.
func TestCutFiles(t *testing.T) {
	for _, path := range []string{"parser/perfdata/testdata/hostile.data.zst", "parser/perfdata/testdata/compressed.data.zst"} {
		b, err := os.ReadFile(root + path)
		if err != nil {
			t.Fatal(err)
		}
		in, err := openBytes(t, b)
		if err != nil {
			t.Fatal(err)
		}
		r, err := in.Source().Open()
		if err != nil {
			t.Fatal(err)
		}
		var whole bytes.Buffer
		if _, err := whole.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
		in.Close()
		for cut := 0; cut < whole.Len(); cut += 4096 {
			in, err := openBytes(t, whole.Bytes()[:cut])
			if err != nil {
				continue
			}
			n := anonymize.NewNames(nil)
			if got, _, err := rewrite(t, in, n, anonymize.All); err == nil {
				for from, to := range n.Mapping() {
					if from != to && holds(got, from, false) {
						t.Errorf("%s cut at %d: the copy holds %q", path, cut, from)
					}
				}
			}
			in.Close()
		}
	}
}

func TestWindow(t *testing.T) {
	in, err := open.File(t.Context(), root+"testdata/traces/smt8-isolated3-original/ftrace.txt.gz", open.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	w := anonymize.Window{From: 32_441_000_000, To: 32_442_000_000}
	b, r, err := rewrite(t, in, anonymize.NewNames(nil), w)
	if err != nil {
		t.Fatal(err)
	}
	out, err := openBytes(t, b)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	list, err := events(out, func(s string) string { return s })
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(list)) != r.Records || len(list) < 5 || list[0].Time < w.From || list[len(list)-1].Time > w.To {
		t.Errorf("%d events from %d to %d", len(list), list[0].Time, list[len(list)-1].Time)
	}
}

// readBundle reads the copy of a bundle.
func readBundle(t *testing.T, b []byte) *parser.Host {
	t.Helper()
	out := filepath.Join(t.TempDir(), "host.tar.gz")
	if err := os.WriteFile(out, b, 0o666); err != nil {
		t.Fatal(err)
	}
	h, err := host.Read(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A bundle's copy describes the same machine, with the names replaced as in the
// capture.
func TestBundle(t *testing.T) {
	path := root + "testdata/traces/smt44-isolated43-original/host.tar.gz"
	h, err := host.Read(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	n := anonymize.NewNames(h)
	user := n.Comm("pmd-c")
	if n.Comm("ksmd") != "ksmd" || user == "pmd-c" || len(user) != len("pmd-c") {
		t.Errorf("ksmd becomes %q, pmd-c %q", n.Comm("ksmd"), user)
	}
	var first, second bytes.Buffer
	for _, w := range []*bytes.Buffer{&first, &second} {
		if err := anonymize.Bundle(path, n, w); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same bundle gives different bytes")
	}
	got := readBundle(t, first.Bytes())
	if d := cmp.Diff(h.CPU, got.CPU, cmp.Comparer(func(a, b parser.CPUs) bool { return a.String() == b.String() })); d != "" {
		t.Errorf("CPUs differ:\n%s", d)
	}
	if got.Isolated.Value.String() != h.Isolated.Value.String() || got.Release.Value != h.Release.Value || len(got.Domains) != len(h.Domains) {
		t.Error("isolation, release or domains differ")
	}
	if len(got.Task) != len(h.Task) {
		t.Errorf("%d tasks, want %d", len(got.Task), len(h.Task))
	}
	for pid, want := range h.Task {
		have := got.Task[pid]
		if want.Kthread.Value && have.Comm != want.Comm || !want.Kthread.Value && have.Comm == want.Comm && n.Comm(want.Comm) != want.Comm {
			t.Errorf("pid %d, %q, became %q", pid, want.Comm, have.Comm)
		}
		if have.Affinity.Value.String() != want.Affinity.Value.String() || have.Kthread.Value != want.Kthread.Value {
			t.Errorf("pid %d: affinity or kind differ", pid)
		}
	}
}

// Control groups keep their limits, which task is in which, and that they differ, also where
// names begin alike; their names go.
func TestBundleGroups(t *testing.T) {
	const (
		one = "/kubepods.slice/kubepods-pod11111111_wolf.slice"
		two = "/kubepods.slice/kubepods-pod11111111_lynx.slice"
	)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"sys/devices/system/cpu/online":             "0-1\n",
		"proc/71/comm":                              "pod-one\n",
		"proc/71/stat":                              "71 (pod-one) S 1 71 71 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 10 0 0\n",
		"proc/71/status":                            "Name:\tpod-one\nState:\tS (sleeping)\nTgid:\t71\nPid:\t71\n",
		"proc/71/cgroup":                            "3:secretctl:/x\n1:name=secret:/y\n0::" + one + " (deleted)\n",
		"proc/72/comm":                              "pod-two\n",
		"proc/72/stat":                              "72 (pod-two) S 1 72 72 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 10 0 0\n",
		"proc/72/status":                            "Name:\tpod-two\nState:\tS (sleeping)\nTgid:\t72\nPid:\t72\n",
		"proc/72/cgroup":                            "0::" + two + "\n",
		"sys/fs/cgroup" + one + "/cpu.max":          "50000 100000\n",
		"sys/fs/cgroup" + two + "/cpu.weight":       "200\n",
		"sys/fs/cgroup/cpu/batch-secret/cpu.shares": "512\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := anonymize.Bundle(dir, anonymize.NewNames(nil), &b); err != nil {
		t.Fatal(err)
	}
	h := readBundle(t, b.Bytes())
	first, second := h.Task[71].Cgroup.Value, h.Task[72].Cgroup.Value
	if len(h.Cgroups.Info) != 3 || first == second ||
		h.Cgroups.Info[first].Quota.Value != 50_000_000 || h.Cgroups.Info[second].Shares.Value != 2048 {
		t.Errorf("pid 71 is in %s, 72 in %s, of %v", first, second, h.Cgroups.Info)
	}
	z, err := gzip.NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"kubepods", "wolf", "lynx", "1111", "secret"} {
		if bytes.Contains(plain, []byte(s)) {
			t.Errorf("%q is in the copy", s)
		}
	}
}

// What an administrator called is not the kernel's, though a kernel thread bears it: the
// interface of a workqueue, the address of an NFS server, a resource of DRBD.
func TestNamesOfTheSite(t *testing.T) {
	h := &parser.Host{Task: map[int32]parser.TaskInfo{}}
	kthreads := []string{"kworker/u8:2-wg-crypt-corpvpn", "kworker/0:1+events_power_efficient", "10.77.88.99-man", "fe80::12-manager", "drbd_w_payroll", "hwrng"}
	for i, name := range kthreads {
		h.Task[int32(i+1)] = parser.TaskInfo{Comm: name, Kthread: fact.Seen(true, "proc")}
	}
	n := anonymize.NewNames(h)
	for i, want := range []string{"kworker/u8:2-tbbbbbbbbbbbbbbb", kthreads[1], "tbbbbbbbbbbbbbb", "tbbbbbbbbbbbbbbc", "tbbbbbbbbbbbbb", "hwrng"} {
		if got := n.Comm(kthreads[i]); got != want {
			t.Errorf("%s became %s, not %s", kthreads[i], got, want)
		}
	}
	if got := strings.Join(n.Kept(), " "); got != "hwrng kworker/N:N kworker/uN:N" {
		t.Errorf("kept %s", got)
	}
}
