// Package supply is what interrupts leave of the CPUs in the closed loop: the recorded ones at
// their times, whoever runs there, and those that the run itself has; and where a scenario sends
// those of devices.
package supply

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

// Stretch is an interrupt, or several without a pause: Before is how long interrupts ran on the
// CPU before it.
type Stretch struct{ Start, End, Before int64 }

// CPU is what interrupts leave of a CPU in a run.
type CPU struct {
	// All are the interrupts at their times.
	All  []Stretch
	next int // the first that has not ended when the CPU was last charged
	// Owed is what interrupts of the run itself still take.
	Owed int64
}

// Stretches puts the interrupts of a CPU one after the other: one that begins while another
// runs waits for it.
func Stretches(all []work.Interrupt) []Stretch {
	out, sum := make([]Stretch, 0, len(all)), int64(0)
	for i := range all {
		ns := int64(all[i].NS)
		if n := len(out) - 1; n >= 0 && out[n].End >= all[i].Start {
			out[n].End += ns
		} else {
			out = append(out, Stretch{all[i].Start, all[i].Start + ns, sum})
		}
		sum += ns
	}
	return out
}

// Takes is what interrupts take of the time from when the CPU was last charged.
func (u *CPU) Takes(from, to int64) int64 {
	ns := int64(0)
	for u.next < len(u.All) && u.All[u.next].End <= from {
		u.next++
	}
	for i := u.next; i < len(u.All) && u.All[i].Start < to; i++ {
		ns += min(to, u.All[i].End) - max(from, u.All[i].Start)
	}
	pay := min(to-from-ns, u.Owed)
	u.Owed -= pay
	return ns + pay
}

// After is when so much time has passed that interrupts do not take.
func (u *CPU) After(now, ns int64) int64 {
	ns += u.Owed
	i := u.next
	for i < len(u.All) && u.All[i].End <= now {
		i++
	}
	if i == len(u.All) {
		return now + ns
	}
	gone, first := u.All[i].Before, i
	if s := u.All[i].Start; s <= now {
		gone += now - s
		first++
	}
	if first == i && u.All[i].Start-now >= ns {
		return now + ns
	}
	// The first interrupt before whose start that much time has passed.
	k := first + sort.Search(len(u.All)-first, func(k int) bool {
		s := &u.All[first+k]
		return s.Start-now-(s.Before-gone) >= ns
	})
	last := &u.All[k-1]
	return now + ns + last.Before + last.End - last.Start - gone
}

// Moves are where a scenario lets devices' interrupts come, by source.
type Moves map[int32]place

// place are the CPUs that an interrupt may come to, and the one of them that takes it where
// it came to another.
type place struct {
	allowed cpumask.Mask
	to      int32
}

// Move is irq_set_affinity of the interrupts of a name: their handlers' runs, and the softirqs
// that follow, go to the CPUs. Where several would do, it is the one of the fewest vectors in
// the kernel (irq_matrix_alloc, kernel/irq/matrix.c), here that on which interrupts ran least.
func (m Moves) Move(p *work.Program, name, list string, off cpumask.Mask) error {
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
	m[at] = place{allowed, leastInterrupted(p, allowed)}
	return nil
}

// Offline is irq_migrate_all_off_this_cpu: devices' interrupts leave CPUs that go.
func (m Moves) Offline(p *work.Program, off cpumask.Mask) {
	left := cpumask.Range(0, p.CPUs-1).AndNot(off)
	for i, s := range p.Sources {
		if _, set := m[int32(i)]; !set && s.Device() && !off.Empty() {
			m[int32(i)] = place{left, leastInterrupted(p, left)}
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

// From is where an interrupt of a source comes that came to a CPU.
func (m Moves) From(source, cpu int32) int32 {
	if p, ok := m[source]; ok && !p.allowed.Test(int(cpu)) {
		return p.to
	}
	return cpu
}

// Apply is the program's interrupts by CPU, in order of time, as the moves leave them.
func (m Moves) Apply(p *work.Program) [][]work.Interrupt {
	if len(m) == 0 {
		return p.Interrupts
	}
	out := make([][]work.Interrupt, p.CPUs)
	for c, all := range p.Interrupts {
		for i := range all {
			to := m.From(all[i].Source, int32(c))
			out[to] = append(out[to], all[i])
		}
	}
	for c := range out {
		slices.SortStableFunc(out[c], func(a, b work.Interrupt) int { return cmp.Compare(a.Start, b.Start) })
	}
	return out
}
