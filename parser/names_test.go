package parser

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Names handed out stay valid when the table of names starts anew.
func TestNames(t *testing.T) {
	var n Names
	first := n.Intern([]byte("first"))
	for i := range 3 * maxNames {
		b := fmt.Append(nil, i)
		if n.Intern(b) != string(b) {
			t.Fatal("another name")
		}
		if len(n.m) > maxNames {
			t.Fatalf("%d names", len(n.m))
		}
	}
	if first != "first" {
		t.Errorf("the first name is now %q", first)
	}
}

// A field of a record gives the name that the bytes before its first NUL have.
func TestInternComm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var n, o Names
		for range 20 {
			var b [CommLen]byte
			copy(b[:], rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0x80, 0xff}), 0, CommLen).Draw(t, "bytes"))
			want, _, _ := bytes.Cut(b[:], []byte{0})
			if got := n.Intern(b[:]); got != string(b[:]) {
				t.Fatalf("%q is %q as a text", b, got)
			}
			if got := n.InternComm(&b); got != string(want) || got != o.Intern(want) || got != n.Intern(want) {
				t.Fatalf("%q gives %q", b, got)
			}
		}
	})
}
