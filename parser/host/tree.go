package host

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"schedreplay/parser"
)

// maxFile bounds one file of a bundle, maxTaskFile one of /proc/PID, in bytes.
const (
	maxFile     = 4 << 20
	maxTaskFile = 64 << 10
)

// bounds of a whole bundle. What lies beyond them is left out, and a note says so.
type bounds struct {
	entries  int   // of an archive or a folder
	tasks    int   // with files of their own
	kept     int   // bytes of all files of interest, names included
	unpacked int64 // bytes of the archive after decompression
}

// bundleBounds are above what a machine with 8192 CPUs and 100 000 threads has.
var bundleBounds = bounds{entries: 1 << 20, tasks: 1 << 17, kept: 128 << 20, unpacked: 1 << 30}

// errEnough: a bound was reached, the rest is not read.
var errEnough = errors.New("enough")

const bundleFormat = "host bundle"

// remedyBundle tells how to get a usable bundle.
const remedyBundle = "make one with 'schedreplay collect -o host.tar.gz' on the recorded machine"

// tree holds the files of interest of a bundle by their path on the machine,
// without the leading slash.
type tree struct {
	name  string
	max   bounds
	files map[string]string
	// children lists the entries of a folder in ascending order.
	children map[string][]string
	roots    map[string]bool
	kept     int
	tasks    int
	skipped  map[string]int
	notes    []string
}

func newTree(name string) *tree {
	return &tree{
		name: name, max: bundleBounds, files: map[string]string{}, children: map[string][]string{}, roots: map[string]bool{},
		skipped: map[string]int{},
	}
}

// fail returns a parser.Error about the whole bundle.
func (t *tree) fail(remedy string, err error) error {
	return &parser.Error{File: t.name, Format: bundleFormat, Offset: -1, Err: err, Remedy: remedy}
}

func (t *tree) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// splitRoot parts the components of a path inside a bundle into its root (at
// most one folder) and the path on the machine; false if it is not of interest.
func splitRoot(comps []string, match func([]string) bool) (root string, rest []string, ok bool) {
	if match(comps) {
		return "", comps, true
	}
	if len(comps) > 1 && match(comps[1:]) {
		return comps[0], comps[1:], true
	}
	return "", nil, false
}

// add stores one file, as far as the bounds allow.
func (t *tree) add(root string, comps []string, r io.Reader) error {
	task := taskDepth(comps)
	limit := maxFile
	if task > 0 {
		limit = maxTaskFile
		if dir := strings.Join(comps[:task], "/"); t.children[dir] == nil {
			if t.tasks >= t.max.tasks {
				t.skipped[fmt.Sprintf("files of tasks beyond the first %d", t.max.tasks)]++
				return nil
			}
			t.tasks++
		}
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return err
	}
	if len(b) > limit {
		t.skipped[fmt.Sprintf("files larger than %d KiB", limit>>10)]++
		return nil
	}
	if task > 0 && comps[task] == "status" {
		b = statusLines(b)
	}
	p := strings.Join(comps, "/")
	if t.kept+len(p)+len(b)+64 > t.max.kept {
		t.skipped[fmt.Sprintf("files beyond the first %d MiB", t.max.kept>>20)]++
		return nil
	}
	if _, ok := t.files[p]; ok && t.roots[root] {
		t.skipped["files replaced by a later one of the same name"]++
	}
	t.roots[root] = true
	t.kept += len(p) + len(b) + 64
	t.index(p)
	t.files[p] = string(b)
	return nil
}

// index makes a file known in its folder, and the folder in its own.
func (t *tree) index(p string) {
	if _, ok := t.files[p]; ok {
		return
	}
	for {
		dir, base := path.Split(p)
		if dir == "" {
			return
		}
		dir = dir[:len(dir)-1]
		known := t.children[dir] != nil
		t.children[dir] = append(t.children[dir], base)
		if known {
			return
		}
		p = dir
	}
}

