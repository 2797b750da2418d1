package perfdata

import (
	"encoding/binary"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// opens are the ways to open a capture in memory.
var opens = map[string]eventtest.Open{
	"at": func(b []byte) (parser.Capture, error) { return New(eventtest.Source("in", b)) },
	"stream": func(b []byte) (parser.Capture, error) {
		src := eventtest.Source("in", b)
		src.At, src.Size = nil, -1
		return New(src)
	},
	"unknown size": func(b []byte) (parser.Capture, error) {
		src := eventtest.Source("in", b)
		src.Size = -1
		return New(src)
	},
}

// seeds are small captures of every form.
func seeds() map[string][]byte {
	s := make(map[string][]byte)
	for name, o := range eventtest.Orders {
		build := func(kind string, change func(w *writer), pack func(w *writer) []byte) {
			w := newWriter(o)
			w.fullFeatures()
			w.story()
			change(w)
			s[name+"-"+kind] = pack(w)
		}
		build("file", func(*writer) {}, (*writer).file)
		build("flight", func(w *writer) { w.flags |= flagBackward }, (*writer).file)
		build("pipe", func(*writer) {}, (*writer).pipe)
		build("compressed", func(w *writer) { w.compress(recCompressed, 300) }, (*writer).file)
		build("compressed2-pipe", func(w *writer) { w.compress(recCompressed2, 300) }, (*writer).pipe)
		build("killed", func(*writer) {}, func(w *writer) []byte {
			b := w.file()
			o.PutUint64(b[48:], 0)
			return b
		})
	}
	return s
}

func FuzzNew(f *testing.F) {
	all := seeds()
	eventtest.Corpus(f, "FuzzNew", all)
	f.Fuzz(func(t *testing.T, b []byte) {
		name := []string{"at", "stream", "unknown size"}[len(b)%3] // one of them: speed finds more
		if err := eventtest.Exercise(opens[name], b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// FuzzZstd takes the input for what a recorder compressed.
func FuzzZstd(f *testing.F) {
	w := newWriter(binary.LittleEndian)
	w.story()
	w.compress(recCompressed, 1<<20)
	eventtest.Corpus(f, "FuzzZstd", map[string][]byte{"story": w.records[headerSize:], "empty": nil, "no zstd": []byte("no zstd at all")})
	f.Fuzz(func(t *testing.T, packed []byte) {
		w := newWriter(binary.LittleEndian)
		for len(packed) > 0 {
			n := min(len(packed), 60000)
			w.add(w.Cat(uint32(recCompressed), uint16(0), uint16(headerSize+n), packed[:n]))
			packed = packed[n:]
		}
		w.add(w.sample(idWaking, 0, 0, 10, w.Waking(0, 0, "x", 10, 1)))
		if err := eventtest.Exercise(opens["at"], w.file()); err != nil {
			t.Error(err)
		}
	})
}

// What a pass may allocate in all: see the package comment. The bulk is a
// zstd window for compressed captures.
const (
	plainLimit = 80 << 20
	zstdLimit  = 2*maxWindow + plainLimit
)

func TestMutilated(t *testing.T) {
	for _, f := range goldenFiles(t) {
		b := eventtest.Unpack(t, f)
		t.Run(f, func(t *testing.T) {
			eventtest.Mutilate(t, b, 4096, 25, zstdLimit, opens["at"])
		})
	}
	for name, b := range seeds() {
		t.Run(name, func(t *testing.T) {
			eventtest.Mutilate(t, b, 61, 60, zstdLimit, opens["at"])
			eventtest.Mutilate(t, b, 997, 20, zstdLimit, opens["stream"])
		})
	}
}
