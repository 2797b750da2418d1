package parser

// maxEarly bounds the damaged places told before the first event of a CPU.
const maxEarly = 1000

// Early keeps the damaged places that come before the first event of a CPU, which gives
// them their time: the first thousand of them. The zero value keeps none.
type Early struct{ list []Event }

// Add keeps one.
func (e *Early) Add(ev Event) {
	if len(e.list) < maxEarly {
		e.list = append(e.list, ev)
	}
}

// AppendTo appends them to a queue with a time in ns, NoTime if no event came, and forgets
// them.
func (e *Early) AppendTo(queue []Event, time int64) []Event {
	for _, ev := range e.list {
		ev.Time = time
		queue = append(queue, ev)
	}
	e.list = nil
	return queue
}
