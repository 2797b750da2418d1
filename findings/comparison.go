package findings

// Bounds are what a gate demands of every capture but the first; nil means no
// bound.
type Bounds struct {
	MaxP99 *int64 // ns
	// MaxIntrusions bounds the entries of foreign tasks, see [Entries].
	MaxIntrusions *int64
}
