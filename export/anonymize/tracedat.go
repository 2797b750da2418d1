package anonymize

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Options and sections of trace.dat (trace-cmd.dat.v7.5).
const (
	optDone         = 0
	optDate         = 1
	optCPUStat      = 2
	optBuffer       = 3
	optTraceClock   = 4
	optUname        = 5
	optHook         = 6
	optOffset       = 7
	optCPUCount     = 8
	optVersion      = 9
	optTraceID      = 11
	optTimeShift    = 12
	optTSC2NSEC     = 14
	optHeaderInfo   = 16
	optFtraceEvents = 17
	optEventFormats = 18
	optKallsyms     = 19
	optPrintk       = 20
	optCmdlines     = 21
	optBufferText   = 22
)

const (
	sectionHead    = 16
	maxSections    = 1024
	maxSection     = 256 << 20
	maxChunk       = 8 << 20
	maxRingPage    = 1 << 20
	maxTraceCPUs   = 1 << 14
	bufferEntry    = 20 // {cpu, offset, size} in the BUFFER option
	latencyTracing = "a latency trace is text without scheduler events"
)

// trace rewrites one trace.dat.
type trace struct {
	n      *Names
	src    parser.Source
	pre    tep.Preamble
	f      *formats
	report Report
}

// traceDat rewrites a trace.dat: version 6 in place, version 7 anew without
// compression.
func traceDat(src parser.Source, n *Names, out *os.File) (*Report, error) {
	t := &trace{n: n, src: src}
	d, err := tep.NewReader(io.NewSectionReader(src.At, 0, src.Size))
	if err != nil {
		return nil, err
	}
	t.pre, t.f = d.Preamble, newFormats(d.Preamble)
	switch d.Version {
	case "6":
		err = t.version6(d, out)
	case "7":
		err = t.version7(d, out)
	default:
		err = refuse(fmt.Sprintf("its version is %.10q; 6 and 7 are known", d.Version))
	}
	if err != nil {
		return nil, err
	}
	return &t.report, nil
}

// patch writes b over the copy.
func patch(out *os.File, off int64, b []byte) error {
	_, err := out.WriteAt(b, off)
	return err
}

// version6 copies the file and writes over it.
func (t *trace) version6(d *tep.Reader, out *os.File) error {
	if _, err := io.Copy(out, io.NewSectionReader(t.src.At, 0, t.src.Size)); err != nil {
		return err
	}
	var err error
	if t.f.page, err = d.HeaderPage(); err != nil {
		return err
	}
	if err := t.f.ftrace(d); err != nil {
		return err
	}
	if err := t.f.systems(d); err != nil {
		return err
	}
	for range 2 { // kallsyms, printk
		at := d.Offset() + 4
		if err := d.Skip32(); err != nil {
			return err
		}
		if err := zero(out, at, d.Offset()); err != nil {
			return err
		}
	}
	at := d.Offset() + 8
	names, err := d.Sized(tep.MaxCmdlines)
	if err != nil {
		return err
	}
	t.n.cmdlines(names)
	if err := patch(out, at, names); err != nil {
		return err
	}
	cpus, err := d.Uint32()
	if err != nil {
		return err
	}
	if cpus > maxTraceCPUs {
		return fmt.Errorf("%w: %d CPUs", parser.ErrDamaged, cpus)
	}
	var instances []int64
	if err := t.data6(d, 0, int(cpus), out, &instances); err != nil {
		return err
	}
	for _, off := range instances {
		if off <= 0 || off >= t.src.Size {
			continue
		}
		sub := tep.NewSection(t.pre, io.NewSectionReader(t.src.At, off, t.src.Size-off))
		if err := t.data6(sub, off, int(cpus), out, nil); err != nil {
			return err
		}
	}
	return nil
}

