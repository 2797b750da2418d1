package tep

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"schedreplay/parser"
)

// isAddress reports whether a field tells where the kernel lies in memory.
func isAddress(field string) bool {
	return field == "function" || field == "callback" || field == "callsite" || field == reasonField
}

// isMask reports whether a field is a set of CPUs.
func isMask(field string) bool { return field == "target_cpus" }

// The places of an aside's fields among those of its event.
const (
	asideNumber = iota
	asideText
	asideFunction
	asideElse
)

// addAside makes e decode the aside that its tracepoint tells, if any.
func (t *Table) addAside(e *event, f *Format) {
	aside, what := parser.AsideOf([]byte(e.text))
	if aside == parser.NoAside {
		return
	}
	want := aside.Fields()
	s := spec{required: []string{want.Number}, optional: []string{want.Text, want.Function, want.Else}}
	if want.Number == "" || want.Optional {
		s.required, s.optional = nil, append(s.required, s.optional...)
	}
	if t.resolve(e, f, s); len(s.required) == 0 || e.loc[asideNumber].size != 0 {
		e.aside, e.vector = aside, what
		t.reasons = t.reasons || what == "" && want.Text == reasonField
	}
}

// reasonField is a text that a record points to.
const reasonField = "reason"

// aside decodes what a record tells beside the tasks of its CPU.
func (t *Table) aside(e *event, raw []byte, ev *parser.Event) (err error) {
	f := e.aside.Fields()
	v := parser.AsideValues{Known: e.loc[asideNumber].size != 0}
	switch {
	case !v.Known:
	case isMask(f.Number):
		v.Number, err = t.oneCPU(raw, e.loc[asideNumber])
	default:
		v.Number = t.int(raw, e.loc[asideNumber])
	}
	if f.Text == reasonField {
		v.Text = t.printk[uint64(t.int(raw, e.loc[asideText]))]
	} else if err == nil {
		v.Text, err = t.text(raw, e.loc[asideText])
	}
	if v.Function = t.function(raw, e.loc[asideFunction]); v.Function == "" {
		v.Else = t.symbols.name(uint64(t.int(raw, e.loc[asideElse])))
	}
	if err == nil {
		ev.SetAside(e.aside, e.vector, &v)
	}
	return err
}

// oneCPU is the CPU of a set that has no other, else NoCPU.
func (t *Table) oneCPU(raw []byte, l loc) (int64, error) {
	b := raw[l.off : l.off+l.size]
	if l.place != Fixed {
		to := t.target(raw, l)
		if to.off+to.size > len(raw) {
			return parser.NoCPU, fmt.Errorf("%w: a set of CPUs of %d bytes at offset %d of %d", ErrRecord, to.size, to.off, len(raw))
		}
		b = raw[to.off : to.off+to.size]
	}
	word := 8 // the bytes of the kernel's long
	if len(b)%8 != 0 {
		word = 4
	}
	cpu := int64(parser.NoCPU)
	for i, v := range b {
		if t.order == Big {
			i += word - 1 - 2*(i%word)
		}
		for ; v != 0; v &= v - 1 {
			if cpu >= 0 {
				return parser.NoCPU, nil
			}
			cpu = int64(8*i + bits.TrailingZeros8(v))
		}
	}
	return cpu, nil
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

// Wants reports whether the table has a use for the kallsyms piece, and for the printk formats.
func (t *Table) Wants() (symbols, printk bool) { return t.asides, t.reasons }

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

// Bounds on the printk formats that are kept.
const (
	maxPrintk      = 8 << 20 // bytes of the piece
	maxPrintkTexts = 1 << 14
)

// Printk reads the piece of printk formats: texts of the kernel by address. It keeps them if
// the table has a use for them.
func (d *Reader) Printk(t *Table) error {
	n, err := d.Uint32()
	if err != nil {
		return err
	}
	if !t.reasons || n > maxPrintk {
		return d.discard(int64(n))
	}
	b, err := d.bytes(int64(n), maxPrintk)
	t.printk = parsePrintk(b)
	return err
}

// ownReason is how the kernel calls interrupts that CPUs send each other (ipi_types of
// arch/arm64/kernel/smp.c and its like): no name of a user's is like it.
var ownReason = regexp.MustCompile(`^[A-Za-z][A-Za-z ()-]* (?:interrupts|NMIs)$`)

// Reasons makes printk formats for a copy, of those read: the kernel's own names of interrupts
// that CPUs send each other, by numbers in place of addresses. From then on [Table.Scrub] writes
// the numbers. They take no more bytes than those read; there may be none.
func (t *Table) Reasons() (piece []byte) {
	texts := slices.Compact(slices.Sorted(maps.Values(t.printk)))
	texts = slices.DeleteFunc(texts, func(s string) bool { return !ownReason.MatchString(s) })
	for i, s := range texts {
		piece = fmt.Appendf(piece, "0x%x : \"%s\"\n", i+1, s)
	}
	t.numbers = map[uint64]uint64{}
	for address, s := range t.printk {
		if i, own := slices.BinarySearch(texts, s); own {
			t.numbers[address] = uint64(i + 1)
		}
	}
	return piece
}

// renumber writes the number of a reason that [Table.Reasons] keeps.
func (t *Table) renumber(raw []byte, l loc) {
	if l.off+l.size > len(raw) {
		return
	}
	switch n := t.numbers[uint64(t.int(t.before, l))]; l.size { // in place
	case 8:
		_ = t.order.AppendUint64(raw[:l.off], n)
	case 4:
		_ = t.order.AppendUint32(raw[:l.off], uint32(n))
	}
}

// printkText turns back what the kernel writes of a text.
var printkText = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\"`, `"`)

// parsePrintk reads a printk_formats file (kernel/trace/trace_printk.c, t_show): lines
// 0xADDRESS : "TEXT".
func parsePrintk(text []byte) map[uint64]string {
	texts := map[uint64]string{}
	for line := range bytes.Lines(text) {
		number, quoted, ok := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(` : "`))
		quoted, ended := bytes.CutSuffix(quoted, []byte(`"`))
		digits, hex := bytes.CutPrefix(number, []byte("0x"))
		if !ok || !ended || !hex || len(quoted) > parser.MaxAsideName || len(texts) >= maxPrintkTexts {
			continue
		}
		if address, err := strconv.ParseUint(string(digits), 16, 64); err == nil && address != 0 {
			texts[address] = printkText.Replace(string(quoted))
		}
	}
	return texts
}