// taskDepth returns how many components name the task whose file it is: 2 for
// proc/PID/stat, 4 for proc/PID/task/TID/stat, 0 for a file of no task.
func taskDepth(comps []string) int {
	if len(comps) < 3 || comps[0] != "proc" {
		return 0
	}
	if _, ok := cutNumber(comps[1], ""); !ok {
		return 0
	}
	if len(comps) == 5 && comps[2] == "task" {
		return 4
	}
	return 2
}

// statusLines keeps the lines of /proc/PID/status that are read: a tenth of it.
func statusLines(b []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(b) {
		if key, _, _ := bytes.Cut(line, []byte(":")); statusKeys[string(key)] {
			kept = append(kept, line...)
		}
	}
	return kept
}

// finish checks the roots and indexes the folders.
func (t *tree) finish() error {
	if len(t.files) == 0 {
		return t.fail(remedyBundle, fmt.Errorf("%w: no file of /proc or /sys in it", parser.ErrHost))
	}
	if len(t.roots) > 1 {
		roots := slices.Sorted(maps.Keys(t.roots))
		return t.fail("keep one machine per bundle",
			fmt.Errorf("%w: it holds several machines, rooted at %q and %q", parser.ErrHost, roots[0]+"/", roots[1]+"/"))
	}
	for _, list := range t.children {
		slices.Sort(list)
	}
	for _, why := range slices.Sorted(maps.Keys(t.skipped)) {
		t.note("host bundle: %d %s skipped", t.skipped[why], why)
	}
	return nil
}

