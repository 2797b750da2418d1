package parser

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// maxNames bounds the intern table. A name met when it is full starts a new
// table: names already handed out stay valid.
const maxNames = 1 << 16

// Names interns the names of tasks, so that a million events of a hundred
// tasks hold a hundred strings. The zero Names is ready to use; it is not safe
// for concurrent use.
type Names struct {
	m map[string]string
	// near holds the names met last, by near of their bytes.
	near [nearNames]nearName
}

// nearName is a name without a NUL and its first bytes, as far as a kernel's goes: where it has
// no more, those tell it. The zero nearName is the empty name.
type nearName struct {
	lo, hi uint64
	name   string
}

// nearNames is a power of two.
const nearNames = 256

// CommLen is TASK_COMM_LEN: the bytes that a task's name has in a record, its NUL included.
const CommLen = 16

func near(lo, hi uint64) uint64 {
	return (lo*0x9e3779b97f4a7c15 ^ hi*0xc2b2ae3d27d4eb4f) >> 56 % nearNames
}

// Intern returns b as a string.
func (n *Names) Intern(b []byte) string {
	var head [CommLen]byte
	copy(head[:], b)
	return n.intern(binary.LittleEndian.Uint64(head[:]), binary.LittleEndian.Uint64(head[8:]), b)
}

// InternComm returns the bytes before the first NUL, all if there is none.
func (n *Names) InternComm(b *[CommLen]byte) string {
	lo, hi := binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])
	if last := &n.near[near(lo, hi)]; last.lo == lo && last.hi == hi && len(last.name) <= CommLen {
		return last.name
	}
	size := CommLen
	if z := firstNUL(lo); z < 8 {
		lo, hi, size = lo&(1<<(8*z)-1), 0, z
	} else if z := firstNUL(hi); z < 8 {
		hi, size = hi&(1<<(8*z)-1), 8+z
	}
	return n.intern(lo, hi, b[:size])
}

// firstNUL is the number of the first byte that is 0, the least significant one being
// number 0; 8 if none is.
func firstNUL(x uint64) int {
	const ones = 0x0101010101010101
	return bits.TrailingZeros64((x-ones)&^x&(ones<<7)) / 8
}

// intern returns b, whose first bytes are given, zeros behind its end.
func (n *Names) intern(lo, hi uint64, b []byte) string {
	last := &n.near[near(lo, hi)]
	if last.lo == lo && last.hi == hi && last.name == string(b) {
		return last.name
	}
	s, ok := n.m[string(b)]
	if !ok {
		if n.m == nil || len(n.m) >= maxNames {
			n.m = make(map[string]string)
		}
		s = string(b)
		n.m[s] = s
	}
	if bytes.IndexByte(b, 0) < 0 {
		*last = nearName{lo, hi, s}
	}
	return s
}
