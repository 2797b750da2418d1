package main

import (
	"strconv"
	"strings"

	"schedreplay/parser"
)

// record is one line of CSV (RFC 4180, but for the line end). Unknown values
// are empty.
type record struct {
	b     []byte
	begun bool
}

func (r *record) sep() {
	if r.begun {
		r.b = append(r.b, ',')
	}
	r.begun = true
}

func (r *record) number(n int64, known bool) {
	r.sep()
	if known {
		r.b = strconv.AppendInt(r.b, n, 10)
	}
}

func (r *record) cpu(cpu int) { r.number(int64(cpu), cpu >= 0) }

func (r *record) boolean(v, known bool) {
	r.sep()
	if known {
		r.b = strconv.AppendBool(r.b, v)
	}
}

// word writes a string, quoted where that is needed.
func (r *record) word(s string) {
	r.sep()
	if !strings.ContainsAny(s, ",\"") {
		r.b = append(r.b, s...)
		return
	}
	r.b = append(r.b, '"')
	r.b = append(r.b, strings.ReplaceAll(s, `"`, `""`)...)
	r.b = append(r.b, '"')
}

// comm writes a task's name as people may be shown it, and so that no
// spreadsheet takes it for a formula.
func (r *record) comm(s string) {
	r.word(parser.CellComm(s))
}

func (r *record) line() []byte { return append(r.b, '\n') }