// zero clears a part of the copy.
func zero(out *os.File, from, to int64) error {
	b := make([]byte, 1<<16)
	for from < to {
		n := min(to-from, int64(len(b)))
		if err := patch(out, from, b[:n]); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// data6 rewrites options and pages; base is where d begins in the file.
func (t *trace) data6(d *tep.Reader, base int64, cpus int, out *os.File, instances *[]int64) error {
	for {
		kind, err := d.Bytes(10)
		if err != nil {
			return err
		}
		switch string(tep.CString(kind)) {
		case "options  ":
			if instances == nil {
				return fmt.Errorf("%w: options inside a buffer", parser.ErrDamaged)
			}
			if cpus, err = t.options6(d, base, cpus, out, instances); err != nil {
				return err
			}
			continue
		case "flyrecord":
		case "latency  ":
			return refuse(latencyTracing)
		default:
			return fmt.Errorf("%w: data of the kind %.10q", parser.ErrDamaged, kind)
		}
		break
	}
	for range cpus {
		off, err := d.Uint64()
		if err != nil {
			return err
		}
		size, err := d.Uint64()
		if err != nil {
			return err
		}
		if err := t.pages6(int64(off), int64(size), out); err != nil {
			return err
		}
	}
	return nil
}

func (t *trace) options6(d *tep.Reader, base int64, cpus int, out *os.File, instances *[]int64) (int, error) {
	for {
		id, err := d.Uint16()
		if err != nil || id == optDone {
			return cpus, err
		}
		size, err := d.Uint32()
		if err != nil {
			return cpus, err
		}
		at := base + d.Offset()
		b, err := d.Bytes(int64(size))
		if err != nil {
			return cpus, err
		}
		switch {
		case id == optBuffer && len(b) >= 8:
			*instances = append(*instances, int64(t.pre.Order.Uint64(b)))
			t.n.cstring(b[8:])
		case id == optCPUCount && len(b) >= 4:
			cpus = max(cpus, int(min(t.pre.Order.Uint32(b), maxTraceCPUs)))
		case !t.option(id, b):
			clear(b)
		}
		if err := patch(out, at, b); err != nil {
			return cpus, err
		}
	}
}

// pages6 rewrites the pages of one CPU in place.
func (t *trace) pages6(off, size int64, out *os.File) error {
	page := make([]byte, t.pre.PageSize)
	if len(page) < 4096 || len(page) > maxRingPage {
		return fmt.Errorf("%w: pages of %d bytes", parser.ErrDamaged, len(page))
	}
	for end := off + size; off < end && off >= 0; off += int64(len(page)) {
		n, err := t.src.At.ReadAt(page[:min(int64(len(page)), end-off)], off)
		if n < len(page) {
			clear(page[:n]) // a cut page tells nothing
			t.report.Dropped += int64(n)
		} else {
			t.page(page)
		}
		if werr := patch(out, off, page[:n]); werr != nil {
			return werr
		}
		if n < len(page) {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
	}
	return nil
}

// option rewrites one option and reports false for one that must not be
// copied.
func (t *trace) option(id uint16, b []byte) bool {
	switch id {
	case optUname:
		// "sysname nodename release machine"
		if f := bytes.SplitN(tep.CString(b), []byte(" "), 3); len(f) == 3 {
			t.n.host(f[1])
		}
		return true
	case optCPUStat:
		if name, ok := bytes.CutPrefix(tep.CString(b), []byte("Buffer: ")); ok {
			t.n.replace(bytes.TrimRight(name, "\n"))
		}
		return true
	case optDate, optTraceClock, optHook, optOffset, optCPUCount, optVersion, optTraceID, optTimeShift, optTSC2NSEC:
		return true
	}
	return false
}

// Values of type_len in an event header (include/linux/ring_buffer.h), and the
// parts of a page's commit word.
const (
	typePadding    = 29
	typeTimeExtend = 30
	typeTimeStamp  = 31
	commitMask     = 1<<27 - 1
	missedStored   = 1 << 30
)

// page rewrites the records of a ring buffer page, and clears what is left of
// older ones: behind the committed data and where an event was discarded.
func (t *trace) page(page []byte) {
	h, o := t.f.page, t.pre.Order
	if len(page) < h.Data {
		clear(page)
		return
	}
	var commit uint64
	if h.CommitSize == 8 {
		commit = o.Uint64(page[h.Commit:])
	} else {
		commit = uint64(o.Uint32(page[h.Commit:]))
	}
	n := int(commit & commitMask)
	if n > len(page)-h.Data {
		clear(page[h.Data:])
		return
	}
	rest := page[h.Data+n:]
	if commit&missedStored != 0 {
		rest = rest[min(h.CommitSize, len(rest)):]
	}
	clear(rest)
	data := page[h.Data : h.Data+n]
	for len(data) >= 4 {
		w := o.Uint32(data)
		kind, delta := w&31, w>>5
		if o == tep.Big {
			kind, delta = w>>27, w&(1<<27-1)
		}
		length, payload := int(kind)*4, 4
		switch {
		case kind == 0 || kind == typePadding && delta != 0:
			if len(data) < 8 {
				clear(data)
				return
			}
			length = int(min(o.Uint32(data[4:]), maxRingPage))
			payload = 8
		case kind == typePadding:
			clear(data[4:])
			return
		case kind == typeTimeExtend, kind == typeTimeStamp:
			length = 4
		}
		if length < 4 || 4+length > len(data) {
			clear(data)
			return
		}
		total := min((4+length+3)&^3, len(data))
		switch {
		case kind == typeTimeExtend, kind == typeTimeStamp:
		case kind == typePadding:
			clear(data[payload:total])
		default:
			t.report.Records++
			t.f.record(data[payload:4+length], t.n)
		}
		data = data[total:]
	}
	clear(data)
}

// option7 is one option of a version 7 file.
type option7 struct {
	id   uint16
	body []byte
}

// version7 writes a new file: the same sections, options and pages, plain.
func (t *trace) version7(d *tep.Reader, out *os.File) error {
	name, err := d.Word()
	if err != nil {
		return err
	}
	headLen := d.Offset() - int64(len(name)) - 1
	if _, err := d.Word(); err != nil { // the library's version
		return err
	}
	first, err := d.Uint64()
	if err != nil {
		return err
	}
	u := unpacker{name: name, order: t.pre.Order}
	defer u.close()
	options, err := t.options7(first, &u)
	if err != nil {
		return err
	}
	w := &writer7{t: t, out: out, w: bufio.NewWriterSize(out, 1<<20)}
	head := make([]byte, headLen)
	if _, err := t.src.At.ReadAt(head, 0); err != nil {
		return err
	}
	w.put(head)
	w.put([]byte("none\x00\x00"))
	patchAt := w.at
	w.put(make([]byte, 8))

	where := map[uint16]int64{}
	for _, o := range options {
		if o.id >= optHeaderInfo && o.id <= optCmdlines && len(o.body) >= 8 {
			where[o.id] = int64(t.pre.Order.Uint64(o.body))
		}
	}
	for id := uint16(optHeaderInfo); id <= optCmdlines; id++ {
		off, ok := where[id]
		if !ok {
			continue
		}
		if where[id], err = t.meta(w, id, off, &u); err != nil {
			return err
		}
	}
	if t.f.page == (tep.HeaderPage{}) {
		if t.f.page, err = tep.ParseHeaderPage(nil, t.pre.LongSize); err != nil {
			return err
		}
	}
	var kept []option7
	for _, o := range options {
		switch {
		case o.id == optBufferText:
			return refuse(latencyTracing)
		case o.id == optBuffer:
			if o.body, err = t.buffer7(w, o.body, &u); err != nil {
				return err
			}
		case where[o.id] != 0:
			o.body = make([]byte, 8)
			putUint64(t.pre.Order, o.body, uint64(where[o.id]))
		case !t.option(o.id, o.body):
			continue
		}
		kept = append(kept, o)
	}
	at := w.at
	w.options(kept)
	if err := w.close(); err != nil {
		return err
	}
	b := make([]byte, 8)
	putUint64(t.pre.Order, b, uint64(at))
	return patch(out, patchAt, b)
}

// options7 reads the chain of option sections.
func (t *trace) options7(next uint64, u *unpacker) ([]option7, error) {
	var list []option7
	seen := map[uint64]bool{}
	for next != 0 {
		if seen[next] || len(seen) >= maxSections {
			return nil, fmt.Errorf("%w: the option sections form no chain", parser.ErrDamaged)
		}
		seen[next] = true
		b, err := t.section(int64(next), optDone, u)
		if err != nil {
			return nil, err
		}
		d := tep.NewSection(t.pre, bytes.NewReader(b))
		for next = 0; ; {
			id, err := d.Uint16()
			if err != nil {
				return nil, err
			}
			size, err := d.Uint32()
			if err != nil {
				return nil, err
			}
			body, err := d.Bytes(int64(size))
			if err != nil {
				return nil, err
			}
			if id == optDone {
				if len(body) >= 8 {
					next = t.pre.Order.Uint64(body)
				}
				break
			}
			list = append(list, option7{id, body})
		}
	}
	return list, nil
}

// header reads a section's header: whether it is compressed, and its size.
func (t *trace) header(off int64, id uint16) (packed bool, size int64, err error) {
	var h [sectionHead]byte
	if off <= 0 || off > t.src.Size {
		return false, 0, refuse("it is cut: a section lies behind its end")
	}
	if _, err := t.src.At.ReadAt(h[:], off); err != nil {
		return false, 0, refuse("it is cut: it ends inside the header of a section")
	}
	o := t.pre.Order
	if got := o.Uint16(h[:]); got != id {
		return false, 0, fmt.Errorf("%w: section %d where %d is due", parser.ErrDamaged, got, id)
	}
	return o.Uint16(h[2:])&1 != 0, int64(o.Uint64(h[8:])), nil
}

// section returns the plain content of a metadata section.
func (t *trace) section(off int64, id uint16, u *unpacker) ([]byte, error) {
	packed, size, err := t.header(off, id)
	if err != nil {
		return nil, err
	}
	if size < 0 || size > maxSection {
		return nil, fmt.Errorf("%w: section %d of %d bytes", parser.ErrDamaged, id, size)
	}
	off += sectionHead
	var r io.Reader = io.NewSectionReader(t.src.At, off, size)
	if packed {
		var h [8]byte
		if _, err := t.src.At.ReadAt(h[:], off); err != nil {
			return nil, refuse("it is cut: it ends inside a section")
		}
		n, plain := t.pre.Order.Uint32(h[:]), t.pre.Order.Uint32(h[4:])
		z, done, err := u.stream(io.NewSectionReader(t.src.At, off+8, int64(n)))
		if err != nil {
			return nil, err
		}
		defer done()
		r, size = io.LimitReader(z, min(int64(plain), maxSection)), int64(plain)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: section %d: %w", parser.ErrDamaged, id, err)
	}
	if int64(len(b)) < size && id != optDone {
		return nil, refuse(fmt.Sprintf("it is cut: section %d ends early", id))
	}
	return b, nil
}

// meta copies a metadata section and returns where.
func (t *trace) meta(w *writer7, id uint16, off int64, u *unpacker) (int64, error) {
	b, err := t.section(off, id, u)
	if err != nil {
		return 0, err
	}
	d := tep.NewSection(t.pre, bytes.NewReader(b))
	switch id {
	case optHeaderInfo:
		t.f.page, err = d.HeaderPage()
	case optFtraceEvents:
		err = t.f.ftrace(d)
	case optEventFormats:
		err = t.f.systems(d)
	case optKallsyms, optPrintk:
		b = make([]byte, 4) // none
	case optCmdlines:
		if len(b) >= 8 {
			t.n.cmdlines(b[8:])
		}
	}
	if err != nil {
		return 0, err
	}
	at := w.at
	w.section(id, int64(len(b)))
	w.put(b)
	return at, nil
}

// buffer7 copies the pages of a buffer and returns its option with the new
// places.
func (t *trace) buffer7(w *writer7, body []byte, u *unpacker) ([]byte, error) {
	o := t.pre.Order
	bad := fmt.Errorf("%w: BUFFER option of %d bytes ends inside its fields", parser.ErrDamaged, len(body))
	if len(body) < 8 {
		return nil, bad
	}
	body = bytes.Clone(body)
	rest := body[8:]
	name := bytes.IndexByte(rest, 0)
	if name < 0 {
		return nil, bad
	}
	t.n.replace(rest[:name])
	rest = rest[name+1:]
	clock := bytes.IndexByte(rest, 0)
	if clock < 0 || len(rest) < clock+9 {
		return nil, bad
	}
	rest = rest[clock+1:]
	page, cpus := o.Uint32(rest), o.Uint32(rest[4:])
	rest = rest[8:]
	if page < 4096 || page > maxRingPage || cpus > maxTraceCPUs || int(cpus)*bufferEntry > len(rest) {
		return nil, bad
	}
	packed, _, err := t.header(int64(o.Uint64(body)), optBuffer)
	if err != nil {
		return nil, err
	}
	start := w.at
	putUint64(o, body, uint64(start))
	w.section(optBuffer, 0) // the size follows
	for range cpus {
		off, size := int64(o.Uint64(rest[4:])), int64(o.Uint64(rest[12:]))
		w.align(int64(page))
		at := w.at
		if size > 0 {
			if packed {
				err = t.chunks(w, off, int(page), u)
			} else {
				err = t.pages(w, off, size, int(page))
			}
			if err != nil {
				return nil, err
			}
		}
		putUint64(o, rest[4:], uint64(at))
		putUint64(o, rest[12:], uint64(w.at-at))
		rest = rest[bufferEntry:]
	}
	return body, w.setSize(start, w.at-start-sectionHead)
}

// pages copies the plain pages of one CPU.
func (t *trace) pages(w *writer7, off, size int64, pageSize int) error {
	page := make([]byte, pageSize)
	for end := off + size; off >= 0 && off < end; off += int64(pageSize) {
		n, err := t.src.At.ReadAt(page[:min(int64(pageSize), end-off)], off)
		if n < pageSize {
			t.report.Dropped += int64(n)
			if err == nil || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		t.page(page)
		w.put(page)
	}
	return nil
}

// chunks copies the pages of one CPU out of compressed chunks: their number,
// then {packed size, plain size, data} each.
func (t *trace) chunks(w *writer7, off int64, pageSize int, u *unpacker) error {
	o := t.pre.Order
	var h [8]byte
	if _, err := t.src.At.ReadAt(h[:4], off); err != nil {
		return refuse("it is cut: it ends before the data of a CPU")
	}
	off += 4
	for n := o.Uint32(h[:]); n > 0; n-- {
		if _, err := t.src.At.ReadAt(h[:], off); err != nil {
			return refuse("it is cut: it ends inside the data of a CPU")
		}
		packed, plain := o.Uint32(h[:]), o.Uint32(h[4:])
		if packed > 2*maxChunk || plain > maxChunk {
			return fmt.Errorf("%w: a chunk of %d bytes that becomes %d", parser.ErrDamaged, packed, plain)
		}
		b, err := u.chunk(io.NewSectionReader(t.src.At, off+8, int64(packed)), int(plain))
		if err != nil {
			return err
		}
		for ; len(b) >= pageSize; b = b[pageSize:] {
			t.page(b[:pageSize])
			w.put(b[:pageSize])
		}
		t.report.Dropped += int64(len(b))
		off += 8 + int64(packed)
	}
	return nil
}

// unpacker decompresses what a file's codec packed.
type unpacker struct {
	name  string
	order tep.Order
	zstd  *zstd.Decoder
	buf   bytes.Buffer
}

func (u *unpacker) stream(r io.Reader) (io.Reader, func(), error) {
	switch u.name {
	case "zstd":
		if u.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(32<<20))
			if err != nil {
				return nil, nil, err
			}
			u.zstd = z
		}
		if err := u.zstd.Reset(r); err != nil {
			return nil, nil, fmt.Errorf("%w: compressed section: %w", parser.ErrDamaged, err)
		}
		return u.zstd, func() {}, nil
	case "zlib":
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: compressed section: %w", parser.ErrDamaged, err)
		}
		return z, func() { _ = z.Close() }, nil
	}
	return nil, nil, refuse(fmt.Sprintf("its compression is %.20q; zstd and zlib are known", strings.ToValidUTF8(u.name, "?")))
}

// chunk decompresses a chunk, valid until the next call.
func (u *unpacker) chunk(r io.Reader, plain int) ([]byte, error) {
	z, done, err := u.stream(r)
	if err != nil {
		return nil, err
	}
	defer done()
	u.buf.Reset()
	if _, err := io.Copy(&u.buf, io.LimitReader(z, int64(plain))); err != nil {
		return nil, fmt.Errorf("%w: compressed chunk: %w", parser.ErrDamaged, err)
	}
	if u.buf.Len() < plain {
		return nil, fmt.Errorf("%w: a chunk ends %d bytes early", parser.ErrDamaged, plain-u.buf.Len())
	}
	return u.buf.Bytes(), nil
}

func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
}

