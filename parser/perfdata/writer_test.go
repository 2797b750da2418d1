package perfdata

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/klauspost/compress/zstd"
)

// order is what both byte orders of encoding/binary are.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// The tracepoints of synthetic captures and their numbers.
const (
	idSwitch  = 101
	idWaking  = 104
	idMigrate = 100
)

// formats are event format files as Linux 6.1 has them, but for a comm by
// __rel_loc in sched_migrate_task.
var formats = []string{
	`name: sched_switch
ID: 101
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:char prev_comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t prev_pid;	offset:24;	size:4;	signed:1;
	field:int prev_prio;	offset:28;	size:4;	signed:1;
	field:long prev_state;	offset:32;	size:8;	signed:1;
	field:char next_comm[16];	offset:40;	size:16;	signed:0;
	field:pid_t next_pid;	offset:56;	size:4;	signed:1;
	field:int next_prio;	offset:60;	size:4;	signed:1;

print fmt: "prev_state=%s%s", (REC->prev_state & ((1 << 8) - 1)) ? __print_flags(REC->prev_state & ((1 << 8) - 1), "|", { 0x1, "S" }, { 0x2, "D" }) : "R", REC->prev_state & (1 << 8) ? "+" : ""
`,
	`name: sched_waking
ID: 104
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:char comm[16];	offset:8;	size:16;	signed:0;
	field:pid_t pid;	offset:24;	size:4;	signed:1;
	field:int prio;	offset:28;	size:4;	signed:1;
	field:int target_cpu;	offset:32;	size:4;	signed:1;

print fmt: "x"
`,
	`name: sched_migrate_task
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
`,
}

// writer builds perf.data files.
type writer struct {
	o          order
	sampleType uint64
	flags      uint64
	clockID    int32
	attrSize   int // of struct perf_event_attr in the file
	records    []byte
	features   map[int][]byte
}

func newWriter(o order) *writer {
	return &writer{
		o: o, attrSize: 128, flags: flagSampleIDAll, features: map[int][]byte{},
		sampleType: sampleIP | sampleTID | sampleTime | sampleCPU | samplePeriod | sampleRaw | sampleIdentifier,
	}
}

// cat appends numbers and bytes: ints become 32 bits.
func (w *writer) cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch v := p.(type) {
		case uint8:
			b = append(b, v)
		case uint16:
			b = w.o.AppendUint16(b, v)
		case int:
			b = w.o.AppendUint32(b, uint32(int32(v)))
		case uint32:
			b = w.o.AppendUint32(b, v)
		case uint64:
			b = w.o.AppendUint64(b, v)
		case []byte:
			b = append(b, v...)
		case string:
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	return b
}

// text pads a string as features do; comm as an event does.
func (w *writer) text(s string) []byte {
	n := (len(s) + 1 + 63) &^ 63
	return append(w.cat(n, s), make([]byte, n-len(s))...)
}

func (w *writer) list(items ...string) []byte {
	b := w.cat(len(items))
	for _, s := range items {
		b = append(b, w.text(s)...)
	}
	return b
}

func comm(s string) []byte { return append([]byte(s), make([]byte, 16-len(s))...) }

// record makes a record, padded to 8 bytes.
func (w *writer) record(typ uint32, misc uint16, body []byte) []byte {
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	return w.cat(typ, misc, uint16(headerSize+len(body)), body)
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
	add(sampleIdentifier, w.cat(event))
	add(sampleIP, w.cat(uint64(0xffffffff81000000)))
	add(sampleTID, w.cat(tid, tid))
	add(sampleTime, w.cat(time))
	add(sampleAddr, w.cat(uint64(1)))
	add(sampleID, w.cat(event))
	add(sampleStreamID, w.cat(event))
	add(sampleCPU, w.cat(cpu, 0))
	add(samplePeriod, w.cat(uint64(1)))
	add(sampleRead, w.cat(uint64(7), uint64(event), uint64(0))) // value, id, lost
	add(sampleCallchain, w.cat(uint64(2), ^uint64(127), uint64(0xffffffff81000000)))
	add(sampleRaw, w.cat(len(raw), raw))
	return w.record(recSample, 1, b)
}

// trailer is what stands at the end of records that are no samples.
func (w *writer) trailer(id, cpu, tid int, time uint64) []byte {
	return w.cat(tid, tid, time, cpu, 0, uint64(id*10+cpu))
}

func (w *writer) switchRaw(prev string, prevPID int, state uint64, next string, nextPID int) []byte {
	return w.cat(uint16(idSwitch), uint8(1), uint8(0), prevPID, comm(prev), prevPID, 120, state, comm(next), nextPID, 139)
}

func (w *writer) wakingRaw(cur int, flags uint8, name string, pid, target int) []byte {
	return w.cat(uint16(idWaking), flags, uint8(0), cur, comm(name), pid, 120, target)
}

func (w *writer) migrateRaw(cur int, name string, pid, from, to int) []byte {
	// __rel_loc counts from the end of its word, at 12.
	ref := uint32(len(name)+1)<<16 | uint32(28-12)
	return w.cat(uint16(idMigrate), uint8(0), uint8(0), cur, ref, pid, 120, from, to, name, uint8(0))
}

