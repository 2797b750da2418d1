// Package repeat makes long recordings of short ones, for benchmarks: the same events some
// times over, each time later.
package repeat

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"os"
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
