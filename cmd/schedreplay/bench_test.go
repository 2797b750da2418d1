package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// These benchmarks run the program and the tool that users have otherwise on the
// same recording, by turns. They report
//
//	events     events in the recording
//	s          seconds of one run of the program
//	peer-s     seconds of one run of the other tool
//	x-peer     the first through the second
//	peak-MB    the most memory the program had resident, in MiB
//
// Where perf or trace-cmd may not record, a small real recording is repeated with
// its times moved on.

// million is about how many events a recording has.
const million = 1_000_000

// BenchmarkWakeupsAgainstPerf holds wakeups on perf.data against
// perf sched timehist -w -M.
func BenchmarkWakeupsAgainstPerf(b *testing.B) {
	perf, program := tool(b, "perf"), build(b)
	file := recordPerf(b, perf)
	against(b, file, countEvents(b, program, file), []string{program, "wakeups", "-q", file}, []string{perf, "sched", "timehist", "-w", "-M", "-i", file})
}

// BenchmarkWakeupsAgainstTraceCmd holds wakeups on trace.dat against
// trace-cmd report.
func BenchmarkWakeupsAgainstTraceCmd(b *testing.B) {
	traceCmd, program := tool(b, "trace-cmd"), build(b)
	v6 := recordTrace(b, traceCmd)
	v7 := filepath.Join(b.TempDir(), "v7.dat")
	runTool(b, traceCmd, "convert", "--file-version", "7", "--compression", "any", "-i", v6, "-o", v7)
	events := countEvents(b, program, v6)
	for _, c := range []struct{ name, file string }{{"v6", v6}, {"v7", v7}} {
		b.Run(c.name, func(b *testing.B) {
			against(b, c.file, events, []string{program, "wakeups", "-q", c.file}, []string{traceCmd, "report", "-i", c.file})
		})
	}
}

// BenchmarkWakeupsMemory reports the peak memory on a perf.data file, and on the
// same ten times over.
func BenchmarkWakeupsMemory(b *testing.B) {
	perf, program := tool(b, "perf"), build(b)
	file := recordPerf(b, perf)
	for _, times := range []int{1, 10} {
		b.Run(fmt.Sprintf("times=%d", times), func(b *testing.B) {
			repeated := file
			if times > 1 {
				repeated = filepath.Join(b.TempDir(), "perf.data")
				repeatPerf(b, file, repeated, times)
			}
			events := countEvents(b, program, repeated)
			against(b, repeated, events, []string{program, "wakeups", "-q", repeated}, nil)
		})
	}
}

// against runs the program and, if there is one, its peer by turns.
func against(b *testing.B, file string, events int, program, peer []string) {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	var ours, theirs time.Duration
	peak, n := int64(0), 0
	for b.Loop() {
		wall, rss := runTool(b, program...)
		ours, peak = ours+wall, max(peak, rss)
		if peer != nil {
			wall, _ = runTool(b, peer...)
			theirs += wall
		}
		n++
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(events), "events")
	b.ReportMetric(float64(info.Size())/(1<<20), "file-MB")
	b.ReportMetric(ours.Seconds()/float64(n), "s")
	if peer != nil {
		b.ReportMetric(theirs.Seconds()/float64(n), "peer-s")
		b.ReportMetric(float64(ours)/float64(theirs), "x-peer")
	}
	if peak > 0 {
		b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	}
}

// runTool runs a program and returns the time it took and its peak memory in bytes, 0
// if not known. Linux counts the pages of the starting process in, so the
// benchmark itself has to stay small.
func runTool(b *testing.B, args ...string) (wall time.Duration, peak int64) {
	b.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v\n%.500s", args, err, &stderr)
	}
	return time.Since(begin), peakMemory(cmd.ProcessState)
}

// tool returns the path of a program, or skips.
func tool(b *testing.B, name string) string {
	b.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		b.Skipf("%s is not installed: nothing to hold the program against", name)
	}
	return path
}

