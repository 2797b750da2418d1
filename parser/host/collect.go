package host

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"schedreplay/parser"
)

// clockReadings is how many triples of clocks a bundle holds.
const clockReadings = 5

// Collect writes a host bundle of a machine, a tar.gz archive rooted at host/
// that [Read] reads. root is "/"; tests use a folder that looks like one.
//
// It stores the files Read looks at, and under host/schedreplay the output of
// uname, readings of the clocks (realtime, monotonic, boottime, in ns), the addresses of
// functions that timers and work items run, where they may be seen, and a
// manifest that lists what could not be read. Two bundles of the same files
// differ only in what changed: the entries are in ascending order without times
// or owners.
//
// A file that cannot be read is counted, not an error: most need no privileges,
// but debugfs (the kernel's own sched domains, features and tunables) is for
// root only, and so is /proc/PID of other users where it is mounted with
// hidepid. Kernels from 6.4 on list their sched domains only while
// /sys/kernel/debug/sched/verbose is Y, which Collect leaves as it is. The returned Collected says what was missed.
//
// The error is ctx's, or that of writing to w; or it wraps [parser.ErrHost] if
// root holds nothing to collect.
func Collect(ctx context.Context, root string, w io.Writer) (Collected, error) {
	z := gzip.NewWriter(w)
	c := collector{ctx: ctx, root: root, config: bootConfig(root), tar: tar.NewWriter(z)}
	if err := c.collect(); err != nil {
		return c.found, err
	}
	if err := c.tar.Close(); err != nil {
		return c.found, err
	}
	return c.found, z.Close()
}

// collector copies a machine's files into a bundle.
type collector struct {
	ctx    context.Context
	root   string
	config string // the one file below boot/ that is wanted
	tar    *tar.Writer
	found  Collected
}

func (c *collector) collect() error {
	clocks, err := readClocks(clockReadings)
	if err != nil {
		c.found.miss("schedreplay/clocks", err)
	}
	for _, top := range []string{"boot", "proc"} {
		if err := c.walk([]string{top}); err != nil {
			return err
		}
	}
	if clocks != nil {
		if err := c.put("schedreplay/clocks", formatClocks(clocks)); err != nil {
			return err
		}
	}
	if f := functions(c.root); len(f) > 0 {
		if err := c.put(functionsFile, f); err != nil {
			return err
		}
	}
	if c.root == "/" {
		if u, err := uname(); err == nil {
			if err := c.put("schedreplay/uname", []byte(u)); err != nil {
				return err
			}
		}
	}
	if err := c.walk([]string{"sys"}); err != nil {
		return err
	}
	if c.found.Files == 0 {
		return &parser.Error{
			File: c.root, Format: bundleFormat, Offset: -1,
			Err: fmt.Errorf("%w: nothing to collect", parser.ErrHost), Remedy: "collect on a Linux machine with /proc and /sys mounted",
		}
	}
	if c.found.Missed > 0 {
		c.found.Remedy = remedyFor(c.root, os.Geteuid())
	}
	// Last, when what was missed is known.
	return c.put("schedreplay/manifest", c.found.manifest())
}

// put adds a file to the bundle.
func (c *collector) put(p string, b []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: "host/" + p, Mode: 0o444, Size: int64(len(b)), Format: tar.FormatPAX}
	if err := c.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err := c.tar.Write(b)
	return err
}

