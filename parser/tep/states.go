package tep

import (
	"fmt"
	"strconv"
	"strings"

	"schedreplay/parser"
)

// Flag is one entry of a __print_flags table.
type Flag struct {
	Mask uint64
	Name string
}

// ParseFlags returns the __print_flags table that a print format applies to
// the named field, and the mask it takes of the field first (all ones if none).
// The error wraps [parser.ErrUnsupported].
func ParseFlags(print, field string) (mask uint64, flags []Flag, err error) {
	const call = "__print_flags("
	for rest := print; ; {
		i := strings.Index(rest, call)
		if i < 0 {
			return 0, nil, fmt.Errorf("%w: no flag table of %s in the print format", parser.ErrUnsupported, field)
		}
		rest = rest[i+len(call):]
		p := exprParser{s: rest}
		if !p.field(field) {
			continue
		}
		mask = ^uint64(0)
		if p.take("&") {
			if mask, err = p.shift(); err != nil {
				return 0, nil, err
			}
			for p.take(")") {
			}
		}
		if !p.take(",") {
			return 0, nil, p.fail("',' behind the flag expression")
		}
		if _, err = p.quoted(); err != nil { // the delimiter
			return 0, nil, err
		}
		for p.take(",") {
			var f Flag
			if !p.take("{") {
				return 0, nil, p.fail("'{'")
			}
			if f.Mask, err = p.or(); err != nil {
				return 0, nil, err
			}
			if !p.take(",") {
				return 0, nil, p.fail("',' in a flag")
			}
			if f.Name, err = p.quoted(); err != nil {
				return 0, nil, err
			}
			if !p.take("}") {
				return 0, nil, p.fail("'}'")
			}
			flags = append(flags, f)
		}
		if !p.take(")") {
			return 0, nil, p.fail("')' behind the flag table")
		}
		return mask, flags, nil
	}
}

// parsePlus returns the bits that make a print format print "+" for the field:
// the REC->field & EXPR in `REC->field & EXPR ? "+" : ""`. 0 if there is no
// such expression.
func parsePlus(print, field string) uint64 {
	ref := "REC->" + field
	for rest := print; ; {
		i := strings.Index(rest, ref)
		if i < 0 {
			return 0
		}
		p := exprParser{s: rest[i:]}
		rest = rest[i+len(ref):]
		if !p.field(field) || !p.take("&") {
			continue
		}
		bits, err := p.shift()
		if err != nil {
			continue
		}
		for p.take(")") {
		}
		if !p.take("?") {
			continue
		}
		if s, err := p.quoted(); err == nil && s == "+" {
			return bits
		}
	}
}

// stateTable translates a kernel's prev_state numbers.
type stateTable struct {
	known bool
	mask  uint64
	plus  uint64
	bits  []Flag
	// of has the states of the smallest numbers, of none where the table is not known.
	of []parser.State
}

// newStateTable reads the table from sched_switch's print format.
func newStateTable(print string) stateTable {
	mask, flags, err := ParseFlags(print, "prev_state")
	if err != nil {
		return stateTable{}
	}
	t := stateTable{known: true, mask: mask, plus: parsePlus(print, "prev_state"), bits: flags, of: make([]parser.State, 1<<10)}
	for i := range t.of {
		t.of[i] = t.translate(uint64(i))
	}
	return t
}

// state translates one number.
func (t *stateTable) state(v int64) parser.State {
	if u := uint64(v); u >= uint64(len(t.of)) {
		return t.translate(u)
	}
	return t.of[v]
}

// translate does so by the table. Letters of kernels up to 4.13 that later ones
// do not print are folded as those do: x (dead) into X, D with N (no load) into
// I, and K (wake on kill) and W (waking) beside another letter into nothing.
func (t *stateTable) translate(u uint64) parser.State {
	if u == 0 {
		return parser.StateRunning
	}
	if !t.known {
		return 0
	}
	var s parser.State
	left, noload := u&t.mask, false
	if t.plus != 0 && u&t.plus != 0 {
		s |= parser.StatePreempted
		left &^= t.plus
	}
	off := left != 0
	for _, f := range t.bits {
		if f.Mask == 0 || left&f.Mask != f.Mask {
			continue
		}
		switch f.Name {
		case "S":
			s |= parser.StateSleeping
		case "D":
			s |= parser.StateBlocked
		case "T":
			s |= parser.StateStopped
		case "t":
			s |= parser.StateTraced
		case "X", "x":
			s |= parser.StateDead
		case "Z":
			s |= parser.StateZombie
		case "P":
			s |= parser.StateParked
		case "I":
			s |= parser.StateIdle
		case "N":
			noload = true
		}
	}
	if noload && s&parser.StateBlocked != 0 {
		s = s&^parser.StateBlocked | parser.StateIdle
	}
	switch {
	case !off:
		s |= parser.StateRunning
	case s&^parser.StatePreempted == 0:
		s |= parser.StateOff
	}
	return s
}