// build builds the program as users have it.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "schedreplay")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Skipf("the program cannot be built here: %v\n%s", err, out)
	}
	return path
}

// countEvents counts the lines of schedreplay events.
func countEvents(b *testing.B, program, file string) int {
	b.Helper()
	cmd := exec.Command(program, "events", "-q", file)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	n, buf := 0, make([]byte, 64<<10)
	for {
		k, err := out.Read(buf)
		n += bytes.Count(buf[:k], []byte{'\n'})
		if err != nil {
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return n
}

var samplesRE = regexp.MustCompile(`\((?:~)?(\d+) samples\)`)

// recordPerf returns a recording of perf sched record of about a million events.
func recordPerf(b *testing.B, perf string) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), "perf.data")
	loops := 200
	for range 3 { // the number of events for a loop is the machine's
		out, err := exec.Command(perf, "sched", "record", "-m", "16M", "-o", file, "--", perf, "bench", "sched", "messaging", "-g", "4", "-l", strconv.Itoa(loops)).CombinedOutput()
		m := samplesRE.FindSubmatch(out)
		if err != nil || m == nil {
			b.Logf("perf cannot record here, a small recording is repeated: %v %.200s", err, out)
			return repeatedFixture(b)
		}
		n, _ := strconv.Atoi(string(m[1]))
		if n > million*8/10 && n < million*13/10 {
			return file
		}
		loops = max(loops*million/max(n, 1), 1)
	}
	return file
}

// repeatedFixture repeats the recording of one CPU that export/timehist has.
func repeatedFixture(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	small, file := filepath.Join(dir, "small.data"), filepath.Join(dir, "perf.data")
	unpackFixture(b, "../../export/timehist/testdata/cpu43.perf.data.zst", small)
	const events = 4800
	repeatPerf(b, small, file, million/events)
	return file
}

func unpackFixture(b *testing.B, from, to string) {
	b.Helper()
	packed, err := os.ReadFile(from)
	if err != nil {
		b.Fatal(err)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	plain, err := z.DecodeAll(packed, nil)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		b.Fatal(err)
	}
	if err := os.WriteFile(to, plain, 0o600); err != nil {
		b.Fatal(err)
	}
}

// repeatPerf writes a perf.data file whose records are those of another some
// times over, each time later. It reads what perf writes on a little-endian
// machine without -z (tools/perf/Documentation/perf.data-file-format.txt).
func repeatPerf(b *testing.B, from, to string, times int) {
	b.Helper()
	if err := copyPerf(from, to, times); err != nil {
		b.Fatalf("repeating %s: %v", from, err)
	}
}

func copyPerf(from, to string, times int) error {
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

// recordTrace returns a recording of trace-cmd, of version 6, of about a million
// events.
func recordTrace(b *testing.B, traceCmd string) string {
	b.Helper()
	dir := b.TempDir()
	file := filepath.Join(dir, "trace.dat")
	if perf, err := exec.LookPath("perf"); err == nil {
		const loops = 4000
		out, err := exec.Command(traceCmd, "record", "--file-version", "6", "-b", "20000", "-e", "sched", "-o", file, perf, "bench", "sched", "messaging", "-g", "4", "-l", strconv.Itoa(loops)).CombinedOutput()
		if err == nil {
			return file
		}
		b.Logf("trace-cmd cannot record here, a small recording is repeated: %v %.200s", err, out)
	}
	small := filepath.Join(dir, "small.dat")
	unpackFixture(b, "../../parser/tracedat/testdata/v6.dat.zst", small)
	const events = 1169
	if err := copyTrace(small, file, million/events); err != nil {
		b.Fatalf("repeating a recording of trace-cmd: %v", err)
	}
	return file
}

// copyTrace writes a trace.dat file of version 6 whose pages are those of another
// some times over, each time later. The pages of all CPUs are the end of the file
// (trace-cmd.dat.v6(5)).
func copyTrace(from, to string, times int) error {
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
