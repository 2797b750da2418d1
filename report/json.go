package report

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/export/rows"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

// SchemaVersion is the version of report.json, described in
// docs/report.schema.json. Fields may be added within a version; one that is
// renamed, removed or means something else makes a new one.
const SchemaVersion = 1

// Bounds on the lists in report.json; what is left out is counted there, and
// the CSV files hold it.
const (
	maxJSONStays = 1000
	maxJSONTasks = 1000
)

// object is a JSON object with its fields in order. Times and durations are integers in ns;
// unknown is null, never left out.
type object []field

type field struct {
	key   string // a plain word
	value any
}

// MarshalJSON implements [json.Marshaler].
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range o {
		v, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%s", f.key, v)
	}
	return append(b, '}'), nil
}

// document renders a whole one.
func (o object) document() ([]byte, error) {
	b, err := json.MarshalIndent(o, "", " ")
	return rows.Printable(append(b, '\n')), err
}

// known is a value, or null if it is not known.
func known[T any](v T, known bool) any {
	if !known {
		return nil
	}
	return v
}

// nonempty is a string, or null.
func nonempty(s string) any { return known(s, s != "") }

func migrationObjects(res *replay.Result) []object {
	list := make([]object, len(res.Migrations))
	for i := range list {
		m := &res.Migrations[i]
		list[i] = object{{"moved_by", m.By}, {"count", m.Count}, {"tasks", m.Tasks()}, {"to_isolated", known(m.Isolated, res.Isolated.Known())}}
	}
	return list
}

func causeObjects(w *replay.Waits) []object {
	return say.Each(findings.CausesOf(w.Parts), func(p replay.Part) object {
		return object{
			{"cause", p.Cause.String()},
			{"task", known(taskObject(p.Task), p.Task.PID != parser.NoPID)},
			// That of an interrupt, softirq or idle state.
			{"name", known(parser.DisplayComm(p.Name), p.Name != "")},
			{"ns", p.NS},
		}
	})
}

func taskObject(t replay.TaskRef) object {
	o := object{{"pid", known(t.PID, t.PID >= 0)}, {"comm", strings.ToValidUTF8(t.Comm, "\uFFFD")}}
	if !utf8.ValidString(t.Comm) {
		o = append(o, field{"comm_hex", hex.EncodeToString([]byte(t.Comm))})
	}
	return o
}

// delayObject is null where nobody waited.
func delayObject(h *stats.Dist) any {
	if h.Count() == 0 {
		return nil
	}
	o := object{{"count", h.Count()}, {"sum_ns", h.Sum()}, {"mean_ns", h.Mean()}}
	for _, p := range findings.Percentiles {
		key := strings.ReplaceAll(fmt.Sprintf("p%g_ns", p), ".", "_")
		o = append(o, field{key, known(h.Percentile(p))})
	}
	return append(o, field{"max_ns", h.Max()})
}

func worstObject(w *replay.Waits) any {
	if w.Count() == 0 {
		return nil
	}
	return object{{"ns", w.Worst()}, {"at_ns", known(w.WorstAt, w.WorstAt != parser.NoTime)}}
}

// gapsObject tells the owner's off-CPU gaps: without an intruder in them, with one, and all of
// them under the first alternative.
func gapsObject(w *replay.Waits) any {
	if w.Count() == 0 {
		return nil
	}
	return object{
		{"free", delayObject(w.Free)},
		{"intruded", delayObject(w.Intruded)},
		{"patched", delayObject(w.Patched)},
		{"worst", worstObject(w)},
		{"causes", causeObjects(w)},
	}
}

