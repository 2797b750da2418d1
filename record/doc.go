// Package record records the scheduler of the machine it runs on: with perf where
// perf works, else with an instance of tracefs.
//
// [Probe] looks at the machine, [NewPlan] decides from that alone what is to be done,
// and [Plan.Run] does it. Nothing of the machine's own tracing is changed: the
// program works in instances of its own (Documentation/trace/ftrace.rst, Instances),
// and removing one puts everything back. While a recording runs it holds a file of its
// instance open, so the kernel refuses to remove that instance. A killed recorder
// holds nothing: the instance itself says that it is left over, and [Restore] removes
// it. There is no state beside it that could be lost or contradict it.
package record
