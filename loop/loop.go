// Package loop is the closed loop: it runs the work of a recording on a machine of its
// own, under the recorded kernel and under scenarios, and tells how long tasks would have
// waited and where they would have run.
//
// A run is a discrete-event simulation of the scheduler core by version: wakeups through
// the model's selectors, the fair class as CFS or EEVDF, real-time and stop tasks in
// order of priority, ticks, load tracking and load balancing. Nothing reads the recording
// but the work and the residuals. An ensemble of runs samples what the recording leaves
// open at the start, and every figure is a band over it.
//
// It is believed as far as [Trust] goes: the recorded kernel's runs against the recording.
// docs/closed-loop.md tells how it works and where it stops.
package loop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"

	"schedreplay/kernelmodel/fair"
	"schedreplay/kernelmodel/rules"
	"schedreplay/loop/outcome"
	"schedreplay/loop/scenario"
	"schedreplay/loop/work"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Options say what to run.
type Options struct {
	// Runs is the size of the ensemble, Seed its seed: the same gives the same.
	Runs int
	Seed uint64
	// Kernel made the recording.
	Kernel *rules.Kernel
	// Scenarios beside the baseline.
	Scenarios []Scenario
	// Most, if it is not 0, bounds what all runs together may cost, in happenings of the
	// simulation: Runs is lowered to keep it, and [ErrTooMuch] is returned where not even two
	// runs of each scenario do.
	Most int64
	// Owners are the pids whose delays are wanted as whole distributions.
	Owners []int32
	// Trace asks for [Outcome.First].
	Trace bool
}

// ErrTooMuch is returned where the runs would cost more than [Options.Most].
var ErrTooMuch = errors.New("too much for the bound on the cost of the closed loop")

// leastRuns is the least ensemble that is made within a bound.
const leastRuns = 2

// What comes of runs, so that who runs them needs one package.
type (
	// Band, Delays and Gaps are figures over the runs of an ensemble.
	Band   = outcome.Band
	Delays = outcome.Delays
	Gaps   = outcome.Gaps
	// Outcome is what a scenario comes to, TaskOutcome for a task and IsolatedOutcome on an
	// isolated CPU; Slice is a run of a task.
	Outcome         = outcome.Outcome
	TaskOutcome     = outcome.Task
	IsolatedOutcome = outcome.Isolated
	Slice           = outcome.Slice
	// Result is a comparison of scenarios, Trust the baseline against the recording.
	Result    = outcome.Result
	Trust     = outcome.Trust
	TaskTrust = outcome.TaskTrust
	Ratio     = outcome.Ratio
	Starts    = outcome.Starts
	// Change is one thing that a scenario changes, Scenario a machine and its tasks as they would be.
	Change   = outcome.Change
	Scenario = scenario.Scenario
)

// ErrScenario is wrapped by errors about scenarios that make no sense or are not modelled.
var ErrScenario = scenario.Err

// ParseScenario is [scenario.Parse].
func ParseScenario(s string) (Scenario, error) { return scenario.Parse(s) }

// ReadScenarios is [scenario.Read].
func ReadScenarios(r io.Reader) ([]Scenario, error) { return scenario.Read(r) }

// The bounds within which the loop is to be believed, the wakings from which a task is judged, and
// the runs that it takes to tell who is worse off.
const (
	BoundP50, BoundP90, BoundP99 = outcome.BoundP50, outcome.BoundP90, outcome.BoundP99
	BoundPlace, BoundMoves       = outcome.BoundPlace, outcome.BoundMoves
	TrustLeast                   = outcome.TrustLeast
	WorseRuns                    = outcome.WorseRuns
)

// CurveShares is [outcome.CurveShares].
func CurveShares() []float64 { return outcome.CurveShares() }

