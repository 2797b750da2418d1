// Package timehist prints what ran, slice by slice, in the form of
// `perf sched timehist`, and its summary by task: of a perf.data file that lost
// nothing the same bytes, so that either can be held against the other. It differs
// from perf on purpose in four things: state letters are the kernel's own; task
// names are printable; where a CPU's history breaks (a loss, a hole) it says
// so, prints no slice across the gap and counts none; and interrupts, where recorded,
// have lines of their own.
//
// What perf does is in tools/perf/builtin-sched.c (timehist_*) and, for who is
// who, tools/perf/util/machine.c and thread.c; measured on perf 6.1.
package timehist
