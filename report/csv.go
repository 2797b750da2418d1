package report

import (
	"bufio"
	"encoding/csv"
	"errors"
	"os"
	"strconv"

	"schedreplay/parser"
	"schedreplay/replay"
)

// csvFile is a table that is written while the replay goes.
type csvFile struct {
	f   *os.File
	buf *bufio.Writer
	w   *csv.Writer
	err error
}

func createCSV(d *folder, name string, header ...string) (*csvFile, error) {
	f, err := d.create(name)
	if err != nil {
		return nil, err
	}
	c := &csvFile{f: f, buf: bufio.NewWriterSize(f, 64<<10)}
	c.w = csv.NewWriter(c.buf)
	c.row(header...)
	return c, c.err
}

func (c *csvFile) row(fields ...string) {
	if c.err == nil {
		c.err = c.w.Write(fields)
	}
}

func (c *csvFile) close() error {
	c.w.Flush()
	return errors.Join(c.err, c.w.Error(), c.buf.Flush(), c.f.Close())
}

// num64 prints a number, nothing for parser.NoTime.
func num64(n int64) string {
	if n == parser.NoTime {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// cpuField prints a CPU number, nothing if it is unknown.
func cpuField(cpu int) string {
	if cpu < 0 {
		return ""
	}
	return strconv.Itoa(cpu)
}

func pidField(pid int32) string {
	if pid < 0 {
		return ""
	}
	return strconv.Itoa(int(pid))
}

// tables are the report's CSV files.
type tables struct {
	runs, wakeups *csvFile
}

func createTables(d *folder) (*tables, error) {
	runs, err := createCSV(d, "intrusions.csv", "cpu", "stay", "pid", "comm", "start_ns", "end_ns", "run_ns", "cut", "patched")
	if err != nil {
		return nil, err
	}
	wakeups, err := createCSV(d, "wakeups.csv",
		"n", "time_ns", "kind", "pid", "comm", "prio", "waker_context", "waker_pid", "waker_comm", "waker_cpu", "prev_cpu", "recorded_cpu", "isolated",
		"original_cpu", "original_possible", "original_path", "patched_cpu", "patched_possible", "patched_path", "moved", "model_miss", "diverged_since")
	if err != nil {
		return nil, errors.Join(err, runs.close())
	}
	return &tables{runs, wakeups}, nil
}

// run writes a foreign task's run.
func (t *tables) run(r *replay.Run) {
	stay, cut := "", "no"
	if r.Stay >= 0 {
		stay = strconv.Itoa(r.Stay + 1)
	}
	switch {
	case r.CutStart && r.CutEnd:
		cut = "both"
	case r.CutStart:
		cut = "start"
	case r.CutEnd:
		cut = "end"
	}
	t.runs.row(cpuField(r.CPU), stay, pidField(r.Task.PID), parser.CellComm(r.Task.Comm), num64(r.Start), num64(r.End), num64(r.End-r.Start), cut, string(r.Patched))
}

// wakeup writes a wakeup that the patch changes or that went to an isolated
// CPU.
func (t *tables) wakeup(w *replay.Wakeup) {
	prio, since := "", ""
	if w.Task.Prio != parser.NoPrio {
		prio = strconv.Itoa(int(w.Task.Prio))
	}
	if w.DivergedSince > 0 {
		since = num64(w.DivergedSince)
	}
	isolated := ""
	if w.IsolatedKnown {
		isolated = strconv.FormatBool(w.Isolated)
	}
	t.wakeups.row(num64(w.N), num64(w.Time), w.Kind.String(), pidField(w.Task.PID), parser.CellComm(w.Task.Comm), prio, string(w.WakerContext),
		pidField(w.Waker.PID), parser.CellComm(w.Waker.Comm), cpuField(w.WakerCPU), cpuField(w.PrevCPU), cpuField(w.RecordedCPU), isolated,
		cpuField(w.Original.CPU), possibleField(&w.Original), string(w.Original.Path), cpuField(w.Patched.CPU), possibleField(&w.Patched), string(w.Patched.Path),
		string(w.Moved), strconv.FormatBool(w.ModelMiss), since)
}

// possibleField is a CPU list, nothing if there is no bound.
func possibleField(p *replay.Placed) string {
	if !p.Bounded {
		return ""
	}
	return p.Possible.String()
}

// writeStays writes the stays of the result: they are numbered as in
// intrusions.csv.
func writeStays(d *folder, res *replay.Result) error {
	c, err := createCSV(d, "stays.csv",
		"cpu", "stay", "pid", "comm", "came", "from_cpu", "arrived_ns", "left_ns", "entry_n", "entry_path", "wakings", "selections", "stayed_put",
		"runs", "cut_runs", "run_ns", "patched_run_ns", "patched_run_max_ns", "delayed_owner", "delayed_owner_ns")
	if err != nil {
		return err
	}
	for _, k := range res.CPUs {
		for i, s := range k.Stays {
			n, path := "", ""
			if s.Entry != nil {
				n, path = num64(s.Entry.N), string(s.Entry.Path)
			}
			c.row(cpuField(s.CPU), strconv.Itoa(i+1), pidField(s.Task.PID), parser.CellComm(s.Task.Comm), string(s.How), cpuField(s.FromCPU), num64(s.Arrived), num64(s.Left),
				n, path, num64(s.Wakings), num64(s.Selections), num64(s.StayedPut), num64(s.Runs), num64(s.CutRuns), num64(s.RunNS),
				num64(s.PatchedRunNS), num64(s.PatchedRunMaxNS), num64(s.DelayedOwner), num64(s.DelayedOwnerNS))
		}
	}
	return c.close()
}
