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
	figures(&o, r, &a.Baseline)
	o.End()
	o.List("remedies")
	for i := range a.Remedies {
		m := &a.Remedies[i]
		o.Begin()
		o.Word("name", m.Scenario.Name)
		o.Word("title", say.Plain(say.RemedyTitle(m)))
		o.Bool("reboot", m.Reboot, true)
		changes := []string{}
		for _, c := range m.Scenario.Changes {
			changes = append(changes, c.String())
		}
		o.Words("changes", changes)
		figures(&o, r, m)
		now, lasting := say.RemedyCommands(m)
		o.Words("commands", plain(now))
		o.Words("lasting", plain(lasting))
		o.Words("warnings", plain(say.RemedyWarnings(a, m)))
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

func figures(o *rows.Object, r *loop.Result, m *findings.Remedy) {
	o.Number("held_ns", m.Held, true)
	o.Number("held_ns_hi", m.HeldHi, true)
	o.Number("entries", m.Entries, true)
	o.Number("entries_hi", m.EntriesHi, true)
	band(o, "owner_p99_ns", m.P99)
	pids := []int{}
	for _, i := range m.Worse {
		pids = append(pids, int(r.Program.Tasks[i].PID))
	}
	o.Numbers("worse_off", pids)
}
