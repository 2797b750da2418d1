package parser

// Tally counts events by kind. The zero Tally is ready to use.
type Tally [KindDamaged + 1]int64

// Add counts one event.
func (t *Tally) Add(k Kind) {
	if int(k) < len(t) {
		t[k]++
	}
}

// Map returns the kinds of which there is any, in a map of its own.
func (t *Tally) Map() map[Kind]int64 {
	m := make(map[Kind]int64)
	for k, n := range t {
		if n > 0 {
			m[Kind(k)] = n
		}
	}
	return m
}
