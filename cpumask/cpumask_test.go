package cpumask_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
)

func TestParseList(t *testing.T) {
	for _, tc := range []struct {
		in   string
		nr   int
		want string // canonical
	}{
		{"", 0, ""},
		{"\n", 8, ""},
		{"0", 0, "0"},
		{"43\n", 44, "43"},
		{"0-3,8", 0, "0-3,8"},
		{"8,0-3", 0, "0-3,8"},
		{"3,2,1,2", 0, "1-3"},
		{"0-3, 8 , 10", 0, "0-3,8,10"},
		{"5-5", 0, "5"},
		{",1,,2,", 0, "1-2"},
		{"0-15:1/4", 0, "0,4,8,12"},
		{"0-15:2/4", 0, "0-1,4-5,8-9,12-13"},
		{"1-14:3/5", 0, "1-3,6-8,11-13"},
		{"0-9:4/4", 0, "0-9"},
		{"0-9:0/4", 0, ""},
		{"all", 8, "0-7"},
		{"N", 8, "7"},
		{"0-N", 8, "0-7"},
		{"2-N:1/2", 8, "2,4,6"},
		{"all:1/2", 8, "0,2,4,6"},
		{"63-65", 0, "63-65"},
		{"8191", 0, "8191"},
		{"1\x002", 0, "1-2"},
	} {
		m, err := cpumask.ParseList(tc.in, tc.nr)
		if err != nil || m.String() != tc.want {
			t.Errorf("ParseList(%q, %d) = %q, %v; want %q", tc.in, tc.nr, m, err, tc.want)
		}
	}
}

func TestParseListRefuses(t *testing.T) {
	for _, tc := range []struct {
		in   string
		nr   int
		says string
	}{
		{"a", 0, "not a CPU number"},
		{"-1", 0, "not a CPU number"},
		{"1-", 0, "not a CPU number"},
		{"1-2-3", 0, "not a CPU number"},
		{"+1", 0, "not a CPU number"},
		{"0x1", 0, "not a CPU number"},
		{"1_0", 0, "not a CPU number"},
		{"１", 0, "not a CPU number"},
		{"99999999999999999999", 0, "not a CPU number"},
		{"N", 0, "not a CPU number"},
		{"all", 0, "not a CPU number"},
		{"3-1", 0, "runs backwards"},
		{"8", 8, "CPU 8 is beyond the last possible CPU 7"},
		{"0-8", 8, "beyond"},
		{"8192", 0, "beyond the last possible CPU 8191"},
		{"0-2000000000", 0, "beyond"},
		{"9000", 10000, "beyond"},
		{"4:1/2", 0, "a stride needs a range"},
		{"0-7:2", 0, "used/group"},
		{"0-7:3/2", 0, "used/group"},
		{"0-7:1/0", 0, "used/group"},
		{"0-7:/", 0, "used/group"},
		{"0-3,x", 0, `"x" in "0-3,x"`},
	} {
		m, err := cpumask.ParseList(tc.in, tc.nr)
		if !errors.Is(err, cpumask.ErrSyntax) || !strings.Contains(err.Error(), tc.says) || !m.Empty() {
			t.Errorf("ParseList(%q, %d) = %q, %v; want an error about %q", tc.in, tc.nr, m, err, tc.says)
		}
	}
}

func TestParseHex(t *testing.T) {
	for in, want := range map[string]string{
		"0": "", "00000000": "", "1": "0", "f\n": "0-3", "ff,ffffffff": "0-39", "80000000,00000000": "63", "1,00000000,00000001": "0,64", "FF": "0-7",
	} {
		if m, err := cpumask.ParseHex(in); err != nil || m.String() != want {
			t.Errorf("ParseHex(%q) = %q, %v; want %q", in, m, err, want)
		}
	}
	for _, in := range []string{"", "g", ",", "1,", "1,,2", "0x1", "-1", "1ffffffff", "1 2", strings.Repeat("1,", 256) + "1"} {
		if m, err := cpumask.ParseHex(in); !errors.Is(err, cpumask.ErrSyntax) {
			t.Errorf("ParseHex(%q) = %q, %v; want an error", in, m, err)
		}
	}
	if m, err := cpumask.ParseHex(strings.TrimSuffix(strings.Repeat("ffffffff,", 256), ",")); err != nil || m.Weight() != cpumask.MaxCPUs {
		t.Errorf("the largest mask: %d CPUs, %v", m.Weight(), err)
	}
}

