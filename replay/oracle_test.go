package replay_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"schedreplay/kernelmodel"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

type oracleLine struct {
	time           int64
	pid, cpu, prev int
	new            int
	path, nis, hic int
	slow           int
	text           string
	used           bool
}

func readOracle(t *testing.T, file string) map[int][]*oracleLine {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int][]*oracleLine{}
	sc := bufio.NewScanner(z)
	for sc.Scan() {
		line := sc.Text()
		stamp, rest, _ := strings.Cut(line, " ")
		o := &oracleLine{text: line}
		sec, frac, _ := strings.Cut(stamp, ".")
		a, _ := strconv.ParseInt(sec, 10, 64)
		b, _ := strconv.ParseInt(frac, 10, 64)
		o.time = a*1e9 + b*1e3
		i := strings.LastIndex(rest, `" pid=`)
		for _, kv := range strings.Fields(rest[i+1:]) {
			k, v, _ := strings.Cut(kv, "=")
			n, _ := strconv.Atoi(v)
			switch k {
			case "pid":
				o.pid = n
			case "cpu":
				o.cpu = n
			case "prev":
				o.prev = n
			case "new":
				o.new = n
			case "path":
				o.path = n
			case "nis":
				o.nis = n
			case "hic":
				o.hic = n
			case "slow":
				o.slow = n
			}
		}
		out[o.pid] = append(out[o.pid], o)
	}
	return out
}

func (o *oracleLine) stage() kernelmodel.Path {
	switch {
	case o.slow == 1:
		return kernelmodel.PathSlow
	case o.path == 7 && o.hic == 1:
		return kernelmodel.PathIdleCore
	}
	return map[int]kernelmodel.Path{
		0: kernelmodel.PathSlow, 1: kernelmodel.PathTargetIdle, 2: kernelmodel.PathPrevIdle, 3: kernelmodel.PathPerCPUKthread,
		4: kernelmodel.PathRecentUsed, 5: kernelmodel.PathNoLLC, 6: kernelmodel.PathIdleSMT, 7: kernelmodel.PathIdleCPU, 8: kernelmodel.PathTarget,
		9: kernelmodel.PathClusterPrev, 10: kernelmodel.PathClusterRecent,
	}[o.path]
}

func TestOracle(t *testing.T) {
	root := os.Getenv("SCHEDREPLAY_TRACES")
	if root == "" {
		root = "../../shared/traces"
	}
	dirs, _ := filepath.Glob(filepath.Join(root, "*"))
	for _, d := range dirs {
		for _, f := range []string{"ftrace.txt.gz", "perf.data.zst", "trace.dat.zst"} {
			file := filepath.Join(d, f)
			if _, err := os.Stat(file); err != nil || strings.Contains(d, "cpu43only") && f != "ftrace.txt.gz" {
				continue
			}
			if f == "perf.data.zst" && os.Getenv("PERF") == "" {
				continue
			}
			t.Run(filepath.Base(d)+"/"+f, func(t *testing.T) { judge(t, d, file) })
		}
	}
}

func judge(t *testing.T, d, file string) {
	in, err := open.File(file, open.Options{})
	if err != nil {
		t.Skip(err)
	}
	defer in.Close()
	h, err := host.Read(filepath.Join(d, "host.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	release := h.Release.Value
	orig := release
	if strings.Contains(d, "original") {
		orig += "-smt-span"
	}
	oracle := readOracle(t, filepath.Join(d, "oracle.txt.gz"))
	var total int
	for _, l := range oracle {
		total += len(l)
	}
	exact, covered, stage, sum, n, noline := 0, 0, 0, 0, 0, 0
	reasons := map[string]int{}
	var misses []string
	res, err := replay.Replay(context.Background(), in, h, replay.Options{Original: orig, Patched: release, Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) {
			var hit *oracleLine
			for _, o := range oracle[int(w.Task.PID)] {
				if !o.used && o.cpu == w.WakerCPU && o.time >= w.Time-300_000 && (o.time <= w.Time+60_000_000 || w.Kind == kernelmodel.KindWakeupNew) {
					if w.Kind == kernelmodel.KindWakeupNew && o.time > w.Time || w.Kind == kernelmodel.KindWakeup && o.time < w.Time {
						continue
					}
					hit = o
					break
				}
			}
			if hit == nil {
				if w.Selection {
					noline++
					reasons["false selection predicted "+string(w.Original.Path)]++
				}
				return
			}
			hit.used = true
			if !w.Selection {
				reasons["missed selection: "+string(w.Original.Reason)]++
			}
			n++
			sum += w.Original.Possible.Weight()
			if w.RecordedCPU != hit.new {
				reasons[fmt.Sprintf("recorded differs from oracle")]++
			}
			ok := w.Original.CPU == hit.new
			if ok {
				exact++
			}
			if w.Original.Path == hit.stage() {
				stage++
			}
			if w.Original.Possible.Test(hit.new) {
				covered++
			} else {
				reasons["UNCOVERED "+string(w.Original.Path)+" for "+string(hit.stage())]++
			}
			if !ok {
				reasons["wrong "+string(w.Original.Path)+" for "+string(hit.stage())]++
				if !w.Original.Possible.Test(hit.new) || os.Getenv("ALL") != "" {
					misses = append(misses, fmt.Sprintf("%.6f n=%d pid=%d this=%d prev=%d ctx=%s predicted %d %s possible %s | %s", float64(w.Time)/1e9, w.N, w.Task.PID, w.WakerCPU, w.PrevCPU, w.WakerContext, w.Original.CPU, w.Original.Path, w.Original.Possible, hit.text))
				}
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	pc := func(a int) float64 { return 100 * float64(a) / float64(max(n, 1)) }
	t.Logf("oracle %d matched %d false-selections %d: exact %.2f%% covered %.2f%% stage %.2f%% mean set %.2f | own: exact %d covered %d of %d mean %.2f moved %d/%d", total, n, noline, pc(exact), pc(covered), pc(stage), float64(sum)/float64(max(1, n)), res.Fidelity.Exact, res.Fidelity.Covered, res.Fidelity.Decisions, res.Fidelity.PossibleMean(), res.MovedCertain, res.MovedPossible)
	var keys []string
	for k := range reasons {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return reasons[keys[i]] > reasons[keys[j]] })
	for _, k := range keys[:min(12, len(keys))] {
		t.Logf("   %5d %s", reasons[k], k)
	}
	if os.Getenv("MISS") != "" {
		for _, m := range misses[:min(40, len(misses))] {
			t.Log(m)
		}
	}
}
