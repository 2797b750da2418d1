package rows

import (
	"slices"

	"schedreplay/findings"
	"schedreplay/findings/fleet"
	"schedreplay/parser"
	"schedreplay/stats"
)

// Under is a table whose rows bear in front which capture, host and kernel they are of, and
// the wall time of the field called at; of is asked at each row.
func Under[T any](t *Table[T], at string, of func() *fleet.Summary) *Table[T] {
	i := slices.IndexFunc(t.cols, func(c column[T]) bool { return c.name == at })
	if i < 0 {
		panic("rows: " + t.Name + ": no column " + at)
	}
	time := t.cols[i].cell
	own := pick(t.Name, []field[T]{
		{"capture", Word, func(*T) Value { return word(of().Capture) }},
		{"host", Name, func(*T) Value { return word(of().Host) }},
		{"kernel", Word, func(*T) Value { return word(of().Kernel) }},
		{"wall_ns", Int, func(v *T) Value {
			x := time(v)
			return wall(of(), x.Int, x.Known)
		}},
	}, "capture host kernel wall_ns")
	rest := slices.Clone(t.cols)
	rest[0].lead = "," + rest[0].lead[1:]
	return &Table[T]{Name: t.Name, cols: append(own.cols, rest...), tail: t.tail}
}

// wall is a stamp of a capture's clock as ns since 1970.
func wall(s *fleet.Summary, ns int64, known bool) Value {
	return number(ns+s.WallOffset, known && s.WallKnown && ns != parser.NoTime)
}

// summaryFields are what a row has of the capture it is of.
func summaryFields[T any](of func(*T) *fleet.Summary) []field[T] {
	return []field[T]{
		{"capture", Word, func(v *T) Value { return word(of(v).Capture) }},
		{"host", Name, func(v *T) Value { return word(of(v).Host) }},
		{"kernel", Word, func(v *T) Value { return word(of(v).Kernel) }},
		{"wall_ns", Int, func(v *T) Value { return wall(of(v), of(v).StartNS, true) }},
		{"has_fix", Bool, func(v *T) Value { return boolean(of(v).HasFix, of(v).Kernel != "") }},
	}
}

// shapeFields are a machine's shape.
func shapeFields[T any](of func(*T) fleet.Shape) []field[T] {
	part := func(n func(s fleet.Shape) int) func(*T) Value {
		return func(v *T) Value { s := of(v); return number(int64(n(s)), s.CPUs > 0 && n(s) > 0) }
	}
	return []field[T]{
		{"machine_cpus", Int, part(func(s fleet.Shape) int { return s.CPUs })},
		{"core_threads", Int, part(func(s fleet.Shape) int { return s.Threads })},
		{"llc_cpus", Int, part(func(s fleet.Shape) int { return s.LLC })},
		{"numa_nodes", Int, part(func(s fleet.Shape) int { return s.Nodes })},
	}
}

// heldFields are what foreign tasks did.
func heldFields[T any](of func(*T) (h *findings.Held, modelled bool)) []field[T] {
	count := func(n func(h *findings.Held) int64) func(*T) Value {
		return func(v *T) Value { h, _ := of(v); return number(n(h), true) }
	}
	remains := func(n func(h *findings.Held) int64) func(*T) Value {
		return func(v *T) Value { h, modelled := of(v); return number(n(h), modelled) }
	}
	return []field[T]{
		{"entries", Int, count(func(h *findings.Held) int64 { return h.Entries.Total() })},
		{"unseen", Int, count(func(h *findings.Held) int64 { return h.Entries.Unseen })},
		{"residents", Int, count(func(h *findings.Held) int64 { return h.Residents })},
		{"wakings", Int, count(func(h *findings.Held) int64 { return h.Wakings })},
		{"runs", Int, count(func(h *findings.Held) int64 { return h.Runs })},
		{"cut_runs", Int, count(func(h *findings.Held) int64 { return h.CutRuns })},
		{"held_ns", Int, count(func(h *findings.Held) int64 { return h.NS })},
		{"delayed_owner", Int, count(func(h *findings.Held) int64 { return h.Delayed })},
		{"delayed_owner_ns", Int, count(func(h *findings.Held) int64 { return h.DelayedNS })},
		{"other_certain", Int, remains(func(h *findings.Held) int64 { return h.Remains.Certain })},
		{"other_possible", Int, remains(func(h *findings.Held) int64 { return h.Remains.Possible })},
		{"other_held_ns", Int, remains(func(h *findings.Held) int64 { return h.Remains.MinNS })},
		{"other_held_max_ns", Int, remains(func(h *findings.Held) int64 { return h.Remains.MaxNS })},
	}
}

