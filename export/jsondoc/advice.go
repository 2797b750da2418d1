package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
)

// Advice is what would have helped, best first: advise --format json.
func Advice(a *findings.Advice, r *loop.Result, partial bool) []byte {
	return rows.Document(func(o *rows.Object) {
		ensemble(o, r)
		o.Group("baseline", func() { harm(o, r, &a.Baseline, true) })
		rows.Each(o, "remedies", a.Remedies, func(m *findings.Remedy) {
			o.Word("name", m.Scenario.Name)
			words := say.RemedyOf(a, m)
			o.Word("title", say.Plain(words.Title))
			o.Bool("reboot", m.Reboot, true)
			changes(o, m.Scenario.Changes)
			o.Bool("tried", m.Tried(), true)
			o.Number("interrupts_ns", m.TookNS, m.TookNS > 0)
			harm(o, r, &m.Harm, m.Tried())
			o.Words("commands", say.Each(words.Now, say.Plain))
			o.Words("lasting", say.Each(words.Lasting, say.Plain))
			o.Words("warnings", say.Each(words.Warnings, say.Plain))
		})
		o.Bool("partial", partial, true)
	})
}

// harm writes what the loop made of a scenario; null where it was not tried.
func harm(o *rows.Object, r *loop.Result, h *findings.Harm, tried bool) {
	o.Number("held_ns", h.Held.Mid, tried)
	o.Number("held_ns_hi", h.Held.Hi, tried)
	o.Number("entries", h.Entries.Mid, tried)
	o.Number("entries_hi", h.Entries.Hi, tried)
	band(o, "owner_p99_ns", h.P99)
	band(o, "owner_gap_ns", h.Gap)
	band(o, "owner_gap_max_ns", h.GapMax)
	band(o, "owner_interrupted_ns", h.Taken)
	o.Numbers("worse_off", say.Each(h.Worse, func(i int) int { return int(r.Program.Tasks[i].PID) }))
}
