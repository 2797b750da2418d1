package open

import (
	"bytes"
	"context"
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

// Options say how to open an input. The zero Options are good, but for
// standard input.
type Options struct {
	// Stdin is read for the path "-"; nil makes "-" an error.
	Stdin io.Reader
	// Temp is for inputs that cannot be read twice or at random, of which a temporary
	// copy is made.
	Temp parser.Temp
	// Progress, if not nil, is called with the number of bytes read and their
	// total: of the input as stored, before decompression, or of its temporary copy
	// if it has one. File may take a while too (binary captures are looked through)
	// and reports likewise; each pass over the events starts at 0 again and reports
	// where it ended. There are at most some hundred calls a pass.
	Progress func(done, total int64)
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
// folder with exactly one capture. Cancelling ctx ends it, and every pass later on,
// with ctx.Err().
func File(ctx context.Context, path string, o Options) (*Input, error) {
	in, err := openPath(ctx, path, o)
	if ctx.Err() != nil {
		in.discard()
		return nil, ctx.Err()
	}
	return in, err
}

func openPath(ctx context.Context, path string, o Options) (*Input, error) {
	if path == "-" {
		if o.Stdin == nil {
			return nil, refuse("-", "name a file", "standard input is not available")
		}
		return fromStream(ctx, "-", o.Stdin, o)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if st.IsDir() {
		return folder(ctx, path, o)
	}
	if isOracle(path) {
		return nil, refuse(path, "give the capture it was recorded with", "%w", ErrOracle)
	}
	in, err := file(ctx, path, o)
	if err != nil {
		return nil, err
	}
	// Two bundles beside a file are nobody's error: neither is used.
	in.Beside, _ = findBundle(filepath.Dir(path))
	return in, nil
}

// file opens one file, spooling it if it is a pipe.
func file(ctx context.Context, path string, o Options) (*Input, error) {
	f, err := openFile(ctx, path)
	if err != nil {
		return nil, fileError(path, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fileError(path, err)
	}
	if st.Mode().IsRegular() && !made(f, st) {
		return fromRaw(ctx, path, newRaw(f, st), o)
	}
	defer f.Close()
	if filepath.Base(path) == "trace_pipe" {
		return nil, refuse(path, "give a copy: `timeout 10 cat trace_pipe > trace.txt`", "%w: trace_pipe has no end", parser.ErrUnsupported)
	}
	if st.Mode()&(os.ModeDevice|os.ModeCharDevice) != 0 {
		return nil, refuse(path, remedy, "%w: it is a device", parser.ErrFormat)
	}
	return fromStream(ctx, path, f, o)
}

// made reports whether the kernel makes a file's content as it is read, as that of
// tracefs/trace: such a file has no size and is read as a stream.
func made(f *os.File, st os.FileInfo) bool {
	if st.Size() > 0 {
		return false
	}
	if filepath.Base(f.Name()) == "trace_pipe" {
		return true // looking would take events away
	}
	n, _ := f.ReadAt(make([]byte, 1), 0)
	return n > 0
}

// openFile opens a file. A named pipe is opened when somebody writes to it, which may be
// never.
func openFile(ctx context.Context, path string) (*os.File, error) {
	if st, err := os.Stat(path); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		return os.Open(path)
	}
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result, 1)
	go func() {
		f, err := os.Open(path)
		done <- result{f, err}
	}()
	select {
	case r := <-done:
		return r.f, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// fromStream spools an input that can be read once.
func fromStream(ctx context.Context, name string, r io.Reader, o Options) (*Input, error) {
	r = interruptible(ctx, r)
	head := make([]byte, probeBytes)
	n, err := io.ReadFull(r, head)
	whole := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if err != nil && !whole {
		return nil, fileError(name, err)
	}
	head = head[:n]
	if err := probe(name, head, whole); err != nil {
		return nil, err
	}
	s, err := spool(name, io.MultiReader(bytes.NewReader(head), r), &o)
	if err != nil {
		return nil, err
	}
	in, err := fromRaw(ctx, name, &rawFile{f: s.f, size: s.size}, o)
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
func fromRaw(ctx context.Context, name string, raw *rawFile, o Options) (*Input, error) {
	in := &Input{Path: name, raw: raw}
	if err := in.open(ctx, name, &o); err != nil {
		if changed := raw.changed(name); changed != nil {
			err = changed
		}
		in.closeFiles()
		return nil, err
	}
	return in, nil
}

// open finds the dialect of the raw file and opens its reader.
func (in *Input) open(ctx context.Context, name string, o *Options) error {
	in.progress = newProgress(ctx, o.Progress, in.raw.size)
	src, packed, err := in.raw.source(name, in.progress)
	if err != nil {
		return err
	}
	d, err := detect(src)
	if errors.Is(err, errTar) {
		if raw, rerr := in.rawTar(ctx, src, o); raw {
			return rerr
		}
	}
	if err != nil {
		return err
	}
	if packed && d.binary {
		s, err := spoolSource(src, o)
		if err != nil {
			return err
		}
		in.spool, in.tail = append(in.spool, s), s.tail
		p := newProgress(ctx, o.Progress, s.size)
		in.progress = p
		src.Open = func() (io.ReadCloser, error) {
			return io.NopCloser(p.stream(io.NewSectionReader(s.f, 0, s.size))), nil
		}
		src.At, src.Size = p.at(s.f), s.size
	}
	if !d.binary {
		src = d.src
	}
	src.Temp = o.Temp
	in.src = src
	c, err := d.open(src)
	if err != nil {
		return err
	}
	c.Meta().Confidence = d.confidence
	c.Meta().Notes = append(c.Meta().Notes, d.notes...)
	in.Capture = c
	return nil
}

// Events delivers the capture's events and the holes between them. A pass over a file
// that was written to since it was opened ends with [parser.ErrChanged]; what it
// delivered need not belong together.
func (in *Input) Events() iter.Seq2[parser.Event, error] { return parser.Given(in.Lend()) }

// Lend implements [parser.Lender].
func (in *Input) Lend() iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		if err := in.raw.changed(in.Path); err != nil {
			yield(&parser.Event{}, err)
			return
		}
		in.progress.begin()
		defer in.progress.finish()
		stopped, some := false, false
		var end error
		withHoles(parser.Lend(in.Capture), func(ev *parser.Event, err error) bool {
			if err != nil {
				end = err
				return false
			}
			some = some || ev.Kind != parser.KindDamaged
			stopped = !yield(ev, nil)
			return !stopped
		})
		if stopped {
			return
		}
		if end == nil && in.tail != nil {
			end = &parser.Error{File: in.Path, Offset: -1, Err: in.tail, Remedy: "what comes before it stands"}
		}
		if e, ok := end.(*parser.Error); ok && !some && (errors.Is(e, parser.ErrTruncated) || errors.Is(e, parser.ErrDamaged)) {
			nothing := *e
			nothing.Remedy = "copy or record again: there is no event before it"
			end = &nothing
		}
		if err := in.raw.changed(in.Path); err != nil {
			end = err
		}
		if err := in.progress.ctx.Err(); err != nil && end != nil {
			end = err
		}
		if end != nil {
			yield(&parser.Event{}, end)
		}
	}
}

// Copied returns how many bytes of temporary copies the input is read from.
func (in *Input) Copied() int64 {
	n := int64(0)
	for _, s := range in.spool {
		n += s.size
	}
	return n
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
		s.remove()
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
	if err := in.raw.changed(in.Path); err != nil {
		return "", err
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

// refuse is an error about an input as a whole, with what helps.
func refuse(path, remedy, format string, args ...any) error {
	return &parser.Error{File: path, Offset: -1, Err: fmt.Errorf(format, args...), Remedy: remedy}
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

// errEmpty refuses an input without a byte.
func errEmpty(name string) error {
	return refuse(name, "check how it was copied", "%w: the file is empty", parser.ErrFormat)
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
