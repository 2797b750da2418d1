package replay_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"testing"

	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

func TestFlips(t *testing.T) {
	if os.Getenv("FLIPS") == "" {
		t.Skip()
	}
	re := regexp.MustCompile(` cur=(\d+) .*flips=(\d+),(\d+)`)
	d := "/work/shared/traces/" + os.Getenv("FLIPS")
	in, _ := open.File(filepath.Join(d, "ftrace.txt.gz"), open.Options{})
	h, _ := host.Read(filepath.Join(d, "host.tar.gz"))
	oracle := readOracle(t, filepath.Join(d, "oracle.txt.gz"))
	k := 0
	replay.DebugFlips = func(at int64, pid int32, cur, wakee [3]int64) {
		ol := oracle[int(pid)]
		i := sort.Search(len(ol), func(i int) bool { return ol[i].time > at-20_000 })
		if i == len(ol) || ol[i].time > at+500_000 {
			return
		}
		m := re.FindStringSubmatch(ol[i].text)
		a, _ := strconv.Atoi(m[2])
		b, _ := strconv.Atoi(m[3])
		if k++; k%25 == 0 {
			fmt.Printf("%.6f cur %s true %d est %v | wakee %d true %d est %v\n", float64(at)/1e9, m[1], a, cur, pid, b, wakee)
		}
	}
	replay.Replay(context.Background(), in, h, replay.Options{Original: h.Release.Value})
	replay.DebugFlips = nil
}