func cpuObject(c *findings.CPU) object {
	var owner any
	if c.Owner != nil {
		owner = taskObject(*c.Owner)
	}
	time := map[string]int64{}
	for class, ns := range c.Time {
		time[class.String()] = ns
	}
	stays := []json.RawMessage{}
	for i, s := range c.Stays[:min(len(c.Stays), maxJSONStays)] {
		stays = append(stays, rows.ReportStayObjects.AppendJSON(nil, &rows.Stay{Stay: s, N: i + 1, Modelled: true}))
	}
	delays := &c.Waits[replay.SchDelay]
	return object{
		{"cpu", c.CPU},
		{"owner", owner},
		{"owner_from", c.OwnerFrom.String()},
		{"time_ns", time},
		{"entries", c.All.Entries.Total()},
		{"residents", c.All.Residents},
		{"unseen", c.All.Entries.Unseen},
		{"foreign_runs", c.All.Runs},
		{"foreign_run_ns", c.All.NS},
		{"foreign_run_is_lower_bound", c.All.CutRuns > 0},
		{"patched_run_ns", [2]int64{c.All.Remains.MinNS, c.All.Remains.MaxNS}},
		{"owner_delay", delayObject(delays.Free)},
		{"owner_delay_intruded", delayObject(delays.Intruded)},
		{"owner_worst_delay", worstObject(delays)},
		{"owner_told_by", say.WaitNoun(c.Kind())},
		{"owner_gaps", gapsObject(&c.Waits[replay.OffCPUGap])},
		{"owner_delay_causes", causeObjects(delays)},
		{"stays", stays},
		{"stays_omitted", c.StaysDropped + int64(len(c.Stays)-len(stays))},
		{"others", say.Each(c.Others[:min(len(c.Others), maxJSONTasks)], func(o replay.OtherTask) object {
			return object{{"task", taskObject(o.Task)}, {"class", o.Class.String()}, {"runs", o.Runs}, {"run_ns", o.RunNS}}
		})},
		{"noise", noiseObject(c)},
		{"waker_chains", chainObjects(c)},
	}
}

func fixName(f rules.Fix) string { return string(f) }

// encodeJSON renders report.json.
func encodeJSON(all *findings.Findings, o *Options, doc *document, h *helped) ([]byte, error) {
	res := all.Result
	j := object{
		{"schema_version", SchemaVersion},
		{"program", o.Program},
		{"command", o.Command},
		{"headline", say.Each(say.Headline(res), say.Plain)},
		{"partial", nonempty(doc.Partial)},
		{"summary", say.Each(doc.Brief, say.Plain)},
		{"verdict", say.Each(doc.Verdict, func(p say.Paragraph) say.Paragraph { return say.Paragraph{Label: p.Label, Text: say.Plain(p.Text)} })},
		{"capture", captureObject(res, o.Checksum)},
		{"kernels", kernelsObject(all)},
	}
	if len(res.Alternatives) > 1 {
		j = append(j, field{"alternatives", alternativeObjects(res)})
	}
	isolated, isKnown := res.Isolated.Get()
	f, sum := &res.Fidelity, &all.Sum
	paths := map[string]object{}
	for _, p := range f.Paths {
		paths[string(p.Path)] = object{{"decisions", p.Decisions}, {"exact", p.Exact}, {"covered", p.Covered}}
	}
	moved := res.Moved[:min(len(res.Moved), maxJSONTasks)]
	return append(
		j,
		field{"isolated", object{{"cpus", known(isolated.String(), isKnown)}, {"from", res.Isolated.From.String()}, {"source", res.Isolated.Source}}},
		field{"fidelity", object{
			{"decisions", f.Decisions},
			{"exact", f.Exact},
			{"covered", f.Covered},
			{"possible_mean", f.PossibleMean()},
			{"unjudged", f.Unjudged},
			{"by_path", paths},
		}},
		// What the isolated CPUs amount to together: what check and compare judge.
		field{"sum", object{
			{"entries", sum.Held.Entries.Total()},
			{"residents", sum.Held.Residents},
			{"foreign_run_ns", sum.Held.NS},
			{"owner_delay", delayObject(sum.Waits[replay.SchDelay].Dist())},
			{"owner_gap", delayObject(sum.Waits[replay.OffCPUGap].Dist())},
		}},
		field{"cpus", say.Each(all.CPUs, cpuObject)},
		field{"landings", say.Each(res.Landings[:min(len(res.Landings), maxJSONTasks)], func(l *replay.Landing) object { return landingObject(l, res.Isolated) })},
		field{"changes", object{
			{"certain", res.MovedCertain},
			{"possible", res.MovedPossible},
			{"tasks", say.Each(moved, func(m replay.MovedTask) object {
				return object{
					{"task", taskObject(m.Task)},
					{"certain", m.Certain},
					{"possible", m.Possible},
					{"to_housekeeping", m.ToHousekeeping},
					{"to_isolated", m.ToIsolated},
					{"within", m.Within},
				}
			})},
			{"tasks_omitted", len(res.Moved) - len(moved)},
			{"paths", append([]findings.TurnCount{}, all.Changes.Turns...)},
		}},
		field{"idle_while_waited", spareObject(res.Spare)},
		field{"helped", h.object(res.Partial != nil)},
		field{"unknown", say.Each(res.Unknown, say.Unknown)},
		field{"notes", say.Each(say.Notes(res), say.Plain)},
	).document()
}

