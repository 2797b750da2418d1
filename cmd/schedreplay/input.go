package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"schedreplay/cmd/schedreplay/internal/show"
	"schedreplay/cmd/schedreplay/internal/survey"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cpumask"
	"schedreplay/export/outdir"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

// input is an opened capture with the description of its machine. Its first
// pass holds the bundle and the flags against the events; what contradicts them
// ends the run there.
type input struct {
	*open.Input
	host  *parser.Host
	flags *common

	// needIsolated: --cpu names isolated CPUs.
	needIsolated bool
	ctx          context.Context
	stop         context.CancelCauseFunc

	survey.Survey
	surveyed bool
	// asked is what the first pass looks for, and note tells that it was not there.
	asked show.Asked
	note  func(string)
}

// open opens a capture and merges what is known of its machine.
func (a *app) open(path string, c *common) (*input, error) {
	raw, err := open.File(a.ctx, path, a.openOptions())
	if err != nil {
		return nil, err
	}
	if n := raw.Copied(); n > 0 && a.verbose {
		a.note(fmt.Sprintf("%s is read from a temporary copy of %d bytes in %s", path, n, a.openOptions().Temp.Folder()))
	}
	in := &input{Input: raw, flags: c, ctx: a.ctx, stop: a.cancel, note: a.note}
	if err := in.describe(); err != nil {
		in.Close()
		return nil, err
	}
	if c.bundle == "" && raw.Bundle == "" && raw.Beside != "" && len(in.host.CPU) == 0 {
		a.note(fmt.Sprintf("%s is not used; add --host %s if it is of the recorded machine", raw.Beside, raw.Beside))
	}
	return in, nil
}

// files are what the command reads: nothing is written over them.
func (in *input) files() outdir.Inputs {
	var files outdir.Inputs
	if in.Path == "-" {
		files.Add("/dev/stdin")
	}
	files.Add(in.Path, in.flags.bundle, in.Bundle)
	return files
}

func (a *app) openOptions() open.Options {
	return open.Options{Stdin: a.stdin, Progress: a.progressOf(), Temp: parser.Temp{Limit: int64(a.tempLimit) << 20}}
}

func (a *app) progressOf() func(done, total int64) {
	if a.quiet || !a.errTTY {
		return nil
	}
	a.progress.To = a.stderr
	return a.progress.Update
}

// bundle is the host bundle that describes the machine, "" if there is none.
func (in *input) bundle() string { return cmp.Or(in.flags.bundle, in.Bundle) }

func (in *input) describe() (err error) {
	if path := in.bundle(); path != "" {
		if in.Against, err = host.Read(in.ctx, path); err != nil {
			return err
		}
	}
	in.host, err = host.Merge(in.Meta().Host, in.Against, in.flags.host)
	if err != nil {
		return err
	}
	if err := in.flags.relate(in); err != nil {
		return err
	}
	return in.checkCPUs(cpumask.Mask{})
}

// chooseIsolated makes --cpu choose among the isolated CPUs.
func (in *input) chooseIsolated() error {
	in.needIsolated = true
	return in.checkCPUs(in.flags.filter.CPUs)
}

// checkCPUs holds --cpu against the machine; seen are the CPUs of the capture,
// empty before they are known.
func (in *input) checkCPUs(seen cpumask.Mask) error {
	want := in.flags.filter.CPUs
	if want.Empty() {
		return nil
	}
	all, source := seen, "the capture shows"
	if p, ok := in.host.Possible.Get(); ok {
		all, source = p.Or(seen), "the machine has"
	} else if len(in.host.CPU) > 0 {
		all, source = cpumask.Range(0, len(in.host.CPU)-1).Or(seen), "the machine has"
	}
	if iso, ok := in.host.Isolated.Get(); ok && in.needIsolated {
		all = all.Or(iso)
	}
	if over := want.AndNot(all); !all.Empty() && !over.Empty() {
		return usagef("--cpu %s: there is no CPU %d; %s CPUs %s", in.flags.cpu, over.First(), source, all)
	}
	if !in.needIsolated {
		return nil
	}
	iso, ok := in.host.Isolated.Get()
	if !ok {
		return usagef("--cpu %s chooses among the isolated CPUs, and which these are is not known; name them with --isolated", in.flags.cpu)
	}
	if over := want.AndNot(iso); !over.Empty() {
		if iso.Empty() {
			return usagef("--cpu %s: no CPU of the machine is isolated; if that is wrong, name them with --isolated", in.flags.cpu)
		}
		return usagef("--cpu %s: CPU %d is not isolated, CPUs %s are; if that is wrong, name them with --isolated", in.flags.cpu, over.First(), iso)
	}
	return nil
}

