package tracedat

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"

	"github.com/klauspost/compress/zstd"

	"schedreplay/internal/eventtest"
)

const testPage = 4096

// writer builds trace.dat files.
type writer struct {
	eventtest.Writer
	codec   string
	clock   string
	options []byte // before the buffers
	cpus    [][]byte
	name    string // of the buffer
}

func newWriter(o eventtest.Order, codec string) *writer {
	return &writer{Writer: eventtest.Writer{Order: o}, codec: codec, clock: "mono"}
}

// header is an event header: type_len and time_delta.
func (w *writer) header(kind, delta uint32) []byte {
	if w.Order == eventtest.Order(binary.BigEndian) {
		return w.Cat(kind<<27 | delta)
	}
	return w.Cat(delta<<5 | kind)
}

// event is a short or, if long, a length-prefixed event.
func (w *writer) event(delta uint32, long bool, raw []byte) []byte {
	for len(raw)%4 != 0 {
		raw = append(raw, 0)
	}
	if long || len(raw) > 4*typeMaxData {
		return w.Cat(w.header(0, delta), len(raw)+4, raw)
	}
	return w.Cat(w.header(uint32(len(raw)/4), delta), raw)
}

func (w *writer) extend(delta uint64) []byte {
	return w.Cat(w.header(typeTimeExtend, uint32(delta&(1<<27-1))), uint32(delta>>27))
}

func (w *writer) absolute(stamp uint64) []byte {
	return w.Cat(w.header(typeTimeStamp, uint32(stamp&(1<<27-1))), uint32(stamp>>27))
}

// page makes a ring buffer page; flags go into the commit word, and missed
// behind the data if not 0.
func (w *writer) page(stamp uint64, flags uint64, missed uint64, events ...[]byte) []byte {
	data := bytes.Join(events, nil)
	b := w.Cat(stamp, uint64(len(data))|flags, data)
	if missed != 0 {
		b = append(b, w.Cat(missed)...)
	}
	return append(b, make([]byte, testPage-len(b))...)
}

func (w *writer) headerInfo() []byte {
	const text = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"
	return w.Cat("header_page\x00", uint64(len(text)), text, "header_event\x00", uint64(0))
}

func (w *writer) cmdlines() []byte {
	const text = "7 seven\n8 eight\n"
	return w.Cat(uint64(len(text)), text)
}

func (w *writer) option(id int, parts ...any) {
	body := w.Cat(parts...)
	w.options = append(w.options, w.Cat(uint16(id), len(body), body)...)
}

func align(b []byte) []byte { return append(b, make([]byte, -len(b)&(testPage-1))...) }

// v6 assembles a version 6 file.
func (w *writer) v6() []byte {
	b := w.Preamble("6", testPage)
	b = append(b, w.Cat(w.headerInfo(), 0, w.Formats(eventtest.SwitchFormat, eventtest.WakingFormat), 0, 0, w.cmdlines(), len(w.cpus), "options  \x00", w.options, uint16(0), "flyrecord\x00")...)
	table := len(b)
	clock := "[" + w.clock + "]"
	b = append(b, make([]byte, 16*len(w.cpus))...)
	b = align(append(b, w.Cat(uint64(len(clock)), clock)...))
	for i, data := range w.cpus {
		w.Order.PutUint64(b[table+16*i:], uint64(len(b)))
		w.Order.PutUint64(b[table+16*i+8:], uint64(len(data)))
		b = append(b, data...)
	}
	return b
}

func (w *writer) pack(b []byte) []byte {
	var out bytes.Buffer
	switch w.codec {
	case "zstd":
		z, _ := zstd.NewWriter(&out, zstd.WithWindowSize(64<<10))
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
		body, flags = w.Cat(len(p), len(body), p), 1
	}
	return w.Cat(uint16(id), flags, 0, uint64(len(body)), body)
}

