package perfdata

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// maxWindow is the largest zstd window accepted: that of level 22.
const maxWindow = 128 << 20

// The bound on the decompressed records of a stream.
const (
	expandBase  = 64 << 20
	expandRatio = 256
)

// Place is where a record lies: in the file, or among the records that came out
// of compressed ones, which are counted from 0 for each stream.
type Place struct {
	Off    int64
	Packed bool
}

// Visitor gets what a stream of records holds, in the order in which it lies. An
// error ends the walk.
type Visitor interface {
	// Record gets a record, valid during the call.
	Record(rec []byte, at Place) error
	// Attached gets a record with data behind it that its size does not count,
	// TRACING_DATA or AUXTRACE. It also gets a COMPRESSED one, with data nil: what came
	// out of it follows.
	Attached(rec []byte, at Place, data io.Reader) error
	// Unpacked gets decompressed bytes before the records in them.
	Unpacked(b []byte) error
	// Damage gets the place of n bytes in which no record begins.
	Damage(at Place, n int64, err error)
	// Stop gets where the stream ended early, and why: [parser.ErrTruncated],
	// [parser.ErrDamaged] or [parser.ErrLimit].
	Stop(off int64, err error)
}

// stream is a walk over records. Compressed ones are pieces of one zstd stream.
type stream struct {
	order tep.Order
	types *Types
	v     Visitor

	walk    *walker
	payload []byte // compressed bytes not yet decompressed
	packed  int64  // compressed bytes met
}

// walkStream walks the stream r, which begins at offset off of its file, and
// returns where the walk ended. types, which the visitor fills, tells what a
// record looks like where the walk must find the next one.
func walkStream(r io.Reader, off int64, o tep.Order, types *Types, v Visitor) (int64, error) {
	s := &stream{order: o, types: types, v: v, walk: newWalker(r, o, off)}
	err := s.advance()
	if err == nil && s.payload != nil {
		err = s.decompress()
		// A broken zstd stream leaves plain records behind it.
		for more := true; more && err == nil; more = s.payload != nil {
			s.payload = nil
			err = s.advance()
		}
	}
	return s.walk.off, err
}

// advance handles records up to the next compressed piece, which it leaves in
// payload, or to the end.
func (s *stream) advance() error {
	for {
		rec, off, err := s.walk.next()
		switch {
		case err == io.EOF:
			return nil
		case err == errFraming:
			if s.lost(s.walk, Place{Off: off}) {
				return nil
			}
			continue
		case err != nil:
			s.v.Stop(off, err)
			s.walk.advance(s.walk.hi - s.walk.lo)
			return nil
		}
		switch s.order.Uint32(rec) {
		case recCompressed:
			return s.piece(rec, off, rec[headerSize:])
		case recCompressed2:
			// The stated size leaves out the padding. Where it makes no sense
			// the padding is decompressed too: zstd refuses it.
			data := rec[headerSize:]
			if len(data) < 8 {
				s.v.Damage(Place{Off: off}, int64(len(rec)), fmt.Errorf("compressed record of %d bytes", len(rec)))
				continue
			}
			n := s.order.Uint64(data)
			if data = data[8:]; n <= uint64(len(data)) {
				data = data[:n]
			}
			return s.piece(rec, off, data)
		case recTracingData, recAuxtrace:
			err = s.attached(rec, off)
		default:
			err = s.v.Record(rec, Place{Off: off})
		}
		if err != nil {
			return err
		}
	}
}

func (s *stream) piece(rec []byte, off int64, data []byte) error {
	s.payload = append(s.payload[:0], data...)
	if s.payload == nil {
		s.payload = []byte{}
	}
	s.packed += int64(len(data))
	return s.v.Attached(rec, Place{Off: off}, nil)
}

