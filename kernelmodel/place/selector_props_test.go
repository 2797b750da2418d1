package place

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// scene is a machine, a kernel, a state and a wakeup drawn at random.
type scene struct {
	kernel          string
	rules           *rules.Rules
	m               *topo.Machine
	n               int
	isolated, later cpumask.Mask
	topology        topo.Topology
	st              *fakeState
	w               *Wakeup
}

// propKernels has every row and the forms between that point releases and
// fixes make.
var propKernels = func() []string {
	names := []string{"6.1.82+smt-span", "6.1.83", "6.8.2-smt-span", "6.12-core-span", "6.12-recent-used-mask", "5.10-smt-span", "4.19+housekeeping-any", "5.15.153", "6.12.37"}
	for _, r := range rules.Rows() {
		names = append(names, r.Name())
	}
	return names
}()

func drawMachine(t *rapid.T) topo.Topology {
	n := rapid.IntRange(1, 2)
	s := topo.Regular{
		Nodes: n.Draw(t, "nodes"), Packages: 1, LLCs: n.Draw(t, "llcs"), Cores: rapid.IntRange(1, 3).Draw(t, "cores"),
		Threads: rapid.IntRange(1, 3).Draw(t, "threads"), Interleaved: rapid.Bool().Draw(t, "interleaved"),
	}
	m := s.Topology()
	if rapid.Bool().Draw(t, "clusters") {
		for c := range m.CPU {
			m.CPU[c].Cluster = m.CPU[c].LLC.And(cpumask.Range(c/4*4, c/4*4+3)).Or(m.CPU[c].SMT)
		}
	}
	if off := randomMask(t, len(m.CPU), "offline"); rapid.IntRange(0, 3).Draw(t, "hotplug") == 0 && !m.Online.SubsetOf(off) {
		m.Possible, m.Online = m.Online, m.Online.AndNot(off)
	}
	return m
}

func drawAnswer(t *rapid.T, open bool, label string) explore.Answer {
	v := rapid.Bool().Draw(t, label)
	if open && rapid.IntRange(0, 2).Draw(t, label+"?") == 0 {
		return explore.Either(v, fact.Unknown)
	}
	return explore.Known(v, fact.Observed)
}

func drawRange(t *rapid.T, open bool, hi int64, label string) explore.Range {
	v := rapid.Int64Range(0, hi).Draw(t, label)
	if open && rapid.IntRange(0, 2).Draw(t, label+"?") == 0 {
		return explore.Range{Lo: rapid.Int64Range(0, v).Draw(t, label+" lo"), Best: v, Hi: rapid.Int64Range(v, hi).Draw(t, label+" hi"), From: fact.Estimated}
	}
	return exactly(v)
}

