package perfetto

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// laneKey says which bundles are in order of time: those of one CPU that one writer
// wrote.
type laneKey struct {
	sequence uint64
	cpu      int32 // NoCPU: process trees
	unpacked bool
}

// lane is where the bundles of a CPU are, in the order written.
type lane struct {
	laneKey
	spans []byte // distance, length and a bit for a loss, as varints, of each bundle
	end   int64
	drops int64 // of the sequence, when the last bundle was added
}

// add notes a bundle.
func (l *lane) add(off int64, size int, lost bool) {
	l.spans = binary.AppendUvarint(l.spans, uint64(off-l.end))
	l.spans = binary.AppendUvarint(l.spans, uint64(size)<<1|protowire.EncodeBool(lost))
	l.end = off + int64(size)
}

func (l *lane) close() { l.spans = l.spans[:len(l.spans):len(l.spans)] }

// indexer walks over the packets of a trace, or over those of a compressed packet.
type indexer struct {
	c        *capture
	r        *bufio.Reader
	off      int64 // of the next byte
	unpacked bool
	buf      []byte
	visit    func(packet []byte) error // for Packets
	// Shared by all of a trace:
	*sequences
}

// sequences are what is known of the writers of packets.
type sequences struct {
	drops   map[uint64]int64 // how often packets of a sequence were dropped
	machine uint64           // whose ftrace events are read
	chosen  bool
}

// Packets tells a visitor of every packet of a trace, of those within compressed ones in
// their place. It returns how many bytes at the end are no packets, and the error of the
// visitor or of [New].
func Packets(src parser.Source, visit func(packet []byte) error) (rest int64, err error) {
	c := newCapture(src)
	defer c.Close()
	x := c.indexer()
	x.visit = visit
	err = x.walk(src.Size)
	if errors.Is(err, parser.ErrTruncated) || errors.Is(err, parser.ErrDamaged) {
		return src.Size - x.off, nil
	}
	return 0, err
}

func (c *capture) indexer() *indexer {
	return &indexer{
		c: c, r: bufio.NewReaderSize(io.NewSectionReader(c.src.At, 0, c.src.Size), int(min(c.src.Size, 256<<10))),
		sequences: &sequences{drops: map[uint64]int64{}},
	}
}

// index notes where everything is.
func (c *capture) index() error {
	x := c.indexer()
	err := x.walk(c.src.Size)
	if x.off == 0 && errors.Is(err, parser.ErrDamaged) {
		return c.fail(0, "", fmt.Errorf("%w: it does not begin with a packet", parser.ErrFormat))
	}
	var e *parser.Error
	switch {
	case errors.Is(err, parser.ErrLimit), errors.As(err, &e): // no place for temporary files, or too much
		return c.fail(x.off, "record fewer events, or cut the trace", err)
	case err != nil && len(c.lanes) == 0:
		return c.fail(x.off, remedyCopy, err)
	case err != nil:
		c.cut = c.fail(x.off, "the events before it stand; copy or record again for the rest", err)
	}
	return nil
}

// walk reads packets up to size.
func (x *indexer) walk(size int64) error {
	for x.off < size {
		tag, n, err := x.varint()
		if err != nil {
			return err
		}
		num, typ := protowire.DecodeTag(tag)
		if num < protowire.MinValidNumber || typ != protowire.BytesType && num == pb.TracePacket || typ != protowire.BytesType && typ != protowire.VarintType {
			return fmt.Errorf("%w: no packet begins here", parser.ErrDamaged)
		}
		length, m, err := x.varint()
		if err != nil {
			return err
		}
		start := x.off + int64(n+m)
		if typ == protowire.VarintType {
			x.c.skipped[skippedField]++
			x.off = start
			continue
		}
		if length > uint64(size-start) {
			return fmt.Errorf("%w: it ends inside a packet of %d bytes", parser.ErrTruncated, length)
		}
		if num != pb.TracePacket || length > maxPacket {
			if num == pb.TracePacket {
				x.damaged(x.off, fmt.Sprintf("a packet of %d bytes", length))
			} else {
				x.c.skipped[skippedField]++
			}
			if _, err := x.r.Discard(int(length)); err != nil {
				return err
			}
			x.off = start + int64(length)
			continue
		}
		if uint64(cap(x.buf)) < length {
			x.buf = make([]byte, length)
		}
		b := x.buf[:length]
		if _, err := io.ReadFull(x.r, b); err != nil {
			return fmt.Errorf("%w: it ends inside a packet of %d bytes: %w", parser.ErrTruncated, length, err)
		}
		if err := x.packet(b, start); err != nil {
			return err
		}
		x.off = start + int64(length)
	}
	return nil
}

