package rows

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/replay"
)

func ref(t *replay.TaskRef) (int32, string, int32) { return t.PID, t.Comm, t.Prio }

// wakeupFields are all that a table of decisions may have.
var wakeupFields = slices.Concat(
	[]field[replay.Wakeup]{
		{"n", Int, func(w *replay.Wakeup) Value { return number(w.N, true) }},
		{"time_ns", Int, func(w *replay.Wakeup) Value { return nanoseconds(w.Time) }},
		{"kind", Word, func(w *replay.Wakeup) Value { return word(w.Kind.String()) }},
		{"waker_context", Word, func(w *replay.Wakeup) Value { return word(string(w.WakerContext)) }},
		{"waker_cpu", Int, func(w *replay.Wakeup) Value { return cpu(w.WakerCPU) }},
		{"prev_cpu", Int, func(w *replay.Wakeup) Value { return cpu(w.PrevCPU) }},
		{"recorded_cpu", Int, func(w *replay.Wakeup) Value { return cpu(w.RecordedCPU) }},
		{"recorded_from", Word, func(w *replay.Wakeup) Value {
			if w.RecordedCPU < 0 {
				return Value{}
			}
			return word(w.RecordedFrom.String())
		}},
		{"selection", Bool, func(w *replay.Wakeup) Value { return boolean(w.Selection, w.SelectionKnown) }},
		{"moved", Word, func(w *replay.Wakeup) Value { return word(string(w.Moved)) }},
		{"model_miss", Bool, func(w *replay.Wakeup) Value { return boolean(w.ModelMiss, true) }},
		{"isolated", Bool, func(w *replay.Wakeup) Value { return boolean(w.Isolated, w.IsolatedKnown && w.RecordedCPU >= 0) }},
		{"diverged_since", Int, func(w *replay.Wakeup) Value { return number(w.DivergedSince, w.DivergedSince > 0) }},
		{"baseline", Word, func(w *replay.Wakeup) Value { return word(string(w.Baseline)) }},
		{"alternatives", raw, func(w *replay.Wakeup) Value { return word(string(alternatives(w.More))) }},
	},
	task("", func(w *replay.Wakeup) (int32, string, int32) { return ref(&w.Task) }),
	task("waker_", func(w *replay.Wakeup) (int32, string, int32) { return ref(&w.Waker) }),
	placed("original_", func(w *replay.Wakeup) *replay.Placed { return &w.Original }),
	placed("patched_", func(w *replay.Wakeup) *replay.Placed { return &w.Patched }),
)

// placed makes the fields of one kernel's answer.
func placed(prefix string, of func(*replay.Wakeup) *replay.Placed) []field[replay.Wakeup] {
	return []field[replay.Wakeup]{
		{prefix + "cpu", Int, func(w *replay.Wakeup) Value { return cpu(of(w).CPU) }},
		{prefix + "possible", CPUs, func(w *replay.Wakeup) Value { p := of(w); return Value{Known: p.Bounded, CPUs: p.May()} }},
		{prefix + "path", Word, func(w *replay.Wakeup) Value { return word(string(of(w).Path)) }},
		{prefix + "reason", Word, func(w *replay.Wakeup) Value { return word(string(of(w).Reason)) }},
		{prefix + "certain", Bool, func(w *replay.Wakeup) Value { return boolean(of(w).Certain(), true) }},
		{prefix + "prev_cpu", Int, func(w *replay.Wakeup) Value { return cpu(of(w).Prev) }},
		{prefix + "from", Word, func(w *replay.Wakeup) Value { return word(of(w).From.String()) }},
	}
}

