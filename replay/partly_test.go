package replay_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

// sieved is a capture of which some events were not recorded.
type sieved struct {
	parser.Capture
	keep func(*parser.Event) bool
}

func (s *sieved) Events() iter.Seq2[parser.Event, error] {
	return func(yield func(parser.Event, error) bool) {
		for ev, err := range s.Capture.Events() {
			if err == nil && ev.CPU >= 0 && !s.keep(&ev) {
				continue
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

type lineKey struct {
	time int64
	pid  int32
	kind place.Kind
}

func linesOf(t *testing.T, c parser.Capture, h *parser.Host, release string) map[lineKey]replay.Wakeup {
	t.Helper()
	out := map[lineKey]replay.Wakeup{}
	_, err := replay.Run(context.Background(), c, h, replay.Plan{Original: release, Patched: []string{h.Release.Value + "+smt-span"}, Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) {
			k := *w
			k.Original.Possible, k.Patched.Possible = w.Original.Possible.Clone(), w.Patched.Possible.Clone()
			out[lineKey{w.Time, w.Task.PID, w.Kind}] = k
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// holds compares what is told of part of a recording with what the whole shows.
func holds(t *testing.T, part, whole map[lineKey]replay.Wakeup) {
	t.Helper()
	n, covered, contradicted, sum := 0, 0, 0, 0
	for k, p := range part {
		w, ok := whole[k]
		if !ok || !w.Selection || w.Task.Prio < 100 || w.Kind != place.KindWakeup || w.RecordedCPU < 0 || w.ModelMiss {
			continue // the model is judged elsewhere
		}
		n++
		sum += p.Original.Possible.Weight()
		if p.Original.Possible.Test(w.RecordedCPU) {
			covered++
		} else {
			t.Logf("%d of pid %d: recorded %d, told %s by %s; the whole %s", k.time, k.pid, w.RecordedCPU, p.Original.Possible, p.Original.Path, w.Original.Possible)
		}
		if p.Original.Certain() && p.Original.CPU != w.RecordedCPU || p.Patched.Certain() && w.Patched.Certain() && p.Patched.CPU != w.Patched.CPU && w.DivergedSince == 0 {
			contradicted++
			t.Logf("%d of pid %d: certain %d and %d, the whole has %d and %d", k.time, k.pid, p.Original.CPU, p.Patched.CPU, w.RecordedCPU, w.Patched.CPU)
		}
	}
	t.Logf("%d decisions: %d covered, %d certain ones contradicted, %.2f CPUs possible on average", n, covered, contradicted, float64(sum)/float64(max(1, n)))
	if n < 100 || covered*1000 < n*995 || contradicted > 0 {
		t.Errorf("%d of %d covered, %d certain and contradicted by the whole recording", covered, n, contradicted)
	}
}

// eachPart runs a test on some recordings of each kernel.
func eachPart(t *testing.T, test func(t *testing.T, c parser.Capture, h *parser.Host, release string)) {
	for _, r := range traces.Recordings(t) {
		switch r.Folder + "/" + r.Name {
		case "smt8-isolated3-original/ftrace.txt.gz", "smt8-isolated3-612-original/perf.data.zst", "k419-smt8-isolated3-poller/ftrace.txt.gz", "k419-numa8-isolated7-original/perf.data.zst", "smt44-isolated43-original/ftrace.txt.gz":
			t.Run(r.Folder+"/"+r.Name, func(t *testing.T) {
				in, h := capturetest.Open(t, r.Path, r.Bundle)
				release := h.Release.Value
				if strings.Contains(r.Folder, "original") {
					release += "-smt-span"
				}
				test(t, in, h, release)
			})
		}
	}
}

// Where CPUs begin to be recorded one after another, as with perf record -a on a busy
// machine, and end so, one that does not record is not known, and nothing certain is said
// that hangs on it.
func TestStaggeredCPUs(t *testing.T) {
	eachPart(t, func(t *testing.T, c parser.Capture, h *parser.Host, release string) {
		whole := linesOf(t, c, h, release)
		first, last := int64(1)<<62, int64(0)
		for k := range whole {
			first, last = min(first, k.time), max(last, k.time)
		}
		ncpu := int64(len(h.CPU))
		each := (last - first) / 4 / ncpu
		part := &sieved{c, func(ev *parser.Event) bool {
			n := int64(ev.CPU)*7%ncpu + 1
			return ev.Time >= first+n*each && ev.Time <= last-(ncpu-n)*each
		}}
		holds(t, linesOf(t, part, h, release), whole)
	})
}

// A CPU without events need not be idle: what a CPU recorded that ran one task alone is
// left out, as of one that never slept.
func TestSilentCPUs(t *testing.T) {
	eachPart(t, func(t *testing.T, c parser.Capture, h *parser.Host, release string) {
		whole := linesOf(t, c, h, release)
		tasks := map[int32]map[int32]int{}
		for ev := range c.Events() {
			if ev.Kind == parser.KindSwitch && ev.Next.PID > 0 {
				if tasks[ev.CPU] == nil {
					tasks[ev.CPU] = map[int32]int{}
				}
				tasks[ev.CPU][ev.Next.PID]++
			}
		}
		var silent cpumask.Mask
		for cpu, ran := range tasks {
			most, all := 0, 0
			for _, n := range ran {
				most, all = max(most, n), all+n
			}
			if most*10 >= all*9 || h.Isolated.Value.Test(int(cpu)) {
				silent.Set(int(cpu))
			}
		}
		t.Logf("CPUs %s do not speak", silent)
		part := &sieved{c, func(ev *parser.Event) bool { return !silent.Test(int(ev.CPU)) }}
		holds(t, linesOf(t, part, h, release), whole)
	})
}
