package text

// maxNames bounds the names kept; a capture with more starts over, which costs
// memory for repeated names and nothing else.
const maxNames = 1 << 16

// Names keeps one string for each distinct name, so that a million events of
// ten tasks do not hold a million strings. The zero Names is ready to use.
type Names struct{ m map[string]string }

// Get returns b as a string.
func (n *Names) Get(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := n.m[string(b)]; ok {
		return s
	}
	if n.m == nil || len(n.m) >= maxNames {
		n.m = make(map[string]string)
	}
	s := string(b)
	n.m[s] = s
	return s
}
