package anonymize

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"

	"github.com/klauspost/compress/zstd"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Records of perf.data (include/uapi/linux/perf_event.h and
// tools/lib/perf/include/perf/event.h).
const (
	recMmap          = 1
	recLost          = 2
	recComm          = 3
	recExit          = 4
	recThrottle      = 5
	recUnthrottle    = 6
	recFork          = 7
	recSample        = 9
	recMmap2         = 10
	recLostSamples   = 13
	recSwitch        = 14
	recSwitchCPUWide = 15
	recNamespaces    = 16
	recKsymbol       = 17
	recBPFEvent      = 18
	recCgroup        = 19
	recHeaderAttr    = 64
	recTracingData   = 66
	recBuildID       = 67
	recFinishedRound = 68
	recIDIndex       = 69
	recAuxtraceInfo  = 70
	recAuxtrace      = 71
	recThreadMap     = 73
	recCPUMap        = 74
	recStatConfig    = 75
	recStat          = 76
	recStatRound     = 77
	recEventUpdate   = 78
	recTimeConv      = 79
	recFeature       = 80
	recCompressed    = 81
	recFinishedInit  = 82
	recCompressed2   = 83
)

// Features of perf.data (tools/perf/util/header.h).
const (
	featTracingData = 1
	featBuildID     = 2
	featHostname    = 3
	featCmdline     = 11
	featAuxtrace    = 18
	featBPFProg     = 25
	featBPFBTF      = 26
	featCompressed  = 27
	featDomains     = 32
	featBits        = 256
)

// Bits of perf_event_attr.sample_type.
const (
	sampleRead       = 1 << 4
	sampleCallchain  = 1 << 5
	sampleID         = 1 << 6
	sampleRaw        = 1 << 10
	sampleStackUser  = 1 << 13
	sampleIdentifier = 1 << 16
	// fixedBits are those of the eight-byte fields before READ: IP, TID, TIME,
	// ADDR, ID, CPU, PERIOD, STREAM_ID.
	fixedBits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<6 | 1<<7 | 1<<8 | 1<<9
)

const mmapBuildID = 1 << 14 // misc: the place of the inode holds a build id

// maxWindow is the largest zstd window accepted.
const maxWindow = 128 << 20

// maxFeature bounds a feature section that is held in memory.
const maxFeature = 256 << 20

// perf rewrites one perf.data file or stream.
type perf struct {
	n      *Names
	order  tep.Order
	w      *bufio.Writer
	f      *formats
	attrs  []perfAttr
	byID   map[uint64]int
	report Report
	// size is the number of bytes of records written.
	size int64
	// expanded: compressed records came out plain.
	expanded bool
}

type perfAttr struct {
	tracepoint             bool
	sampleType, readFormat uint64
}

// perfData rewrites a perf.data file, or what perf record wrote to a pipe.
func perfData(src parser.Source, n *Names, out *os.File) (*Report, error) {
	head := make([]byte, 16)
	if _, err := src.At.ReadAt(head, 0); err != nil {
		return nil, err
	}
	p := &perf{n: n, order: tep.Little, w: bufio.NewWriterSize(out, 1<<20), byID: map[uint64]int{}}
	if string(head[:8]) == "2ELIFREP" {
		p.order = tep.Big
	}
	var err error
	if p.order.Uint64(head[8:]) == 16 {
		if _, err = p.w.Write(head); err == nil {
			err = p.records(io.NewSectionReader(src.At, 16, 1<<62))
		}
	} else {
		err = p.file(src, out)
	}
	if err != nil {
		return nil, err
	}
	return &p.report, p.w.Flush()
}

// feature is a section behind the data; to is where it is written.
type feature struct {
	bit           int
	off, size, to int64
}

// file rewrites a file: header and event types as they are, records, features.
func (p *perf) file(src parser.Source, out *os.File) error {
	const headSize = 104
	o := p.order
	head := make([]byte, headSize)
	if _, err := src.At.ReadAt(head, 0); err != nil {
		return err
	}
	dataOff, dataSize := int64(o.Uint64(head[40:])), int64(o.Uint64(head[48:]))
	if dataSize == 0 || src.Size >= 0 && dataOff+dataSize > src.Size {
		return refuse("the recorder was killed or the file is cut: without the event formats behind the data the names cannot be found")
	}
	if dataOff < headSize || dataSize < 0 || dataOff > 1<<40 {
		return fmt.Errorf("%w: data of %d bytes at offset %d", parser.ErrDamaged, dataSize, dataOff)
	}
	if err := p.fileAttrs(src, head); err != nil {
		return err
	}
	features, bitmap, err := p.features(src, head, dataOff+dataSize)
	if err != nil {
		return err
	}
	for _, f := range features {
		if f.bit == featTracingData {
			if err := p.formats(io.NewSectionReader(src.At, f.off, f.size)); err != nil {
				return err
			}
		}
	}
	if p.f == nil {
		return refuse("it holds no event formats, without which the names cannot be found")
	}
	if _, err := io.Copy(p.w, io.NewSectionReader(src.At, 0, dataOff)); err != nil {
		return err
	}
	if err := p.records(io.NewSectionReader(src.At, dataOff, dataSize)); err != nil {
		return err
	}
	if p.expanded || p.size != dataSize {
		at := dataOff + p.size + int64(16*len(features))
		for i := range features {
			features[i].to = at
			at += features[i].size
		}
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	if err := p.writeFeatures(src, features, dataOff+p.size, out); err != nil {
		return err
	}
	if p.expanded || p.size != dataSize {
		word := make([]byte, 8)
		putUint64(o, word, uint64(p.size))
		if _, err := out.WriteAt(word, 48); err != nil {
			return err
		}
	}
	for i, v := range bitmap {
		word := make([]byte, 8)
		putUint64(o, word, v)
		if _, err := out.WriteAt(word, int64(72+8*i)); err != nil {
			return err
		}
	}
	return nil
}

// fileAttrs reads the event types and their ids.
func (p *perf) fileAttrs(src parser.Source, head []byte) error {
	o := p.order
	stride, off, size := int64(o.Uint64(head[16:])), int64(o.Uint64(head[24:])), int64(o.Uint64(head[32:]))
	if stride < 80 || stride > 4096 || size < 0 || size > 1<<24 {
		return fmt.Errorf("%w: event types of %d bytes", parser.ErrDamaged, stride)
	}
	b := make([]byte, stride)
	for at := off; at+stride <= off+size; at += stride {
		if _, err := src.At.ReadAt(b, at); err != nil {
			return err
		}
		idsOff, idsSize := int64(o.Uint64(b[stride-16:])), int64(o.Uint64(b[stride-8:]))
		if idsSize < 0 || idsSize > 1<<26 {
			return fmt.Errorf("%w: %d bytes of event ids", parser.ErrDamaged, idsSize)
		}
		ids, err := io.ReadAll(io.NewSectionReader(src.At, idsOff, idsSize))
		if err != nil {
			return err
		}
		if err := p.attr(b, ids); err != nil {
			return err
		}
	}
	return nil
}

func (p *perf) attr(b, ids []byte) error {
	a := perfAttr{tracepoint: p.order.Uint32(b) == 2, sampleType: p.order.Uint64(b[24:]), readFormat: p.order.Uint64(b[32:])}
	if a.sampleType&sampleStackUser != 0 {
		return refuse("its samples hold pieces of the tasks' memory (perf record --call-graph dwarf)")
	}
	p.attrs = append(p.attrs, a)
	for ; len(ids) >= 8; ids = ids[8:] {
		p.byID[p.order.Uint64(ids)] = len(p.attrs) - 1
	}
	return nil
}

// features reads the table behind the data. The bitmap returned lacks what the
// copy lacks.
func (p *perf) features(src parser.Source, head []byte, table int64) ([]feature, [4]uint64, error) {
	var bitmap [4]uint64
	for i := range bitmap {
		bitmap[i] = p.order.Uint64(head[72+8*i:])
	}
	// A 32-bit recorder of the other byte order has its words the other way
	// round.
	swapped := bitmap[0]&(1<<featHostname) == 0 && bitmap[0]>>32&(1<<featHostname) != 0
	read := bitmap
	if swapped {
		for i, w := range read {
			read[i] = w<<32 | w>>32
		}
	}
	var list []feature
	dataEnd := table
	b := make([]byte, 16)
	for bit := range featBits {
		if read[bit/64]>>(bit%64)&1 == 0 {
			continue
		}
		if _, err := src.At.ReadAt(b, table); err != nil {
			return nil, bitmap, refuse("the file is cut: without the event formats behind the data the names cannot be found")
		}
		table += 16
		f := feature{bit: bit, off: int64(p.order.Uint64(b)), size: int64(p.order.Uint64(b[8:]))}
		f.to = f.off
		if f.off < dataEnd || f.size < 0 || f.size > maxFeature || f.off > 1<<60 {
			return nil, bitmap, fmt.Errorf("%w: feature %d of %d bytes", parser.ErrDamaged, bit, f.size)
		}
		if bit == featAuxtrace && f.size > 0 {
			return nil, bitmap, refuse(auxtrace)
		}
		if bit == featCompressed {
			read[0] &^= 1 << featCompressed
			continue
		}
		list = append(list, f)
	}
	if swapped {
		for i, w := range read {
			read[i] = w<<32 | w>>32
		}
	}
	return list, read, nil
}

const auxtrace = "it holds a hardware trace (AUXTRACE), in which nothing can be told from names"

// writeFeatures writes the table at off, and the sections where they belong.
func (p *perf) writeFeatures(src parser.Source, list []feature, off int64, out *os.File) error {
	for _, f := range list {
		var entry [16]byte
		putUint64(p.order, entry[:], uint64(f.to))
		putUint64(p.order, entry[8:], uint64(f.size))
		if err := patch(out, off, entry[:]); err != nil {
			return err
		}
		off += int64(len(entry))
		var buf bytes.Buffer
		got, err := io.Copy(&buf, io.NewSectionReader(src.At, f.off, f.size))
		if err != nil {
			return err
		}
		if got < f.size {
			return fmt.Errorf("%w: feature %d ends %d bytes early", parser.ErrTruncated, f.bit, f.size-got)
		}
		p.feature(f.bit, buf.Bytes())
		if err := patch(out, f.to, buf.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// formats reads the embedded event formats.
func (p *perf) formats(r io.Reader) error {
	d, err := tep.NewReader(r)
	if err != nil {
		return err
	}
	p.f = newFormats(d.Preamble)
	if p.f.page, err = d.HeaderPage(); err != nil {
		return err
	}
	if err := p.f.ftrace(d); err != nil {
		return err
	}
	return p.f.systems(d)
}

// feature replaces what a feature tells of names.
func (p *perf) feature(bit int, b []byte) {
	switch bit {
	case featTracingData:
		p.tracingData(b)
	case featHostname:
		if s := p.text(b); s != nil {
			p.n.host(s)
		}
	case featCmdline:
		p.cmdline(b)
	case featBuildID:
		p.buildIDs(b)
	case featBPFProg, featBPFBTF:
		clear(b)
	default:
		if bit > featDomains+2 {
			clear(b) // nobody knows what it says
		}
	}
}

// text is the string at the start of b: its length, then as many bytes, of
// which those before a NUL are returned and the others cleared.
func (p *perf) text(b []byte) []byte {
	if len(b) < 4 {
		return nil
	}
	s := b[4:]
	s = s[:min(uint64(p.order.Uint32(b)), uint64(len(s)))]
	if i := bytes.IndexByte(s, 0); i >= 0 {
		clear(s[i:])
		s = s[:i]
	}
	return s
}

func (p *perf) cmdline(b []byte) {
	if len(b) < 4 {
		return
	}
	count := p.order.Uint32(b)
	for b = b[4:]; count > 0 && len(b) >= 4; count-- {
		size := uint64(p.order.Uint32(b))
		p.n.argument(p.text(b))
		b = b[4+min(size, uint64(len(b)-4)):]
	}
}

// buildIDs clears the ids and replaces the file names.
func (p *perf) buildIDs(b []byte) {
	for len(b) >= 8 {
		size := int(p.order.Uint16(b[6:]))
		if size < 8 || size > len(b) {
			clear(b)
			return
		}
		p.buildID(b[:size])
		b = b[size:]
	}
}

// buildID is {header, pid, id and its length in 24 bytes, file name}.
func (p *perf) buildID(rec []byte) {
	const name = 8 + 4 + 24
	if len(rec) < name {
		clear(rec[8:])
		return
	}
	clear(rec[12:name])
	p.file1(rec[name:])
}

// file1 replaces a mapped file's name, but for the kernel's own.
func (p *perf) file1(b []byte) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if bytes.HasPrefix(b, []byte("[")) || string(b) == "//anon" {
		return
	}
	p.n.path(b)
}

// tracingData clears kernel symbols and replaces the cached names.
func (p *perf) tracingData(b []byte) {
	d, err := tep.NewReader(bytes.NewReader(b))
	if err != nil {
		return
	}
	f := newFormats(d.Preamble)
	if _, err = d.HeaderPage(); err != nil || f.ftrace(d) != nil || f.systems(d) != nil {
		clear(b[min(int64(len(b)), d.Offset()):])
		return
	}
	clearSymbols(d, b)
	if at := d.Offset() + 8; at <= int64(len(b)) {
		p.n.cmdlines(b[at:])
	}
}

// clearSymbols clears the pieces kallsyms and printk, at which d stands.
func clearSymbols(d *tep.Reader, b []byte) {
	for range 2 {
		at := d.Offset() + 4
		if d.Skip32() != nil {
			clear(b[min(at, int64(len(b))):])
			return
		}
		clear(b[at:d.Offset()])
	}
}

// records rewrites the records of r until its end, or until one makes no
// sense.
func (p *perf) records(r io.Reader) error {
	s := &recordStream{p: p, r: bufio.NewReaderSize(r, 1<<20)}
	if err := s.run(); err != nil {
		return err
	}
	if s.packed == nil {
		return nil
	}
	return s.unpack()
}

// recordStream walks records. Compressed ones stop it: their payload is the
// next piece of one zstd stream.
type recordStream struct {
	p      *perf
	r      *bufio.Reader
	rec    []byte
	packed []byte
}

// run writes records until a compressed one, which it leaves in packed, or the
// end.
func (s *recordStream) run() error {
	for {
		rec, err := s.next()
		if err != nil || rec == nil {
			return err
		}
		switch typ := s.p.order.Uint32(rec); typ {
		case recCompressed, recCompressed2:
			s.p.expanded = true
			s.packed = bytes.Clone(rec[8:])
			if typ == recCompressed2 && len(s.packed) >= 8 {
				n := s.p.order.Uint64(s.packed)
				s.packed = s.packed[8:]
				s.packed = s.packed[:min(n, uint64(len(s.packed)))]
			}
			return nil
		case recTracingData:
			if err := s.tracingData(rec); err != nil {
				return err
			}
		default:
			if err := s.p.record(rec); err != nil {
				return err
			}
		}
	}
}

// next reads one record, nil at the end. A record that makes no sense ends the
// stream: what follows it cannot be told from names.
func (s *recordStream) next() ([]byte, error) {
	head, err := s.r.Peek(8)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	size := 0
	if len(head) == 8 {
		size = int(s.p.order.Uint16(head[6:]))
	}
	if size < 8 {
		return nil, s.drop()
	}
	if cap(s.rec) < size {
		s.rec = make([]byte, 1<<16)
	}
	s.rec = s.rec[:size]
	if _, err := io.ReadFull(s.r, s.rec); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			s.p.report.Dropped += int64(size)
			return nil, nil
		}
		return nil, err
	}
	return s.rec, nil
}

// drop counts the rest of the stream.
func (s *recordStream) drop() error {
	n, err := io.Copy(io.Discard, s.r)
	s.p.report.Dropped += n
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return err
}

// tracingData handles the record that is followed by the event formats.
func (s *recordStream) tracingData(rec []byte) error {
	if len(rec) < 12 {
		return fmt.Errorf("%w: TRACING_DATA of %d bytes", parser.ErrDamaged, len(rec))
	}
	n := (int64(s.p.order.Uint32(rec[8:])) + 7) &^ 7
	if err := s.p.put(rec); err != nil {
		return err
	}
	var buf bytes.Buffer
	if _, err := io.CopyN(&buf, s.r, n); err != nil {
		return fmt.Errorf("%w: it ends inside the event formats", parser.ErrTruncated)
	}
	b := buf.Bytes()
	if err := s.p.formats(bytes.NewReader(b)); err != nil {
		return err
	}
	s.p.tracingData(b)
	return s.p.put(b)
}

// Read hands the compressed payloads on, one after the other.
func (s *recordStream) Read(b []byte) (int, error) {
	for len(s.packed) == 0 {
		s.packed = nil
		if err := s.run(); err != nil {
			return 0, err
		}
		if s.packed == nil {
			return 0, io.EOF
		}
	}
	n := copy(b, s.packed)
	s.packed = s.packed[n:]
	return n, nil
}

// unpack writes the records of the compressed stream. perf never ends its
// frame.
func (s *recordStream) unpack() error {
	z, err := zstd.NewReader(s, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return fmt.Errorf("%w: compressed records: %w", parser.ErrDamaged, err)
	}
	defer z.Close()
	inner := &recordStream{p: s.p, r: bufio.NewReaderSize(tolerant{z}, 1<<20)}
	return inner.run()
}

// tolerant takes the missing end of a zstd frame for its end.
type tolerant struct{ r io.Reader }

func (t tolerant) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (p *perf) put(b []byte) error {
	p.size += int64(len(b))
	_, err := p.w.Write(b)
	return err
}

// record rewrites one record.
func (p *perf) record(rec []byte) error {
	o := p.order
	at := func(n int) []byte { return rec[min(n, len(rec)):] }
	switch typ := o.Uint32(rec); typ {
	case recSample:
		p.report.Records++
		if err := p.sample(rec); err != nil {
			return err
		}
	case recComm:
		p.commField(at(16))
	case recMmap:
		p.file1(at(40))
	case recMmap2:
		if o.Uint16(rec[4:])&mmapBuildID != 0 && len(rec) >= 64 {
			clear(rec[40:64]) // {length, id} in the place of device and inode
		}
		p.file1(at(72))
	case recKsymbol:
		p.file1(at(24))
	case recCgroup:
		p.file1(at(16))
	case recBuildID:
		p.buildID(rec)
	case recThreadMap:
		for b := at(16); len(b) >= 24; b = b[24:] {
			p.n.cstring(b[8:24])
		}
	case recAuxtraceInfo, recAuxtrace:
		return refuse(auxtrace)
	case recHeaderAttr:
		if len(rec) < 8+64 || int(o.Uint32(rec[12:])) > len(rec)-8 {
			return fmt.Errorf("%w: HEADER_ATTR of %d bytes", parser.ErrDamaged, len(rec))
		}
		if err := p.attr(rec[8:], rec[8+o.Uint32(rec[12:]):]); err != nil {
			return err
		}
	case recFeature:
		if len(rec) >= 16 {
			bit := o.Uint64(rec[8:])
			if bit == featCompressed {
				return nil // what was compressed is plain
			}
			p.feature(int(min(bit, featBits)), rec[16:])
		}
	case recFinishedRound:
		if p.expanded {
			return nil // the rounds of plain and compressed records mix
		}
	case recLost, recExit, recThrottle, recUnthrottle, recFork, recLostSamples, recSwitch, recSwitchCPUWide, recNamespaces, recBPFEvent,
		recIDIndex, recCPUMap, recStatConfig, recStat, recStatRound, recEventUpdate, recTimeConv, recFinishedInit:
	default:
		clear(rec[8:]) // nobody knows what it says
	}
	return p.put(rec)
}

// commField replaces the name in a COMM record, padded with NULs.
func (p *perf) commField(b []byte) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		// The padding to eight bytes belongs to the name, what follows does not.
		end := (i + 8) &^ 7
		clear(b[i:min(end, len(b))])
		b = b[:i]
	}
	p.n.replace(b)
}

