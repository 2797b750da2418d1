package main

import (
	"encoding/hex"
	"strconv"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/export/quote"
	"schedreplay/parser"
)

// object writes one JSON object with its fields in a fixed order. Unknown
// values are null.
type object struct {
	b     []byte
	first bool
}

func (o *object) begin() {
	o.b = append(o.b, '{')
	o.first = true
}

func (o *object) end() {
	o.b = append(o.b, '}')
	o.first = false
}

// key begins a field. Keys are plain words.
func (o *object) key(k string) {
	if !o.first {
		o.b = append(o.b, ',')
	}
	o.first = false
	o.b = append(o.b, '"')
	o.b = append(o.b, k...)
	o.b = append(o.b, '"', ':')
}

func (o *object) null(k string) {
	o.key(k)
	o.b = append(o.b, "null"...)
}

func (o *object) number(k string, n int64, known bool) {
	if !known {
		o.null(k)
		return
	}
	o.key(k)
	o.b = strconv.AppendInt(o.b, n, 10)
}

// time writes ns, null for parser.NoTime.
func (o *object) time(k string, ns int64) { o.number(k, ns, ns != parser.NoTime) }

// cpu writes a CPU number, null for parser.NoCPU.
func (o *object) cpu(k string, cpu int) { o.number(k, int64(cpu), cpu >= 0) }

func (o *object) boolean(k string, v, known bool) {
	if !known {
		o.null(k)
		return
	}
	o.key(k)
	o.b = strconv.AppendBool(o.b, v)
}

// word writes a string of the program's own, null if it is empty.
func (o *object) word(k, s string) {
	if s == "" {
		o.null(k)
		return
	}
	o.key(k)
	o.b = quote.AppendJSON(o.b, s, false)
}

// comm writes a name as recorded, and beside it its bytes in hexadecimal where
// it is not UTF-8.
func (o *object) comm(k, s string) {
	o.word(k, s)
	if utf8.ValidString(s) {
		return
	}
	o.key(k + "_hex")
	o.b = append(o.b, '"')
	o.b = hex.AppendEncode(o.b, []byte(s))
	o.b = append(o.b, '"')
}

// task writes pid, comm and prio under a prefix.
func (o *object) task(prefix string, pid int32, comm string) {
	o.number(prefix+"pid", int64(pid), pid != parser.NoPID)
	o.comm(prefix+"comm", comm)
}

// cpus writes a set as an array of numbers.
func (o *object) cpus(k string, m cpumask.Mask) {
	o.key(k)
	o.b = append(o.b, '[')
	for i, c := 0, m.First(); c >= 0; i, c = i+1, m.Next(c) {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = strconv.AppendInt(o.b, int64(c), 10)
	}
	o.b = append(o.b, ']')
}

// words writes a list of the program's own strings.
func (o *object) words(k string, list []string) {
	o.key(k)
	o.b = append(o.b, '[')
	for i, s := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = quote.AppendJSON(o.b, s, false)
	}
	o.b = append(o.b, ']')
}

// masks writes a list of sets, null if there is none.
func (o *object) masks(k string, list []cpumask.Mask) {
	if len(list) == 0 {
		o.null(k)
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	for i, m := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, '[')
		for j, c := range m.Slice() {
			if j > 0 {
				o.b = append(o.b, ',')
			}
			o.b = strconv.AppendInt(o.b, int64(c), 10)
		}
		o.b = append(o.b, ']')
	}
	o.b = append(o.b, ']')
}

// numbers writes a list of numbers, null if there is none.
func (o *object) numbers(k string, list []int) {
	if list == nil {
		o.null(k)
		return
	}
	o.key(k)
	o.b = append(o.b, '[')
	for i, n := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = strconv.AppendInt(o.b, int64(n), 10)
	}
	o.b = append(o.b, ']')
}
