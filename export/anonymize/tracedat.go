package anonymize

import (
	"bufio"
	"bytes"
	"os"

	"schedreplay/parser"
	"schedreplay/parser/tep"
	"schedreplay/parser/tracedat"
)

// Options and sections of trace.dat (trace-cmd.dat.v7.5).
const (
	optDone         = 0
	optCPUStat      = 2
	optBuffer       = 3
	optUname        = 5
	optCPUCount     = 8
	optTSC2NSEC     = 14
	optHeaderInfo   = 16
	optFtraceEvents = 17
	optEventFormats = 18
	optKallsyms     = 19
	optPrintk       = 20
	optCmdlines     = 21
)

// trace writes a trace.dat of version 7, plain, from front to back.
type trace struct {
	n      *Names
	f      *tracedat.File
	o      tep.Order
	w      *bufio.Writer
	at     int64
	report Report
}

// traceDat copies a trace.dat of any version: what schedreplay reads of it.
func traceDat(src parser.Source, n *Names, out *os.File) (*Report, error) {
	f, err := tracedat.ReadFile(src)
	if err != nil {
		return nil, err
	}
	if f.Cut != nil {
		return nil, refuse("it is cut: the table of its data is missing")
	}
	t := &trace{n: n, f: f, o: f.Preamble.Order, w: bufio.NewWriterSize(out, 64<<10)}
	order := byte(0)
	if t.o == tep.Big {
		order = 1
	}
	t.put(append([]byte(tep.Magic+"7\x00"), order, byte(f.Preamble.LongSize)))
	t.put(t.o.AppendUint32(nil, f.Preamble.PageSize))
	t.put([]byte("none\x00\x00"))
	first := t.at
	t.put(make([]byte, 8))

	var options []byte
	add := func(id uint16, body []byte) {
		options = append(t.o.AppendUint32(t.o.AppendUint16(options, id), uint32(len(body))), body...)
	}
	none := make([]byte, 4)
	for id := uint16(optHeaderInfo); id <= optCmdlines; id++ {
		b, ok := f.Pieces[id]
		switch {
		case id == optKallsyms:
			b = none
		case id == optPrintk:
			reasons := f.Table.Reasons()
			b = append(t.o.AppendUint32(nil, uint32(len(reasons))), reasons...)
		case !ok:
			continue
		case id == optCmdlines && len(b) >= 8:
			n.cmdlines(b[8:])
		}
		add(id, t.o.AppendUint64(nil, uint64(t.at)))
		t.section(id, len(b))
		t.put(b)
	}
	for _, x := range f.Options {
		t.option(x.ID, x.Body)
		add(x.ID, x.Body)
	}
	for i, b := range f.Buffers {
		if b.Text {
			return nil, refuse("a latency trace is text without scheduler events")
		}
		body, err := t.buffer(i, b, out)
		if err != nil {
			return nil, err
		}
		add(optBuffer, body)
	}
	add(optDone, make([]byte, 8))
	at := t.at
	t.section(optDone, len(options))
	t.put(options)
	if err := t.w.Flush(); err != nil {
		return nil, err
	}
	_, err = out.WriteAt(t.o.AppendUint64(nil, uint64(at)), first)
	return &t.report, err
}

// put writes bytes; the first error stands and is told by Flush.
func (t *trace) put(b []byte) {
	t.at += int64(len(b))
	_, _ = t.w.Write(b)
}

// section writes a section's header.
func (t *trace) section(id uint16, size int) {
	h := append(t.o.AppendUint16(nil, id), make([]byte, 6)...)
	t.put(t.o.AppendUint64(h, uint64(size)))
}

// option replaces the names in an option and clears what is not read.
func (t *trace) option(id uint16, b []byte) {
	if id == optCPUCount || id == optTSC2NSEC {
		return // numbers
	}
	b = ended(b)
	switch id {
	case optUname:
		// "sysname nodename release machine"
		if f := bytes.SplitN(b, []byte(" "), 3); len(f) == 3 {
			t.n.replace(f[1])
		}
	case optCPUStat:
		if _, name, ok := bytes.Cut(b, []byte("Buffer: ")); ok {
			t.n.replace(bytes.TrimRight(name, "\n"))
		}
	}
}

// buffer writes the pages of a ring buffer and returns its option.
func (t *trace) buffer(i int, b tracedat.Buffer, out *os.File) ([]byte, error) {
	start := t.at
	name := []byte(b.Name)
	t.n.replace(name)
	body := append(t.o.AppendUint64(nil, uint64(start)), name...)
	body = append(body, "\x00"+b.Clock+"\x00"...)
	body = t.o.AppendUint32(t.o.AppendUint32(body, uint32(b.PageSize)), uint32(len(b.CPUs)))
	t.section(optBuffer, 0) // the size follows
	for k, cpu := range b.CPUs {
		t.put(make([]byte, (int64(b.PageSize)-t.at%int64(b.PageSize))%int64(b.PageSize)))
		at := t.at
		missing, err := t.f.Pages(i, k, func(page []byte) {
			tracedat.ScrubPage(page, t.f.Page, t.o, func(payload []byte) {
				t.report.Records++
				t.f.Table.Scrub(payload, t.n.text)
			})
			t.put(page)
		})
		if err != nil {
			return nil, err
		}
		t.report.Dropped += missing
		body = t.o.AppendUint64(t.o.AppendUint64(t.o.AppendUint32(body, uint32(cpu)), uint64(at)), uint64(t.at-at))
	}
	if err := t.w.Flush(); err != nil {
		return nil, err
	}
	_, err := out.WriteAt(t.o.AppendUint64(nil, uint64(t.at-start-16)), start+8)
	return body, err
}
