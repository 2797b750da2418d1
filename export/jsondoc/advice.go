package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
)

// Advice is what would have helped, best first: advise --format json.
func Advice(a *findings.Advice, r *loop.Result, partial bool) []byte {
	var o rows.Object
	o.Begin()
	o.Number("runs", int64(r.Runs), true)
	o.Number("seed", int64(r.Seed), true)
	o.Key("trust")
	trustObject(&o, &r.Trust)
	o.Key("baseline")
	o.Begin()
	harm(&o, r, &a.Baseline, true)
	o.End()
	o.List("remedies")
	for i := range a.Remedies {
		m := &a.Remedies[i]
		o.Begin()
		o.Word("name", m.Scenario.Name)
		words := say.RemedyOf(a, m)
		o.Word("title", say.Plain(words.Title))
		o.Bool("reboot", m.Reboot, true)
		changes := []string{}
		for _, c := range m.Scenario.Changes {
			changes = append(changes, c.String())
		}
		o.Words("changes", changes)
		o.Bool("tried", m.Tried(), true)
		o.Number("interrupts_ns", m.TookNS, !m.Tried())
		harm(&o, r, &m.Harm, m.Tried())
		o.Words("commands", plain(words.Now))
		o.Words("lasting", plain(words.Lasting))
		o.Words("warnings", plain(words.Warnings))
		o.End()
	}
	o.EndList()
	o.Bool("partial", partial, true)
	o.End()
	return o.Line()
}

func plain(list []string) []string {
	out := []string{}
	for _, s := range list {
		out = append(out, say.Plain(s))
	}
	return out
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
	pids := []int{}
	for _, i := range h.Worse {
		pids = append(pids, int(r.Program.Tasks[i].PID))
	}
	o.Numbers("worse_off", pids)
}