// v7 assembles a version 7 file with two option sections.
func (w *writer) v7() []byte {
	b := w.Cat(w.Preamble("7", testPage), w.codec+"\x00", "1.0\x00")
	start := len(b)
	b = append(b, make([]byte, 8)...)
	var first []byte
	for _, s := range []struct {
		id   int
		body []byte
	}{
		{optHeaderInfo, w.headerInfo()},
		{optFtraceEvents, w.Cat(0)},
		{optEventFormats, w.Formats(eventtest.SwitchFormat, eventtest.WakingFormat)},
		{optCmdlines, w.cmdlines()},
	} {
		first = append(first, w.Cat(uint16(s.id), 8, uint64(len(b)))...)
		b = append(b, w.section(s.id, s.body, true)...)
	}
	w.Order.PutUint64(b[start:], uint64(len(b)))
	first = append(first, w.options...)
	next := len(b) + sectionHeader + len(first) + 6
	b = append(b, w.section(optDone, w.Cat(first, uint16(optDone), 8, uint64(0)), false)...)
	buffer := len(b)
	packed := w.codec != "none"
	head := w.section(optBuffer, nil, false)
	if packed {
		w.Order.PutUint16(head[2:], 1)
	}
	b = align(append(b, head...))
	table := w.Cat(testPage, len(w.cpus))
	for cpu, data := range w.cpus {
		if !packed {
			table = append(table, w.Cat(cpu, uint64(len(b)), uint64(len(data)))...)
			b = append(b, data...)
			continue
		}
		// Two pages a chunk; the stated size leaves out the count.
		var chunks []byte
		n := 0
		for rest := data; len(rest) > 0; n++ {
			k := min(len(rest), 2*testPage)
			p := w.pack(rest[:k])
			chunks = append(chunks, w.Cat(len(p), k, p)...)
			rest = rest[k:]
		}
		table = append(table, w.Cat(cpu, uint64(len(b)), uint64(len(chunks)))...)
		b = align(append(b, w.Cat(n, chunks)...))
	}
	w.Order.PutUint64(b[next:], uint64(len(b)))
	opt := w.Cat(uint64(buffer), w.name+"\x00", w.clock+"\x00", table)
	return append(b, w.section(optDone, w.Cat(uint16(optBuffer), len(opt), opt, uint16(optDone), 8, uint64(0)), false)...)
}

// story fills two CPUs with every kind of ring buffer entry.
func (w *writer) story() {
	w.cpus = [][]byte{
		bytes.Join([][]byte{
			w.page(1000, 0, 0,
				w.event(0, false, w.Switch("seven", 7, 1, "swapper/0", 0)),
				w.event(500, true, w.Waking(0, 8, "a b\nc", 8, 1)),
				w.Cat(w.header(typePadding, 100), 8, 0), // a discarded event: 100 ns pass
				w.extend(1<<30),
				w.event(1, false, w.Waking(0, 0x10, "ten", 10, 1)),
				w.header(typePadding, 0), w.Cat(0xdead)), // nothing behind it counts
			w.page(1<<31, missedEvents|missedStored, 42, w.event(0, false, w.Waking(7, 0, "x", 9, 0))),
			w.page(1<<31+50, missedEvents, 0,
				w.absolute(1<<32), w.event(0, false, w.Waking(7, 0, "y", 9, 0)),
				w.header(3, 5)), // damage: an event beyond the page's length
			w.page(1<<33, 0, 0, w.event(9, false, w.Waking(8, 0, "z", 9, 0))),
		}, nil),
		w.page(900, missedEvents|missedStored, 3, w.event(0, false, w.Switch("nine", 9, 0x100, "ten", 10))),
	}
	w.option(optUname, "Linux box 6.1.0-18-amd64 aarch64\x00")
	w.option(optVersion, "3.2\x00")
	w.option(optCPUCount, 2)
	w.option(optCPUStat, "CPU: 0\nentries: 0\noverrun: 42\ncommit overrun: 0\ndropped events: 5\nread events: 1\n\x00")
}