// drawScene draws everything; open allows facts that are not known.
func drawScene(t *rapid.T, open bool) *scene {
	s := &scene{kernel: rapid.SampledFrom(propKernels).Draw(t, "kernel")}
	k, err := rules.ParseKernel(s.kernel, "")
	if err != nil {
		t.Fatal(err)
	}
	s.rules = &k.Rules
	top := drawMachine(t)
	s.n, s.topology = len(top.CPU), top
	s.isolated = randomMask(t, s.n-1, "isolated").And(top.Online)
	s.later = randomMask(t, s.n-1, "later").And(s.isolated)
	s.m = machineFor(top, s.kernel, s.isolated, s.later)
	s.st = newFakeState(s.n)
	budget := drawRange(t, open, int64(s.n), "budget")
	cores := map[int]explore.Answer{}
	for c := range s.n {
		f := &s.st.cpu[c]
		f.idle = drawAnswer(t, open, "idle")
		f.schedIdle = explore.Known(!f.idle.Value && rapid.IntRange(0, 4).Draw(t, "sched idle") == 0, fact.Observed)
		f.nr = drawRange(t, open, 3, "nr")
		f.runnable = f.nr
		f.load, f.util = drawRange(t, open, 2048, "load"), drawRange(t, open, 1024, "util")
		f.runAvg, f.capacity = exactly(f.util.Best), exactly(int64(rapid.IntRange(512, 1024).Draw(t, "capacity")))
		f.prio = exactly(int64(rapid.SampledFrom([]int{-1, 10, 50, 60, 120, 140}).Draw(t, "cpu prio")))
		f.budget = budget
		l := s.m.LLC(c)
		if _, ok := cores[l]; !ok {
			cores[l] = drawAnswer(t, open, "has_idle_cores")
		}
		f.hasIdleCores = cores[l]
	}
	cpu := func(label string) int { return rapid.SampledFrom(top.Online.Slice()).Draw(t, label) }
	w := wakeupOf(s.n, cpu("this"), cpu("prev"))
	w.Kind = rapid.SampledFrom([]Kind{KindWakeup, KindWakeup, KindWakeup, KindWakeupNew, KindExec}).Draw(t, "kind")
	w.Prio = rapid.SampledFrom([]int{120, 120, 120, 120, 139, 50, -1}).Draw(t, "prio")
	if rapid.Bool().Draw(t, "narrow") {
		w.Allowed = randomMask(t, s.n-1, "allowed")
	}
	w.OneCPU = explore.Known(w.Allowed.Weight() == 1, fact.Observed)
	w.Sync, w.InTask, w.Cur.PerCPUKthread = drawAnswer(t, open, "sync"), drawAnswer(t, open, "in task"), drawAnswer(t, open, "kthread")
	w.OnCPU = explore.Known(rapid.IntRange(0, 9).Draw(t, "on cpu") == 0, fact.Observed)
	w.ThisIsPrev = rapid.IntRange(0, 9).Draw(t, "own timer") == 0
	flips := rapid.SampledFrom([]int64{0, 1, 3, 9, 1000})
	w.Cur.Flips, w.Flips = []Weighted{{flips.Draw(t, "waker's flips"), 1}}, []Weighted{{flips.Draw(t, "flips"), 1}}
	w.Load, w.Cur.Load = drawRange(t, open, 1024, "task load"), drawRange(t, open, 1024, "waker load")
	w.RecentUsed = []int{cpu("recent")}
	if open {
		if rapid.IntRange(0, 3).Draw(t, "recent?") == 0 {
			w.RecentUsed = nil
		}
		if rapid.IntRange(0, 3).Draw(t, "flips?") == 0 {
			w.Flips = nil
		}
		if rapid.IntRange(0, 3).Draw(t, "prev?") == 0 {
			if c := cpu("other prev"); c != w.Prev[0] {
				w.Prev = append(w.Prev, c)
			}
		}
	}
	s.w = w
	return s
}

func (s *scene) String() string {
	out := fmt.Sprintf("%s, %d CPUs, isolated %s (later %s), this %d, prev %v, allowed %s, kind %d, prio %d, recent %v\n", s.kernel, s.n, s.isolated, s.later,
		s.w.This, s.w.Prev, s.w.Allowed, s.w.Kind, s.w.Prio, s.w.RecentUsed)
	for c := range s.n {
		f := s.st.cpu[c]
		out += fmt.Sprintf("  %d: LLC %d id %d, smt %s, idle %+v sidle %v nr %v cores %+v budget %v\n", c, s.m.LLC(c), s.m.Domains().CPU[c].LLCID, s.m.SMT(c), f.idle, f.schedIdle.Value, f.nr, f.hasIdleCores, f.budget)
	}
	return out
}

// explore runs the scene's wakeup; many is enough for nearly every scene.
const many = 4096

func (s *scene) explore(limit int) ([]Outcome, bool) {
	w := *s.w
	return exploreOn(s.m, s.rules, s.st, &w, limit)
}

func (s *scene) widest() cpumask.Mask {
	sel := Selector{Rules: s.rules, Machine: s.m, State: s.st}
	return sel.Widest(s.w)
}

// Runs that go on from where the run before them had come lead to what they lead to from
// their beginning, which they are made from where each test is told.
func TestRunsGoOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, true)
		explored := func(trace func(Step)) (runs []Outcome, parts rules.Parts) {
			w, x := *s.w, explore.Explorer{}
			sel := Selector{Rules: s.rules, Machine: s.m, State: s.st, Trace: trace}
			x.Explore(256, func() { runs = append(runs, *sel.Select(&x, &w)) })
			return runs, sel.Parts
		}
		runs, parts := explored(nil)
		want, all := explored(func(Step) {})
		if !slices.Equal(runs, want) || parts != all {
			t.Fatalf("%+v of %b, want %+v of %b\n%s", runs, parts, want, all, s)
		}
	})
}