// alternatives are the answers of further kernels as a JSON list, nil if there are none.
func alternatives(more []replay.Alternative) []byte {
	if len(more) == 0 {
		return nil
	}
	return ArrayOf(more, func(o *Object, m *replay.Alternative) {
		o.Word("kernel", m.Kernel)
		o.Number("cpu", int64(m.CPU), m.CPU >= 0)
		if o.known("possible", m.Bounded) {
			o.b = appendArray(o.b, m.May())
		}
		o.Word("path", string(m.Path))
		o.Bool("certain", m.Certain(), true)
		o.Number("prev_cpu", int64(m.Prev), m.Prev >= 0)
		o.Word("moved", string(m.Moved))
		o.Number("diverged_since", m.DivergedSince, m.DivergedSince > 0)
	})
}

// remains are what further kernels leave of a stay as a JSON list, nil if there are none.
func remains(more []replay.Remains) []byte {
	if len(more) == 0 {
		return nil
	}
	return ArrayOf(more, func(o *Object, m *replay.Remains) {
		o.Word("kernel", m.Kernel)
		o.Number("certain", m.Certain, true)
		o.Number("possible", m.Possible, true)
		o.Number("run_ns", m.RunNS, true)
		o.Number("run_max_ns", m.RunMaxNS, true)
	})
}

// The tables of decisions.
var (
	// Wakeups is what convert writes.
	Wakeups = pick("wakeups", wakeupFields, `
		n time_ns kind pid comm comm_hex prio
		waker_context waker_pid waker_comm waker_comm_hex waker_cpu prev_cpu recorded_cpu recorded_from selection
		original_cpu original_possible original_path original_reason original_certain original_prev_cpu original_from
		patched_cpu patched_possible patched_path patched_reason patched_certain patched_prev_cpu patched_from
		moved model_miss isolated diverged_since`)

	// WakeupObjects is the contract's object of the command wakeups.
	WakeupObjects = pick("wakeups", wakeupFields, `
		n time_ns kind pid comm comm_hex? prio
		waker_context waker_pid waker_comm waker_comm_hex? waker_cpu prev_cpu recorded_cpu selection
		original.cpu original.possible[] original.path original.certain original.prev_cpu original.reason?
		patched.cpu patched.possible[] patched.path patched.certain patched.prev_cpu patched.reason?
		moved isolated diverged_since baseline model_miss? alternatives?`)

	// WakeupLines is its CSV.
	WakeupLines = pick("wakeups", wakeupFields, `
		n time_ns kind pid comm prio waker_context waker_pid waker_comm waker_cpu prev_cpu recorded_cpu selection
		original_cpu original_possible original_path original_reason patched_cpu patched_possible patched_path patched_reason
		patched_prev_cpu moved isolated diverged_since model_miss
		comm_hex waker_comm_hex original_certain original_prev_cpu patched_certain`)

	// ReportWakeups is the report's wakeups.csv.
	ReportWakeups = pick("wakeups", wakeupFields, `
		n time_ns kind pid comm prio waker_context waker_pid waker_comm waker_cpu prev_cpu recorded_cpu isolated
		original_cpu original_possible original_path patched_cpu patched_possible patched_path moved model_miss diverged_since
		comm_hex waker_comm_hex`)

	reportEntries = pick("entries", wakeupFields, `
		n time_ns kind waker_context waker.pid=waker_pid waker.comm=waker_comm_text waker.comm_hex?=waker_comm_hex waker_cpu prev_cpu recorded_cpu
		original.cpu original.possible[] original.path original.reason original.certain original.prev_cpu original.from
		patched.cpu patched.possible[] patched.path patched.reason patched.certain patched.prev_cpu patched.from
		moved model_miss`)

	// Decisions names decisions in few fields.
	Decisions = pick("decisions", wakeupFields, `n time_ns pid comm comm_hex? prev_cpu recorded_cpu`)
)

// Stay is what a row of a stay is made of.
type Stay struct {
	*replay.Stay
	// N is the stay's number on its CPU, from 1; 0 if it has none.
	N int
	// Modelled is false where no kernel could be asked: what the patched kernel
	// leaves of the stay is then unknown.
	Modelled bool
}

func count(of func(*replay.Stay) int64) func(*Stay) Value {
	return func(s *Stay) Value { return number(of(s.Stay), true) }
}

