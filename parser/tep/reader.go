package tep

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"schedreplay/parser"
)

// Magic begins a trace.dat file and the tracing data of a perf.data file.
const Magic = "\x17\x08\x44tracing"

// MaxCmdlines is the size of the largest saved_cmdlines text accepted, in
// bytes: room for every pid there can be.
const MaxCmdlines = 128 << 20

// Limits on counts that the block states; none is near what kernels have.
const (
	maxSystems = 1 << 14
	maxEvents  = 1 << 17
	maxWord    = 1 << 8
)

// Preamble is the start of the block: what its numbers look like.
type Preamble struct {
	// Version is the block's version: "6" and "7" in trace.dat, "0.5" and "0.6"
	// in perf.data.
	Version string
	Order   Order
	// LongSize is the size of the recorder's long, 4 or 8 bytes.
	LongSize int
	// PageSize is the recorder's page size in bytes.
	PageSize uint32
}

// Reader reads the block piece by piece, in the block's order. Errors wrap
// [parser.ErrTruncated], [parser.ErrDamaged] or [parser.ErrLimit]; Offset
// tells where.
type Reader struct {
	Preamble
	r   *bufio.Reader
	off int64
}

// NewReader reads the preamble from r.
func NewReader(r io.Reader) (*Reader, error) {
	d := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	magic, err := d.bytes(int64(len(Magic)), maxWord)
	if err != nil {
		return nil, err
	}
	if string(magic) != Magic {
		return nil, fmt.Errorf("%w: no tracing data: it begins %q", parser.ErrDamaged, magic)
	}
	if d.Version, err = d.Word(); err != nil {
		return nil, err
	}
	b, err := d.bytes(2, maxWord)
	if err != nil {
		return nil, err
	}
	if b[0] > 1 || b[1] != 4 && b[1] != 8 {
		return nil, fmt.Errorf("%w: byte order %d, long of %d bytes", parser.ErrDamaged, b[0], b[1])
	}
	d.Order, d.LongSize = b[0] == 1, int(b[1])
	d.PageSize, err = d.Uint32()
	return d, err
}

// NewSection returns a reader of pieces that stand without a preamble, as the
// sections of trace.dat version 7 do.
func NewSection(p Preamble, r io.Reader) *Reader {
	return &Reader{Preamble: p, r: bufio.NewReaderSize(r, 64<<10)}
}

// Offset is the number of bytes consumed.
func (d *Reader) Offset() int64 { return d.off }

// HeaderPage reads the header_page and header_event pieces. header_event never
// changed and is skipped.
func (d *Reader) HeaderPage() (HeaderPage, error) {
	if err := d.expect("header_page\x00"); err != nil {
		return HeaderPage{}, err
	}
	text, err := d.sized(MaxFormat)
	if err != nil {
		return HeaderPage{}, err
	}
	if err := d.expect("header_event\x00"); err != nil {
		return HeaderPage{}, err
	}
	if _, err := d.sized(MaxFormat); err != nil {
		return HeaderPage{}, err
	}
	return ParseHeaderPage(text, d.LongSize)
}

// FtraceEvents reads the format files of the system ftrace into the table.
func (d *Reader) FtraceEvents(t *Table) error { return d.formats("ftrace", t) }

// Events reads the format files of all other systems into the table.
func (d *Reader) Events(t *Table) error {
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	if n > maxSystems {
		return fmt.Errorf("%w: %d event systems", parser.ErrDamaged, n)
	}
	for range n {
		system, err := d.Word()
		if err != nil {
			return err
		}
		if err := d.formats(system, t); err != nil {
			return err
		}
	}
	return nil
}

func (d *Reader) formats(system string, t *Table) error {
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	if n > maxEvents {
		return fmt.Errorf("%w: %d events of the system %.40q", parser.ErrDamaged, n, system)
	}
	for range n {
		text, err := d.sized(MaxFormat)
		if err != nil {
			return err
		}
		f, err := ParseFormat(text)
		if err != nil {
			// One bad file costs one event.
			t.notes = append(t.notes, fmt.Sprintf("an event format of the system %.40q cannot be read: %v", system, err))
			if len(t.notes) > maxWord {
				return err
			}
			continue
		}
		f.System = system
		t.Add(f)
	}
	return nil
}