// varint reads a number and says how many bytes it has.
func (x *indexer) varint() (v uint64, n int, err error) {
	for shift := 0; ; shift += 7 {
		b, err := x.r.ReadByte()
		if err != nil {
			return 0, n, fmt.Errorf("%w: it ends where a packet begins", parser.ErrTruncated)
		}
		n++
		if shift > 63 {
			return 0, n, fmt.Errorf("%w: no packet begins here", parser.ErrDamaged)
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, n, nil
		}
	}
}

// damaged tells of a packet that cannot be read. What it held is lost, on any CPU.
func (x *indexer) damaged(pos int64, why string) {
	const most = 1000
	for seq := range x.drops {
		x.drops[seq]++
	}
	if len(x.c.damages) < most {
		ev := parser.NewEvent(parser.KindDamaged, parser.NoTime, parser.NoCPU)
		ev.Pos, ev.Text = pos, why
		x.c.damages = append(x.c.damages, ev)
	} else {
		x.c.skipped["further damaged packets"]++
	}
}

// packet takes one packet, which begins at off.
func (x *indexer) packet(b []byte, off int64) error {
	var sequence, machine, when uint64
	var dropped, first, otherClock bool
	type part struct {
		num protowire.Number
		b   []byte
		off int64
	}
	var data part
	var interned []byte
	r := pb.Read(b)
	for r.Next() {
		switch r.Num {
		case pb.PacketSequenceID:
			sequence = r.Uint
		case pb.PacketPreviousDropped:
			dropped = r.Uint != 0
		case pb.PacketFirstOnSequence:
			first = r.Uint != 0
		case pb.PacketMachineID:
			machine = r.Uint
		case pb.PacketTimestamp:
			when = r.Uint
		case pb.PacketInterned:
			interned = r.Bytes
		case pb.PacketTimestampClock:
			otherClock = r.Uint != pb.ClockBoottime
		case pb.PacketFtraceEvents, pb.PacketProcessTree, pb.PacketClockSnapshot, pb.PacketFtraceStats,
			pb.PacketSystemInfo, pb.PacketCPUInfo, pb.PacketDeflated, pb.PacketZstd:
			if r.Bytes != nil {
				data = part{r.Num, r.Bytes, off + int64(r.Offset()-len(r.Bytes))}
			}
		}
	}
	if r.Err() != nil {
		x.damaged(off+int64(r.Offset()), "a packet with a field that has no end")
	}
	if _, known := x.drops[sequence]; !known {
		x.drops[sequence] = 0
	} else if dropped && !first {
		x.drops[sequence]++
	}
	x.c.intern(sequence, interned)
	switch {
	case data.num == pb.PacketDeflated || data.num == pb.PacketZstd:
		return x.unpack(data.num, data.b, data.off)
	case x.visit != nil:
		return x.visit(b)
	case data.b == nil:
		return nil
	}
	if x.chosen && machine != x.machine {
		x.c.skipped[skippedMachine]++
		return nil
	}
	switch data.num {
	case pb.PacketFtraceEvents:
		x.machine, x.chosen = machine, true
		return x.bundle(sequence, data.b, data.off)
	case pb.PacketProcessTree:
		// The whole packet, for its time.
		if l := x.lane(laneKey{sequence, parser.NoCPU, x.unpacked}); l != nil && when > 0 && !otherClock {
			l.add(off, len(b), false)
		}
	case pb.PacketClockSnapshot:
		x.c.clockSnapshot(data.b)
	case pb.PacketFtraceStats:
		x.c.ftraceStats(data.b)
	case pb.PacketSystemInfo:
		x.c.systemInfo(data.b)
	case pb.PacketCPUInfo:
		x.c.cpuInfo(data.b)
	}
	return nil
}