func patchedCount(of func(*replay.Stay) int64) func(*Stay) Value {
	return func(s *Stay) Value { return number(of(s.Stay), s.Modelled) }
}

// entry is of the wakeup that began a stay, not known without one.
func entry(of func(*replay.Entry) Value) func(*Stay) Value {
	return func(s *Stay) Value {
		if s.Entry == nil {
			return Value{}
		}
		return of(s.Entry)
	}
}

var stayFields = slices.Concat(
	[]field[Stay]{
		{"cpu", Int, func(s *Stay) Value { return cpu(s.CPU) }},
		{"stay", Int, func(s *Stay) Value { return number(int64(s.N), s.N > 0) }},
		{"cgroup", Name, func(s *Stay) Value { return Value{Known: s.Cgroup != "", Text: s.Cgroup} }},
		{"class", Word, func(s *Stay) Value { return word(s.Class.String()) }},
		{"how", Word, func(s *Stay) Value { return word(string(s.How)) }},
		{"moved_by", Word, func(s *Stay) Value { return word(string(s.MovedBy)) }},
		{"from_cpu", Int, func(s *Stay) Value { return cpu(s.FromCPU) }},
		{"arrived_ns", Int, func(s *Stay) Value { return nanoseconds(s.Arrived) }},
		{"left_ns", Int, func(s *Stay) Value { return nanoseconds(s.Left) }},
		{"entry_n", Int, entry(func(e *replay.Entry) Value { return number(e.N, true) })},
		{"entry_path", Word, entry(func(e *replay.Entry) Value { return word(string(e.Path)) })},
		{"entry", raw, entry(func(e *replay.Entry) Value { return word(string(WakeupObjects.AppendJSON(nil, &e.Wakeup))) })},
		{"report_entry", raw, entry(func(e *replay.Entry) Value { return word(string(reportEntry(e))) })},
		{"patched_run_range", raw, func(s *Stay) Value { return pair(s.PatchedRunNS, max(s.PatchedRunNS, s.PatchedRunMaxNS)) }},
		{"patched_wakings", raw, func(s *Stay) Value { return pair(s.PatchedCertain, s.PatchedCertain+s.PatchedPossible) }},
		{"wakings", Int, count(func(s *replay.Stay) int64 { return s.Wakings })},
		{"selections", Int, count(func(s *replay.Stay) int64 { return s.Selections })},
		{"stayed_put", Int, count(func(s *replay.Stay) int64 { return s.StayedPut })},
		{"runs", Int, count(func(s *replay.Stay) int64 { return s.Runs })},
		{"cut_runs", Int, count(func(s *replay.Stay) int64 { return s.CutRuns })},
		{"run_ns", Int, count(func(s *replay.Stay) int64 { return s.RunNS })},
		{"delayed_owner", Int, count(func(s *replay.Stay) int64 { return s.DelayedOwner })},
		{"delayed_owner_ns", Int, count(func(s *replay.Stay) int64 { return s.DelayedOwnerNS })},
		{"patched_certain", Int, patchedCount(func(s *replay.Stay) int64 { return s.PatchedCertain })},
		{"patched_possible", Int, patchedCount(func(s *replay.Stay) int64 { return s.PatchedPossible })},
		{"patched_run_ns", Int, patchedCount(func(s *replay.Stay) int64 { return s.PatchedRunNS })},
		{"patched_run_max_ns", Int, patchedCount(func(s *replay.Stay) int64 { return s.PatchedRunMaxNS })},
		{"alternatives", raw, func(s *Stay) Value { return word(string(remains(s.More))) }},
	},
	task("", func(s *Stay) (int32, string, int32) { return ref(&s.Task) }),
)

