package report

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/place"
	"schedreplay/parser"
	"schedreplay/replay"
)

var update = flag.Bool("update", false, "write what comes out into the golden files")

// golden compares got with a file of an archive below testdata.
func golden(t *testing.T, archive, name string, got []byte) {
	t.Helper()
	path := "testdata/" + archive
	a, err := txtar.ParseFile(path)
	if err != nil {
		if !*update {
			t.Fatal(err)
		}
		a = &txtar.Archive{Comment: []byte("What the report says of made-up results; go test -update writes it. Read the diff.\n\n")}
	}
	for i, f := range a.Files {
		if f.Name != name {
			continue
		}
		if *update {
			a.Files[i].Data = got
			break
		}
		if d := cmp.Diff(string(f.Data), string(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		return
	}
	if !*update {
		t.Fatalf("%s has no %s; run with -update", archive, name)
	}
	if !strings.Contains(string(txtar.Format(a)), "-- "+name+" --") {
		a.Files = append(a.Files, txtar.File{Name: name, Data: got})
	}
	if err := os.MkdirAll("testdata", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, txtar.Format(a), 0o666); err != nil {
		t.Fatal(err)
	}
}

// small is an incident in few numbers, for variations.
func small() (*replay.Result, *replay.Stay, *replay.CPUResult) {
	host := makeHost(8, 8, cpumask.Of(3))
	res := newResult(host, 10_000_000_000, 12_000_000_000)
	owner := replay.TaskRef{PID: 100, Comm: "dpdk-rx", Prio: 120}
	task := replay.TaskRef{PID: 58, Comm: "ksmd", Prio: 125}
	st := &replay.Stay{
		CPU: 3, Task: task, Class: replay.ClassForeign, How: replay.CameByWakeup, FromCPU: 2, Arrived: 10_500_000_000, Left: parser.NoTime,
		Wakings: 10, Selections: 10, StayedPut: 10, Runs: 12, RunNS: 80_000_000, DelayedOwner: 7, DelayedOwnerNS: 9_000_000,
	}
	st.Entry = &replay.Entry{Wakeup: replay.Wakeup{
		N: 4, Time: st.Arrived, Task: task, Waker: replay.TaskRef{PID: 77, Comm: "rpc"}, WakerContext: replay.WakerTask, WakerCPU: 2, PrevCPU: 2, RecordedCPU: 3,
		RecordedFrom: fact.Observed, Selection: true, SelectionKnown: true, Isolated: true, IsolatedKnown: true, Moved: replay.MovedCertain,
		Original: placed(3, 2, place.PathIdleSMT), Patched: placed(2, 2, place.PathTarget),
	}, Path: place.PathIdleSMT}
	c := &replay.CPUResult{
		CPU: 3, Owner: &owner, OwnerFrom: fact.Observed, Time: map[replay.Class]int64{replay.ClassForeign: 80_000_000, replay.ClassIdle: 1_000_000_000},
		Stays: []*replay.Stay{st},
	}
	waits := &c.Waits[replay.SchDelay]
	for i := range int64(100) {
		waits.Add(20_000+100*i, 20_000+100*i, 10_600_000_000, false, nil)
	}
	waits.Add(4_000_000, 4_000_000, 10_700_000_000, true, nil)
	res.CPUs, res.Focus = []*replay.CPUResult{c}, []int{3}
	return res, st, c
}

// verdictCases are results whose verdict is read by people and kept as golden.
func verdictCases() []struct {
	name string
	res  *replay.Result
} {
	var out []struct {
		name string
		res  *replay.Result
	}
	add := func(name string, change func(*replay.Result, *replay.Stay, *replay.CPUResult)) {
		res, st, c := small()
		change(res, st, c)
		out = append(out, struct {
			name string
			res  *replay.Result
		}{name, res})
	}
	add("one entry, gone with the fix", func(*replay.Result, *replay.Stay, *replay.CPUResult) {})
	add("woken in a softirq over a task", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.WakerContext = replay.WakerSoftirq
	})
	add("woken on an idle CPU", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.WakerContext, s.Entry.Waker = replay.WakerIdle, replay.TaskRef{PID: 0, Comm: "swapper/2"}
	})
	add("waker unknown", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.WakerContext = replay.WakerUnknown
	})
	add("a fork", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.Kind, s.Entry.Original.Path = place.KindWakeupNew, place.PathSlow
	})
	add("no waking after the entry", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Wakings, s.Selections, s.StayedPut, s.Runs, s.RunNS = 0, 0, 0, 1, 640
	})
	add("runs cut by the edge", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) { s.CutRuns = 1 })
	add("some remains", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.PatchedRunNS, s.PatchedRunMaxNS, s.PatchedCertain, s.PatchedPossible = 10_000_000, 30_000_000, 2, 3
	})
	add("patched possible only", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.PatchedRunMaxNS, s.PatchedPossible = s.RunNS, 11
		s.Entry.Moved = replay.MovedPossible
		s.Entry.Patched.Possible = cpumask.Of(2, 3)
	})
	add("all of it remains", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.PatchedRunNS, s.PatchedRunMaxNS, s.PatchedCertain = s.RunNS, s.RunNS, 11
		s.Entry.Moved, s.Entry.Patched = replay.MovedNo, s.Entry.Original
	})
	add("the same kernel twice", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) { r.Patched = r.Original })
	add("the core scan's leak", func(r *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		r.Original, r.Patched = mustKernel("6.1.0"), mustKernel("6.1.0+core-span")
		s.Entry.Original.Path = place.PathIdleCore
	})
	add("recent_used_cpu", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.Original.Path = place.PathRecentUsed
	})
	add("a real-time task", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.Original.Path = place.PathRT
	})
	add("the model misses the entry", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.ModelMiss = true
		s.Entry.Original = placed(2, 2, place.PathTarget)
	})
	add("the entry is possible, not likely", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.Entry.Original = placed(2, 2, place.PathTarget)
		s.Entry.Original.Possible = cpumask.Of(2, 3)
	})
	add("topology unknown", func(r *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		r.Host = &parser.Host{}
		s.Entry.Original, s.Entry.Patched = replay.Placed{CPU: -1, Prev: -1}, replay.Placed{CPU: -1, Prev: -1}
		s.Entry.Moved = replay.MovedPossible
		s.PatchedRunMaxNS, s.PatchedPossible = s.RunNS, 11
		r.Fidelity = replay.Fidelity{Decisions: 90, Unjudged: 90}
	})
	add("moved by the balancer", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.How, s.Entry, s.Wakings, s.Selections, s.StayedPut = replay.CameByMigration, nil, 0, 0, 0
		s.PatchedRunNS, s.PatchedRunMaxNS = s.RunNS, s.RunNS
	})
	add("moved by the balancer, then woken there", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.How, s.Entry = replay.CameByMigration, nil
		s.PatchedRunNS, s.PatchedRunMaxNS, s.PatchedCertain = s.RunNS, s.RunNS, 10
	})
	add("way in unseen", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		s.How, s.Entry, s.FromCPU = replay.CameUnseen, nil, -1
		s.PatchedRunNS, s.PatchedRunMaxNS, s.PatchedCertain = s.RunNS, s.RunNS, 10
	})
	add("residents only", func(_ *replay.Result, s *replay.Stay, c *replay.CPUResult) {
		s.How, s.Entry = replay.CameBefore, nil
		s.PatchedRunNS, s.PatchedRunMaxNS, s.PatchedCertain = s.RunNS, s.RunNS, 10
		two := *s
		two.Task, two.RunNS, two.PatchedRunNS, two.PatchedRunMaxNS = replay.TaskRef{PID: 15, Comm: "rcu_sched"}, 1_000_000, 1_000_000, 1_000_000
		c.Stays = append(c.Stays, &two)
	})
	add("an entry and a resident", func(_ *replay.Result, s *replay.Stay, c *replay.CPUResult) {
		two := *s
		two.How, two.Entry, two.Task, two.RunNS, two.PatchedRunNS, two.PatchedRunMaxNS = replay.CameBefore, nil, replay.TaskRef{PID: 15, Comm: "rcu_sched"}, 1_000_000, 1_000_000, 1_000_000
		c.Stays = append(c.Stays, &two)
	})
	add("several stays of several tasks", func(_ *replay.Result, s *replay.Stay, c *replay.CPUResult) {
		for i := range 5 {
			two := *s
			two.Task, two.RunNS, two.Left = replay.TaskRef{PID: int32(300 + i), Comm: fmt.Sprintf("kworker/u%d:0", i)}, int64(i)*1_000_000, 11_000_000_000
			c.Stays = append(c.Stays, &two)
		}
	})
	add("several CPUs", func(r *replay.Result, s *replay.Stay, c *replay.CPUResult) {
		r.Isolated = fact.Seen(cpumask.Range(3, 7), "--isolated")
		for cpu := 4; cpu < 8; cpu++ {
			other := &replay.CPUResult{CPU: cpu, Time: map[replay.Class]int64{}}
			if cpu == 6 {
				two := *s
				two.CPU, two.RunNS = 6, 200_000_000
				other.Stays = []*replay.Stay{&two}
			}
			r.CPUs = append(r.CPUs, other)
		}
	})
	add("three kernels", func(r *replay.Result, s *replay.Stay, _ *replay.CPUResult) {
		third := mustKernel("5.10.1")
		r.Alternatives = make([]replay.AlternativeResult, 2)
		r.Alternatives[0].Kernel, r.Alternatives[1].Kernel = r.Patched, third
		s.More = []replay.Remains{{Kernel: third.Name, Certain: 3, Possible: 2, RunNS: 20_000_000, RunMaxNS: 70_000_000}}
	})
	add("the kernel has the fix", func(r *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		r.Baseline, r.Settled.Fix = replay.RolePatched, replay.FixPresent
		r.Alternatives = make([]replay.AlternativeResult, 1)
		r.Alternatives[0].Holds = []replay.Hold{{CPU: 3, Entries: 2, EntriesPossible: 1, HeldNS: 5_000_000}}
		c.Stays = nil
	})
	add("a model that fits badly", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) { r.Fidelity.Exact = 4000 })
	add("no owner", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		c.Owner, c.Waits = nil, [replay.WaitKinds]replay.Waits{}
	})
	add("several pollers", func(r *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		pinned := func(pid int32, comm string, share int64) replay.OtherTask {
			return replay.OtherTask{Task: replay.TaskRef{PID: pid, Comm: comm}, Class: replay.ClassPinned, RunNS: (r.End - r.Start) * share / 100}
		}
		c.Others = []replay.OtherTask{pinned(801, "pmd-d", 20), pinned(802, "pmd-e", 30), pinned(803, "stats", 9)}
	})
	add("owner never woken", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		c.Waits = [replay.WaitKinds]replay.Waits{}
	})
	gaps := func(c *replay.CPUResult) {
		c.Waits = [replay.WaitKinds]replay.Waits{}
		c.Time[replay.ClassOwner], c.Time[replay.ClassIdle] = 1_919_000_000, 0
		for i := range int64(12) {
			c.Waits[replay.OffCPUGap].Add(6_000_000+100_000*i, 0, 10_500_000_000+i*100_000_000, true, nil)
		}
	}
	add("owner never sleeps", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		gaps(c)
		c.Waits[replay.OffCPUGap].Add(40_000, 40_000, 10_100_000_000, false, nil)
	})
	add("owner never sleeps, intruders only", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) { gaps(c) })
	add("owner sleeps and is preempted", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		c.Waits[replay.OffCPUGap].Add(40_000, 40_000, 10_100_000_000, false, nil)
	})
	add("nobody came", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		c.Stays, c.Waits[replay.SchDelay].Intruded = nil, nil
	})
	add("nobody came, with gaps", func(_ *replay.Result, _ *replay.Stay, c *replay.CPUResult) {
		c.Stays, c.Waits[replay.SchDelay].Intruded = nil, nil
		c.Time[replay.ClassUnknown] = 12_000_000
	})
	add("isolation unknown", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) {
		r.Isolated, r.CPUs, r.Focus = fact.Fact[cpumask.Mask]{}, nil, nil
		r.Moved, r.MovedCertain = []replay.MovedTask{{Task: pong, Certain: 1, Within: 1}}, 1
	})
	add("nothing isolated", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) {
		r.Isolated, r.CPUs, r.Focus = fact.Seen(cpumask.Mask{}, "/proc/cmdline"), nil, nil
	})
	add("looked at a CPU that is not isolated", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) { r.CPUs, r.Focus = nil, nil })
	add("no decision", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) { r.Fidelity = replay.Fidelity{} })
	add("kernel assumed", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) { r.KernelsFrom = fact.Assumed })
	add("placed without a run", func(_ *replay.Result, s *replay.Stay, _ *replay.CPUResult) { s.Runs, s.RunNS = 0, 0 })
	add("truncated", func(r *replay.Result, _ *replay.Stay, _ *replay.CPUResult) {
		r.Partial = &parser.Error{File: "/home/me/x.gz", Format: "ftrace", Line: 12, Err: errors.New("cut short")}
	})
	return out
}