// Run runs the work under the baseline and the scenarios. The host is the recorded one;
// its topology has to be known. The error wraps [ErrScenario], [work.ErrNoWork] or is the
// context's.
func Run(ctx context.Context, p *work.Program, h *parser.Host, o Options) (*Result, error) {
	base := newBase(p, h, o.Kernel)
	if base == nil {
		return nil, fmt.Errorf("%w: the topology of its machine is not known", work.ErrNoWork)
	}
	base.owners = map[int32]bool{}
	for _, pid := range o.Owners {
		base.owners[pid] = true
	}
	worlds := []*world{base}
	if err := base.calibrate(ctx); err != nil {
		return nil, err
	}
	for i := range o.Scenarios {
		w, err := apply(&o.Scenarios[i], p, h, base)
		if err != nil {
			return nil, err
		}
		worlds = append(worlds, w)
	}
	in := base.incident()
	if o.Most > 0 {
		o.Runs = int(min(int64(o.Runs), (o.Most-base.settled)*work.Parts/max(1, base.cost*int64(work.Parts*len(worlds)+in.cost()))))
		if o.Runs < leastRuns {
			return nil, ErrTooMuch
		}
	}
	starts, drawn, err := base.starts(ctx, in, o.Runs, o.Seed)
	if err != nil {
		return nil, err
	}
	res := &Result{Runs: o.Runs, Seed: o.Seed, Program: p}
	recorded, tallies := make([]outcome.Summary, len(p.Tasks)), make([]*outcome.Tally, len(p.Tasks))
	for i := range p.Tasks {
		f := p.Tasks[i].Recorded
		f.Delay, f.Gap = slices.Clone(f.Delay), slices.Clone(f.Gap)
		recorded[i] = outcome.Summarize(&f, base.owners[p.Tasks[i].PID])
		if f.Wakings >= TrustLeast {
			tallies[i] = outcome.NewTally(f.Delay)
		}
	}
	res.Recorded = base.ensemble().Outcome("recorded", nil, [][]outcome.Summary{recorded})
	for i, w := range worlds {
		if i > 0 {
			tallies = nil
		}
		all, first, err := w.runs(ctx, starts, o.Seed, tallies, o.Trace)
		if err != nil {
			return nil, err
		}
		name, changes := "baseline", []Change(nil)
		if i > 0 {
			name, changes = o.Scenarios[i-1].Name, o.Scenarios[i-1].Changes
		}
		out := w.ensemble().Outcome(name, changes, all)
		out.First = first
		res.Outcomes = append(res.Outcomes, out)
		if i == 0 {
			res.Trust = outcome.Judge(p, recorded, &res.Recorded, &res.Outcomes[0], all, tallies)
			res.Trust.Starts = drawn
			res.Trust.Autogroup = !p.GroupsKnown
		}
	}
	return res, nil
}

