package perfdata

import (
	"fmt"
	"io"
	"math"
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// File is what stands around the records of a perf.data file, or before those
// of a stream that perf record wrote to a pipe.
type File struct {
	Order tep.Order
	// Pipe: everything but the head is a record.
	Pipe bool
	// Header is the file's head, 104 bytes, or the stream's, 16.
	Header []byte
	// Attrs are the event types as written.
	Attrs []RawAttr
	// DataOff and DataSize place the records; the size is 0 if the recorder was
	// killed.
	DataOff, DataSize int64
	// Features are the sections behind the data, in order of their bits.
	Features []Feature
	// FeaturesEnd says why not all features could be found: [parser.ErrTruncated].
	// It wraps nothing else.
	FeaturesEnd error

	at io.ReaderAt
}

// RawAttr is an event type: a struct perf_event_attr, and its ids, 8 bytes each.
type RawAttr struct{ Attr, IDs []byte }

// Feature is a section behind the data.
type Feature struct {
	Bit       int
	Off, Size uint64
}

// ReadFile reads what stands around the records. Its errors are those of [New].
func ReadFile(src parser.Source) (*File, error) {
	r, err := src.Open()
	if err != nil {
		return nil, fmt.Errorf("cannot open: %w", err)
	}
	defer r.Close()
	return readHead(src, r)
}

// Walk tells a visitor of the records. types must hold those of the file, or
// be filled by the visitor. r is what [parser.Source.Open] returns.
func (f *File) Walk(r io.Reader, types *Types, v Visitor) error {
	if f.Pipe {
		if _, err := io.CopyN(io.Discard, r, pipeHeader); err != nil {
			return err
		}
		_, err := walkStream(r, pipeHeader, f.Order, types, v)
		return err
	}
	_, err := walkStream(io.NewSectionReader(f.at, f.DataOff, f.DataSize), f.DataOff, f.Order, types, v)
	return err
}

// Section returns the bytes of a feature, at most limit of them.
func (f *File) Section(s Feature, limit int64) io.Reader {
	return io.LimitReader(io.NewSectionReader(f.at, int64(s.Off), int64(s.Size)), limit)
}

// readHead reads the head from r; of a file also the event types and the table
// of features.
func readHead(src parser.Source, r io.Reader) (*File, error) {
	fail := func(off int64, remedy string, cause error) (*File, error) {
		return nil, &parser.Error{File: src.Name, Format: formatName, Offset: off, Err: cause, Remedy: remedy}
	}
	f := &File{Header: make([]byte, pipeHeader), at: src.At}
	n, err := io.ReadFull(r, f.Header)
	switch magic := string(f.Header[:min(n, 8)]); {
	case magic == magicLittle:
		f.Order = tep.Little
	case magic == magicBig:
		f.Order = tep.Big
	case magic == magicV1:
		return fail(0, "record again with a perf from this decade", fmt.Errorf("%w: version 1 of the perf.data format", parser.ErrUnsupported))
	case n < 8 && (strings.HasPrefix(magicLittle, magic) || strings.HasPrefix(magicBig, magic)):
		return fail(int64(n), remedyCopy, fmt.Errorf("%w: it ends inside the file header", parser.ErrTruncated))
	default:
		return fail(0, "", fmt.Errorf("%w: it begins %q", parser.ErrFormat, magic))
	}
	if err != nil {
		return fail(int64(n), remedyCopy, fmt.Errorf("%w: it ends inside the file header", parser.ErrTruncated))
	}
	o := f.Order
	if f.Pipe = o.Uint64(f.Header[8:]) == pipeHeader; f.Pipe {
		return f, nil
	}
	if src.At == nil {
		return fail(-1, "give it as a file", fmt.Errorf("%w: a perf.data file cannot be read as a stream", parser.ErrUnsupported))
	}
	head := make([]byte, fileHeader)
	if n, err := src.At.ReadAt(head, 0); n < fileHeader {
		return fail(int64(n), remedyCopy, fmt.Errorf("%w: it ends inside the file header: %w", parser.ErrTruncated, err))
	}
	f.Header = head
	if size := o.Uint64(head[8:]); size != fileHeader {
		return fail(8, "", fmt.Errorf("%w: file header of %d bytes", parser.ErrDamaged, size))
	}
	stride := o.Uint64(head[16:])
	attrs, data := sectionOf(o, head[24:]), sectionOf(o, head[40:])
	if stride < attrSizeV0+16 || stride > maxAttrStride || attrs.size > stride*maxAttrs || attrs.off > math.MaxInt64-attrs.size {
		return fail(16, "", fmt.Errorf("%w: %d bytes of event types at offset %d, %d bytes each", parser.ErrDamaged, attrs.size, attrs.off, stride))
	}
	if data.off < fileHeader || data.off > math.MaxInt64 || data.size > math.MaxInt64-data.off {
		return fail(40, "", fmt.Errorf("%w: data of %d bytes at offset %d", parser.ErrDamaged, data.size, data.off))
	}
	f.DataOff, f.DataSize = int64(data.off), int64(data.size)
	for i := range attrs.size / stride {
		off := int64(attrs.off + i*stride)
		b := make([]byte, stride)
		if n, err := src.At.ReadAt(b, off); n < len(b) {
			return fail(off, remedyCopy, fmt.Errorf("%w: it ends inside the event types: %w", parser.ErrTruncated, err))
		}
		// The attribute grows with every kernel; ours is a prefix. The last 16
		// bytes place its ids.
		ids := sectionOf(o, b[len(b)-16:])
		if ids.size > 8*maxIDs || ids.off > math.MaxInt64-ids.size {
			return fail(off, "", fmt.Errorf("%w: %d bytes of event ids", parser.ErrDamaged, ids.size))
		}
		list, err := readUpTo(src.At, int64(ids.off), int64(ids.size))
		if uint64(len(list)) < ids.size {
			return fail(int64(ids.off), remedyCopy, fmt.Errorf("%w: it ends inside the event ids: %w", parser.ErrTruncated, err))
		}
		f.Attrs = append(f.Attrs, RawAttr{b[:len(b)-16], list})
	}
	f.readTable(src)
	return f, nil
}

// readTable reads the table of features, which stands behind the data.
func (f *File) readTable(src parser.Source) {
	at := f.DataOff + f.DataSize
	if f.DataSize == 0 || src.Size >= 0 && src.Size < at {
		f.FeaturesEnd = fmt.Errorf("%w: the features lie behind its end", parser.ErrTruncated)
		return
	}
	var bitmap [4]uint64
	for i := range bitmap {
		bitmap[i] = f.Order.Uint64(f.Header[72+8*i:])
	}
	// perf on a 32-bit big-endian machine writes the bitmap in 32-bit words.
	if bitmap[0]&(1<<featHostname) == 0 && bitmap[0]>>32&(1<<featHostname) != 0 {
		for i, w := range bitmap {
			bitmap[i] = w<<32 | w>>32
		}
	}
	b := make([]byte, 16)
	for bit := range featLast {
		if bitmap[bit/64]>>(bit%64)&1 == 0 {
			continue
		}
		if n, _ := src.At.ReadAt(b, at); n < len(b) {
			f.FeaturesEnd = fmt.Errorf("%w: it ends inside the table of features", parser.ErrTruncated)
			return
		}
		sec := sectionOf(f.Order, b)
		f.Features = append(f.Features, Feature{bit, sec.off, sec.size})
		at += int64(len(b))
	}
}

// section is an {offset, size} pair.
type section struct{ off, size uint64 }

func sectionOf(o tep.Order, b []byte) section { return section{o.Uint64(b), o.Uint64(b[8:])} }
