package anonymize

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"schedreplay/parser"
	"schedreplay/parser/perfdata"
	"schedreplay/parser/tep"
)

// Records of perf.data that a copy holds (include/uapi/linux/perf_event.h and
// tools/lib/perf/include/perf/event.h). All others are left out.
const (
	recLost          = 2
	recComm          = 3
	recExit          = 4
	recFork          = 7
	recSample        = 9
	recLostSamples   = 13
	recHeaderAttr    = 64
	recTracingData   = 66
	recFinishedRound = 68
	recIDIndex       = 69
	recAuxtrace      = 71
	recEventUpdate   = 78
	recFeature       = 80
	recFinishedInit  = 82
)

// Features of perf.data that hold names (tools/perf/util/header.h).
const (
	featTracingData = 1
	featHostname    = 3
	featCmdline     = 11
)

const noFormats = "without the event formats the names cannot be found"

// maxFeature bounds a feature section that is held in memory.
const maxFeature = 256 << 20

// perf writes the copy of one perf.data file or stream.
type perf struct {
	n      *Names
	f      *perfdata.File
	types  perfdata.Types
	table  *tep.Table
	w      *bufio.Writer
	at     int64 // where the next byte goes
	report Report
	// expanded: compressed records come out plain.
	expanded bool
}

// perfData copies a perf.data file, or what perf record wrote to a pipe.
func perfData(src parser.Source, n *Names, out *os.File) (*Report, error) {
	f, err := perfdata.ReadFile(src)
	if err != nil {
		return nil, err
	}
	p := &perf{n: n, f: f, w: bufio.NewWriterSize(out, 64<<10)}
	for _, a := range f.Attrs {
		if err := p.types.Add(a.Attr, a.IDs, f.Order); err != nil {
			return nil, err
		}
	}
	r, err := src.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if f.Pipe {
		_ = p.put(f.Header)
		if err := f.Walk(r, &p.types, p); err != nil {
			return nil, err
		}
	} else if err := p.file(r, out); err != nil {
		return nil, err
	}
	return &p.report, p.w.Flush()
}