// Captures is one row: the capture, its host and kernel, and what it amounts to.
var Captures = pick("captures", slices.Concat(
	summaryFields(func(s *fleet.Summary) *fleet.Summary { return s }),
	shapeFields(func(s *fleet.Summary) fleet.Shape { return s.Shape }),
	heldFields(func(s *fleet.Summary) (*findings.Held, bool) {
		var h findings.Held
		for i := range s.Causes {
			h.Merge(&s.Causes[i].Held)
		}
		return &h, s.Shape.CPUs > 0
	}),
	[]field[fleet.Summary]{
		{"name", Name, func(s *fleet.Summary) Value { return word(s.Name) }},
		{"dialect", Word, func(s *fleet.Summary) Value { return word(string(s.Dialect)) }},
		{"program", Word, func(s *fleet.Summary) Value { return word(s.Program) }},
		{"command", Word, func(s *fleet.Summary) Value { return word(s.Command) }},
		{"start_ns", Int, func(s *fleet.Summary) Value { return nanoseconds(s.StartNS) }},
		{"end_ns", Int, func(s *fleet.Summary) Value { return nanoseconds(s.EndNS) }},
		{"isolated", Word, func(s *fleet.Summary) Value { return word(s.Isolated) }},
		{"cpus", Int, func(s *fleet.Summary) Value { return number(s.CPUs, true) }},
		{"window_ns", Int, func(s *fleet.Summary) Value { return number(s.WindowNS, true) }},
		{"unknown_ns", Int, func(s *fleet.Summary) Value { return number(s.UnknownNS, true) }},
		{"judged", Bool, func(s *fleet.Summary) Value { return boolean(s.Judged(), true) }},
		{"decisions", Int, func(s *fleet.Summary) Value { return number(s.Decisions, true) }},
		{"exact", Int, func(s *fleet.Summary) Value { return number(s.Exact, true) }},
		{"covered", Int, func(s *fleet.Summary) Value { return number(s.Covered, true) }},
		{"unjudged", Int, func(s *fleet.Summary) Value { return number(s.Unjudged, true) }},
		{"lost", Int, func(s *fleet.Summary) Value { return number(s.Lost, true) }},
		{"partial", Line, func(s *fleet.Summary) Value { return word(s.Partial) }},
	},
), `capture host kernel wall_ns has_fix name dialect program command start_ns end_ns machine_cpus core_threads llc_cpus numa_nodes
	isolated cpus window_ns unknown_ns judged entries unseen residents wakings runs cut_runs held_ns delayed_owner delayed_owner_ns
	other_certain other_possible other_held_ns other_held_max_ns decisions exact covered unjudged lost partial`)

// CauseRow is what a row of [Causes] is made of.
type CauseRow struct {
	Of *fleet.Summary
	*fleet.Harm
}

// Causes is what brought foreign tasks onto the isolated CPUs of a capture.
var Causes = pick("causes", slices.Concat(
	summaryFields(func(r *CauseRow) *fleet.Summary { return r.Of }),
	shapeFields(func(r *CauseRow) fleet.Shape { return r.Shape }),
	heldFields(func(r *CauseRow) (*findings.Held, bool) { return &r.Held, r.Shape.CPUs > 0 }),
	[]field[CauseRow]{
		{"intruder", Name, func(r *CauseRow) Value { return word(r.Intruder) }},
		{"how", Word, func(r *CauseRow) Value { return word(string(r.How)) }},
		{"path", Word, func(r *CauseRow) Value { return word(r.Path) }},
	},
), `capture host kernel wall_ns has_fix intruder how path machine_cpus core_threads llc_cpus numa_nodes
	entries unseen residents wakings runs cut_runs held_ns delayed_owner delayed_owner_ns
	other_certain other_possible other_held_ns other_held_max_ns`)

// DelayRow is what a row of [Delays] is made of: the delays of one isolated CPU's owner.
type DelayRow struct {
	Of       *fleet.Summary
	CPU      int
	Owner    string
	Intruded bool
	Dist     *stats.Dist
}

func (r *DelayRow) percentile(p float64) Value { return number(r.Dist.Percentile(p)) }

// Delays is the owners' sch delays on each isolated CPU, as HdrHistograms that merge.
var Delays = pick("delays", slices.Concat(
	summaryFields(func(r *DelayRow) *fleet.Summary { return r.Of }),
	[]field[DelayRow]{
		{"cpu", Int, func(r *DelayRow) Value { return cpu(r.CPU) }},
		{"owner", Name, func(r *DelayRow) Value { return word(r.Owner) }},
		{"intruded", Bool, func(r *DelayRow) Value { return boolean(r.Intruded, true) }},
		{"count", Int, func(r *DelayRow) Value { return number(r.Dist.Count(), true) }},
		{"mean_ns", Int, func(r *DelayRow) Value { return number(r.Dist.Mean(), true) }},
		{"p50_ns", Int, func(r *DelayRow) Value { return r.percentile(50) }},
		{"p99_ns", Int, func(r *DelayRow) Value { return r.percentile(99) }},
		{"max_ns", Int, func(r *DelayRow) Value { return number(r.Dist.Max(), true) }},
		{"histogram", Word, func(r *DelayRow) Value { return word(r.Dist.Encoded()) }},
	},
), `capture host kernel wall_ns cpu owner intruded count mean_ns p50_ns p99_ns max_ns histogram`)

// Inputs lists what became of the captures that a fleet was given.
var Inputs = pick("inputs", []field[fleet.Input]{
	{"path", Line, func(in *fleet.Input) Value { return word(in.Path) }},
	{"outcome", Word, func(in *fleet.Input) Value { return word(in.Outcome()) }},
	{"capture", Word, func(in *fleet.Input) Value { return word(in.Capture) }},
	{"host", Name, func(in *fleet.Input) Value { return word(in.Host) }},
	{"ended", Word, ofDead(func(d *fleet.DeadLetter) Value { return word(string(d.End)) })},
	{"status", Int, ofDead(func(d *fleet.DeadLetter) Value { return number(int64(d.Status), d.Status >= 0) })},
	{"signal", Word, ofDead(func(d *fleet.DeadLetter) Value { return word(d.Signal) })},
	{"line", Line, func(in *fleet.Input) Value {
		if in.Dead != nil {
			return word(in.Dead.Line)
		}
		return word(in.Partial)
	}},
}, `path outcome capture host ended status signal line`)

func ofDead(v func(*fleet.DeadLetter) Value) func(*fleet.Input) Value {
	return func(in *fleet.Input) Value {
		if in.Dead == nil {
			return Value{}
		}
		return v(in.Dead)
	}
}
