package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
)

// Decision is one wakeup told test by test: explain --format json. wall is its wall time,
// RFC 3339, empty if unknown.
func Decision(d *findings.Decision, wall string, partial bool) []byte {
	sides := [...]findings.Side{findings.OriginalAlone, findings.PatchedAlone}
	return rows.Document(func(o *rows.Object) {
		o.Raw("wakeup", rows.WakeupObjects.AppendJSON(nil, d.Wakeup))
		o.Word("wall_time", wall)
		for _, s := range sides {
			k, _ := d.Kernel(s)
			o.Word(s.String(), k.Name)
		}
		o.Word("baseline", string(d.Result.Baseline))
		o.CPUsKnown("affinity", d.Affinity)
		o.Group("call_path", func() {
			for _, s := range sides {
				if path := d.CallPath(s); path != nil {
					o.Words(s.String(), path)
				} else {
					o.Null(s.String())
				}
			}
		})
		if d.Told {
			rows.Each(o, "steps", d.Steps, func(s *findings.SideStep) {
				o.Word("kernels", s.Side.String())
				o.Word("function", s.Func)
				o.Word("test", say.Test(&s.Step))
				o.Word("answer", say.Answer(&s.Step))
				o.Word("from", say.From(&s.Step))
				o.Bool("open", s.Fact.Open, true)
				o.Occupant("occupant", &s.Occupant)
			})
			o.Number("parts_at", int64(d.PartsAt()), d.PartsAt() >= 0)
			o.Group("candidates", func() {
				for _, s := range sides {
					rows.Each(o, s.String(), d.Candidates(s), func(c *findings.Candidate) {
						o.CPU("cpu", c.CPU)
						o.Word("state", say.Sight(c.Seen))
						o.Bool("open", c.Open, true)
					})
				}
			})
		} else {
			o.Null("steps")
			o.Null("parts_at")
			o.Null("candidates")
		}
		o.Bool("partial", partial, true)
	})
}