// The tables of stays.
var (
	// Stays is what convert writes.
	Stays = pick("stays", stayFields, `
		cpu pid comm comm_hex prio class how from_cpu arrived_ns left_ns entry_n entry_path
		wakings selections stayed_put runs cut_runs run_ns
		patched_certain patched_possible patched_run_ns patched_run_max_ns delayed_owner delayed_owner_ns cgroup moved_by`)

	// StayObjects is the object of the command intrusions.
	StayObjects = pick("stays", stayFields, `
		pid comm comm_hex? cgroup? class how moved_by from_cpu arrived_ns left_ns wakings selections stayed_put runs cut_runs run_ns
		delayed_owner delayed_owner_ns patched_certain patched_possible patched_run_ns patched_run_max_ns alternatives? entry`)

	// ReportStays is the report's stays.csv.
	ReportStays = pick("stays", stayFields, `
		cpu stay pid comm came=how from_cpu arrived_ns left_ns entry_n entry_path wakings selections stayed_put
		runs cut_runs run_ns patched_run_ns patched_run_max_ns delayed_owner delayed_owner_ns comm_hex patched_certain patched_possible cgroup moved_by`)
)

// ReportStayObjects is a stay of report.json.
var ReportStayObjects = pick("stays", stayFields, `
	stay task.pid=pid task.comm=comm_text task.comm_hex?=comm_hex task.cgroup?=cgroup how moved_by from_cpu arrived_ns left_ns entry=report_entry
	wakings selections stayed_put runs cut_runs run_ns patched_run_ns=patched_run_range patched_wakings delayed_owner delayed_owner_ns`)

// pair is an array of two numbers.
func pair(a, b int64) Value { return word(fmt.Sprintf("[%d,%d]", a, b)) }

// reportEntry is the wakeup that began a stay, in report.json: with its steps.
func reportEntry(e *replay.Entry) []byte {
	var o Object
	o.Item(func() {
		Fields(&o, reportEntries, &e.Wakeup)
		x := e.Explanation
		if x == nil {
			o.Null("steps")
			return
		}
		o.Group("steps", func() {
			Each(&o, "original", x.Original, o.reportStep)
			Each(&o, "patched", x.Patched, o.reportStep)
		})
	})
	return o.b
}

func (o *Object) reportStep(s *replay.Step) {
	o.Word("func", s.Func)
	o.Word("test", say.Test(s))
	o.Word("answer", say.Answer(s))
	from := say.From(s)
	if s.Kind.OfTopology() {
		from = ""
	}
	o.Word("from", from)
	o.Bool("open", s.Fact.Open, true)
	o.Occupant("occupant", &s.Occupant)
}

// Occupant adds who keeps a CPU busy, null if that is not known.
func (o *Object) Occupant(k string, x *replay.Occupant) {
	if x.How == replay.OccupiesUnknown {
		o.Null(k)
		return
	}
	o.Group(k, func() {
		o.Group("task", func() { o.Task("", x.Task.PID, x.Task.Comm) })
		o.Word("how", x.How.String())
		o.Time("since_ns", x.Since)
	})
}

var runFields = slices.Concat(
	[]field[replay.Slice]{
		{"cpu", Int, func(r *replay.Slice) Value { return cpu(r.CPU) }},
		{"stay", Int, func(r *replay.Slice) Value { return number(int64(r.Stay)+1, r.Stay >= 0) }},
		{"class", Word, func(r *replay.Slice) Value { return word(r.Class.String()) }},
		{"start_ns", Int, func(r *replay.Slice) Value { return nanoseconds(r.Start) }},
		{"end_ns", Int, func(r *replay.Slice) Value { return nanoseconds(r.End) }},
		{"run_ns", Int, func(r *replay.Slice) Value {
			return number(r.End-r.Start, r.Start != parser.NoTime && r.End != parser.NoTime)
		}},
		{"cut_start", Bool, func(r *replay.Slice) Value { return boolean(r.CutStart, true) }},
		{"cut_end", Bool, func(r *replay.Slice) Value { return boolean(r.CutEnd, true) }},
		{"cut", Word, func(r *replay.Slice) Value {
			switch {
			case r.CutStart && r.CutEnd:
				return word("both")
			case r.CutStart:
				return word("start")
			case r.CutEnd:
				return word("end")
			}
			return word("no")
		}},
		{"delay_ns", Int, func(r *replay.Slice) Value { return nanoseconds(r.Delay) }},
		{"gap_ns", Int, func(r *replay.Slice) Value { return nanoseconds(r.Gap) }},
		{"patched", Word, func(r *replay.Slice) Value { return word(string(r.Patched)) }},
	},
	task("", func(r *replay.Slice) (int32, string, int32) { return ref(&r.Task) }),
)