// sample rewrites the raw record inside a sample.
func (p *perf) sample(rec []byte) error {
	if p.f == nil {
		return refuse("its samples come before the event formats, without which the names cannot be found")
	}
	a, ok := p.attrOf(rec)
	if !ok {
		clear(rec[8:])
		return nil
	}
	if a.sampleType&sampleRaw == 0 || !a.tracepoint {
		return nil
	}
	raw, ok := p.raw(rec, a)
	if !ok {
		clear(rec[8:])
		return nil
	}
	p.f.record(raw, p.n)
	return nil
}

// attrOf finds a sample's event type.
func (p *perf) attrOf(rec []byte) (*perfAttr, bool) {
	if len(p.attrs) == 0 {
		return nil, false
	}
	a := &p.attrs[0]
	pos := 8
	if a.sampleType&sampleIdentifier == 0 {
		if a.sampleType&sampleID == 0 {
			return a, len(p.attrs) == 1 || p.uniform()
		}
		pos += 8 * bits.OnesCount64(a.sampleType&(1<<0|1<<1|1<<2|1<<3))
	}
	if len(rec) < pos+8 {
		return nil, false
	}
	i, ok := p.byID[p.order.Uint64(rec[pos:])]
	if !ok {
		return a, len(p.attrs) == 1 || p.uniform()
	}
	return &p.attrs[i], true
}

