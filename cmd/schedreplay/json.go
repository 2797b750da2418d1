package main

import (
	"encoding/hex"
	"strconv"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/export/quote"
	"schedreplay/fact"
	"schedreplay/parser"
)

// object writes one JSON object with its fields in a fixed order. Unknown
// values are null.
type object struct{ b []byte }

// sep parts what follows from a field or an item before it.
func (o *object) sep() {
	if len(o.b) == 0 {
		return
	}
	switch o.b[len(o.b)-1] {
	case '{', '[', ':':
	default:
		o.b = append(o.b, ',')
	}
}

// begin begins an object: the whole, an item of a list, or the value of a key.
func (o *object) begin() {
	o.sep()
	o.b = append(o.b, '{')
}

func (o *object) end() { o.b = append(o.b, '}') }

// key begins a field. Keys are plain words.
func (o *object) key(k string) {
	o.sep()
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

// beginList begins an array as begin does an object.
func (o *object) beginList() {
	o.sep()
	o.b = append(o.b, '[')
}

// list begins an array as a field.
func (o *object) list(k string) {
	o.key(k)
	o.beginList()
}

func (o *object) endList() { o.b = append(o.b, ']') }

// item writes a number of a list.
func (o *object) item(n int) {
	o.sep()
	o.b = strconv.AppendInt(o.b, int64(n), 10)
}

// cpus writes a set as an array of numbers.
func (o *object) cpus(k string, m cpumask.Mask) {
	o.key(k)
	o.mask(m)
}

// mask writes a set as the value of a key or an item of a list.
func (o *object) mask(m cpumask.Mask) {
	o.beginList()
	for c := range m.All() {
		o.item(c)
	}
	o.endList()
}

// cpusKnown writes a set, null if it is not known.
func (o *object) cpusKnown(k string, f fact.Fact[cpumask.Mask]) {
	if m, ok := f.Get(); ok {
		o.cpus(k, m)
	} else {
		o.null(k)
	}
}

// words writes a list of the program's own strings.
func (o *object) words(k string, list []string) {
	o.list(k)
	for _, s := range list {
		o.sep()
		o.b = quote.AppendJSON(o.b, s, false)
	}
	o.endList()
}

// masks writes a list of sets, null if there is none.
func (o *object) masks(k string, list []cpumask.Mask) {
	if len(list) == 0 {
		o.null(k)
		return
	}
	o.list(k)
	for _, m := range list {
		o.mask(m)
	}
	o.endList()
}

// numbers writes a list of numbers, null if there is none.
func (o *object) numbers(k string, list []int) {
	if list == nil {
		o.null(k)
		return
	}
	o.list(k)
	for _, n := range list {
		o.item(n)
	}
	o.endList()
}
