package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
	"schedreplay/report"
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

// writeError is a result that cannot be written.
type writeError struct {
	name string
	err  error
}

func (e *writeError) Error() string {
	remedy := ""
	switch {
	case errors.Is(e.err, syscall.ENOSPC), errors.Is(e.err, syscall.EDQUOT):
		remedy = "; free some space or write elsewhere"
	case errors.Is(e.err, syscall.EACCES), errors.Is(e.err, syscall.EPERM), errors.Is(e.err, syscall.EROFS):
		remedy = "; write to a place of your own"
	}
	return fmt.Sprintf("cannot write %s: %v%s", e.name, e.err, remedy)
}

func (e *writeError) Unwrap() error { return e.err }

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
	a.progress.clear()
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
	var write *writeError
	var check *checkError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitDone
	case errors.As(err, &check):
		return exitCheck
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &write), errors.Is(err, report.ErrWrite):
		return exitWrite
	case errors.As(err, &usage),
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
		case r < ' ' || r == 0x7f:
			return '\ufffd'
		}
		return r
	}, s)
}
