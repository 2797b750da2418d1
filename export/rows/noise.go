package rows

import (
	"cmp"
	"slices"

	"schedreplay/findings"
	"schedreplay/replay"
)

// ofItem is a value of a source of noise, unknown for what is not told by name.
func ofItem(of func(*findings.NoiseRow) Value) func(*findings.NoiseRow) Value {
	return func(r *findings.NoiseRow) Value {
		if r.Item == nil {
			return Value{}
		}
		return of(r)
	}
}

// ofCause is a value of what led to a source of noise most often.
func ofCause(of func(*replay.NoiseCause) Value) func(*findings.NoiseRow) Value {
	return ofItem(func(r *findings.NoiseRow) Value {
		if len(r.Item.Causes) == 0 {
			return Value{}
		}
		return of(&r.Item.Causes[0])
	})
}

var noiseFields = []field[findings.NoiseRow]{
	{"cpu", Int, func(r *findings.NoiseRow) Value { return cpu(r.CPU.CPU) }},
	{"kind", Word, func(r *findings.NoiseRow) Value { return word(r.Kind.String()) }},
	{"known", Bool, func(r *findings.NoiseRow) Value { return boolean(r.Known, true) }},
	{"name", Name, ofItem(func(r *findings.NoiseRow) Value { return word(r.Item.Name) })},
	{"count", Int, func(r *findings.NoiseRow) Value { return number(r.Count, r.Told()) }},
	{"ns", Int, func(r *findings.NoiseRow) Value { return number(r.NS, r.Told()) }},
	{"longest_ns", Int, ofItem(func(r *findings.NoiseRow) Value { return number(r.Item.Longest, true) })},
	{"longest_at_ns", Int, ofItem(func(r *findings.NoiseRow) Value { return nanoseconds(r.Item.LongestAt) })},
	{"owner_ns", Int, ofItem(func(r *findings.NoiseRow) Value { return number(r.Item.OwnerNS, r.CPU.Owner != nil) })},
	{"told_ns", Int, func(r *findings.NoiseRow) Value { return number(r.CPU.WindowNS-r.CPU.UnknownNS, r.Known) }},
	{"cause_by", Word, ofCause(func(c *replay.NoiseCause) Value { return word(c.By.String()) })},
	{"cause", Name, ofCause(func(c *replay.NoiseCause) Value { return word(c.Name) })},
	{"cause_pid", Int, ofCause(func(c *replay.NoiseCause) Value { return number(int64(c.PID), c.PID >= 0) })},
	{"cause_cpu", Int, ofCause(func(c *replay.NoiseCause) Value { return cpu(int(c.CPU)) })},
	{"cause_count", Int, ofCause(func(c *replay.NoiseCause) Value { return number(c.Count, true) })},
}

// The tables of what took isolated CPUs from their owners.
var (
	// Noise is what convert writes.
	Noise = pick("noise", noiseFields, `cpu kind known name count ns longest_ns longest_at_ns owner_ns told_ns
		cause_by cause cause_pid cause_cpu cause_count`)

	// SetNoise is that of a row set.
	SetNoise = pick("noise", noiseFields, `cpu kind known name count ns longest_ns longest_at_ns owner_ns told_ns`)
)

// WriteNoise writes the noise of all isolated CPUs, by number.
func WriteNoise(f *findings.Findings, write func(*findings.NoiseRow)) {
	cpus := slices.Clone(f.CPUs)
	slices.SortFunc(cpus, func(a, b *findings.CPU) int { return cmp.Compare(a.CPU, b.CPU) })
	for _, c := range cpus {
		list := c.NoiseRows()
		for i := range list {
			write(&list[i])
		}
	}
}