// The golden file holds the first case whole, of the others the lines that
// differ from it.
func TestVerdict(t *testing.T) {
	var base []string
	for i, c := range verdictCases() {
		var lines []string
		all := findings.Of(c.res)
		for _, f := range say.Verdict(all) {
			lines = append(lines, f.Label+": "+say.Plain(f.Text))
		}
		for _, s := range append(say.Brief(all), say.Warnings(all)...) {
			lines = append(lines, "> "+say.Plain(s))
		}
		for _, k := range say.Tiles(all) {
			lines = append(lines, fmt.Sprintf("= %s: %s (%s)", k.Label, say.Plain(k.Value), say.Plain(k.Note)))
		}
		if i == 0 {
			base = lines
		}
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			for _, l := range lines {
				if i == 0 || !slices.Contains(base, l) {
					b.WriteString(l + "\n")
				}
			}
			golden(t, "verdict.txtar", c.name, []byte(b.String()))
			if strings.Contains(b.String(), "..") || strings.Contains(b.String(), "  ") || strings.Contains(b.String(), "%!") {
				t.Errorf("sloppy text:\n%s", b.String())
			}
		})
	}
}

// A task that an interrupt was over did not do the waking, and is not said to
// have.
func TestInterruptedTaskIsNotBlamed(t *testing.T) {
	for _, c := range []replay.WakerContext{replay.WakerSoftirq, replay.WakerHardirq, replay.WakerIdle, replay.WakerUnknown} {
		_, st, _ := small()
		st.Entry.WakerContext = c
		if got := say.Plain(say.WakingWords(st.Entry)); strings.Contains(got, "by rpc") {
			t.Errorf("%s: %s", c, got)
		}
	}
}

