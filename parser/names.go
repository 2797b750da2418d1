package parser

// maxNames bounds the intern table. A name met when it is full starts a new
// table: names already handed out stay valid.
const maxNames = 1 << 16

// Names interns the names of tasks, so that a million events of a hundred
// tasks hold a hundred strings. The zero Names is ready to use; it is not safe
// for concurrent use.
type Names struct{ m map[string]string }

// Intern returns b as a string.
func (n *Names) Intern(b []byte) string {
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