// walk adds the wanted files below a folder, in ascending order.
func (c *collector) walk(comps []string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	dir := strings.Join(comps, "/")
	list, err := os.ReadDir(filepath.Join(c.root, filepath.FromSlash(dir)))
	if err != nil {
		if !os.IsNotExist(err) {
			c.found.miss(dir, err)
		}
		return nil
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return compareNumeric(a.Name(), b.Name()) })
	for _, e := range list {
		child := append(comps[:len(comps):len(comps)], e.Name())
		p := path.Join(child...)
		switch {
		case e.IsDir() && wantedDir(child):
			err = c.walk(child)
		case e.Type().IsRegular() && wantedFile(child) && (comps[0] != "boot" || p == c.config):
			err = c.file(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file adds one file of the machine, or counts it as missed.
func (c *collector) file(p string) error {
	b, err := readBounded(filepath.Join(c.root, filepath.FromSlash(p)))
	switch {
	case os.IsNotExist(err) || isGone(err):
		return nil // the task ended
	case err != nil:
		c.found.miss(p, err)
		return nil
	}
	if err := c.put(p, b); err != nil {
		return err
	}
	c.found.Files++
	return nil
}

// Collected says what a bundle holds.
type Collected struct {
	// Files is the number of files of the machine stored.
	Files int
	// Missed is the number of files and folders that exist and could not be
	// read; Why holds up to 100 of them with the reason, in order.
	Missed int
	Why    []string
	// Remedy says what would read them, or why nothing does; empty if that is not known.
	Remedy string
}

// Lockdown returns the mode of kernel_lockdown(7) of the machine whose sys folder is
// under root, "integrity" or "confidentiality"; empty if its kernel is not locked down.
func Lockdown(root string) string {
	b, _ := os.ReadFile(filepath.Join(root, "sys/kernel/security/lockdown"))
	_, mode, _ := strings.Cut(string(b), "[")
	mode, _, _ = strings.Cut(mode, "]")
	if mode == "none" {
		return ""
	}
	return mode
}

// remedyFor says what helps a process of that user id against files it could not
// read. A kernel that is locked down keeps debugfs from root too.
func remedyFor(root string, uid int) string {
	switch mode := Lockdown(root); {
	case mode != "":
		return fmt.Sprintf("the kernel is locked down (%s): root cannot read debugfs either", mode)
	case uid != 0:
		return "root reads them all"
	}
	return ""
}

func (c *Collected) miss(p string, err error) {
	const maxWhy = 100
	if c.Missed++; len(c.Why) < maxWhy {
		if pe, ok := err.(*fs.PathError); ok {
			err = pe.Err
		}
		c.Why = append(c.Why, fmt.Sprintf("/%s: %v", p, err))
	}
}

func (c *Collected) manifest() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "format 1\nfiles %d\nmissed %d\n", c.Files, c.Missed)
	for _, w := range c.Why {
		fmt.Fprintf(&b, "%q\n", w)
	}
	return []byte(b.String())
}

// bootConfig returns the path of the running kernel's configuration below /boot,
// empty if /proc/config.gz tells it.
func bootConfig(root string) string {
	if _, err := os.Stat(filepath.Join(root, "proc", "config.gz")); err == nil {
		return ""
	}
	release, _ := os.ReadFile(filepath.Join(root, "proc", "sys", "kernel", "osrelease"))
	return "boot/config-" + strings.TrimSpace(string(release))
}

// readBounded reads a file of at most maxFile bytes.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return b, err
}

// compareNumeric orders names by their text with numbers at the end by value:
// cpu2 before cpu10.
func compareNumeric(a, b string) int {
	ia, ib := len(strings.TrimRight(a, "0123456789")), len(strings.TrimRight(b, "0123456789"))
	if c := strings.Compare(a[:ia], b[:ib]); c != 0 {
		return c
	}
	if c := len(a) - len(b); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func formatClocks(clocks []parser.ClockTriple) []byte {
	var b strings.Builder
	b.WriteString("# realtime_ns monotonic_ns boottime_ns\n")
	for _, c := range clocks {
		fmt.Fprintf(&b, "%d %d %d\n", c.Realtime, c.Monotonic, c.Boottime)
	}
	return []byte(b.String())
}

// readClocks reads the three clocks n times. Each triple is the tightest of
// several attempts: the realtime clock is read before and after.
func readClocks(n int) ([]parser.ClockTriple, error) {
	const attempts = 20
	out := make([]parser.ClockTriple, 0, n)
	for range n {
		var best parser.ClockTriple
		width := int64(-1)
		for range attempts {
			before := time.Now().UnixNano()
			mono, boot, err := monotonicAndBoot()
			if err != nil {
				return nil, err
			}
			after := time.Now().UnixNano()
			if w := after - before; w >= 0 && (width < 0 || w < width) {
				width = w
				best = parser.ClockTriple{Realtime: before + w/2, Monotonic: mono, Boottime: boot}
			}
			runtime.Gosched()
		}
		if width >= 0 {
			out = append(out, best)
		}
	}
	return out, nil
}
