package pprofile_test

import (
	"bytes"
	"testing"

	"schedreplay/export/pprofile"
	"schedreplay/internal/capturetest"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// FuzzWriter profiles any runs and decisions: pprof's own reader finds the profiles valid.
func FuzzWriter(f *testing.F) {
	for _, s := range capturetest.MadeSeeds() {
		f.Add(s)
	}
	kernel, err := rules.ParseKernel("6.1.0", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := pprofile.New()
		o := c.Observer()
		res := &replay.Result{Host: &parser.Host{}, Original: kernel, Patched: kernel}
		if o.Begin != nil {
			o.Begin(res)
		}
		for i, ev := range capturetest.Made(b) {
			task := replay.TaskRef{PID: ev.Task.PID, Comm: ev.Task.Comm, Prio: ev.Task.Prio}
			if ev.Kind == parser.KindSwitch && o.Run != nil {
				o.Run(&replay.Slice{CPU: int(ev.CPU), Task: task, Start: ev.Time, End: ev.Time + int64(i), Stay: i%3 - 1, Delay: ev.Delay, Class: replay.Class(i % 4)})
			} else if o.Wakeup != nil {
				w := &replay.Wakeup{N: int64(i), Time: ev.Time, Task: task, RecordedCPU: int(ev.CPU)}
				w.Original.CPU, w.Patched.CPU = int(ev.TargetCPU), int(ev.OrigCPU)
				o.Wakeup(w)
			}
		}
		var original, patched bytes.Buffer
		if err := c.Write(res, []string{string(b)}, &original, &patched); err != nil {
			t.Fatal(err)
		}
		parse(t, original.Bytes())
		parse(t, patched.Bytes())
	})
}
