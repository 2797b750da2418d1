package parser

import "io"

// Source is an input that can be read more than once: a plain file, a
// decompressed stream, or standard input spooled to a temporary file.
// parser/open makes them; every dialect's New takes one.
type Source struct {
	// Name is the input's name for messages: the path as given, "-" for stdin.
	Name string
	// Open returns the decompressed bytes from the start. The error of a damaged
	// compressed stream comes from Read, after every byte before the damage.
	Open func() (io.ReadCloser, error)
	// At gives random access to the decompressed bytes, nil if there is none.
	// Binary containers whose header lies behind their data need it; open spools
	// compressed ones to a temporary file first.
	At io.ReaderAt
	// Size is the number of decompressed bytes, -1 if not known.
	Size int64
	// Temp is for readers that keep a temporary copy.
	Temp Temp
}
