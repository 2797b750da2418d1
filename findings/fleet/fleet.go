package fleet

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

// Fleet is many recordings together. The zero value holds none; Fleets merge.
type Fleet struct {
	hosts map[string]*Host
}

// Host is what the recordings of one host amount to.
type Host struct {
	// Name is the host's, empty if no recording tells it: then the one recording stands
	// for itself, by its Capture and File.
	Name    string `json:"name"`
	Capture string `json:"capture"`
	File    string `json:"file"`
	// Captures counts the recordings.
	Captures int64 `json:"captures"`
	// Doubts counts the recordings that each doubt is about.
	Doubts map[Doubt]int64 `json:"doubts"`
	// Kernels, Causes and Owners are in order of what they are called.
	Kernels []Kernel `json:"kernels"`
	Causes  []Harm   `json:"causes"`
	Owners  []Owner  `json:"owners"`
	Noise   Noise    `json:"noise"`
}

// Kernel is what recordings of one kernel, on machines of one shape, hold.
type Kernel struct {
	// Name is empty for kernels that are not known.
	Name   string `json:"name"`
	HasFix bool   `json:"has_fix"`
	Shape  Shape  `json:"shape"`
	// Captures counts the recordings, Judged those of which isolated CPUs can be judged.
	Captures int64 `json:"captures"`
	Judged   int64 `json:"judged"`
	// WindowNS and UnknownNS are of the isolated CPUs; see [findings.Sum].
	WindowNS  int64 `json:"window_ns"`
	UnknownNS int64 `json:"unknown_ns"`
	// Decisions, Exact, Covered and Unjudged are the model's fidelity.
	Decisions int64 `json:"decisions"`
	Exact     int64 `json:"exact"`
	Covered   int64 `json:"covered"`
	Unjudged  int64 `json:"unjudged"`
}

// Add adds a recording. Each must be added once.
func (f *Fleet) Add(s *Summary) {
	h := &Host{Name: s.Host, Captures: 1, Doubts: map[Doubt]int64{}, Causes: s.Causes, Owners: s.Owners, Noise: s.Noise}
	if h.Name == "" {
		h.Capture, h.File = s.Capture, s.Name
	}
	judged := int64(1)
	for _, d := range s.Doubts {
		h.Doubts[d]++
		if d.Prevents() {
			judged = 0
		}
	}
	h.Kernels = []Kernel{{
		s.Kernel, s.HasFix, s.Shape, 1, judged, s.WindowNS, s.UnknownNS, s.Decisions, s.Exact, s.Covered, s.Unjudged,
	}}
	f.add(h)
}

// Merge adds another fleet, whose recordings must be others. It may keep parts of o.
func (f *Fleet) Merge(o *Fleet) {
	for _, h := range o.hosts {
		f.add(h)
	}
}

func (f *Fleet) add(h *Host) {
	key := h.Name + "\x00" + h.Capture
	if f.hosts == nil {
		f.hosts = map[string]*Host{}
	}
	if mine := f.hosts[key]; mine != nil {
		mine.merge(h)
	} else {
		f.hosts[key] = h
	}
}

func (h *Host) merge(o *Host) {
	h.Captures += o.Captures
	for d, n := range o.Doubts {
		h.Doubts[d] += n
	}
	h.Kernels = mergeSorted(h.Kernels, o.Kernels, compareKernels, (*Kernel).merge)
	h.Causes = mergeHarms(h.Causes, o.Causes)
	h.Owners = mergeOwners(h.Owners, o.Owners)
	h.Noise.merge(&o.Noise)
}

func (k *Kernel) merge(o *Kernel) {
	k.Captures += o.Captures
	k.Judged += o.Judged
	k.WindowNS += o.WindowNS
	k.UnknownNS += o.UnknownNS
	k.Decisions += o.Decisions
	k.Exact += o.Exact
	k.Covered += o.Covered
	k.Unjudged += o.Unjudged
}

func compareKernels(a, b Kernel) int {
	return compareCauses(Cause{Kernel: a.Name, HasFix: a.HasFix, Shape: a.Shape}, Cause{Kernel: b.Name, HasFix: b.HasFix, Shape: b.Shape})
}

func mergeHarms(a, b []Harm) []Harm {
	return mergeSorted(a, b, func(x, y Harm) int { return compareCauses(x.Cause, y.Cause) }, func(x, y *Harm) { x.Held.Merge(&y.Held) })
}

func mergeOwners(a, b []Owner) []Owner {
	return mergeSorted(a, b, func(x, y Owner) int { return cmp.Compare(x.Name, y.Name) }, func(x, y *Owner) {
		x.Delays.Merge(&y.Delays)
		x.Intruded.Merge(&y.Intruded)
		x.Gaps.Merge(&y.Gaps)
	})
}

// mergeSorted adds the elements of b to those of a that they equal, or inserts them.
func mergeSorted[T any](a, b []T, compare func(T, T) int, merge func(x, y *T)) []T {
	for i := range b {
		at, found := slices.BinarySearchFunc(a, b[i], compare)
		if found {
			merge(&a[at], &b[i])
		} else {
			a = slices.Insert(a, at, b[i])
		}
	}
	return a
}

// Hosts lists the hosts by name, then by capture.
func (f *Fleet) Hosts() []*Host {
	return slices.SortedFunc(maps.Values(f.hosts), func(a, b *Host) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Capture, b.Capture))
	})
}

// MarshalJSON implements [json.Marshaler].
func (f *Fleet) MarshalJSON() ([]byte, error) { return json.Marshal(f.Hosts()) }

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Fleet) UnmarshalJSON(b []byte) error {
	var list []*Host
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*f = Fleet{}
	for _, h := range list {
		if h == nil {
			return errors.New("a host is null")
		}
		if h.Doubts == nil {
			h.Doubts = map[Doubt]int64{}
		}
		f.add(h)
	}
	return nil
}
