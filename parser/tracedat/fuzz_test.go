package tracedat

import (
	"encoding/binary"
	"testing"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

func open(b []byte) (parser.Capture, error) { return New(eventtest.Source("in", b)) }

func openUnsized(b []byte) (parser.Capture, error) {
	src := eventtest.Source("in", b)
	src.Size = -1
	return New(src)
}

func FuzzNew(f *testing.F) {
	eventtest.Corpus(f, "FuzzNew", files(func(*writer) {}))
	f.Fuzz(func(t *testing.T, b []byte) {
		how := open
		if len(b)%2 == 1 {
			how = openUnsized
		}
		if err := eventtest.Exercise(how, b); err != nil {
			t.Error(err)
		}
	})
}

// FuzzPage takes the input for a page of a ring buffer.
func FuzzPage(f *testing.F) {
	w := newWriter(binary.LittleEndian, "none")
	w.story()
	eventtest.Corpus(f, "FuzzPage", map[string][]byte{"story": w.cpus[0][:testPage], "lost": w.cpus[0][testPage : testPage+200]})
	f.Fuzz(func(t *testing.T, page []byte) {
		page = append(page[:min(len(page), testPage)], make([]byte, max(testPage-len(page), 0))...)
		for _, o := range eventtest.Orders {
			w := newWriter(o, "none")
			w.cpus = [][]byte{append(w.page(10, 0, 0, w.event(0, false, w.Waking(1, 0, "a", 2, 1))), page...)}
			if err := eventtest.Exercise(open, w.v6()); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzChunk takes the input for a compressed chunk.
func FuzzChunk(f *testing.F) {
	for _, codec := range []string{"zstd", "zlib"} {
		w := newWriter(binary.LittleEndian, codec)
		w.story()
		eventtest.Corpus(f, "FuzzChunk", map[string][]byte{codec: w.pack(w.cpus[0])})
	}
	f.Fuzz(func(t *testing.T, chunk []byte) {
		for c := range codecZlib + 1 {
			u := unpacker{codec: c}
			out, err := u.unpack(chunk, nil, testPage)
			u.close()
			if err == nil && len(out) != testPage {
				t.Errorf("%d bytes and no error", len(out))
			}
		}
	})
}

// limit is what opening and a pass may allocate in all: a zstd window for
// metadata, one for chunks, chunks and pages.
const limit = 2*maxWindow + 4*maxChunk + 16<<20

func TestMutilated(t *testing.T) {
	for _, f := range goldenFiles(t) {
		b := eventtest.Unpack(t, f)
		t.Run(f, func(t *testing.T) { eventtest.Mutilate(t, b, 4096, 30, limit, open) })
	}
	for name, b := range files(func(*writer) {}) {
		t.Run(name, func(t *testing.T) { eventtest.Mutilate(t, b, 199, 60, limit, open) })
	}
}
