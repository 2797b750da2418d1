package report

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/export/rows"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/findings/stats"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// SchemaVersion is the version of report.json, described in
// docs/report.schema.json. Fields may be added within a version; one that is
// renamed, removed or means something else makes a new one.
const SchemaVersion = 1

// Times and durations are integers in ns; unknown is null, never left out.
type jsonReport struct {
	SchemaVersion int             `json:"schema_version"`
	Program       string          `json:"program"`
	Command       string          `json:"command"`
	Headline      []string        `json:"headline"`
	Partial       *string         `json:"partial"`
	Summary       []string        `json:"summary"`
	Verdict       []say.Paragraph `json:"verdict"`
	Capture       jsonCapture     `json:"capture"`
	Kernels       jsonKernels     `json:"kernels"`
	// Alternatives are there where more than two kernels are compared.
	Alternatives []jsonAlternative `json:"alternatives,omitempty"`
	Isolated     jsonMask          `json:"isolated"`
	Fidelity     jsonFidelity      `json:"fidelity"`
	Sum          jsonSum           `json:"sum"`
	CPUs         []jsonCPU         `json:"cpus"`
	Landings     []jsonLanding     `json:"landings"`
	Changes      jsonChanges       `json:"changes"`
	// Spare is how long CPUs were idle while tasks waited, null where that is not known.
	Spare *jsonSpare `json:"idle_while_waited"`
	// Helped is what would have helped, null where nothing intruded or it was not asked for.
	Helped  *jsonHelped `json:"helped"`
	Unknown []say.Doubt `json:"unknown"`
	Notes   []string    `json:"notes"`
}

type jsonCapture struct {
	Name          string           `json:"name"`
	SHA256        *string          `json:"sha256"`
	Format        string           `json:"format"`
	Clock         *string          `json:"clock"`
	StartNS       int64            `json:"start_ns"`
	EndNS         int64            `json:"end_ns"`
	CPUs          string           `json:"cpus"`
	Events        map[string]int64 `json:"events"`
	Wakeups       int64            `json:"wakeups"`
	Lost          int64            `json:"lost"`
	LostUnknown   int64            `json:"lost_unknown"`
	Overwritten   int64            `json:"overwritten"`
	Holes         int64            `json:"holes"`
	Damaged       int64            `json:"damaged"`
	BalancerMoves int64            `json:"balancer_moves"`
	Ignored       int64            `json:"balancer_ignored"`
	Migrations    []jsonMigrations `json:"migrations"`
}

// jsonMigrations are recorded migrations by what moved the task, as moved_by of the stays.
type jsonMigrations struct {
	MovedBy  replay.Mover `json:"moved_by"`
	Count    int64        `json:"count"`
	Tasks    int          `json:"tasks"`
	Isolated *int64       `json:"to_isolated"`
}

func jsonMigrationsOf(res *replay.Result) []jsonMigrations {
	out := []jsonMigrations{}
	_, known := res.Isolated.Get()
	for i := range res.Migrations {
		m := &res.Migrations[i]
		j := jsonMigrations{MovedBy: m.By, Count: m.Count, Tasks: m.Tasks()}
		if known {
			j.Isolated = &m.Isolated
		}
		out = append(out, j)
	}
	return out
}

type jsonAlternative struct {
	Kernel        string     `json:"kernel"`
	MovedCertain  int64      `json:"moved_certain"`
	MovedPossible int64      `json:"moved_possible"`
	Holds         []jsonHold `json:"holds"`
}

type jsonHold struct {
	CPU             int   `json:"cpu"`
	Entries         int64 `json:"entries"`
	EntriesPossible int64 `json:"entries_possible"`
	HeldNS          int64 `json:"held_ns"`
}

type jsonKernels struct {
	Original *string  `json:"original"`
	Patched  *string  `json:"patched"`
	Baseline string   `json:"baseline"`
	From     string   `json:"from"`
	Added    []string `json:"added_fixes"`
	Removed  []string `json:"removed_fixes"`
}

type jsonMask struct {
	CPUs   *string `json:"cpus"`
	From   string  `json:"from"`
	Source string  `json:"source"`
}

type jsonFidelity struct {
	Decisions    int64               `json:"decisions"`
	Exact        int64               `json:"exact"`
	Covered      int64               `json:"covered"`
	PossibleMean float64             `json:"possible_mean"`
	Unjudged     int64               `json:"unjudged"`
	ByPath       map[string]jsonPath `json:"by_path"`
}

type jsonPath struct {
	Decisions int64 `json:"decisions"`
	Exact     int64 `json:"exact"`
	Covered   int64 `json:"covered"`
}

type jsonTask struct {
	PID     *int32  `json:"pid"`
	Comm    string  `json:"comm"`
	CommHex *string `json:"comm_hex,omitempty"`
}

