package tep

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"schedreplay/parser"
)

// Type returns a record's common_type, or -1 if the record is too short for
// one or no format was added.
func (t *Table) Type(raw []byte) int {
	c := &t.common
	switch {
	case !c.set || len(raw) < c.typ.off+c.typ.size:
		return -1
	case c.plain:
		return int(binary.LittleEndian.Uint16(raw[c.typ.off:]))
	}
	return int(t.int(raw, c.typ))
}

// Decode fills ev from a raw record: Kind, Context, Cur.PID and the fields its
// kind has. Time, CPU and Pos are the container's business and not touched;
// every other field must hold what [parser.NewEvent] set. raw may be longer
// than the record, as perf pads it.
//
// An event that replay does not use becomes KindOther with Text
// "system:name". The error wraps [ErrUnknownEvent] or [ErrRecord]; ev then
// holds nothing to use.
func (t *Table) Decode(raw []byte, ev *parser.Event) error { return t.DecodeAs(t.Type(raw), raw, ev) }

// DecodeAs is Decode of a record of a known [Table.Type].
func (t *Table) DecodeAs(id int, raw []byte, ev *parser.Event) error {
	if id < 0 || len(raw) < t.common.need {
		return fmt.Errorf("%w: %d bytes", ErrRecord, len(raw))
	}
	if id >= len(t.events) || t.events[id] == nil {
		return fmt.Errorf("%w: type %d", ErrUnknownEvent, id)
	}
	e := t.events[id]
	if len(raw) < e.need {
		return fmt.Errorf("%w: %s has %d bytes, needs %d", ErrRecord, e.text, len(raw), e.need)
	}
	ev.Kind = e.kind
	if c := &t.common; c.plain {
		ev.Context, ev.Cur.PID = parser.FlagsContext(uint64(raw[c.flags.off])), int32At(raw, c.pid.off)
	} else {
		if c.flags.size != 0 {
			ev.Context = parser.FlagsContext(uint64(t.int(raw, c.flags)))
		}
		if c.pid.size != 0 {
			ev.Cur.PID = int32(t.int(raw, c.pid))
		}
	}
	if e.plain && t.decodePlain(e, raw, ev) {
		return nil
	}
	return t.decode(e, raw, ev)
}

// plain reports whether an event has all fields of its kind, as numbers of the usual size in the
// byte order of most machines: as nearly every kernel records those that come often. success it
// has not.
func (t *Table) plain(e *event, s *spec) bool {
	n := len(s.required) + len(s.optional)
	switch e.kind {
	case parser.KindWakeup, parser.KindWakeupNew:
		if n--; e.loc[n].size != 0 {
			return false
		}
	case parser.KindSwitch, parser.KindWaking, parser.KindMigrate, parser.KindStatRuntime:
	default:
		return false
	}
	for i, l := range e.loc[:n] {
		want := 4
		switch name := e.fields[i]; {
		case isText(name) && l.place == Fixed:
			want = parser.CommLen
		case name == "runtime" || name == "prev_state":
			want = 8
		}
		if l.size != want || l.place == RelLoc {
			return false
		}
	}
	return t.order == Little
}

// decodePlain is decode of a plain event; false if a name lies outside of the record.
func (t *Table) decodePlain(e *event, raw []byte, ev *parser.Event) (ok bool) {
	ev.Task.PID = int32At(raw, e.loc[0].off)
	switch e.kind {
	case parser.KindSwitch:
		ev.Task.Prio, ev.State = int32At(raw, e.loc[3].off), e.states.state(int64At(raw, e.loc[4].off))
		ev.Next.PID, ev.Next.Prio = int32At(raw, e.loc[1].off), int32At(raw, e.loc[6].off)
		ev.Next.Comm, ok = t.plainName(raw, &e.loc[5])
		if !ok {
			return false
		}
		ev.Task.Comm, ok = t.plainName(raw, &e.loc[2])
	case parser.KindMigrate:
		ev.Task.Prio = int32At(raw, e.loc[4].off)
		ev.OrigCPU, ev.TargetCPU = int32At(raw, e.loc[1].off), int32At(raw, e.loc[2].off)
		ev.Task.Comm, ok = t.plainName(raw, &e.loc[3])
	case parser.KindStatRuntime:
		ev.Runtime = int64At(raw, e.loc[1].off)
		ev.Task.Comm, ok = t.plainName(raw, &e.loc[2])
	default: // those of wakeups
		ev.Task.Prio, ev.TargetCPU = int32At(raw, e.loc[2].off), int32At(raw, e.loc[3].off)
		ev.Task.Comm, ok = t.plainName(raw, &e.loc[1])
	}
	return ok
}

// plainName reads a name at a place of its own, or where a reference points.
func (t *Table) plainName(raw []byte, l *loc) (string, bool) {
	if l.place == Fixed {
		return t.names.InternComm((*[parser.CommLen]byte)(raw[l.off:])), true
	}
	to := t.target(raw, *l)
	if to.off+to.size > len(raw) {
		return "", false
	}
	return t.names.Intern(CString(raw[to.off : to.off+to.size])), true
}

func int32At(raw []byte, off int) int32 { return int32(binary.LittleEndian.Uint32(raw[off:])) }

func int64At(raw []byte, off int) int64 { return int64(binary.LittleEndian.Uint64(raw[off:])) }

