package rows

import (
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// Object makes a JSON document with its fields in the order of the calls.
// Unknown values are null. The zero Object is ready; its calls nest as the
// document does.
type Object struct {
	b []byte
	// from is where it begins in b.
	from int
}

// ObjectOn returns one that is appended to b.
func ObjectOn(b []byte) Object { return Object{b, len(b)} }

// Line ends the document with a line feed and returns it.
func (o *Object) Line() []byte { return append(o.b, '\n') }

// sep parts what follows from a field or an item before it.
func (o *Object) sep() {
	if len(o.b) == o.from {
		return
	}
	switch o.b[len(o.b)-1] {
	case '{', '[', ':':
	default:
		o.b = append(o.b, ',')
	}
}

// Begin begins an object: the whole, an item of a list, or the value of a key.
func (o *Object) Begin() {
	o.sep()
	o.b = append(o.b, '{')
}

// End ends it.
func (o *Object) End() { o.b = append(o.b, '}') }

// Key begins a field. Keys are plain words.
func (o *Object) Key(k string) {
	o.sep()
	o.b = append(o.b, '"')
	o.b = append(o.b, k...)
	o.b = append(o.b, '"', ':')
}

// Null is a field that is not known.
func (o *Object) Null(k string) { o.Raw(k, []byte("null")) }

// Raw is a field whose value is JSON already.
func (o *Object) Raw(k string, v []byte) {
	o.Key(k)
	o.b = append(o.b, v...)
}

// known begins a field; it is null, and known false, if its value is not known.
func (o *Object) known(k string, known bool) bool {
	if known {
		o.Key(k)
	} else {
		o.Null(k)
	}
	return known
}

// Number is a field with a number, null if it is not known.
func (o *Object) Number(k string, n int64, known bool) {
	if o.known(k, known) {
		o.b = strconv.AppendInt(o.b, n, 10)
	}
}

// Real is a field with a number of at most four digits behind the point.
func (o *Object) Real(k string, x float64, known bool) {
	if o.known(k, known) {
		o.b = strconv.AppendFloat(o.b, math.Round(x*1e4)/1e4, 'f', -1, 64)
	}
}

// Time is a field with ns, null for parser.NoTime.
func (o *Object) Time(k string, ns int64) { o.Number(k, ns, ns != parser.NoTime) }

// CPU is a field with a CPU number, null for parser.NoCPU.
func (o *Object) CPU(k string, cpu int) { o.Number(k, int64(cpu), cpu >= 0) }

// Bool is a field with true or false, null if it is not known.
func (o *Object) Bool(k string, v, known bool) {
	if o.known(k, known) {
		o.b = strconv.AppendBool(o.b, v)
	}
}

// Word is a field with a string, null if it is empty.
func (o *Object) Word(k, s string) {
	if o.known(k, s != "") {
		o.b = AppendString(o.b, s)
	}
}

// Comm is a field with a name as recorded, and beside it NAME_hex with its bytes
// in hexadecimal where it is not UTF-8.
func (o *Object) Comm(k, s string) {
	o.Word(k, s)
	if !utf8.ValidString(s) {
		o.Word(k+"_hex", hex.EncodeToString([]byte(s)))
	}
}

// Task writes pid and comm under a prefix.
func (o *Object) Task(prefix string, pid int32, comm string) {
	o.Number(prefix+"pid", int64(pid), pid != parser.NoPID)
	o.Comm(prefix+"comm", comm)
}

// Group is a field with an object, which fill fills.
func (o *Object) Group(k string, fill func()) {
	o.Key(k)
	o.Item(fill)
}

// List is a field with an array, to which fill adds the items.
func (o *Object) List(k string, fill func()) {
	o.Key(k)
	o.b = append(o.b, '[')
	fill()
	o.b = append(o.b, ']')
}

// Item is an object of a list, which fill fills.
func (o *Object) Item(fill func()) {
	o.Begin()
	fill()
	o.End()
}

// Each is a field with an array of objects, one for each of list.
func Each[T any](o *Object, k string, list []T, fill func(*T)) {
	o.List(k, func() {
		for i := range list {
			o.Item(func() { fill(&list[i]) })
		}
	})
}

// Document is a whole document: the object that fill fills, and a line feed.
func Document(fill func(o *Object)) []byte {
	var o Object
	o.Item(func() { fill(&o) })
	return o.Line()
}

// ArrayOf is an array of objects, one for each of list.
func ArrayOf[T any](list []T, fill func(o *Object, v *T)) []byte {
	o := Object{b: []byte("[")}
	for i := range list {
		o.Item(func() { fill(&o, &list[i]) })
	}
	return append(o.b, ']')
}

// CPUs is a field with a set of CPUs as an array.
func (o *Object) CPUs(k string, m cpumask.Mask) {
	o.Key(k)
	o.b = appendArray(o.b, m)
}

// CPUsKnown is CPUs, null if the set is not known.
func (o *Object) CPUsKnown(k string, f fact.Fact[cpumask.Mask]) {
	if m, ok := f.Get(); o.known(k, ok) {
		o.b = appendArray(o.b, m)
	}
}

// Masks is a field with a list of sets, null if there is none.
func (o *Object) Masks(k string, list []cpumask.Mask) {
	if len(list) == 0 {
		o.Null(k)
		return
	}
	o.List(k, func() {
		for _, m := range list {
			o.sep()
			o.b = appendArray(o.b, m)
		}
	})
}

// Words is a field with a list of strings.
func (o *Object) Words(k string, list []string) {
	o.List(k, func() {
		for _, s := range list {
			o.sep()
			o.b = AppendString(o.b, s)
		}
	})
}

// Numbers is a field with a list of numbers, null if there is none.
func (o *Object) Numbers(k string, list []int) {
	if list == nil {
		o.Null(k)
		return
	}
	o.List(k, func() {
		for _, n := range list {
			o.sep()
			o.b = strconv.AppendInt(o.b, int64(n), 10)
		}
	})
}

// Row adds a row to o as an item of a list.
func Row[T any](o *Object, t *Table[T], v *T) {
	o.sep()
	o.b = t.AppendJSON(o.b, v)
}

// Fields adds a row's fields to the object that is open in o.
func Fields[T any](o *Object, t *Table[T], v *T) {
	o.sep()
	at := len(o.b)
	o.b = t.AppendJSON(o.b, v)
	copy(o.b[at:], o.b[at+1:])
	o.b = o.b[:len(o.b)-2]
}
