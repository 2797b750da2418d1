package tep

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"schedreplay/parser"
)

// asideFields are the fields of the tracepoints that tell an [parser.Aside]: a number, and
// what names it. Without the first of them the record tells nothing.
var asideFields = map[parser.Aside]spec{
	parser.IRQEntry:     {required: []string{"irq"}, optional: []string{"name"}},
	parser.IRQExit:      {required: []string{"irq"}},
	parser.SoftirqEntry: {required: []string{"vec"}},
	parser.SoftirqExit:  {required: []string{"vec"}},
	parser.SoftirqRaise: {required: []string{"vec"}},
	parser.HrtimerEntry: {required: []string{"function"}},
	parser.HrtimerExit:  {},
	parser.TimerEntry:   {required: []string{"function"}},
	parser.TimerExit:    {},
	parser.WorkStart:    {required: []string{"function"}},
	parser.WorkEnd:      {optional: []string{"function"}}, // from 5.8 on
	parser.VectorEntry:  {required: []string{"vector"}},
	parser.VectorExit:   {required: []string{"vector"}},
	parser.IPIEntry:     {optional: []string{"vector"}}, // elsewhere a reason, which is a pointer
	parser.IPIExit:      {optional: []string{"vector"}},
	parser.IPISend:      {required: []string{"cpu"}, optional: []string{"callback", "callsite"}},
	parser.CPUIdle:      {required: []string{"state"}},
	parser.ProcessHang:  {required: []string{"pid"}, optional: []string{"comm"}},
}

// isAddress reports whether a field tells where the kernel lies in memory.
func isAddress(field string) bool {
	return field == "function" || field == "callback" || field == "callsite"
}

// addAside makes e decode the aside that its tracepoint tells, if any.
func (t *Table) addAside(e *event, f *Format) {
	aside, what := parser.AsideOf([]byte(e.text))
	s, ok := asideFields[aside]
	if !ok {
		return
	}
	t.resolve(e, f, s)
	if len(s.required) == 0 || e.loc[0].size != 0 {
		e.aside, e.vector = aside, what
	}
}

// aside decodes what a record tells beside the tasks of its CPU.
func (t *Table) aside(e *event, raw []byte, ev *parser.Event) error {
	ev.Aside, ev.Text = e.aside, e.vector
	var err error
	switch e.aside {
	case parser.IRQEntry:
		ev.Count = t.int(raw, e.loc[0])
		ev.Text, err = t.text(raw, e.loc[1])
	case parser.SoftirqEntry, parser.SoftirqExit, parser.SoftirqRaise:
		ev.Count = t.int(raw, e.loc[0])
		ev.Text = parser.SoftirqName(ev.Count)
	case parser.IRQExit, parser.VectorEntry, parser.VectorExit, parser.CPUIdle:
		ev.Count = t.int(raw, e.loc[0])
	case parser.IPIEntry, parser.IPIExit:
		if e.loc[0].size != 0 {
			ev.Count = t.int(raw, e.loc[0])
		}
	case parser.HrtimerEntry, parser.TimerEntry, parser.WorkStart, parser.WorkEnd:
		ev.Text = t.function(raw, e.loc[0])
	case parser.IPISend:
		ev.TargetCPU = int32(t.int(raw, e.loc[0]))
		if ev.Text = t.function(raw, e.loc[1]); ev.Text == "" { // reschedule: who asked for it
			ev.Text = t.symbols.name(uint64(t.int(raw, e.loc[2])))
		}
	case parser.ProcessHang:
		ev.Task = parser.Task{PID: int32(t.int(raw, e.loc[0])), Prio: parser.NoPrio}
		ev.Task.Comm, err = t.text(raw, e.loc[1])
	}
	return err
}

// maxFunctions bounds the kernel functions whose names are kept.
const maxFunctions = 1 << 12

// function names the kernel function that a field points to: by the recording's own table
// of symbols, else by its address. It is empty of a null pointer.
func (t *Table) function(raw []byte, l loc) string {
	address := uint64(t.int(raw, l))
	if address == 0 {
		return ""
	}
	if s, ok := t.functions[address]; ok {
		return s
	}
	s := t.symbols.name(address)
	if s == "" {
		s = fmt.Sprintf("%#x", address)
	}
	if t.functions == nil || len(t.functions) >= maxFunctions {
		t.functions = map[uint64]string{}
	}
	t.functions[address] = s
	return s
}

// symbols are the functions of a kallsyms file, by address.
type symbols []symbol

type symbol struct {
	address uint64
	name    string
}

// parseSymbols reads a kallsyms file.
func parseSymbols(text []byte) symbols {
	var s symbols
	for line := range bytes.Lines(text) {
		if address, kind, name, ok := parser.Kallsym(line); ok && (kind == 't' || kind == 'w') {
			s = append(s, symbol{address, string(name[:min(len(name), 256)])})
		}
	}
	slices.SortStableFunc(s, func(a, b symbol) int { return cmp.Compare(a.address, b.address) })
	return s
}

// name is the function that an address lies in, empty if none is known.
func (s symbols) name(address uint64) string {
	i, found := slices.BinarySearchFunc(s, address, func(a symbol, at uint64) int { return cmp.Compare(a.address, at) })
	if !found {
		i--
	}
	if i < 0 || address-s[i].address > maxFunction {
		return ""
	}
	return s[i].name
}

// maxFunction is the size of the largest function, in bytes.
const maxFunction = 64 << 10

// Symbols reads the kallsyms piece, and keeps it if the table has a use for it.
func (d *Reader) Symbols(t *Table) error {
	if !t.asides {
		return d.Skip32()
	}
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	if n > parser.MaxKallsyms {
		return d.discard(int64(n))
	}
	b, err := d.bytes(int64(n), parser.MaxKallsyms)
	if err == nil {
		t.symbols = parseSymbols(b)
	}
	return err
}