// Whatever is known: a CPU selected is allowed and active, if any is.
func TestChoiceIsUsable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, rapid.Bool().Draw(t, "open"))
		usable := s.w.Allowed.And(s.m.Active())
		runs, _ := s.explore(64)
		for i := range runs {
			o := &runs[i]
			if o.CPU < 0 || o.CPU >= s.n {
				t.Fatalf("CPU %d by %s\n%s", o.CPU, o.Path, s)
			}
			if o.Selected() && o.Path != PathNotModelled && !usable.Empty() && !usable.Test(o.CPU) {
				t.Fatalf("CPU %d by %s is not usable\n%s", o.CPU, o.Path, s)
			}
		}
	})
}

// With both fixes nothing takes a task from a housekeeping CPU of its affinity
// to an isolated one, unless LLC id 0 is in play.
func TestFixedKernelsHoldIsolation(t *testing.T) {
	checked := 0
	hold := func(t *rapid.T) {
		s := drawScene(t, rapid.Bool().Draw(t, "open"))
		r := *s.rules
		r.SMTSpan, r.CoreSpan, r.RecentUsedMask, r.HousekeepingAny = true, true, true, false
		s.rules = &r
		id := func(c int) int { return s.m.Domains().CPU[c].LLCID }
		for _, c := range s.w.Prev {
			if s.isolated.Test(c) || !s.w.Allowed.Test(c) || id(c) == 0 && r.RecentUsed != rules.RecentUsedNone {
				return
			}
		}
		if !s.isolated.Test(s.w.This) && id(s.w.This) == 0 && r.RecentUsed != rules.RecentUsedNone {
			return
		}
		checked++
		runs, _ := s.explore(256)
		for i := range runs {
			if o := &runs[i]; s.isolated.Test(o.CPU) {
				t.Fatalf("enters %d by %s\n%s", o.CPU, o.Path, s)
			}
		}
	}
	for tries := 0; tries < 10 && checked == 0; tries++ { // with -short 20 scenes may all have nothing to check
		rapid.Check(t, hold)
	}
	if checked == 0 {
		t.Error("no scene had anything to check")
	}
}

// The kernels differ by their span tests only where a core has threads inside
// and outside the domain.
func TestKernelsAgreeWithoutIsolatedSiblings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, rapid.Bool().Draw(t, "open"))
		for l := range s.m.NumLLC() {
			if !s.m.LLCCores(l).Equal(s.m.LLCSpan(l)) {
				return
			}
		}
		a, b := *s.rules, *s.rules
		a.SMTSpan, a.CoreSpan, b.SMTSpan, b.CoreSpan = false, false, true, true
		original, patched := Selector{Rules: &a, Machine: s.m, State: s.st}, Selector{Rules: &b, Machine: s.m, State: s.st, Index: 1}
		var x explore.Explorer
		x.Explore(64, func() {
			if o, p := original.Select(&x, s.w), patched.Select(&x, s.w); o.CPU != p.CPU || o.Path != p.Path {
				t.Fatalf("%d by %s against %d by %s\n%s", o.CPU, o.Path, p.CPU, p.Path, s)
			}
		})
	})
}

