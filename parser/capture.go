package parser

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
)

// Errors that readers wrap. Test for them with errors.Is.
var (
	// ErrFormat: the input is not in any dialect, or not in the one tried.
	ErrFormat = errors.New("not a scheduler capture")
	// ErrUnsupported: a known format or variant that cannot be used.
	ErrUnsupported = errors.New("unsupported capture")
	// ErrTruncated: the input ends inside a record, a page or a compressed
	// block. What was read before it stands.
	ErrTruncated = errors.New("capture is cut short")
	// ErrDamaged: the input contradicts itself. What was read before it stands.
	ErrDamaged = errors.New("capture is damaged")
	// ErrChanged: the input was written to while it was read, so what was read of it
	// need not belong together.
	ErrChanged = errors.New("it changed while it was read")
	// ErrLimit: a stated bound on memory or size was reached.
	ErrLimit = errors.New("limit reached")
	// ErrHost: a host bundle or host flag cannot be used.
	ErrHost = errors.New("unusable host description")
)

// Error is what readers return: it says in which file, where, in which format
// something is wrong, and what to do about it.
type Error struct {
	// File is the input's name as the user gave it.
	File string
	// Format is the dialect, for example "ftrace" or "perf.data".
	Format string
	// Line is a line number from 1, or 0 if Offset tells the place.
	Line int64
	// Offset is a byte offset, or -1 if it says nothing.
	Offset int64
	// Err is the cause; it wraps one of the sentinels.
	Err error
	// Remedy says what to do, in one sentence without a full stop.
	Remedy string
}

// Error returns one line: place, cause, remedy.
func (e *Error) Error() string {
	s := e.File
	switch {
	case e.Line > 0:
		s += fmt.Sprintf(":%d", e.Line)
	case e.Offset >= 0:
		s += fmt.Sprintf(": offset %d", e.Offset)
	}
	if e.Format != "" {
		s += " (" + e.Format + ")"
	}
	s += ": " + e.Err.Error()
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Message is what an error says with the file's name, but without its folder: results go
// to others.
func Message(err error) string {
	var e *Error
	if errors.As(err, &e) {
		short := *e
		short.File = filepath.Base(e.File)
		return strings.Replace(err.Error(), e.Error(), short.Error(), 1)
	}
	return err.Error()
}

// DamageText returns what an error says for a [KindDamaged] event: without the words of
// [ErrDamaged], which its kind stands for.
func DamageText(err error) string {
	return strings.ReplaceAll(err.Error(), ErrDamaged.Error()+": ", "")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Dialect names a capture format.
type Dialect string

// The dialects.
const (
	DialectFtrace   Dialect = "ftrace"           // tracefs trace or trace_pipe
	DialectTraceCmd Dialect = "trace-cmd report" // printed by trace-cmd
	DialectPerf     Dialect = "perf script"      // perf script, perf sched script
	DialectTimehist Dialect = "timehist"         // perf sched timehist
	DialectPerfData Dialect = "perf.data"
	DialectTraceDat Dialect = "trace.dat"
	DialectPerfetto Dialect = "Perfetto"
	// DialectBabeltrace is printed by babeltrace2, of LTTng or of perf data convert.
	DialectBabeltrace Dialect = "babeltrace2"
)

// Clock says what the capture's time stamps count.
type Clock struct {
	// Name is the trace clock ("mono", "local", "CLOCK_MONOTONIC" …), empty if
	// the capture does not say.
	Name string
	// PerCPU is true for clocks that may disagree between CPUs ("local").
	PerCPU bool
	// Relative is true if the stamps count from an arbitrary start
	// (perf script --reltime).
	Relative bool
	// WallOffset is added to a stamp to give ns since 1970 in UTC; valid only if
	// HasWall.
	WallOffset int64
	HasWall    bool
}

// Meta is what a reader knows of a capture before its first event.
type Meta struct {
	// Name is the input's name for messages: the path as given, "-" for stdin.
	Name    string
	Dialect Dialect
	// Confidence says how the dialect was found, for example "magic bytes" or
	// "197 of 200 lines".
	Confidence string
	// Resolution is the unit of the time stamps in ns: 1 or 1000.
	Resolution int64
	Clock      Clock
	// Host is what the capture itself says of its machine; never nil, fields
	// unknown where it says nothing.
	Host *Host
	// CPUs, if not empty, is the list of CPUs the recorder was limited to.
	RecordedCPUs CPUs
	// MayReorder is true if events of different CPUs may be out of order.
	MayReorder bool
	// HasWakings is false for dialects that cannot carry wakeups (timehist
	// without -w).
	HasWakings bool
	// Asides are those that the recorder was told to record, whether or not there are
	// any, as far as the dialect says.
	Asides Asides
	// Notes are remarks for the user, one sentence each, in a fixed order.
	Notes []string
}

// Stats counts what a pass over a capture met. It is complete only after the
// iterator ended.
type Stats struct {
	// Events is the number of events delivered, by kind.
	Events map[Kind]int64
	// Bytes is the size of the input after decompression, as far as read.
	Bytes int64
	// Skipped counts records that are valid and not of interest, by name.
	Skipped map[string]int64
}

// Capture is an opened recording.
//
// Events may be called more than once; each call is a pass of its own from
// the start. A reader delivers the events of one CPU in order of time; across
// CPUs too, unless Meta.MayReorder is set. A problem that does not end the pass
// is a KindDamaged or KindLost event; an error ends it, and is delivered last,
// with a zero Event: what came before it stands.
type Capture interface {
	Meta() *Meta
	Events() iter.Seq2[Event, error]
	// Close releases files. It does not invalidate events already delivered.
	Close() error
}
