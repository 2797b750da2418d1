package perfdata

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/klauspost/compress/zstd"

	"schedreplay/internal/eventtest"
)

// The tracepoints of synthetic captures and their numbers.
const (
	idSwitch  = eventtest.IDSwitch
	idWaking  = eventtest.IDWaking
	idMigrate = 100
)

// migrateFormat has a comm by __rel_loc.
const migrateFormat = `name: sched_migrate_task
ID: 100
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:__rel_loc char[] comm;	offset:8;	size:4;	signed:0;
	field:pid_t pid;	offset:12;	size:4;	signed:1;
	field:int prio;	offset:16;	size:4;	signed:1;
	field:int orig_cpu;	offset:20;	size:4;	signed:1;
	field:int dest_cpu;	offset:24;	size:4;	signed:1;

print fmt: "x"
`

// writer builds perf.data files.
type writer struct {
	eventtest.Writer
	sampleType uint64
	flags      uint64
	clockID    int32
	attrSize   int // of struct perf_event_attr in the file
	records    []byte
	features   map[int][]byte
}

func newWriter(o eventtest.Order) *writer {
	return &writer{
		Writer: eventtest.Writer{Order: o}, attrSize: 128, flags: flagSampleIDAll, features: map[int][]byte{},
		sampleType: sampleIP | sampleTID | sampleTime | sampleCPU | samplePeriod | sampleRaw | sampleIdentifier,
	}
}

// text pads a string as features do; comm as an event does.
func (w *writer) text(s string) []byte {
	n := (len(s) + 1 + 63) &^ 63
	return append(w.Cat(n, s), make([]byte, n-len(s))...)
}

func (w *writer) list(items ...string) []byte {
	b := w.Cat(len(items))
	for _, s := range items {
		b = append(b, w.text(s)...)
	}
	return b
}

// record makes a record, padded to 8 bytes.
func (w *writer) record(typ uint32, misc uint16, body []byte) []byte {
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	return w.Cat(typ, misc, uint16(headerSize+len(body)), body)
}

// sample makes a sample of a tracepoint; its event id is that of the
// tracepoint times 10 plus the CPU.
func (w *writer) sample(id, cpu, tid int, time uint64, raw []byte) []byte {
	for (len(raw)+4)%8 != 0 {
		raw = append(raw, 0)
	}
	var b []byte
	event := uint64(id*10 + cpu)
	add := func(bit uint64, v []byte) {
		if w.sampleType&bit != 0 {
			b = append(b, v...)
		}
	}
	add(sampleIdentifier, w.Cat(event))
	add(sampleIP, w.Cat(uint64(0xffffffff81000000)))
	add(sampleTID, w.Cat(tid, tid))
	add(sampleTime, w.Cat(time))
	add(sampleAddr, w.Cat(uint64(1)))
	add(sampleID, w.Cat(event))
	add(sampleStreamID, w.Cat(event))
	add(sampleCPU, w.Cat(cpu, 0))
	add(samplePeriod, w.Cat(uint64(1)))
	add(sampleRead, w.Cat(uint64(7), uint64(event), uint64(0))) // value, id, lost
	add(sampleCallchain, w.Cat(uint64(2), ^uint64(127), uint64(0xffffffff81000000)))
	add(sampleRaw, w.Cat(len(raw), raw))
	add(sampleCgroup, w.Cat(uint64(tid+100)))
	return w.record(recSample, 1, b)
}

// trailer is what stands at the end of records that are no samples.
func (w *writer) trailer(id, cpu, tid int, time uint64) []byte {
	return w.Cat(tid, tid, time, cpu, 0, uint64(id*10+cpu))
}

func (w *writer) migrateRaw(cur int, name string, pid, from, to int) []byte {
	// __rel_loc counts from the end of its word, at 12.
	ref := uint32(len(name)+1)<<16 | uint32(28-12)
	return w.Cat(uint16(idMigrate), uint8(0), uint8(0), cur, ref, pid, 120, from, to, name, uint8(0))
}

func (w *writer) add(records ...[]byte) {
	for _, r := range records {
		w.records = append(w.records, r...)
	}
}

func (w *writer) tracingData() []byte {
	b := w.Preamble("0.6", 4096)
	b = append(b, w.Cat("header_page\x00", uint64(0), "header_event\x00", uint64(0), 0)...)
	b = append(b, w.Formats(eventtest.SwitchFormat, eventtest.WakingFormat, migrateFormat)...)
	return append(b, w.Cat(0, 0, uint64(0))...)
}

func (w *writer) attr(id int) []byte {
	flags := w.flags
	if w.Order == eventtest.Order(binary.BigEndian) {
		flags = bits.Reverse64(flags)
	}
	readFormat := uint64(readID | readLost)
	b := w.Cat(2, w.attrSize, uint64(id), uint64(1), w.sampleType, readFormat, flags)
	b = append(b, make([]byte, max(w.attrSize, 96)-len(b))...)
	w.Order.PutUint32(b[92:], uint32(w.clockID))
	return b[:w.attrSize]
}

