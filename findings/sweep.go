package findings

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Unsweepable says why no kernel's entries can be told.
type Unsweepable uint8

// The reasons.
const (
	Sweepable Unsweepable = iota
	// UnsweepableIsolation: which CPUs are isolated is not known.
	UnsweepableIsolation
	// UnsweepableNone: no CPU is isolated.
	UnsweepableNone
	// UnsweepableTopology: the machine's topology is not known.
	UnsweepableTopology
)

// CanSweep says whether kernels can be told apart on a host.
func CanSweep(h *parser.Host) Unsweepable {
	switch iso, ok := h.Isolated.Get(); {
	case !ok:
		return UnsweepableIsolation
	case iso.Empty():
		return UnsweepableNone
	case !h.TopologyKnown():
		return UnsweepableTopology
	}
	return Sweepable
}

// Sweep is what each of many kernels would have made of a recording.
type Sweep struct {
	*Findings
	// Rows are empty where Why says that there is nothing to tell.
	Rows []replay.SweepRow
	Why  Unsweepable
}

// SweepOf sums up a result whose alternatives are the kernels of a sweep.
func SweepOf(res *replay.Result, kernels []rules.Candidate) *Sweep {
	s := &Sweep{Findings: Of(res), Why: CanSweep(res.Host)}
	if s.Why == Sweepable {
		s.Rows = res.Swept(kernels)
	}
	return s
}

// SweptCPU is what the recording itself shows of one isolated CPU.
type SweptCPU struct {
	CPU int
	// Entries and NS are those of [CPU.All]: what every other output counts.
	Entries Entries
	NS      int64
	// Residents came otherwise than by a wakeup that the recording shows, so that no
	// selection could have kept them out; of those Unseen it does not tell.
	Residents, Unseen []*replay.Stay
}

// Recorded is what the recording shows of the CPUs looked at, in the order of the rows'
// holds.
func (s *Sweep) Recorded() []SweptCPU {
	var out []SweptCPU
	for _, cpu := range s.Result.Focus {
		r := SweptCPU{CPU: cpu}
		if i := slices.IndexFunc(s.CPUs, func(c *CPU) bool { return c.CPU == cpu }); i >= 0 {
			c := s.CPUs[i]
			r.Entries, r.NS = c.All.Entries, c.All.NS
			for _, st := range c.Stays {
				switch st.How {
				case replay.CameByWakeup:
				case replay.CameUnseen:
					r.Unseen = append(r.Unseen, st)
				default:
					r.Residents = append(r.Residents, st)
				}
			}
		}
		out = append(out, r)
	}
	return out
}

// Prevents reports whether a kernel keeps foreign tasks out: none enters by the likeliest
// facts, and what may enter besides cannot do so through a leak.
func Prevents(r *replay.SweepRow) bool {
	return !slices.ContainsFunc(r.Holds, func(h replay.Hold) bool {
		return h.Entries > 0 || h.EntriesPossible > 0 && r.Kernel.Rules.Leaks()
	})
}

// AnyEntry reports whether any kernel lets a task in, or may.
func (s *Sweep) AnyEntry() bool {
	return slices.ContainsFunc(s.Rows, func(r replay.SweepRow) bool {
		return slices.ContainsFunc(r.Holds, func(h replay.Hold) bool { return h.Entries > 0 || h.EntriesPossible > 0 })
	})
}

// Line is a mainline release with its stable branch.
type Line struct {
	Name string
	// First is its first release that keeps foreign tasks out, "" if there is none.
	First string
}

// Lines tells for each row of the rule table its first release that prevents the entries.
func (s *Sweep) Lines() []Line {
	holds := map[string]bool{}
	for i := range s.Rows {
		r := &s.Rows[i]
		for _, n := range append([]string{r.Kernel.Name}, r.Same...) {
			holds[n] = Prevents(r)
		}
	}
	var out []Line
	if len(s.Rows) == 0 {
		return nil
	}
	for _, row := range rules.Rows() {
		l := Line{Name: row.Name()}
		first := -1
		for n, ok := range holds {
			patch := -1
			if n == l.Name {
				patch = 0
			} else if rest, found := strings.CutPrefix(n, l.Name+"."); found {
				if _, err := fmt.Sscanf(rest, "%d", &patch); err != nil {
					continue
				}
			}
			if patch >= 0 && ok && (first < 0 || patch < first) {
				first, l.First = patch, n
			}
		}
		out = append(out, l)
	}
	return out
}
