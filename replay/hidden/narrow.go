package hidden

import "schedreplay/cpumask"

// Narrowed is what speaks for a narrower affinity of a task, CPUs, since some time.
type Narrowed struct {
	Since int64
	CPUs  cpumask.Mask
	// Misses of Decisions the affinity believed does not explain. Apart of them lie so far
	// from each other that they count, the last at Counted.
	Misses, Decisions, Apart int
	Counted                  int64
	// Moved: a stopper had moved the task.
	Moved bool
	// Change is the change's number once it is believed, -1 before.
	Change int
}
