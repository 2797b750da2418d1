// Package recall keeps, while a capture is read, what a second reading would look for after
// interruptions of the recording. Of such a moment the first reading knows only once it is
// past, and the whole of them only in the end.
package recall

import (
	"encoding/binary"
	"iter"
	"sort"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/replay/still"
)

// recent is how many events are remembered in any case, a power of two; maxKept bounds what
// is kept, in bytes, and maxBreaks the breaks.
const (
	recent    = 1 << 13
	maxKept   = 8 << 20
	maxBreaks = 1 << 12
)

// Log remembers what came last, and keeps for each break in a CPU's chain of switches that it
// is told of:
//   - every event from the first that is later than the break's begin, up to the one that
//     showed the break;
//   - of those no later than a span after its end, the switches and wakeups;
//   - of all later ones, each that is the first to name some task.
//
// Of the latter two they are the scheduler's events that a CPU writes itself ([still.Writes]).
// So whoever looks from any moment within the break on for what ran over a span, and for the
// first event of each task, finds the same in what was kept as in the capture. Create it with
// [New].
type Log struct {
	span int64
	ring []record // event number n is at n%recent
	n    int64    // events so far
	gone int64    // the latest time of those that are not in ring any more
	// disorder: some event came before one that was added earlier.
	disorder bool
	// kept are records one after the other, last is the time of the last of them.
	kept   []byte
	last   int64
	full   bool  // there was no room
	end    int64 // the latest end of a break that is kept
	named  parser.ByPID[int32]
	breaks int32 // kept; a task that named has with this number was named since the last
}

// record is what of an event tells where its tasks stand.
type record struct {
	time     int64
	task     who
	next     who
	cur      int32 // a pid
	at       int32 // where in kept it begins, notKept if nowhere
	cpu      int16 // these are NoCPU where no mask can hold them
	from, to int16
	state    parser.State
	kind     parser.Kind
}

type who struct{ pid, prio int32 }

const notKept = -1

// New returns a log that looks for a span in ns beyond each break.
func New(span int64) *Log { return &Log{span: span, gone: parser.NoTime, end: parser.NoTime} }

// Add takes the next event of the capture.
func (l *Log) Add(ev *parser.Event) {
	if l.full {
		return
	}
	if l.ring == nil {
		l.ring = make([]record, recent)
	}
	r := &l.ring[l.n%recent]
	if l.n >= recent {
		l.gone = max(l.gone, r.time)
	}
	l.disorder = l.disorder || l.n > 0 && l.ring[(l.n-1)%recent].time > ev.Time
	r.time, r.kind, r.state, r.at = ev.Time, ev.Kind, ev.State, notKept
	r.task, r.next, r.cur = who{ev.Task.PID, ev.Task.Prio}, who{ev.Next.PID, ev.Next.Prio}, ev.Cur.PID
	r.cpu, r.from, r.to = short(ev.CPU), short(ev.OrigCPU), short(ev.TargetCPU)
	l.n++
	if l.breaks == 0 || r.cpu == parser.NoCPU || r.kind == parser.KindOther || !still.Writes(r.kind) {
		return
	}
	news := l.names(r.task.pid)
	news = l.names(r.next.pid) || news
	news = l.names(r.cur) || news
	if news || r.time <= l.end+l.span && r.runs() {
		l.keep(r)
	}
}

func short(cpu int32) int16 {
	if cpu < 0 || cpu >= cpumask.MaxCPUs {
		return parser.NoCPU
	}
	return int16(cpu)
}

// runs reports an event that tells who runs, or is about to.
func (r *record) runs() bool {
	switch r.kind {
	case parser.KindSwitch, parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		return true
	}
	return false
}

// names reports whether a task is named for the first time since the last break.
func (l *Log) names(pid int32) bool {
	if pid <= 0 || l.named.Get(pid) == l.breaks {
		return false
	}
	l.named.Set(pid, l.breaks)
	return true
}

// Break tells of a break in the chain of a CPU, from a time on up to that of the event added
// last. It reports whether what belongs to it is kept, as far as the others that Break
// reported true of do not tell too: not if it began too many events ago or, as that of a CPU
// that was silent since, before the end of one that is kept.
func (l *Log) Break(from, to int64) bool {
	if l.full || from < l.end || l.gone > from {
		return false
	}
	if l.breaks++; l.breaks > maxBreaks {
		l.fill()
		return false
	}
	i := l.after(from)
	for j := i; j < l.n; j++ { // those that are kept in part are kept anew
		if at := l.ring[j%recent].at; at != notKept {
			l.kept, l.last = append(l.kept[:at], again), 0
			break
		}
	}
	l.end = max(l.end, to)
	for ; i < l.n && !l.full; i++ {
		l.keep(&l.ring[i%recent])
	}
	return !l.full
}

// after is the number of the first event that is remembered and later than a time.
func (l *Log) after(time int64) int64 {
	first := max(0, l.n-recent)
	if !l.disorder {
		return first + int64(sort.Search(int(l.n-first), func(i int) bool { return l.ring[(first+int64(i))%recent].time > time }))
	}
	for first < l.n && l.ring[first%recent].time <= time {
		first++
	}
	return first
}

func (l *Log) fill() { *l = Log{full: true} }

// Whole reports whether there was room for all that was to be kept.
func (l *Log) Whole() bool { return !l.full }

// again stands in kept before a record whose time counts from 0 instead of from that before it.
const again = 0xff

// middle is the priority of most tasks.
const middle = 120

// keep writes a record down.
func (l *Log) keep(r *record) {
	if len(l.kept) > maxKept {
		l.fill()
		return
	}
	r.at = int32(len(l.kept))
	b := append(l.kept, byte(r.kind))
	b = binary.AppendVarint(b, r.time-l.last)
	b = append(b, byte(r.state), byte(r.state>>8))
	for _, n := range [...]int32{r.task.pid, r.task.prio - middle, r.next.pid, r.next.prio - middle, r.cur, int32(r.cpu), int32(r.from), int32(r.to)} {
		b = binary.AppendVarint(b, int64(n))
	}
	l.kept, l.last = b, r.time
}

// All yields what was kept, in order, as far as it tells where tasks stood and what they did:
// the time, the CPUs, the tasks' pids and priorities, and the state in which one left. An
// event is valid until the next.
func (l *Log) All() iter.Seq2[*parser.Event, error] {
	return func(yield func(*parser.Event, error) bool) {
		var ev parser.Event
		b, last := l.kept, int64(0)
		number := func() int64 {
			v, n := binary.Varint(b)
			b = b[n:]
			return v
		}
		for len(b) > 0 {
			kind := b[0]
			if b = b[1:]; kind == again {
				last = 0
				continue
			}
			last += number()
			ev.Renew(parser.Kind(kind), last, parser.NoCPU)
			ev.State = parser.State(b[0]) | parser.State(b[1])<<8
			b = b[2:]
			ev.Task.PID, ev.Task.Prio = int32(number()), int32(number())+middle
			ev.Next.PID, ev.Next.Prio = int32(number()), int32(number())+middle
			ev.Cur.PID = int32(number())
			ev.CPU, ev.OrigCPU, ev.TargetCPU = int32(number()), int32(number()), int32(number())
			if !yield(&ev, nil) {
				return
			}
		}
	}
}
