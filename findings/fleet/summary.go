package fleet

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

// Schema is the version of a Summary's fields.
const Schema = 2

// Doubt says why a recording, or a part of what it would tell, cannot be judged.
type Doubt string

// The doubts, the gravest first. The first three leave nothing to judge.
const (
	// IsolationUnknown: which CPUs are isolated is not known.
	IsolationUnknown Doubt = "isolation-unknown"
	// NoneIsolated: the host isolates no CPU.
	NoneIsolated Doubt = "none-isolated"
	// NotRecorded: CPUs are isolated, and the recording shows none of them.
	NotRecorded Doubt = "isolated-not-recorded"
	// Partial: the recording could not be read to its end.
	Partial Doubt = "partial"
	// TimeUnknown: on isolated CPUs there is time of which it does not tell who ran.
	TimeUnknown Doubt = "time-unknown"
	// TopologyUnknown: no kernel can be asked where it would place a task.
	TopologyUnknown Doubt = "topology-unknown"
	// KernelUnknown: which kernel made the recording is not known.
	KernelUnknown Doubt = "kernel-unknown"
	// OwnerUnknown: of no isolated CPU the owner is known.
	OwnerUnknown Doubt = "owner-unknown"
	// ModelDoubtful: the model explains too little of it; see [findings.Fidelity.Doubtful].
	ModelDoubtful Doubt = "model-doubtful"
)

// Doubts lists them, the gravest first.
func Doubts() []Doubt {
	return []Doubt{IsolationUnknown, NoneIsolated, NotRecorded, Partial, TimeUnknown, TopologyUnknown, KernelUnknown, OwnerUnknown, ModelDoubtful}
}

// Prevents reports whether nothing of isolated CPUs can be judged.
func (d Doubt) Prevents() bool { return d == IsolationUnknown || d == NoneIsolated || d == NotRecorded }

// Shape is a machine's topology in short: hosts with the same Shape have the same paths
// open. Its zero value is an unknown topology.
type Shape struct {
	// CPUs counts those of the machine; Threads are those of the largest core, LLC those
	// that share the largest last-level cache, Nodes the NUMA nodes, 0 if not known.
	CPUs    int `json:"cpus"`
	Threads int `json:"threads"`
	LLC     int `json:"llc"`
	Nodes   int `json:"nodes"`
}

func shapeOf(h *parser.Host) Shape {
	s := Shape{Nodes: len(h.Node)}
	for i := range h.CPU {
		if c := &h.CPU[i]; c.Known {
			s.CPUs++
			s.Threads, s.LLC = max(s.Threads, c.Siblings.Weight()), max(s.LLC, c.LLC.Weight())
		}
	}
	if s.CPUs == 0 {
		return Shape{}
	}
	return s
}

// Cause is what brought foreign tasks of one name onto isolated CPUs in one way.
type Cause struct {
	// Intruder is the tasks' name; see [TaskKind]. It is empty for what is beyond
	// [MaxCauses], whose names and ways are not told apart.
	Intruder string `json:"intruder"`
	// How they came, and the path through the kernel if it was by a wakeup.
	How  replay.How `json:"how"`
	Path string     `json:"path"`
	// Kernel made the recording, empty if it is not known; HasFix: it carries what keeps
	// foreign tasks out, so that Held.Remains is of the kernel without it.
	Kernel string `json:"kernel"`
	HasFix bool   `json:"has_fix"`
	Shape  Shape  `json:"shape"`
}

func compareCauses(a, b Cause) int {
	fix := func(c *Cause) int {
		if c.HasFix {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(a.Intruder, b.Intruder), cmp.Compare(a.How, b.How), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Kernel, b.Kernel), fix(&a)-fix(&b),
		cmp.Compare(a.Shape.CPUs, b.Shape.CPUs), cmp.Compare(a.Shape.Threads, b.Shape.Threads), cmp.Compare(a.Shape.LLC, b.Shape.LLC), cmp.Compare(a.Shape.Nodes, b.Shape.Nodes))
}

// Harm is what a cause did.
type Harm struct {
	Cause
	Held findings.Held `json:"held"`
}

