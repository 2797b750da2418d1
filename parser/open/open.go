// Package open turns what a user names on the command line into a capture: a
// file plain or compressed, standard input, a folder with a capture and a host
// bundle. It finds the dialect by content and imports every reader; nothing but
// the command imports it.
package open

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"schedreplay/parser"
)

// Errors of the argument rather than of a capture's content. They mean that
// the command was used wrongly.
var (
	// ErrAmbiguous: a folder holds more than one capture or host bundle.
	ErrAmbiguous = errors.New("more than one to choose from")
	// ErrNoCapture: a folder holds no capture.
	ErrNoCapture = errors.New("no capture in the folder")
	// ErrOracle: files named oracle* judge the model and are never an input.
	ErrOracle = errors.New("oracle files are never an input")
)

// DefaultSpoolLimit is the largest temporary file written for one input unless
// Options say otherwise: room for any capture that a person records, and an end
// for a pipe that never stops.
const DefaultSpoolLimit = 64 << 30

// Options say how to open an input. The zero Options are good, but for
// standard input.
type Options struct {
	// Stdin is read for the path "-"; nil makes "-" an error.
	Stdin io.Reader
	// TempDir is where inputs that cannot be read twice are spooled; empty for
	// the system's.
	TempDir string
	// SpoolLimit bounds each temporary file in bytes; 0 is DefaultSpoolLimit.
	SpoolLimit int64
	// Progress, if not nil, is called with the number of bytes read and their
	// total: of the input as stored, before decompression, or of its temporary copy
	// if it has one. File may take a while too (binary captures are looked through)
	// and reports likewise; each pass over the events starts at 0 again and reports
	// where it ended. There are at most some hundred calls a pass. Of a folder of perf
	// record --threads only the end is reported.
	Progress func(done, total int64)
}

func (o *Options) spoolLimit() int64 {
	if o.SpoolLimit > 0 {
		return o.SpoolLimit
	}
	return DefaultSpoolLimit
}

// Input is an opened capture and where it came from. It is a
// [parser.Capture] whose Events bear, in addition to what the reader delivers,
// a KindHole event wherever the chain of switches of a CPU breaks.
type Input struct {
	parser.Capture
	// Path is the capture's own file, within the folder if one was named; "-" for
	// standard input.
	Path string
	// Bundle is the host bundle found in the folder that was named, to be used
	// with the capture; empty if there is none.
	Bundle string
	// Beside is a host bundle that lies in the same folder as the file that was
	// named. It is not used unless the user says so.
	Beside string

	raw      *rawFile
	src      parser.Source
	spool    []*spooled
	progress *progress
	// tail is what went wrong at the end of a copy: the events before it stand.
	tail error
}

// File opens the capture that path names: "-" for standard input, a file, or a
// folder with exactly one capture.
func File(path string, o Options) (*Input, error) {
	if path == "-" {
		return stdin(o)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if st.IsDir() {
		return folder(path, o)
	}
	if isOracle(path) {
		return nil, &parser.Error{File: path, Offset: -1, Err: ErrOracle, Remedy: "give the capture it was recorded with"}
	}
	in, err := file(path, o)
	if err != nil {
		return nil, err
	}
	// Two bundles beside a file are nobody's error: neither is used.
	in.Beside, _ = findBundle(filepath.Dir(path))
	return in, nil
}

// file opens one file, spooling it if it is no regular one.
func file(path string, o Options) (*Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fileError(path, err)
	}
	if st.Mode().IsRegular() {
		return fromRaw(path, &rawFile{f: f, size: st.Size()}, o)
	}
	defer f.Close()
	return fromStream(path, f, o)
}

func stdin(o Options) (*Input, error) {
	if o.Stdin == nil {
		return nil, &parser.Error{File: "-", Offset: -1, Err: errors.New("standard input is not available"), Remedy: "name a file"}
	}
	return fromStream("-", o.Stdin, o)
}

// fromStream spools an input that can be read once.
func fromStream(name string, r io.Reader, o Options) (*Input, error) {
	s, err := spool(name, r, &o)
	if err != nil {
		return nil, err
	}
	in, err := fromRaw(name, &rawFile{f: s.f, size: s.size}, o)
	if err != nil {
		s.remove()
		return nil, err
	}
	in.spool = append(in.spool, s)
	if in.tail == nil {
		in.tail = s.tail
	}
	return in, nil
}

