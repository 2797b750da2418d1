// Package usage has the error of a command line that cannot be meant.
package usage

import "fmt"

// Error is such a command line.
type Error struct{ err error }

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns what it wraps.
func (e *Error) Unwrap() error { return e.err }

// Errorf makes an Error as fmt.Errorf does.
func Errorf(format string, args ...any) error { return &Error{fmt.Errorf(format, args...)} }
