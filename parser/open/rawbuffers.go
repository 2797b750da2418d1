package open

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/tracedat"
)

// Bounds of a copy of tracefs, in files and in bytes of one text file.
const (
	maxTraceFiles = 1 << 16
	maxTraceText  = 1 << 20
	maxTraceDepth = 8
)

// rawName are the names under which people keep what they read of
// per_cpu/cpuN/trace_pipe_raw, or of snapshot_raw beside it.
var rawName = regexp.MustCompile(`(?:^|/)(?:cpu(\d{1,4})/(?:trace_pipe|snapshot)_raw|(?:trace_pipe|snapshot)_raw[._-]?(?:cpu)?(\d{1,4})|(?:(?:trace_pipe|snapshot)_raw[._-]?)?cpu(\d{1,4})\.raw)$`)

// traceFile is what a file of tracefs is good for.
type traceFile struct {
	cpu      int     // whose ring buffer or statistics it is
	raw      bool    // a ring buffer
	snapshot bool    // that of the last snapshot
	text     *[]byte // where its content goes
	key      string  // of a format
}

// traceFiles collects a copy of tracefs.
type traceFiles struct {
	raw   tracedat.Raw
	some  bool // there was a ring buffer, if an empty one
	stats map[int]*[]byte
	// snapshot: some are of a snapshot, of which stats tells nothing.
	snapshot bool
}

// file tells what a file is by its path; false if nothing of interest.
func (t *traceFiles) file(name string) (traceFile, bool) {
	if m := rawName.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[1] + m[2] + m[3])
		return traceFile{cpu: n, raw: true, snapshot: strings.Contains(path.Base(name), "snapshot")}, true
	}
	comps := strings.Split(name, "/")
	base, n := comps[len(comps)-1], len(comps)
	switch {
	case base == "format" && n >= 3:
		return traceFile{key: comps[n-3] + "/" + comps[n-2], text: new([]byte)}, true
	case base == "header_page":
		return traceFile{text: &t.raw.HeaderPage}, true
	case base == "saved_cmdlines":
		return traceFile{text: &t.raw.Cmdlines}, true
	case base == "trace_clock":
		return traceFile{text: &t.raw.Clock}, true
	case base == "stats" && n >= 2:
		if cpu, err := strconv.Atoi(strings.TrimPrefix(comps[n-2], "cpu")); err == nil {
			if t.stats == nil {
				t.stats = map[int]*[]byte{}
			}
			t.stats[cpu] = new([]byte)
			return traceFile{cpu: cpu, text: t.stats[cpu]}, true
		}
	}
	return traceFile{}, false
}

// take reads a text.
func (t *traceFiles) take(f traceFile, r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, maxTraceText))
	*f.text = b
	if f.key != "" && err == nil {
		if t.raw.Formats == nil {
			t.raw.Formats = map[string][]byte{}
		}
		t.raw.Formats[f.key] = b
	}
	return err
}

// add takes the ring buffer of a CPU.
func (t *traceFiles) add(name string, f traceFile, at io.ReaderAt, size int64) error {
	if t.some = true; size == 0 {
		return nil // nothing was recorded there; or it is tracefs itself
	}
	if slices.ContainsFunc(t.raw.CPUs, func(c tracedat.RawCPU) bool { return c.CPU == f.cpu }) {
		return refuse(name, "keep those of one recording, or of one snapshot", "%w: two ring buffers of CPU %d", ErrAmbiguous, f.cpu)
	}
	t.snapshot = t.snapshot || f.snapshot
	t.raw.CPUs = append(t.raw.CPUs, tracedat.RawCPU{CPU: f.cpu, At: at, Size: size})
	return nil
}

