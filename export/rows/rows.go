package rows

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// Type is a column's type.
type Type uint8

// The types. An unknown value is an empty cell in CSV and null in JSON and
// Parquet.
const (
	// Int is a signed 64-bit number.
	Int Type = iota
	// Bool is true or false.
	Bool
	// Word is text of the program's own.
	Word
	// Name is text of the capture's: a task's name.
	Name
	// Line is other text that is not the program's own, a path or a message.
	Line
	// CPUs is a set of CPUs as the kernel writes lists: 0-3,8.
	CPUs
	// array is a set of CPUs as an array, raw a JSON value: in JSON objects alone.
	array
	raw
)

// Value is one cell; the zero Value is unknown.
type Value struct {
	Known bool
	// Int is a number, or 1 for true.
	Int  int64
	Text string
	CPUs cpumask.Mask
}

// Column is a column of a table.
type Column struct {
	Name string
	Type Type
}

// field is how a value is taken from what a row is made of.
type field[T any] struct {
	name string
	typ  Type
	cell func(*T) Value
}

// column is a field in its place in a table. In JSON lead is written before the
// value; an optional one is left out where it is unknown or false.
type column[T any] struct {
	field[T]
	lead     string
	optional bool
}

// Table is a kind of row: named columns in their order, made from a T.
type Table[T any] struct {
	Name string
	cols []column[T]
	tail string
}

// Columns lists a table's columns.
func (t *Table[T]) Columns() []Column {
	var out []Column
	for i := range t.cols {
		out = append(out, Column{t.cols[i].name, t.cols[i].typ})
	}
	return out
}

// pick makes a table of some fields. spec names them in order: NAME, or
// NAME=FIELD under another name. A dot in NAME puts it into a JSON object of its
// own, and the field is the one with an underscore there. "?" behind the name
// makes it optional, "[]" writes CPUs as an array. Both are for JSON alone.
func pick[T any](name string, fields []field[T], spec string) *Table[T] {
	t := &Table[T]{Name: name, tail: "}"}
	group := ""
	for word := range strings.FieldsSeq(spec) {
		word, source, renamed := strings.Cut(word, "=")
		word, list := strings.CutSuffix(word, "[]")
		word, optional := strings.CutSuffix(word, "?")
		if !renamed {
			source = strings.ReplaceAll(word, ".", "_")
		}
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == source })
		if i < 0 {
			panic("rows: " + name + ": no field " + source)
		}
		c := column[T]{field: fields[i], optional: optional}
		in, key, nested := strings.Cut(word, ".")
		if !nested {
			in, key = "", word
		}
		switch {
		case len(t.cols) == 0:
			c.lead = "{"
		case group != "" && in != group:
			c.lead = "},"
		default:
			c.lead = ","
		}
		if in != "" && in != group {
			c.lead += `"` + in + `":{`
		}
		c.lead += `"` + key + `":`
		group = in
		if c.name = word; list {
			c.typ = array
		}
		t.cols = append(t.cols, c)
	}
	if group != "" {
		t.tail = "}}"
	}
	return t
}

func number(n int64, known bool) Value { return Value{Known: known, Int: n} }

// nanoseconds are a duration or a time, unknown for parser.NoTime.
func nanoseconds(ns int64) Value { return number(ns, ns != parser.NoTime) }

func cpu(n int) Value { return number(int64(n), n >= 0) }

func word(s string) Value { return Value{Known: s != "", Text: s} }

func boolean(b, known bool) Value {
	v := Value{Known: known}
	if b {
		v.Int = 1
	}
	return v
}

// task makes the fields pid, comm, comm_hex and prio, with a prefix. comm_hex
// holds the bytes of a name that is not UTF-8; comm_text is comm, empty where it is
// not known.
func task[T any](prefix string, of func(*T) (pid int32, comm string, prio int32)) []field[T] {
	return []field[T]{
		{prefix + "pid", Int, func(v *T) Value { p, _, _ := of(v); return number(int64(p), p != parser.NoPID) }},
		{prefix + "comm", Name, func(v *T) Value { _, s, _ := of(v); return word(s) }},
		{prefix + "comm_hex", Word, func(v *T) Value {
			_, s, _ := of(v)
			if utf8.ValidString(s) {
				return Value{}
			}
			return word(hex.EncodeToString([]byte(s)))
		}},
		{prefix + "comm_text", Name, func(v *T) Value { _, s, _ := of(v); return Value{Known: true, Text: s} }},
		{prefix + "prio", Int, func(v *T) Value { _, _, p := of(v); return number(int64(p), p != parser.NoPrio) }},
	}
}

// Writer takes the rows of one table.
type Writer[T any] interface {
	// Write writes a row; what it is made of is not kept.
	Write(*T) error
	// Close ends the table. It does not close the file.
	Close() error
}

// Format is a file format.
type Format string

// The formats; their values are the files' endings.
const (
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Parquet Format = "parquet"
)

// ErrFormat is wrapped by the error about an unknown format.
var ErrFormat = errors.New("no such table format")

// Meta is a remark on a table: the program's version, the capture's checksum.
type Meta struct{ Key, Value string }

// NewWriter begins a table in a format. Parquet files carry meta, the rest has
// no place for it.
func NewWriter[T any](f Format, w io.Writer, t *Table[T], meta []Meta) (Writer[T], error) {
	switch f {
	case CSV:
		return newLines(w, t.AppendCSVHead(nil), t.AppendCSV)
	case JSONL:
		return newLines(w, nil, func(b []byte, v *T) []byte { return append(t.AppendJSON(b, v), '\n') })
	case Parquet:
		return newParquet(w, t, meta), nil
	}
	return nil, fmt.Errorf("%w: %q", ErrFormat, string(f))
}
