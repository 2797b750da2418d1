// Package repeat makes long recordings of short ones, for benchmarks: the same events some
// times over, each time later.
package repeat

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"regexp"
	"strconv"
	"time"
)

// PerfData writes a perf.data file whose records are those of another some times over, each
// time later. It reads what perf writes on a little-endian machine without -z
// (tools/perf/Documentation/perf.data-file-format.txt).
func PerfData(from, to string, times int) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	o := binary.LittleEndian
	head := make([]byte, 104)
	if _, err := in.ReadAt(head, 0); err != nil {
		return err
	}
	dataAt, dataSize := int64(o.Uint64(head[40:])), int64(o.Uint64(head[48:]))
	attr := make([]byte, 32)
	if _, err := in.ReadAt(attr, int64(o.Uint64(head[24:]))); err != nil {
		return err
	}
	place := timePlace(o.Uint64(attr[24:]))
	first, last := int64(0), int64(0)
	err = eachRecord(in, dataAt, dataSize, func(rec []byte) error {
		if t := place(rec); t != nil && o.Uint64(t) != 0 {
			now := int64(o.Uint64(t))
			if first == 0 || now < first {
				first = now
			}
			last = max(last, now)
		}
		return nil
	})
	if err != nil {
		return err
	}

	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	extra := dataSize * int64(times-1)
	o.PutUint64(head[48:], uint64(dataSize+extra))
	_, _ = w.Write(head) // the first error of w is what Flush returns
	_, _ = io.Copy(w, io.NewSectionReader(in, int64(len(head)), dataAt-int64(len(head))))
	for i := range times {
		later := uint64(int64(i) * (last - first + int64(time.Millisecond)))
		err := eachRecord(in, dataAt, dataSize, func(rec []byte) error {
			if t := place(rec); t != nil && o.Uint64(t) != 0 {
				o.PutUint64(t, o.Uint64(t)+later)
			}
			_, err := w.Write(rec)
			return err
		})
		if err != nil {
			return err
		}
	}
	// The feature sections lie behind the data.
	features := 0
	for i := 72; i < len(head); i += 8 {
		features += bits.OnesCount64(o.Uint64(head[i:]))
	}
	tail := make([]byte, 16*features)
	if _, err := in.ReadAt(tail, dataAt+dataSize); err != nil {
		return err
	}
	for i := 0; i < len(tail); i += 16 {
		o.PutUint64(tail[i:], o.Uint64(tail[i:])+uint64(extra))
	}
	_, _ = w.Write(tail)
	behind := dataAt + dataSize + int64(len(tail))
	_, _ = io.Copy(w, io.NewSectionReader(in, behind, info.Size()-behind))
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}

// timePlace returns a function that finds the time in a record, nil if it has
// none: in samples counted from the front, else from the end (sample_id_all).
func timePlace(sampleType uint64) func(rec []byte) []byte {
	const ip, tid, id, cpu, streamID, identifier = 1 << 0, 1 << 1, 1 << 6, 1 << 7, 1 << 9, 1 << 16
	front := 8 + 8*bits.OnesCount64(sampleType&(identifier|ip|tid))
	back := 8 + 8*bits.OnesCount64(sampleType&(identifier|cpu|streamID|id))
	return func(rec []byte) []byte {
		const sample, firstOfPerf = 9, 64
		switch typ := binary.LittleEndian.Uint32(rec); {
		case typ == sample && len(rec) >= front+8:
			return rec[front : front+8]
		case typ < firstOfPerf && typ != sample && len(rec) >= back+8:
			return rec[len(rec)-back : len(rec)-back+8]
		}
		return nil
	}
}

func eachRecord(in io.ReaderAt, at, size int64, do func(rec []byte) error) error {
	r := bufio.NewReaderSize(io.NewSectionReader(in, at, size), 1<<20)
	rec := make([]byte, 1<<16)
	for {
		if _, err := io.ReadFull(r, rec[:8]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		n := int(binary.LittleEndian.Uint16(rec[6:]))
		if n < 8 {
			return fmt.Errorf("a record of %d bytes", n)
		}
		if _, err := io.ReadFull(r, rec[8:n]); err != nil {
			return err
		}
		if err := do(rec[:n]); err != nil {
			return err
		}
	}
}

// printed is a line of tracefs' trace up to its time, and that: seconds and their fraction.
var printed = regexp.MustCompile(`^(.*?-\d+ +(?:\([^)]*\) +)?\[\d+\] +\S+ +)(\d+)\.(\d{6}):`)

// Ftrace writes a trace of tracefs, as text, whose lines are those of another some times
// over, each time later.
func Ftrace(from, to string, times int) error {
	in, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(in, []byte("\n"))
	at := func(m []int, line []byte) int64 {
		us, err := strconv.ParseInt(string(line[m[4]:m[5]])+string(line[m[6]:m[7]]), 10, 64)
		if err != nil {
			return 0
		}
		return us
	}
	first, last := int64(0), int64(0)
	for _, line := range lines {
		if m := printed.FindSubmatchIndex(line); m != nil {
			if first == 0 {
				first = at(m, line)
			}
			last = max(last, at(m, line))
		}
	}
	if first == 0 {
		return errors.New("no line with a time")
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	for i := range times {
		later := int64(i) * (last - first + 1000)
		for _, line := range lines {
			m := printed.FindSubmatchIndex(line)
			switch {
			case m != nil:
				us := at(m, line) + later
				fmt.Fprintf(w, "%s%d.%06d%s", line[:m[3]], us/1e6, us%1e6, line[m[7]:]) // the first error of w is what Flush returns
			case i == 0 || !bytes.HasPrefix(line, []byte("#")): // of a name that holds a line feed
				_, _ = w.Write(line)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}

// TraceDat writes a trace.dat file of version 6 whose pages are those of another
// some times over, each time later. The pages of all CPUs are the end of the file
// (trace-cmd.dat.v6(5)).
func TraceDat(from, to string, times int) error {
	in, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	o := binary.LittleEndian
	const pageSize, mark = 4096, "flyrecord\x00"
	table := bytes.Index(in, []byte(mark)) + len(mark)
	if table < len(mark) {
		return errors.New("no flyrecord")
	}
	type span struct{ off, size uint64 }
	var cpus []span
	begin := uint64(len(in))
	for at := table; uint64(at) < begin && at+16 <= len(in); at += 16 {
		c := span{o.Uint64(in[at:]), o.Uint64(in[at+8:])}
		if c.off == 0 || c.off%pageSize != 0 || c.off+c.size > uint64(len(in)) {
			break // the padding before the first page
		}
		cpus = append(cpus, c)
		begin = min(begin, c.off)
	}
	first, last := ^uint64(0), uint64(0)
	for _, c := range cpus {
		for p := c.off; p < c.off+c.size; p += pageSize {
			stamp := o.Uint64(in[p:])
			first, last = min(first, stamp), max(last, stamp)
		}
	}
	span1 := last - first + uint64(100*time.Millisecond) // the last page goes on
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	head := bytes.Clone(in[:begin])
	at := begin
	for i, c := range cpus {
		o.PutUint64(head[table+16*i:], at)
		o.PutUint64(head[table+16*i+8:], c.size*uint64(times))
		at += c.size * uint64(times)
	}
	_, _ = w.Write(head) // the first error of w is what Flush returns
	for _, c := range cpus {
		for i := range uint64(times) {
			pages := bytes.Clone(in[c.off : c.off+c.size])
			for p := 0; p < len(pages); p += pageSize {
				o.PutUint64(pages[p:], o.Uint64(pages[p:])+i*span1)
			}
			_, _ = w.Write(pages)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return out.Close()
}
