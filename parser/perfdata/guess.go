package perfdata

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// perf writes the event formats and names when a recording ends. A file whose
// recorder was killed, or that is cut short, has neither: only records, and
// for each the number of its tracepoint. But there are few ways in which
// kernels have laid out the scheduler's events, and a wrong one shows: pids,
// priorities and CPU numbers out of range, a sched_switch away from a task
// that was not current. So each tracepoint is held against the layouts below,
// and one that fits all records looked at is assumed, with a note.

// layouts are the known ones, for kernels with 64-bit longs, newest first for
// each event. A size of 0 means that text follows the fields.
var layouts = []struct {
	event  string
	size   int
	fields string // name:offset:size, @ for a reference to text, [] for an array
}{
	{"sched_switch", 64, "prev_comm[]:8:16 prev_pid:24:4 prev_prio:28:4 prev_state:32:8 next_comm[]:40:16 next_pid:56:4 next_prio:60:4"},
	{"sched_waking", 36, "comm[]:8:16 pid:24:4 prio:28:4 target_cpu:32:4"},
	{"sched_waking", 40, "comm[]:8:16 pid:24:4 prio:28:4 success:32:4 target_cpu:36:4"}, // up to 4.18
	{"sched_migrate_task", 0, "comm@:8:4 pid:12:4 prio:16:4 orig_cpu:20:4 dest_cpu:24:4"},
	{"sched_migrate_task", 40, "comm[]:8:16 pid:24:4 prio:28:4 orig_cpu:32:4 dest_cpu:36:4"},
	{"sched_stat_runtime", 0, "comm@:8:4 pid:12:4 runtime:16:8"},
	{"sched_stat_runtime", 40, "comm[]:8:16 pid:24:4 runtime:32:8"}, // from 6.8
	{"sched_stat_runtime", 48, "comm[]:8:16 pid:24:4 runtime:32:8 vruntime:40:8"},
	{"sched_process_fork", 0, "parent_comm@:8:4 parent_pid:12:4 child_comm@:16:4 child_pid:20:4"},
	{"sched_process_fork", 48, "parent_comm[]:8:16 parent_pid:24:4 child_comm[]:28:16 child_pid:44:4"},
}

// guessedStates is what kernels from 4.14 on print.
const guessedStates = `REC->prev_state & 255 ? __print_flags(REC->prev_state & 255, "|", { 1, "S" }, { 2, "D" }, { 4, "T" }, { 8, "t" }, ` +
	`{ 16, "X" }, { 32, "Z" }, { 64, "P" }, { 128, "I" }) : "R", REC->prev_state & 256 ? "+" : ""`

