package anonymize

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"schedreplay/parser"
)

// Bounds on a bundle, as its reader has them.
const (
	maxBundleFile  = 4 << 20
	maxBundleBytes = 256 << 20
	maxBundleFiles = 4_000_000
	maxWindow      = 128 << 20 // of zstd and xz
)

// Bundle writes an anonymised copy of a host bundle, a folder or an archive, to w
// as a gzipped tar. It takes over what a host description is read from and
// nothing else: task names, the host's name, the kernel's command line, the
// builder's name and the names of control groups are replaced, users' ids left
// out.
func Bundle(path string, n *Names, w io.Writer) error {
	files, err := readBundle(path)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(w) // no name, no time: the same bundle, the same bytes
	t := tar.NewWriter(z)
	slices.SortFunc(files, func(a, b bundleFile) int { return strings.Compare(a.name, b.name) })
	written := map[string]bool{}
	for _, f := range files {
		name, text, ok := n.bundleFile(f.name, f.text)
		if !ok || written[name] {
			continue
		}
		written[name] = true
		h := &tar.Header{Name: "host/" + name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(text); err != nil {
			return err
		}
	}
	if err := t.Close(); err != nil {
		return err
	}
	return z.Close()
}

type bundleFile struct {
	name string
	text []byte
}

// rooted takes off what stands before the machine's own paths.
func rooted(name string) (string, bool) {
	name = path.Clean(strings.TrimPrefix(filepath.ToSlash(name), "/"))
	for range 2 {
		first, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", false
		}
		switch first {
		case "proc", "sys", "boot", "schedreplay":
			return name, true
		}
		name = rest
	}
	return "", false
}

func readBundle(p string) ([]bundleFile, error) {
	st, err := os.Stat(p)
	if err != nil {
		return nil, err
	}
	var b bundleReader
	if st.IsDir() {
		err = b.folder(p)
	} else {
		err = b.archive(p)
	}
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return nil, &parser.Error{File: p, Format: "host bundle", Offset: -1, Err: fmt.Errorf("%w: %w", parser.ErrHost, err)}
	}
	return b.files, nil
}

type bundleReader struct {
	files []bundleFile
	size  int64
	count int
}

func (b *bundleReader) add(name string, size int64, r io.Reader) error {
	if b.count++; b.count > maxBundleFiles {
		return fmt.Errorf("%w: more than %d files", parser.ErrLimit, maxBundleFiles)
	}
	name, ok := rooted(name)
	if !ok || size > maxBundleFile || !wanted(name) {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(r, maxBundleFile+1))
	if err != nil {
		return err
	}
	if b.size += int64(len(text)); b.size > maxBundleBytes || len(text) > maxBundleFile {
		return fmt.Errorf("%w: more than %d bytes of files", parser.ErrLimit, maxBundleBytes)
	}
	b.files = append(b.files, bundleFile{name, text})
	return nil
}

func (b *bundleReader) folder(dir string) error {
	files := os.DirFS(dir)
	return fs.WalkDir(files, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f, err := files.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		return b.add(p, info.Size(), f)
	})
}

func (b *bundleReader) archive(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := plainTar(bufio.NewReader(f))
	if err != nil {
		return err
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if err := b.add(h.Name, h.Size, t); err != nil {
				return err
			}
		}
	}
}

// plainTar decompresses an archive.
func plainTar(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(6)
	if err != nil && len(head) == 0 {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return xz.NewReader(r, maxWindow)
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(r), nil
	}
	return r, nil
}

var (
	taskFile    = regexp.MustCompile(`^proc/\d+/(?:task/\d+/)?(comm|stat|status)$`)
	taskGroup   = regexp.MustCompile(`^proc/\d+/(?:task/\d+/)?cgroup$`)
	cgroupLimit = regexp.MustCompile(`^(?:cpuset\..*|cpu\.(?:max|stat|weight|shares|cfs_quota_us|cfs_period_us))$`)
	likeIs      = regexp.MustCompile(`^(?:proc/(?:\d+/autogroup|sys/kernel/(?:osrelease|arch|sched_.*)|config\.gz)|boot/config-[^/]*|schedreplay/clocks|` +
		`sys/devices/system/(?:cpu|node)/.*|sys/kernel/debug/sched(?:_features|/.*)|sys/kernel/mm/ksm/[a-z_]+)$`)
)

// wanted reports whether a file is taken over at all.
func wanted(name string) bool {
	switch name {
	case "proc/cmdline", "proc/version", "proc/sys/kernel/hostname", "schedreplay/uname":
		return true
	}
	return taskFile.MatchString(name) || taskGroup.MatchString(name) || likeIs.MatchString(name) || cgroupFile(name)
}

const cgroups = "sys/fs/cgroup/"

// cgroupMounts are the folders of v1 and hybrid hierarchies: their names are the kernel's.
var cgroupMounts = []string{"cpuset", "cpu", "cpu,cpuacct", "unified"}

func cgroupFile(name string) bool {
	return strings.HasPrefix(name, cgroups) && cgroupLimit.MatchString(path.Base(name))
}

