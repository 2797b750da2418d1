package report

import (
	"errors"

	"schedreplay/export/outdir"
	"schedreplay/export/rows"
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
	o       Options
	dir     *outdir.Dir
	runs    *rows.File[replay.Slice]
	wakeups *rows.File[replay.Wakeup]
	col     *findings.Collector
	pics    *plots.Collector
	noPNG   bool // tests that look at the rest are quicker without
}

// NewReport begins a report in a folder, which appears when the caller keeps it.
// Its errors, and those of the report's methods, wrap [outdir.ErrWrite].
func NewReport(d *outdir.Dir, o Options) (*Report, error) {
	r := &Report{o: o, dir: d, col: findings.NewCollector(), pics: plots.NewCollector()}
	var err, err2 error
	r.runs, err = rows.Create(d, rows.CSV, rows.ReportIntrusions, nil)
	r.wakeups, err2 = rows.Create(d, rows.CSV, rows.ReportWakeups, nil)
	return r, outdir.Wrap(d.Name(), errors.Join(err, err2))
}

// Observer returns the functions by which the report takes part in a replay;
// each replay needs a report of its own.
func (r *Report) Observer() replay.Observer {
	return replay.Observer{
		Begin: func(res *replay.Result) {
			r.col.Begin(res)
			r.pics.Begin(res)
		},
		Near: r.pics.Near, Interrupted: r.pics.Interrupted, Why: true,
		Wakeup: func(w *replay.Wakeup) {
			r.col.Wakeup(w)
			r.pics.Wakeup(w)
			if w.Moved != replay.MovedNo && w.Moved != "" || w.Isolated {
				r.wakeups.Write(w)
			}
		},
		Run: func(run *replay.Slice) {
			r.col.Run(run)
			r.pics.Run(run)
			if rows.Intrudes(run) {
				r.runs.Write(run)
			}
		},
	}
}

// Err is the first error of writing the tables so far, nil if there was none:
// a long replay may ask and stop early.
func (r *Report) Err() error {
	return outdir.Wrap(r.dir.Name(), errors.Join(r.runs.Err(), r.wakeups.Err()))
}

// Write composes the report: report.md, report.html, report.json,
// intrusions.csv, stays.csv, wakeups.csv and figures/. help is asked once the other
// figures are drawn, nil leaves it out.
func (r *Report) Write(res *replay.Result, help Helper) error {
	return outdir.Wrap(r.dir.Name(), r.write(res, help))
}

func (r *Report) write(res *replay.Result, help Helper) error {
	if err := r.Close(); err != nil {
		return err
	}
	if err := r.writeStays(res); err != nil {
		return err
	}
	all := r.col.Findings(res)
	figs := plots.BuildFigures(all, r.pics)
	p := painter(r.dir, !r.noPNG)
	defer p.Stop()
	if err := p.Draw(figs.All(all.CPUs)); err != nil {
		return err
	}
	var h helped
	if help != nil {
		h.Helped, h.why = help()
		h.figs = plots.BuildHelped(all, h.Helped)
	}
	if err := p.Draw(h.all()); err != nil {
		return err
	}
	doc := compose(all, &r.o, figs, &h)
	if err := doc.write(r.dir, "report", true, func() ([]byte, error) { return encodeJSON(all, &r.o, doc, &h) }); err != nil {
		return err
	}
	return p.Finish()
}

// writeStays writes the stays of the result: they are numbered as in
// intrusions.csv.
func (r *Report) writeStays(res *replay.Result) error {
	f, err := rows.Create(r.dir, rows.CSV, rows.ReportStays, nil)
	if err != nil {
		return err
	}
	for _, k := range res.CPUs {
		for i, s := range k.Stays {
			f.Write(&rows.Stay{Stay: s, N: i + 1, Modelled: res.Host.TopologyKnown()})
		}
	}
	return f.Close()
}

// Close ends the tables that grow with the replay. It may be called any number
// of times, also after Write.
func (r *Report) Close() error { return errors.Join(r.runs.Close(), r.wakeups.Close()) }
