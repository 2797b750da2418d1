// Package mutate damages captures as disks, networks and people do, and as somebody would
// who wants a reader to fail: by a seed, so that each copy can be made again.
package mutate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// mutator makes damaged copies.
type mutator struct {
	rnd *rand.Rand
	// donors are other captures, of which pieces are spliced in.
	donors [][]byte
}

func newMutator(seed uint64) *mutator { return &mutator{rnd: rand.New(rand.NewPCG(seed, 0x5eed))} }

// n is a number below most, of the same series.
func (m *mutator) n(most int) int { return m.rnd.IntN(most) }

// copy returns a damaged copy and what was done to it. cut is true if all that is missing
// is the end.
func (m *mutator) copy(b []byte) (out []byte, what string, cut bool) {
	if len(b) < 2 {
		return nil, "emptied", true
	}
	if m.n(6) == 0 {
		n := m.n(len(b))
		return bytes.Clone(b[:n]), fmt.Sprintf("cut at %d of %d", n, len(b)), true
	}
	out = bytes.Clone(b)
	for i := range 1 + m.n(3) {
		if i > 0 {
			what += ", "
		}
		var did string
		out, did = m.damage(out)
		what += did
		if len(out) < 2 {
			break
		}
	}
	return out, what, false
}

// at is a place in b: half of the time where headers are.
func (m *mutator) at(b []byte) int {
	if m.n(2) == 0 {
		return m.n(min(len(b), 4096))
	}
	return m.n(len(b))
}

// block is a piece of b, in text whole lines.
func (m *mutator) block(b []byte) (from, to int) {
	from = m.at(b)
	to = min(len(b), from+1+m.n(1<<(1+m.n(13))))
	if m.n(2) == 0 && bytes.IndexByte(b[:min(len(b), 512)], '\n') > 0 {
		from = bytes.LastIndexByte(b[:from], '\n') + 1
		if i := bytes.IndexByte(b[to:], '\n'); i >= 0 {
			to += i + 1
		}
	}
	return from, to
}

// damage does one thing to b, which it may overwrite.
func (m *mutator) damage(b []byte) ([]byte, string) {
	from, to := m.block(b)
	place := fmt.Sprintf(" of [%d:%d]", from, to)
	switch m.n(9) {
	case 0:
		n := 1 + m.n(8)
		for range n {
			b[m.at(b)] ^= 1 << m.n(8)
		}
		return b, fmt.Sprintf("%d bits flipped", n)
	case 1:
		return append(b[:from], b[to:]...), "removal" + place
	case 2:
		return bytes.Join([][]byte{b[:to], b[from:to], b[to:]}, nil), "repetition" + place
	case 3: // what follows comes first
		end := min(len(b), to+(to-from))
		return bytes.Join([][]byte{b[:from], b[to:end], b[from:to], b[end:]}, nil), "reordering" + place
	case 4:
		if len(m.donors) == 0 {
			return b, "nothing"
		}
		donor := m.donors[m.n(len(m.donors))]
		f, t := m.block(donor)
		return bytes.Join([][]byte{b[:from], donor[f:t], b[to:]}, nil), "splicing" + place
	case 5:
		fill := []byte{0, 0xff, '\n', ' ', '9', byte(m.n(256))}[m.n(6)]
		for i := from; i < to; i++ {
			b[i] = fill
		}
		return b, fmt.Sprintf("filling with %#x%s", fill, place)
	case 6:
		return m.lie(b)
	case 7:
		for i := from; i < to; i++ {
			b[i] = byte(m.n(256))
		}
		return b, "noise instead" + place
	}
	return m.number(b)
}

// lie writes a number that a length, count or offset should not be.
func (m *mutator) lie(b []byte) ([]byte, string) {
	at := m.at(b) &^ (1<<m.n(4) - 1)
	width := min(1<<m.n(4), len(b)-at)
	lies := []uint64{0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 1 << 20, 0x7fffffff, 0x80000000, 0xffffffff, 1<<63 - 1, 1 << 63, 1<<64 - 1, uint64(len(b)), uint64(len(b)) + 1}
	v := lies[m.n(len(lies))]
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], v)
	if m.n(3) == 0 { // nearly right
		copy(word[:], b[at:at+width])
		v = binary.LittleEndian.Uint64(word[:]) + uint64(m.n(17)) - 8
		binary.LittleEndian.PutUint64(word[:], v)
	}
	if m.n(8) == 0 {
		binary.BigEndian.PutUint64(word[:], v)
		copy(b[at:at+width], word[8-width:])
	} else {
		copy(b[at:at+width], word[:])
	}
	return b, fmt.Sprintf("%#x in %d bytes at %d", v, width, at)
}

// number replaces a number in text.
func (m *mutator) number(b []byte) ([]byte, string) {
	at := m.at(b)
	i := bytes.IndexAny(b[at:], "0123456789")
	if i < 0 {
		return b, "nothing"
	}
	at += i
	end := at
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	values := []string{"", "0", "-1", "4294967295", "18446744073709551615", "9223372036854775808", "1e9", "0x10", "00000000000000000001", "8192", "139", "2147483648"}
	v := values[m.n(len(values))]
	return bytes.Join([][]byte{b[:at], []byte(v), b[end:]}, nil), fmt.Sprintf("%q for a number at %d", v, at)
}
