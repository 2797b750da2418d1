package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"time"
)

// repeatTraceDat writes a trace.dat file of version 6 whose pages are those of another
// some times over, each time later. The pages of all CPUs are the end of the file
// (trace-cmd.dat.v6(5)).
func repeatTraceDat(from, to string, times int) error {
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
