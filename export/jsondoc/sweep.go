package jsondoc

import (
	"slices"

	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
)

// Sweep is what each kernel would have made of a recording: sweep --format json.
func Sweep(s *findings.Sweep, partial bool) []byte {
	var o rows.Object
	o.Begin()
	o.Word("original", s.Result.BaselineKernel().Name)
	o.Word("baseline", string(s.Result.Baseline))
	o.CPUsKnown("isolated", s.Result.Isolated)
	o.Word("why_empty", say.SweepEmpty(s))
	o.List("recorded")
	if s.Why == findings.Sweepable {
		for _, r := range s.Recorded() {
			o.Begin()
			o.CPU("cpu", r.CPU)
			o.Number("entries", r.Entries.Total(), true)
			o.Number("held_ns", r.NS, true)
			o.List("residents")
			for _, st := range slices.Concat(r.Residents, r.Unseen) {
				o.Begin()
				o.Task("", st.Task.PID, st.Task.Comm)
				o.Word("how", string(st.How))
				o.Number("run_ns", st.RunNS, true)
				o.End()
			}
			o.EndList()
			o.End()
		}
	}
	o.EndList()
	o.List("kernels")
	for i := range s.Rows {
		r := &s.Rows[i]
		o.Begin()
		o.Word("kernel", r.Kernel.Name)
		o.Words("same", r.Same)
		o.Bool("leaks", r.Kernel.Rules.Leaks(), true)
		o.Bool("prevents", findings.Prevents(r), true)
		o.List("cpus")
		for j := range r.Holds {
			h := &r.Holds[j]
			o.Begin()
			o.CPU("cpu", h.CPU)
			o.Number("entries", h.Entries, true)
			o.Number("entries_possible", h.EntriesPossible, true)
			o.Number("held_ns", h.HeldNS, true)
			o.End()
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	o.List("first_to_prevent")
	for _, l := range s.Lines() {
		o.Begin()
		o.Word("line", l.Name)
		o.Word("release", l.First)
		o.End()
	}
	o.EndList()
	o.Bool("partial", partial, true)
	o.End()
	return o.Line()
}
