package open

import "schedreplay/parser"

// Source returns the capture's own bytes, decompressed, for those who copy it.
// They are valid until Close. A folder of perf record --threads has several
// files; the Source of one is empty, its Open nil.
func (in *Input) Source() parser.Source { return in.src }
