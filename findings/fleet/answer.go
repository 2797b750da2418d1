package fleet

import (
	"cmp"
	"slices"
	"strings"

	"schedreplay/findings"
	"schedreplay/stats"
)

// Answer is what a fleet amounts to: who else, what, and how often.
type Answer struct {
	// Captures counts the recordings summed up, Judged those of which isolated CPUs can be
	// judged, Hit those among them with a foreign task there.
	Captures, Judged int64
	// Hosts are those that can be judged, the one whose isolated CPUs were held for the
	// greatest share of the time first.
	Hosts []RankedHost
	// Intruders by the hosts they were on, then by time.
	Intruders []Intruder
	// Kernels by the entries under them.
	Kernels []RankedKernel
	// Causes by hosts, then by time: one root cause each.
	Causes []RankedCause
	// Owners by the p99 of their delays or gaps, whichever is longer; Delays, Intruded and
	// Gaps are of all owners together.
	Owners                 []RankedOwner
	Delays, Intruded, Gaps stats.Dist
	// Noise is what else took isolated CPUs from their owners, by kind over all hosts that can
	// be judged, nil if there is none; HostNoise the same by host, the greatest share of the
	// time first.
	Noise, HostNoise []KindNoise
	// Doubtful are the hosts that cannot be judged, or not in all, the gravest first.
	Doubtful []DoubtfulHost
	// Dead are the captures of which there is no summary, by path.
	Dead []DeadLetter
}

// RankedHost is a host's place in the fleet.
type RankedHost struct {
	*Host
	// Held is what all foreign tasks did there.
	Held findings.Held
	// WindowNS and UnknownNS are of its isolated CPUs.
	WindowNS, UnknownNS int64
	// Worst is the costliest cause, nil where there was none.
	Worst *Harm
	// P99 of the owners' delay, or of the gaps of those that never sleep where that is longer
	// or alone known; Longest of both.
	P99      int64
	P99Known bool
	Longest  int64
}

// Share is the part of the time that foreign tasks held the isolated CPUs, 0 to 1.
func (h *RankedHost) Share() float64 {
	if h.WindowNS <= 0 {
		return 0
	}
	return float64(h.Held.NS) / float64(h.WindowNS)
}

// Intruder is a foreign task over all hosts.
type Intruder struct {
	// Name is empty for those that no summary tells apart.
	Name  string        `json:"intruder"`
	Hosts int64         `json:"hosts"`
	Held  findings.Held `json:"held"`
}

// RankedKernel is a kernel over all hosts.
type RankedKernel struct {
	// Kernel sums up the recordings under it, of machines of any shape: Shape is empty.
	Kernel
	// Hosts have it, Hit of them a foreign task on an isolated CPU.
	Hosts, Hit int64
	Held       findings.Held
	// Ways are the entries by how and path, the most frequent first.
	Ways []Way
}

// Way is a way in, and how many entries took it.
type Way struct {
	How     string `json:"how"`
	Path    string `json:"path"`
	Entries int64  `json:"entries"`
}

// RankedCause is a root cause over all hosts.
type RankedCause struct {
	Harm
	Hosts int64 `json:"hosts"`
}

// RankedOwner is the owners of one name over all hosts.
type RankedOwner struct {
	Owner
	Hosts int64
}

// DoubtfulHost is a host and what is doubted of it.
type DoubtfulHost struct {
	*Host
	// Judged is false where no recording of it can be judged.
	Judged bool
	// List are the doubts, the gravest first, with the recordings they are about.
	List []CountedDoubt
}

// CountedDoubt is a doubt and the number of recordings that it is about.
type CountedDoubt struct {
	Doubt    Doubt `json:"doubt"`
	Captures int64 `json:"captures"`
}