// Whatever tasks are called, the sentences are those of tasks with other names, and the
// names are whole in them.
func TestVerdictOfPhrases(t *testing.T) {
	phrases := []string{"bingoes", ": compared are", "goes to CPU 2", "a, b and c", "pid 7)", "This is at most", "x. Y", "%s", "of 71: no", "its prev_cpu"}
	said := func(res *replay.Result, names map[string]string) string {
		rename := func(r *replay.TaskRef) {
			if n, ok := names[r.Comm]; ok {
				r.Comm = n
			}
		}
		for _, c := range res.CPUs {
			if c.Owner != nil {
				rename(c.Owner)
			}
			for _, s := range c.Stays {
				rename(&s.Task)
				if s.Entry != nil {
					rename(&s.Entry.Task)
					rename(&s.Entry.Waker)
				}
			}
		}
		all := findings.Of(res)
		lines := append(say.Brief(all), say.Warnings(all)...)
		for _, p := range say.Verdict(all) {
			lines = append(lines, p.Label+": "+p.Text)
		}
		for _, x := range say.Tiles(all) {
			lines = append(lines, x.Label+x.Value+x.Note)
		}
		return say.Plain(strings.Join(lines, "\n"))
	}
	if testing.Short() {
		phrases = phrases[:3]
	}
	for turn, phrase := range phrases {
		other := phrases[(turn+1)%len(phrases)]
		for i, c := range verdictCases() {
			want := strings.NewReplacer("QZONE", phrase, "QZTWO", other).Replace(said(c.res, map[string]string{"ksmd": "QZONE", "dpdk-rx": "QZTWO", "rpc": "QZONE"}))
			got := said(verdictCases()[i].res, map[string]string{"ksmd": phrase, "dpdk-rx": other, "rpc": phrase})
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s with tasks %q and %q (-want +got):\n%s", c.name, phrase, other, d)
			}
		}
	}
}
