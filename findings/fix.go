package findings

import (
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// Fix is how the patched kernel differs from the original.
type Fix struct {
	// Adds are the fixes that the patched kernel has beyond the original, Drops those
	// that it lacks.
	Adds, Drops []rules.Fix
	// Same: the kernels follow the same rules.
	Same bool
	// Assumed: which kernel was recorded is assumed, so that nothing is more than
	// possible.
	Assumed bool
}

func fixOf(res *replay.Result) Fix {
	f := Fix{Assumed: res.KernelsFrom == fact.Assumed}
	o, p := res.Original, res.Patched
	if o == nil || p == nil {
		return f
	}
	f.Same = o.Rules == p.Rules
	for _, x := range rules.Fixes() {
		switch a, b := o.Rules.Has(x), p.Rules.Has(x); {
		case b && !a:
			f.Adds = append(f.Adds, x)
		case a && !b:
			f.Drops = append(f.Drops, x)
		}
	}
	return f
}

// Only reports whether fixes are all that the patched kernel adds.
func (f *Fix) Only() bool { return len(f.Adds) > 0 && len(f.Drops) == 0 }

// Outcome is what the patched kernel makes of the stays that began within the window.
type Outcome uint8

// The outcomes.
const (
	// OutcomeNone: there is nothing to tell, no kernel to compare with or no such stay.
	OutcomeNone Outcome = iota
	// OutcomeSameKernel: the kernels follow the same rules.
	OutcomeSameKernel
	// OutcomeHasFix: the kernel that made the recording has the fix already.
	OutcomeHasFix
	// OutcomeUnreproduced: the model does not reproduce the entry as recorded.
	OutcomeUnreproduced
	// OutcomeUnseen: no way in was recorded.
	OutcomeUnseen
	// OutcomeNotWoken: no wakeup had a part in it.
	OutcomeNotWoken
	// OutcomeGone: nothing remains.
	OutcomeGone
	// OutcomeAll: all of it remains.
	OutcomeAll
	// OutcomeOpen: anything from nothing to all of it may remain.
	OutcomeOpen
	// OutcomePart: a known part of it remains.
	OutcomePart
	// OutcomeBetween: what remains lies between two bounds.
	OutcomeBetween
)

// Outcome says what the patched kernel makes of the stays that began within the window.
func (f *Findings) Outcome(c *CPU) Outcome {
	h := &c.Came
	r := h.Remains
	switch {
	case f.Result.Patched == nil || h.Main == nil:
		return OutcomeNone
	case f.Fix.Same:
		return OutcomeSameKernel
	case f.HasFix():
		return OutcomeHasFix
	case h.Unreproduced():
		return OutcomeUnreproduced
	case h.Entries.Unseen == h.Stays():
		return OutcomeUnseen
	case h.Wakings == 0 && h.Entries.Wakeup == 0:
		return OutcomeNotWoken
	case r.Nothing():
		return OutcomeGone
	case r.MinNS >= h.NS && h.NS > 0:
		return OutcomeAll
	case r.MinNS == 0 && r.MaxNS >= h.NS:
		return OutcomeOpen
	case r.MinNS == r.MaxNS:
		return OutcomePart
	}
	return OutcomeBetween
}

// Leaning is what a verdict leans on that is assumed.
type Leaning uint8

// What a verdict may lean on.
const (
	LeansOnNothing Leaning = iota
	// LeansOnKernel: which kernel was recorded is assumed.
	LeansOnKernel
	// LeansOnAssumption: a fact of the entry is assumed, such as an affinity by rule of
	// thumb.
	LeansOnAssumption
)

// Leaning says what assumption the outcome of a CPU leans on: with any, it is at most
// possible.
func (f *Findings) Leaning(c *CPU) Leaning {
	m := c.Came.Main
	switch {
	case f.Fix.Assumed:
		return LeansOnKernel
	case m != nil && m.Entry != nil && (m.Entry.Original.From == fact.Assumed || m.Entry.Patched.From == fact.Assumed):
		return LeansOnAssumption
	}
	return LeansOnNothing
}

// HasFix reports whether the kernel that made the recording is the patched one: then the
// alternative is the same kernel without the fix.
func (f *Findings) HasFix() bool { return f.Result.Baseline == replay.RolePatched }

// Other is the first alternative's kernel, nil if there is none.
func (f *Findings) Other() *rules.Kernel {
	if f.HasFix() {
		return f.Result.Original
	}
	return f.Result.Patched
}
