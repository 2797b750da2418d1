package replay

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"schedreplay/fact"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
)

// ErrOptions is wrapped by errors about options that contradict each other or
// the capture.
var ErrOptions = errors.New("options do not fit the capture")

// assumedRelease stands in where no release is known.
const assumedRelease = "6.1.0"

// choose settles the two kernels by the rules of the design: as named, else
// the recorded release against the same with smt-span; and where the recording
// contradicts an original that has the fix, the row without it.
func (r *replayer) choose(ctx context.Context) error {
	version := r.host.Version.Value
	name := r.opt.Original
	named := name != ""
	release, ok := r.host.Release.Get()
	switch {
	case named:
		r.kernelsFrom = fact.Observed
	case ok:
		name, r.kernelsFrom = release, r.host.Release.From
	default:
		name, r.kernelsFrom = assumedRelease, fact.Assumed
		r.say("The capture does not tell its kernel: %s is assumed; name it with --original.", assumedRelease)
	}
	k, err := rules.ParseKernel(name, version)
	if err != nil && !named {
		r.say("The recorded release %q is not one the model covers (%v): %s is assumed; name a kernel with --original.", release, err, assumedRelease)
		r.kernelsFrom = fact.Assumed
		k, err = rules.ParseKernel(assumedRelease, "")
	}
	if err != nil {
		return err
	}
	major, minor, _ := k.Version()
	r.m = BuildMachine(r.host, major, minor)
	var patched *rules.Kernel
	if r.opt.Patched != "" {
		if patched, err = rules.ParseKernel(r.opt.Patched, version); err != nil {
			return err
		}
	}
	without, unfixable := k.With(rules.FixSMTSpan, false)
	certainlyFixed := unfixable == nil && k.Rules.SMTSpan
	switch {
	case unfixable != nil:
		r.kOriginal, r.kPatched = k, k
		if other, err := k.With(rules.FixCoreSpan, true); err == nil && !k.Rules.CoreSpan {
			r.kPatched = other
		} else if patched == nil {
			r.say("%s has no select_idle_smt: there is nothing for smt-span to change.", k.Name)
		}
	case !certainlyFixed:
		r.kOriginal = k
		if r.kPatched, err = k.With(rules.FixSMTSpan, true); err != nil {
			return err
		}
	default:
		contradiction, err := r.contradiction(ctx, k, without)
		if err != nil {
			return err
		}
		r.kPatched = k
		switch {
		case contradiction != "":
			r.kOriginal = without
			r.say("%s has smt-span and cannot explain the recording: %s. Compared are %s (original) and %s (patched).", k.Name, contradiction, without.Name, k.Name)
		case named:
			r.kOriginal = k
			if patched == nil {
				r.say("%s has smt-span already: original and patched are the same kernel.", k.Name)
			}
		default:
			r.kOriginal = without
			r.say("%s has smt-span already: compared are %s (original, without it) and %s (patched).", k.Name, without.Name, k.Name)
		}
	}
	if patched != nil {
		r.kPatched = patched
	}
	for _, k := range [2]*rules.Kernel{r.kOriginal, r.kPatched} {
		for _, n := range k.Notes {
			r.note(n)
		}
	}
	return nil
}

// say adds a line to the headline.
func (r *replayer) say(format string, a ...any) {
	r.headline = append(r.headline, fmt.Sprintf(format, a...))
}

func (r *replayer) note(s string) {
	for _, n := range r.notes {
		if n == s {
			return
		}
	}
	r.notes = append(r.notes, s)
}

// contradiction replays the capture under a kernel that has the fix, if the
// recording holds anything that looks like an entry, and describes the first
// entry that only the row without it explains; empty if there is none.
func (r *replayer) contradiction(ctx context.Context, with, without *rules.Kernel) (string, error) {
	if r.m == nil || !r.s.mayEnter(r.isolated.Value) {
		return "", nil
	}
	r.kOriginal, r.kPatched = with, without
	r.trial = &trial{}
	observer := r.opt.Observer
	r.opt.Observer = Observer{Progress: observer.Progress}
	defer func() { r.opt.Observer, r.trial = observer, nil }()
	if err := r.pass(ctx, 2); err != nil {
		return "", err
	}
	return r.trial.found, nil
}

// trial watches a pass for entries that the original cannot explain.
type trial struct{ found string }

// lookForContradiction takes a decision that the original misses: it
// contradicts the kernel if the one without the fix, in the same recorded
// state, leads exactly there, out of the domain.
func (r *replayer) lookForContradiction(line *Wakeup) {
	if r.trial.found != "" || !line.Isolated || !line.ModelMiss || line.RecordedCPU == line.PrevCPU {
		return
	}
	sel := r.selP
	sel.State = &r.stateO
	r.x.Explore(r.limit, func() {
		if o := sel.Select(&r.x, &r.askO); o.CPU == line.RecordedCPU && o.Path == place.PathIdleSMT {
			r.trial.found = fmt.Sprintf("at %s s it puts %s (pid %d) on isolated CPU %d, which only a select_idle_smt without the span test does",
				Seconds(line.Time), parser.DisplayComm(line.Task.Comm), line.Task.PID, line.RecordedCPU)
		}
	})
}

// Seconds prints a time or duration in ns as decimal seconds with six digits,
// rounded down.
func Seconds(ns int64) string {
	var buf [24]byte
	b := buf[:0]
	if ns < 0 {
		b, ns = append(b, '-'), -ns
	}
	b = append(strconv.AppendInt(b, ns/1e9, 10), '.')
	us := ns % 1e9 / 1e3
	for unit := int64(100_000); unit > 1 && us < unit; unit /= 10 {
		b = append(b, '0')
	}
	return string(strconv.AppendInt(b, us, 10))
}