// exprParser evaluates the constant C expressions of print formats: numbers,
// parentheses, ~, +, -, <<, >>, & and |.
type exprParser struct {
	s     string
	depth int
}

func (p *exprParser) skip() { p.s = strings.TrimLeft(p.s, " \t") }

// take consumes a token if it is next. "<" never splits "<<".
func (p *exprParser) take(tok string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.s, tok)
	if ok {
		p.s = rest
	}
	return ok
}

func (p *exprParser) fail(want string) error {
	return fmt.Errorf("%w: print format: expected %s at %.40q", parser.ErrUnsupported, want, p.s)
}

// field consumes REC->name, in any number of parentheses left open.
func (p *exprParser) field(name string) bool {
	for p.take("(") {
	}
	if !p.take("REC->" + name) {
		return false
	}
	if p.s != "" && (p.s[0] == '_' || p.s[0] >= '0' && p.s[0] <= '9' || p.s[0]|0x20 >= 'a' && p.s[0]|0x20 <= 'z') {
		return false // a longer name
	}
	for p.take(")") {
	}
	return true
}

func (p *exprParser) quoted() (string, error) {
	if !p.take(`"`) {
		return "", p.fail("a string")
	}
	s, rest, ok := strings.Cut(p.s, `"`)
	if !ok {
		return "", p.fail("the end of a string")
	}
	p.s = rest
	return s, nil
}

func (p *exprParser) binary(sub func() (uint64, error), ops map[string]func(a, b uint64) uint64) (uint64, error) {
	v, err := sub()
	for err == nil {
		var op func(a, b uint64) uint64
		for tok, f := range ops {
			if p.take(tok) {
				op = f
				break
			}
		}
		if op == nil {
			return v, nil
		}
		var w uint64
		if w, err = sub(); err == nil {
			v = op(v, w)
		}
	}
	return 0, err
}

var (
	orOps    = map[string]func(a, b uint64) uint64{"|": func(a, b uint64) uint64 { return a | b }}
	andOps   = map[string]func(a, b uint64) uint64{"&": func(a, b uint64) uint64 { return a & b }}
	shiftOps = map[string]func(a, b uint64) uint64{
		"<<": func(a, b uint64) uint64 { return a << b },
		">>": func(a, b uint64) uint64 { return a >> b },
	}
	sumOps = map[string]func(a, b uint64) uint64{
		"+": func(a, b uint64) uint64 { return a + b },
		"-": func(a, b uint64) uint64 { return a - b },
	}
)

func (p *exprParser) or() (uint64, error)    { return p.binary(p.and, orOps) }
func (p *exprParser) and() (uint64, error)   { return p.binary(p.shift, andOps) }
func (p *exprParser) shift() (uint64, error) { return p.binary(p.sum, shiftOps) }
func (p *exprParser) sum() (uint64, error)   { return p.binary(p.unary, sumOps) }

func (p *exprParser) unary() (uint64, error) {
	if p.depth++; p.depth > 100 {
		return 0, p.fail("a simpler expression")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("~"):
		v, err := p.unary()
		return ^v, err
	case p.take("("):
		v, err := p.or()
		if err == nil && !p.take(")") {
			err = p.fail("')'")
		}
		return v, err
	}
	p.skip()
	n := 0
	for n < len(p.s) && (p.s[n] >= '0' && p.s[n] <= '9' || p.s[n]|0x20 >= 'a' && p.s[n]|0x20 <= 'z') {
		n++
	}
	v, err := strconv.ParseUint(strings.TrimRight(p.s[:n], "uUlL"), 0, 64)
	if err != nil {
		return 0, p.fail("a number")
	}
	p.s = p.s[n:]
	return v, nil
}
