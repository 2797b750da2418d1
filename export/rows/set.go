package rows

import (
	"errors"
	"io"
	"slices"

	"schedreplay/parser"
	"schedreplay/replay"
)

// Set writes the tables of a capture: slices, wakeups, intrusions, stays. It
// takes the events in a pass of their own, and then part in a replay.
type Set struct {
	slices     Writer[Slice]
	wakeups    Writer[replay.Wakeup]
	intrusions Writer[replay.Run]
	stays      Writer[Stay]

	slicer   *Slicer
	modelled bool
	err      error
}

// SetFiles are the files of a set, in the order in which they are made.
func SetFiles(f Format) []string {
	var out []string
	for _, name := range []string{Slices.Name, Wakeups.Name, Intrusions.Name, Stays.Name} {
		out = append(out, name+"."+string(f))
	}
	return out
}

// NewSet begins the tables in files that create makes.
func NewSet(f Format, meta []Meta, create func(name string) (io.Writer, error)) (*Set, error) {
	s := &Set{}
	names := SetFiles(f)
	var errs [4]error
	s.slices, errs[0] = begin(f, Slices, meta, names[0], create)
	s.wakeups, errs[1] = begin(f, Wakeups, meta, names[1], create)
	s.intrusions, errs[2] = begin(f, Intrusions, meta, names[2], create)
	s.stays, errs[3] = begin(f, Stays, meta, names[3], create)
	s.slicer = NewSlicer(func(x *Slice) { s.keep(s.slices.Write(x)) })
	return s, errors.Join(errs[:]...)
}

func begin[T any](f Format, t *Table[T], meta []Meta, name string, create func(string) (io.Writer, error)) (Writer[T], error) {
	w, err := create(name)
	if err != nil {
		return nil, err
	}
	return NewWriter(f, w, t, meta)
}

func (s *Set) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Err is the first error of writing, nil if there was none.
func (s *Set) Err() error { return s.err }

// Event takes the next event.
func (s *Set) Event(ev *parser.Event) { s.slicer.Event(ev) }

// Observer returns the functions by which the set takes part in a replay.
func (s *Set) Observer() replay.Observer {
	return replay.Observer{
		Begin: func(res *replay.Result) {
			s.slicer.Close()
			s.modelled = Modelled(res.Host)
		},
		Wakeup: func(w *replay.Wakeup) { s.keep(s.wakeups.Write(w)) },
		Run: func(r *replay.Run) {
			if Intrudes(r) {
				s.keep(s.intrusions.Write(r))
			}
		},
		Stay: func(x *replay.Stay) { s.keep(s.stays.Write(&Stay{Stay: x, Modelled: s.modelled})) },
	}
}

// Close ends the tables and returns the first error of writing. It does not
// close the files.
func (s *Set) Close() error {
	s.keep(errors.Join(s.slices.Close(), s.wakeups.Close(), s.intrusions.Close(), s.stays.Close()))
	return s.err
}

// Modelled reports whether the topology is known, without which no kernel can
// be asked where it would place a task.
func Modelled(h *parser.Host) bool {
	return slices.ContainsFunc(h.CPU, func(c parser.CPUInfo) bool { return c.Known })
}
