// Package jsondoc writes the JSON documents of the commands that print one: their fields and
// their order are a contract, see docs/command-line.md. A document is made from values, and
// its rows by export/rows.
package jsondoc

import (
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
)

// Kernels is the rule table: kernels --format json.
func Kernels() []byte {
	var o rows.Object
	o.BeginList()
	for _, r := range rules.Rows() {
		o.Begin()
		o.Word("row", r.Name())
		o.Bool("leaks", r.Rules.Leaks(), true)
		o.Words("fixes", say.Fixes(r.Rules.Carried()))
		o.List("changes")
		differences(&o, r.Since())
		o.EndList()
		o.End()
	}
	o.EndList()
	return o.Line()
}

// KernelDiff is what two kernels do differently: kernels --diff --format json.
func KernelDiff(a, b *rules.Kernel) []byte {
	var o rows.Object
	o.Begin()
	for i, k := range []*rules.Kernel{a, b} {
		o.Key([]string{"a", "b"}[i])
		o.Begin()
		o.Word("kernel", k.Name)
		o.Word("row", k.Row)
		o.Bool("leaks", k.Rules.Leaks(), len(k.Unknown) == 0)
		o.Words("unknown_fixes", say.Fixes(k.Unknown))
		o.Words("notes", say.KernelNotes(k))
		o.End()
	}
	o.List("differences")
	differences(&o, rules.Differences(a, b))
	o.EndList()
	o.End()
	return o.Line()
}

func differences(o *rows.Object, list []rules.Difference) {
	for _, d := range list {
		o.Begin()
		o.Word("from", d.From)
		o.Word("to", d.To)
		o.Word("commits", d.Commits)
		o.End()
	}
}

// Ranks is how well each kernel explains a recording: kernels --explain --format json.
func Ranks(r *findings.Ranks, partial bool) []byte {
	var o rows.Object
	o.Begin()
	var conclusion []string
	for _, l := range say.KernelConclusion(r) {
		conclusion = append(conclusion, say.Plain(l))
	}
	o.Words("conclusion", conclusion)
	o.Number("decisions", r.Decisions(), true)
	if r.Named == nil {
		o.Null("named")
	} else {
		o.Key("named")
		o.Begin()
		o.Word("kernel", r.Named.Name)
		rank := 0
		if r.NamedAt >= 0 {
			rank = r.Rank[r.NamedAt]
		}
		o.Number("rank", int64(rank), rank > 0)
		o.Words("unknown_fixes", say.Fixes(r.Named.Unknown))
		o.End()
	}
	o.List("entries")
	for i := range r.Entries {
		o.Begin()
		rows.Fields(&o, rows.Decisions, &r.Entries[i].Wakeup)
		o.Words("without_one_of", say.Fixes(r.Entries[i].Lacking))
		o.End()
	}
	o.EndList()
	o.List("kernels")
	for i := range r.Scores {
		s := &r.Scores[i]
		o.Begin()
		o.Number("rank", int64(r.Rank[i]), true)
		o.Word("kernel", s.Kernel.Name)
		o.Words("same", s.Same)
		o.Words("fixes", say.Fixes(s.Kernel.Rules.Carried()))
		o.Number("impossible_entries", s.Entries, true)
		o.Number("impossible_decisions", s.Missed(), true)
		o.Number("exact", s.Exact, true)
		o.List("ruled_out_by")
		for j := range s.RuledOutBy {
			rows.Row(&o, rows.Decisions, &s.RuledOutBy[j])
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	o.Bool("partial", partial, true)
	o.End()
	return o.Line()
}