func captureObject(res *replay.Result, checksum string) object {
	var m parser.Meta
	name := ""
	if res.Meta != nil {
		m, name = *res.Meta, captureName(res.Meta)
	}
	events := map[string]int64{}
	for k, n := range res.Events {
		events[k.String()] = n
	}
	return object{
		{"name", name},
		{"sha256", nonempty(checksum)},
		{"format", m.Dialect},
		{"clock", nonempty(m.Clock.Name)},
		{"start_ns", res.Start},
		{"end_ns", res.End},
		{"cpus", res.Recorded.String()},
		{"events", events},
		{"wakeups", res.Wakeups},
		{"lost", res.Lost},
		{"lost_unknown", res.LostUnknown},
		{"overwritten", res.Overwritten},
		{"holes", res.Holes},
		{"damaged", res.Damaged},
		{"balancer_moves", res.BalancerMoves},
		{"balancer_ignored", res.BalancerIgnored},
		{"migrations", migrationObjects(res)},
	}
}

func kernelsObject(all *findings.Findings) object {
	res := all.Result
	name := func(k *rules.Kernel) any {
		if k == nil {
			return nil
		}
		return k.Name
	}
	return object{
		{"original", name(res.Original)},
		{"patched", name(res.Patched)},
		{"baseline", cmp.Or(res.Baseline, replay.RoleOriginal)},
		{"from", res.KernelsFrom.String()},
		{"added_fixes", say.Each(all.Fix.Adds, fixName)},
		{"removed_fixes", say.Each(all.Fix.Drops, fixName)},
	}
}

func landingObject(l *replay.Landing, isolated fact.Fact[cpumask.Mask]) object {
	var used cpumask.Mask
	for _, m := range []map[int]int64{l.Recorded, l.Original, l.Patched, l.RecordedRunNS} {
		for cpu := range m {
			used.Set(cpu)
		}
	}
	m, isKnown := isolated.Get()
	return object{{"task", taskObject(l.Task)}, {"cpus", say.Each(used.Slice(), func(cpu int) object {
		return object{
			{"cpu", cpu},
			{"isolated", known(m.Test(cpu), isKnown)},
			{"recorded", l.Recorded[cpu]},
			{"original", l.Original[cpu]},
			{"patched", l.Patched[cpu]},
			{"run_ns", l.RecordedRunNS[cpu]},
		}
	})}}
}

// alternativeObjects are all kernels compared with the one that made the recording.
func alternativeObjects(res *replay.Result) []object {
	return say.Each(res.Alternatives, func(a replay.AlternativeResult) object {
		return object{
			{"kernel", a.Name},
			{"moved_certain", a.MovedCertain},
			{"moved_possible", a.MovedPossible},
			{"holds", say.Each(a.Holds, func(h replay.Hold) object {
				return object{{"cpu", h.CPU}, {"entries", h.Entries}, {"entries_possible", h.EntriesPossible}, {"held_ns", h.HeldNS}}
			})},
		}
	})
}
