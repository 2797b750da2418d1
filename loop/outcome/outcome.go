// Package outcome is what comes of the closed loop's runs: figures with a band, and the recorded
// kernel's runs held against the recording. Of each run a summary is kept.
package outcome

import "schedreplay/loop/work"

// Change is one thing that a scenario changes: Key, or Key of Task, becomes Value.
type Change struct {
	Key, Task, Value string
}

// String writes the change as it is read.
func (c Change) String() string {
	s := c.Key
	if c.Task != "" {
		s += ":" + c.Task
	}
	if c.Value != "" {
		s += "=" + c.Value
	}
	return s
}

// Band is a figure over the runs of an ensemble: the 5th, 50th and 95th of a hundred.
// None of the three is known where Known is false.
type Band struct {
	Lo, Mid, Hi int64
	Known       bool
}

// Delays are percentiles of durations in ns.
type Delays struct{ P50, P90, P99, Max Band }

// Gaps count the times that a task was off its CPU while runnable, not having slept.
type Gaps struct{ Count, Sum, P50, P99, Max Band }

// Task is what one task got.
type Task struct {
	PID     int32
	Comm    string
	Wakings Band
	Run     Band // ns
	// Taken is what interrupts took of that, in ns, where they are recorded.
	Taken Band
	// Moves are its changes of CPU by cause.
	Moves [work.Causes]Band
	// Delay is from waking to running, OffCPU the gaps.
	Delay  Delays
	OffCPU Gaps
	// Curve has the quantiles of the delay at the shares of [CurveShares], for
	// the owners that were asked for; nil for other tasks.
	Curve []Band
	// RunOn is the run time in ns by CPU, the mean over the runs; RunOnBand has its bands.
	RunOn     []int64
	RunOnBand []Band
}

// Isolated is what foreign tasks did to one isolated CPU: tasks that may also run
// elsewhere, but for the recorder.
type Isolated struct {
	CPU           int
	Entries, Held Band // arrivals, and ns
}

// Outcome is what a scenario comes to.
type Outcome struct {
	Name     string
	Kernel   string
	Changes  []Change
	Isolated []Isolated
	// Tasks are the program's, in its order.
	Tasks []Task
	// First is who ran where in the first of the runs, in the order in which the slices
	// ended; nil for the recording, and where that is not wanted.
	First []Slice
}

// Slice is a time that a task ran on a CPU, in ns of the capture's clock. Task is an
// index of the program's tasks.
type Slice struct {
	Task, CPU  int32
	Start, End int64
}

// Result is a comparison of scenarios.
type Result struct {
	Runs     int
	Seed     uint64
	Program  *work.Program
	Recorded Outcome // every band is one value
	// Outcomes are the baseline's and the scenarios'.
	Outcomes []Outcome
	Trust    Trust
}

// Starts tells of the draws that the runs begin with, where they were chosen: PID, that is
// Comm, is the foreign task that is longest on isolated CPUs. Of Drawn draws Entered let it
// come there for half of the time as in the recording at least: how likely the model takes the
// incident to be. Of those that the runs begin with Early have it there for more than twice that
// time. Drawn is 0 where there was nothing to choose by.
type Starts struct {
	PID                   int32
	Comm                  string
	Drawn, Entered, Early int
}