// Owner is how long isolated CPUs' owners of one name waited.
type Owner struct {
	Name string `json:"name"`
	// Delays are the sch delays, Intruded those of them with a foreign task on the CPU
	// meanwhile.
	Delays   stats.Dist `json:"delays"`
	Intruded stats.Dist `json:"intruded"`
	// Gaps are the off-CPU gaps of those that never sleep.
	Gaps stats.Dist `json:"gaps"`
}

// Bounds on a Summary: recordings are hostile, and names are theirs.
const (
	// MaxCauses bounds the causes told apart, the costliest first.
	MaxCauses = 200
	// MaxOwners bounds the owners.
	MaxOwners = 200
)

// Origin says where a recording is from, and what its Summary was made by.
type Origin struct {
	// Capture is the SHA-256 of the recording's bytes, Name its file without folders.
	Capture string `json:"capture"`
	Name    string `json:"name"`
	// Inputs is a digest of all that the Summary follows from: the capture, its bundle, the
	// program's version and flags; empty if it cannot be told. Program and Command name the
	// latter two.
	Inputs  string `json:"inputs"`
	Program string `json:"program"`
	Command string `json:"command"`
	// WallOffset added to the recording's clock gives ns since 1970, if WallKnown.
	WallOffset int64 `json:"wall_offset_ns"`
	WallKnown  bool  `json:"wall_known"`
}

// Summary is what one recording amounts to.
type Summary struct {
	Schema int `json:"schema_version"`
	Origin
	// Host is its name, empty if it is not known. Kernel made the recording.
	Host    string         `json:"host"`
	Kernel  string         `json:"kernel"`
	HasFix  bool           `json:"has_fix"`
	Shape   Shape          `json:"shape"`
	Dialect parser.Dialect `json:"dialect"`
	// Isolated are the isolated CPUs as the kernel writes lists, CPUs counts those looked at.
	Isolated string `json:"isolated"`
	CPUs     int64  `json:"cpus"`
	// StartNS and EndNS are of the recording's clock.
	StartNS int64 `json:"start_ns"`
	EndNS   int64 `json:"end_ns"`
	// WindowNS and UnknownNS add up over the CPUs, see [findings.Sum].
	WindowNS  int64 `json:"window_ns"`
	UnknownNS int64 `json:"unknown_ns"`
	// Decisions, Exact, Covered and Unjudged are the model's fidelity.
	Decisions int64 `json:"decisions"`
	Exact     int64 `json:"exact"`
	Covered   int64 `json:"covered"`
	Unjudged  int64 `json:"unjudged"`
	Lost      int64 `json:"lost"`
	// Partial says why the recording could not be read to its end, empty if it was.
	Partial string  `json:"partial"`
	Doubts  []Doubt `json:"doubts"`
	// Causes and Owners are in order of what they are called.
	Causes []Harm  `json:"causes"`
	Owners []Owner `json:"owners"`
	Noise  Noise   `json:"noise"`
}

// SummaryOf sums up the findings of a recording.
func SummaryOf(f *findings.Findings, o Origin) *Summary {
	res := f.Result
	s := &Summary{
		Schema: Schema, Origin: o, Kernel: KernelOf(res), HasFix: f.HasFix(), Shape: shapeOf(res.Host), CPUs: int64(f.Sum.CPUs), StartNS: res.Start, EndNS: res.End,
		WindowNS: f.Sum.WindowNS, UnknownNS: f.Sum.UnknownNS, Decisions: f.Fidelity.Decisions, Exact: f.Fidelity.Exact, Covered: f.Fidelity.Covered,
		Unjudged: f.Fidelity.Unjudged, Lost: res.Lost + res.Overwritten, Isolated: res.Isolated.Value.String(), Host: HostOf(res),
	}
	if res.Meta != nil {
		s.Dialect = res.Meta.Dialect
	}
	if res.Partial != nil {
		s.Partial = parser.Message(res.Partial)
	}
	s.Doubts = doubtsOf(f)
	s.addCauses(f)
	s.Noise = noiseOf(f)
	for _, c := range f.CPUs {
		if c.Owner == nil {
			continue
		}
		w := &c.Waits[replay.SchDelay]
		all, intruded, gaps := w.Dist(), stats.Merged(w.Intruded), &stats.Dist{}
		if c.Kind() == replay.OffCPUGap {
			gaps = c.Told().Dist()
		}
		if all.Count()+gaps.Count() > 0 && len(s.Owners) < MaxOwners {
			s.Owners = mergeOwners(s.Owners, []Owner{{TaskKind(c.Owner.Comm), *all, *intruded, *gaps}})
		}
	}
	return s
}

