package cpumask

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"strconv"
	"strings"
)

// MaxCPUs bounds the CPU numbers a mask can hold, 0 to MaxCPUs-1. It is the
// largest NR_CPUS that x86 and arm64 distributions build (CONFIG_NR_CPUS=8192).
const MaxCPUs = 8192

// ErrSyntax is wrapped by every error about a malformed list or mask.
var ErrSyntax = errors.New("malformed CPU list")

// Mask is a set of CPU numbers. The zero Mask is empty and ready to use.
//
// A Mask value shares its storage with the values it was assigned from, so
// [Mask.Set] and [Mask.Clear] are for the owner who builds it; everything else
// treats masks as immutable.
type Mask struct{ w []uint64 }

// Of returns the mask holding exactly the given CPUs; numbers out of range
// are ignored.
func Of(cpus ...int) Mask {
	var m Mask
	for _, c := range cpus {
		m.Set(c)
	}
	return m
}

// Range returns the mask lo..hi, both included; empty if hi < lo.
func Range(lo, hi int) Mask {
	var m Mask
	for c := max(lo, 0); c <= hi && c < MaxCPUs; c++ {
		m.Set(c)
	}
	return m
}

// Set adds a CPU. Numbers outside 0..MaxCPUs-1 are ignored.
func (m *Mask) Set(cpu int) {
	if uint(cpu) >= MaxCPUs {
		return
	}
	for cpu>>6 >= len(m.w) {
		m.w = append(m.w, 0)
	}
	m.w[cpu>>6] |= 1 << (cpu & 63)
}

// Clear removes a CPU.
func (m *Mask) Clear(cpu int) {
	if cpu >= 0 && cpu>>6 < len(m.w) {
		m.w[cpu>>6] &^= 1 << (cpu & 63)
	}
}

// Test reports whether the CPU is in the mask (cpumask_test_cpu).
func (m Mask) Test(cpu int) bool {
	return cpu >= 0 && cpu>>6 < len(m.w) && m.w[cpu>>6]>>(cpu&63)&1 != 0
}

// Empty reports whether no CPU is in the mask.
func (m Mask) Empty() bool {
	for _, w := range m.w {
		if w != 0 {
			return false
		}
	}
	return true
}

// Weight returns the number of CPUs in the mask (cpumask_weight).
func (m Mask) Weight() int {
	n := 0
	for _, w := range m.w {
		n += bits.OnesCount64(w)
	}
	return n
}

// First returns the lowest CPU, or -1 if the mask is empty (cpumask_first).
func (m Mask) First() int { return m.Next(-1) }

// Last returns the highest CPU, or -1 if the mask is empty.
func (m Mask) Last() int {
	for i := len(m.w) - 1; i >= 0; i-- {
		if m.w[i] != 0 {
			return i<<6 + 63 - bits.LeadingZeros64(m.w[i])
		}
	}
	return -1
}

// Next returns the lowest CPU above cpu, or -1 if there is none
// (cpumask_next).
func (m Mask) Next(cpu int) int {
	cpu = max(cpu+1, 0)
	i := cpu >> 6
	if i >= len(m.w) {
		return -1
	}
	w := m.w[i] &^ (1<<(cpu&63) - 1)
	for w == 0 {
		if i++; i >= len(m.w) {
			return -1
		}
		w = m.w[i]
	}
	return i<<6 + bits.TrailingZeros64(w)
}

// All yields the CPUs in ascending order (for_each_cpu).
func (m Mask) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for c := m.First(); c >= 0; c = m.Next(c) {
			if !yield(c) {
				return
			}
		}
	}
}

// Slice returns the CPUs in ascending order.
func (m Mask) Slice() []int {
	s := make([]int, 0, m.Weight())
	for c := range m.All() {
		s = append(s, c)
	}
	return s
}

// And returns the intersection.
func (m Mask) And(o Mask) Mask {
	n := min(len(m.w), len(o.w))
	r := Mask{make([]uint64, n)}
	for i := range n {
		r.w[i] = m.w[i] & o.w[i]
	}
	return r
}

// Or returns the union.
func (m Mask) Or(o Mask) Mask {
	if len(m.w) < len(o.w) {
		m, o = o, m
	}
	r := m.Clone()
	for i, w := range o.w {
		r.w[i] |= w
	}
	return r
}

// AndNot returns the CPUs of m that are not in o.
func (m Mask) AndNot(o Mask) Mask {
	r := m.Clone()
	for i := range min(len(m.w), len(o.w)) {
		r.w[i] &^= o.w[i]
	}
	return r
}

// Intersects reports whether the masks share a CPU (cpumask_intersects).
func (m Mask) Intersects(o Mask) bool {
	for i := range min(len(m.w), len(o.w)) {
		if m.w[i]&o.w[i] != 0 {
			return true
		}
	}
	return false
}

// SubsetOf reports whether every CPU of m is in o (cpumask_subset).
func (m Mask) SubsetOf(o Mask) bool {
	for i, w := range m.w {
		if i < len(o.w) {
			w &^= o.w[i]
		}
		if w != 0 {
			return false
		}
	}
	return true
}

// Equal reports whether the masks hold the same CPUs.
func (m Mask) Equal(o Mask) bool { return m.SubsetOf(o) && o.SubsetOf(m) }

// Clone returns a mask with storage of its own.
func (m Mask) Clone() Mask { return Mask{append([]uint64(nil), m.w...)} }