func TestBounds(t *testing.T) {
	m := cpumask.Of(-1, cpumask.MaxCPUs, 1<<40)
	if !m.Empty() {
		t.Errorf("CPUs out of range are in the mask: %s", m)
	}
	m.Clear(-1)
	m.Clear(1 << 40)
	if m.Test(-1) || m.Test(1<<40) || cpumask.Of(0).Next(-100) != 0 || m.Next(1<<40) != -1 || m.First() != -1 || m.Last() != -1 {
		t.Error("numbers out of range are answered wrongly")
	}
	if r := cpumask.Range(5, 4); !r.Empty() {
		t.Errorf("Range(5, 4) = %s", r)
	}
	if r := cpumask.Range(-3, 1<<40); r.Weight() != cpumask.MaxCPUs {
		t.Errorf("a range out of bounds has %d CPUs", r.Weight())
	}
}

// set is the plainest model of a mask.
type set map[int]bool

func (s set) mask() cpumask.Mask {
	var m cpumask.Mask
	for c := range s {
		m.Set(c)
	}
	return m
}

func (s set) sorted() []int {
	out := []int{}
	for c := range s {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

func drawSet(t *rapid.T, label string) set {
	s := set{}
	for _, c := range rapid.SliceOf(rapid.OneOf(rapid.IntRange(0, 9), rapid.IntRange(60, 70), rapid.IntRange(0, 300))).Draw(t, label) {
		s[c] = true
	}
	return s
}

// Every operation does what it does to sets, and leaves its operands alone.
func TestOperations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawSet(t, "a"), drawSet(t, "b")
		x, y := a.mask(), b.mask()
		both, either, less := set{}, set{}, set{}
		for c := range a {
			either[c] = true
			if b[c] {
				both[c] = true
			} else {
				less[c] = true
			}
		}
		for c := range b {
			either[c] = true
		}
		check := func(what string, got cpumask.Mask, want set) {
			if !slices.Equal(got.Slice(), want.sorted()) || !got.Equal(want.mask()) || got.Weight() != len(want) || got.Empty() != (len(want) == 0) {
				t.Fatalf("%s of %v and %v: %s", what, a.sorted(), b.sorted(), got)
			}
		}
		check("and", x.And(y), both)
		check("or", x.Or(y), either)
		check("and not", x.AndNot(y), less)
		var scratch cpumask.Mask
		scratch.CopyFrom(y)
		scratch.AndFrom(x, y)
		check("and from", scratch, both)
		scratch.CopyFrom(x)
		scratch.Remove(y)
		check("remove", scratch, less)
		scratch.CopyFrom(x)
		scratch.AndFrom(scratch, y)
		check("and from itself", scratch, both)
		scratch.CopyFrom(less.mask())
		scratch.AddBoth(x, y)
		check("add both", scratch, a)
		if x.Intersects(y) != (len(both) > 0) || x.SubsetOf(y) != (len(less) == 0) || x.Equal(y) != (len(less) == 0 && len(a) == len(b)) {
			t.Fatalf("relations of %v and %v", a.sorted(), b.sorted())
		}
		check("first operand", x, a)
		check("second operand", y, b)
		c := x.Clone()
		c.Set(7)
		c.Clear(3)
		check("cloned operand", x, a)
		// Walks.
		var walked []int
		for cpu := range x.All() {
			walked = append(walked, cpu)
		}
		if !slices.Equal(walked, x.Slice()) {
			t.Fatalf("All yields %v of %s", walked, x)
		}
		for cpu := range x.All() {
			if cpu != x.First() {
				t.Fatal("All starts elsewhere")
			}
			break
		}
		at := rapid.IntRange(-2, 310).Draw(t, "at")
		next := -1
		for _, c := range a.sorted() {
			if c > at {
				next = c
				break
			}
		}
		if x.Next(at) != next || x.Test(at) != a[at] {
			t.Fatalf("after %d of %s comes %d", at, x, x.Next(at))
		}
		if s := a.sorted(); len(s) > 0 && (x.First() != s[0] || x.Last() != s[len(s)-1]) {
			t.Fatalf("%s from %d to %d", x, x.First(), x.Last())
		}
	})
}

