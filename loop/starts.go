package loop

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
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
// many parts of the window that takes, 0 if there is no such task.
type incident struct {
	tasks   []int
	longest int
	parts   int
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
	entered bool
	like    int64
}

// judge tells how like the incident a run has begun, by the tasks' run time on the CPUs as
// recorded; and whether the longest intruder came, for half of the time as recorded.
func (in *incident) judge(s *sim) (like int64, entered bool) {
	ran := make([]int64, len(s.cpus))
	for _, t := range in.tasks {
		clear(ran)
		for _, r := range s.prog.Tasks[t].Ran {
			if r.Part < in.parts {
				ran[r.CPU] += r.NS
			}
		}
		got, want := int64(0), int64(0)
		for c, ns := range s.all[t].got.RunOn {
			like += min(ns, ran[c])
			if s.isolated.Test(c) {
				got, want = got+ns, want+ran[c]
			}
		}
		if t == in.longest {
			entered = 2*got >= want
		}
	}
	return like, entered
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
			s.run(ctx, until)
			d.like, d.entered = in.judge(s)
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
	slices.SortStableFunc(all, func(a, b drawn) int {
		if a.entered != b.entered {
			if a.entered {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.like, a.like)
	})
	if told.Entered > 0 {
		all = all[:told.Entered]
	}
	for i := range out {
		out[i] = all[i%len(all)].start
		out[i].again = uint64(i / len(all))
	}
	return out, told, nil
}
