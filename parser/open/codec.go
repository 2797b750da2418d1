package open

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"

	"schedreplay/parser"
)

// maxWindow bounds the memory that a compressed stream can make its decoder
// take: the window of zstd -19 --long=27 and the dictionary of xz -9e fit.
const maxWindow = 128 << 20

// codec is a compression format.
type codec struct {
	name  string
	magic string
	open  func(io.Reader) (io.ReadCloser, error)
}

var codecs = []codec{
	{"gzip", "\x1f\x8b", openGzip},
	{"zstd", "\x28\xb5\x2f\xfd", openZstd},
	{"xz", "\xfd7zXZ\x00", openXZ},
}

// codecOf finds the codec of a stream by its first bytes, nil if it is not
// compressed.
func codecOf(magic []byte) *codec {
	if i := slices.IndexFunc(codecs, func(c codec) bool { return bytes.HasPrefix(magic, []byte(c.magic)) }); i >= 0 {
		return &codecs[i]
	}
	return nil
}

// codecReader translates a decoder's errors into the sentinels of package
// parser.
type codecReader struct {
	name  string
	r     io.Reader
	close func()
	err   error
}

func (c *codecReader) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	if err != nil {
		c.err = codecError(c.name, err)
	}
	return n, c.err
}

func (c *codecReader) Close() error {
	if c.close != nil {
		c.close()
		c.close = nil
	}
	return nil
}

func codecError(name string, err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the %s data ends early", parser.ErrTruncated, name)
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, parser.ErrLimit):
		return fmt.Errorf("%s: %w", name, err)
	case errors.Is(err, xz.ErrBuf): // the end came where more was due
		return fmt.Errorf("%w: the %s data ends early", parser.ErrTruncated, name)
	case errors.Is(err, xz.ErrMemlimit),
		errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: the %s data needs more than %d MiB to decompress", parser.ErrLimit, name, maxWindow>>20)
	}
	return fmt.Errorf("%w: %s: %w", parser.ErrDamaged, name, err)
}

func openGzip(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	z, err := gzip.NewReader(br)
	if err != nil {
		return nil, codecError("gzip", noEOF(err))
	}
	z.Multistream(false)
	return &codecReader{name: "gzip", r: &gzipMembers{z: z, br: br}}, nil
}

// gzipMembers reads the members of a gzip file one after another and, like
// gzip itself, takes zeros behind the last one for padding.
type gzipMembers struct {
	z  *gzip.Reader
	br *bufio.Reader
}

func (g *gzipMembers) Read(p []byte) (int, error) {
	for {
		n, err := g.z.Read(p)
		if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

func (g *gzipMembers) next() error {
	for {
		b, err := g.br.Peek(1)
		if err != nil {
			return err
		}
		if b[0] != 0 {
			break
		}
		g.br.Discard(1)
	}
	if b, _ := g.br.Peek(2); codecOf(b) == nil && len(b) == 2 {
		return errors.New("garbage behind the end of the data")
	}
	if err := g.z.Reset(g.br); err != nil {
		return noEOF(err)
	}
	g.z.Multistream(false)
	return nil
}

// noEOF turns the end of the input inside a header into what it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func openZstd(r io.Reader) (io.ReadCloser, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, codecError("zstd", noEOF(err))
	}
	return &codecReader{name: "zstd", r: d, close: d.Close}, nil
}

func openXZ(r io.Reader) (io.ReadCloser, error) {
	z, err := xz.NewReader(bufio.NewReaderSize(r, 64<<10), maxWindow)
	if err != nil {
		return nil, codecError("xz", noEOF(err))
	}
	return &codecReader{name: "xz", r: z}, nil
}
