package findings

import (
	"context"
	"fmt"
	"math"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/loop"
	"schedreplay/loop/work"
	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

// OtherKernel is the scenario that the open loop compares with, under the name of its role.
func OtherKernel(res *replay.Result) loop.Scenario {
	name, k := replay.RolePatched, res.Patched
	if res.Baseline == replay.RolePatched {
		name, k = replay.RoleOriginal, res.Original
	}
	return loop.Scenario{Name: string(name), Changes: []loop.Change{change("kernel", "", k.Name)}}
}

// CloseLoop takes the work of a capture that was replayed and runs it, as o says, under the
// recorded kernel and o's scenarios. The error wraps [loop.ErrScenario], [loop.ErrTooMuch],
// [work.ErrNoWork] or is the context's.
func CloseLoop(ctx context.Context, c parser.Capture, res *replay.Result, o loop.Options) (*loop.Result, error) {
	if online, ok := res.Host.Online.Get(); !res.Only.Empty() && (!ok || !online.SubsetOf(res.Only)) {
		return nil, fmt.Errorf("%w: it is limited to CPUs %s", work.ErrNoWork, res.Only)
	}
	p, err := work.Extract(c, res.Host)
	if err != nil {
		return nil, err
	}
	for _, c := range res.AffinityChanges {
		p.Rebind(c.Task.PID, c.From, c.Until, c.CPUs)
	}
	o.Kernel = res.BaselineKernel()
	return loop.Run(ctx, p, res.Host, o)
}

// Helped is what would have helped, by the closed loop: the other kernel and the remedies
// against the recorded kernel on the recorded machine.
type Helped struct {
	*Advice
	Loop *loop.Result
	// Other is the outcome under the other kernel.
	Other *loop.Outcome
	CPUs  []HelpedCPU
}

// HelpedCPU is an isolated CPU that foreign tasks held, or where interrupts took time from
// its owner or a CPU limit stops that, in the recording and in every scenario.
type HelpedCPU struct {
	CPU int
	// Owner is the owner's index in the program's tasks, -1 if it is not known, Kind the
	// kind of waits by which its latency is told.
	Owner int
	Kind  replay.WaitKind
	// Rows are the recording, the baseline and the scenarios.
	Rows []HelpedRow
	// Levels are the distributions of the owner's delays in the recording, the baseline and
	// under the other kernel; empty where it hardly wakes.
	Levels [3][]Level
}

// Understated is [Advice.Understated] of the CPU alone.
func (c *HelpedCPU) Understated() bool { return understated(c.Rows[0].Held, c.Rows[1].Held) }

// HelpedRow is one of them. Delay and OffCPU are the owner's.
type HelpedRow struct {
	Name          string
	Entries, Held loop.Band
	Delay         loop.Delays
	OffCPU        loop.Gaps
	// Taken is what interrupts took of the owner's time.
	Taken loop.Band
	// Worse counts the tasks that are surely worse off than in the baseline.
	Worse int
}

// mostLoop bounds the closed loop of a report, in happenings and balancings: about a second of
// CPU. fewestLoop is about the least that a run takes for each wakeup recorded.
const (
	mostLoop   = 4_600_000
	fewestLoop = 4
)

// HelpedBy runs the closed loop of a report: runs of each scenario, or, if that is 0, as many
// as keep a bound on the cost. It returns nil where no foreign task ran on an isolated CPU.
// Errors are those of [CloseLoop].
func HelpedBy(ctx context.Context, c parser.Capture, res *replay.Result, runs int, seed uint64) (*Helped, error) {
	return HelpedFrom(res, func(o loop.Options) (*loop.Result, error) {
		o.Runs, o.Seed = runs, seed
		if runs == 0 {
			o.Runs, o.Most = 32, mostLoop
			if res.Wakeups*fewestLoop*8 > mostLoop {
				return nil, loop.ErrTooMuch
			}
		}
		return CloseLoop(ctx, c, res, o)
	})
}

// HelpedFrom is [HelpedBy] with the loop as a function, which is given the scenarios and
// owners.
func HelpedFrom(res *replay.Result, run func(loop.Options) (*loop.Result, error)) (*Helped, error) {
	h := &Helped{Advice: AdviceOf(Of(res))}
	if !h.Intruded() && h.Scenarios() == nil {
		return nil, nil
	}
	other := OtherKernel(res)
	o := loop.Options{Scenarios: h.Scenarios(), Trace: true}
	at := slices.IndexFunc(o.Scenarios, func(s loop.Scenario) bool { return slices.Equal(s.Changes, other.Changes) })
	if at < 0 {
		at = len(o.Scenarios)
		o.Scenarios = append(o.Scenarios, other)
	}
	for _, k := range res.CPUs {
		if k.Owner != nil {
			o.Owners = append(o.Owners, k.Owner.PID)
		}
	}
	r, err := run(o)
	if err != nil {
		return nil, err
	}
	h.Loop, h.Other = r, &r.Outcomes[at+1]
	h.Other.Name = other.Name
	h.Judge(r)
	kinds := map[int]replay.WaitKind{}
	for _, c := range h.f.CPUs {
		kinds[c.CPU] = c.Kind()
	}
	for _, k := range res.CPUs {
		if k.Time[replay.ClassForeign] > 0 || h.noisy(k.CPU) || k.Owner != nil && h.limited[k.Owner.PID] != "" {
			c := h.cpu(k)
			c.Kind = kinds[k.CPU]
			h.CPUs = append(h.CPUs, c)
		}
	}
	return h, nil
}

// noisy reports whether interrupts or ticks on a CPU are what a remedy keeps away.
func (h *Helped) noisy(cpu int) bool {
	for _, c := range h.f.CPUs {
		if c.CPU != cpu || c.Noise == nil || c.Owner == nil {
			continue
		}
		for i := range c.Noise.Items {
			if h.keepsAway(c, &c.Noise.Items[i]) != noRemedy {
				return true
			}
		}
	}
	return false
}

func (h *Helped) cpu(k *replay.CPUResult) HelpedCPU {
	c := HelpedCPU{CPU: k.CPU, Owner: -1}
	if k.Owner != nil {
		c.Owner = h.Loop.Program.Find(k.Owner.PID)
	}
	row := func(o *loop.Outcome) *HelpedRow {
		r := HelpedRow{Name: o.Name}
		for i := range o.Isolated {
			if x := &o.Isolated[i]; x.CPU == k.CPU {
				r.Entries, r.Held = x.Entries, x.Held
			}
		}
		if c.Owner >= 0 {
			r.Delay, r.OffCPU, r.Taken = o.Tasks[c.Owner].Delay, o.Tasks[c.Owner].OffCPU, o.Tasks[c.Owner].Taken
		}
		c.Rows = append(c.Rows, r)
		return &c.Rows[len(c.Rows)-1]
	}
	row(&h.Loop.Recorded)
	for i := range h.Loop.Outcomes {
		o := &h.Loop.Outcomes[i]
		row(o).Worse = len(h.Loop.Worse(o))
	}
	if c.Owner >= 0 {
		for i, o := range []*loop.Outcome{&h.Loop.Recorded, &h.Loop.Outcomes[0], h.Other} {
			c.Levels[i] = levelsOf(&o.Tasks[c.Owner])
		}
	}
	return c
}

// levelsLeast is the number of wakings from which a distribution is one.
const levelsLeast = 20

// levelsOf takes the levels that the task's wakings reach.
func levelsOf(t *loop.TaskOutcome) []Level {
	var out []Level
	for i, share := range loop.CurveShares() {
		b := t.Curve[i]
		if t.Wakings.Mid < levelsLeast || !b.Known || (1-share)*float64(t.Wakings.Mid) < 1 {
			break
		}
		out = append(out, Level{-math.Log10(1 - share), stats.Interval{Value: float64(b.Mid), Low: float64(b.Lo), High: float64(b.Hi), Known: true}})
	}
	return out
}

// FirstRun is who ran on the CPUs of an isolated CPU's LLC in the first run of an outcome.
type FirstRun struct {
	// CPUs are the isolated CPU, its core, then the others of the LLC.
	CPUs []int
	// Slices are those on any CPU, with whose they are.
	Slices []FirstSlice
}

// FirstSlice is one of its slices.
type FirstSlice struct {
	loop.Slice
	Owner, Intruder bool
}

// FirstOf tells the slices of an outcome's first run as the isolated CPU sees them: its
// owner's, those of the tasks that intruded in the recording, others'.
func (h *Helped) FirstOf(o *loop.Outcome, res *replay.Result, c *HelpedCPU) FirstRun {
	intruder := map[int32]bool{}
	for _, t := range slices.Concat(h.Intruders, h.Workers, h.Bound, h.Pinned) {
		intruder[int32(h.Loop.Program.Find(t.PID))] = true
	}
	f := FirstRun{CPUs: []int{c.CPU}}
	if c.CPU < len(res.Host.CPU) {
		x := &res.Host.CPU[c.CPU]
		f.CPUs = append(f.CPUs, x.Siblings.AndNot(cpumask.Of(c.CPU)).Slice()...)
		f.CPUs = append(f.CPUs, x.LLC.AndNot(x.Siblings).AndNot(cpumask.Of(c.CPU)).Slice()...)
	}
	for _, s := range o.First {
		f.Slices = append(f.Slices, FirstSlice{s, int(s.Task) == c.Owner, intruder[s.Task]})
	}
	return f
}
