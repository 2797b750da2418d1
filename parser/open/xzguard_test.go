package open

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/ulikunitz/xz"
	"pgregory.net/rapid"

	"schedreplay/parser"
)

// packXZ compresses with a small dictionary, in blocks, with any check.
func packXZ(t *rapid.T, b []byte, dict int) []byte {
	var out bytes.Buffer
	c := xz.WriterConfig{
		DictCap: dict, BlockSize: rapid.Int64Range(1000, 1<<20).Draw(t, "block"),
		CheckSum: rapid.SampledFrom([]byte{xz.CRC32, xz.CRC64, xz.SHA256}).Draw(t, "check"),
	}
	w, err := c.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The guard passes every stream on byte for byte, unless a dictionary is too
// large: then it ends before the block that names it.
func TestXZGuard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := 1 << rapid.IntRange(12, 16).Draw(t, "dict")
		text := trace(rapid.IntRange(0, 300).Draw(t, "lines"))
		b := packXZ(t, text, small)
		if rapid.Bool().Draw(t, "padding") {
			b = append(b, make([]byte, 8)...)
		}
		n := len(b)
		big := rapid.Bool().Draw(t, "big")
		if big {
			b = append(b, packXZ(t, text, 1<<22)...)
		} else {
			b = append(b, packXZ(t, text, small)...)
		}
		var r io.Reader = bytes.NewReader(b)
		if rapid.Bool().Draw(t, "slow") {
			r = iotest.HalfReader(r)
		}
		got, err := io.ReadAll(newXZGuard(r, 1<<20))
		switch {
		case !bytes.HasPrefix(b, got):
			t.Fatal("not the input's bytes")
		case big && len(text) > 0 && (!errors.Is(err, parser.ErrLimit) || len(got) < n || len(got) > n+12):
			t.Fatalf("%d of %d bytes, %v", len(got), len(b), err)
		case !big && (err != nil || len(got) != len(b)):
			t.Fatalf("%d of %d bytes, %v", len(got), len(b), err)
		}
	})
}

// Whatever the bytes, the guard gives a prefix of them and an end.
func FuzzXZGuard(f *testing.F) {
	f.Add([]byte("\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, _ := io.ReadAll(newXZGuard(bytes.NewReader(b), 1<<20))
		if !bytes.HasPrefix(b, got) {
			t.Error("not the input's bytes")
		}
	})
}
