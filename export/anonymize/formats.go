package anonymize

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// formats are the event formats of one binary capture, by common_type.
type formats struct {
	order tep.Order
	page  tep.HeaderPage
	event map[int]*rawEvent
	// long and pre describe the block they came from.
	pre tep.Preamble
}

// rawEvent says what of a record is text.
type rawEvent struct {
	// known: one of the scheduler's events, of which all but the names stays.
	known bool
	// common is where the event's own fields begin.
	common int
	text   []textField
}

type textField struct {
	tep.Field
	comm bool // a task's name; else a file name or other text
}

func newFormats(p tep.Preamble) *formats {
	return &formats{order: p.Order, pre: p, event: map[int]*rawEvent{}}
}

// system reads the format files of one system.
func (f *formats) system(d *tep.Reader, system string) error {
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	for range n {
		text, err := d.Sized(tep.MaxFormat)
		if err != nil {
			return err
		}
		format, err := tep.ParseFormat(text)
		if errors.Is(err, parser.ErrDamaged) {
			continue // its records are cleared like those of events nobody knows
		}
		if err != nil {
			return err
		}
		f.add(system, format)
	}
	return nil
}

func (f *formats) add(system string, format *tep.Format) {
	if f.event[format.ID] != nil {
		return
	}
	e := &rawEvent{known: system == "sched" || system == "task", common: 8}
	for _, fd := range format.Fields {
		if strings.HasPrefix(fd.Name, "common_") {
			e.common = max(e.common, fd.Offset+fd.Size)
			continue
		}
		if fd.Array && (fd.Place != tep.Fixed || strings.Contains(fd.Type, "char")) {
			e.text = append(e.text, textField{fd, strings.HasSuffix(fd.Name, "comm")})
		}
	}
	f.event[format.ID] = e
}

// ftrace reads the formats of the system ftrace.
func (f *formats) ftrace(d *tep.Reader) error { return f.system(d, "ftrace") }

// systems reads the formats of all other systems.
func (f *formats) systems(d *tep.Reader) error {
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	for range n {
		name, err := d.Word()
		if err != nil {
			return err
		}
		if err := f.system(d, name); err != nil {
			return err
		}
	}
	return nil
}

// record replaces the names in one raw record. Of events that are not the
// scheduler's nothing but type, flags and pid stays.
func (f *formats) record(raw []byte, n *Names) {
	if len(raw) < 8 {
		clear(raw[min(2, len(raw)):])
		return
	}
	e := f.event[int(f.order.Uint16(raw))]
	if e == nil || !e.known {
		common := 8
		if e != nil {
			common = e.common
		}
		clear(raw[min(common, len(raw)):])
		return
	}
	for _, t := range e.text {
		b := f.field(raw, &t.Field)
		if t.comm {
			n.cstring(b)
		} else {
			n.cpath(b)
		}
	}
}

// field is where a text's bytes are; empty if a reference points outside.
func (f *formats) field(raw []byte, t *tep.Field) []byte {
	end := t.Offset + t.Size
	if end > len(raw) {
		if t.Place == tep.Fixed && t.Offset < len(raw) {
			return raw[t.Offset:]
		}
		return nil
	}
	if t.Place == tep.Fixed {
		return raw[t.Offset:end]
	}
	ref := f.order.Uint32(raw[t.Offset:])
	off, size := int(ref&0xffff), int(ref>>16)
	if t.Place == tep.RelLoc {
		off += end
	}
	if off >= len(raw) || off < end && t.Place == tep.RelLoc {
		return nil
	}
	return raw[off:min(off+size, len(raw))]
}

// cmdlines replaces the names in a saved_cmdlines text: "pid name" lines, a
// name's own newlines included.
func (n *Names) cmdlines(text []byte) {
	start := -1 // of the current name
	pos := 0
	flush := func(end int) {
		if start >= 0 && end > start {
			n.replace(text[start:end])
		}
	}
	for pos < len(text) {
		end := pos + bytes.IndexByte(text[pos:], '\n')
		if end < pos {
			end = len(text)
		}
		line := text[pos:end]
		if i := bytes.IndexByte(line, ' '); i > 0 && len(bytes.Trim(line[:i], "0123456789")) == 0 {
			flush(pos - 1)
			start = pos + i + 1
		} else if start < 0 {
			for i := range line {
				line[i] = 'x'
			}
		}
		pos = end + 1
	}
	end := len(text)
	for end > start && start >= 0 && (text[end-1] == '\n' || text[end-1] == 0) {
		end--
	}
	flush(end)
}

// refuse says why a capture cannot be rewritten.
func refuse(why string) error { return fmt.Errorf("%w: %s", ErrRefused, why) }