// each does something n times, on all cores, each with a run of its own to do it in.
func each(ctx context.Context, n int, do func(s *sim, i int)) error {
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			var s sim
			for i := range next {
				do(&s, i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
	return ctx.Err()
}

// runs makes an ensemble from its starts. Of each run a summary is kept; the delays of the
// tasks that have a tally are counted there. first is who ran where in the first of the
// runs, if that is wanted.
func (w *world) runs(ctx context.Context, starts []start, seed uint64, tallies []*outcome.Tally, trace bool) (out [][]outcome.Summary, first []Slice, err error) {
	out = make([][]outcome.Summary, len(starts))
	var counting sync.Mutex
	err = each(ctx, len(starts), func(s *sim, i int) {
		s.anew(w, seed, starts[i].draw)
		if i == 0 && trace {
			s.trace = &first
		}
		starts[i].begin(ctx, s, seed)
		s.run(ctx, w.prog.End)
		sums := make([]outcome.Summary, len(s.all))
		for j := range s.all {
			sums[j] = outcome.Summarize(&s.all[j].got, w.owners[s.all[j].w.PID])
		}
		out[i] = sums
		counting.Lock()
		defer counting.Unlock()
		for j, t := range tallies {
			if t != nil {
				t.Add(s.all[j].got.Delay)
			}
		}
		if i == 0 {
			w.cost = int64(s.seq) + s.balances
		}
	})
	return out, first, err
}

// newBase is the world as recorded, nil where newWorld is.
func newBase(p *work.Program, h *parser.Host, k *rules.Kernel) *world {
	w := newWorld(p, h, k)
	if w != nil {
		w.res = newResiduals(p, w.tun.MinGranularity, w.share)
		w.takeInterrupts(p, nil)
	}
	return w
}

// newWorld is the recorded machine under a kernel, nil if its topology is not known.
func newWorld(p *work.Program, h *parser.Host, k *rules.Kernel) *world {
	w := &world{prog: p, kernel: k, m: replay.BuildMachine(h, k.Domains), random: k.Balance.Random, nohzFull: h.NohzFull.Value, pulls: 1 << 16, scanCost: 10_000, isolated: h.Isolated.Value}
	if w.m == nil {
		return nil
	}
	w.domains = domainsOf(w.m)
	hz := int64(defaultHZ)
	if v, ok := h.HZ.Get(); ok && v > 0 {
		hz = int64(v)
	}
	w.jiffy, w.hz = second/hz, hz
	w.tun = fair.CFSTunablesFor(p.CPUs)
	w.slice = fair.BaseSliceFor(p.CPUs, k.Fair.ShortSlice)
	for name, to := range map[string]*int64{
		"base_slice_ns": &w.slice, "latency_ns": &w.tun.Latency, "min_granularity_ns": &w.tun.MinGranularity, "wakeup_granularity_ns": &w.tun.WakeupGranularity,
	} {
		if v := h.Tunables[name]; v > 0 {
			*to = v
		}
	}
	if f, ok := h.Features.Get(); ok && slices.Contains(f, "NI_RANDOM") {
		w.random = true
	}
	w.preemptible = strings.Contains(h.Version.Value, "PREEMPT") // UTS_VERSION tells
	w.tunables, w.groups = h.Tunables, p.Groups
	w.rt = newRTLimit(w, w.tunables)
	w.tasks = make([]tasking, len(p.Tasks))
	for i := range p.Tasks {
		t := &p.Tasks[i]
		w.tasks[i] = tasking{allowed: t.Allowed, later: slices.Clone(t.Rebinds), idle: t.Policy == 5, batch: t.Policy == 3}
	}
	return w
}

// defaultHZ stands in where CONFIG_HZ is not known: what distributions build with.
const defaultHZ = 250

// newQueue is an empty fair queue of the world's kernel.
func (w *world) newQueue() fair.Queue {
	if w.kernel.Fair.EEVDF {
		return &fair.EEVDF{Slice: w.slice, Jiffy: w.jiffy, Delay: w.kernel.Rules.DelayDequeue, Rules: w.kernel.Fair}
	}
	return &fair.CFS{Tunables: w.tun, BaseSlice: w.kernel.Fair.BaseSlice}
}

// share is how long a task of a weight runs beside others until a tick takes its CPU at the
// latest: nr and load are all of them.
func (w *world) share(weight, nr, load int64) int64 {
	switch {
	case len(w.groups) > 1: // it may be their weights that let it
		return w.tun.Latency
	case w.kernel.Fair.EEVDF:
		return w.slice + w.jiffy
	}
	return w.tun.SchedSlice(weight, nr, load, w.kernel.Fair.BaseSlice) + w.jiffy
}

// calibrate settles what is in no event and costs time in the kernel, so that the baseline
// does what follows of it as often as the recording shows: what a scan for an idle CPU
// costs, where that limits scans (SIS_PROP), by the changes of CPU at wakeups; and the chance
// of newly idle balancing, which the kernel weighs against the CPU's idle time, by its pulls.
func (w *world) calibrate(ctx context.Context) error {
	want := [work.Causes]int64{}
	for i := range w.prog.Tasks {
		for c, n := range w.prog.Tasks[i].Recorded.Moves {
			want[c] += n
		}
	}
	const runs = 2
	for range 2 {
		got, err := w.moves(ctx, runs)
		switch {
		case err != nil:
			return err
		case got[work.MoveNewidle] > runs*want[work.MoveNewidle]:
			w.pulls = uint32(int64(w.pulls) * runs * want[work.MoveNewidle] / got[work.MoveNewidle])
			continue
		}
		break
	}
	if b := w.kernel.Rules.Budget; b != rules.BudgetAvgIdle && b != rules.BudgetWakeAvgIdle {
		return nil
	}
	// The dearer a scan, the fewer changes of CPU.
	costs := []int64{500, 2_000, 8_000, 32_000, 128_000}
	best, least := w.scanCost, int64(math.MaxInt64)
	for lo, hi := 0, len(costs)-1; lo <= hi; {
		mid := (lo + hi) / 2
		w.scanCost = costs[mid]
		got, err := w.moves(ctx, 1)
		if err != nil {
			return err
		}
		d := got[work.MoveWakeup] - want[work.MoveWakeup]
		if max(d, -d) < least {
			best, least = w.scanCost, max(d, -d)
		}
		if d > 0 {
			lo = mid + 1
		} else {
			hi = mid - 1
		}
	}
	w.scanCost = best
	return nil
}

// moves counts the changes of CPU in some runs.
func (w *world) moves(ctx context.Context, runs int) (n [work.Causes]int64, err error) {
	all, _, err := w.runs(ctx, []start{{draw: 0}, {draw: 1}}[:runs], 0, nil, false)
	if err != nil {
		return n, err
	}
	w.settled += int64(runs) * w.cost
	for _, f := range all {
		for i := range f {
			for c, k := range f[i].Moves {
				n[c] += k
			}
		}
	}
	return n, nil
}

// ensemble is what the outcome of its runs is made of.
func (w *world) ensemble() *outcome.Ensemble {
	return &outcome.Ensemble{Program: w.prog, Kernel: w.kernel.Name, Isolated: w.isolated, Foreign: w.foreign, Owners: w.owners}
}

// foreign reports whether a task is one on an isolated CPU: it may run elsewhere too, and
// did not make the recording. It is the recorded affinity that counts, the last where that
// changed in the window.
func (w *world) foreign(i int) bool {
	t := &w.prog.Tasks[i]
	return !t.Recorder && !t.Stop && !t.Last().SubsetOf(w.isolated)
}
