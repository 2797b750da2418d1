package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"schedreplay/internal/fleettest"
)

// BenchmarkFleet makes 5,000 small captures, 1 % of which are none, and runs fleet on them,
// then summarize alone on every tenth: x-alone, the CPU time of the one over that of the
// other, must be at most 1.1. peak-MB is that of the
// largest process.
func BenchmarkFleet(b *testing.B) {
	const n, step = 5000, 10
	program, hosts := build(b), filepath.Join(b.TempDir(), "hosts")
	if err := fleettest.Make(filepath.Join("..", "..", "testdata", "traces"), hosts, n, 300); err != nil {
		b.Fatal(err)
	}
	cpu := func(args ...string) (time.Duration, *os.ProcessState) {
		cmd := exec.Command(program, args...)
		_ = cmd.Run() // captures that are none are part of it
		return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), cmd.ProcessState
	}
	for b.Loop() {
		fleet, state := cpu("fleet", hosts, "-q", "-o", filepath.Join(b.TempDir(), "fleet"), "--timeout", "5s")
		if !state.Success() {
			b.Fatal(state)
		}
		var alone time.Duration
		all, err := filepath.Glob(filepath.Join(hosts, "*"))
		if err != nil {
			b.Fatal(err)
		}
		for i := 0; i < len(all); i += step {
			if st, err := os.Stat(filepath.Join(all[i], "ftrace.txt")); err != nil || !st.Mode().IsRegular() {
				continue
			}
			one, _ := cpu("summarize", filepath.Join(all[i], "ftrace.txt"), "--host", filepath.Join(all[i], "host.tar.gz"), "-q", "-o", filepath.Join(b.TempDir(), "alone"))
			alone += one
		}
		b.ReportMetric(fleet.Seconds()/(step*alone.Seconds()), "x-alone")
		b.ReportMetric(float64(peakMemory(state))/(1<<20), "peak-MB")
	}
}
