package jsondoc

import (
	"slices"

	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/replay"
)

// Sweep is what each kernel would have made of a recording: sweep --format json.
func Sweep(s *findings.Sweep, partial bool) []byte {
	var recorded []findings.SweptCPU
	if s.Why == findings.Sweepable {
		recorded = s.Recorded()
	}
	return rows.Document(func(o *rows.Object) {
		o.Word("original", s.Result.BaselineKernel().Name)
		o.Word("baseline", string(s.Result.Baseline))
		o.CPUsKnown("isolated", s.Result.Isolated)
		o.Word("why_empty", say.SweepEmpty(s))
		rows.Each(o, "recorded", recorded, func(r *findings.SweptCPU) {
			o.CPU("cpu", r.CPU)
			o.Number("entries", r.Entries.Total(), true)
			o.Number("held_ns", r.NS, true)
			rows.Each(o, "residents", slices.Concat(r.Residents, r.Unseen), func(st **replay.Stay) {
				o.Task("", (*st).Task.PID, (*st).Task.Comm)
				o.Word("how", string((*st).How))
				o.Number("run_ns", (*st).RunNS, true)
			})
		})
		rows.Each(o, "kernels", s.Rows, func(r *replay.SweepRow) {
			o.Word("kernel", r.Kernel.Name)
			o.Words("same", r.Same)
			o.Bool("leaks", r.Kernel.Rules.Leaks(), true)
			o.Bool("prevents", findings.Prevents(r), true)
			rows.Each(o, "cpus", r.Holds, func(h *replay.Hold) {
				o.CPU("cpu", h.CPU)
				o.Number("entries", h.Entries, true)
				o.Number("entries_possible", h.EntriesPossible, true)
				o.Number("held_ns", h.HeldNS, true)
			})
		})
		rows.Each(o, "first_to_prevent", s.Lines(), func(l *findings.Line) {
			o.Word("line", l.Name)
			o.Word("release", l.First)
		})
		o.Bool("partial", partial, true)
	})
}
