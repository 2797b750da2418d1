package fleet

// Ended says how the process that should have summed up a capture ended.
type Ended string

// The ways.
const (
	// ByExit: with a status that tells of an error.
	ByExit Ended = "exit"
	// BySignal: killed by something else than a limit.
	BySignal Ended = "signal"
	// ByTimeout and ByMemory: it went beyond a limit.
	ByTimeout Ended = "timeout"
	ByMemory  Ended = "memory"
	// ByStart: it could not be started.
	ByStart Ended = "start"
	// ByNothing: it ended well and left no row set that can be read.
	ByNothing Ended = "no-row-set"
	// ByClash: the same capture was given before with another bundle, and one row set can
	// hold only one of them.
	ByClash Ended = "clash"
)

// DeadLetter is a capture of which there is no summary, and why.
type DeadLetter struct {
	// Path as it was given.
	Path string `json:"path"`
	End  Ended  `json:"end"`
	// Status is the exit status, -1 without one; Signal the signal's name, if any.
	Status int    `json:"status"`
	Signal string `json:"signal"`
	// Line is the last line that the process said of it, on one printable line.
	Line string `json:"line"`
}

// Input is what became of one capture that a fleet was given.
type Input struct {
	// Path as it was given.
	Path string
	// Capture is the SHA-256 of its bytes and Host its host, empty for a dead letter and if
	// not known. Same: another path with the same bytes was summed up instead of this one.
	Capture, Host string
	Same          bool
	// Partial says why it could not be read to its end, empty if it was.
	Partial string
	// Dead is its dead letter, nil if it was summed up.
	Dead *DeadLetter
}

// Outcome is what became of it: done, partial, same, dead.
func (in *Input) Outcome() string {
	switch {
	case in.Dead != nil:
		return "dead"
	case in.Same:
		return "same"
	case in.Partial != "":
		return "partial"
	}
	return "done"
}

// Claim is an input for which there is a row set: of the capture, from inputs with that
// digest.
type Claim struct {
	Path, Capture, Digest string
	Host, Partial         string
}

// Settle decides whose row set of one capture stands: that of the first claim. claims are in
// order of their paths. Others from the same inputs are the same; for those with another
// bundle there is no place.
func Settle(claims []Claim) []Input {
	var out []Input
	for i, c := range claims {
		in := Input{Path: c.Path, Capture: c.Capture, Host: c.Host, Partial: c.Partial, Same: i > 0}
		if c.Digest != claims[0].Digest {
			in = Input{Path: c.Path, Dead: &DeadLetter{Path: c.Path, End: ByClash, Status: -1, Line: claims[0].Path}}
		}
		out = append(out, in)
	}
	return out
}
