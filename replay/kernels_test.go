package replay

import (
	"errors"
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/decide"
	"schedreplay/replay/internal/made"
)

// calm is a recording in which nothing enters the isolated CPU.
func calm() []parser.Event {
	return append(made.Crowd(), made.Waking(1000, 6, made.Busy[6], made.Ksmd, 6), made.Wakeup(1001, 6, made.Busy[6], made.Ksmd, 6), made.Switches(1010, 6, made.Busy[6], made.Preempted, made.Ksmd), made.Switches(1100, 6, made.Ksmd, made.Sleeps, made.Busy[6]))
}

// Which two kernels are compared, and what is said of it.
func TestDefaultKernels(t *testing.T) {
	for _, c := range []struct {
		name              string
		release, version  string
		original, patched string // flags
		leak              bool
		wantO, wantP      string
		from              fact.Provenance
		fix               Fixing
	}{
		{"no release known", "", "", "", "", false, "6.1.0", "6.1.0+smt-span", fact.Assumed, FixAdded},
		{"the release lacks the fix", "6.1.50", "", "", "", true, "6.1.50", "6.1.50+smt-span", fact.Observed, FixAdded},
		{"the release has the fix", "6.1.90", "", "", "", false, "6.1.90-smt-span", "6.1.90", fact.Observed, FixPresent},
		{"the release has the fix and cannot explain the recording", "6.1.192", "", "", "", true, "6.1.192-smt-span", "6.1.192", fact.Observed, FixContradicted},
		{"named", "6.1.90", "", "6.6.1", "", false, "6.6.1", "6.6.1+smt-span", fact.Observed, FixAdded},
		{"named with a fix", "", "", "6.6.1+core-span", "", false, "6.6.1+core-span", "6.6.1+core-span+smt-span", fact.Observed, FixAdded},
		{"named, and has the fix", "6.1.50", "", "6.9", "", false, "6.9", "6.9", fact.Observed, FixNamed},
		{"named, and contradicted", "6.1.50", "", "6.9", "", true, "6.9-smt-span", "6.9", fact.Observed, FixContradicted},
		{"both named", "6.1.50", "", "6.1.50", "6.9", true, "6.1.50", "6.9", fact.Observed, FixAdded},
		{"patched named", "6.1.50", "", "", "6.1.50+core-span", true, "6.1.50", "6.1.50+core-span", fact.Observed, FixAdded},
		{"both named, and contradicted", "", "", "6.1.192", "6.12", true, "6.1.192-smt-span", "6.12", fact.Observed, FixContradicted},
		{"a vendor's release", "5.10.0-136.12.0.86.oe2203sp1.x86_64", "", "", "", false, "5.10.0-136.12.0.86.oe2203sp1.x86_64-smt-span", "5.10.0-136.12.0.86.oe2203sp1.x86_64", fact.Observed, FixPresent},
		{"a point release that is not known", "6.1.0-18-amd64", "", "", "", false, "6.1.0-18-amd64", "6.1.0-18-amd64+smt-span", fact.Observed, FixAdded},
		{"/proc/version tells it: without", "6.1.0-18-amd64", "Linux version 6.1.0-18-amd64 #1 SMP Debian 6.1.76-1 (2024-02-01)", "", "", false, "6.1.0-18-amd64", "6.1.0-18-amd64+smt-span", fact.Observed, FixAdded},
		{"/proc/version tells it: with", "6.1.0-30-amd64", "Linux version 6.1.0-30-amd64 #1 SMP Debian 6.1.124-1 (2025-01-12)", "", "", false, "6.1.0-30-amd64-smt-span", "6.1.0-30-amd64", fact.Observed, FixPresent},
		{"no select_idle_smt", "4.4.1", "", "", "", false, "4.4.1", "4.4.1", fact.Observed, FixMeaningless},
		{"no select_idle_smt, but another leak", "5.12", "", "", "", false, "5.12", "5.12+core-span", fact.Observed, FixMeaningless},
		{"a release that is none", "banana", "", "", "", false, "6.1.0", "6.1.0+smt-span", fact.Assumed, FixAdded},
		{"older than the model", "2.6.32-754.el6.x86_64", "", "", "", false, "6.1.0", "6.1.0+smt-span", fact.Assumed, FixAdded},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := calm()
			if c.leak {
				ev = made.Incident(3)
			}
			h := made.Bench(c.release, 7)
			if c.version != "" {
				h.Version = fact.Seen(c.version, "")
			}
			var patched []string
			if c.patched != "" {
				patched = []string{c.patched}
			}
			s := replayScene(t, made.Record(ev...), h, Plan{Original: c.original, Patched: patched})
			if s.Original.Name != c.wantO || s.Patched.Name != c.wantP || s.KernelsFrom != c.from {
				t.Errorf("compared %s and %s (%s), want %s and %s (%s)", s.Original.Name, s.Patched.Name, s.KernelsFrom, c.wantO, c.wantP, c.from)
			}
			if s.Settled.Fix != c.fix || (s.Settled.Contradiction != nil) != (c.fix == FixContradicted) {
				t.Errorf("fix %s, contradiction %v, want %s", s.Settled.Fix, s.Settled.Contradiction, c.fix)
			}
			if e := s.Settled.Contradiction; e != nil && (e.Time != 1_000_000 || e.Task.PID != 240 || e.CPU != 7) {
				t.Errorf("contradiction %+v", e)
			}
		})
	}
}

