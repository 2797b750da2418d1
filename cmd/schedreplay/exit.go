package main

import (
	"context"
	"errors"
	"syscall"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cmd/schedreplay/internal/usage"
	"schedreplay/export/outdir"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/record"
	"schedreplay/replay"
)

// The exit statuses of the contract.
const (
	exitDone        = 0
	exitCheck       = 1
	exitUsage       = 2
	exitInput       = 3
	exitWrite       = 4
	exitInterrupted = 130
)

// usagef is a command line that cannot be meant.
func usagef(format string, args ...any) error { return usage.Errorf(format, args...) }

// partialError says that the answer given is about a part of the input.
type partialError struct{ err error }

func (e *partialError) Error() string { return "PARTIAL: " + e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

// status turns what a command returned into the exit status, and into one line
// on standard error unless there is nothing to say.
func (a *app) status(err error) int {
	if ferr := a.out.Flush(); err == nil || errors.Is(err, context.Canceled) {
		if ferr != nil {
			err = ferr
		}
	}
	a.progress.Clear()
	if errors.Is(err, context.Canceled) {
		if cause := context.Cause(a.ctx); cause != nil {
			err = cause
		}
	}
	if err != nil && !a.started {
		err = usage.Errorf("%w", err) // cobra's own: unknown commands, flags, arguments
	}
	code := exitStatus(err)
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
	case code == exitCheck: // said with the result
	case code == exitInterrupted:
		a.say("interrupted")
	case code == exitUsage && !a.started:
		a.say("%s; see `%s --help`", term.OneLine(err.Error()), a.where())
	default:
		a.say("%s", term.OneLine(err.Error()))
	}
	return code
}

// exitStatus is the contract's status for an error.
func exitStatus(err error) int {
	var check *checkError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitDone
	case errors.As(err, &check):
		return exitCheck
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, outdir.ErrWrite), errors.Is(err, parser.ErrTemp):
		return exitWrite
	case errors.As(err, new(*usage.Error)),
		errors.Is(err, open.ErrAmbiguous), errors.Is(err, open.ErrNoCapture), errors.Is(err, open.ErrOracle),
		errors.Is(err, host.ErrFlag), errors.Is(err, host.ErrContradiction),
		errors.Is(err, rules.ErrKernel), errors.Is(err, replay.ErrOptions), errors.Is(err, record.ErrOptions):
		return exitUsage
	}
	return exitInput
}