// Events implements parser.Capture.
func (in *input) Events() iter.Seq2[parser.Event, error] { return parser.Given(in.Lend()) }

// Lend implements parser.Lender.
func (in *input) Lend() iter.Seq2[*parser.Event, error] {
	if in.surveyed {
		return in.Input.Lend()
	}
	return func(yield func(*parser.Event, error) bool) {
		in.Begin()
		in.asked = show.Ask(&in.flags.filter, in.host)
		for ev, err := range in.Input.Lend() {
			if in.Look(ev, err); errors.Is(err, parser.ErrChanged) {
				in.stop(err) // nothing of it can be used
			}
			if err == nil {
				in.asked.Look(ev)
			}
			if !yield(ev, err) {
				return
			}
		}
		in.surveyed = true
		for _, n := range in.asked.Missing() {
			in.note(in.Path + ": " + n)
		}
		notes, err := in.Judge(in.Input)
		in.host.Notes = append(in.host.Notes, notes...)
		if err == nil {
			err = in.checkCPUs(in.Seen.CPUs)
		}
		if err != nil {
			in.stop(err)
		}
	}
}

// partial is the error that an answer about a damaged input ends with, nil if
// the input was whole.
func (in *input) partial() error {
	switch {
	case in.ReadError != nil:
		return &partialError{in.ReadError}
	case in.Damaged > 0:
		return &partialError{in.Damage(in.Input)}
	}
	return nil
}

// replay replays the capture with the observer.
func (a *app) replay(in *input, obs replay.Observer) (*replay.Result, error) {
	o := in.flags.options()
	o.Observer = obs
	return a.replayWith(in, o)
}

// replayWith replays the capture with options that were made from the flags'. Of a
// damaged capture the result is partial.
func (a *app) replayWith(in *input, o replay.Plan) (*replay.Result, error) {
	if in.needIsolated {
		o.CPUs = in.flags.filter.CPUs
	}
	res, err := replay.Run(a.ctx, in, in.host, o)
	if err != nil {
		return nil, err
	}
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	if in.Damaged > 0 && res.Partial == nil {
		res.Partial = in.Damage(in.Input)
	}
	return res, checkOwner(res, o.Owner)
}

// checkOwner refuses an --owner that ran on no isolated CPU.
func checkOwner(res *replay.Result, owner string) error {
	if owner == "" || len(res.CPUs) == 0 {
		return nil
	}
	for _, c := range res.CPUs {
		if c.Owner != nil {
			return nil
		}
	}
	return usagef("--owner %s: no such task ran on the isolated CPUs %s", owner, res.Isolated.Value)
}

// remarks are the lines that come before a result: that it is partial, and the
// headline; with say's marks.
func (in *input) remarks(headline []string) []string {
	var lines []string
	if err := in.partial(); err != nil {
		lines = append(lines, term.OneLine(err.Error()))
	}
	return append(lines, headline...)
}

// announce prints the remarks where they belong: at the head of a text, on
// standard error beside what programs read.
func (a *app) announce(in *input, headline []string) {
	if in.flags.format == "text" {
		for _, l := range in.remarks(headline) {
			a.paragraph(l, 0)
		}
		return
	}
	for _, l := range headline {
		a.note(say.Plain(l))
	}
}

// notes prints the remarks on kernel and host that are of lesser weight, with
// -v.
func (a *app) notes(lists ...[]string) {
	if !a.verbose {
		return
	}
	seen := map[string]bool{}
	for _, list := range lists {
		for _, n := range list {
			if !seen[n] {
				seen[n] = true
				a.note(say.Plain(n))
			}
		}
	}
}
