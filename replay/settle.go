package replay

import (
	"context"
	"errors"

	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay/decide"
	"schedreplay/replay/timeline"
	"schedreplay/replay/world"
)

// ErrOptions is wrapped by errors about options that contradict each other or
// the capture.
var ErrOptions = errors.New("options do not fit the capture")

// assumedRelease stands in where no release is known.
const assumedRelease = "6.1.0"

// Fixing says what was found of the fix that the comparison is about, smt-span.
type Fixing string

// The findings.
const (
	// FixAdded: the baseline lacks it, and the patched kernel is the baseline with it.
	FixAdded Fixing = "added"
	// FixPresent: the baseline has it; the original is the baseline without it.
	FixPresent Fixing = "present"
	// FixNamed: the baseline has it, and was named as the original.
	FixNamed Fixing = "named"
	// FixContradicted: the kernel claims to have it, and the recording shows that it
	// has not: the baseline is that kernel without it. See Contradiction.
	FixContradicted Fixing = "contradicted"
	// FixMeaningless: the baseline has no select_idle_smt.
	FixMeaningless Fixing = "meaningless"
)

// Settlement tells how the kernels of a plan were chosen.
type Settlement struct {
	// From tells where the baseline's name comes from: Observed if the user or the
	// recording gave it, Assumed if nobody did.
	From fact.Provenance
	// Named: the user named the baseline.
	Named bool
	// Release is the recorded release, empty if the capture does not tell it.
	Release string
	// Uncovered is why the model does not cover Release, nil if it does; the baseline
	// is Assumed then, as where Release is empty and nothing was Named.
	Uncovered error
	Assumed   string
	// Claimed is the kernel that was named, recorded or assumed, before the recording
	// had its say.
	Claimed *rules.Kernel
	Fix     Fixing
	// OtherFix is the fix that the patched kernel has instead where smt-span is
	// meaningless, empty if there is none.
	OtherFix rules.Fix
	// PatchedNamed: the user named what to compare with.
	PatchedNamed bool
	// Contradiction is the entry that shows FixContradicted.
	Contradiction *Contradiction
}

// Contradiction is a recorded entry that the claimed kernel cannot make, and the same
// without smt-span does.
type Contradiction struct {
	// Time in ns of the capture's clock.
	Time int64
	Task timeline.TaskRef
	CPU  int
}

// settle chooses the kernels of a plan that gives none: as named, else the recorded
// release against the same with smt-span, or where it has that, without. A recording may
// contradict a kernel that claims to have the fix: then the baseline is that kernel
// without it.
func settle(ctx context.Context, rec *timeline.Recorded, p *Plan) error {
	s := &p.settled
	k, err := claimed(rec, p.Original, s)
	if err != nil {
		return err
	}
	var named []world.Scenario
	for _, name := range p.Patched {
		o, err := rules.ParseKernel(name, rec.Host.Version.Value)
		if err != nil {
			return err
		}
		named = append(named, world.ScenarioOf(o))
	}
	if p.Alternatives != nil {
		named = p.Alternatives
	}
	s.Claimed, s.PatchedNamed = k, named != nil
	with, without, err := fixing(ctx, rec, k, s, p.Observer.Progress)
	if err != nil {
		return err
	}
	base, alt := without, with
	if s.Fix == FixPresent {
		base, alt = with, without
	}
	p.Baseline, p.Alternatives = world.ScenarioOf(base), named
	if named == nil {
		p.Alternatives = []world.Scenario{world.ScenarioOf(alt)}
		if s.Fix == FixPresent {
			p.Role = decide.RolePatched
		}
	}
	return nil
}

// claimed is the kernel that the user names, else the recording, else the assumed one.
func claimed(rec *timeline.Recorded, name string, s *Settlement) (*rules.Kernel, error) {
	s.Release, _ = rec.Host.Release.Get()
	version := rec.Host.Version.Value
	switch {
	case name != "":
		s.Named, s.From = true, fact.Observed
		return rules.ParseKernel(name, version)
	case s.Release != "":
		k, err := rules.ParseKernel(s.Release, version)
		if err == nil {
			s.From = rec.Host.Release.From
			return k, nil
		}
		s.Uncovered = err
	}
	s.From, s.Assumed = fact.Assumed, assumedRelease
	return rules.ParseKernel(assumedRelease, "")
}

// fixing finds out what there is of the fix: the kernels with it and without it, which
// are the same where there is nothing to compare.
func fixing(ctx context.Context, rec *timeline.Recorded, k *rules.Kernel, s *Settlement, progress func(pass, passes int, events int64)) (with, without *rules.Kernel, err error) {
	without, unfixable := k.With(rules.FixSMTSpan, false)
	if unfixable != nil {
		s.Fix = FixMeaningless
		if other, err := k.With(rules.FixCoreSpan, true); err == nil && !k.Rules.CoreSpan {
			s.OtherFix = rules.FixCoreSpan
			return other, k, nil
		}
		return k, k, nil
	}
	if !k.Rules.SMTSpan {
		s.Fix = FixAdded
		with, err = k.With(rules.FixSMTSpan, true)
		return with, k, err
	}
	if s.Contradiction, err = contradiction(ctx, rec, k, without, progress); err != nil {
		return nil, nil, err
	}
	switch {
	case s.Contradiction != nil:
		s.Fix = FixContradicted
		return k, without, nil
	case s.Named:
		s.Fix = FixNamed
		return k, k, nil
	}
	s.Fix = FixPresent
	return k, without, nil
}

// contradiction replays the capture under a kernel that has the fix, if the recording
// holds anything that looks like an entry, up to the first entry that only the row
// without it explains; nil if there is none.
func contradiction(ctx context.Context, rec *timeline.Recorded, with, without *rules.Kernel, progress func(pass, passes int, events int64)) (*Contradiction, error) {
	if !rec.Survey.MayEnter(rec.Isolated.Value) {
		return nil, nil
	}
	r := newPass(rec, &Plan{Baseline: world.ScenarioOf(with), Observer: Observer{Progress: progress}}, nil)
	if r.Base.Machine == nil {
		return nil, nil
	}
	var found *Contradiction
	r.Decider.Cfg.Watch = func(line *decide.Wakeup) {
		if found == nil && r.Contradicts(line, without) {
			found = &Contradiction{Time: line.Time, Task: line.Task, CPU: line.RecordedCPU}
			r.enough = true
		}
	}
	err := r.run(ctx, 2)
	return found, err
}
