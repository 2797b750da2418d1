// Package rowset writes and reads what one capture of a fleet leaves behind: a folder
// capture=<sha256> with Parquet tables, whose rows bear capture, host, kernel and wall
// time, and the summary that fleets are merged of. docs/fleet.md describes them.
package rowset

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"schedreplay/stats"

	"schedreplay/export/outdir"
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/fleet"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Prefix begins the folders' names, in the form that readers of Parquet know as a Hive
// partition; the rest is the capture's checksum.
const Prefix = "capture="

// SummaryFile holds the summary, a JSON document.
const SummaryFile = "summary.json"

// ErrSummary is wrapped by errors about a folder without a summary that can be read.
var ErrSummary = errors.New("no row set of this version")

// Set is the row set of a capture in the making. Plug its Observer into the replay, then
// Finish.
type Set struct {
	dir  *outdir.Dir
	meta []rows.Meta
	// of has what is known of the capture so far.
	of fleet.Summary

	intrusions *rows.File[replay.Slice]
	stays      *rows.File[rows.Stay]
	// wakeups and slices are nil unless all tables are wanted.
	wakeups  *rows.File[replay.Wakeup]
	slices   *rows.File[rows.Slice]
	slicer   *rows.Slicer
	modelled bool
}

// New begins a row set in a folder, which appears when the caller keeps it. With all it has
// the tables of every decision and every slice of the timeline too.
func New(d *outdir.Dir, o fleet.Origin, all bool) (*Set, error) {
	s := &Set{dir: d, of: fleet.Summary{Origin: o}, meta: []rows.Meta{
		{Key: "schedreplay.version", Value: o.Program}, {Key: "schedreplay.capture_sha256", Value: o.Capture},
	}}
	of := func() *fleet.Summary { return &s.of }
	var errs [4]error
	s.intrusions, errs[0] = rows.Create(d, rows.Parquet, rows.Under(rows.Intrusions, "start_ns", of), s.meta)
	s.stays, errs[1] = rows.Create(d, rows.Parquet, rows.Under(rows.Stays, "arrived_ns", of), s.meta)
	if all {
		s.wakeups, errs[2] = rows.Create(d, rows.Parquet, rows.Under(rows.Wakeups, "time_ns", of), s.meta)
		if s.slices, errs[3] = rows.Create(d, rows.Parquet, rows.Under(rows.Slices, "start_ns", of), s.meta); errs[3] == nil {
			s.slicer = rows.NewSlicer(s.slices.Write)
		}
	}
	return s, errors.Join(errs[:]...)
}

// Observer returns the functions by which the set takes part in a replay.
func (s *Set) Observer() replay.Observer {
	o := replay.Observer{
		Begin: func(res *replay.Result) {
			s.of.Host, s.of.Kernel = fleet.HostOf(res), fleet.KernelOf(res)
			s.modelled = res.Host.TopologyKnown()
		},
		Run: func(r *replay.Slice) {
			if rows.Intrudes(r) {
				s.intrusions.Write(r)
			}
		},
		Stay: func(x *replay.Stay) { s.stays.Write(&rows.Stay{Stay: x, Modelled: s.modelled}) },
	}
	if s.wakeups != nil {
		o.Wakeup = s.wakeups.Write
	}
	return o
}

// Event takes the next event, for the slices, in a pass after the replay.
func (s *Set) Event(ev *parser.Event) { s.slicer.Event(ev) }

// Err is the first error of writing so far.
func (s *Set) Err() error {
	err := errors.Join(s.intrusions.Err(), s.stays.Err())
	if s.wakeups != nil {
		err = errors.Join(err, s.wakeups.Err(), s.slices.Err())
	}
	return err
}

// Finish writes what the result amounts to, and ends the tables.
func (s *Set) Finish(res *replay.Result) error {
	err := errors.Join(s.intrusions.Close(), s.stays.Close())
	if s.wakeups != nil {
		s.slicer.Close()
		err = errors.Join(err, s.wakeups.Close(), s.slices.Close())
	}
	f := findings.Of(res)
	sum := fleet.SummaryOf(f, s.of.Origin)
	err = errors.Join(err,
		table(s, rows.Captures, func(w func(*fleet.Summary)) { w(sum) }),
		table(s, rows.Causes, func(w func(*rows.CauseRow)) {
			for i := range sum.Causes {
				w(&rows.CauseRow{Of: sum, Harm: &sum.Causes[i]})
			}
		}),
		table(s, rows.Delays, func(w func(*rows.DelayRow)) {
			for _, c := range f.CPUs {
				if c.Owner == nil {
					continue
				}
				for i, d := range [...]*stats.Dist{c.Waits[replay.SchDelay].Free, c.Waits[replay.SchDelay].Intruded} {
					if d.Count() > 0 {
						w(&rows.DelayRow{Of: sum, CPU: c.CPU, Owner: c.Owner.Comm, Intruded: i == 1, Dist: d})
					}
				}
			}
		}),
		table(s, rows.Under(rows.SetNoise, "longest_at_ns", func() *fleet.Summary { return sum }), func(w func(*findings.NoiseRow)) { rows.WriteNoise(f, w) }))
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(sum, "", " ")
	if err != nil {
		return err
	}
	return s.dir.WriteFile(SummaryFile, rows.Printable(append(b, '\n')))
}

// Close ends the tables, also of a set that is not kept. It may be called again.
func (s *Set) Close() {
	_ = errors.Join(s.intrusions.Close(), s.stays.Close())
	if s.wakeups != nil {
		_ = errors.Join(s.wakeups.Close(), s.slices.Close())
	}
}

// table writes a whole table.
func table[T any](s *Set, t *rows.Table[T], fill func(write func(*T))) error {
	f, err := rows.Create(s.dir, rows.Parquet, t, s.meta)
	if err != nil {
		return err
	}
	fill(f.Write)
	return f.Close()
}

// Read reads the summary of the row set in a folder. Its error wraps [ErrSummary] if the
// folder holds none of this version.
func Read(dir string) (*fleet.Summary, error) {
	path := filepath.Join(dir, SummaryFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrSummary)
	}
	if err != nil {
		return nil, err
	}
	s := new(fleet.Summary)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrSummary, err)
	}
	if s.Schema != fleet.Schema || filepath.Base(dir) != Prefix+s.Capture {
		return nil, fmt.Errorf("%s: %w: it is of version %d, of capture %s", path, ErrSummary, s.Schema, s.Capture)
	}
	return s, nil
}

// List lists the folders of row sets in a folder, by name.
func List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), Prefix) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}