// open opens the capture as the one of in.
func (t *traceFiles) open(in *Input, name string) error {
	for i := range t.raw.CPUs {
		c := &t.raw.CPUs[i]
		if s := t.stats[c.CPU]; s != nil && !t.snapshot {
			c.Stats = *s
		}
	}
	if len(t.raw.CPUs) == 0 {
		return refuse(name, "copy them out of tracefs: `cat per_cpu/cpu0/trace_pipe_raw > cpu0.raw` and so on", "%w: its ring buffers are empty", parser.ErrFormat)
	}
	src, err := tracedat.RawSource(name, &t.raw)
	if err != nil {
		return err
	}
	c, err := tracedat.New(src)
	if err != nil {
		return err
	}
	in.src, in.Capture = src, c
	m := c.Meta()
	m.Confidence = "names of files"
	m.Notes = append(m.Notes, fmt.Sprintf("Read from the ring buffers of %d CPUs as copied from tracefs.", len(t.raw.CPUs)))
	return nil
}

// rawFolder opens a folder with the ring buffers of tracefs; nil if it holds none.
func rawFolder(ctx context.Context, dir string, o Options) (*Input, error) {
	raw := &rawFile{}
	in := &Input{Path: dir, raw: raw, progress: newProgress(ctx, o.Progress, 0)}
	var t traceFiles
	files := 0
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return fs.SkipAll
		}
		rel, _ := filepath.Rel(dir, p)
		rel = filepath.ToSlash(rel)
		if e.IsDir() {
			if rel == "host" || strings.Count(rel, "/") >= maxTraceDepth {
				return fs.SkipDir
			}
			return nil
		}
		f, ok := t.file(rel)
		if files++; !ok || !e.Type().IsRegular() {
			return nil
		}
		if files > maxTraceFiles {
			return fs.SkipAll
		}
		h, err := os.Open(p)
		if err != nil {
			return fileError(p, err)
		}
		if f.raw {
			if err := raw.add(h); err != nil {
				return fileError(p, err)
			}
			st := raw.state[len(raw.state)-1]
			return t.add(dir, f, in.progress.at(h), st.Size())
		}
		defer h.Close()
		return t.take(f, h)
	})
	if err == nil && !t.some {
		return nil, in.closeFiles()
	}
	if err == nil {
		in.progress.size = raw.size
		err = t.open(in, dir)
	}
	if err != nil {
		in.closeFiles()
		return nil, err
	}
	return in, nil
}

// errTar refuses an archive, unless it holds the ring buffers of tracefs.
var errTar = errors.New("it is a tar archive")

// rawTar opens an archive with the ring buffers of tracefs; false if it holds none.
func (in *Input) rawTar(ctx context.Context, src parser.Source, o *Options) (bool, error) {
	r, err := src.Open()
	if err != nil {
		return false, readError(src.Name, err)
	}
	defer r.Close()
	var t traceFiles
	var s *spooled
	type extent struct {
		traceFile
		off, size int64
	}
	var extents []extent
	tr := tar.NewReader(r)
	for n := 0; n < maxTraceFiles; n++ {
		h, err := tr.Next()
		if err != nil {
			break // of a damaged archive stands what came before
		}
		f, ok := t.file(path.Clean(h.Name))
		if !ok || h.Typeflag != tar.TypeReg {
			continue
		}
		if !f.raw {
			if t.take(f, tr) != nil {
				break
			}
			continue
		}
		if s == nil {
			f, err := o.Temp.Create()
			if err != nil {
				return true, err
			}
			s = &spooled{f: f, temp: o.Temp}
			in.spool = append(in.spool, s)
		}
		from := s.size
		err = s.fill(src.Name, tr)
		extents = append(extents, extent{f, from, s.size - from})
		if err != nil {
			if errors.Is(err, parser.ErrTemp) || errors.Is(err, parser.ErrLimit) || ctx.Err() != nil {
				return true, err
			}
			s.tail = fmt.Errorf("%w: the archive ends inside %s", parser.ErrTruncated, h.Name)
			break
		}
	}
	if s == nil {
		return false, nil
	}
	in.tail = s.tail
	in.progress = newProgress(ctx, o.Progress, s.size)
	for _, e := range extents {
		if err := t.add(src.Name, e.traceFile, in.progress.at(io.NewSectionReader(s.f, e.off, e.size)), e.size); err != nil {
			return true, err
		}
	}
	return true, t.open(in, src.Name)
}