// forget makes one fact of a scene unknown, its preferred value unchanged.
func forget(t *rapid.T, s *scene) string {
	f := &s.st.cpu[rapid.IntRange(0, s.n-1).Draw(t, "which CPU")]
	w := s.w
	open := func(a *explore.Answer) { *a = explore.Either(a.Value, fact.Unknown) }
	widen := func(r *explore.Range) { *r = explore.Range{Best: r.Best, Hi: 1 << 20, From: fact.Unknown} }
	facts := []string{"idle", "nr", "load", "budget", "cores", "prio", "sync", "task", "kthread", "flips", "recent", "task load", "on rq", "on cpu"}
	what := rapid.SampledFrom(facts).Draw(t, "fact")
	switch what {
	case "idle":
		open(&f.idle)
	case "nr":
		widen(&f.nr)
		widen(&f.runnable)
	case "load":
		widen(&f.load)
	case "budget":
		for c := range s.st.cpu {
			widen(&s.st.cpu[c].budget)
		}
	case "cores":
		l := s.m.LLC(rapid.IntRange(0, s.n-1).Draw(t, "which LLC"))
		for c := range s.st.cpu {
			if s.m.LLC(c) == l {
				open(&s.st.cpu[c].hasIdleCores)
			}
		}
	case "prio":
		f.prio = explore.Range{Lo: -1, Best: f.prio.Best, Hi: 140, From: fact.Unknown}
	case "sync":
		open(&w.Sync)
	case "task":
		open(&w.InTask)
	case "kthread":
		open(&w.Cur.PerCPUKthread)
	case "flips":
		w.Flips = nil
	case "recent":
		w.RecentUsed = nil
	case "task load":
		widen(&w.Load)
		widen(&w.Cur.Load)
	case "on rq":
		open(&w.OnRq)
	case "on cpu":
		open(&w.OnCPU)
	}
	return what
}

// Knowing less never rules an outcome out: what was possible stays in the set,
// and the widest set holds all of it.
func TestForgettingWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, rapid.Bool().Draw(t, "open"))
		before, complete := s.explore(many)
		known := cpusOf(before)
		if !complete {
			return
		}
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			what := forget(t, s)
			runs, complete := s.explore(many)
			now := cpusOf(runs)
			if modelled(before) && modelled(runs) {
				if wide := s.widest(); !now.SubsetOf(wide) {
					t.Fatalf("outcomes %s are outside the widest set %s\n%s", now, wide, s)
				} else if !complete {
					now = now.Or(wide)
				}
				if !known.SubsetOf(now) {
					t.Fatalf("without %q: %s, before: %s\n%s", what, now, known, s)
				}
			}
			if !complete {
				return
			}
			known = now
		}
	})
}

// modelled tells outcomes that mean something from those that don't.
func modelled(runs []Outcome) bool {
	return !slices.ContainsFunc(runs, func(o Outcome) bool { return o.Path == PathNotModelled })
}

// The first run takes every preferred answer: it is the run of the state in
// which those are known.
func TestFirstRunIsPreferred(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, true)
		if s.w.Kind != KindWakeup || s.w.Prio < MaxRTPrio {
			return
		}
		runs, _ := s.explore(1)
		certain, w := s.st.clone(), *s.w
		sure := func(a *explore.Answer) { a.Open = false }
		best := func(r *explore.Range) { r.Lo, r.Hi = r.Best, r.Best }
		for c := range certain.cpu {
			f := &certain.cpu[c]
			sure(&f.idle)
			sure(&f.hasIdleCores)
			for _, r := range []*explore.Range{&f.nr, &f.runnable, &f.load, &f.util, &f.budget} {
				best(r)
			}
		}
		for _, a := range []*explore.Answer{&w.Sync, &w.InTask, &w.Cur.PerCPUKthread} {
			sure(a)
		}
		best(&w.Load)
		best(&w.Cur.Load)
		w.Prev = w.Prev[:1]
		if w.RecentUsed == nil {
			w.RecentUsed = []int{w.Prev[0]} // of no use: the preferred answer
		}
		if w.Flips == nil {
			w.Flips, w.Cur.Flips = []Weighted{{0, 1}}, []Weighted{{0, 1}}
			if s.m.LLCSize(s.w.This) == 0 {
				return // wide whatever the flips are
			}
		}
		if o := selectOn(s.m, s.rules, certain, &w); o.CPU != runs[0].CPU || o.Path != runs[0].Path {
			t.Fatalf("first %d by %s, preferred %d by %s\n%s", runs[0].CPU, runs[0].Path, o.CPU, o.Path, s)
		}
	})
}

