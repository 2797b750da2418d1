package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"unicode"

	"schedreplay/cmd/schedreplay/internal/wall"
	"schedreplay/export/outdir"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
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

// usageError is a command line that cannot be meant.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// partialError says that the answer given is about a part of the input.
type partialError struct{ err error }

func (e *partialError) Error() string { return "PARTIAL: " + e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

// status turns what a command returned into the exit status, and into one line
// on standard error unless there is nothing to say.
func (a *app) status(err error) int {
	if ferr := a.out.flush(); err == nil || errors.Is(err, context.Canceled) {
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
		err = &usageError{err} // cobra's own: unknown commands, flags, arguments
	}
	code := exitStatus(err)
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
	case code == exitCheck: // said with the result
	case code == exitInterrupted:
		a.say("interrupted")
	case code == exitUsage && !a.started:
		a.say("%s; see `%s --help`", oneLine(err.Error()), a.where())
	default:
		a.say("%s", oneLine(err.Error()))
	}
	return code
}

// exitStatus is the contract's status for an error.
func exitStatus(err error) int {
	var usage *usageError
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
	case errors.As(err, &usage), errors.As(err, new(*wall.Error)),
		errors.Is(err, open.ErrAmbiguous), errors.Is(err, open.ErrNoCapture), errors.Is(err, open.ErrOracle),
		errors.Is(err, host.ErrFlag), errors.Is(err, host.ErrContradiction),
		errors.Is(err, rules.ErrKernel), errors.Is(err, replay.ErrOptions):
		return exitUsage
	}
	return exitInput
}

// oneLine keeps a message, which may quote hostile input, on one printable
// line.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return '\ufffd'
		}
		return r
	}, s)
}
