package replay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/replay"
)

// told is what one recording tells of the foreign tasks on an isolated CPU.
type told struct {
	runs  []replay.Slice
	stays []replay.Stay
	owner []replay.Slice
	from  int64
	to    int64
}

func tell(t *testing.T, r traces.Recording) *told {
	in, h := capturetest.Open(t, r.Path, r.Bundle)
	x := &told{}
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: replay.Observer{
		Run: func(r *replay.Slice) {
			switch {
			case r.CutStart || r.CutEnd:
			case r.Class == replay.ClassForeign:
				x.runs = append(x.runs, *r)
			case r.Class == replay.ClassOwner:
				x.owner = append(x.owner, *r)
			}
		},
		Stay: func(s *replay.Stay) { x.stays = append(x.stays, *s) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	x.from, x.to = res.Start, res.End
	return x
}

// TestDialectsAgree: ftrace text and perf.data of the same run, their clocks
// aligned by the owner's runs and clipped to the window they share, tell the
// same stays, the same entries and the same runs.
func TestDialectsAgree(t *testing.T) {
	if traces.Race {
		t.Skip("one goroutine, and long")
	}
	texts := map[string]traces.Recording{}
	for _, r := range traces.Named(t, "ftrace.txt.gz") {
		texts[r.Folder] = r
	}
	tried := 0
	for _, r := range traces.Named(t, "perf.data.zst") {
		if r.Folder == cpu43only {
			continue
		}
		text, perf := tell(t, texts[r.Folder]), tell(t, r)
		if len(text.owner) == 0 {
			continue
		}
		tried++
		t.Run(r.Folder, func(t *testing.T) {
			shift := align(text.owner, perf.owner)
			from, to := max(text.from, perf.from-shift)+1_000_000, min(text.to, perf.to-shift)-1_000_000
			in := func(at int64) bool { return at >= from && at <= to }
			list := func(x *told, shift int64) (runs, entries []string) {
				for _, r := range x.runs {
					if in(r.Start-shift) && in(r.End-shift) {
						runs = append(runs, fmt.Sprintf("%s on %d", r.Task.Comm, r.CPU))
					}
				}
				for _, s := range x.stays {
					if s.Entry != nil && in(s.Arrived-shift) {
						entries = append(entries, fmt.Sprintf("%s from %d to %d", s.Task.Comm, s.FromCPU, s.CPU))
					} else if s.Entry == nil && (in(s.Arrived-shift) || s.How == replay.CameBefore) {
						entries = append(entries, fmt.Sprintf("%s on %d %s", s.Task.Comm, s.CPU, s.How))
					}
				}
				slices.Sort(entries)
				return runs, entries
			}
			tr, te := list(text, 0)
			pr, pe := list(perf, shift)
			if !slices.Equal(te, pe) {
				t.Errorf("stays differ:\ntext %q\nperf %q", te, pe)
			}
			if !slices.Equal(tr, pr) {
				t.Errorf("runs differ: %d in the text, %d in perf.data", len(tr), len(pr))
			}
			t.Logf("%d runs, %d stays agree; perf's clock minus ftrace's: %d us", len(tr), len(te), shift/1000)
		})
	}
	if tried == 0 {
		t.Error("no folder holds both recordings")
	}
}

// align finds the difference of two clocks by the commonest distance between
// runs of like length.
func align(a, b []replay.Slice) int64 {
	votes := map[int64]int{}
	for _, x := range a[:min(len(a), 300)] {
		for _, y := range b {
			if d := (x.End - x.Start) - (y.End - y.Start); d > -3000 && d < 3000 {
				votes[(y.Start-x.Start)/4000]++
			}
		}
	}
	best, n := int64(0), 0
	for k, v := range votes {
		if v > n || v == n && k < best {
			best, n = k, v
		}
	}
	return best * 4000
}