// A kernel that cannot be used is an error.
func TestBadKernels(t *testing.T) {
	for _, o := range []Plan{
		{Original: "banana"},
		{Patched: []string{"banana"}},
		{Original: "6.1+smt-spam"},
		{Original: "5.12+smt-span"},
		{Original: "2.6.32"},
		{Original: "6.1", Patched: []string{"4.4+smt-span"}},
	} {
		if _, err := tryScene(made.Record(calm()...), made.Bench("6.1.0", 7), o); !errors.Is(err, rules.ErrKernel) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Where it is not known which fixes a kernel has, both forms stay possible, and
// the reader is told.
func TestUnknownFixes(t *testing.T) {
	s := replayScene(t, made.Record(made.Incident(3)...), made.Bench("6.1.0-18-amd64", 7), Plan{})
	if len(s.Original.Unknown) == 0 {
		t.Fatal("nothing is unknown of the original")
	}
	for _, f := range s.Patched.Unknown {
		if f == rules.FixSMTSpan {
			t.Error("the patched kernel has the fix for certain")
		}
	}
	e := s.of(made.Ksmd)[1]
	if !e.Original.Possible.Test(7) || !e.Original.Possible.Test(6) || e.ModelMiss {
		t.Errorf("the entry: possible %s, miss %v", e.Original.Possible, e.ModelMiss)
	}
	found := false
	for _, u := range s.Unknown {
		found = found || u.Kind == UnknownFixes && u.Release == "6.1.0-18-amd64"
	}
	if !found {
		t.Errorf("the unknown fixes are not named: %+v", s.Unknown)
	}
}

// The observer is told the kernels first, and nothing of the trial that looked
// for a contradiction.
func TestObserverOrder(t *testing.T) {
	begun, wakeups := 0, 0
	_, err := tryScene(made.Record(), made.Bench("6.1.192", 7), Plan{})
	if err != nil {
		t.Fatal(err)
	}
	o := Plan{Observer: Observer{Begin: func(r *Result) {
		begun++
		if wakeups > 0 || r.Original.Name != "6.1.192-smt-span" || r.Settled.Fix != FixContradicted || r.End == 0 || r.Isolated.Value.Weight() != 1 {
			t.Errorf("begun after %d wakeups with %+v", wakeups, r)
		}
	}, Wakeup: func(*decide.Wakeup) { wakeups++ }}}
	res, err := Run(t.Context(), made.Record(made.Incident(3)...), made.Bench("6.1.192", 7), o)
	if err != nil {
		t.Fatal(err)
	}
	if begun != 1 || int64(wakeups) != res.Wakeups || wakeups != 4 {
		t.Errorf("begun %d times, %d wakeups of %d", begun, wakeups, res.Wakeups)
	}
}

func TestSeconds(t *testing.T) {
	for ns, want := range map[int64]string{0: "0.000000", 1: "0.000000", 999: "0.000000", 1000: "0.000001", 1_500_000_001: "1.500000", -1_000_001_000: "-1.000001", 24_569_910_000: "24.569910"} {
		if got := Seconds(ns); got != want {
			t.Errorf("%d: %s, want %s", ns, got, want)
		}
	}
}
