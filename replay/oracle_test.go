package replay_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

type oracleLine struct {
	time                   int64
	pid, cpu, prev         int
	new                    int
	path, nis, hic, target int
	slow, wf               int
	text                   string
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
			case "target":
				o.target = n
			case "wf":
				f, _ := strconv.ParseInt(v, 16, 32)
				o.wf = int(f)
			case "slow":
				o.slow = n
			}
		}
		out[o.pid] = append(out[o.pid], o)
	}
	return out
}

func (o *oracleLine) stage() place.Path {
	switch {
	case o.slow == 1:
		return place.PathSlow
	case o.path == 7 && o.hic == 1:
		return place.PathIdleCore
	}
	return map[int]place.Path{
		0: place.PathSlow, 1: place.PathTargetIdle, 2: place.PathPrevIdle, 3: place.PathPerCPUKthread,
		4: place.PathRecentUsed, 5: place.PathNoLLC, 6: place.PathIdleSMT, 7: place.PathIdleCPU, 8: place.PathTarget,
		9: place.PathClusterPrev, 10: place.PathClusterRecent,
	}[o.path]
}

// floors are what the recordings of a kernel must hold: per cent of the
// decisions, and CPUs possible on average. overall is exact over all of them.
type floors struct{ exact, covered, stage, mean, overall float64 }

// floorsOf are the floors by kernel. A kernel whose goal is not reached yet has
// what is reached, with the goal beside it: raise a line when its recordings allow.
var floorsOf = map[string]floors{
	"4.19": {exact: 93.7, covered: 99.6, stage: 93.5, mean: 1.95, overall: 96.8},
	"6.1":  {exact: 95.5, covered: 99.7, stage: 95.5, mean: 1.6, overall: 97.8},
	"6.12": {exact: 95.4, covered: 99.8, stage: 94.8, mean: 1.5, overall: 95.6},
}

// TestOracle holds the model's predictions against the record that the
// instrumented kernels made of their own decisions.
func TestOracle(t *testing.T) {
	if traces.Race {
		t.Skip("one goroutine, and long")
	}
	n, exact := map[string]int{}, map[string]int{}
	all, certainWrong := 0, 0
	for _, r := range traces.Recordings(t) {
		if r.Oracle == "" || r.Folder == cpu43only && r.Name == "perf.data.zst" {
			continue // the recorder saw one CPU
		}
		t.Run(r.Folder+"/"+r.Name, func(t *testing.T) {
			in, h := capturetest.Open(t, r.Path, r.Bundle)
			kernel := strings.Join(strings.SplitN(h.Release.Value, ".", 3)[:2], ".")
			s := judge(t, r, in, h)
			s.check(t, floorsOf[kernel])
			n[kernel] += s.n
			exact[kernel] += s.exact
			all, certainWrong = all+s.n, certainWrong+s.certainWrong
		})
	}
	t.Logf("certain and wrong: %d of %d decisions", certainWrong, all)
	if certainWrong*1000 > 2*all {
		t.Errorf("more than 2 of 1,000 are certain and wrong: %d of %d", certainWrong, all)
	}
	for kernel, f := range floorsOf {
		overall := 100 * float64(exact[kernel]) / float64(max(1, n[kernel]))
		t.Logf("%s: exact in %.2f %% of %d decisions over all its recordings", kernel, overall, n[kernel])
		if overall < f.overall {
			t.Errorf("%s: exact in %.2f %% over all its recordings, floor %.1f %%", kernel, overall, f.overall)
		}
	}
}

// made is one wakeup line as the replay made it.
type made struct {
	replay.Wakeup
	hit *oracleLine
}