// file writes a file: head, event types, records, and behind them the features
// that schedreplay reads.
func (p *perf) file(r io.Reader, out *os.File) error {
	f, o := p.f, p.f.Order
	switch {
	case f.DataSize == 0:
		return refuse("the recorder was killed; " + noFormats)
	case f.FeaturesEnd != nil:
		return refuse("the file is cut; " + noFormats)
	}
	sections := map[int][]byte{}
	for _, s := range f.Features {
		if s.Bit != featTracingData && !perfdata.Reads(s.Bit) {
			continue
		}
		if s.Size > maxFeature || s.Off > 1<<60 {
			return fmt.Errorf("%w: feature %d of %d bytes", parser.ErrDamaged, s.Bit, s.Size)
		}
		b, err := io.ReadAll(f.Section(s, maxFeature))
		if err != nil {
			return err
		}
		if uint64(len(b)) < s.Size {
			return refuse(fmt.Sprintf("the file is cut inside feature %d", s.Bit))
		}
		sections[s.Bit] = b
		if err := p.feature(s.Bit, b); err != nil {
			return err
		}
	}
	if p.table == nil {
		return refuse("it holds no event formats; " + noFormats)
	}
	const headSize, attrSection, dataSection, bitmap = 104, 24, 40, 72
	head := make([]byte, headSize)
	copy(head, f.Header[:attrSection])
	_ = p.put(head)
	section := func(at int, off, size int64) {
		copy(head[at:], o.AppendUint64(o.AppendUint64(nil, uint64(off)), uint64(size)))
	}
	var attrs []byte
	for _, a := range f.Attrs {
		attrs = append(attrs, a.Attr...)
		attrs = o.AppendUint64(o.AppendUint64(attrs, uint64(p.at)), uint64(len(a.IDs)))
		_ = p.put(a.IDs)
	}
	section(attrSection, p.at, int64(len(attrs)))
	_ = p.put(attrs)
	from := p.at
	if err := f.Walk(r, &p.types, p); err != nil {
		return err
	}
	section(dataSection, from, p.at-from)
	at := p.at + int64(16*len(sections))
	var table, bits []byte
	for word := range 4 {
		v := uint64(0)
		for bit := 64 * word; bit < 64*word+64; bit++ {
			if b, ok := sections[bit]; ok {
				v |= 1 << (bit % 64)
				table = o.AppendUint64(o.AppendUint64(table, uint64(at)), uint64(len(b)))
				at += int64(len(b))
			}
		}
		bits = o.AppendUint64(bits, v)
	}
	copy(head[bitmap:], bits)
	_ = p.put(table)
	for bit := range 256 {
		_ = p.put(sections[bit])
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	_, err := out.WriteAt(head, 0)
	return err
}

// put writes bytes; the first error stands and is told by Flush.
func (p *perf) put(b []byte) error {
	p.at += int64(len(b))
	_, err := p.w.Write(b)
	return err
}

// feature replaces what a feature tells of names.
func (p *perf) feature(bit int, b []byte) error {
	switch bit {
	case featTracingData:
		return p.tracingData(b)
	case featHostname:
		p.n.replace(p.text(b))
	case featCmdline:
		if len(b) < 4 {
			break
		}
		count := p.f.Order.Uint32(b)
		for b = b[4:]; count > 0 && len(b) >= 4; count-- {
			size := uint64(p.f.Order.Uint32(b))
			p.n.argument(p.text(b))
			b = b[4+min(size, uint64(len(b)-4)):]
		}
	}
	return nil
}

// text is the string at the start of b: its length, then as many bytes, of
// which those before a NUL are returned and the others cleared.
func (p *perf) text(b []byte) []byte {
	if len(b) < 4 {
		return nil
	}
	s := b[4:]
	return ended(s[:min(uint64(p.f.Order.Uint32(b)), uint64(len(s)))])
}

// tracingData reads the event formats, clears kernel symbols, leaves of the printk formats the
// reasons that the kernel has and replaces the cached names.
func (p *perf) tracingData(b []byte) error {
	d, err := tep.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	p.table = tep.NewTable(d.Order)
	if _, err = d.HeaderPage(); err == nil {
		err = d.FtraceEvents(p.table)
	}
	if err == nil {
		err = d.Events(p.table)
	}
	rest := b[min(int64(len(b)), d.Offset()):]
	if err != nil {
		clear(rest)
		return nil
	}
	for _, read := range [...]func() error{d.Skip32, func() error { return d.Printk(p.table) }} { // kallsyms before
		at := d.Offset() + 4
		if read() != nil {
			clear(b[min(at, int64(len(b))):])
			return nil
		}
		clear(b[at:d.Offset()])
		copy(b[at:d.Offset()], p.table.Reasons()) // none before printk was read
	}
	if at := d.Offset() + 8; at <= int64(len(b)) {
		p.n.cmdlines(b[at:])
	}
	return nil
}

// Record copies one record.
func (p *perf) Record(rec []byte, _ perfdata.Place) error {
	o := p.f.Order
	switch o.Uint32(rec) {
	case recSample:
		p.report.Records++
		if err := p.sample(rec); err != nil {
			return err
		}
	case recComm:
		name, err := p.types.Comm(rec, o)
		if err != nil {
			clear(rec[8:])
		}
		p.n.replace(ended(name))
	case recHeaderAttr:
		if err := p.types.AddRecord(rec, o); err != nil {
			return err
		}
	case recEventUpdate:
		ended(rec[min(24, len(rec)):])
	case recFeature:
		if len(rec) < 16 || !perfdata.Reads(int(min(o.Uint64(rec[8:]), 256))) {
			return nil
		}
		if err := p.feature(int(o.Uint64(rec[8:])), rec[16:]); err != nil {
			return err
		}
	case recFinishedRound:
		if p.expanded {
			return nil // the rounds of plain and compressed records mix
		}
	case recLost, recExit, recFork, recLostSamples, recIDIndex, recFinishedInit:
	default:
		return nil
	}
	return p.put(rec)
}

// sample leaves of a sample what schedreplay reads.
func (p *perf) sample(rec []byte) error {
	if p.table == nil {
		return refuse("its samples come before the event formats; " + noFormats)
	}
	raw, end, err := p.types.Raw(rec, p.f.Order)
	if err != nil {
		clear(rec[8:])
		return nil
	}
	clear(rec[end:])
	if raw != nil {
		p.table.Scrub(raw, p.n.text)
	}
	return nil
}

// Attached copies the event formats of a stream.
func (p *perf) Attached(rec []byte, _ perfdata.Place, data io.Reader) error {
	switch {
	case data == nil:
		p.expanded = true
		return nil
	case p.f.Order.Uint32(rec) == recAuxtrace:
		return refuse("it holds a hardware trace (AUXTRACE), in which nothing can be told from names")
	}
	b, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	if want := (int64(p.f.Order.Uint32(rec[8:])) + 7) &^ 7; int64(len(b)) < want {
		return fmt.Errorf("%w: it ends inside the event formats", parser.ErrTruncated)
	}
	if err := p.tracingData(b); err != nil {
		return err
	}
	if err := p.put(rec); err != nil {
		return err
	}
	return p.put(b)
}

// Unpacked has nothing to keep.
func (p *perf) Unpacked([]byte) error { return nil }

// Damage counts what the copy lacks.
func (p *perf) Damage(_ perfdata.Place, n int64, _ error) { p.report.Dropped += n }

// Stop counts what the copy lacks of a cut file.
func (p *perf) Stop(off int64, err error) {
	if end := p.f.DataOff + p.f.DataSize; errors.Is(err, parser.ErrTruncated) {
		p.report.Dropped += max(end-off, 1)
	}
}