// attached handles the two records with data behind them that their size does
// not count.
func (s *stream) attached(rec []byte, off int64) error {
	name := recordName(s.order.Uint32(rec))
	bad := func(format string, args ...any) error {
		s.v.Damage(Place{Off: off}, int64(len(rec)), fmt.Errorf(format, args...))
		return nil
	}
	var size uint64
	if s.order.Uint32(rec) == recAuxtrace {
		if len(rec) < sizeofAuxtraceRec {
			return bad("%s record of %d bytes", name, len(rec))
		}
		if size = s.order.Uint64(rec[8:]); size > 1<<62 {
			return bad("%s states %d bytes", name, size)
		}
	} else {
		if len(rec) < headerSize+4 {
			return bad("%s record of %d bytes", name, len(rec))
		}
		size = (uint64(s.order.Uint32(rec[8:])) + alignTracingData - 1) &^ (alignTracingData - 1)
	}
	end := s.walk.off + int64(size)
	head := append([]byte(nil), rec...)
	r := io.LimitReader(readerFunc(func(p []byte) (int, error) {
		b := s.walk.fill(1)
		if len(b) == 0 {
			return 0, s.walk.rerr
		}
		n := copy(p, b)
		s.walk.advance(n)
		return n, nil
	}), int64(size))
	if err := s.v.Attached(head, Place{Off: off}, r); err != nil {
		return err
	}
	if left := end - s.walk.off; s.walk.skip(left) < left {
		s.v.Stop(s.walk.off, fmt.Errorf("%w: it ends inside %s data", parser.ErrTruncated, name))
	}
	return nil
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// lost handles a place where no record begins: it looks for the next one, and
// reports true if there is none.
func (s *stream) lost(w *walker, at Place) (done bool) {
	if len(s.types.attrs) > 0 {
		_ = s.types.settle() // told again by who asks
	}
	n, found := w.resync(s.plausible)
	s.v.Damage(at, n, fmt.Errorf("%d bytes that are no records", n))
	if !found {
		s.v.Stop(at.Off, fmt.Errorf("%w: no record begins in the last %d bytes", parser.ErrDamaged, n))
	}
	return !found
}

// plausible reports whether a record is one that could stand in this capture.
func (s *stream) plausible(rec []byte) bool {
	typ := s.order.Uint32(rec)
	switch {
	case typ == recSample:
		if s.types.id < 0 {
			return len(s.types.attrs) > 0 && len(rec) >= s.types.attrs[0].variable
		}
		return len(rec) >= s.types.id+8 && s.types.known(s.order.Uint64(rec[s.types.id:]))
	case typ == 0 || typ > lastPerfRecord || typ > lastKernelRecord && typ < firstPerfRecord:
		return false
	}
	return typ >= firstPerfRecord || len(rec)%8 == 0
}

// decompress runs all compressed pieces through one decoder, for the recorder
// never ends its zstd stream, and handles the records that come out.
func (s *stream) decompress() error {
	var walkErr, zerr error // of the records around the pieces; of the pieces
	pieces := readerFunc(func(p []byte) (int, error) {
		for len(s.payload) == 0 {
			if s.payload = nil; walkErr == nil {
				walkErr = s.advance()
			}
			if s.payload == nil || walkErr != nil {
				return 0, io.EOF
			}
		}
		n := copy(p, s.payload)
		s.payload = s.payload[n:]
		return n, nil
	})
	z, err := zstd.NewReader(pieces, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return fmt.Errorf("cannot decompress: %w", err)
	}
	defer z.Close()
	plain := int64(0)
	w := newWalker(readerFunc(func(p []byte) (int, error) {
		n, err := z.Read(p)
		if plain += int64(n); plain > expandBase+expandRatio*s.packed {
			zerr = fmt.Errorf("%w: the records decompress to more than %d bytes", parser.ErrLimit, expandBase+expandRatio*s.packed)
			return 0, zerr
		}
		if n > 0 {
			if uerr := s.v.Unpacked(p[:n]); uerr != nil {
				zerr = uerr
				return 0, uerr
			}
		}
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			zerr = fmt.Errorf("%w: compressed records: %w", parser.ErrDamaged, err)
		}
		return n, err
	}), s.order, 0)
	for {
		rec, off, err := w.next()
		at := Place{off, true}
		if err == errFraming {
			if s.lost(w, at) {
				return walkErr
			}
			continue
		}
		if err == nil {
			if err := s.v.Record(rec, at); err != nil {
				return err
			}
			continue
		}
		switch {
		case walkErr != nil:
		case zerr != nil && !errors.Is(zerr, parser.ErrDamaged) && !errors.Is(zerr, parser.ErrLimit):
			return zerr // the disk is full
		case zerr != nil:
			s.v.Damage(Place{Off: s.walk.off}, 0, zerr)
			s.v.Stop(s.walk.off, zerr)
		case w.hi > w.lo:
			s.v.Stop(s.walk.off, fmt.Errorf("%w: the compressed records end %d bytes into a record", parser.ErrTruncated, w.hi-w.lo))
		}
		return walkErr
	}
}
