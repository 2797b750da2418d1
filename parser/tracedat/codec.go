package tracedat

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"schedreplay/parser"
)

// maxWindow is the largest zstd window accepted. trace-cmd compresses pieces of
// some ten pages and metadata of some megabytes.
const maxWindow = 32 << 20

// codec is the compression of a file.
type codec uint8

const (
	codecNone codec = iota
	codecZstd
	codecZlib
)

func codecOf(name string) (codec, error) {
	switch name {
	case "none", "":
		return codecNone, nil
	case "zstd":
		return codecZstd, nil
	case "zlib":
		return codecZlib, nil
	}
	return 0, fmt.Errorf("%w: compression %.20q", parser.ErrUnsupported, name)
}

// damaged marks an error of a decompressor.
type damaged struct{ r io.Reader }

func (d damaged) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: compressed section: %w", parser.ErrDamaged, err)
	}
	return n, err
}

// reader decompresses a stream; close gives its memory back.
func (c codec) reader(r io.Reader) (io.Reader, func(), error) {
	switch c {
	case codecZstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, nil, fmt.Errorf("%w: compressed section: %w", parser.ErrDamaged, err)
		}
		return damaged{z}, z.Close, nil
	case codecZlib:
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: compressed section: %w", parser.ErrDamaged, err)
		}
		return damaged{z}, func() { _ = z.Close() }, nil
	}
	return nil, nil, fmt.Errorf("%w: a compressed section in a file that names no compression", parser.ErrDamaged)
}

// unpacker decompresses chunks, one after the other.
type unpacker struct {
	codec codec
	zstd  *zstd.Decoder
}

// unpack decompresses src, which must give exactly n bytes, into dst's
// storage.
func (u *unpacker) unpack(src, dst []byte, n int) ([]byte, error) {
	switch u.codec {
	case codecZstd:
		if u.zstd == nil {
			z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(maxChunk), zstd.WithDecoderMaxWindow(maxChunk))
			if err != nil {
				return dst[:0], err
			}
			u.zstd = z
		}
		out, err := u.zstd.DecodeAll(src, dst[:0])
		if err == nil && len(out) != n {
			err = fmt.Errorf("%d bytes came out, %d are due", len(out), n)
		}
		return out, err
	case codecZlib:
		z, err := zlib.NewReader(bytes.NewReader(src))
		if err != nil {
			return dst[:0], err
		}
		buf := bytes.NewBuffer(dst[:0])
		got, err := io.Copy(buf, io.LimitReader(z, int64(n)))
		if err == nil && got != int64(n) {
			err = fmt.Errorf("%d bytes came out, %d are due", got, n)
		}
		return buf.Bytes(), err
	}
	return dst[:0], fmt.Errorf("the file names no compression")
}

func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
}