// numbered returns the numbers N of the entries prefixN of a folder, ascending.
func (t *tree) numbered(dir, prefix string) []int {
	var out []int
	for _, c := range t.children[dir] {
		if n, ok := cutNumber(c, prefix); ok {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// value returns a file's content without the white space around it and without
// the NULs that tar pads sysfs files with; false if there is no such file.
func (t *tree) value(p string) (string, bool) {
	s, ok := t.files[p]
	return strings.Trim(s, "\x00 \t\r\n"), ok
}

// absent is the error of a bundle that cannot be opened; its name is said once.
func (t *tree) absent(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return t.fail("", fmt.Errorf("%w: %w", parser.ErrHost, err))
}

// readFolder fills the tree from a folder.
func (t *tree) readFolder(ctx context.Context, dir string) error {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return t.absent(err)
	}
	defer r.Close()
	fsys := r.FS()
	entries := 0
	var walk func(root string, comps []string) error
	walk = func(root string, comps []string) error {
		at := path.Join(append([]string{".", root}, comps...)...)
		if ctx.Err() != nil {
			return errEnough
		}
		list, err := fs.ReadDir(fsys, at)
		if err != nil {
			t.skipped["folders that cannot be read"]++
			return nil
		}
		for _, e := range list {
			if entries++; entries > t.max.entries {
				t.note("host bundle: what follows the first %d entries was left out", t.max.entries)
				return errEnough
			}
			child := append(comps[:len(comps):len(comps)], e.Name())
			switch file, sub := wantedFile(child), wantedDir(child); {
			case !file && !sub:
			case e.IsDir():
				if sub {
					if err := walk(root, child); err != nil {
						return err
					}
				}
			case !e.Type().IsRegular():
				t.skipped["links and special files"]++
			case file:
				f, err := fsys.Open(path.Join(at, e.Name()))
				if err == nil {
					err = t.add(root, child, f)
					f.Close()
				}
				if err != nil {
					t.skipped["files that cannot be read"]++
				}
			}
		}
		return nil
	}
	roots, err := folderRoots(fsys)
	if err != nil {
		return t.fail("", fmt.Errorf("%w: %w", parser.ErrHost, err))
	}
	for _, root := range roots {
		if walk(root, nil) != nil {
			break
		}
	}
	return t.finish()
}

// folderRoots returns where in a folder the machine's files are: "" if it holds
// proc or sys itself, else its sub-folders that do.
func folderRoots(fsys fs.FS) ([]string, error) {
	isRoot := func(dir string) bool {
		for _, n := range []string{"proc", "sys"} {
			if st, err := fs.Stat(fsys, path.Join(dir, n)); err == nil && st.IsDir() {
				return true
			}
		}
		return false
	}
	if isRoot(".") {
		return []string{""}, nil
	}
	list, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var roots []string
	for _, e := range list {
		if e.IsDir() && isRoot(e.Name()) {
			roots = append(roots, e.Name())
		}
	}
	return roots, nil
}

// readArchive fills the tree from a tar archive, compressed or not.
func (t *tree) readArchive(r io.Reader) error {
	r, done, err := unpack(r)
	if err != nil {
		return t.fail(remedyBundle, fmt.Errorf("%w: %w", parser.ErrHost, err))
	}
	defer done()
	tr := tar.NewReader(&limited{r: r, left: t.max.unpacked})
	for n := 0; ; n++ {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if n == 0 && (errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF)) {
			return t.fail(remedyBundle, fmt.Errorf("%w: neither a folder nor a tar archive", parser.ErrHost))
		}
		if err == nil && n >= t.max.entries {
			t.note("host bundle: what follows the first %d entries was left out", t.max.entries)
			break
		}
		if err == nil {
			err = t.addEntry(h, tr)
		}
		if errors.Is(err, errEnough) {
			t.note("host bundle: what follows the first %d MiB was left out", t.max.unpacked>>20)
			break
		}
		switch {
		case err == nil:
		case errors.Is(err, io.ErrUnexpectedEOF):
			return t.fail("copy it again, or "+remedyBundle,
				fmt.Errorf("%w: %w: the archive ends inside entry %d", parser.ErrHost, parser.ErrTruncated, n+1))
		case errors.Is(err, parser.ErrLimit):
			return t.fail(remedyBundle, fmt.Errorf("%w: %w", parser.ErrHost, err))
		default:
			return t.fail("copy it again, or "+remedyBundle,
				fmt.Errorf("%w: %w: entry %d: %w", parser.ErrHost, parser.ErrDamaged, n+1, err))
		}
	}
	return t.finish()
}

// addEntry stores one archive entry if it is of interest.
func (t *tree) addEntry(h *tar.Header, r io.Reader) error {
	if strings.HasPrefix(h.Name, "/") {
		t.skipped["archive entries with an absolute path"]++
		return nil
	}
	var comps []string
	for c := range strings.SplitSeq(h.Name, "/") {
		switch c {
		case "", ".":
		case "..":
			t.skipped["archive entries that point outside the bundle"]++
			return nil
		default:
			comps = append(comps, c)
		}
	}
	root, rest, ok := splitRoot(comps, wantedFile)
	switch h.Typeflag {
	case tar.TypeReg:
		if ok {
			return t.add(root, rest, r)
		}
	case tar.TypeDir:
	default:
		if !ok {
			_, _, ok = splitRoot(comps, wantedDir)
		}
		if ok {
			t.skipped["links and special files"]++
		}
	}
	return nil
}

// unpack finds the compression by magic bytes and returns the decompressed
// stream and what releases it.
func unpack(r io.Reader) (io.Reader, func(), error) {
	br := bufio.NewReaderSize(r, 1<<16)
	head, _ := br.Peek(6)
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		return z, func() {}, err
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderMaxMemory(uint64(bundleBounds.unpacked)))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		z, err := xz.NewReader(br, 64<<20) // what xz -9 needs
		return xzReader{z}, func() {}, xzError(err)
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(br), func() {}, nil
	}
	return br, func() {}, nil
}

// xzReader is an xz stream that says in our words that it needs too much memory.
type xzReader struct{ z *xz.Reader }

func (x xzReader) Read(p []byte) (int, error) {
	n, err := x.z.Read(p)
	return n, xzError(err)
}

func xzError(err error) error {
	if errors.Is(err, xz.ErrMemlimit) {
		return fmt.Errorf("%w: an xz dictionary larger than 64 MiB", parser.ErrLimit)
	}
	return err
}

// limited fails with errEnough when more than left bytes come.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errEnough
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
