package parser

import "encoding/binary"

// maxNames bounds the intern table. A name met when it is full starts a new
// table: names already handed out stay valid.
const maxNames = 1 << 16

// Names interns the names of tasks, so that a million events of a hundred
// tasks hold a hundred strings. The zero Names is ready to use; it is not safe
// for concurrent use.
type Names struct {
	m map[string]string
	// near holds the names met last, by near of their bytes.
	near [nearNames]string
}

// nearNames is a power of two.
const nearNames = 256

// near mixes the first bytes of a name, as far as a kernel's goes.
func near(b []byte) uint64 {
	var head [16]byte
	copy(head[:], b)
	return (binary.LittleEndian.Uint64(head[:])*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(head[8:])*0xc2b2ae3d27d4eb4f) >> 56 % nearNames
}

// Intern returns b as a string.
func (n *Names) Intern(b []byte) string {
	last := &n.near[near(b)]
	if *last == string(b) {
		return *last
	}
	if s, ok := n.m[string(b)]; ok {
		*last = s
		return s
	}
	if n.m == nil || len(n.m) >= maxNames {
		n.m = make(map[string]string)
	}
	s := string(b)
	n.m[s] = s
	*last = s
	return s
}