type jsonCPU struct {
	CPU          int               `json:"cpu"`
	Owner        *jsonTask         `json:"owner"`
	OwnerFrom    string            `json:"owner_from"`
	TimeNS       map[string]int64  `json:"time_ns"`
	Entries      int64             `json:"entries"`
	Residents    int64             `json:"residents"`
	Unseen       int64             `json:"unseen"`
	Runs         int64             `json:"foreign_runs"`
	RunNS        int64             `json:"foreign_run_ns"`
	LowerBound   bool              `json:"foreign_run_is_lower_bound"`
	Patched      [2]int64          `json:"patched_run_ns"`
	Delay        *jsonDelay        `json:"owner_delay"`
	Intruded     *jsonDelay        `json:"owner_delay_intruded"`
	Worst        *jsonWorst        `json:"owner_worst_delay"`
	ToldBy       string            `json:"owner_told_by"`
	Gaps         *jsonGaps         `json:"owner_gaps"`
	Causes       []jsonCause       `json:"owner_delay_causes"`
	Stays        []json.RawMessage `json:"stays"`
	StaysOmitted int64             `json:"stays_omitted"`
	Others       []jsonOther       `json:"others"`
	// Noise is null where the recording tells of tasks alone; Chains are the owner's longest
	// sch delays by who woke whom.
	Noise  *jsonNoise  `json:"noise"`
	Chains []jsonChain `json:"waker_chains"`
}

// jsonSum is what the isolated CPUs amount to together: what check and compare judge.
type jsonSum struct {
	Entries   int64      `json:"entries"`
	Residents int64      `json:"residents"`
	RunNS     int64      `json:"foreign_run_ns"`
	Delay     *jsonDelay `json:"owner_delay"`
	Gap       *jsonDelay `json:"owner_gap"`
}

// jsonGaps are the owner's off-CPU gaps: without an intruder in them, with one, and all of
// them under the first alternative.
type jsonGaps struct {
	Free     *jsonDelay  `json:"free"`
	Intruded *jsonDelay  `json:"intruded"`
	Patched  *jsonDelay  `json:"patched"`
	Worst    *jsonWorst  `json:"worst"`
	Causes   []jsonCause `json:"causes"`
}

// jsonCause is the part of waits that went to one cause.
type jsonCause struct {
	Cause string    `json:"cause"`
	Task  *jsonTask `json:"task"`
	// Name is that of an interrupt, softirq or idle state.
	Name *string `json:"name"`
	NS   int64   `json:"ns"`
}

func jsonCausesOf(w *replay.Waits) []jsonCause {
	out := []jsonCause{}
	for _, p := range findings.CausesOf(w.Parts) {
		c := jsonCause{Cause: p.Cause.String(), NS: p.NS}
		if p.Task.PID != parser.NoPID {
			t := jsonTaskOf(p.Task)
			c.Task = &t
		}
		if p.Name != "" {
			name := parser.DisplayComm(p.Name)
			c.Name = &name
		}
		out = append(out, c)
	}
	return out
}

type jsonWorst struct {
	NS   int64  `json:"ns"`
	AtNS *int64 `json:"at_ns"`
}

type jsonDelay struct {
	Count int64  `json:"count"`
	Sum   int64  `json:"sum_ns"`
	Mean  int64  `json:"mean_ns"`
	P50   *int64 `json:"p50_ns"`
	P90   *int64 `json:"p90_ns"`
	P99   *int64 `json:"p99_ns"`
	P999  *int64 `json:"p99_9_ns"`
	Max   int64  `json:"max_ns"`
}

type jsonOther struct {
	Task  jsonTask `json:"task"`
	Class string   `json:"class"`
	Runs  int64    `json:"runs"`
	RunNS int64    `json:"run_ns"`
}

type jsonLanding struct {
	Task jsonTask         `json:"task"`
	CPUs []jsonLandingCPU `json:"cpus"`
}

type jsonLandingCPU struct {
	CPU      int   `json:"cpu"`
	Isolated *bool `json:"isolated"`
	Recorded int64 `json:"recorded"`
	Original int64 `json:"original"`
	Patched  int64 `json:"patched"`
	RunNS    int64 `json:"run_ns"`
}

type jsonChanges struct {
	Certain  int64                `json:"certain"`
	Possible int64                `json:"possible"`
	Tasks    []jsonMoved          `json:"tasks"`
	Omitted  int64                `json:"tasks_omitted"`
	Paths    []findings.TurnCount `json:"paths"`
}

type jsonMoved struct {
	Task           jsonTask `json:"task"`
	Certain        int64    `json:"certain"`
	Possible       int64    `json:"possible"`
	ToHousekeeping int64    `json:"to_housekeeping"`
	ToIsolated     int64    `json:"to_isolated"`
	Within         int64    `json:"within"`
}