// Answer computes the answer. inputs are the captures that were given.
func (f *Fleet) Answer(inputs []Input) *Answer {
	a := &Answer{}
	for i := range inputs {
		if d := inputs[i].Dead; d != nil {
			a.Dead = append(a.Dead, *d)
		}
	}
	slices.SortFunc(a.Dead, func(x, y DeadLetter) int { return strings.Compare(x.Path, y.Path) })
	intruders, kernels := map[string]*Intruder{}, map[Cause]*RankedKernel{}
	for _, h := range f.Hosts() {
		a.Captures += h.Captures
		a.addDoubts(h)
		r := RankedHost{Host: h}
		judged := a.addKernels(kernels, h, &r)
		seen, hit := map[string]bool{}, map[Cause]bool{}
		for i := range h.Causes {
			c := &h.Causes[i]
			r.Held.Merge(&c.Held)
			if r.Worst == nil || c.Held.NS > r.Worst.Held.NS {
				r.Worst = c
			}
			key := Cause{Kernel: c.Kernel, HasFix: c.HasFix}
			k := ranked(kernels, key)
			k.addWay(c)
			if !hit[key] {
				hit[key] = true
				k.Hit++
			}
			in := intruders[c.Intruder]
			if in == nil {
				in = &Intruder{Name: c.Intruder}
				intruders[c.Intruder] = in
			}
			in.Held.Merge(&c.Held)
			if !seen[c.Intruder] {
				seen[c.Intruder] = true
				in.Hosts++
			}
			a.Causes = mergeSorted(a.Causes, []RankedCause{{*c, 1}}, func(x, y RankedCause) int { return compareCauses(x.Cause, y.Cause) },
				func(x, y *RankedCause) { x.Held.Merge(&y.Held); x.Hosts++ })
		}
		a.addOwners(h, &r)
		if judged > 0 {
			a.Judged += judged
			a.Hosts = append(a.Hosts, r)
		}
	}
	a.rankNoise()
	a.rank(intruders, kernels)
	return a
}

func (a *Answer) addDoubts(h *Host) {
	d := DoubtfulHost{Host: h}
	for i := range h.Kernels {
		d.Judged = d.Judged || h.Kernels[i].Judged > 0
	}
	for _, x := range Doubts() {
		if n := h.Doubts[x]; n > 0 {
			d.List = append(d.List, CountedDoubt{x, n})
		}
	}
	if len(d.List) > 0 {
		a.Doubtful = append(a.Doubtful, d)
	}
}

func (a *Answer) addKernels(kernels map[Cause]*RankedKernel, h *Host, r *RankedHost) (judged int64) {
	seen := map[Cause]bool{}
	for i := range h.Kernels {
		k := &h.Kernels[i]
		key := Cause{Kernel: k.Name, HasFix: k.HasFix}
		to := ranked(kernels, key)
		if !seen[key] {
			seen[key] = true
			to.Hosts++
		}
		to.merge(k)
		r.WindowNS += k.WindowNS
		r.UnknownNS += k.UnknownNS
		judged += k.Judged
	}
	return judged
}

// ranked is a kernel of an answer in the making.
func ranked(kernels map[Cause]*RankedKernel, key Cause) *RankedKernel {
	k := kernels[key]
	if k == nil {
		k = &RankedKernel{Kernel: Kernel{Name: key.Kernel, HasFix: key.HasFix}}
		kernels[key] = k
	}
	return k
}

func (k *RankedKernel) addWay(c *Harm) {
	k.Held.Merge(&c.Held)
	n := c.Held.Entries.Total()
	if n == 0 {
		return
	}
	i := slices.IndexFunc(k.Ways, func(w Way) bool { return w.How == string(c.How) && w.Path == c.Path })
	if i < 0 {
		i = len(k.Ways)
		k.Ways = append(k.Ways, Way{How: string(c.How), Path: c.Path})
	}
	k.Ways[i].Entries += n
}