// writer7 writes a version 7 file from front to back.
type writer7 struct {
	t   *trace
	out *os.File
	w   *bufio.Writer
	at  int64
	err error
}

func (w *writer7) put(b []byte) {
	w.at += int64(len(b))
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

func (w *writer7) align(n int64) { w.put(make([]byte, (n-w.at%n)%n)) }

// section writes a section's header.
func (w *writer7) section(id uint16, size int64) {
	var h [sectionHead]byte
	putUint16(w.t.pre.Order, h[:], id)
	putUint64(w.t.pre.Order, h[8:], uint64(size))
	w.put(h[:])
}

// setSize writes the size of a section that was begun without.
func (w *writer7) setSize(start, size int64) error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err != nil {
		return w.err
	}
	b := make([]byte, 8)
	putUint64(w.t.pre.Order, b, uint64(size))
	return patch(w.out, start+8, b)
}

// options writes the one section of options.
func (w *writer7) options(list []option7) {
	o := w.t.pre.Order
	list = append(list, option7{optDone, make([]byte, 8)})
	size := int64(0)
	for _, x := range list {
		size += 6 + int64(len(x.body))
	}
	w.section(optDone, size)
	for _, x := range list {
		var h [6]byte
		putUint16(o, h[:], x.id)
		putUint32(o, h[2:], uint32(len(x.body)))
		w.put(h[:])
		w.put(x.body)
	}
}

func (w *writer7) close() error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

func putUint16(o tep.Order, b []byte, v uint16) {
	if o == tep.Big {
		v = v<<8 | v>>8
	}
	b[0], b[1] = byte(v), byte(v>>8)
}

func putUint32(o tep.Order, b []byte, v uint32) {
	for i := range 4 {
		shift := 8 * i
		if o == tep.Big {
			shift = 24 - shift
		}
		b[i] = byte(v >> shift)
	}
}
