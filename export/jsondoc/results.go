package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/replay"
)

// Intrusions is what held each isolated CPU: intrusions --format json. shown chooses the
// stays.
func Intrusions(res *replay.Result, partial bool, shown func(*replay.Stay) bool) []byte {
	return rows.Document(func(o *rows.Object) {
		o.Word("original", res.Original.Name)
		o.Word("patched", res.Patched.Name)
		o.Word("baseline", string(res.Baseline))
		o.Time("start_ns", res.Start)
		o.Time("end_ns", res.End)
		o.CPUsKnown("isolated", res.Isolated)
		o.Bool("partial", partial, true)
		rows.Each(o, "cpus", res.CPUs, func(r **replay.CPUResult) { intruded(o, res, *r, shown) })
	})
}

func intruded(o *rows.Object, res *replay.Result, r *replay.CPUResult, shown func(*replay.Stay) bool) {
	o.Number("cpu", int64(r.CPU), true)
	if r.Owner == nil {
		o.Null("owner")
	} else {
		o.Group("owner", func() {
			o.Task("", r.Owner.PID, r.Owner.Comm)
			o.Word("from", r.OwnerFrom.String())
		})
	}
	o.Group("time_ns", func() {
		for _, k := range replay.Classes() {
			o.Number(k.String(), r.Time[k], true)
		}
	})
	o.List("stays", func() {
		for _, st := range r.Stays {
			if shown(st) {
				rows.Row(o, rows.StayObjects, &rows.Stay{Stay: st, Modelled: res.Host.TopologyKnown()})
			}
		}
	})
	o.Number("stays_dropped", r.StaysDropped, true)
	rows.Each(o, "others", r.Others, func(t *replay.OtherTask) {
		o.Task("", t.Task.PID, t.Task.Comm)
		o.Word("class", t.Class.String())
		o.Number("runs", t.Runs, true)
		o.Number("run_ns", t.RunNS, true)
	})
}

// Fidelity is the model against the recording: fidelity --format json.
func Fidelity(res *replay.Result, f *replay.Fidelity, partial bool) []byte {
	return rows.Document(func(o *rows.Object) {
		o.Number("decisions", f.Decisions, true)
		o.Number("exact", f.Exact, true)
		o.Number("covered", f.Covered, true)
		o.Real("possible_mean", f.PossibleMean(), f.Decisions > f.Unjudged)
		o.Number("unjudged", f.Unjudged, true)
		o.Word("baseline", string(res.Baseline))
		o.Group("by_path", func() {
			for _, p := range f.Paths {
				o.Group(string(p.Path), func() {
					o.Number("decisions", p.Decisions, true)
					o.Number("exact", p.Exact, true)
					o.Number("covered", p.Covered, true)
				})
			}
		})
		if partial {
			o.Bool("partial", true, true)
		}
	})
}
