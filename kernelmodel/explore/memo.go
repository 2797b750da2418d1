package explore

import "schedreplay/fact"

// Memo keeps what some code asked and where it came to, so that a run in which it gets the
// same answers as in one before need not run it again. It is of one code and of known answers
// that stay as they are; [Memo.Forget] begins anew.
type Memo struct {
	asked []question
	// next gives what comes after each option of each question: 0 is not known, n > 0 question
	// number n and n < 0 end number -n, from 1 on. The first is what the code begins with.
	next []int32
	ends []fact.Provenance // what the code leaned on until there
	// way is how run number run went, as far as was known of it.
	way []passed
	run uint64
}

// passed is an option that a run took, in Memo.next, and how many choices it had made with it.
type passed struct {
	option  int32
	choices int
}

// question is an open question as the code asked it.
type question struct {
	key   uint64
	next  int32 // its first option in Memo.next
	n     int32 // options there are of Pick, 0 of one of yes or no
	pref  bool
	doubt uint8
	// Of AtLeast, the key being the number's: what is known of that, and what was asked.
	number bool
	known  Range
	odds   Odds
	v      int64
}

// Forget begins anew.
func (m *Memo) Forget() {
	m.asked, m.next, m.ends, m.way = m.asked[:0], append(m.next[:0], 0), m.ends[:0], m.way[:0]
}

// Recall goes on with the present run to where the code leads to, and runs that only if its
// answers led nowhere yet. It returns the number of that end, which run is told, from 0 on in
// the order in which they were met. While the code runs it leans on nothing yet.
func (x *Explorer) Recall(m *Memo, run func(end int)) int {
	at := m.next[m.goOn(x)]
	for at > 0 {
		q := &m.asked[at-1]
		option := q.next + x.answer(q)
		m.way = append(m.way, passed{option, len(x.choices)})
		at = m.next[option]
	}
	if at < 0 {
		x.Lean(m.ends[-at-1])
		return int(-at - 1)
	}
	end, before := len(m.ends), x.weakest
	x.memo, x.at, x.weakest = m, 0, fact.Observed
	run(end)
	m.ends = append(m.ends, x.weakest)
	m.next[x.at] = int32(-end - 1)
	x.memo = nil
	x.Lean(before)
	return end
}

// goOn is the option to which the present run goes the way of the one before, 0 if none: so far
// its choices are the same.
func (m *Memo) goOn(x *Explorer) (option int32) {
	n := 0
	for m.run+1 == x.run && n < len(m.way) && m.way[n].choices <= x.kept {
		option = m.way[n].option
		n++
	}
	m.way, m.run = m.way[:n], x.run
	return option
}

// answer is the option that the present run takes of a question: of one of yes or no 1 is yes.
func (x *Explorer) answer(q *question) int32 {
	switch {
	case q.number:
		yes, _ := x.atLeast(q.key, q.known, q.odds, q.v)
		return bit(yes)
	case q.n > 0:
		return x.find(q.key, q.n, false, 0).idx
	}
	return bit(x.find(q.key, 2, q.pref, q.doubt).yes())
}

// learn goes on in the memo with the option taken of a question of n, and returns that to be
// written down if it is new, else nil.
func (x *Explorer) learn(option, n int32) (q *question) {
	m := x.memo
	if m.next[x.at] == 0 {
		m.asked = append(m.asked, question{next: int32(len(m.next))})
		q = &m.asked[len(m.asked)-1]
		m.next[x.at] = int32(len(m.asked))
		for range n {
			m.next = append(m.next, 0)
		}
	}
	x.at = m.asked[m.next[x.at]-1].next + option
	return q
}

func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