// CopyFrom makes m hold the CPUs of o, reusing m's storage.
func (m *Mask) CopyFrom(o Mask) { m.w = append(m.w[:0], o.w...) }

// AndFrom makes m hold the intersection of a and b, reusing m's storage.
func (m *Mask) AndFrom(a, b Mask) {
	n := min(len(a.w), len(b.w))
	m.w = append(m.w[:0], a.w[:n]...)
	for i := range n {
		m.w[i] &= b.w[i]
	}
}

// AddBoth adds to m, in place, the CPUs that are in both a and b.
func (m *Mask) AddBoth(a, b Mask) {
	n := min(len(a.w), len(b.w))
	for len(m.w) < n {
		m.w = append(m.w, 0)
	}
	for i := range n {
		m.w[i] |= a.w[i] & b.w[i]
	}
}

// Remove takes the CPUs of o out of m in place.
func (m *Mask) Remove(o Mask) {
	for i := range min(len(m.w), len(o.w)) {
		m.w[i] &^= o.w[i]
	}
}

// String returns the kernel's list form (%*pbl), "0-3,8"; "" for the empty
// mask.
func (m Mask) String() string {
	var b strings.Builder
	for c := m.First(); c >= 0; {
		end := c
		next := m.Next(end)
		for next == end+1 {
			end, next = next, m.Next(next)
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(c))
		if end > c {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(end))
		}
		c = next
	}
	return b.String()
}

// MarshalText returns the list form.
func (m Mask) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// ParseList reads the kernel's list form (bitmap_parselist): comma-separated
// numbers and ranges "a-b", each range optionally strided as "a-b:used/group".
// "N" stands for the last CPU and "all" for 0-N; both need nrCPUs > 0, the
// number of possible CPUs. If nrCPUs > 0, a number at or above it makes the
// whole list invalid, as in the kernel. Surrounding white space is allowed; an
// empty list is the empty mask.
func ParseList(s string, nrCPUs int) (Mask, error) {
	var m Mask
	limit := MaxCPUs
	if nrCPUs > 0 {
		limit = min(nrCPUs, MaxCPUs)
	}
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == '\n' || r == ' ' || r == '\t' || r == 0 }) {
		bad := func(why string) (Mask, error) {
			return Mask{}, fmt.Errorf("%w: %q in %q: %s", ErrSyntax, part, s, why)
		}
		number := func(t string) (int, bool) {
			if t == "N" && nrCPUs > 0 {
				return limit - 1, true
			}
			v, err := strconv.ParseUint(t, 10, 31)
			return int(v), err == nil
		}
		span, stride, strided := strings.Cut(part, ":")
		lo, hi, isRange := strings.Cut(span, "-")
		var a, b int
		if span == "all" && nrCPUs > 0 {
			a, b = 0, limit-1
		} else {
			var ok bool
			if a, ok = number(lo); !ok {
				return bad("not a CPU number")
			}
			if b = a; isRange {
				if b, ok = number(hi); !ok {
					return bad("not a CPU number")
				}
			} else if strided {
				return bad("a stride needs a range")
			}
		}
		if b < a {
			return bad("the range runs backwards")
		}
		if b >= limit {
			return bad(fmt.Sprintf("CPU %d is beyond the last possible CPU %d", b, limit-1))
		}
		used, group := 1, 1
		if strided {
			us, gs, ok := strings.Cut(stride, "/")
			u, uerr := strconv.ParseUint(us, 10, 31)
			g, gerr := strconv.ParseUint(gs, 10, 31)
			if !ok || uerr != nil || gerr != nil || g == 0 || u > g {
				return bad("a stride reads used/group with used not above group")
			}
			used, group = int(u), int(g)
		}
		for c := a; c <= b; c++ {
			if (c-a)%group < used {
				m.Set(c)
			}
		}
	}
	return m, nil
}

// ParseHex reads the kernel's hexadecimal mask form (%*pb): groups of up to 8
// digits separated by commas, most significant first, as in
// "Cpus_allowed: ff,ffffffff".
func ParseHex(s string) (Mask, error) {
	var m Mask
	groups := strings.Split(strings.TrimSpace(s), ",")
	for i, g := range groups {
		v, err := strconv.ParseUint(g, 16, 32)
		if err != nil || len(groups) > MaxCPUs/32 {
			return Mask{}, fmt.Errorf("%w: hexadecimal mask %q", ErrSyntax, s)
		}
		base := 32 * (len(groups) - 1 - i)
		for ; v != 0; v &= v - 1 {
			m.Set(base + bits.TrailingZeros64(v))
		}
	}
	return m, nil
}

// Hex is the mask as sysfs takes a bitmap (bitmap_parse, lib/bitmap.c): groups of 32 CPUs in
// hexadecimal, the highest first, "fff,ffffffff".
func (m Mask) Hex() string {
	out, started := "0", false
	for i := len(m.w)*2 - 1; i >= 0; i-- {
		switch group := uint32(m.w[i/2] >> (i % 2 * 32)); {
		case started:
			out += fmt.Sprintf(",%08x", group)
		case group != 0:
			out, started = fmt.Sprintf("%x", group), true
		}
	}
	return out
}

// Compare orders two CPUs: one in the mask comes before one that is not.
func (m Mask) Compare(a, b int) int {
	switch x, y := m.Test(a), m.Test(b); {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}
