package tracedat

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Raw is a recording as tracefs holds it: the ring buffers of the CPUs, as
// per_cpu/cpuN/trace_pipe_raw gives them, and the text files that say how to read them.
type Raw struct {
	// HeaderPage is events/header_page; without it pages are those of a 64-bit kernel
	// with 4 KiB.
	HeaderPage []byte
	// Formats holds events/SYSTEM/EVENT/format by "SYSTEM/EVENT".
	Formats map[string][]byte
	// Cmdlines is saved_cmdlines, Clock trace_clock; empty if not at hand.
	Cmdlines, Clock []byte
	CPUs            []RawCPU
}

// RawCPU is the ring buffer of one CPU.
type RawCPU struct {
	CPU  int
	At   io.ReaderAt
	Size int64
	// Stats is per_cpu/cpuN/stats, empty if not at hand.
	Stats []byte
}

// RawSource is ring buffers that were copied out of tracefs as the trace.dat file
// (version 6) that trace-cmd would have made of them, for [New]. Errors are those of New.
func RawSource(name string, raw *Raw) (parser.Source, error) {
	fail := func(remedy string, cause error) (parser.Source, error) {
		return parser.Source{}, &parser.Error{File: name, Format: formatName, Offset: -1, Err: cause, Remedy: remedy}
	}
	if len(raw.Formats) == 0 {
		return fail("copy events/sched/*/format and events/header_page from tracefs beside the buffers",
			fmt.Errorf("%w: ring buffers without the formats of their events", parser.ErrUnsupported))
	}
	h, err := tep.ParseHeaderPage(raw.HeaderPage, 8)
	if err != nil {
		return fail("copy events/header_page again", err)
	}
	if h.End < minPageSize || h.End > maxPageSize {
		return fail("copy events/header_page again", fmt.Errorf("%w: ring buffer pages of %d bytes", parser.ErrDamaged, h.End))
	}
	top := 0
	for _, c := range raw.CPUs {
		if c.CPU < 0 || c.CPU >= maxCPUs {
			return fail("", fmt.Errorf("%w: a ring buffer of CPU %d", parser.ErrDamaged, c.CPU))
		}
		top = max(top, c.CPU)
	}
	w := rawWriter{order: raw.order(&h)}
	file := w.file(raw, &h, top+1)
	return parser.Source{
		Name: name, At: file, Size: file.size,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(file, 0, file.size)), nil },
	}, nil
}

// order finds the byte order of the pages: how much of the first one is used lies
// within it in one order only.
func (raw *Raw) order(h *tep.HeaderPage) binary.AppendByteOrder {
	for _, c := range raw.CPUs {
		b := make([]byte, h.Commit+8)
		if n, _ := c.At.ReadAt(b, 0); n < len(b) {
			continue
		}
		commit := b[h.Commit:]
		little, big := binary.LittleEndian.Uint64(commit), binary.BigEndian.Uint64(commit)
		if h.CommitSize == 4 {
			little, big = uint64(binary.LittleEndian.Uint32(commit)), uint64(binary.BigEndian.Uint32(commit))
		}
		used := func(commit uint64) uint64 { return commit &^ (missedEvents | missedStored) }
		if size := uint64(h.End); used(little) > size && used(big) <= size {
			return binary.BigEndian
		}
		return binary.LittleEndian
	}
	return binary.LittleEndian
}

// rawWriter writes what stands before the pages of a trace.dat file.
type rawWriter struct {
	bytes.Buffer
	order binary.AppendByteOrder
}

func (w *rawWriter) u16(n int) { w.Write(w.order.AppendUint16(nil, uint16(n))) }
func (w *rawWriter) u32(n int) { w.Write(w.order.AppendUint32(nil, uint32(n))) }
func (w *rawWriter) u64(n int64) {
	w.Write(w.order.AppendUint64(nil, uint64(n)))
}

func (w *rawWriter) sized(b []byte) {
	w.u64(int64(len(b)))
	w.Write(b)
}

func (w *rawWriter) option(id int, b []byte) {
	w.u16(id)
	w.u32(len(b) + 1)
	w.Write(append(bytes.Clone(b), 0))
}

// file puts the head and the buffers into one file.
func (w *rawWriter) file(raw *Raw, h *tep.HeaderPage, cpus int) *joined {
	pageSize := int64(h.End)
	w.WriteString(tep.Magic + "6\x00")
	w.WriteByte(map[bool]byte{true: 1}[w.order == binary.AppendByteOrder(binary.BigEndian)])
	w.WriteByte(byte(h.CommitSize))
	w.u32(int(pageSize))
	w.WriteString("header_page\x00")
	w.sized(raw.HeaderPage)
	w.WriteString("header_event\x00")
	w.sized(nil)
	w.u32(0) // formats of ftrace itself
	bySystem := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(raw.Formats)) {
		system, _, _ := strings.Cut(key, "/")
		bySystem[system] = append(bySystem[system], key)
	}
	w.u32(len(bySystem))
	for _, system := range slices.Sorted(maps.Keys(bySystem)) {
		w.WriteString(system + "\x00")
		w.u32(len(bySystem[system]))
		for _, key := range bySystem[system] {
			w.sized(raw.Formats[key])
		}
	}
	w.u32(0) // kallsyms
	w.u32(0) // printk
	w.sized(raw.Cmdlines)
	w.u32(cpus)
	w.WriteString("options  \x00")
	if len(raw.Clock) > 0 {
		w.option(optTraceClock, raw.Clock)
	}
	slices.SortFunc(raw.CPUs, func(a, b RawCPU) int { return cmp.Compare(a.CPU, b.CPU) })
	for _, c := range raw.CPUs {
		if len(c.Stats) > 0 {
			w.option(optCPUStat, slices.Concat(fmt.Appendf(nil, "CPU: %d\n", c.CPU), c.Stats))
		}
	}
	w.u16(optDone)
	w.WriteString("flyrecord\x00")
	align := func(n int64) int64 { return (n + pageSize - 1) / pageSize * pageSize }
	at := align(int64(w.Len()) + 16*int64(cpus) + 8)
	file := &joined{}
	next := raw.CPUs
	for cpu := range cpus {
		size := int64(0)
		if len(next) > 0 && next[0].CPU == cpu {
			if size = next[0].Size; size > 0 {
				file.parts = append(file.parts, part{at, size, next[0].At})
			}
			next = next[1:]
		}
		w.u64(at)
		w.u64(size)
		at = align(at + size)
	}
	w.u64(0) // the clock is among the options
	file.parts = slices.Insert(file.parts, 0, part{0, int64(w.Len()), bytes.NewReader(w.Bytes())})
	file.size = at
	return file
}

// joined is a file in parts, with zeros between them.
type joined struct {
	parts []part // in ascending order
	size  int64
}

type part struct {
	off, size int64
	at        io.ReaderAt
}

func (j *joined) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < j.size {
		i, found := slices.BinarySearchFunc(j.parts, off, func(q part, off int64) int { return cmp.Compare(q.off, off) })
		if !found {
			i--
		}
		q, end := j.parts[i], j.size
		if i+1 < len(j.parts) {
			end = j.parts[i+1].off
		}
		k := int(min(int64(len(p)-n), end-off))
		if left := q.off + q.size - off; left > 0 {
			k = int(min(int64(k), left))
			if got, err := q.at.ReadAt(p[n:n+k], off-q.off); got < k {
				return n + got, cmp.Or(err, io.ErrUnexpectedEOF)
			}
		} else {
			clear(p[n : n+k])
		}
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