// uniform reports whether all samples are laid out alike.
func (p *perf) uniform() bool {
	for i := range p.attrs {
		if p.attrs[i] != p.attrs[0] {
			return false
		}
	}
	return true
}

// raw finds the raw record (kernel/events/core.c, perf_output_sample).
func (p *perf) raw(rec []byte, a *perfAttr) ([]byte, bool) {
	pos := uint64(8 + 8*bits.OnesCount64(a.sampleType&(fixedBits|sampleIdentifier)))
	size := uint64(len(rec))
	word := func() uint64 {
		if pos+8 > size {
			pos = size + 1
			return 0
		}
		pos += 8
		return p.order.Uint64(rec[pos-8:])
	}
	if a.sampleType&sampleRead != 0 {
		const enabled, running, id, group, lost = 1, 2, 4, 8, 16
		each := uint64(8 + 8*bits.OnesCount64(a.readFormat&(id|lost)))
		count := uint64(1)
		if a.readFormat&group != 0 {
			count = word()
		}
		if count > size {
			return nil, false
		}
		pos += uint64(8*bits.OnesCount64(a.readFormat&(enabled|running))) + count*each
	}
	if a.sampleType&sampleCallchain != 0 {
		count := word()
		if count > size {
			return nil, false
		}
		pos += 8 * count
	}
	if pos+4 > size {
		return nil, false
	}
	n := uint64(p.order.Uint32(rec[pos:]))
	if pos += 4; pos+n > size {
		return nil, false
	}
	return rec[pos : pos+n], true
}

func putUint64(o tep.Order, b []byte, v uint64) {
	for i := range 8 {
		shift := 8 * i
		if o == tep.Big {
			shift = 56 - shift
		}
		b[i] = byte(v >> shift)
	}
}