// Skip32 skips a piece whose size is a 32-bit number (kallsyms, printk).
func (d *Reader) Skip32() error {
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	return d.discard(int64(n))
}

// Cmdlines reads the saved_cmdlines piece: names of tasks by pid, as the
// kernel had them cached when the recording ended.
func (d *Reader) Cmdlines() (map[int32]string, error) {
	text, err := d.sized(MaxCmdlines)
	return ParseCmdlines(text), err
}

// ParseCmdlines reads a saved_cmdlines text (kernel/trace/trace.c,
// saved_cmdlines_show): "pid name" lines. A line that begins otherwise belongs
// to a name with a newline in it.
func ParseCmdlines(text []byte) map[int32]string {
	names := make(map[int32]string)
	last := int32(-1)
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		num, name, ok := bytes.Cut(line, []byte(" "))
		pid, err := strconv.ParseUint(string(num), 10, 31)
		switch {
		case ok && err == nil:
			last = int32(pid)
			names[last] = string(name)
		case last >= 0 && len(names[last])+1+len(line) < 16:
			names[last] += "\n" + string(line)
		}
	}
	return names
}

// Bytes reads n bytes. Memory grows with what is there, not with n.
func (d *Reader) Bytes(n int64) ([]byte, error) { return d.bytes(n, 1<<40) }

// Sized reads a piece whose size, at most limit, is a 64-bit number before
// it.
func (d *Reader) Sized(limit int64) ([]byte, error) { return d.sized(limit) }

// Uint16 reads a number.
func (d *Reader) Uint16() (uint16, error) {
	b, err := d.bytes(2, maxWord)
	if err != nil {
		return 0, err
	}
	return d.Order.Uint16(b), nil
}

// Uint32 reads a number.
func (d *Reader) Uint32() (uint32, error) {
	b, err := d.bytes(4, maxWord)
	if err != nil {
		return 0, err
	}
	return d.Order.Uint32(b), nil
}

// Uint64 reads a number.
func (d *Reader) Uint64() (uint64, error) {
	b, err := d.bytes(8, maxWord)
	if err != nil {
		return 0, err
	}
	return d.Order.Uint64(b), nil
}

// Word reads a NUL-terminated string of at most 255 bytes.
func (d *Reader) Word() (string, error) {
	var s []byte
	for {
		c, err := d.r.ReadByte()
		if err != nil {
			return "", d.short(err)
		}
		d.off++
		if c == 0 {
			return string(s), nil
		}
		if s = append(s, c); len(s) >= maxWord {
			return "", fmt.Errorf("%w: unterminated word %.20q", parser.ErrDamaged, s)
		}
	}
}

func (d *Reader) expect(word string) error {
	b, err := d.bytes(int64(len(word)), maxWord)
	if err == nil && string(b) != word {
		err = fmt.Errorf("%w: %q where %q is due", parser.ErrDamaged, b, word)
	}
	return err
}

// sized reads a piece whose size is a 64-bit number.
func (d *Reader) sized(limit int64) ([]byte, error) {
	n, err := d.Uint64()
	if err != nil {
		return nil, err
	}
	return d.bytes(int64(n), limit)
}

// bytes reads n bytes. Memory grows with what is there, not with n.
func (d *Reader) bytes(n, limit int64) ([]byte, error) {
	if n < 0 || n > limit {
		return nil, fmt.Errorf("%w: a piece of %d bytes, at most %d make sense", parser.ErrDamaged, uint64(n), limit)
	}
	if n <= 64<<10 {
		b := make([]byte, n)
		got, err := io.ReadFull(d.r, b)
		d.off += int64(got)
		return b, d.short(err)
	}
	var buf bytes.Buffer
	got, err := io.CopyN(&buf, d.r, n)
	d.off += got
	return buf.Bytes(), d.short(err)
}

func (d *Reader) discard(n int64) error {
	got, err := io.CopyN(io.Discard, d.r, n)
	d.off += got
	return d.short(err)
}

// short turns an early end into [parser.ErrTruncated].
func (d *Reader) short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends inside the event formats", parser.ErrTruncated)
	}
	return err
}
