package record

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"schedreplay/parser/host"
)

// fakeTracefs makes a folder that looks like tracefs: an instance's files come with its
// folder, and removing the folder takes them away unless the instance is in use.
func fakeTracefs(t *testing.T) Machine {
	t.Helper()
	m := machine(2)
	m.Tracefs = t.TempDir()
	put := func(dir string, files map[string]string) {
		for name, s := range files {
			p := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o777), os.WriteFile(p, []byte(s), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
	}
	own := map[string]string{
		"tracing_on": "1", "trace_clock": "[local] mono", "buffer_size_kb": "7", "per_cpu/cpu0/stats": "entries: 1\n", "per_cpu/cpu1/stats": "entries: 2\n",
		"per_cpu/cpu0/trace_pipe_raw": strings.Repeat("a", 100<<10), "per_cpu/cpu1/trace_pipe_raw": "",
	}
	for _, e := range wanted {
		at := "events/" + strings.Replace(e, ":", "/", 1)
		own[at+"/enable"], own[at+"/filter"], own[at+"/format"] = "0", "none", "name: "+e
	}
	put(m.Tracefs, own)
	put(m.Tracefs, map[string]string{"events/header_page": "page", "saved_cmdlines": "1 init\n", "available_events": strings.Join(wanted, "\n"), "instances/theirs/tracing_on": "1"})
	oldMk, oldRm := mkdir, rmdir
	t.Cleanup(func() { mkdir, rmdir = oldMk, oldRm })
	mkdir = func(dir string) error {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
		put(dir, own)
		return nil
	}
	rmdir = func(dir string) error {
		if _, err := os.Stat(filepath.Join(dir, "busy")); err == nil {
			return &fs.PathError{Op: "rmdir", Path: dir, Err: syscall.EBUSY}
		}
		if _, err := os.Stat(dir); err != nil {
			return err
		}
		return os.RemoveAll(dir)
	}
	return m
}

// folder is a plain folder as a [Folder].
type folder string

func (f folder) Create(name string) (*os.File, error) {
	p := filepath.Join(string(f), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
		return nil, err
	}
	return os.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
}

// tree is what a folder holds, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		out[strings.TrimPrefix(p, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, before, after map[string]string) {
	t.Helper()
	for p, s := range before {
		if a, ok := after[p]; !ok || a != s {
			t.Errorf("%s was %q, is %q", p, s, a)
		}
	}
	for p := range after {
		if _, ok := before[p]; !ok {
			t.Errorf("%s is new", p)
		}
	}
}

// A ring sets its instance up, keeps what is needed to read it, and leaves nothing.
func TestRing(t *testing.T) {
	m := fakeTracefs(t)
	before := tree(t, m.Tracefs)
	p, err := NewPlan(m, Options{Backend: Tracefs})
	if err != nil {
		t.Fatal(err)
	}
	r, err := startRing(&p)
	if err != nil {
		t.Fatal(err)
	}
	set := tree(t, r.dir)
	for name, want := range map[string]string{"/tracing_on": "1", "/trace_clock": "mono", "/buffer_size_kb": "16384", "/events/sched/sched_switch/enable": "1", "/events/sched/sched_switch/filter": "none"} {
		if set[name] != want {
			t.Errorf("%s is %q, want %q", name, set[name], want)
		}
	}
	out := t.TempDir()
	if err := r.stop(folder(out)); err != nil {
		t.Fatal(err)
	}
	same(t, before, tree(t, m.Tracefs))
	got := tree(t, filepath.Join(out, "tracefs"))
	if len(got) != len(wanted)+7 || len(got["/per_cpu/cpu0/trace_pipe_raw"]) != 100<<10 || got["/events/header_page"] != "page" || got["/trace_clock"] != "mono" {
		t.Errorf("%d files", len(got))
	}
}

// An event that cannot be enabled leaves nothing behind either.
func TestRingFails(t *testing.T) {
	m := fakeTracefs(t)
	before := tree(t, m.Tracefs)
	m.Events["sched:sched_fancy"] = true
	p := Plan{Machine: m, PerCPU: minPerCPU, Clock: "mono", Events: []string{"sched:sched_switch", "sched:sched_fancy"}}
	if _, err := startRing(&p); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	same(t, before, tree(t, m.Tracefs))
}

// Restore removes what is left over and nothing else: no instance in use, none of others.
func TestRestore(t *testing.T) {
	m := fakeTracefs(t)
	at := func(name string) string { return filepath.Join(m.Tracefs, "instances", name) }
	before := tree(t, m.Tracefs)
	if err := errors.Join(mkdir(at(prefix+"7")), mkdir(at(prefix+"7-watch")), mkdir(at(prefix+"8"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at(prefix+"8"), "busy"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	gone, err := Restore(m)
	if err != nil || strings.Join(gone, " ") != prefix+"7 "+prefix+"7-watch" {
		t.Errorf("removed %q, %v", gone, err)
	}
	if _, err := os.Stat(at(prefix + "8")); err != nil {
		t.Error(err)
	}
	_ = os.RemoveAll(at(prefix + "8"))
	same(t, before, tree(t, m.Tracefs))
	// A recorder takes over what a killed one of its own pid left.
	in, err := newInstance(&m, "")
	if err != nil {
		t.Fatal(err)
	}
	in.hold.Close()
	if in, err = newInstance(&m, ""); err != nil {
		t.Fatal(err)
	}
	if err := in.remove(); err != nil {
		t.Fatal(err)
	}
	same(t, before, tree(t, m.Tracefs))
}

// The whole of it against a machine made of files: the folder is a recording with its bundle.
func TestRunFake(t *testing.T) {
	m := fakeTracefs(t)
	before := tree(t, m.Tracefs)
	m.Root = t.TempDir()
	for name, s := range map[string]string{"proc/sys/kernel/osrelease": "6.1.0\n", "sys/devices/system/cpu/online": "0-1\n"} {
		p := filepath.Join(m.Root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o777), os.WriteFile(p, []byte(s), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := NewPlan(m, Options{Backend: Tracefs, Duration: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	var said []string
	if err := mkdir(filepath.Join(m.Tracefs, "instances", prefix+"1")); err != nil {
		t.Fatal(err)
	}
	r, err := p.Run(t.Context(), folder(out), func(s string) { said = append(said, s) })
	if err != nil || !r.Recorded || r.Why != "1ns are over" || !strings.Contains(strings.Join(said, "\n"), "removed "+prefix+"1, ") {
		t.Errorf("%+v, %v, %q", r, err, said)
	}
	same(t, before, tree(t, m.Tracefs))
	// Ctrl-C ends a recording; what there is is kept, with its bundle.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	kept := t.TempDir()
	p.Duration = 0
	if r, err := p.Run(ctx, folder(kept), func(string) {}); err != nil || !r.Recorded || r.Why != "interrupted" || r.Bundle.Files == 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if got := tree(t, kept); len(got["/tracefs/per_cpu/cpu0/trace_pipe_raw"]) == 0 {
		t.Errorf("%d files kept", len(got))
	}
	same(t, before, tree(t, m.Tracefs))
	b, err := os.ReadFile(filepath.Join(out, "host.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.ReadArchive("bundle", bytes.NewReader(b))
	if err != nil || h.Release.Value != "6.1.0" {
		t.Errorf("%v, %v", h, err)
	}
}
