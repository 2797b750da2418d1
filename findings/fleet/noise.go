package fleet

import (
	"cmp"
	"slices"
	"strings"

	"schedreplay/findings"
	"schedreplay/replay"
)

// MaxNoise bounds the sources of noise of a Summary that are told apart, the costliest first.
const MaxNoise = 200

// Source is what one source of noise took of isolated CPUs.
type Source struct {
	// Kind and Name are those of [replay.NoiseItem]; tasks are counted together, see
	// [TaskKind]. Name is empty for what is not told apart.
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Count is how often it ran, NS for how long in all, LongestNS the longest of them.
	Count     int64 `json:"count"`
	NS        int64 `json:"ns"`
	LongestNS int64 `json:"longest_ns"`
	// OwnerNS is the part of NS in which the CPU's owner was on it or waited for it, OwnedNS
	// that on CPUs whose owner is known.
	OwnerNS int64 `json:"owner_ns"`
	OwnedNS int64 `json:"owned_ns"`
}

func (s *Source) merge(o *Source) {
	s.Count += o.Count
	s.NS += o.NS
	s.OwnerNS += o.OwnerNS
	s.OwnedNS += o.OwnedNS
	s.LongestNS = max(s.LongestNS, o.LongestNS)
}

// kindOf is the kind's place among the kinds; those of other versions come last.
func kindOf(name string) int {
	for k := range replay.NoiseKinds {
		if k.String() == name {
			return int(k)
		}
	}
	return int(replay.NoiseKinds)
}

func compareSources(a, b Source) int {
	return cmp.Or(cmp.Compare(kindOf(a.Kind), kindOf(b.Kind)), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
}

// Noise is what took isolated CPUs from their owners.
type Noise struct {
	// Sources by kind and name.
	Sources []Source `json:"sources"`
	// ToldNS is the time of which the recordings tell of each kind, over the CPUs.
	ToldNS map[string]int64 `json:"told_ns"`
}

func (n *Noise) merge(o *Noise) {
	n.Sources = mergeSorted(n.Sources, o.Sources, compareSources, (*Source).merge)
	for kind, ns := range o.ToldNS {
		n.told(kind, ns)
	}
}

func (n *Noise) told(kind string, ns int64) {
	if n.ToldNS == nil {
		n.ToldNS = map[string]int64{}
	}
	n.ToldNS[kind] += ns
}

// noiseOf sums up the noise of a recording's isolated CPUs.
func noiseOf(f *findings.Findings) Noise {
	n := Noise{Sources: []Source{}}
	for _, c := range f.CPUs {
		known := map[string]bool{}
		for _, r := range c.NoiseRows() {
			kind := r.Kind.String()
			if r.Known && !known[kind] {
				known[kind] = true
				n.told(kind, c.WindowNS-c.UnknownNS)
			}
			if r.Count == 0 {
				continue
			}
			s := Source{Kind: kind, Count: r.Count, NS: r.NS}
			if i := r.Item; i != nil {
				s.Name, s.LongestNS = TaskKind(i.Name), i.Longest
				if c.Owner != nil {
					s.OwnerNS, s.OwnedNS = i.OwnerNS, i.NS
				}
			}
			n.Sources = mergeSorted(n.Sources, []Source{s}, compareSources, (*Source).merge)
		}
	}
	if len(n.Sources) > MaxNoise {
		slices.SortStableFunc(n.Sources, func(a, b Source) int { return cmp.Compare(b.NS, a.NS) })
		rest := slices.Clone(n.Sources[MaxNoise:])
		n.Sources = n.Sources[:MaxNoise]
		slices.SortFunc(n.Sources, compareSources)
		for _, s := range rest {
			s.Name = ""
			n.Sources = mergeSorted(n.Sources, []Source{s}, compareSources, (*Source).merge)
		}
	}
	return n
}

// KindNoise is the noise of one kind: of a host, or of the fleet.
type KindNoise struct {
	// Host is nil of the fleet.
	Host *Host
	// Source is the sum, without a name; Most is the costliest source of it, nil if there
	// is none.
	Source
	Most *Source
	// ToldNS is the time of which the recordings tell of the kind, 0 if none does; Sources
	// may still tell of it by chance.
	ToldNS int64
	// Hosts counts the hosts that tell of the kind, Hit those that had any of it.
	Hosts, Hit int64
	// Worst is the host that lost the greatest share to it, nil of a host and if there is
	// none.
	Worst *Host
}

// Share is the part of the time that it took, 0 to 1; false if that is not known.
func (k *KindNoise) Share() (float64, bool) {
	if k.ToldNS <= 0 {
		return 0, false
	}
	return float64(k.NS) / float64(k.ToldNS), true
}

// Owner is what it cost the owners, false if none of theirs is known.
func (k *KindNoise) Owner() (int64, bool) {
	return k.OwnerNS, k.OwnedNS > 0 || k.NS == 0 && k.ToldNS > 0
}

// byKind sums noise up by kind; each kind has its place.
func (n *Noise) byKind(h *Host) []KindNoise {
	out := make([]KindNoise, replay.NoiseKinds)
	for i := range out {
		kind := replay.NoiseKind(i).String()
		out[i] = KindNoise{Host: h, Source: Source{Kind: kind}, ToldNS: n.ToldNS[kind]}
	}
	for i := range n.Sources {
		s := &n.Sources[i]
		k := kindOf(s.Kind)
		if k >= len(out) {
			continue
		}
		if out[k].merge(s); out[k].Most == nil || s.NS > out[k].Most.NS {
			out[k].Most = s
		}
	}
	return out
}

// rankNoise sums up the noise of the hosts that are judged, and orders it by the share that it
// took.
func (a *Answer) rankNoise() {
	if len(a.Hosts) == 0 {
		return
	}
	var all Noise
	for i := range a.Hosts {
		all.merge(&a.Hosts[i].Noise)
	}
	a.Noise = all.byKind(nil)
	most := make([]float64, len(a.Noise))
	for i := range a.Hosts {
		h := a.Hosts[i].Host
		for j, k := range h.Noise.byKind(h) {
			sum := &a.Noise[j]
			share, known := k.Share()
			if known {
				sum.Hosts++
			}
			if k.Count == 0 {
				continue
			}
			if sum.Hit++; known && share > most[j] {
				sum.Worst, most[j] = h, share
			}
			a.HostNoise = append(a.HostNoise, k)
		}
	}
	slices.SortStableFunc(a.HostNoise, func(x, y KindNoise) int {
		p, known := x.Share()
		q, also := y.Share()
		switch {
		case known && !also:
			return -1
		case also && !known:
			return 1
		}
		return cmp.Or(cmp.Compare(q, p), cmp.Compare(y.NS, x.NS))
	})
}
