package findings

import "schedreplay/replay"

// MaxSamples bounds the captures of one comparison.
const MaxSamples = 8

func Judged(f replay.Fidelity) int64 { return f.Decisions - f.Unjudged }

// Bounds are what a gate demands of every capture but the first; nil means no
// bound.
type Bounds struct {
	MaxP99 *int64 // ns
	// MaxIntrusions bounds the foreign tasks' arrivals on isolated CPUs.
	MaxIntrusions *int64
}
