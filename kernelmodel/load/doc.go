// Package load is the kernel's measuring of load: per-entity load tracking
// (kernel/sched/pelt.c), which is what a task and a CPU's fair queue used of late, by who
// was queued and who ran; and what follows from it and from idle times for how far a scan
// for an idle CPU may go. The clock is the caller's.
//
// Periods are 1024 units of 1024 ns; a contribution halves every 32 periods.
// docs/kernel/pelt.md#arithmetic.
package load
