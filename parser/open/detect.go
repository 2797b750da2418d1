package open

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"schedreplay/parser"
	"schedreplay/parser/babeltrace"
	"schedreplay/parser/ftrace"
	"schedreplay/parser/perfdata"
	"schedreplay/parser/perfetto"
	"schedreplay/parser/perfscript"
	"schedreplay/parser/text"
	"schedreplay/parser/timehist"
	"schedreplay/parser/tracedat"
)

// reader is one dialect's room. Looks is nil for binary dialects, which are known by
// their magic, or by how they begin.
type reader struct {
	dialect parser.Dialect
	open    func(parser.Source) (parser.Capture, error)
	looks   func(line []byte) bool
	magic   []string
	begins  func(head []byte) bool
}

// readers are the dialects in the order in which equal votes count.
var readers = []reader{
	{dialect: parser.DialectPerfData, open: perfdata.New, magic: []string{"PERFILE2", "2ELIFREP", "PERFFILE"}},
	{dialect: parser.DialectTraceDat, open: tracedat.New, magic: []string{"\x17\x08\x44tracing"}},
	{dialect: parser.DialectPerfetto, open: perfetto.New, begins: perfetto.Looks},
	{dialect: parser.DialectFtrace, open: ftrace.New, looks: ftrace.Looks},
	{dialect: parser.DialectPerf, open: perfscript.New, looks: perfscript.Looks},
	{dialect: parser.DialectBabeltrace, open: babeltrace.New, looks: babeltrace.Looks},
	{dialect: parser.DialectTimehist, open: timehist.New, looks: timehist.Looks},
}

// detection is what an input turned out to be.
type detection struct {
	open       func(parser.Source) (parser.Capture, error)
	confidence string
	binary     bool
	// src is the text without what it was wrapped in, notes say in what.
	src   parser.Source
	notes []string
}

// detect finds the dialect of src: magic bytes first, then the header lines
// that tools print, then a vote over the first lines.
func detect(src parser.Source) (detection, error) {
	first, err := firstBytes(src)
	if err != nil {
		return detection{}, err
	}
	for _, r := range readers {
		for _, m := range r.magic {
			if bytes.HasPrefix(first, []byte(m)) {
				return detection{open: r.open, confidence: "magic bytes", binary: true, src: src}, nil
			}
		}
		if r.begins != nil && r.begins(first) {
			return detection{open: r.open, confidence: "its first packets", binary: true, src: src}, nil
		}
	}
	if err := notText(src.Name, first); err != nil {
		return detection{}, err
	}
	d, err := detectText(src, isHTML(first))
	if err != nil && bytes.IndexByte(first, 0) >= 0 {
		err = refuse(src.Name, remedy, "%w: it is binary data of no known kind", parser.ErrFormat)
	}
	return d, err
}

// detectText finds the dialect of a text, which may be wrapped in another.
func detectText(src parser.Source, isHTML bool) (detection, error) {
	var notes []string
	if isHTML {
		src = filtered(src, func() lineFilter { return &htmlFilter{} })
		notes = append(notes, "The trace was taken out of a web page.")
	}
	head, err := text.ReadHead(src)
	if err == nil && isQuotedPrintable(head.Lines) {
		src = filtered(src, func() lineFilter { return &printableFilter{} })
		notes = append(notes, "The text is quoted-printable, as mail is: it was decoded.")
		head, err = text.ReadHead(src)
	}
	if err != nil {
		return detection{}, readError(src.Name, err)
	}
	d, looks, err := vote(src.Name, head.Lines)
	if err != nil && isHTML {
		err = refuse(src.Name, remedy, "%w: it is a web page without the text of an ftrace buffer", parser.ErrFormat)
	}
	if err == nil && isWrapped(head.Lines, looks) {
		src = filtered(src, func() lineFilter { return &joinFilter{shape: head.Shape, looks: looks} })
		notes = append(notes, "The lines were wrapped, as by a mail program: they were joined.")
	}
	d.src, d.notes = src, notes
	return d, err
}

// vote finds the dialect of text by its lines, and how its lines look.
func vote(name string, lines [][]byte) (d detection, looks func([]byte) bool, err error) {
	votes := make([]int, len(readers))
	total, best := 0, -1
	for _, line := range lines {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		for i, r := range readers {
			if r.looks != nil && r.looks(line) {
				votes[i]++
				if best < 0 || votes[i] > votes[best] {
					best = i
				}
			}
		}
		// Headers say what they say once.
		if line[0] != '#' {
			total++
		}
	}
	if best >= 0 {
		total = max(total, votes[best])
	}
	if best < 0 {
		return detection{}, nil, refuse(name, remedy, "%w: none of the first %d lines looks like a scheduler event", parser.ErrFormat, total)
	}
	return detection{
		open:       readers[best].open,
		confidence: fmt.Sprintf("%d of %d lines", votes[best], total),
	}, readers[best].looks, nil
}

const remedy = "give perf.data, trace.dat, a Perfetto trace, or the text of tracefs/trace, trace-cmd report, perf script, perf sched timehist or babeltrace2"

// firstBytes reads the beginning of src.
func firstBytes(src parser.Source) ([]byte, error) {
	r, err := src.Open()
	if err != nil {
		return nil, readError(src.Name, err)
	}
	defer r.Close()
	b := make([]byte, 4096)
	n, err := io.ReadFull(r, b)
	switch {
	case n > 0:
		return b[:n], nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, errEmpty(src.Name)
	}
	return nil, readError(src.Name, err)
}

// foreign are files of other kinds, by how they begin.
var foreign = []struct{ magic, is, remedy string }{
	{"\x7fELF", "a program", remedy},
	{"\xff\xfe", "text in UTF-16", fromUTF16},
	{"\xfe\xff", "text in UTF-16", fromUTF16},
	{"PK\x03\x04", "a zip archive", "unpack it"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"},
	{"BZh9", "compressed with bzip2", "decompress it"},
	{"\x04\x22\x4d\x18", "compressed with lz4", "decompress it"},
	{"\xc1\x1f\xfc\xc1", "a stream of a CTF trace", fromCTF},
	{"\xc1\xfc\x1f\xc1", "a stream of a CTF trace", fromCTF},
}

const (
	fromUTF16 = "convert it with `iconv -f UTF-16 -t UTF-8`"
	fromCTF   = "give the text that babeltrace2 makes of its folder"
)

// notText explains inputs that are no text and no capture.
func notText(name string, b []byte) error {
	switch {
	case codecOf(b) != nil:
		return refuse(name, "decompress it once", "%w: it is compressed twice", parser.ErrFormat)
	case len(b) > 262 && string(b[257:262]) == "ustar":
		return refuse(name, "give the capture itself; a host bundle goes to --host", "%w: %w", parser.ErrFormat, errTar)
	}
	for _, f := range foreign {
		if bytes.HasPrefix(b, []byte(f.magic)) {
			return refuse(name, f.remedy, "%w: it is %s", parser.ErrFormat, f.is)
		}
	}
	return nil
}
