package fair

import "math/bits"

// Entity is struct sched_entity of a task.
type Entity struct {
	// ID is the caller's name for it, not negative. Group is the task group that it is in.
	ID, Group int
	// Vruntime is in ns of a task of nice 0. Between queues of CFS it is relative to the
	// min_vruntime of the one left.
	Vruntime int64
	Weight   int64
	// ExecStart is when the entity was last charged, 0 after it woke on another CPU;
	// Sum is sum_exec_runtime, PrevSum what it was when the entity got the CPU.
	ExecStart, Sum, PrevSum int64
	// OnRq: queued or running. Idle and Batch are the policies of those names.
	OnRq, Idle, Batch bool
	// Deadline, Lag and Delayed are EEVDF's: the virtual deadline, vlag as saved when it
	// left, and that it sleeps on the queue (sched_delayed).
	Deadline, Lag int64
	Delayed       bool

	protect  int64 // the virtual time up to which its slice is protected (vprot)
	relative bool  // rel_deadline
}

// Queue is the fair queue of one CPU, of either scheduler.
type Queue interface {
	// UpdateCurr charges the current entity up to now.
	UpdateCurr(now int64)
	// Fork places a new task beside its parent, which runs here; it then has to be
	// enqueued as [Moved].
	Fork(se *Entity, now int64)
	// Enqueue puts an entity on the queue, Dequeue takes it off and reports whether it
	// left; one that goes to sleep may stay, delayed. Requeue wakes a delayed one.
	Enqueue(se *Entity, how How, now int64)
	Dequeue(se *Entity, sleep bool, now int64) bool
	Requeue(se *Entity, now int64)
	// Leave is told of a sleeping entity that wakes on another CPU.
	Leave(se *Entity)
	// Pick makes the entity current that is to run, nil if there is none, and drops
	// delayed ones that would have been picked before; Put puts the current one back.
	Pick(now int64) (picked *Entity, dropped []*Entity)
	Put(now int64)
	// Tick reports whether the current entity is to give the CPU away, WakeupPreempt
	// whether one that has come takes it.
	Tick(now int64) bool
	WakeupPreempt(se *Entity, now int64) bool
	// Left is how long the current task has to run until its slice ends.
	Left(now int64) int64
	// Buddy reports whether the entity is to run next or was the last.
	Buddy(se *Entity) bool
	// Eligible reports whether a queued entity got no more than its share.
	Eligible(se *Entity) bool
	// Has is the number of entities on the queue of a task group.
	Has(group int) int
	// Reweight changes the weight of an entity.
	Reweight(se *Entity, weight, now int64)
	// Running is the number of entities on the queue and Load the sum of their weights, Curr
	// the one that runs.
	Running() int
	Load() int64
	Curr() *Entity
}

// How says why an entity comes to a queue.
type How uint8

// The ways, the flags of enqueue_task.
const (
	// Wakeup: it slept on this CPU. WakeupMigrated: it slept on another.
	Wakeup How = iota
	WakeupMigrated
	// Moved: it was queued on another CPU, or it is new.
	Moved
)

// updateSysctlFactor is get_update_sysctl_factor with SCHED_TUNABLESCALING_LOG: what
// the tunables grow by with the CPUs online, at most eight of which count.
func updateSysctlFactor(cpus int) int64 {
	f := int64(1)
	for n := min(cpus, 8); n > 1; n >>= 1 {
		f++
	}
	return f
}

// wmultConst is WMULT_CONST.
const wmultConst = 1<<32 - 1

// calcDelta is __calc_delta: delta * weight / lw, by the inverse of lw, as the kernel
// rounds it.
func calcDelta(delta, weight, lw int64) int64 {
	fact, shift := uint64(weight), uint(32)
	inv := uint64(1)
	switch {
	case lw <= 0:
		inv = wmultConst
	case lw < wmultConst:
		inv = wmultConst / uint64(lw)
	}
	fact *= inv
	for fact>>32 != 0 {
		fact >>= 1
		shift--
	}
	hi, lo := bits.Mul64(uint64(delta), fact)
	return int64(hi<<(64-shift) | lo>>shift)
}

// CalcDeltaFair is calc_delta_fair: run time in ns to virtual time of an entity of the
// given weight.
func CalcDeltaFair(delta, weight int64) int64 {
	if weight == nice0Load {
		return delta
	}
	return calcDelta(delta, nice0Load, weight)
}

func calcDeltaFair(delta int64, se *Entity) int64 { return CalcDeltaFair(delta, se.Weight) }

// nice0Load is the weight of a task of nice 0.
const nice0Load = 1024
