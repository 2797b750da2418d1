package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/replay"
)

// Intrusions is what held each isolated CPU: intrusions --format json. shown chooses the
// stays.
func Intrusions(res *replay.Result, partial bool, shown func(*replay.Stay) bool) []byte {
	var o rows.Object
	o.Begin()
	o.Word("original", res.Original.Name)
	o.Word("patched", res.Patched.Name)
	o.Word("baseline", string(res.Baseline))
	o.Time("start_ns", res.Start)
	o.Time("end_ns", res.End)
	o.CPUsKnown("isolated", res.Isolated)
	o.Bool("partial", partial, true)
	o.List("cpus")
	for _, r := range res.CPUs {
		intruded(&o, res, r, shown)
	}
	o.EndList()
	o.End()
	return o.Line()
}

func intruded(o *rows.Object, res *replay.Result, r *replay.CPUResult, shown func(*replay.Stay) bool) {
	o.Begin()
	o.Number("cpu", int64(r.CPU), true)
	if r.Owner == nil {
		o.Null("owner")
	} else {
		o.Key("owner")
		o.Begin()
		o.Task("", r.Owner.PID, r.Owner.Comm)
		o.Word("from", r.OwnerFrom.String())
		o.End()
	}
	o.Key("time_ns")
	o.Begin()
	for _, k := range replay.Classes() {
		o.Number(k.String(), r.Time[k], true)
	}
	o.End()
	o.List("stays")
	for _, st := range r.Stays {
		if shown(st) {
			rows.Row(o, rows.StayObjects, &rows.Stay{Stay: st, Modelled: rows.Modelled(res.Host)})
		}
	}
	o.EndList()
	o.Number("stays_dropped", r.StaysDropped, true)
	o.List("others")
	for _, t := range r.Others {
		o.Begin()
		o.Task("", t.Task.PID, t.Task.Comm)
		o.Word("class", t.Class.String())
		o.Number("runs", t.Runs, true)
		o.Number("run_ns", t.RunNS, true)
		o.End()
	}
	o.EndList()
	o.End()
}

// Fidelity is the model against the recording: fidelity --format json.
func Fidelity(res *replay.Result, f *replay.Fidelity, partial bool) []byte {
	var o rows.Object
	o.Begin()
	o.Number("decisions", f.Decisions, true)
	o.Number("exact", f.Exact, true)
	o.Number("covered", f.Covered, true)
	o.Real("possible_mean", f.PossibleMean(), f.Decisions > f.Unjudged)
	o.Number("unjudged", f.Unjudged, true)
	o.Word("baseline", string(res.Baseline))
	o.Key("by_path")
	o.Begin()
	for _, p := range f.Paths {
		o.Key(string(p.Path))
		o.Begin()
		o.Number("decisions", p.Decisions, true)
		o.Number("exact", p.Exact, true)
		o.Number("covered", p.Covered, true)
		o.End()
	}
	o.End()
	if partial {
		o.Bool("partial", true, true)
	}
	o.End()
	return o.Line()
}
