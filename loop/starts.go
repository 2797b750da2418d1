package loop

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"schedreplay/loop/work"
)

// The draws of starts for each run: so many where the incident lies in the first part of the
// window, fewer where it takes more of the window to see it, but some. Where fewer than
// [WorseRuns] of them have the incident, drawing goes on, so many times in all, half as many
// where none has it.
const (
	drawsPerRun  = 12
	leastPerRun  = 3
	mostDrawings = 8
)

// start is a draw of what the recording leaves open. Of runs with the same draw each but the
// first goes its own way once the incident has begun: at until, by its number again.
type start struct {
	draw, again uint64
	until       int64
}

// begin takes a run to where it goes its own way.
func (b start) begin(ctx context.Context, s *sim, seed uint64) {
	if b.again > 0 {
		s.run(ctx, b.until)
		s.rng = rand.New(rand.NewPCG(seed+b.again, b.draw))
	}
}

// incident is what the runs have to begin with: the foreign tasks on isolated CPUs up to the
// end of the part of the window in which the one comes that is there longest. parts is how
// many parts of the window that takes, 0 if there is no such task; want is how long that one is
// there in them, in ns.
type incident struct {
	tasks   []int
	longest int
	parts   int
	want    int64
}

func (w *world) incident() incident {
	in, most := incident{longest: -1}, int64(0)
	first := make([]int, len(w.prog.Tasks)) // the part in which it comes, counted from 1
	for i := range w.prog.Tasks {
		if !w.foreign(i) || w.prog.Tasks[i].PerCPU {
			continue
		}
		held := int64(0)
		for _, r := range w.prog.Tasks[i].Ran {
			if !w.isolated.Test(int(r.CPU)) {
				continue
			}
			if held += r.NS; first[i] == 0 {
				first[i] = r.Part + 1
			}
		}
		if held > most {
			most, in.longest, in.parts = held, i, first[i]
		}
	}
	for i, n := range first {
		if n > 0 && n <= in.parts {
			in.tasks = append(in.tasks, i)
		}
	}
	if in.parts > 0 {
		for _, r := range w.prog.Tasks[in.longest].Ran {
			if r.Part < in.parts && w.isolated.Test(int(r.CPU)) {
				in.want += r.NS
			}
		}
	}
	return in
}

// draws is how many starts are drawn for each run at a time.
func (in *incident) draws() int {
	if in.parts == 0 {
		return 1
	}
	return max(leastPerRun, drawsPerRun/in.parts)
}

// cost is what the draws for a run cost at least, in parts of the window.
func (in *incident) cost() int {
	if in.parts == 0 {
		return 0
	}
	return in.draws() * in.parts
}

// drawn is a start and what comes of it.
type drawn struct {
	start
	entered, early bool
	like           int64
}

// judge tells how like the incident a run has begun, by the tasks' run time on the CPUs as
// recorded less what they ran on isolated ones beyond it; and whether the longest intruder came,
// for half of the time as recorded.
func (in *incident) judge(s *sim) (like int64, entered bool) {
	ran := make([]int64, len(s.cpus))
	for _, t := range in.tasks {
		clear(ran)
		for _, r := range s.prog.Tasks[t].Ran {
			if r.Part < in.parts {
				ran[r.CPU] += r.NS
			}
		}
		for c, ns := range s.all[t].got.RunOn {
			if like += min(ns, ran[c]); s.isolated.Test(c) {
				like -= max(0, ns-ran[c])
			}
		}
	}
	return like, 2*s.held(in.longest) >= in.want
}

// held is how long a task has run on isolated CPUs.
func (s *sim) held(task int) int64 {
	ns := int64(0)
	for c, on := range s.all[task].got.RunOn {
		if s.isolated.Test(c) {
			ns += on
		}
	}
	return ns
}

