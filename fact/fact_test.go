package fact_test

import (
	"testing"

	"schedreplay/fact"
)

// Provenances are ordered by support and have names.
func TestProvenance(t *testing.T) {
	order := []fact.Provenance{fact.Unknown, fact.Assumed, fact.Estimated, fact.Reconstructed, fact.Observed}
	names := []string{"unknown", "assumed", "estimated", "reconstructed", "observed"}
	for i, p := range order {
		if p.String() != names[i] {
			t.Errorf("%d is %q, want %q", i, p, names[i])
		}
		if i > 0 && p <= order[i-1] {
			t.Errorf("%s is not better supported than %s", p, order[i-1])
		}
	}
	if s := fact.Provenance(9).String(); s != "provenance(9)" {
		t.Errorf("an unknown provenance is %q", s)
	}
}

// The zero fact is unknown, whatever its value; a known zero is a value.
func TestFact(t *testing.T) {
	var none fact.Fact[int]
	if v, ok := none.Get(); ok || v != 0 || none.Known() {
		t.Errorf("the zero fact is known: %d", v)
	}
	zero := fact.Seen(0, "/proc/cmdline")
	if v, ok := zero.Get(); !ok || v != 0 || !zero.Known() || zero.From != fact.Observed || zero.Source != "/proc/cmdline" {
		t.Errorf("a seen zero: %+v", zero)
	}
	guess := fact.Of("0-7", fact.Assumed, "rule of thumb")
	if guess.From != fact.Assumed || guess.Value != "0-7" || guess.Source != "rule of thumb" {
		t.Errorf("%+v", guess)
	}
}

// Or keeps what is known, however weakly.
func TestOr(t *testing.T) {
	var none fact.Fact[int]
	weak, strong := fact.Of(1, fact.Assumed, "a"), fact.Seen(2, "b")
	for _, tc := range []struct{ f, g, want fact.Fact[int] }{
		{none, none, none}, {none, strong, strong}, {weak, strong, weak}, {strong, weak, strong}, {weak, none, weak},
	} {
		if got := tc.f.Or(tc.g); got != tc.want {
			t.Errorf("%+v or %+v: %+v", tc.f, tc.g, got)
		}
	}
}
