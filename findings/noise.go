package findings

import "schedreplay/replay"

// NoiseSum is the noise of one kind on one CPU.
type NoiseSum struct {
	// Known is false if the recording does not tell of the kind; the rest may still count
	// what it tells of it by chance.
	Known                       bool
	Count, NS, OwnerNS, Longest int64
	// Unnamed counts what is not told by name.
	Unnamed int64
}

// Told reports whether the recording tells of it, if by chance.
func (s *NoiseSum) Told() bool { return s.Known || s.Count > 0 }

// NoiseTold reports whether the recording tells what the CPU did beside its tasks.
func (c *CPU) NoiseTold() bool {
	for kind, s := range c.NoiseByKind() {
		if !replay.NoiseKind(kind).OfTask() && s.Told() {
			return true
		}
	}
	return false
}

// NoiseByKind sums the CPU's noise up by kind.
func (c *CPU) NoiseByKind() (sums [replay.NoiseKinds]NoiseSum) {
	if c.Noise == nil {
		return sums
	}
	for kind := range sums {
		left := c.Noise.Left[kind]
		sums[kind] = NoiseSum{Known: c.Noise.Known[kind], Count: left.Count, NS: left.NS, Unnamed: left.Count}
	}
	for i := range c.Noise.Items {
		n := &c.Noise.Items[i]
		s := &sums[n.Kind]
		s.Count += n.Count
		s.NS += n.NS
		s.OwnerNS += n.OwnerNS
		s.Longest = max(s.Longest, n.Longest)
	}
	return sums
}

// Interruptions sums up what was no task: interrupts, softirqs and ticks.
func (c *CPU) Interruptions() (sum NoiseSum, longest *replay.NoiseItem) {
	for kind, s := range c.NoiseByKind() {
		if replay.NoiseKind(kind).OfTask() {
			continue
		}
		sum.Known = sum.Known || s.Known
		sum.Count += s.Count
		sum.NS += s.NS
		sum.OwnerNS += s.OwnerNS
	}
	if c.Noise == nil {
		return sum, nil
	}
	for i := range c.Noise.Items {
		n := &c.Noise.Items[i]
		if !n.Kind.OfTask() && (longest == nil || n.Longest > longest.Longest) {
			longest = n
		}
	}
	return sum, longest
}

// Chains are the longest sch delays of the owner of which it is told who woke it, most at
// most.
func (c *CPU) Chains(most int) []*replay.Slice {
	var out []*replay.Slice
	for i := range c.LongestWaits[replay.SchDelay] {
		if r := &c.LongestWaits[replay.SchDelay][i]; r.Woken != nil && len(out) < most {
			out = append(out, r)
		}
	}
	return out
}

// Chain is how a task was woken: its own waking first, then that of each waker before.
func Chain(w *replay.Wake) []*replay.Wake {
	var out []*replay.Wake
	for ; w != nil; w = w.Waker {
		out = append(out, w)
	}
	return out
}

// NoiseRow is one source of noise on a CPU, or what of a kind is not told by name.
type NoiseRow struct {
	CPU  *CPU
	Kind replay.NoiseKind
	// Known is false if the recording does not tell of the kind.
	Known bool
	// Item is the source; nil: the sources that have no row, Count of them in NS.
	Item      *replay.NoiseItem
	Count, NS int64
}

// Told reports whether Count and NS are known.
func (r *NoiseRow) Told() bool { return r.Known || r.Count > 0 }

// NoiseRows lists the CPU's noise by kind, then by time. Each kind has a row.
func (c *CPU) NoiseRows() []NoiseRow {
	if c.Noise == nil {
		return nil
	}
	var out []NoiseRow
	items := c.Noise.Items
	for kind := range replay.NoiseKinds {
		r := NoiseRow{CPU: c, Kind: kind, Known: c.Noise.Known[kind]}
		n := len(out)
		for ; len(items) > 0 && items[0].Kind == kind; items = items[1:] {
			r.Item, r.Count, r.NS = &items[0], items[0].Count, items[0].NS
			out = append(out, r)
		}
		left := c.Noise.Left[kind]
		if r.Item, r.Count, r.NS = nil, left.Count, left.NS; left.Count > 0 || len(out) == n {
			out = append(out, r)
		}
	}
	return out
}
