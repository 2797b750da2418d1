package loop

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/loop/work"
)

// This file is what interrupts take of CPUs: the recorded ones at their times, whoever runs
// there; those of ticks and of tasks' own timers where the run has them.

// stretch is an interrupt, or several without a pause: before is how long interrupts ran on the
// CPU before it.
type stretch struct{ start, end, before int64 }

// supply is what interrupts leave of a CPU in a run.
type supply struct {
	all  []stretch
	next int   // the first that has not ended when the CPU was last charged
	owed int64 // what interrupts of the run itself still take
}

// stretches puts the interrupts of a CPU one after the other: one that begins while another
// runs waits for it.
func stretches(all []work.Interrupt) []stretch {
	out, sum := make([]stretch, 0, len(all)), int64(0)
	for i := range all {
		ns := int64(all[i].NS)
		if n := len(out) - 1; n >= 0 && out[n].end >= all[i].Start {
			out[n].end += ns
		} else {
			out = append(out, stretch{all[i].Start, all[i].Start + ns, sum})
		}
		sum += ns
	}
	return out
}

// takes is what interrupts take of the time from when the CPU was last charged.
func (u *supply) takes(from, to int64) int64 {
	ns := int64(0)
	for u.next < len(u.all) && u.all[u.next].end <= from {
		u.next++
	}
	for i := u.next; i < len(u.all) && u.all[i].start < to; i++ {
		ns += min(to, u.all[i].end) - max(from, u.all[i].start)
	}
	pay := min(to-from-ns, u.owed)
	u.owed -= pay
	return ns + pay
}

// after is when so much time has passed that interrupts do not take.
func (u *supply) after(now, ns int64) int64 {
	ns += u.owed
	i := u.next
	for i < len(u.all) && u.all[i].end <= now {
		i++
	}
	if i == len(u.all) {
		return now + ns
	}
	gone, first := u.all[i].before, i
	if s := u.all[i].start; s <= now {
		gone += now - s
		first++
	}
	if first == i && u.all[i].start-now >= ns {
		return now + ns
	}
	// The first interrupt before whose start that much time has passed.
	k := first + sort.Search(len(u.all)-first, func(k int) bool {
		s := &u.all[first+k]
		return s.start-now-(s.before-gone) >= ns
	})
	last := &u.all[k-1]
	return now + ns + last.before + last.end - last.start - gone
}

// takeInterrupts gives the world the interrupts of the program, those elsewhere that are moved.
func (w *world) takeInterrupts(p *work.Program, moved irqMoves) {
	if p.Interrupts == nil {
		return
	}
	w.ticks, w.irqTo, w.irqs = p.Ticks, moved, make([][]stretch, p.CPUs)
	for c, all := range moved.apply(p) {
		w.irqs[c] = stretches(all)
	}
}

// tickTakes is what a tick takes of its CPU: as the recorded one nearest in time.
func (s *sim) tickTakes(c *cpu) {
	if s.ticks != nil {
		c.owed += nearest(s.ticks[c.id], s.now)
	}
}

// interruptedBy lets what is left of the interrupt that ends a wait run on its CPU.
func (s *sim) interruptedBy(then *work.Wait, on int32) {
	if then.Rest > 0 {
		c := &s.cpus[on]
		s.charge(c)
		c.owed += int64(then.Rest)
	}
}

// irqMoves are where a scenario lets devices' interrupts come, by source.
type irqMoves map[int32]irqPlace

// irqPlace are the CPUs that an interrupt may come to, and the one of them that takes it where
// it came to another.
type irqPlace struct {
	allowed cpumask.Mask
	to      int32
}

// move is irq_set_affinity of the interrupts of a name: their handlers' runs, and the softirqs
// that follow, go to the CPUs. Where several would do, it is the one of the fewest vectors in
// the kernel (irq_matrix_alloc, kernel/irq/matrix.c), here that on which interrupts ran least.
func (m irqMoves) move(p *work.Program, name, list string, off cpumask.Mask) error {
	allowed, err := cpumask.ParseList(list, p.CPUs)
	allowed = allowed.AndNot(off)
	switch {
	case err != nil:
		return err
	case allowed.Empty():
		return errors.New("it names no CPU that there is")
	case p.Interrupts == nil:
		return errors.New("the recording tells of no interrupts: record them with schedreplay record --noise")
	}
	var at int32 = -1
	var known []string
	for i, s := range p.Sources {
		if s.Device() {
			known = append(known, s.Name)
			if s.Name == name {
				at = int32(i)
			}
		}
	}
	switch {
	case at < 0 && known == nil:
		return errors.New("the recording has no interrupt of a device")
	case at < 0:
		slices.Sort(known)
		return fmt.Errorf("the recording has no such interrupt of a device; it has %s", strings.Join(known, ", "))
	}
	m[at] = irqPlace{allowed, leastInterrupted(p, allowed)}
	return nil
}

// offline is irq_migrate_all_off_this_cpu: devices' interrupts leave CPUs that go.
func (m irqMoves) offline(p *work.Program, off cpumask.Mask) {
	left := cpumask.Range(0, p.CPUs-1).AndNot(off)
	for i, s := range p.Sources {
		if _, set := m[int32(i)]; !set && s.Device() && !off.Empty() {
			m[int32(i)] = irqPlace{left, leastInterrupted(p, left)}
		}
	}
}

// leastInterrupted is the CPU on which interrupts took least.
func leastInterrupted(p *work.Program, of cpumask.Mask) int32 {
	best, least := of.First(), int64(math.MaxInt64)
	for c := best; c >= 0; c = of.Next(c) {
		ns := int64(0)
		for i := range p.Interrupts[c] {
			ns += int64(p.Interrupts[c][i].NS)
		}
		if ns < least {
			best, least = c, ns
		}
	}
	return int32(best)
}

// from is where an interrupt of a source comes that came to a CPU.
func (m irqMoves) from(source, cpu int32) int32 {
	if p, ok := m[source]; ok && !p.allowed.Test(int(cpu)) {
		return p.to
	}
	return cpu
}

// apply is the program's interrupts by CPU, in order of time, as the moves leave them.
func (m irqMoves) apply(p *work.Program) [][]work.Interrupt {
	if len(m) == 0 {
		return p.Interrupts
	}
	out := make([][]work.Interrupt, p.CPUs)
	for c, all := range p.Interrupts {
		for i := range all {
			to := m.from(all[i].Source, int32(c))
			out[to] = append(out[to], all[i])
		}
	}
	for c := range out {
		slices.SortStableFunc(out[c], func(a, b work.Interrupt) int { return cmp.Compare(a.Start, b.Start) })
	}
	return out
}
