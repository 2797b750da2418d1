package text

import (
	"bytes"
	"hash/maphash"
)

// Memo keeps what was made of texts, by their bytes: the lines of a capture say the same
// again and again, at other times. It holds what fits; a text that is not kept has to be
// read anew. The zero Memo is empty and ready to use; it is not safe for concurrent use.
type Memo[V any] struct {
	seed maphash.Seed
	kept []*memo[V] // by hash
}

type memo[V any] struct {
	text []byte
	v    V
}

// memos bounds the texts that a Memo keeps, maxMemo their length in bytes.
const (
	memos   = 1 << 13
	maxMemo = 256
)

// Get returns what was kept of a text, nil if nothing was. It is valid until the next Put.
func (m *Memo[V]) Get(text []byte) *V {
	if m.kept == nil {
		return nil
	}
	if k := m.kept[maphash.Bytes(m.seed, text)%memos]; k != nil && bytes.Equal(k.text, text) {
		return &k.v
	}
	return nil
}

// Put keeps v of a text, in place of what has the same hash.
func (m *Memo[V]) Put(text []byte, v V) {
	if len(text) > maxMemo {
		return
	}
	if m.kept == nil {
		m.seed, m.kept = maphash.MakeSeed(), make([]*memo[V], memos)
	}
	at := &m.kept[maphash.Bytes(m.seed, text)%memos]
	if *at == nil {
		*at = &memo[V]{}
	}
	(*at).text, (*at).v = append((*at).text[:0], text...), v
}