// format makes a format file's content of a layout.
func layoutFormat(event, fields string, id int) *tep.Format {
	f := &tep.Format{System: "sched", Name: event, ID: id, Print: guessedStates}
	f.Fields = []tep.Field{
		{Name: "common_type", Type: "unsigned short", Offset: 0, Size: 2},
		{Name: "common_flags", Type: "unsigned char", Offset: 2, Size: 1},
		{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
	}
	for field := range strings.FieldsSeq(fields) {
		fd := tep.Field{Signed: true}
		name, place, _ := strings.Cut(field, ":")
		_, _ = fmt.Sscanf(place, "%d:%d", &fd.Offset, &fd.Size)
		switch {
		case strings.HasSuffix(name, "[]"):
			name, fd.Array = name[:len(name)-2], true
		case strings.HasSuffix(name, "@"):
			name, fd.Array, fd.Place = name[:len(name)-1], true, tep.DataLoc
		}
		fd.Name = name
		f.Fields = append(f.Fields, fd)
	}
	return f
}

// Bounds on the records looked at.
const (
	guessSamples = 256
	guessRecords = 1 << 20
)

// guess fills the table from the records alone.
func (c *capture) guess() error {
	samples, err := c.sampleRecords()
	if err != nil {
		return err
	}
	sw := -1
	for id := range samples {
		if _, ok := c.recognise("sched_switch", id, samples[id]); ok {
			sw = id
		}
	}
	if sw < 0 {
		return nil // nothing to start from
	}
	table := tep.NewTable(c.order)
	count := 0
	for _, id := range slices.Sorted(maps.Keys(samples)) {
		// The kernel numbers the tracepoints of a header file one after the
		// other, the last one first. Three of them look the same.
		events := []string{"sched_process_fork", "sched_stat_runtime"}
		name := ""
		switch id - sw {
		case -1:
			events = []string{"sched_migrate_task"}
		case 0:
			events = []string{"sched_switch"}
		case 1:
			events, name = []string{"sched_waking"}, "sched_wakeup_new"
		case 2:
			events, name = []string{"sched_waking"}, "sched_wakeup"
		case 3:
			events = []string{"sched_waking"}
		}
		for _, event := range events {
			fields, ok := c.recognise(event, id, samples[id])
			if !ok {
				continue
			}
			if name == "" {
				name = event
			}
			table.Add(layoutFormat(name, fields, id))
			count++
			break
		}
	}
	c.table = table
	c.feat.notes = append(c.feat.notes, fmt.Sprintf(
		"the file lacks its event formats: %d tracepoints were recognised by their records, task states are assumed to be those of Linux 4.14 and later", count))
	return nil
}

// recognise returns the layout of an event that fits all records, if there is
// one.
func (c *capture) recognise(event string, id int, records [][]byte) (fields string, ok bool) {
	for _, l := range layouts {
		if l.event == event && c.fits(l.size, layoutFormat(l.event, l.fields, id), records) {
			return l.fields, true
		}
	}
	return "", false
}

// sampleRecords picks raw records of each tracepoint.
func (c *capture) sampleRecords() (map[int][][]byte, error) {
	samples := make(map[int][][]byte)
	left := guessRecords
	for _, l := range c.lanes.all {
		cur := l.cursor(4 << 10)
		for per := 0; per < guessRecords/16 && left > 0; per++ {
			left--
			ok, err := c.step(cur)
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			if c.order.Uint32(cur.rec) != recSample {
				continue
			}
			a := &c.ev.attrs[cur.origin.attr]
			if a.typ != typeTracepoint || a.config >= 1<<16 || len(samples[int(a.config)]) >= guessSamples {
				continue
			}
			raw, err := a.raw(cur.rec, c.order)
			if err != nil || len(raw) < 8 || uint64(c.order.Uint16(raw)) != a.config {
				continue
			}
			samples[int(a.config)] = append(samples[int(a.config)], append([]byte(nil), raw...))
		}
	}
	return samples, nil
}

// fits reports whether all records make sense in a layout of size bytes.
func (c *capture) fits(size int, f *tep.Format, records [][]byte) bool {
	t := tep.NewTable(c.order)
	t.Add(f)
	padded := (size+4+7)&^7 - 4 // perf pads the record and its size word to 8 bytes
	ofCurrent := 0
	for _, raw := range records {
		if size != 0 && len(raw) != padded {
			return false
		}
		ev := parser.NewEvent(parser.KindOther, 0, 0)
		if t.Decode(raw, &ev) != nil || !sensible(&ev) {
			return false
		}
		if ev.Task.PID == ev.Cur.PID {
			ofCurrent++
		}
	}
	// sched_stat_wait and its kin look like sched_stat_runtime, but mostly tell
	// of tasks that do not run.
	return f.Name != "sched_stat_runtime" || 2*ofCurrent > len(records)
}

// sensible reports whether an event could be true.
func sensible(e *parser.Event) bool {
	task := func(t parser.Task, prio bool) bool {
		return validPID(t.PID) && t.Comm != "" && len(t.Comm) < 16 && (!prio || t.Prio >= -1 && t.Prio < 140)
	}
	cpu := func(n int32) bool { return uint32(n) < cpumask.MaxCPUs }
	switch e.Kind {
	case parser.KindSwitch:
		return task(e.Task, true) && task(e.Next, true) && e.Task.PID == e.Cur.PID && e.State.Known()
	case parser.KindWaking:
		return task(e.Task, true) && cpu(e.TargetCPU)
	case parser.KindMigrate:
		return task(e.Task, true) && cpu(e.OrigCPU) && cpu(e.TargetCPU)
	case parser.KindStatRuntime:
		return task(e.Task, false) && e.Runtime > 0 && e.Runtime < math.MaxInt64>>16
	case parser.KindFork:
		return task(e.Task, false) && task(e.Next, false) && e.Task.PID == e.Cur.PID
	}
	return false
}