// bundleFile rewrites one file; false leaves it out.
func (n *Names) bundleFile(name string, text []byte) (string, []byte, bool) {
	text = bytes.Clone(text)
	switch {
	case name == "proc/cmdline":
		return name, n.bootLine(text), true
	case name == "proc/version":
		return name, builder.ReplaceAllFunc(text, func(b []byte) []byte {
			return append(append([]byte("("), bytes.Repeat([]byte("x"), len(b)-2)...), ')')
		}), true
	case name == "proc/sys/kernel/hostname":
		n.replace(bytes.TrimRight(text, "\n"))
		return name, text, true
	case name == "schedreplay/uname":
		return name, n.uname(text), true
	case cgroupFile(name):
		dir, file := path.Split(strings.TrimPrefix(name, cgroups))
		mount := ""
		if first, rest, more := strings.Cut(dir, "/"); more && slices.Contains(cgroupMounts, first) {
			mount, dir = first+"/", rest
		}
		return cgroups + mount + n.group(dir) + file, text, true
	case taskGroup.MatchString(name):
		return name, n.groupsOf(text), true
	case taskFile.MatchString(name):
		switch path.Base(name) {
		case "comm":
			n.replace(bytes.TrimSuffix(text, []byte("\n")))
		case "stat":
			n.stat(text)
		case "status":
			text = n.status(text)
		}
		return name, text, true
	case name == "proc/config.gz":
		return name, text, true
	case likeIs.MatchString(name):
		return name, text, true
	}
	return name, nil, false
}

// group replaces the names in a control group's path. Different groups stay different, which
// the pieces of long names must tell too.
func (n *Names) group(dir string) string {
	b := []byte(dir)
	for start := 0; start < len(b); {
		end := start
		for end < len(b) && end-start < maxComm && b[end] != '/' {
			end++
		}
		n.replace(b[start:end])
		if start = end; start < len(b) && b[start] == '/' {
			start++
		}
	}
	return string(b)
}

// groupsOf keeps of /proc/PID/cgroup the lines that a reader uses: of the cpu controller, of
// the unified hierarchy and of systemd's.
func (n *Names) groupsOf(text []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) < 3 || f[0] != "0" && f[1] != "name=systemd" && !slices.Contains(strings.Split(f[1], ","), "cpu") {
			continue
		}
		const gone = " (deleted)"
		dir, deleted := strings.CutSuffix(f[2], gone)
		if dir = n.group(dir); deleted {
			dir += gone
		}
		out = fmt.Appendf(out, "%s:%s:%s\n", f[0], f[1], dir)
	}
	return out
}

// builder is who built the kernel, in /proc/version: "(user@host)".
var builder = regexp.MustCompile(`\([^() ]*@[^() ]*\)`)

// stat is "pid (comm) state …"; a name may hold parentheses.
func (n *Names) stat(b []byte) {
	i, j := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if i >= 0 && j > i {
		n.procName(b[i+1 : j])
	}
}

// procName replaces a name of /proc, where a kworker's carries its workqueue's.
func (n *Names) procName(b []byte) {
	if len(b) <= maxComm || n.keeps(string(b)) {
		n.replace(b)
		return
	}
	n.path(b)
}

// statusLines are the lines of status that are taken over.
var statusLines = []string{"State:", "Tgid:", "Pid:", "PPid:", "NSpid:", "Kthread:", "Threads:", "Cpus_allowed:", "Cpus_allowed_list:", "Mems_allowed_list:"}

// A name's newlines and backslashes are escaped in status (proc_task_name).
var (
	escape   = strings.NewReplacer("\n", `\n`, `\`, `\\`)
	unescape = strings.NewReplacer(`\n`, "\n", `\\`, `\`)
)

// status keeps the lines that matter.
func (n *Names) status(b []byte) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		if name, ok := bytes.CutPrefix(line, []byte("Name:\t")); ok {
			name = []byte(unescape.Replace(string(bytes.TrimSuffix(name, []byte("\n")))))
			n.procName(name)
			out = fmt.Appendf(out, "Name:\t%s\n", escape.Replace(string(name)))
			continue
		}
		if slices.ContainsFunc(statusLines, func(p string) bool { return bytes.HasPrefix(line, []byte(p)) }) {
			out = append(out, line...)
		}
	}
	return out
}

// bootWords are the parameters of the kernel's command line that say how it
// schedules; their values stay.
var bootWords = regexp.MustCompile(`^(?:isolcpus|nohz_full|nohz|rcu_nocbs|rcu_nocb_poll|irqaffinity|housekeeping|kthread_cpus|nosmt|maxcpus|nr_cpus|possible_cpus|additional_cpus|` +
	`sched_\w+|schedstats|relax_domain_level|numa|numa_balancing|cpuidle\.\w+|intel_idle\.\w+|processor\.\w+|idle|mitigations|preempt|threadirqs|skew_tick|clocksource|tsc|` +
	`psi|cgroup_disable|cgroup_no_v1|systemd\.unified_cgroup_hierarchy|transparent_hugepage|quiet|ro|rw|nowatchdog|nmi_watchdog|intel_pstate|default_hugepagesz|hugepages|hugepagesz)$`)

// bootLine rewrites the kernel's command line: parameters of scheduling stay, of
// others the values are replaced, and words without a value.
func (n *Names) bootLine(b []byte) []byte {
	end := len(bytes.TrimRight(b, "\n\x00"))
	start := 0
	for i := 0; i <= end; i++ {
		if i < end && b[i] != ' ' {
			continue
		}
		word := b[start:i]
		start = i + 1
		key, value, ok := bytes.Cut(word, []byte("="))
		switch {
		case bootWords.Match(key):
		case ok:
			n.path(value)
		default:
			n.path(word)
		}
	}
	return b
}

// uname rewrites schedreplay/uname: lines of system, release, node name and
// machine.
func (n *Names) uname(b []byte) []byte {
	if lines := bytes.Split(b, []byte("\n")); len(lines) > 2 {
		n.replace(lines[2])
	}
	return b
}
