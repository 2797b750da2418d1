// Package jsondoc writes the JSON documents of the commands that print one: their fields and
// their order are a contract, see docs/command-line.md. A document is made from values, and
// its rows by export/rows.
package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// Kernels is the rule table: kernels --format json.
func Kernels() []byte {
	return append(rows.ArrayOf(rules.Rows(), func(o *rows.Object, r *rules.Row) {
		o.Word("row", r.Name())
		o.Bool("leaks", r.Rules.Leaks(), true)
		o.Words("fixes", say.Fixes(r.Rules.Carried()))
		differences(o, "changes", r.Since())
	}), '\n')
}

// KernelDiff is what two kernels do differently: kernels --diff --format json.
func KernelDiff(a, b *rules.Kernel) []byte {
	return rows.Document(func(o *rows.Object) {
		for i, k := range []*rules.Kernel{a, b} {
			o.Group([]string{"a", "b"}[i], func() {
				o.Word("kernel", k.Name)
				o.Word("row", k.Row)
				o.Bool("leaks", k.Rules.Leaks(), len(k.Unknown) == 0)
				o.Words("unknown_fixes", say.Fixes(k.Unknown))
				o.Words("notes", say.KernelNotes(k))
			})
		}
		differences(o, "differences", rules.Differences(a, b))
	})
}

func differences(o *rows.Object, key string, list []rules.Difference) {
	rows.Each(o, key, list, func(d *rules.Difference) {
		o.Word("from", d.From)
		o.Word("to", d.To)
		o.Word("commits", d.Commits)
	})
}

// Ranks is how well each kernel explains a recording: kernels --explain --format json.
func Ranks(r *findings.Ranks, partial bool) []byte {
	return rows.Document(func(o *rows.Object) {
		o.Words("conclusion", say.Each(say.KernelConclusion(r), say.Plain))
		o.Number("decisions", r.Decisions(), true)
		if r.Named == nil {
			o.Null("named")
		} else {
			o.Group("named", func() {
				o.Word("kernel", r.Named.Name)
				rank := 0
				if r.NamedAt >= 0 {
					rank = r.Rank[r.NamedAt]
				}
				o.Number("rank", int64(rank), rank > 0)
				o.Words("unknown_fixes", say.Fixes(r.Named.Unknown))
			})
		}
		rows.Each(o, "entries", r.Entries, func(e *findings.RankedEntry) {
			rows.Fields(o, rows.Decisions, &e.Wakeup)
			o.Words("without_one_of", say.Fixes(e.Lacking))
		})
		rank := 0
		rows.Each(o, "kernels", r.Scores, func(s *replay.KernelScore) {
			o.Number("rank", int64(r.Rank[rank]), true)
			rank++
			o.Word("kernel", s.Kernel.Name)
			o.Words("same", s.Same)
			o.Words("fixes", say.Fixes(s.Kernel.Rules.Carried()))
			o.Number("impossible_entries", s.Entries, true)
			o.Number("impossible_decisions", s.Missed(), true)
			o.Number("exact", s.Exact, true)
			rows.Each(o, "ruled_out_by", s.RuledOutBy, func(w *replay.Wakeup) { rows.Fields(o, rows.Decisions, w) })
		})
		o.Bool("partial", partial, true)
	})
}
