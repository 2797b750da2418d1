package tracedat

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// order is what both byte orders of encoding/binary are.
type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

const (
	idSwitch = 101
	idWaking = 104
	testPage = 4096
)

// formats are event format files as Linux 6.1 has them.
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
}

// writer builds trace.dat files.
type writer struct {
	o       order
	codec   string
	clock   string
	options []byte // before the buffers
	cpus    [][]byte
	name    string // of the buffer
}

func newWriter(o order, codec string) *writer { return &writer{o: o, codec: codec, clock: "mono"} }

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

func comm(s string) []byte { return append([]byte(s), make([]byte, 16-len(s))...) }

func (w *writer) switchRaw(prev string, prevPID int, state uint64, next string, nextPID int) []byte {
	return w.cat(uint16(idSwitch), uint8(1), uint8(0), prevPID, comm(prev), prevPID, 120, state, comm(next), nextPID, 139)
}

func (w *writer) wakingRaw(cur int, flags uint8, name string, pid, target int) []byte {
	return w.cat(uint16(idWaking), flags, uint8(0), cur, comm(name), pid, 120, target)
}

// header is an event header: type_len and time_delta.
func (w *writer) header(kind, delta uint32) []byte {
	if w.o == order(binary.BigEndian) {
		return w.cat(kind<<27 | delta)
	}
	return w.cat(delta<<5 | kind)
}

// event is a short or, if long, a length-prefixed event.
func (w *writer) event(delta uint32, long bool, raw []byte) []byte {
	for len(raw)%4 != 0 {
		raw = append(raw, 0)
	}
	if long || len(raw) > 4*typeMaxData {
		return w.cat(w.header(0, delta), len(raw)+4, raw)
	}
	return w.cat(w.header(uint32(len(raw)/4), delta), raw)
}

func (w *writer) extend(delta uint64) []byte {
	return w.cat(w.header(typeTimeExtend, uint32(delta&(1<<27-1))), uint32(delta>>27))
}

func (w *writer) absolute(stamp uint64) []byte {
	return w.cat(w.header(typeTimeStamp, uint32(stamp&(1<<27-1))), uint32(stamp>>27))
}

// page makes a ring buffer page; flags go into the commit word, and missed
// behind the data if not 0.
func (w *writer) page(stamp uint64, flags uint64, missed uint64, events ...[]byte) []byte {
	data := bytes.Join(events, nil)
	b := w.cat(stamp, uint64(len(data))|flags, data)
	if missed != 0 {
		b = append(b, w.cat(missed)...)
	}
	return append(b, make([]byte, testPage-len(b))...)
}

func (w *writer) headerInfo() []byte {
	const text = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"
	return w.cat("header_page\x00", uint64(len(text)), text, "header_event\x00", uint64(0))
}

func (w *writer) eventFormats() []byte {
	b := w.cat(1, "sched\x00", len(formats))
	for _, f := range formats {
		b = append(b, w.cat(uint64(len(f)), f)...)
	}
	return b
}

func (w *writer) cmdlines() []byte {
	const text = "7 seven\n8 eight\n"
	return w.cat(uint64(len(text)), text)
}

func (w *writer) option(id int, parts ...any) {
	body := w.cat(parts...)
	w.options = append(w.options, w.cat(uint16(id), len(body), body)...)
}

func (w *writer) preamble(version string) []byte {
	end := uint8(0)
	if w.o == order(binary.BigEndian) {
		end = 1
	}
	return w.cat("\x17\x08\x44tracing", version+"\x00", end, uint8(8), testPage)
}

func align(b []byte) []byte { return append(b, make([]byte, -len(b)&(testPage-1))...) }

// v6 assembles a version 6 file.
func (w *writer) v6() []byte {
	b := w.preamble("6")
	b = append(b, w.cat(w.headerInfo(), 0, w.eventFormats(), 0, 0, w.cmdlines(), len(w.cpus), "options  \x00", w.options, uint16(0), "flyrecord\x00")...)
	table := len(b)
	clock := "[" + w.clock + "]"
	b = append(b, make([]byte, 16*len(w.cpus))...)
	b = align(append(b, w.cat(uint64(len(clock)), clock)...))
	for i, data := range w.cpus {
		w.o.PutUint64(b[table+16*i:], uint64(len(b)))
		w.o.PutUint64(b[table+16*i+8:], uint64(len(data)))
		b = append(b, data...)
	}
	return b
}