func judge(t *testing.T, r traces.Recording, in parser.Capture, h *parser.Host) *score {
	release := h.Release.Value
	orig := release
	if strings.HasSuffix(r.Folder, "original") || strings.Contains(r.Folder, "-original-") {
		orig += "-smt-span"
	}
	lines := map[int][]*made{}
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Original: orig, Patched: []string{release}, Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) { lines[int(w.Task.PID)] = append(lines[int(w.Task.PID)], &made{Wakeup: *w}) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	oracle := readOracle(t, r.Oracle)
	shift := int64(0)
	if r.Name == "perf.data.zst" {
		shift = clockShift(lines, oracle)
		t.Logf("perf's clock minus ftrace's: %d ms", shift/1e6)
	}
	begin := recordsFrom(t, in)
	s := &score{reasons: map[string]int{}}
	for pid, ol := range oracle {
		pairs := match(ol, lines[pid], shift)
		for i, o := range ol {
			if m := pairs[i]; m != nil {
				m.hit = o
				s.add(m, o)
			} else if from, ok := begin[o.cpu]; ok && o.time+shift >= from {
				s.unmatched++
			}
		}
	}
	for _, ml := range lines {
		for _, m := range ml {
			if m.hit == nil && m.Selection && m.Task.Prio >= 100 && m.Kind != place.KindExec {
				s.reasons["selection where the kernel made none: "+string(m.Original.Path)]++
				s.invented++
			}
		}
	}
	s.report(t)
	if len(res.AffinityChanges) > 0 {
		t.Errorf("no affinity changed, but %+v", res.AffinityChanges)
	}
	t.Logf("own: exact %d covered %d of %d mean %.2f; moved %d/%d", res.Fidelity.Exact, res.Fidelity.Covered, res.Fidelity.Decisions, res.Fidelity.PossibleMean(), res.MovedCertain, res.MovedPossible)
	return s
}

// recordsFrom returns the time of each CPU's first event: perf enables the CPUs
// one after another, on a busy machine seconds apart.
func recordsFrom(t *testing.T, in parser.Capture) map[int]int64 {
	begin := map[int]int64{}
	for e, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := begin[int(e.CPU)]; !ok || e.Time < at {
			begin[int(e.CPU)] = e.Time
		}
	}
	return begin
}

// match finds a task's wakeup for each of its decisions, nil where there is none. On
// one clock it is the task's last waking before the decision, or the fork after it; on
// two that differ by shift the most of them that pair in order, waker's CPU and
// previous CPU being the same, and of these the nearest.
func match(ol []*oracleLine, ml []*made, shift int64) []*made {
	pairs := make([]*made, len(ol))
	if shift == 0 {
		taken := map[*made]bool{}
		for k, o := range ol {
			i := sort.Search(len(ml), func(i int) bool { return ml[i].Time > o.time }) - 1
			switch {
			case i >= 0 && ml[i].Kind == place.KindWakeup && ml[i].WakerCPU == o.cpu && !taken[ml[i]]:
				pairs[k] = ml[i]
			case i+1 < len(ml) && ml[i+1].Kind == place.KindWakeupNew && ml[i+1].Time < o.time+5_000_000:
				pairs[k] = ml[i+1]
			}
			if pairs[k] != nil {
				taken[pairs[k]] = true
			}
		}
		return pairs
	}
	const unpaired = 50_000_000 // ns: more than any distance of a pair
	// cost[k][i] is the least cost of the decisions before k and the wakeups before i.
	cost := make([][]int64, len(ol)+1)
	paired := func(k, i int) int64 {
		o, m := ol[k], ml[i]
		d := max(m.Time-o.time-shift, o.time+shift-m.Time)
		fork := m.Kind == place.KindWakeupNew
		if d >= unpaired || m.Kind == place.KindExec || m.WakerCPU != o.cpu || !fork && m.PrevCPU != o.prev || fork != (o.wf&4 != 0) {
			return 2 * unpaired
		}
		return d
	}
	for k := range cost {
		cost[k] = make([]int64, len(ml)+1)
		for i := range cost[k] {
			if k == 0 {
				continue
			}
			c := cost[k-1][i] + unpaired
			if i > 0 {
				c = min(c, cost[k][i-1], cost[k-1][i-1]+paired(k-1, i-1))
			}
			cost[k][i] = c
		}
	}
	for k, i := len(ol), len(ml); k > 0; {
		switch c := cost[k][i]; {
		case i > 0 && c == cost[k][i-1]:
			i--
		case c == cost[k-1][i]+unpaired:
			k--
		default:
			k, i = k-1, i-1
			pairs[k] = ml[i]
		}
	}
	return pairs
}