// The tables of runs on isolated CPUs.
var (
	// Intrusions is what convert writes.
	Intrusions = pick("intrusions", runFields, `
		cpu stay pid comm comm_hex prio class start_ns end_ns run_ns cut_start cut_end delay_ns patched gap_ns`)

	// ReportIntrusions is the report's intrusions.csv.
	ReportIntrusions = pick("intrusions", runFields, `cpu stay pid comm start_ns end_ns run_ns cut patched comm_hex`)
)

// Intrudes reports whether a run belongs into these tables: one of a foreign
// task, or of one of which that is not known.
func Intrudes(r *replay.Slice) bool {
	return findings.IsIntruder(r) || r.Class == replay.ClassUnknown && r.Task.PID > 0
}

var sliceFields = slices.Concat(
	[]field[Slice]{
		{"cpu", Int, func(s *Slice) Value { return cpu(int(s.CPU)) }},
		{"start_ns", Int, func(s *Slice) Value { return nanoseconds(s.Start) }},
		{"end_ns", Int, func(s *Slice) Value { return nanoseconds(s.End) }},
		{"run_ns", Int, func(s *Slice) Value { return number(s.End-s.Start, s.Start != parser.NoTime && s.End != parser.NoTime) }},
		{"wait_ns", Int, func(s *Slice) Value { return nanoseconds(s.Wait) }},
		{"delay_ns", Int, func(s *Slice) Value { return nanoseconds(s.Delay) }},
		{"gap_ns", Int, func(s *Slice) Value { return nanoseconds(s.Gap) }},
		{"state", Word, func(s *Slice) Value {
			if !s.State.Known() {
				return Value{}
			}
			return word(s.State.String())
		}},
		{"cut_start", Bool, func(s *Slice) Value { return boolean(s.CutStart, true) }},
		{"cut_end", Bool, func(s *Slice) Value { return boolean(s.CutEnd, true) }},
	},
	task("", func(s *Slice) (int32, string, int32) { return s.Task.PID, s.Task.Comm, s.Task.Prio }),
)

// Slices is the timeline, CPU by CPU.
var Slices = pick("slices", sliceFields, `
	cpu pid comm comm_hex prio start_ns end_ns run_ns wait_ns delay_ns state cut_start cut_end gap_ns`)

// Hold is what a row of [Sweep] is made of: one isolated CPU under one kernel.
type Hold struct {
	*replay.SweepRow
	*replay.Hold
	// Prevents: the kernel keeps foreign tasks out.
	Prevents bool
}

// Sweep is the CSV of the command sweep.
var Sweep = pick("sweep", []field[Hold]{
	{"kernel", Word, func(h *Hold) Value { return word(h.Kernel.Name) }},
	{"same", Word, func(h *Hold) Value { return word(strings.Join(h.Same, " ")) }},
	{"cpu", Int, func(h *Hold) Value { return cpu(h.CPU) }},
	{"entries", Int, func(h *Hold) Value { return number(h.Entries, true) }},
	{"entries_possible", Int, func(h *Hold) Value { return number(h.EntriesPossible, true) }},
	{"held_ns", Int, func(h *Hold) Value { return number(h.HeldNS, true) }},
	{"leaks", Bool, func(h *Hold) Value { return boolean(h.Kernel.Rules.Leaks(), true) }},
	{"prevents", Bool, func(h *Hold) Value { return boolean(h.Prevents, true) }},
}, `kernel same cpu entries entries_possible held_ns leaks prevents`)