const cpus = 2

var tracepoints = []int{idSwitch, idWaking, idMigrate}

func (w *writer) ids(id int) []byte {
	var b []byte
	for cpu := range cpus {
		b = append(b, w.Cat(uint64(id*10+cpu))...)
	}
	return b
}

// file assembles a file.
func (w *writer) file() []byte {
	magic := uint64(0x32454c4946524550)
	attrs := fileHeader + len(tracepoints)*8*cpus
	stride := w.attrSize + 16
	data := attrs + len(tracepoints)*stride
	w.features[featTracingData] = w.tracingData()
	var bitmap [4]uint64
	table := uint64(data + len(w.records))
	at := table
	for bit := range w.features {
		bitmap[bit/64] |= 1 << (bit % 64)
		at += 16
	}
	b := w.Cat(magic, uint64(fileHeader), uint64(stride), uint64(attrs), uint64(len(tracepoints)*stride), uint64(data), uint64(len(w.records)),
		uint64(0), uint64(0), bitmap[0], bitmap[1], bitmap[2], bitmap[3])
	for _, id := range tracepoints {
		b = append(b, w.ids(id)...)
	}
	for i, id := range tracepoints {
		b = append(b, w.attr(id)...)
		b = append(b, w.Cat(uint64(fileHeader+i*8*cpus), uint64(8*cpus))...)
	}
	b = append(b, w.records...)
	var bodies []byte
	for bit := range featLast {
		if f, ok := w.features[bit]; ok {
			b = append(b, w.Cat(at+uint64(len(bodies)), uint64(len(f)))...)
			bodies = append(bodies, f...)
		}
	}
	return append(b, bodies...)
}

// pipe assembles a stream.
func (w *writer) pipe() []byte {
	b := w.Cat(uint64(0x32454c4946524550), uint64(pipeHeader))
	for _, id := range tracepoints {
		b = append(b, w.record(recHeaderAttr, 0, append(w.attr(id), w.ids(id)...))...)
	}
	td := w.tracingData()
	b = append(b, w.record(recTracingData, 0, w.Cat(len(td)))[:12]...)
	w.Order.PutUint16(b[len(b)-6:], 12)
	b = append(b, td...)
	b = append(b, make([]byte, -len(td)&7)...)
	for bit := range featLast {
		if f, ok := w.features[bit]; ok {
			b = append(b, w.record(recHeaderFeature, 0, w.Cat(uint64(bit), f))...)
		}
	}
	b = append(b, w.record(recHeaderFeature, 0, w.Cat(uint64(32)))...) // the end mark
	return append(b, w.records...)
}

// compress replaces the records by compressed pieces of at most n bytes of
// one stream that never ends.
func (w *writer) compress(typ uint32, n int) {
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10))
	if err != nil {
		panic(err)
	}
	plain := w.records
	w.records = nil
	for len(plain) > 0 {
		k := min(n, len(plain))
		_, _ = z.Write(plain[:k])
		_ = z.Flush()
		plain = plain[k:]
		piece := bytes.Clone(packed.Bytes())
		packed.Reset()
		if typ == recCompressed2 {
			w.add(w.record(typ, 0, w.Cat(uint64(len(piece)), piece)))
			continue
		}
		w.add(w.Cat(typ, uint16(0), uint16(headerSize+len(piece)), piece)) // not padded
	}
}

// story adds a few records of every kind.
func (w *writer) story() {
	w.add(
		w.record(recComm, 0, w.Cat(7, 7, "early\x00\x00\x00", make([]byte, 40))), // synthesised: no time
		w.sample(idSwitch, 0, 7, 1000, w.Switch("seven", 7, 1, "swapper/0", 0)),
		w.sample(idWaking, 0, 0, 1500, w.Waking(0, 8, "a b\nc", 8, 1)),
		w.sample(idMigrate, 0, 0, 1600, w.migrateRaw(0, "a b\nc", 8, 1, 0)),
		w.record(recComm, commExec, w.Cat(8, 8, "eight\x00\x00\x00", w.trailer(idSwitch, 0, 8, 1650))),
		// CPU 1 comes later in the file, with earlier times.
		w.sample(idSwitch, 1, 9, 900, w.Switch("nine", 9, 0x100, "ten", 10)),
		w.record(recLost, 0, w.Cat(uint64(idSwitch*10+1), uint64(5), w.trailer(idSwitch, 1, 10, 1550))),
		w.sample(idSwitch, 1, 10, 1550, w.Switch("ten", 10, 2, "swapper/1", 0)),
		// An interrupt's record was reserved after it took the time.
		w.sample(idWaking, 1, 0, 1540, w.Waking(0, 0x10, "ten", 10, 1)),
		w.record(68, 0, nil),
		w.record(recLostSamples, 0, w.Cat(uint64(9), w.trailer(idSwitch, 1, 0, 0))),
	)
}
