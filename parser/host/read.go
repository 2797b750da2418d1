package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// Read reads a host bundle: a folder, or a tar archive, plain or compressed
// with gzip, zstd, xz or bzip2. It holds files of /proc and /sys by their own
// paths, at its top or in one folder ("host/", "./", any name). Files that are
// missing leave facts unknown; files that are malformed, and entries that were
// skipped (links, paths out of the bundle, oversized ones), are counted in
// Host.Notes.
//
// The error is a [parser.Error] that wraps [parser.ErrHost]: no such file, no
// bundle, two machines in one bundle, a damaged archive; or it is ctx.Err().
func Read(ctx context.Context, path string) (*parser.Host, error) {
	h, err := read(ctx, path)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return h, err
}

func read(ctx context.Context, path string) (*parser.Host, error) {
	st, err := os.Stat(path)
	if err == nil && st.IsDir() {
		t := newTree(path)
		if err := t.readFolder(ctx, path); err != nil {
			return nil, err
		}
		return t.host(), nil
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(path)
	}
	if err != nil {
		return nil, newTree(path).absent(err)
	}
	defer f.Close()
	return ReadArchive(path, readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return f.Read(p)
	}))
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// ReadArchive is [Read] for an archive that is already open; name is for
// messages.
func ReadArchive(name string, r io.Reader) (*parser.Host, error) {
	t := newTree(name)
	if err := t.readArchive(r); err != nil {
		return nil, err
	}
	return t.host(), nil
}

// host turns the files into facts.
func (t *tree) host() *parser.Host {
	h := &parser.Host{}
	h.Release = t.text("proc/sys/kernel/osrelease")
	h.Version = t.text("proc/version")
	h.Hostname = t.text("proc/sys/kernel/hostname")
	h.Arch = t.text("proc/sys/kernel/arch")
	h.Cmdline = t.text("proc/cmdline")
	t.readUname(h)
	if !h.Release.Known() {
		// "Linux version 6.1.0-18-amd64 (…) …"
		if f := strings.Fields(h.Version.Value); len(f) > 2 && f[0] == "Linux" && f[1] == "version" {
			h.Release = fact.Seen(f[2], h.Version.Source)
		}
	}
	t.readConfig(h)
	t.readTopology(h)
	t.readNodes(h)
	t.readTunables(h)
	t.readDomains(h)
	t.readIsolation(h)
	t.readCpusets(h)
	t.readTasks(h)
	t.readCgroups(h)
	t.readClocks(h)
	t.readFunctions(h)
	t.checkDomains(h)
	h.Notes = t.notes
	return h
}

// text returns the content of a file as a fact, unknown if the file is missing
// or empty.
func (t *tree) text(p string) fact.Fact[string] {
	if s, _ := t.value(p); s != "" {
		return fact.Seen(s, "/"+p)
	}
	return fact.Fact[string]{}
}

// readUname takes what is still unknown from schedreplay/uname, which holds the
// output of uname -srnm in lines: system, release, node name, machine.
func (t *tree) readUname(h *parser.Host) {
	s, _ := t.value("schedreplay/uname")
	lines := strings.Split(s, "\n")
	for i, f := range []*fact.Fact[string]{nil, &h.Release, &h.Hostname, &h.Arch} {
		if f != nil && i < len(lines) && lines[i] != "" {
			*f = f.Or(fact.Seen(lines[i], "uname"))
		}
	}
}

// list returns a CPU list file as a fact. An empty list is known to be empty
// only if emptyOK; otherwise, and if it is malformed, it is unknown.
func (t *tree) list(p string, emptyOK bool) fact.Fact[parser.CPUs] {
	s, ok := t.value(p)
	if !ok || s == "" && !emptyOK {
		return fact.Fact[parser.CPUs]{}
	}
	m, err := cpumask.ParseList(s, 0)
	if err == nil && m.Empty() && !emptyOK {
		err = fmt.Errorf("%q names no CPU", s)
	}
	if err != nil {
		t.note("/%s: %v; ignored", p, err)
		return fact.Fact[parser.CPUs]{}
	}
	return fact.Seen(m, "/"+p)
}

// number returns a file's decimal number, false if it has none.
func (t *tree) number(p string) (int64, bool) {
	s, ok := t.value(p)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.note("/%s: %.40q is no number; ignored", p, s)
		return 0, false
	}
	return n, true
}

// readTunables fills Features and Tunables.
func (t *tree) readTunables(h *parser.Host) {
	for _, p := range []string{"sys/kernel/debug/sched/features", "sys/kernel/debug/sched_features"} {
		if s, _ := t.value(p); s != "" {
			h.Features = fact.Seen(strings.Fields(s), "/"+p)
			break
		}
	}
	add := func(name, p string) {
		if s, _ := t.value(p); s == "" || strings.ContainsAny(s, " \n") {
			return // a list of words, such as some kernels' tunable_scaling
		}
		switch n, ok := t.number(p); {
		case !ok:
		case n < -1 || n > maxTunable:
			t.note("/%s: no kernel takes %d; ignored", p, n)
		default:
			if h.Tunables == nil {
				h.Tunables = map[string]int64{}
			}
			h.Tunables[name] = n
		}
	}
	for _, c := range t.children["proc/sys/kernel"] {
		name, ok := strings.CutPrefix(c, "sched_")
		if !ok || c == "sched_domain" {
			continue
		}
		if !movedToDebugfs[name] {
			name = c
		}
		add(name, "proc/sys/kernel/"+c)
	}
	for _, c := range t.children["sys/kernel/debug/sched"] {
		if c != "features" && c != "preempt" && c != "domains" {
			add(c, "sys/kernel/debug/sched/"+c)
		}
	}
}

// maxTunable is above what the kernel's tunables take, times in ns or µs among them (int and
// unsigned int, kernel/sched/fair.c, rt.c); -1 is the least, for no limit.
const maxTunable = 1 << 40

// movedToDebugfs are the tunables that 5.13 moved from /proc/sys/kernel/sched_*
// to debugfs (kernel/sched/debug.c, sched_init_debug).
var movedToDebugfs = map[string]bool{
	"latency_ns": true, "min_granularity_ns": true, "wakeup_granularity_ns": true,
	"migration_cost_ns": true, "nr_migrate": true, "tunable_scaling": true,
}

// readClocks fills Wall from schedreplay/clocks: lines of realtime, monotonic
// and boottime in ns; lines that start with # are comments.
func (t *tree) readClocks(h *parser.Host) {
	s, ok := t.value("schedreplay/clocks")
	if !ok {
		return
	}
	const maxTriples = 1000
	bad := 0
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var c parser.ClockTriple
		f := strings.Fields(line)
		var err error
		for i, p := range []*int64{&c.Realtime, &c.Monotonic, &c.Boottime} {
			if len(f) != 3 {
				err = strconv.ErrSyntax
			} else if *p, err = strconv.ParseInt(f[i], 10, 64); err == nil && *p < 0 {
				err = strconv.ErrRange
			}
			if err != nil {
				break
			}
		}
		if err != nil || len(h.Wall) == maxTriples {
			bad++
			continue
		}
		h.Wall = append(h.Wall, c)
	}
	if bad > 0 {
		t.note("/schedreplay/clocks: %d lines are malformed and were left out", bad)
	}
}
