package jsondoc

import (
	"strconv"

	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/loop/work"
	"schedreplay/replay"
)

// WhatIf is scenarios side by side: whatif --format json. A figure of the recording is a
// number, one of an ensemble the 5th, 50th and 95th of a hundred runs.
func WhatIf(r *loop.Result, cpus []*replay.CPUResult, partial bool) []byte {
	return rows.Document(func(o *rows.Object) {
		ensemble(o, r)
		o.List("scenarios", func() {
			outcome(o, r, &r.Recorded, cpus, number)
			for i := range r.Outcomes {
				outcome(o, r, &r.Outcomes[i], cpus, band)
			}
		})
		o.Bool("partial", partial, true)
	})
}

// Trust is the closed loop against the recording: fidelity --time --format json.
func Trust(r *loop.Result, partial bool) []byte {
	return rows.Document(func(o *rows.Object) {
		o.Word("kernel", r.Outcomes[0].Kernel)
		ensemble(o, r)
		o.Bool("partial", partial, true)
	})
}

// ensemble says how many runs there were, and how far the loop is to be believed.
func ensemble(o *rows.Object, r *loop.Result) {
	o.Number("runs", int64(r.Runs), true)
	o.Number("seed", int64(r.Seed), true)
	o.Group("trust", func() { trust(o, &r.Trust) })
}

func trust(o *rows.Object, t *loop.Trust) {
	real := func(k string, r loop.Ratio) { o.Real(k, float64(r), r > 0) }
	o.Bool("within_bounds", t.Within(), true)
	real("p50_ratio", t.P50)
	real("p90_ratio", t.P90)
	real("p99_ratio", t.P99)
	o.Real("run_time_elsewhere", t.Place, true)
	o.Real("run_time_elsewhere_by_chance", t.Chance, true)
	real("migrations_ratio", t.MoveRatio)
	real("limited_offcpu_ratio", t.StoppedRatio)
	o.Group("migrations", func() {
		for c, name := range causes {
			o.Group(name, func() {
				o.Number("recorded", t.RecordedMoves[c], true)
				o.Number("baseline", t.Moves[c], true)
			})
		}
	})
	o.Number("contradictions", t.Unmatched, true)
	o.Number("starts_drawn", int64(t.Starts.Drawn), t.Starts.Drawn > 0)
	o.Number("starts_entered", int64(t.Starts.Entered), t.Starts.Drawn > 0)
	rows.Each(o, "tasks", t.Tasks, func(one *loop.TaskTrust) {
		o.Task("", one.PID, one.Comm)
		real("p50_ratio", one.P50)
		real("p90_ratio", one.P90)
		real("p99_ratio", one.P99)
		o.Real("ks_distance", one.Apart, true)
	})
}

var causes = [work.Causes]string{work.MoveWakeup: "wakeup", work.MoveBalance: "balance", work.MoveNewidle: "newidle", work.MoveActive: "active"}

// changes are what a scenario changes.
func changes(o *rows.Object, list []loop.Change) {
	o.Words("changes", say.Each(list, loop.Change.String))
}

func outcome(o *rows.Object, r *loop.Result, out *loop.Outcome, cpus []*replay.CPUResult, figure func(*rows.Object, string, loop.Band)) {
	o.Item(func() {
		o.Word("name", out.Name)
		o.Word("kernel", out.Kernel)
		changes(o, out.Changes)
		rows.Each(o, "isolated", out.Isolated, func(c *loop.IsolatedOutcome) {
			o.CPU("cpu", c.CPU)
			owner := int32(-1)
			for _, k := range cpus {
				if k.CPU == c.CPU && k.Owner != nil {
					owner = k.Owner.PID
				}
			}
			o.Number("owner_pid", int64(owner), owner >= 0)
			figure(o, "entries", c.Entries)
			figure(o, "held_ns", c.Held)
		})
		o.List("tasks", func() {
			for i := range out.Tasks {
				if t := &out.Tasks[i]; t.Run.Hi > 0 || r.Recorded.Tasks[i].Run.Hi > 0 {
					o.Item(func() { taskOutcome(o, t, figure) })
				}
			}
		})
	})
}

func taskOutcome(o *rows.Object, t *loop.TaskOutcome, figure func(*rows.Object, string, loop.Band)) {
	o.Task("", t.PID, t.Comm)
	figure(o, "wakings", t.Wakings)
	figure(o, "run_ns", t.Run)
	figure(o, "interrupted_ns", t.Taken)
	o.Group("migrations", func() {
		for c, name := range causes {
			figure(o, name, t.Moves[c])
		}
	})
	o.Group("delay_ns", func() {
		figure(o, "p50", t.Delay.P50)
		figure(o, "p90", t.Delay.P90)
		figure(o, "p99", t.Delay.P99)
		figure(o, "max", t.Delay.Max)
	})
	o.Group("offcpu_ns", func() {
		figure(o, "count", t.OffCPU.Count)
		figure(o, "sum", t.OffCPU.Sum)
		figure(o, "p50", t.OffCPU.P50)
		figure(o, "p99", t.OffCPU.P99)
		figure(o, "max", t.OffCPU.Max)
	})
	o.Group("run_ns_by_cpu", func() {
		for c, b := range t.RunOnBand {
			if b.Hi > 0 {
				figure(o, strconv.Itoa(c), b)
			}
		}
	})
}

func number(o *rows.Object, k string, b loop.Band) { o.Number(k, b.Mid, b.Known) }

func band(o *rows.Object, k string, b loop.Band) {
	if !b.Known {
		o.Null(k)
		return
	}
	o.Group(k, func() {
		o.Number("lo", b.Lo, true)
		o.Number("mid", b.Mid, true)
		o.Number("hi", b.Hi, true)
	})
}