func (w *writer) add(records ...[]byte) {
	for _, r := range records {
		w.records = append(w.records, r...)
	}
}

func (w *writer) tracingData() []byte {
	end := uint8(0)
	if w.o == order(binary.BigEndian) {
		end = 1
	}
	b := w.cat("\x17\x08\x44tracing", "0.6\x00", end, uint8(8), 4096)
	b = append(b, w.cat("header_page\x00", uint64(0), "header_event\x00", uint64(0), 0, 1, "sched\x00", len(formats))...)
	for _, f := range formats {
		b = append(b, w.cat(uint64(len(f)), f)...)
	}
	return append(b, w.cat(0, 0, uint64(0))...)
}

func (w *writer) attr(id int) []byte {
	flags := w.flags
	if w.o == order(binary.BigEndian) {
		flags = bits.Reverse64(flags)
	}
	readFormat := uint64(readID | readLost)
	b := w.cat(2, w.attrSize, uint64(id), uint64(1), w.sampleType, readFormat, flags)
	b = append(b, make([]byte, max(w.attrSize, 96)-len(b))...)
	w.o.PutUint32(b[92:], uint32(w.clockID))
	return b[:w.attrSize]
}

const cpus = 2

var tracepoints = []int{idSwitch, idWaking, idMigrate}

func (w *writer) ids(id int) []byte {
	var b []byte
	for cpu := range cpus {
		b = append(b, w.cat(uint64(id*10+cpu))...)
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
	b := w.cat(magic, uint64(fileHeader), uint64(stride), uint64(attrs), uint64(len(tracepoints)*stride), uint64(data), uint64(len(w.records)),
		uint64(0), uint64(0), bitmap[0], bitmap[1], bitmap[2], bitmap[3])
	for _, id := range tracepoints {
		b = append(b, w.ids(id)...)
	}
	for i, id := range tracepoints {
		b = append(b, w.attr(id)...)
		b = append(b, w.cat(uint64(fileHeader+i*8*cpus), uint64(8*cpus))...)
	}
	b = append(b, w.records...)
	var bodies []byte
	for bit := range featLast {
		if f, ok := w.features[bit]; ok {
			b = append(b, w.cat(at+uint64(len(bodies)), uint64(len(f)))...)
			bodies = append(bodies, f...)
		}
	}
	return append(b, bodies...)
}

// pipe assembles a stream.
func (w *writer) pipe() []byte {
	b := w.cat(uint64(0x32454c4946524550), uint64(pipeHeader))
	for _, id := range tracepoints {
		b = append(b, w.record(recHeaderAttr, 0, append(w.attr(id), w.ids(id)...))...)
	}
	td := w.tracingData()
	b = append(b, w.record(recTracingData, 0, w.cat(len(td)))[:12]...)
	w.o.PutUint16(b[len(b)-6:], 12)
	b = append(b, td...)
	b = append(b, make([]byte, -len(td)&7)...)
	for bit := range featLast {
		if f, ok := w.features[bit]; ok {
			b = append(b, w.record(recHeaderFeature, 0, w.cat(uint64(bit), f))...)
		}
	}
	b = append(b, w.record(recHeaderFeature, 0, w.cat(uint64(32)))...) // the end mark
	return append(b, w.records...)
}

// compress replaces the records by compressed pieces of at most n bytes of
// one stream that never ends.
func (w *writer) compress(typ uint32, n int) {
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1))
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
			w.add(w.record(typ, 0, w.cat(uint64(len(piece)), piece)))
			continue
		}
		w.add(w.cat(typ, uint16(0), uint16(headerSize+len(piece)), piece)) // not padded
	}
}

// story adds a few records of every kind.
func (w *writer) story() {
	w.add(
		w.record(recComm, 0, w.cat(7, 7, "early\x00\x00\x00", make([]byte, 40))), // synthesised: no time
		w.sample(idSwitch, 0, 7, 1000, w.switchRaw("seven", 7, 1, "swapper/0", 0)),
		w.sample(idWaking, 0, 0, 1500, w.wakingRaw(0, flagBits(8), "a b\nc", 8, 1)),
		w.sample(idMigrate, 0, 0, 1600, w.migrateRaw(0, "a b\nc", 8, 1, 0)),
		w.record(recComm, commExec, w.cat(8, 8, "eight\x00\x00\x00", w.trailer(idSwitch, 0, 8, 1650))),
		// CPU 1 comes later in the file, with earlier times.
		w.sample(idSwitch, 1, 9, 900, w.switchRaw("nine", 9, 0x100, "ten", 10)),
		w.record(recLost, 0, w.cat(uint64(idSwitch*10+1), uint64(5), w.trailer(idSwitch, 1, 10, 1550))),
		w.sample(idSwitch, 1, 10, 1550, w.switchRaw("ten", 10, 2, "swapper/1", 0)),
		// An interrupt's record was reserved after it took the time.
		w.sample(idWaking, 1, 0, 1540, w.wakingRaw(0, flagBits(0x10), "ten", 10, 1)),
		w.record(68, 0, nil),
		w.record(recLostSamples, 0, w.cat(uint64(9), w.trailer(idSwitch, 1, 0, 0))),
	)
}

func flagBits(v uint8) uint8 { return v }