// clockShift finds the difference of two clocks by the commonest distance
// between a decision and the wakings of its task on its CPU.
func clockShift(lines map[int][]*made, oracle map[int][]*oracleLine) int64 {
	votes := map[int64]int{}
	for pid, ol := range oracle {
		for _, o := range ol {
			for _, m := range lines[pid] {
				if m.WakerCPU == o.cpu {
					votes[(m.Time-o.time)/200_000]++
				}
			}
		}
	}
	best, n := int64(0), 0
	for k, v := range votes {
		if v > n || v == n && k < best {
			best, n = k, v
		}
	}
	// A waking comes before its decision by some microseconds at least: the
	// greatest distance that is no accident is the shift.
	var near []int64
	for pid, ol := range oracle {
		for _, o := range ol {
			for _, m := range lines[pid] {
				if d := m.Time - o.time; m.WakerCPU == o.cpu && d >= (best-2)*200_000 && d < (best+3)*200_000 {
					near = append(near, d)
				}
			}
		}
	}
	slices.Sort(near)
	return near[len(near)/2] + 40_000
}

type score struct {
	n, exact, covered, stage, sum, unmatched, invented int
	// certainWrong counts the answers of one CPU alone that was not the kernel's.
	certainWrong int
	reasons      map[string]int
}

func (s *score) add(m *made, o *oracleLine) {
	s.n++
	s.sum += m.Original.Possible.Weight()
	if !m.Selection {
		s.reasons["selection missed: "+string(m.Original.Reason)]++
	}
	if m.RecordedCPU != o.new {
		s.reasons["recorded CPU differs from the kernel's"]++
	}
	if m.Original.CPU == o.new {
		s.exact++
	} else {
		s.reasons["wrong: "+string(m.Original.Path)+" for "+string(o.stage())]++
	}
	if m.Original.Path == o.stage() {
		s.stage++
	} else if m.Original.CPU == o.new {
		s.reasons["stage: "+string(m.Original.Path)+" for "+string(o.stage())]++
	}
	if m.Original.Possible.Test(o.new) {
		s.covered++
	} else {
		if m.Original.Certain() {
			s.certainWrong++
		}
		s.reasons["UNCOVERED: "+string(m.Original.Path)+" for "+string(o.stage())]++
	}
}

func (s *score) percent(a int) float64 { return 100 * float64(a) / float64(max(s.n, 1)) }

func (s *score) check(t *testing.T, f floors) {
	for _, f := range []struct {
		what       string
		got, floor float64
	}{
		{"exact", s.percent(s.exact), f.exact}, {"covered", s.percent(s.covered), f.covered}, {"stage", s.percent(s.stage), f.stage},
	} {
		if f.got < f.floor {
			t.Errorf("%s in %.2f %% of %d decisions, floor %.1f %%", f.what, f.got, s.n, f.floor)
		}
	}
	if mean := float64(s.sum) / float64(max(1, s.n)); mean > f.mean {
		t.Errorf("%.2f CPUs possible on average, at most %.2f", mean, f.mean)
	}
	if s.n == 0 || s.unmatched > s.n/100 {
		t.Errorf("%d decisions judged, %d of the kernel's found no wakeup", s.n, s.unmatched)
	}
}

func (s *score) report(t *testing.T) {
	pc := s.percent
	t.Logf("JUDGED %d (unmatched %d, invented %d): exact %.2f%% covered %.2f%% stage %.2f%% mean set %.2f, certain and wrong %d", s.n, s.unmatched, s.invented, pc(s.exact), pc(s.covered), pc(s.stage), float64(s.sum)/float64(max(1, s.n)), s.certainWrong)
	var keys []string
	for k := range s.reasons {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if s.reasons[keys[i]] != s.reasons[keys[j]] {
			return s.reasons[keys[i]] > s.reasons[keys[j]]
		}
		return keys[i] < keys[j]
	})
	for _, k := range keys[:min(14, len(keys))] {
		t.Logf("   %5d %s", s.reasons[k], k)
	}
}
