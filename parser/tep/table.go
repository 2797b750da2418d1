package tep

import (
	"errors"
	"fmt"
	"slices"

	"schedreplay/parser"
)

// Errors of [Table.Decode].
var (
	// ErrUnknownEvent: no format file describes the record's common_type.
	ErrUnknownEvent = errors.New("no format file for the event")
	// ErrRecord: the record is shorter than its format file says, or a
	// reference in it points outside.
	ErrRecord = errors.New("record contradicts its event format")
)

// Table decodes the raw records of one recording. Fill it with [Table.Add],
// then decode; it is not safe for concurrent use, because it interns names:
// [Table.Clone] gives each pass one of its own.
type Table struct {
	order  Order
	events []*event // by common_type
	common common
	names  parser.Names
	notes  []string
	before []byte // a record before it was scrubbed
	// asides: some event tells one. functions are the names of those met, symbols those of
	// the recording.
	asides    bool
	functions map[uint64]string
	symbols   symbols
	// reasons: some event points to a text. printk are the texts of the recording by address.
	reasons bool
	printk  map[uint64]string
	// numbers are, of those that a copy may have, what stands in it for an address.
	numbers map[uint64]uint64
}

// common is where the fields shared by all events are.
type common struct {
	set             bool
	typ, flags, pid loc
	need            int
	// plain: they are of 2, 1 and 4 bytes, in the byte order of most machines.
	plain bool
}

// loc is a field's place, resolved for fast reading. size 0 means the field is
// not there.
type loc struct {
	off, size int
	signed    bool
	place     Place
}

// event is one decoder: what the record becomes, and where the fields that
// fill the event are, in the order of the kind's entry in wanted.
type event struct {
	kind   parser.Kind
	text   string
	need   int // bytes that the fixed fields span
	loc    [maxWanted]loc
	fields []string // their names
	plain  bool     // see [Table.plain]
	states stateTable
	// aside is what a KindOther tells, vector what its name says of it.
	aside  parser.Aside
	vector string
}

// NewTable returns an empty table for records of the given byte order.
func NewTable(order Order) *Table { return &Table{order: order} }

// Clone returns a table with the same formats and names of its own.
func (t *Table) Clone() *Table {
	c := *t
	c.names, c.before, c.functions = parser.Names{}, nil, nil
	return &c
}

// Len returns the number of events known.
func (t *Table) Len() int {
	n := 0
	for _, e := range t.events {
		if e != nil {
			n++
		}
	}
	return n
}

// Has reports whether records of the given kind can be decoded.
func (t *Table) Has(k parser.Kind) bool {
	return slices.ContainsFunc(t.events, func(e *event) bool { return e != nil && e.kind == k })
}

// Kind returns what records of a common_type become, and the event's name as
// "system:name"; false if the type is unknown.
func (t *Table) Kind(id int) (parser.Kind, string, bool) {
	if id < 0 || id >= len(t.events) || t.events[id] == nil {
		return 0, "", false
	}
	return t.events[id].kind, t.events[id].text, true
}

// Notes returns remarks on formats that cannot be used in full, one sentence
// each, in the order the formats were added.
func (t *Table) Notes() []string { return t.notes }

// spec says what a tracepoint becomes and which fields it needs for that.
type spec struct {
	name     string
	kind     parser.Kind
	required []string
	optional []string
}

const maxWanted = 8