// hopeless reports whether it is sure that [incident.judge] will not find that the longest
// intruder came.
func (in *incident) hopeless(s *sim, until int64) bool {
	return 2*(s.held(in.longest)+s.mostRun(&s.all[in.longest], until)) < in.want
}

// mostRun is how long a task may still run, at most, from when it was last charged up to a time:
// as long as if it never waited, and slept no longer than its timers have it sleep.
func (s *sim) mostRun(p *task, until int64) int64 {
	at, left := s.now, s.scaled(p, p.w.Steps[p.step].Burst)-p.done
	switch {
	case s.irqs != nil: // its bursts take longer by interrupts
		return until
	case p.state == tsGone:
		return 0
	case p.state == tsAsleep && !p.held:
		at, left = max(at, p.wakes), 0
	case p.state == tsRunning:
		at = s.cpus[p.cpu].since
	}
	ran := int64(0)
	for k, step := p.pos, p.step; at < until; k++ {
		st := &p.w.Steps[step]
		if st.Cut {
			return ran + until - at
		}
		ran += min(left, until-at)
		at += left
		if st.Exit || k+1 >= len(p.seq) {
			break
		}
		step = int(p.seq[k])
		switch w := &p.w.Steps[step].Then; {
		case w.Edge == work.EdgeTask && w.Sync: // the task may come to others first
			return ran + max(0, until-at)
		case k == p.pos && p.state == tsAsleep && !p.held: // it is in that sleep
		case w.Edge == work.EdgeTimer:
			at += p.sleeps(w)
		case w.Edge == work.EdgeGrid, w.Edge == work.EdgeOutside:
			at = max(at, w.Time)
		}
		step++
		left = s.scaled(p, p.w.Steps[step].Burst)
	}
	return ran
}

// starts are the draws that the runs of an ensemble begin with. Where foreign tasks run on
// isolated CPUs they are those, of many, under which the recorded kernel lets the one come
// that stays longest, and of these the ones that begin most as recorded: the incident is
// given, and the question is what another kernel would have made of the same start. If fewer
// let it come than there are runs, runs share a start.
func (w *world) starts(ctx context.Context, in incident, n int, seed uint64) ([]start, Starts, error) {
	out := make([]start, n)
	if in.parts == 0 {
		for i := range out {
			out[i].draw = uint64(i)
		}
		return out, Starts{}, nil
	}
	told := Starts{PID: w.prog.Tasks[in.longest].PID, Comm: w.prog.Tasks[in.longest].Comm}
	until := w.prog.PartEnd(in.parts - 1)
	var all []drawn
	for round := range mostDrawings {
		from := len(all)
		all = append(all, make([]drawn, in.draws()*n)...)
		err := each(ctx, len(all)-from, func(s *sim, i int) {
			d := &all[from+i]
			d.draw, d.until = uint64(from+i), until
			s.anew(w, seed, d.draw)
			if told.Entered > 0 { // how like it is where the intruder does not come is of no account
				s.enough = func() bool { return in.hopeless(s, until) }
			}
			s.run(ctx, until)
			d.like, d.entered = in.judge(s)
			d.early = s.held(in.longest) > 2*in.want
		})
		if err != nil {
			return nil, told, err
		}
		told.Entered = 0
		for i := range all {
			if all[i].entered {
				told.Entered++
			}
		}
		if told.Entered >= min(n, WorseRuns) || told.Entered == 0 && 2*(round+1) == mostDrawings {
			break
		}
	}
	told.Drawn = len(all)
	rank := func(d *drawn) int {
		switch {
		case !d.entered:
			return 2
		case d.early:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b drawn) int { return cmp.Or(rank(&a)-rank(&b), cmp.Compare(b.like, a.like)) })
	if told.Entered > 0 {
		all = all[:told.Entered]
	}
	for _, d := range all[:min(n, told.Entered)] {
		if d.early {
			told.Early++
		}
	}
	for i := range out {
		out[i] = all[i%len(all)].start
		out[i].again = uint64(i / len(all))
	}
	return out, told, nil
}
