package report

import (
	"errors"
	"path"

	"schedreplay/findings"
	"schedreplay/plots"
	"schedreplay/replay"
)

// Options say what a report tells of its own making.
type Options struct {
	// Program is the program's name and released version, "schedreplay 0.1.0";
	// never a build hash.
	Program string
	// Command is the command line without paths.
	Command string
	// Checksum is the SHA-256 of the input's bytes in hex.
	Checksum string
}

// Report is a report in the making. Plug its Observer into the replay, then
// Write the result; Close whatever happens.
type Report struct {
	o      Options
	dir    *folder
	name   string // the folder as the caller named it
	tables *tables
	col    *plots.Collector
	noPNG  bool // tests that look at the rest are quicker without
}

// NewReport begins a report that is to appear at dir. It fails at once, with an
// error that wraps [ErrWrite], where dir cannot be written or holds what
// schedreplay did not make. Nothing appears at dir before Write.
func NewReport(dir string, o Options) (*Report, error) {
	d, err := newFolder(dir)
	if err != nil {
		return nil, err
	}
	t, err := createTables(d)
	if err != nil {
		d.discard()
		return nil, writeError(dir, err)
	}
	return &Report{o: o, dir: d, name: dir, tables: t, col: plots.NewCollector()}, nil
}

// Observer returns the functions by which the report takes part in a replay;
// each replay needs a report of its own.
func (r *Report) Observer() replay.Observer {
	return replay.Observer{
		Begin: r.col.Begin,
		Wakeup: func(w *replay.Wakeup) {
			r.col.Wakeup(w)
			if w.Moved != replay.MovedNo && w.Moved != "" || w.Isolated {
				r.tables.wakeup(w)
			}
		},
		Run: func(run *replay.Run) {
			r.col.Run(run)
			if findings.IsIntruder(run) {
				r.tables.run(run)
			}
		},
	}
}

// Err is the first error of writing the tables so far, nil if there was none:
// a long replay may ask and stop early. It wraps [ErrWrite].
func (r *Report) Err() error {
	if r.tables == nil {
		return nil
	}
	if err := errors.Join(r.tables.runs.err, r.tables.wakeups.err); err != nil {
		return writeError(r.name, err)
	}
	return nil
}

// Write composes the report and puts the whole folder in place: report.md,
// report.html, report.json, intrusions.csv, stays.csv, wakeups.csv and
// figures/. On an error, which wraps [ErrWrite], nothing is left and what was
// at the place before is untouched.
func (r *Report) Write(res *replay.Result) error {
	defer r.Close()
	if r.dir == nil {
		return errors.New("plots: the report is closed")
	}
	if err := r.write(res); err != nil {
		return writeError(r.name, err)
	}
	return nil
}

func (r *Report) write(res *replay.Result) error {
	t := r.tables
	r.tables = nil
	if err := errors.Join(t.runs.close(), t.wakeups.close()); err != nil {
		return err
	}
	if err := writeStays(r.dir, res); err != nil {
		return err
	}
	cpus := findings.Summarize(res)
	figs := plots.BuildFigures(res, r.col, cpus)
	doc := compose(res, r.col, &r.o, cpus, figs)
	for _, f := range figs.All(cpus) {
		for _, s := range plots.Sizes {
			base := path.Join("figures", f.Name+s.Suffix)
			if err := r.dir.write(base+".svg", f.SVG(s, "g")); err != nil {
				return err
			}
			if r.noPNG {
				continue
			}
			b, err := f.PNG(s)
			if err != nil {
				return err
			}
			if err := r.dir.write(base+".png", b); err != nil {
				return err
			}
		}
	}
	if err := r.dir.write("report.md", doc.markdown(func(f *plots.Figure) string { return path.Join("figures", f.Name+".png") })); err != nil {
		return err
	}
	html, err := doc.html()
	if err != nil {
		return err
	}
	if err := r.dir.write("report.html", html); err != nil {
		return err
	}
	b, err := encodeJSON(res, r.col, &r.o, cpus, doc)
	if err != nil {
		return err
	}
	if err := r.dir.write("report.json", b); err != nil {
		return err
	}
	return r.dir.commit()
}

// Close abandons a report that was not written and removes what there is of
// it. It may be called any number of times, also after Write.
func (r *Report) Close() {
	if t := r.tables; t != nil {
		r.tables = nil
		_ = t.runs.close()
		_ = t.wakeups.close()
	}
	if r.dir != nil {
		r.dir.discard()
		r.dir = nil
	}
}
