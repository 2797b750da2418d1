// Package survey holds the first pass over a capture against what is said of its machine.
package survey

import (
	"context"
	"errors"
	"fmt"
	"os"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
)

// ErrNoEvents: a capture holds no scheduler event.
var ErrNoEvents = errors.New("it holds no scheduler event")

// Survey is what the first pass finds.
type Survey struct {
	// Against is the host bundle that the events are held against, nil if there is none.
	Against *parser.Host
	// Other: events that replay has no use for count as decoded.
	Other bool
	// Decoded and Damaged count events and pieces that could not be decoded.
	Decoded, Damaged int64
	// ReadError is what ended the reading early.
	ReadError error
	// Seen is what the events show of the machine.
	Seen  host.Seen
	first parser.Event // the first damaged piece
	// kthreads are the kernel threads of Against.
	kthreads parser.ByPID[bool]
}

// Begin begins a pass.
func (s *Survey) Begin() {
	s.Seen = host.Seen{Comm: map[int32]string{}}
	if s.Against == nil {
		return
	}
	for pid, t := range s.Against.Task {
		s.kthreads.Set(pid, t.Kthread.Value)
	}
}

// Look takes from an event what tells whether it is of this machine.
func (s *Survey) Look(ev *parser.Event, err error) {
	if err != nil {
		s.ReadError = err
		return
	}
	switch ev.Kind {
	case parser.KindDamaged:
		if s.Damaged++; s.Damaged == 1 {
			s.first = *ev
		}
		return
	case parser.KindOther, parser.KindComm:
		if s.Other {
			s.Decoded++
		}
		return
	case parser.KindLost, parser.KindOverwritten, parser.KindHole:
		return
	}
	s.Decoded++
	for _, c := range [...]int32{ev.CPU, ev.TargetCPU, ev.OrigCPU} {
		if c >= 0 && c < cpumask.MaxCPUs {
			s.Seen.CPUs.Set(int(c))
		}
	}
	if s.Against == nil {
		return
	}
	for _, t := range [...]*parser.Task{&ev.Task, &ev.Next} {
		if t.PID > 0 && t.Comm != "" && s.kthreads.Get(t.PID) {
			s.Seen.Comm[t.PID] = t.Comm
		}
	}
}

// Judge says what the first pass showed to be impossible.
func (s *Survey) Judge(in *open.Input) (notes []string, err error) {
	switch {
	case s.Decoded > 0:
	case s.ReadError != nil:
		return nil, s.ReadError
	case s.Damaged > 0:
		return nil, s.Damage(in)
	default:
		return nil, &parser.Error{
			File: in.Path, Format: string(in.Meta().Dialect), Offset: -1, Err: ErrNoEvents,
			Remedy: "record sched_switch, sched_waking, sched_wakeup and sched_migrate_task",
		}
	}
	if s.Against == nil {
		return nil, nil
	}
	own := in.Meta().Host
	s.Seen.Release, s.Seen.Hostname = own.Release.Value, own.Hostname.Value
	if notes, err = host.Check(s.Against, s.Seen); err != nil {
		return nil, fmt.Errorf("%s: %w", in.Path, err)
	}
	return notes, nil
}

// Damage describes the pieces that could not be decoded.
func (s *Survey) Damage(in *open.Input) error {
	more := ""
	if s.Damaged > 1 {
		more = fmt.Sprintf(" (and %d more places)", s.Damaged-1)
	}
	e := &parser.Error{
		File: in.Path, Format: string(in.Meta().Dialect), Offset: -1,
		Err: fmt.Errorf("%w: %s%s", parser.ErrDamaged, s.first.Text, more), Remedy: "the rest is used",
	}
	switch in.Meta().Dialect {
	case parser.DialectPerfData, parser.DialectTraceDat, parser.DialectPerfetto:
		e.Offset = s.first.Pos
	default:
		e.Line = s.first.Pos
	}
	if s.Decoded == 0 {
		e.Remedy = "nothing else could be read: copy it again"
	}
	return e
}

// IsBundle tells a host bundle from a capture: it is none of the dialects, and
// reads as a bundle.
func IsBundle(ctx context.Context, path string) bool {
	if st, err := os.Stat(path); err != nil || st.Mode()&(os.ModeNamedPipe|os.ModeCharDevice) != 0 {
		return false
	}
	in, err := open.File(ctx, path, open.Options{})
	if err == nil {
		in.Close()
		return false
	}
	if !errors.Is(err, parser.ErrFormat) && !errors.Is(err, open.ErrNoCapture) {
		return false
	}
	h, err := host.Read(ctx, path)
	return err == nil && (len(h.CPU) > 0 || h.Release.Known() || h.Cmdline.Known())
}
