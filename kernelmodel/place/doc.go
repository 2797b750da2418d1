// Package place is the kernel's choice of a CPU for a task that wakes, forks or execs:
// try_to_wake_up, select_task_rq and the selectors of the classes (kernel/sched/core.c,
// fair.c, rt.c, deadline.c), one Go function per kernel function, for every release in
// the table of [rules].
//
// A [Selector] runs the code of one kernel on one machine. It asks a [State] for every
// fact of the moment and a [Wakeup] for what is known of wakee and waker; what they leave
// open, an [explore.Explorer] tries both ways. The result of a run is an [Outcome]; set
// [Selector.Trace] to be told every test as a [Step]; [Questions] lists all that may be asked,
// for whoever words them. Nothing here knows of time or of captures.
package place
