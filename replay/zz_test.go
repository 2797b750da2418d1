package replay_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

func TestNis(t *testing.T) {
	if os.Getenv("NIS") == "" {
		t.Skip()
	}
	dirs, _ := filepath.Glob("/work/shared/traces/*")
	for _, d := range dirs {
		in, err := open.File(filepath.Join(d, "ftrace.txt.gz"), open.Options{})
		if err != nil {
			continue
		}
		h, _ := host.Read(filepath.Join(d, "host.tar.gz"))
		oracle := readOracle(t, filepath.Join(d, "oracle.txt.gz"))
		hist := map[int64]int{}
		n, in1, inr, width, wrongIdle := 0, 0, 0, int64(0), 0
		_ = wrongIdle
		replay.DebugHook = func(at int64, pid int32, llc func(int) int, best, lo, hi func(int) int64, idle func(int) bool) {
			ol := oracle[int(pid)]
			i := sort.Search(len(ol), func(i int) bool { return ol[i].time > at-20_000 })
			if i == len(ol) || ol[i].time > at+500_000 {
				return
			}
			o := ol[i]
			if o.nis < 0 || llc(o.target) < 0 {
				return
			}
			l := llc(o.target)
			df := best(l) - int64(o.nis)
			hist[df]++
			n++
			if df >= -1 && df <= 1 {
				in1++
			}
			if lo(l) <= int64(o.nis) && int64(o.nis) <= hi(l) {
				inr++
			}
			width += hi(l) - lo(l)
		}
		replay.Replay(context.Background(), in, h, replay.Options{Original: h.Release.Value})
		fmt.Printf("%-40s n %d exact %.1f%% within1 %.1f%% inrange %.1f%% width %.1f  %v\n", filepath.Base(d), n, 100*float64(hist[0])/float64(n), 100*float64(in1)/float64(n), 100*float64(inr)/float64(n), float64(width)/float64(n), hist)
	}
	replay.DebugHook = nil
}