func (a *Answer) addOwners(h *Host, r *RankedHost) {
	var all, gaps stats.Dist
	for i := range h.Owners {
		o := &h.Owners[i]
		all.Merge(&o.Delays)
		gaps.Merge(&o.Gaps)
		a.Intruded.Merge(&o.Intruded)
		mine := RankedOwner{Owner{Name: o.Name}, 1}
		mine.Delays.Merge(&o.Delays) // a copy: the host keeps its own
		mine.Intruded.Merge(&o.Intruded)
		mine.Gaps.Merge(&o.Gaps)
		a.Owners = mergeSorted(a.Owners, []RankedOwner{mine}, func(x, y RankedOwner) int { return cmp.Compare(x.Name, y.Name) }, func(x, y *RankedOwner) {
			x.Hosts++
			x.Delays.Merge(&y.Delays)
			x.Intruded.Merge(&y.Intruded)
			x.Gaps.Merge(&y.Gaps)
		})
	}
	a.Delays.Merge(&all)
	a.Gaps.Merge(&gaps)
	r.Longest = max(all.Max(), gaps.Max())
	r.P99, r.P99Known = worstP99(&all, &gaps)
}

// worstP99 is the longer of two p99, where one is known.
func worstP99(a, b *stats.Dist) (int64, bool) {
	x, one := a.Percentile(99)
	y, other := b.Percentile(99)
	return max(x, y), one || other
}

func (a *Answer) rank(intruders map[string]*Intruder, kernels map[Cause]*RankedKernel) {
	slices.SortStableFunc(a.Hosts, func(x, y RankedHost) int {
		return cmp.Or(cmp.Compare(y.Share(), x.Share()), cmp.Compare(y.Held.NS, x.Held.NS), cmp.Compare(y.Held.Stays(), x.Held.Stays()))
	})
	for _, in := range intruders {
		a.Intruders = append(a.Intruders, *in)
	}
	slices.SortFunc(a.Intruders, func(x, y Intruder) int {
		return cmp.Or(cmp.Compare(y.Hosts, x.Hosts), cmp.Compare(y.Held.NS, x.Held.NS), cmp.Compare(x.Name, y.Name))
	})
	for _, k := range kernels {
		slices.SortFunc(k.Ways, func(x, y Way) int {
			return cmp.Or(cmp.Compare(y.Entries, x.Entries), cmp.Compare(x.How, y.How), cmp.Compare(x.Path, y.Path))
		})
		a.Kernels = append(a.Kernels, *k)
	}
	slices.SortFunc(a.Kernels, func(x, y RankedKernel) int {
		return cmp.Or(cmp.Compare(y.Held.Entries.Total(), x.Held.Entries.Total()), cmp.Compare(y.Held.NS, x.Held.NS), compareCauses(Cause{Kernel: x.Name, HasFix: x.HasFix}, Cause{Kernel: y.Name, HasFix: y.HasFix}))
	})
	slices.SortStableFunc(a.Causes, func(x, y RankedCause) int {
		return cmp.Or(cmp.Compare(y.Hosts, x.Hosts), cmp.Compare(y.Held.NS, x.Held.NS))
	})
	slices.SortStableFunc(a.Owners, func(x, y RankedOwner) int {
		p := func(o *RankedOwner) int64 { ns, _ := worstP99(&o.Delays, &o.Gaps); return max(ns, 0) }
		return cmp.Or(cmp.Compare(p(&y), p(&x)), cmp.Compare(max(y.Delays.Max(), y.Gaps.Max()), max(x.Delays.Max(), x.Gaps.Max())))
	})
	slices.SortStableFunc(a.Doubtful, func(x, y DoubtfulHost) int {
		grave := func(d *DoubtfulHost) int { return slices.Index(Doubts(), d.List[0].Doubt) }
		return cmp.Compare(grave(&x), grave(&y))
	})
}

// Hit counts the hosts with a foreign task on an isolated CPU.
func (a *Answer) Hit() int64 {
	n := int64(0)
	for i := range a.Hosts {
		if a.Hosts[i].Held.Stays() > 0 {
			n++
		}
	}
	return n
}

// Held is what all foreign tasks did on all hosts, WindowNS the time looked at.
func (a *Answer) Held() (held findings.Held, windowNS, unknownNS int64) {
	for i := range a.Hosts {
		h := &a.Hosts[i]
		held.Merge(&h.Held)
		windowNS += h.WindowNS
		unknownNS += h.UnknownNS
	}
	return held, windowNS, unknownNS
}
