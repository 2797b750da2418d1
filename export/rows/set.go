package rows

import (
	"errors"
	"os"

	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
)

// File is a table in a file of a folder, written while a replay goes. The first
// error of writing is kept: Write need not be asked.
type File[T any] struct {
	f      *os.File
	w      Writer[T]
	err    error
	closed bool
}

// Create begins a table as the file NAME.FORMAT of a folder.
func Create[T any](d *outdir.Dir, f Format, t *Table[T], meta []Meta) (*File[T], error) {
	file, err := d.Create(t.Name + "." + string(f))
	if err != nil {
		return nil, err
	}
	w, err := NewWriter(f, file, t, meta)
	return &File[T]{f: file, w: w, err: err}, err
}

// Write writes a row.
func (f *File[T]) Write(v *T) {
	if f.err == nil {
		f.err = f.w.Write(v)
	}
}

// Err is the first error so far.
func (f *File[T]) Err() error { return f.err }

// Close ends the table and its file, and returns the first error. It may be
// called again.
func (f *File[T]) Close() error {
	if !f.closed {
		f.closed = true
		f.err = errors.Join(f.err, f.w.Close(), f.f.Close())
	}
	return f.err
}

// Set writes the tables of a capture: slices, wakeups, intrusions, stays, noise. It
// takes the events in a pass of their own, and then part in a replay.
type Set struct {
	slices     *File[Slice]
	wakeups    *File[replay.Wakeup]
	intrusions *File[replay.Slice]
	stays      *File[Stay]
	noise      *File[findings.NoiseRow]

	slicer   *Slicer
	modelled bool
}

// SetFiles are the files of a set.
func SetFiles(f Format) []string {
	var out []string
	for _, name := range []string{Slices.Name, Wakeups.Name, Intrusions.Name, Stays.Name, Noise.Name} {
		out = append(out, name+"."+string(f))
	}
	return out
}

// NewSet begins the tables in a folder.
func NewSet(d *outdir.Dir, f Format, meta []Meta) (*Set, error) {
	s := &Set{}
	var errs [5]error
	s.slices, errs[0] = Create(d, f, Slices, meta)
	s.wakeups, errs[1] = Create(d, f, Wakeups, meta)
	s.intrusions, errs[2] = Create(d, f, Intrusions, meta)
	s.stays, errs[3] = Create(d, f, Stays, meta)
	s.noise, errs[4] = Create(d, f, Noise, meta)
	s.slicer = NewSlicer(s.slices.Write)
	return s, errors.Join(errs[:]...)
}

// Err is the first error of writing, nil if there was none.
func (s *Set) Err() error {
	for _, err := range [...]error{s.slices.err, s.wakeups.err, s.intrusions.err, s.stays.err, s.noise.err} {
		if err != nil {
			return err
		}
	}
	return nil
}

// Event takes the next event.
func (s *Set) Event(ev *parser.Event) { s.slicer.Event(ev) }

// Observer returns the functions by which the set takes part in a replay.
func (s *Set) Observer() replay.Observer {
	return replay.Observer{
		Begin: func(res *replay.Result) {
			s.slicer.Close()
			s.modelled = res.Host.TopologyKnown()
		},
		Wakeup: s.wakeups.Write,
		Run: func(r *replay.Slice) {
			if Intrudes(r) {
				s.intrusions.Write(r)
			}
		},
		Stay: func(x *replay.Stay) { s.stays.Write(&Stay{Stay: x, Modelled: s.modelled}) },
		Why:  true, // what led to the noise
	}
}

// Finish takes what is known at the end.
func (s *Set) Finish(res *replay.Result) { WriteNoise(findings.Of(res), s.noise.Write) }

// Close ends the tables and their files, and returns the first error.
func (s *Set) Close() error {
	return errors.Join(s.slices.Close(), s.wakeups.Close(), s.intrusions.Close(), s.stays.Close(), s.noise.Close())
}