func (w *writer) pack(b []byte) []byte {
	var out bytes.Buffer
	switch w.codec {
	case "zstd":
		z, _ := zstd.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
	case "zlib":
		z := zlib.NewWriter(&out)
		_, _ = z.Write(b)
		_ = z.Close()
	}
	return out.Bytes()
}

// section makes a section of version 7.
func (w *writer) section(id int, body []byte, packed bool) []byte {
	flags := uint16(0)
	if packed && w.codec != "none" {
		p := w.pack(body)
		body, flags = w.cat(len(p), len(body), p), 1
	}
	return w.cat(uint16(id), flags, 0, uint64(len(body)), body)
}

// v7 assembles a version 7 file with two option sections.
func (w *writer) v7() []byte {
	b := w.cat(w.preamble("7"), w.codec+"\x00", "1.0\x00")
	start := len(b)
	b = append(b, make([]byte, 8)...)
	var first []byte
	for _, s := range []struct {
		id   int
		body []byte
	}{
		{optHeaderInfo, w.headerInfo()},
		{optFtraceEvents, w.cat(0)},
		{optEventFormats, w.eventFormats()},
		{optCmdlines, w.cmdlines()},
	} {
		first = append(first, w.cat(uint16(s.id), 8, uint64(len(b)))...)
		b = append(b, w.section(s.id, s.body, true)...)
	}
	w.o.PutUint64(b[start:], uint64(len(b)))
	first = append(first, w.options...)
	next := len(b) + sectionHeader + len(first) + 6
	b = append(b, w.section(optDone, w.cat(first, uint16(optDone), 8, uint64(0)), false)...)
	buffer := len(b)
	packed := w.codec != "none"
	head := w.section(optBuffer, nil, false)
	if packed {
		w.o.PutUint16(head[2:], 1)
	}
	b = align(append(b, head...))
	table := w.cat(testPage, len(w.cpus))
	for cpu, data := range w.cpus {
		if !packed {
			table = append(table, w.cat(cpu, uint64(len(b)), uint64(len(data)))...)
			b = append(b, data...)
			continue
		}
		// Two pages a chunk; the stated size leaves out the count.
		var chunks []byte
		n := 0
		for rest := data; len(rest) > 0; n++ {
			k := min(len(rest), 2*testPage)
			p := w.pack(rest[:k])
			chunks = append(chunks, w.cat(len(p), k, p)...)
			rest = rest[k:]
		}
		table = append(table, w.cat(cpu, uint64(len(b)), uint64(len(chunks)))...)
		b = align(append(b, w.cat(n, chunks)...))
	}
	w.o.PutUint64(b[next:], uint64(len(b)))
	opt := w.cat(uint64(buffer), w.name+"\x00", w.clock+"\x00", table)
	return append(b, w.section(optDone, w.cat(uint16(optBuffer), len(opt), opt, uint16(optDone), 8, uint64(0)), false)...)
}

// story fills two CPUs with every kind of ring buffer entry.
func (w *writer) story() {
	w.cpus = [][]byte{
		bytes.Join([][]byte{
			w.page(1000, 0, 0,
				w.event(0, false, w.switchRaw("seven", 7, 1, "swapper/0", 0)),
				w.event(500, true, w.wakingRaw(0, 8, "a b\nc", 8, 1)),
				w.cat(w.header(typePadding, 100), 8, 0), // a discarded event: 100 ns pass
				w.extend(1<<30),
				w.event(1, false, w.wakingRaw(0, 0x10, "ten", 10, 1)),
				w.header(typePadding, 0), w.cat(0xdead)), // nothing behind it counts
			w.page(1<<31, missedEvents|missedStored, 42, w.event(0, false, w.wakingRaw(7, 0, "x", 9, 0))),
			w.page(1<<31+50, missedEvents, 0,
				w.absolute(1<<32), w.event(0, false, w.wakingRaw(7, 0, "y", 9, 0)),
				w.header(3, 5)), // damage: an event beyond the page's length
			w.page(1<<33, 0, 0, w.event(9, false, w.wakingRaw(8, 0, "z", 9, 0))),
		}, nil),
		w.page(900, missedEvents|missedStored, 3, w.event(0, false, w.switchRaw("nine", 9, 0x100, "ten", 10))),
	}
	w.option(optUname, "Linux box 6.1.0-18-amd64 aarch64\x00")
	w.option(optVersion, "3.2\x00")
	w.option(optCPUCount, 2)
	w.option(optCPUStat, "CPU: 0\nentries: 0\noverrun: 42\ncommit overrun: 0\ndropped events: 5\nread events: 1\n\x00")
}
