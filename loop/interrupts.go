package loop

import (
	"schedreplay/loop/supply"
	"schedreplay/loop/work"
)

// This file is what interrupts take of CPUs: the recorded ones at their times; those of ticks and
// of tasks' own timers where the run has them.

// takeInterrupts gives the world the interrupts of the program, those elsewhere that are moved.
func (w *world) takeInterrupts(p *work.Program, moved supply.Moves) {
	if p.Interrupts == nil {
		return
	}
	w.ticks, w.irqTo, w.irqs = p.Ticks, moved, make([][]supply.Stretch, p.CPUs)
	for c, all := range moved.Apply(p) {
		w.irqs[c] = supply.Stretches(all)
	}
}

// tickTakes is what a tick takes of its CPU: as the recorded one nearest in time.
func (s *sim) tickTakes(c *cpu) {
	if s.ticks != nil {
		c.Owed += nearest(s.ticks[c.id], s.now)
	}
}

// interruptedBy lets what is left of the interrupt that ends a wait run on its CPU.
func (s *sim) interruptedBy(then *work.Wait, on int32) {
	if then.Rest > 0 {
		c := &s.cpus[on]
		s.charge(c)
		c.Owed += int64(then.Rest)
	}
}
