package tep

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"schedreplay/parser"
)

// MaxFormat is the size of the largest format file accepted, in bytes. The
// largest known ones, system call entries with long flag tables, have some
// tens of kilobytes.
const MaxFormat = 1 << 20

// maxRecord bounds field offsets and sizes: a trace event fits into a ring
// buffer page, which has at most 64 KiB.
const maxRecord = 1 << 16

// Place says how a field's bytes are found.
type Place uint8

// The places.
const (
	// Fixed: the bytes are at Offset.
	Fixed Place = iota
	// DataLoc: Offset holds a word, length<<16 | offset from the record's start.
	DataLoc
	// RelLoc: as DataLoc, with the offset counted from the end of the word.
	RelLoc
)

// Field is one field of an event.
type Field struct {
	// Name is the field's name without array brackets.
	Name string
	// Type is the C type as written, without the __data_loc word.
	Type string
	// Offset is counted in bytes from the start of the raw record.
	Offset int
	// Size is in bytes; for DataLoc and RelLoc it is the size of the reference.
	Size int
	// Signed is the signed: value; kernels before 2.6.32 do not print it, and
	// then it follows from Type.
	Signed bool
	// Array reports brackets behind the name or the type.
	Array bool
	Place Place
}

// Format is one event's description file.
type Format struct {
	// System is the directory the file stood in ("sched"). The file does not
	// say; the container does.
	System string
	// Name is the event's name ("sched_switch").
	Name string
	// ID is the common_type of its records, 0 to 65535.
	ID int
	// Fields holds the common fields, then the event's own, as listed.
	Fields []Field
	// Print is the text behind "print fmt:", one line.
	Print string
}

// Field returns the field with the given name.
func (f *Format) Field(name string) (Field, bool) {
	for _, fd := range f.Fields {
		if fd.Name == name {
			return fd, true
		}
	}
	return Field{}, false
}

// ParseFormat reads a format file (kernel/trace/trace_events.c, f_show). It
// needs the name, the ID and well-formed field lines; lines it does not know
// are skipped. The error wraps [parser.ErrDamaged].
func ParseFormat(text []byte) (*Format, error) {
	if len(text) > MaxFormat {
		return nil, fmt.Errorf("%w: event format of %d bytes", parser.ErrLimit, len(text))
	}
	f := &Format{ID: -1}
	for n, line := range bytes.Split(text, []byte("\n")) {
		bad := func(what string) (*Format, error) {
			return nil, fmt.Errorf("%w: event format line %d: %s: %.80q", parser.ErrDamaged, n+1, what, line)
		}
		s := strings.TrimSpace(string(line))
		key, value, ok := strings.Cut(s, ":")
		if !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch {
		case key == "name" && f.Name == "":
			f.Name = value
		case key == "ID":
			id, err := strconv.ParseUint(value, 10, 16)
			if err != nil {
				return bad("ID out of range")
			}
			f.ID = int(id)
		case key == "field" || strings.HasPrefix(key, "field "):
			fd, err := parseField(value)
			if err != nil {
				return bad(err.Error())
			}
			f.Fields = append(f.Fields, fd)
		case key == "print fmt":
			f.Print = value
		}
	}
	if f.Name == "" || f.ID < 0 {
		return nil, fmt.Errorf("%w: event format without name or ID", parser.ErrDamaged)
	}
	return f, nil
}

// parseField reads what follows "field:" on a line.
func parseField(s string) (Field, error) {
	fd := Field{Offset: -1, Size: -1}
	parts := strings.Split(s, ";")
	signed := ""
	for _, p := range parts[1:] {
		key, value, _ := strings.Cut(strings.TrimSpace(p), ":")
		switch key {
		case "offset", "size":
			v, err := strconv.ParseUint(value, 10, 31)
			if err != nil || v > maxRecord {
				return fd, fmt.Errorf("%s out of range", key)
			}
			if key == "offset" {
				fd.Offset = int(v)
			} else {
				fd.Size = int(v)
			}
		case "signed":
			signed = value
		}
	}
	if fd.Offset < 0 || fd.Size < 0 {
		return fd, fmt.Errorf("field without offset or size")
	}
	decl := strings.TrimSpace(parts[0])
	for prefix, place := range map[string]Place{"__data_loc ": DataLoc, "__rel_loc ": RelLoc} {
		if rest, ok := strings.CutPrefix(decl, prefix); ok {
			fd.Place, decl = place, rest
		}
	}
	if fd.Place != Fixed && fd.Size != 4 {
		return fd, fmt.Errorf("reference of %d bytes", fd.Size)
	}
	if i := strings.LastIndexByte(decl, '['); i >= 0 && strings.HasSuffix(decl, "]") {
		fd.Array, decl = true, decl[:i]
	}
	i := strings.LastIndexAny(decl, " \t*]")
	if i < 0 {
		return fd, fmt.Errorf("field without a type")
	}
	fd.Type, fd.Name = strings.TrimSpace(decl[:i+1]), decl[i+1:]
	if fd.Name == "" {
		return fd, fmt.Errorf("field without a name")
	}
	fd.Array = fd.Array || fd.Place != Fixed || strings.HasSuffix(fd.Type, "]")
	fd.Signed = signed != "0"
	if signed == "" {
		fd.Signed = signedType(fd.Type)
	}
	return fd, nil
}

// signedType tells the signedness of a type for kernels whose format files do
// not print it.
func signedType(t string) bool {
	switch t {
	case "u8", "u16", "u32", "u64", "bool", "gfp_t", "size_t", "dev_t":
		return false
	}
	return !strings.Contains(t, "unsigned") && !strings.HasSuffix(t, "*")
}

// HeaderPage is the layout of a ring buffer page, from the events/header_page
// file. Offsets and sizes are in bytes.
type HeaderPage struct {
	// Timestamp is the offset of the page's 64-bit time stamp.
	Timestamp int
	// Commit and CommitSize place the word holding length and flags; its size is
	// the kernel's size of a long.
	Commit, CommitSize int
	// Data is where the events begin, End where the page ends.
	Data, End int
}

// ParseHeaderPage reads an events/header_page file (kernel/trace/ring_buffer.c,
// ring_buffer_print_page_header). An empty text, which containers hold when the
// recording kernel had no such file, gives the layout of a kernel whose long
// has longSize bytes.
func ParseHeaderPage(text []byte, longSize int) (HeaderPage, error) {
	if longSize != 4 && longSize != 8 {
		return HeaderPage{}, fmt.Errorf("%w: long of %d bytes", parser.ErrDamaged, longSize)
	}
	h := HeaderPage{Commit: 8, CommitSize: longSize, Data: 8 + longSize, End: 4096}
	if len(bytes.TrimSpace(text)) == 0 {
		return h, nil
	}
	for line := range bytes.Lines(text) {
		_, decl, ok := strings.Cut(string(line), "field:")
		if !ok {
			continue
		}
		fd, err := parseField(strings.TrimSpace(decl))
		if err != nil {
			return h, fmt.Errorf("%w: header_page: %w", parser.ErrDamaged, err)
		}
		switch fd.Name {
		case "timestamp":
			h.Timestamp = fd.Offset
		case "commit":
			h.Commit, h.CommitSize = fd.Offset, fd.Size
		case "data":
			h.Data, h.End = fd.Offset, fd.Offset+fd.Size
		}
	}
	if h.CommitSize != 4 && h.CommitSize != 8 || h.Data < h.Commit+h.CommitSize || h.Data < h.Timestamp+8 {
		return h, fmt.Errorf("%w: header_page describes an impossible page: %+v", parser.ErrDamaged, h)
	}
	return h, nil
}