// Text forms read back.
func TestTextForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSet(t, "set")
		m := s.mask()
		if got, err := cpumask.ParseList(m.String(), 0); err != nil || !got.Equal(m) {
			t.Fatalf("%q reads %s, %v", m, got, err)
		}
		var hex []string
		for g := m.Last() / 32; g >= 0; g-- {
			v := uint32(0)
			for bit := range 32 {
				if m.Test(g*32 + bit) {
					v |= 1 << bit
				}
			}
			hex = append(hex, fmt.Sprintf("%08x", v))
		}
		if got, err := cpumask.ParseHex(strings.Join(hex, ",")); err != nil || !got.Equal(m) {
			t.Fatalf("%v reads %s, %v", hex, got, err)
		}
		if b, err := json.Marshal(m); err != nil || string(b) != fmt.Sprintf("%q", m.String()) {
			t.Fatalf("%s in JSON: %s, %v", m, b, err)
		}
	})
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"0-3,8", "all", "0-N:1/2", "1-2-3", "\x00", "99999999999999999999", "0-8191", "0-2147483647:1/1", "５"} {
		f.Add(s, 44)
	}
	f.Fuzz(func(t *testing.T, s string, nr int) {
		m, err := cpumask.ParseList(s, nr)
		if err != nil {
			if !errors.Is(err, cpumask.ErrSyntax) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if nr > 0 && m.Last() >= nr || m.Last() >= cpumask.MaxCPUs {
			t.Fatalf("%q with %d CPUs holds %d", s, nr, m.Last())
		}
		if again, err := cpumask.ParseList(m.String(), 0); err != nil || !again.Equal(m) {
			t.Fatalf("%q is %q, which reads %s, %v", s, m, again, err)
		}
	})
}

func FuzzParseHex(f *testing.F) {
	for _, s := range []string{"ff,ffffffff", "0", ",", "1,", "g", "ffffffffffffffffffff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := cpumask.ParseHex(s); err != nil && !errors.Is(err, cpumask.ErrSyntax) || err == nil && m.Last() >= cpumask.MaxCPUs {
			t.Fatalf("%q: %s, %v", s, m, err)
		}
	})
}

func BenchmarkMask(b *testing.B) {
	x, y := cpumask.Range(0, 63), cpumask.Of(1, 5, 43)
	var m cpumask.Mask
	b.Run("AndFrom", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.AndFrom(x, y)
		}
	})
	b.Run("Walk", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			for c := x.First(); c >= 0; c = x.Next(c) {
				n += c
			}
		}
		if n == 0 {
			b.Fatal("no CPUs")
		}
	})
}

func TestHex(t *testing.T) {
	for list, want := range map[string]string{"": "0", "0": "1", "0-41": "3ff,ffffffff", "43": "800,00000000", "0-31": "ffffffff", "64,127": "80000000,00000001,00000000,00000000"} {
		m, err := cpumask.ParseList(list, 200)
		if err != nil && list != "" {
			t.Fatal(err)
		}
		if got := m.Hex(); got != want {
			t.Errorf("%q: %s, want %s", list, got, want)
		}
	}
}
