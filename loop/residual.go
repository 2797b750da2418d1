package loop

import (
	"cmp"
	"slices"
	"sort"

	"schedreplay/kernelmodel/load"
	"schedreplay/loop/work"
)

// residuals are delays that the recording shows and no model explains: how long a CPU
// took to leave idle or to give up its task once it was to. Every world uses the same
// ones, those nearest in time, so that worlds differ by the scheduler alone.
type residuals struct {
	exits           [][]work.Exit
	any             []work.Exit     // of all CPUs
	preempts        [][]work.Sample // by the task that gives up its CPU
	users, kthreads []work.Sample
	held            [][]work.Sample // by task: how much longer than it should it kept its CPU
}

// fewExits is below how many samples a CPU borrows those of the others.
const fewExits = 4

// newResiduals takes them from the work, as the recorded kernel did it. least is how long a task
// runs at least before a tick takes its CPU, most how long it may run beside others until one does.
func newResiduals(p *work.Program, least int64, most func(weight, nr, load int64) int64) *residuals {
	r := &residuals{exits: p.Exit, any: slices.Concat(p.Exit...)}
	slices.SortStableFunc(r.any, func(a, b work.Exit) int { return cmp.Compare(a.Time, b.Time) })
	r.preempts = make([][]work.Sample, len(p.Tasks))
	for _, e := range p.Preempt {
		if k := p.Tasks[e.Task].Kthread; !k && e.NS >= least {
			continue // a tick may have done it
		} else if k {
			r.kthreads = append(r.kthreads, e)
		} else {
			r.users = append(r.users, e)
		}
		r.preempts[e.Task] = append(r.preempts[e.Task], e)
	}
	r.held = make([][]work.Sample, len(p.Tasks))
	for _, e := range p.Held {
		// Where it blocked before a tick came, the tick was later than that.
		due := most(load.WeightOf(p.Tasks[e.Task].Steps[0].Prio), e.NR, e.Load)
		if e.Kept && e.NS <= due {
			continue
		}
		r.held[e.Task] = append(r.held[e.Task], work.Sample{Time: e.Time, NS: max(0, e.NS-due), Task: e.Task})
	}
	return r
}

// nearest is the sample nearest in time.
func nearest(all []work.Sample, now int64) int64 {
	i := sort.Search(len(all), func(i int) bool { return all[i].Time >= now })
	switch {
	case len(all) == 0:
		return 0
	case i == len(all) || i > 0 && now-all[i-1].Time < all[i].Time-now:
		i--
	}
	return all[i].NS
}

// nearExits is how many exits before a time, and how many after it, count as near.
const nearExits = 8

// nearestExit is, of the exits near in time, the nearest from an idleness as long.
func nearestExit(all []work.Exit, now int64, rested uint8) int64 {
	at := sort.Search(len(all), func(i int) bool { return all[i].Time >= now })
	near := all[max(0, at-nearExits):min(len(all), at+nearExits)]
	if len(near) == 0 {
		return 0
	}
	off := func(e work.Exit) (longer, away int64) {
		longer, away = int64(e.Rested)-int64(rested), e.Time-now
		return max(longer, -longer), max(away, -away)
	}
	return slices.MinFunc(near, func(a, b work.Exit) int {
		x, t := off(a)
		y, u := off(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(t, u))
	}).NS
}

// exit is how long a CPU takes to leave idle, in which it has been for some time. own is what the
// recording has for the very waking, work.None if it found the CPU busy.
func (r *residuals) exit(cpu int, now, idle, own int64) int64 {
	switch {
	case own != work.None:
		return own
	case cpu < len(r.exits) && len(r.exits[cpu]) >= fewExits:
		return nearestExit(r.exits[cpu], now, work.Rested(idle))
	}
	return nearestExit(r.any, now, work.Rested(idle))
}

// preempt is how long a busy CPU takes to give up its task: at the return to user mode,
// and in the kernel where that looks for it. own is what the recording has for the
// very waking.
func (r *residuals) preempt(curr *task, now, own int64) int64 {
	switch all := r.preempts[curr.id]; {
	case own != work.None:
		return own
	case len(all) > 0:
		return nearest(all, now)
	case curr.w.Kthread && len(r.kthreads) > 0:
		return nearest(r.kthreads, now)
	}
	return nearest(r.users, now)
}

// late is how much later than due a tick takes the CPU from a task: ticks are lost while
// a virtual CPU is held, and the kernel gives up its CPU where it looks for it.
func (r *residuals) late(curr *task, now int64) int64 { return nearest(r.held[curr.id], now) }