// Bounds on the lists in report.json; what is left out is counted there, and
// the CSV files hold it.
const (
	maxJSONStays = 1000
	maxJSONTasks = 1000
)

func strPtr(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func jsonTaskOf(t replay.TaskRef) jsonTask {
	j := jsonTask{Comm: t.Comm}
	if t.PID >= 0 {
		j.PID = &t.PID
	}
	if !utf8.ValidString(t.Comm) {
		h := hex.EncodeToString([]byte(t.Comm))
		j.Comm, j.CommHex = strings.ToValidUTF8(t.Comm, "\uFFFD"), &h
	}
	return j
}

func jsonDelayOf(h *replay.DelayHistogram) *jsonDelay {
	if h.Count() == 0 {
		return nil
	}
	j := &jsonDelay{Count: h.Count(), Sum: h.Sum(), Mean: h.Mean(), Max: h.Max()}
	for _, p := range []struct {
		p   float64
		dst **int64
	}{{50, &j.P50}, {90, &j.P90}, {99, &j.P99}, {99.9, &j.P999}} {
		if stats.HasPercentile(p.p, h.Count()) {
			v := h.Percentile(p.p)
			*p.dst = &v
		}
	}
	return j
}

func jsonWorstOf(w *replay.Waits) *jsonWorst {
	if w.Count() == 0 {
		return nil
	}
	j := &jsonWorst{NS: w.Worst()}
	if w.WorstAt != parser.NoTime {
		j.AtNS = &w.WorstAt
	}
	return j
}

func jsonCPUOf(c *findings.CPU) jsonCPU {
	j := jsonCPU{
		CPU: c.CPU, OwnerFrom: c.OwnerFrom.String(), TimeNS: map[string]int64{}, Entries: c.All.Entries.Total(), Residents: c.All.Residents, Unseen: c.All.Entries.Unseen,
		Runs: c.All.Runs, RunNS: c.All.NS, LowerBound: c.All.CutRuns > 0, Patched: [2]int64{c.All.Remains.MinNS, c.All.Remains.MaxNS},
		Delay: jsonDelayOf(c.Waits[replay.SchDelay].Free), Intruded: jsonDelayOf(c.Waits[replay.SchDelay].Intruded), Worst: jsonWorstOf(&c.Waits[replay.SchDelay]),
		ToldBy: say.WaitNoun(c.Kind()), Causes: jsonCausesOf(&c.Waits[replay.SchDelay]), Stays: []json.RawMessage{}, StaysOmitted: c.StaysDropped, Noise: jsonNoiseOf(c), Chains: jsonChainsOf(c),
		Others: say.Each(c.Others[:min(len(c.Others), maxJSONTasks)], func(o replay.OtherTask) jsonOther {
			return jsonOther{jsonTaskOf(o.Task), o.Class.String(), o.Runs, o.RunNS}
		}),
	}
	if c.Owner != nil {
		t := jsonTaskOf(*c.Owner)
		j.Owner = &t
	}
	for class, ns := range c.Time {
		j.TimeNS[class.String()] = ns
	}
	if w := &c.Waits[replay.OffCPUGap]; w.Count() > 0 {
		j.Gaps = &jsonGaps{jsonDelayOf(w.Free), jsonDelayOf(w.Intruded), jsonDelayOf(w.Patched), jsonWorstOf(w), jsonCausesOf(w)}
	}
	for i, s := range c.Stays {
		if i == maxJSONStays {
			j.StaysOmitted += int64(len(c.Stays) - i)
			break
		}
		j.Stays = append(j.Stays, rows.ReportStayObjects.AppendJSON(nil, &rows.Stay{Stay: s, N: i + 1, Modelled: true}))
	}
	return j
}

func fixName(f rules.Fix) string { return string(f) }

// encodeJSON renders report.json.
func encodeJSON(all *findings.Findings, o *Options, doc *document, h *helped) ([]byte, error) {
	res := all.Result
	j := jsonReport{
		SchemaVersion: SchemaVersion, Program: o.Program, Command: o.Command, Headline: say.Each(say.Headline(res), say.Plain), Summary: say.Each(doc.Brief, say.Plain),
		Verdict:  say.Each(doc.Verdict, func(p say.Paragraph) say.Paragraph { return say.Paragraph{Label: p.Label, Text: say.Plain(p.Text)} }),
		CPUs:     say.Each(all.CPUs, jsonCPUOf),
		Landings: say.Each(res.Landings[:min(len(res.Landings), maxJSONTasks)], func(l *replay.Landing) jsonLanding { return jsonLandingOf(l, res.Isolated) }),
		Unknown:  say.Each(res.Unknown, say.Unknown),
		Notes:    say.Each(say.Notes(res), say.Plain),
		Isolated: jsonMask{From: res.Isolated.From.String(), Source: res.Isolated.Source},
	}
	j.Helped, j.Spare = h.json(res.Partial != nil), jsonSpareOf(res.Spare)
	if doc.Partial != "" {
		j.Partial = &doc.Partial
	}
	j.Capture = jsonCapture{
		SHA256: strPtr(o.Checksum), StartNS: res.Start, EndNS: res.End, CPUs: res.Recorded.String(), Events: map[string]int64{}, Wakeups: res.Wakeups,
		Lost: res.Lost, LostUnknown: res.LostUnknown, Overwritten: res.Overwritten, Holes: res.Holes, Damaged: res.Damaged,
		BalancerMoves: res.BalancerMoves, Ignored: res.BalancerIgnored, Migrations: jsonMigrationsOf(res),
	}
	if m := res.Meta; m != nil {
		j.Capture.Name, j.Capture.Format, j.Capture.Clock = captureName(m), string(m.Dialect), strPtr(m.Clock.Name)
	}
	for k, n := range res.Events {
		j.Capture.Events[k.String()] = n
	}
	j.Kernels = jsonKernels{Baseline: string(cmp.Or(res.Baseline, replay.RoleOriginal)), From: res.KernelsFrom.String(), Added: say.Each(all.Fix.Adds, fixName), Removed: say.Each(all.Fix.Drops, fixName)}
	if res.Original != nil {
		j.Kernels.Original = &res.Original.Name
	}
	if res.Patched != nil {
		j.Kernels.Patched = &res.Patched.Name
	}
	if len(res.Alternatives) > 1 {
		j.Alternatives = jsonAlternatives(res)
	}
	if m, ok := res.Isolated.Get(); ok {
		s := m.String()
		j.Isolated.CPUs = &s
	}
	f := &res.Fidelity
	j.Fidelity = jsonFidelity{f.Decisions, f.Exact, f.Covered, f.PossibleMean(), f.Unjudged, map[string]jsonPath{}}
	for _, p := range f.Paths {
		j.Fidelity.ByPath[string(p.Path)] = jsonPath{p.Decisions, p.Exact, p.Covered}
	}
	sum := &all.Sum
	j.Sum = jsonSum{sum.Held.Entries.Total(), sum.Held.Residents, sum.Held.NS, jsonDelayOf(sum.Waits[replay.SchDelay].Histogram()), jsonDelayOf(sum.Waits[replay.OffCPUGap].Histogram())}
	moved := res.Moved[:min(len(res.Moved), maxJSONTasks)]
	j.Changes = jsonChanges{Certain: res.MovedCertain, Possible: res.MovedPossible, Omitted: int64(len(res.Moved) - len(moved)), Tasks: []jsonMoved{}, Paths: append([]findings.TurnCount{}, all.Changes.Turns...)}
	for _, m := range moved {
		j.Changes.Tasks = append(j.Changes.Tasks, jsonMoved{jsonTaskOf(m.Task), m.Certain, m.Possible, m.ToHousekeeping, m.ToIsolated, m.Within})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	if err := e.Encode(j); err != nil {
		return nil, err
	}
	return rows.Printable(b.Bytes()), nil
}

func jsonLandingOf(l *replay.Landing, isolated fact.Fact[cpumask.Mask]) jsonLanding {
	var used cpumask.Mask
	for _, m := range []map[int]int64{l.Recorded, l.Original, l.Patched, l.RecordedRunNS} {
		for cpu := range m {
			used.Set(cpu)
		}
	}
	j := jsonLanding{Task: jsonTaskOf(l.Task), CPUs: []jsonLandingCPU{}}
	for _, cpu := range used.Slice() {
		c := jsonLandingCPU{CPU: cpu, Recorded: l.Recorded[cpu], Original: l.Original[cpu], Patched: l.Patched[cpu], RunNS: l.RecordedRunNS[cpu]}
		if m, ok := isolated.Get(); ok {
			in := m.Test(cpu)
			c.Isolated = &in
		}
		j.CPUs = append(j.CPUs, c)
	}
	return j
}

// jsonAlternatives are all kernels compared with the one that made the recording.
func jsonAlternatives(res *replay.Result) []jsonAlternative {
	var out []jsonAlternative
	for i := range res.Alternatives {
		a := &res.Alternatives[i]
		holds := say.Each(a.Holds, func(h replay.Hold) jsonHold { return jsonHold(h) })
		out = append(out, jsonAlternative{Kernel: a.Name, MovedCertain: a.MovedCertain, MovedPossible: a.MovedPossible, Holds: holds})
	}
	return out
}
