package replay_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

func TestDbg(t *testing.T) {
	d := os.Getenv("DBG")
	if d == "" {
		t.Skip()
	}
	d = "/work/shared/traces/" + d
	in, _ := open.File(filepath.Join(d, "ftrace.txt.gz"), open.Options{})
	h, _ := host.Read(filepath.Join(d, "host.tar.gz"))
	k := 0
	replay.Replay(context.Background(), in, h, replay.Options{Original: h.Release.Value + "-smt-span", Patched: h.Release.Value, Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) {
			if w.Moved != "no" || w.DivergedSince != 0 {
				if k++; k < 60 {
					fmt.Printf("%.6f n=%d %s/%d this=%d prev=%d rec=%d | o %d %s %v prev %d | p %d %s %v prev %d moved %s div %d miss %v\n", float64(w.Time)/1e9, w.N, w.Task.Comm, w.Task.PID, w.WakerCPU, w.PrevCPU, w.RecordedCPU,
						w.Original.CPU, w.Original.Path, w.Original.Possible, w.Original.Prev, w.Patched.CPU, w.Patched.Path, w.Patched.Possible, w.Patched.Prev, w.Moved, w.DivergedSince, w.ModelMiss)
				}
			}
		},
	}})
}