// decode fills in the fields of the event's kind.
func (t *Table) decode(e *event, raw []byte, ev *parser.Event) error {
	var err error
	text := func(i int) string {
		s, e1 := t.text(raw, e.loc[i])
		if e1 != nil && err == nil {
			err = fmt.Errorf("%s: %w", e.text, e1)
		}
		return s
	}
	num := func(i int, unknown int32) int32 {
		if e.loc[i].size == 0 {
			return unknown
		}
		return int32(t.int(raw, e.loc[i]))
	}
	switch e.kind {
	case parser.KindSwitch:
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: num(3, parser.NoPrio), Comm: text(2)}
		ev.Next = parser.Task{PID: num(1, parser.NoPID), Prio: num(6, parser.NoPrio), Comm: text(5)}
		if e.loc[4].size != 0 {
			ev.State = e.states.state(t.int(raw, e.loc[4]))
		}
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		if e.loc[4].size != 0 && t.int(raw, e.loc[4]) == 0 {
			// success=0, printed by kernels before 4.3: nobody was woken.
			ev.Kind, ev.Text = parser.KindOther, e.text
			return nil
		}
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: num(2, parser.NoPrio), Comm: text(1)}
		ev.TargetCPU = num(3, parser.NoCPU)
	case parser.KindMigrate:
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: num(4, parser.NoPrio), Comm: text(3)}
		ev.OrigCPU, ev.TargetCPU = num(1, parser.NoCPU), num(2, parser.NoCPU)
	case parser.KindFork:
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: parser.NoPrio, Comm: text(2)}
		ev.Next = parser.Task{PID: num(1, parser.NoPID), Prio: parser.NoPrio, Comm: text(3)}
	case parser.KindExec:
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: parser.NoPrio}
		ev.Text, ev.OldPID = text(1), num(2, parser.NoPID)
	case parser.KindExit:
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: num(2, parser.NoPrio), Comm: text(1)}
	case parser.KindStatRuntime:
		ev.Task = parser.Task{PID: num(0, parser.NoPID), Prio: parser.NoPrio, Comm: text(2)}
		ev.Runtime = t.int(raw, e.loc[1])
	case parser.KindComm:
		ev.Task = parser.Task{PID: num(1, ev.Cur.PID), Prio: parser.NoPrio, Comm: text(0)}
	default:
		ev.Text = e.text
		if e.aside != parser.NoAside {
			err = t.aside(e, raw, ev)
		}
	}
	return err
}

// Scrub leaves of a raw record what [Table.Decode] reads and clears the rest:
// other fields, padding, what lies behind the end of a text. rename may write other
// bytes over a text: a task's name, or a file name where file is true.
func (t *Table) Scrub(raw []byte, rename func(text []byte, file bool)) {
	t.before = append(t.before[:0], raw...)
	clear(raw)
	keep := func(l loc) bool {
		if l.size == 0 || l.off+l.size > len(raw) {
			return false
		}
		copy(raw[l.off:l.off+l.size], t.before[l.off:])
		return true
	}
	keep(t.common.typ)
	keep(t.common.flags)
	keep(t.common.pid)
	id := t.Type(t.before)
	if id < 0 || id >= len(t.events) || t.events[id] == nil || len(raw) < t.events[id].need {
		return
	}
	e := t.events[id]
	for i, name := range e.fields {
		if name == reasonField {
			t.renumber(raw, e.loc[i])
		}
		if isAddress(name) || !keep(e.loc[i]) || !isText(name) && !isMask(name) {
			continue
		}
		l := e.loc[i]
		if l.place != Fixed {
			if l = t.target(raw, l); l.off+l.size > len(raw) {
				continue
			}
		}
		field := raw[l.off : l.off+l.size]
		if isMask(name) {
			copy(field, t.before[l.off:])
			continue
		}
		clear(field)
		copy(field, CString(t.before[l.off:l.off+l.size]))
		rename(CString(field), name == "filename")
	}
}

// target is where the bytes are that a reference points to.
func (t *Table) target(raw []byte, l loc) loc {
	ref := t.order.Uint32(raw[l.off:])
	to := loc{off: int(ref & 0xffff), size: int(ref >> 16)}
	if l.place == RelLoc {
		to.off += l.off + l.size
	}
	return to
}

// int reads an integer field that lies within raw.
func (t *Table) int(raw []byte, l loc) int64 {
	b := raw[l.off:]
	switch l.size {
	case 8:
		return int64(t.order.Uint64(b))
	case 4:
		if v := t.order.Uint32(b); l.signed {
			return int64(int32(v))
		} else {
			return int64(v)
		}
	case 2:
		if v := t.order.Uint16(b); l.signed {
			return int64(int16(v))
		} else {
			return int64(v)
		}
	case 1:
		if l.signed {
			return int64(int8(b[0]))
		}
		return int64(b[0])
	}
	return 0
}

// text reads a text field whose own bytes lie within raw; a reference may
// still point outside.
func (t *Table) text(raw []byte, l loc) (string, error) {
	if l.size == 0 {
		return "", nil
	}
	b := raw[l.off : l.off+l.size]
	if l.place == Fixed && l.size == parser.CommLen {
		return t.names.InternComm((*[parser.CommLen]byte)(b)), nil
	}
	if l.place != Fixed {
		to := t.target(raw, l)
		if to.off+to.size > len(raw) {
			return "", fmt.Errorf("%w: text of %d bytes at offset %d of %d", ErrRecord, to.size, to.off, len(raw))
		}
		b = raw[to.off : to.off+to.size]
	}
	return t.names.Intern(CString(b)), nil
}

// CString returns the bytes of b before the first NUL, all of b without one.
func CString(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}
