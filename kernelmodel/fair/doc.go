// Package fair holds the arithmetic of the fair class: the completely fair scheduler of
// kernels up to 6.5, and EEVDF since (kernel/sched/fair.c). Functions carry the kernel's
// names; the clock is the caller's. A queue is that of a CPU, or of a task group on
// it; a [Tree] has all of a CPU.
package fair