// What the outcome says of the budget is true of it: the same decision with a
// budget inside the bounds is the same, and just outside it differs or proves
// nothing new.
func TestBudgetProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, false)
		if s.w.Kind != KindWakeup || s.w.Prio < MaxRTPrio {
			return
		}
		at := func(b int64) Outcome {
			w := *s.w
			return selectOn(s.m, s.rules, s.st.clone().scans(exactly(b)), &w)
		}
		b := s.st.cpu[0].budget.Best
		o := at(b)
		hi := o.BudgetHi
		if hi < 0 {
			hi = math.MaxInt32
		}
		if b < o.BudgetLo || b > hi {
			t.Fatalf("budget %d is not within the proven %d to %d\n%s", b, o.BudgetLo, hi, s)
		}
		for _, in := range []int64{o.BudgetLo, min(hi, o.BudgetLo+int64(s.n)+2)} {
			if p := at(in); p.CPU != o.CPU || p.Path != o.Path {
				t.Fatalf("budget %d gives %d by %s, %d inside %d to %d gives %d by %s\n%s", b, o.CPU, o.Path, in, o.BudgetLo, hi, p.CPU, p.Path, s)
			}
		}
	})
}

// A kernel of which it is not known which fixes it has is every kernel it may
// be, and the widest set covers the leaky ones.
func TestVariants(t *testing.T) {
	k, err := rules.ParseKernel("6.1.0-18-amd64", "")
	if err != nil {
		t.Fatal(err)
	}
	v := k.Variants()
	m, st := machineA("6.1"), newFakeState(8).idle(4)
	s := Selector{Variants: v, Machine: m, State: st}
	w := wakeupOf(8, 0, 0)
	var x explore.Explorer
	var got []int
	complete := x.Explore(64, func() { got = append(got, s.Select(&x, w).CPU) })
	if !complete || !slices.Contains(got, 4) || !slices.Contains(got, 0) || len(got) != 8 {
		t.Errorf("CPUs %v", got)
	}
	for _, r := range v {
		s.Rules = r
		if !s.Widest(w).Test(4) {
			t.Errorf("the widest set forgets the leak after a run of %+v", *r)
		}
	}
}

func randomMask(t *rapid.T, n int, label string) cpumask.Mask {
	return cpumask.Of(rapid.SliceOfN(rapid.IntRange(0, n), 0, 6).Draw(t, label)...)
}

// On machines that look the same to a selection a kernel does the same, whosever domains
// they have.
func TestPlacesAs(t *testing.T) {
	alike := 0
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, true)
		other := rapid.SampledFrom(propKernels).Draw(t, "other")
		m := machineFor(s.topology, other, s.isolated, s.later)
		if !s.m.PlacesAs(m) {
			return
		}
		if s.m != m && !reflect.DeepEqual(s.m, m) {
			alike++
		}
		want, wholly := s.explore(many)
		w := *s.w
		if got, all := exploreOn(m, s.rules, s.st, &w, many); all != wholly || !slices.Equal(got, want) {
			t.Fatalf("%s has %v, and on the domains of %s %v\n%s", s.kernel, want, other, got, s)
		}
	})
	if alike == 0 && !testing.Short() { // of a fifth of the draws it may be none
		t.Error("no two machines look the same that are not")
	}
}

// Kernels that agree about the switches that the runs of one have read do the same.
func TestPartsTellAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, true)
		run := func(r *rules.Rules) (all []Outcome, parts rules.Parts) {
			var x explore.Explorer
			sel := Selector{Rules: r, Machine: s.m, State: s.st}
			x.Explore(16, func() {
				o := sel.Select(&x, s.w)
				o.From = 0 // hangs on what was asked in vain, too
				all = append(all, *o)
			})
			return all, sel.Parts
		}
		want, parts := run(s.rules)
		other, err := rules.ParseKernel(rapid.SampledFrom(propKernels).Draw(t, "other"), "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range reflect.TypeFor[rules.Rules]().NumField() {
			r := *s.rules
			f := reflect.ValueOf(&r).Elem().Field(i)
			if f.Kind() == reflect.Bool {
				f.SetBool(!f.Bool())
			} else {
				f.Set(reflect.ValueOf(other.Rules).Field(i))
			}
			if r.Only(parts) != s.rules.Only(parts) {
				continue
			}
			if got, _ := run(&r); !slices.Equal(got, want) {
				t.Fatalf("%s has %v, and with another %s %v\n%s", s.kernel, want, reflect.TypeFor[rules.Rules]().Field(i).Name, got, s)
			}
		}
	})
}
