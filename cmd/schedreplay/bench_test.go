package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"schedreplay/cmd/schedreplay/internal/cost"
	"schedreplay/internal/repeat"
)

// These benchmarks run the program and the tool that users have otherwise on the
// same recording, by turns. They report
//
//	events     events in the recording
//	s          seconds of one run of the program
//	cpu-s      user and system time of that
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

// incidentEvents is about how many events the recording of the incident has.
const incidentEvents = 47_694

// BenchmarkIncident runs commands on the recording of the incident, repeated to a million
// events and to ten, with its bundle: 44 CPUs, one of them isolated, all kernels modelled. It
// reports cpu-s, user and system time, and x-wakeups, the same through that of wakeups; of
// wakeups x-peer against perf sched timehist, where that is installed.
func BenchmarkIncident(b *testing.B) {
	program := build(b)
	for _, millions := range []int{1, 10} {
		dir := b.TempDir()
		repeatIncident(b, dir, millions*million/incidentEvents)
		var wakeups time.Duration
		for _, c := range []struct {
			name string
			args []string
		}{
			{"wakeups", []string{"wakeups", "-q", dir}},
			{"report", []string{"report", dir, "-o", filepath.Join(b.TempDir(), "report")}},
			{"parquet", []string{"convert", dir, "--to", "parquet", "-o", filepath.Join(b.TempDir(), "parquet")}},
			{"kernels", []string{"kernels", "--explain", dir}},
			{"sweep", []string{"sweep", dir}},
		} {
			b.Run(fmt.Sprintf("%dM/%s", millions, c.name), func(b *testing.B) {
				cpu := against(b, filepath.Join(dir, "perf.data"), millions*million, append([]string{program}, c.args...), peerOf(c.name, dir))
				if c.name == "wakeups" {
					wakeups = cpu
				}
				if wakeups > 0 {
					b.ReportMetric(float64(cpu)/float64(wakeups), "x-wakeups")
				}
			})
		}
	}
}

// BenchmarkMainJob makes the README's report, and the same without what would have helped.
func BenchmarkMainJob(b *testing.B) {
	program := build(b)
	const dir = "../../testdata/traces/k419-smt44-isolated43-original"
	file := filepath.Join(dir, "ftrace.txt.gz")
	events := countEvents(b, program, file)
	for _, runs := range []string{"-1", "0"} {
		b.Run("runs="+runs, func(b *testing.B) {
			against(b, file, events, []string{program, "report", "-q", dir, "-o", filepath.Join(b.TempDir(), "report"), "--runs", runs}, nil)
		})
	}
}

// peerOf is what wakeups is held against, nil of the other commands.
func peerOf(command, dir string) []string {
	perf, err := exec.LookPath("perf")
	if command != "wakeups" || err != nil {
		return nil
	}
	return []string{perf, "sched", "timehist", "-w", "-M", "-i", filepath.Join(dir, "perf.data")}
}

// repeatIncident makes a folder with the recording of the incident some times over, and its
// bundle.
func repeatIncident(b *testing.B, dir string, times int) {
	b.Helper()
	const from = "../../testdata/traces/smt44-isolated43-original"
	small := filepath.Join(b.TempDir(), "small.data")
	unpackFixture(b, filepath.Join(from, "perf/perf.data.zst"), small)
	repeatPerf(b, small, filepath.Join(dir, "perf.data"), times)
	bundle, err := os.ReadFile(filepath.Join(from, "host.tar.gz"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "host.tar.gz"), bundle, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCosts measures what internal/cost tells: each command on the incident, over and
// over. It reports processor time for a million events, as cpu-s/M, and peak-MB.
func BenchmarkCosts(b *testing.B) {
	const times = 29
	program, dir := build(b), b.TempDir()
	repeatIncident(b, dir, times)
	for _, c := range cost.All {
		b.Run(c.Command, func(b *testing.B) {
			for b.Loop() {
				words := strings.NewReplacer("CAPTURE", dir, "OUT", filepath.Join(b.TempDir(), "out")).Replace(c.Words)
				cmd := exec.Command(program, append([]string{c.Command, "-q"}, strings.Fields(words)...)...)
				if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 { // check says no
					b.Fatal(err)
				}
				cpu := (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
				b.ReportMetric(cpu*million/(times*incidentEvents), "cpu-s/M")
				b.ReportMetric(float64(peakMemory(cmd.ProcessState))/(1<<20), "peak-MB")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// against runs the program and, if there is one, its peer by turns, and returns the user and
// system time of one run of the program.
func against(b *testing.B, file string, events int, program, peer []string) time.Duration {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	var ours, theirs, cpu time.Duration
	peak, n := int64(0), 0
	for b.Loop() {
		wall, state := runTool(b, program...)
		ours, cpu, peak = ours+wall, cpu+state.UserTime()+state.SystemTime(), max(peak, peakMemory(state))
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
	b.ReportMetric(cpu.Seconds()/float64(n), "cpu-s")
	if peer != nil {
		b.ReportMetric(theirs.Seconds()/float64(n), "peer-s")
		b.ReportMetric(float64(ours)/float64(theirs), "x-peer")
	}
	if peak > 0 {
		b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	}
	return cpu / time.Duration(n)
}

// runTool runs a program and returns the time it took and what it used. Linux counts the
// pages of the starting process into its peak memory, so the benchmark itself has to stay
// small.
func runTool(b *testing.B, args ...string) (wall time.Duration, state *os.ProcessState) {
	b.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v\n%.500s", args, err, &stderr)
	}
	return time.Since(begin), cmd.ProcessState
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

// build builds the program as a release is.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "schedreplay")
	if out, err := exec.Command("go", "build", "-pgo=release.pgo", "-o", path, ".").CombinedOutput(); err != nil {
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
	if err := repeatTraceDat(small, file, million/events); err != nil {
		b.Fatalf("repeating a recording of trace-cmd: %v", err)
	}
	return file
}

func repeatPerf(b *testing.B, from, to string, times int) {
	b.Helper()
	if err := repeat.PerfData(from, to, times); err != nil {
		b.Fatalf("repeating %s: %v", from, err)
	}
}
