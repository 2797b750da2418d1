// Package table writes what a capture shows as tables: slices, wakeups, stays
// and intrusions, as CSV, JSON lines or Parquet. Rows stream; memory does not
// grow with them. docs/formats-out.md describes the columns.
package table

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Type is a column's type.
type Type uint8

// The types. In CSV an unknown value is an empty cell, in JSON null, in Parquet
// null.
const (
	// Int is a signed 64-bit number.
	Int Type = iota
	// Bool is true or false.
	Bool
	// Word is text of the program's own.
	Word
	// Name is a task's name. Behind it every table has a column NAME_hex with the
	// name's bytes in hexadecimal where the name is not UTF-8, else unknown.
	Name
)

// Column is one column of a table.
type Column struct {
	Name string
	Type Type
}

// Schema is a table's name and its columns in order.
type Schema struct {
	Name    string
	Columns []Column
}

// Value is one cell; the zero Value is unknown.
type Value struct {
	Known bool
	Int   int64
	Bool  bool
	Text  string
}

func number(n int64, known bool) Value { return Value{Known: known, Int: n} }

func boolean(b, known bool) Value { return Value{Known: known, Bool: b} }

func word(s string) Value { return Value{Known: s != "", Text: s} }

// names puts a name into row[i] and, where bytes would be lost, those into
// row[i+1].
func names(row []Value, i int, comm string) {
	row[i], row[i+1] = Value{}, Value{}
	if comm == "" {
		return
	}
	row[i] = Value{Known: true, Text: comm}
	if !utf8.ValidString(comm) {
		row[i+1] = Value{Known: true, Text: hex.EncodeToString([]byte(comm))}
	}
}

// columns makes a schema's columns from "name type" words: i, b, w, or n for a
// name with its _hex.
func columns(spec string) []Column {
	var cs []Column
	for f := range strings.FieldsSeq(spec) {
		name, typ, _ := strings.Cut(f, ":")
		switch typ {
		case "i":
			cs = append(cs, Column{name, Int})
		case "b":
			cs = append(cs, Column{name, Bool})
		case "w":
			cs = append(cs, Column{name, Word})
		case "n":
			cs = append(cs, Column{name, Name}, Column{name + "_hex", Word})
		}
	}
	return cs
}

// Writer takes the rows of one table. A row has as many values as the schema
// has columns and is not kept.
type Writer interface {
	Write(row []Value) error
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

// NewWriter begins a table in a format. Parquet files carry meta, the rest
// has no place for it.
func NewWriter(f Format, w io.Writer, s *Schema, meta []Meta) (Writer, error) {
	switch f {
	case CSV:
		return newCSV(w, s)
	case JSONL:
		return newJSONL(w, s), nil
	case Parquet:
		return newParquet(w, s, meta), nil
	}
	return nil, fmt.Errorf("%w: %q", ErrFormat, string(f))
}

// Meta is a remark on a table: the program's version, the capture's checksum.
type Meta struct{ Key, Value string }
