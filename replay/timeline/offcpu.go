package timeline

import "schedreplay/parser"

// OffCPU follows the off-CPU gap of one task: the time that it is off its CPU while
// runnable, not having slept. A task that is never woken, a poll-mode driver, has no sch
// delay, and its gaps are all the latency that the scheduler gives it. The zero value is
// no gap.
type OffCPU struct {
	since int64
	cpu   int32
	open  bool
}

// Leaves takes the sched_switch by which the task leaves its CPU. A gap begins if it is
// runnable then (prev_state R or R+); where the state is not known, none does.
func (o *OffCPU) Leaves(ev *parser.Event) { *o = OffCPU{ev.Time, ev.CPU, ev.State.Runnable()} }

// Since is when the gap began in ns, parser.NoTime if the task is in none. lost is when
// events of a CPU were last lost: one that began there before may have ended since.
func (o *OffCPU) Since(lost func(cpu int32) int64) int64 {
	if !o.open || lost(o.cpu) >= o.since {
		return parser.NoTime
	}
	return o.since
}

// LostAt is when events of a CPU were last lost, parser.NoTime if none were.
func (t *Timeline) LostAt(cpu int32) int64 {
	if int(cpu) >= len(t.CPU) || cpu < 0 {
		return parser.NoTime
	}
	return t.CPU[cpu].lostAt
}