// HostOf is the recorded host's name, empty if it has none of its own.
func HostOf(res *replay.Result) string {
	if h := res.Host.Hostname.Value; h != "(none)" && h != "localhost" {
		return strings.ToValidUTF8(h, "\ufffd")
	}
	return ""
}

// KernelOf names the kernel that made a recording, empty if it is not known.
func KernelOf(res *replay.Result) string {
	if k := res.BaselineKernel(); k != nil && res.KernelsFrom != fact.Assumed {
		return k.Name
	}
	return ""
}

func (s *Summary) addCauses(f *findings.Findings) {
	var list []Harm
	for _, c := range f.CPUs {
		for i, st := range c.Stays {
			cause := Cause{Intruder: TaskKind(st.Task.Comm), How: st.How, Kernel: s.Kernel, HasFix: s.HasFix, Shape: s.Shape}
			if st.Entry != nil {
				cause.Path = string(st.Entry.Path)
			}
			list = mergeHarms(list, []Harm{{cause, *findings.HeldBy(st, i)}})
		}
		if d := c.Dropped; d != nil {
			list = mergeHarms(list, []Harm{{Cause{Kernel: s.Kernel, HasFix: s.HasFix, Shape: s.Shape}, *d}})
		}
	}
	if len(list) > MaxCauses {
		slices.SortStableFunc(list, func(a, b Harm) int { return cmp.Compare(b.Held.NS, a.Held.NS) })
		rest := Harm{Cause: Cause{Kernel: s.Kernel, HasFix: s.HasFix, Shape: s.Shape}}
		for _, h := range list[MaxCauses:] {
			rest.Held.Merge(&h.Held)
		}
		list = list[:MaxCauses]
		slices.SortFunc(list, func(a, b Harm) int { return compareCauses(a.Cause, b.Cause) })
		list = mergeHarms(list, []Harm{rest})
	}
	s.Causes = list
}

func doubtsOf(f *findings.Findings) []Doubt {
	list := []Doubt{}
	add := func(d Doubt, holds bool) {
		if holds {
			list = append(list, d)
		}
	}
	isolation := f.Isolation()
	add(IsolationUnknown, isolation == findings.IsolationUnknown)
	add(NoneIsolated, isolation == findings.NoneIsolated)
	add(NotRecorded, isolation == findings.NoneLookedAt)
	add(Partial, f.Result.Partial != nil)
	seen := isolation == findings.IsolationSeen
	add(TimeUnknown, seen && f.Sum.UnknownNS > f.Sum.WindowNS/100)
	add(TopologyUnknown, !f.TopologyKnown())
	add(KernelUnknown, f.Recorded() == nil || f.Fix.Assumed)
	add(OwnerUnknown, seen && f.Sum.Owners == 0)
	add(ModelDoubtful, f.Fidelity.Doubtful())
	return list
}

// numbered is the number of a CPU or a pool behind a slash.
var numbered = regexp.MustCompile(`/u?[0-9]+(:[0-9]+)?[HI]*(-|$)`)

// TaskKind is the name under which tasks are counted together over hosts: kernel threads
// of one kind differ in numbers of CPUs, pools and interrupts behind a slash
// (kworker/43:1H, ksoftirqd/3, irq/27-nvme0q1), which become a star. Bytes that are not
// UTF-8 become U+FFFD.
func TaskKind(comm string) string {
	return numbered.ReplaceAllString(strings.ToValidUTF8(comm, "\ufffd"), "/*$2")
}

// Judged reports whether isolated CPUs can be judged at all.
func (s *Summary) Judged() bool { return !slices.ContainsFunc(s.Doubts, Doubt.Prevents) }
