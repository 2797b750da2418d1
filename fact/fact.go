package fact

import "fmt"

// Provenance says how a value came to be known, from not at all to seen in
// the recording. The order is one of support: a later constant is the better
// supported one.
type Provenance uint8

// The five provenances, from the weakest to the strongest.
const (
	// Unknown: nothing is known; the value must not be used.
	Unknown Provenance = iota
	// Assumed: a rule of thumb or a default stands in for the value.
	Assumed
	// Estimated: computed with an error (a load average, a scan budget).
	Estimated
	// Reconstructed: follows from recorded events by the kernel's own rules.
	Reconstructed
	// Observed: the capture, the host bundle or the user says so.
	Observed
)

// String returns the provenance in lower case, as reports print it.
func (p Provenance) String() string {
	switch p {
	case Unknown:
		return "unknown"
	case Assumed:
		return "assumed"
	case Estimated:
		return "estimated"
	case Reconstructed:
		return "reconstructed"
	case Observed:
		return "observed"
	}
	return fmt.Sprintf("provenance(%d)", uint8(p))
}

// Fact is a value with its provenance and its source. The zero Fact is
// unknown.
type Fact[T any] struct {
	// Value is meaningful only if From is not [Unknown].
	Value T
	// From says how the value came to be known.
	From Provenance
	// Source names where it came from in the user's words, for example
	// "/proc/cmdline" or "--isolated"; empty if there is nothing to add.
	Source string
}

// Known reports whether the value may be used at all.
func (f Fact[T]) Known() bool { return f.From != Unknown }

// Get returns the value and whether it is known.
func (f Fact[T]) Get() (T, bool) { return f.Value, f.From != Unknown }

// Or returns f if it is known, else g.
func (f Fact[T]) Or(g Fact[T]) Fact[T] {
	if f.Known() {
		return f
	}
	return g
}

// Of returns a fact with the given provenance and source.
func Of[T any](v T, from Provenance, source string) Fact[T] {
	return Fact[T]{Value: v, From: from, Source: source}
}

// Seen returns an observed fact.
func Seen[T any](v T, source string) Fact[T] { return Of(v, Observed, source) }