// lane finds the lane of a key, or makes one; nil if there are too many.
func (x *indexer) lane(k laneKey) *lane {
	l := x.c.byKey[k]
	if l == nil && len(x.c.lanes) < maxLanes {
		l = &lane{laneKey: k, drops: x.drops[k.sequence]}
		x.c.byKey[k] = l
		x.c.lanes = append(x.c.lanes, l)
	}
	return l
}

// bundle notes where the events of a CPU are.
func (x *indexer) bundle(sequence uint64, b []byte, off int64) error {
	cpu, cpuSet, some := uint64(0), false, false
	var clock, stamp, boot uint64
	r := pb.Read(b)
	for r.Next() {
		switch r.Num {
		case pb.BundleCPU:
			cpu, cpuSet = r.Uint, true
		case pb.BundleEvent, pb.BundleCompact, pb.BundleError, pb.BundleLostEvents:
			some = true
		case pb.BundleClock:
			clock = r.Uint
		case pb.BundleClockStamp:
			stamp = r.Uint
		case pb.BundleBootStamp:
			boot = r.Uint
		case pb.BundleDescriptor:
			x.c.describeEvent(r.Bytes)
		}
	}
	if r.Err() != nil {
		some = true // the lane tells of it
	}
	if !some {
		return nil
	}
	if !cpuSet || cpu >= maxCPUs {
		x.damaged(off, fmt.Sprintf("a bundle of events of CPU %d", cpu))
		return nil
	}
	if k := &x.c.clock; !k.set {
		*k = ftraceClock{id: clock, set: true, stamp: int64(stamp), boot: int64(boot), wall: k.wall, wallB: k.wallB}
	} else if k.id != clock {
		return fmt.Errorf("%w: its ftrace events have different clocks", parser.ErrUnsupported)
	}
	l := x.lane(laneKey{sequence, int32(cpu), x.unpacked})
	if l == nil {
		return fmt.Errorf("%w: more than %d pairs of CPU and packet sequence", parser.ErrLimit, maxLanes)
	}
	l.add(off, len(b), l.drops != x.drops[sequence])
	l.drops = x.drops[sequence]
	return nil
}

// unpack keeps what a compressed packet holds and walks over it.
func (x *indexer) unpack(num protowire.Number, b []byte, off int64) error {
	if x.unpacked {
		x.damaged(off, "compressed packets within compressed ones")
		return nil
	}
	from := x.c.unpackedN
	err := x.inflate(num, b)
	if errors.Is(err, parser.ErrTemp) || errors.Is(err, parser.ErrLimit) {
		return err
	}
	in := &indexer{
		c: x.c, r: bufio.NewReaderSize(io.NewSectionReader(x.c.unpacked, from, x.c.unpackedN-from), 64<<10), off: from,
		unpacked: true, visit: x.visit, sequences: x.sequences, buf: x.buf,
	}
	if x.c.unpackedN > from {
		walked := in.walk(x.c.unpackedN)
		if walked != nil && !errors.Is(walked, parser.ErrDamaged) && !errors.Is(walked, parser.ErrTruncated) {
			return walked
		}
		if err == nil {
			err = walked
		}
	}
	x.buf = in.buf
	if err != nil {
		x.damaged(off, "compressed packets: "+parser.DamageText(err))
	}
	return nil
}

// inflate appends what a compressed packet holds to the temporary file.
func (x *indexer) inflate(num protowire.Number, b []byte) error {
	c := x.c
	if c.unpacked == nil {
		f, err := c.src.Temp.Create()
		if err != nil {
			return err
		}
		c.unpacked = f
	}
	var z io.Reader
	if num == pb.PacketZstd {
		d, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxInflate))
		if err != nil {
			return err
		}
		defer d.Close()
		z = d
	} else {
		d, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			return err
		}
		z = d
	}
	piece := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := z.Read(piece)
		if werr := c.src.Temp.Write(c.unpacked, c.unpackedN, piece[:n]); werr != nil {
			return werr
		}
		c.unpackedN += int64(n)
		if total += n; total > maxInflate {
			return fmt.Errorf("more than %d MiB", maxInflate>>20)
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