// The field order below is what the decode functions index by.
var specs = []spec{
	{"sched:sched_switch", parser.KindSwitch, []string{"prev_pid", "next_pid"}, []string{"prev_comm", "prev_prio", "prev_state", "next_comm", "next_prio"}},
	{"sched:sched_waking", parser.KindWaking, []string{"pid"}, []string{"comm", "prio", "target_cpu"}},
	{"sched:sched_wakeup", parser.KindWakeup, []string{"pid"}, []string{"comm", "prio", "target_cpu", "success"}},
	{"sched:sched_wakeup_new", parser.KindWakeupNew, []string{"pid"}, []string{"comm", "prio", "target_cpu", "success"}},
	{"sched:sched_migrate_task", parser.KindMigrate, []string{"pid", "orig_cpu", "dest_cpu"}, []string{"comm", "prio"}},
	{"sched:sched_process_fork", parser.KindFork, []string{"parent_pid", "child_pid"}, []string{"parent_comm", "child_comm"}},
	{"sched:sched_process_exec", parser.KindExec, []string{"pid"}, []string{"filename", "old_pid"}},
	{"sched:sched_process_exit", parser.KindExit, []string{"pid"}, []string{"comm", "prio"}},
	{"sched:sched_stat_runtime", parser.KindStatRuntime, []string{"pid", "runtime"}, []string{"comm"}},
	// Linux 6.13 dropped the pid: a task renames itself, so it is common_pid.
	{"task:task_rename", parser.KindComm, []string{"newcomm"}, []string{"pid"}},
}

// Add makes the table decode the events of a format. The first format of an
// ID wins, as in perf and trace-cmd.
func (t *Table) Add(f *Format) {
	if f.ID < 0 || f.ID > 1<<16-1 {
		return
	}
	if f.ID < len(t.events) && t.events[f.ID] != nil {
		return
	}
	if !t.common.set {
		t.setCommon(f)
	}
	e := &event{kind: parser.KindOther, text: f.Name}
	if f.System != "" {
		e.text = f.System + ":" + f.Name
	}
	for _, s := range specs {
		if s.name == e.text {
			t.resolve(e, f, s)
			break
		}
	}
	t.addAside(e, f)
	t.asides = t.asides || e.aside != parser.NoAside
	for len(t.events) <= f.ID {
		t.events = append(t.events, nil)
	}
	t.events[f.ID] = e
}

// setCommon takes the common fields from a format; every event has the same.
func (t *Table) setCommon(f *Format) {
	get := func(name string) loc {
		fd, ok := f.Field(name)
		if !ok || fd.Place != Fixed || !intSize(fd.Size) {
			return loc{}
		}
		t.common.need = max(t.common.need, fd.Offset+fd.Size)
		return loc{off: fd.Offset, size: fd.Size, signed: fd.Signed}
	}
	t.common.typ, t.common.flags, t.common.pid = get("common_type"), get("common_flags"), get("common_pid")
	c := &t.common
	c.set = c.typ.size != 0
	c.plain = t.order == Little && c.typ.size == 2 && !c.typ.signed && c.flags.size == 1 && c.pid.size == 4
}

func intSize(n int) bool { return n == 1 || n == 2 || n == 4 || n == 8 }

// resolve fills a decoder, or leaves it KindOther with a note when a needed
// field is missing.
func (t *Table) resolve(e *event, f *Format, s spec) {
	e.fields = slices.Concat(s.required, s.optional)
	for i, name := range e.fields {
		fd, ok := f.Field(name)
		array := isText(name) || isMask(name)
		if ok && (array != fd.Array || !array && (fd.Place != Fixed || !intSize(fd.Size))) {
			t.notes = append(t.notes, fmt.Sprintf("the field %s of %s has the unusable type %q", name, e.text, fd.Type))
			ok = false
		}
		if !ok {
			if i < len(s.required) {
				t.notes = append(t.notes, fmt.Sprintf("%s is not decoded: its format has no field %s", e.text, name))
				*e = event{kind: parser.KindOther, text: e.text}
				return
			}
			continue
		}
		e.loc[i] = loc{off: fd.Offset, size: fd.Size, signed: fd.Signed, place: fd.Place}
		e.need = max(e.need, fd.Offset+fd.Size)
	}
	e.kind = s.kind
	if e.kind == parser.KindSwitch {
		e.states = newStateTable(f.Print)
		if !e.states.known {
			t.notes = append(t.notes, "the capture's print format of sched_switch has no table of task states: states other than R are unknown")
		}
	}
	e.plain = t.plain(e, &s)
}

func isText(field string) bool {
	switch field {
	case "prev_comm", "next_comm", "comm", "parent_comm", "child_comm", "filename", "newcomm", "name":
		return true
	}
	return false
}