// fromRaw opens a capture in a file that can be read at random. It owns raw.
func fromRaw(name string, raw *rawFile, o Options) (*Input, error) {
	in := &Input{Path: name, raw: raw}
	if err := in.open(name, &o); err != nil {
		in.closeFiles()
		return nil, err
	}
	return in, nil
}

// open finds the dialect of the raw file and opens its reader.
func (in *Input) open(name string, o *Options) error {
	in.progress = newProgress(o.Progress, in.raw.size)
	src, packed, err := in.raw.source(name, in.progress)
	if err != nil {
		return err
	}
	d, err := detect(src)
	if err != nil {
		return err
	}
	if packed && d.binary {
		s, err := spoolSource(src, o)
		if err != nil {
			return err
		}
		in.spool, in.tail = append(in.spool, s), s.tail
		p := newProgress(o.Progress, s.size)
		in.progress = p
		src.Open = func() (io.ReadCloser, error) {
			return io.NopCloser(p.stream(io.NewSectionReader(s.f, 0, s.size))), nil
		}
		src.At, src.Size = p.at(s.f), s.size
	}
	in.src = src
	c, err := d.open(src)
	if err != nil {
		return err
	}
	c.Meta().Confidence = d.confidence
	in.Capture = c
	return nil
}

// Events delivers the capture's events and the holes between them.
func (in *Input) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		in.progress.begin()
		whole := true
		withHoles(in.Capture.Events(), func(ev parser.Event, err error) bool {
			whole = yield(ev, err) && err == nil
			return whole
		})
		if whole && in.tail != nil {
			yield(parser.Event{}, &parser.Error{File: in.Path, Offset: -1, Err: in.tail, Remedy: "what comes before it stands"})
		}
		in.progress.finish()
	}
}

// Stats returns the reader's counts of the last pass that ended, among them what
// was skipped; zero if the reader keeps none.
func (in *Input) Stats() parser.Stats {
	if c, ok := in.Capture.(interface{ Stats() parser.Stats }); ok {
		return c.Stats()
	}
	return parser.Stats{}
}

// Close closes the capture and removes its temporary files.
func (in *Input) Close() error {
	return errors.Join(in.Capture.Close(), in.closeFiles())
}

// discard closes an input that is not handed out; it may be nil.
func (in *Input) discard() {
	if in != nil {
		_ = in.Close()
	}
}

func (in *Input) closeFiles() error {
	err := in.raw.close()
	for _, s := range in.spool {
		err = errors.Join(err, s.remove())
	}
	in.spool = nil
	return err
}

// Checksum returns the SHA-256 of the input as stored, in hexadecimal.
func (in *Input) Checksum() (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, in.raw.all()); err != nil {
		return "", fileError(in.Path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fileError wraps an error of the file system without naming the file twice.
func fileError(path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &parser.Error{File: path, Offset: -1, Err: err}
}

// isOracle reports whether a file must not be opened, by its own name or the
// one it links to.
func isOracle(path string) bool {
	if strings.HasPrefix(filepath.Base(path), "oracle") {
		return true
	}
	real, err := filepath.EvalSymlinks(path)
	return err == nil && strings.HasPrefix(filepath.Base(real), "oracle")
}

// limitError says that a bound of Options was reached.
func limitError(name string, limit int64) error {
	return &parser.Error{
		File: name, Offset: -1, Err: fmt.Errorf("%w: the temporary copy would exceed %d bytes", parser.ErrLimit, limit),
		Remedy: "decompress it to a file and name that",
	}
}

// errEmpty refuses an input without a byte.
func errEmpty(name string) error {
	return &parser.Error{
		File: name, Offset: -1, Err: fmt.Errorf("%w: the file is empty", parser.ErrFormat), Remedy: "check how it was copied",
	}
}

// readError wraps an error met before anything of an input could be used.
func readError(name string, err error) error {
	e := &parser.Error{File: name, Offset: -1, Err: err}
	switch {
	case errors.Is(err, parser.ErrLimit):
		e.Remedy = "decompress it to a file and name that"
	case errors.Is(err, parser.ErrTruncated), errors.Is(err, parser.ErrDamaged):
		e.Remedy = "copy the capture again"
	}
	return e
}
