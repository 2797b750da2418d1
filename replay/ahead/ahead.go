// Package ahead looks ahead: it hands out the events of a pass, each waking with what became of
// it.
package ahead

import (
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay/timeline"
)

// Outcome is what the recording says became of one waking.
type Outcome struct {
	// CPU is the CPU chosen, NoCPU if the recording does not show it.
	CPU  int32
	From fact.Provenance
	// Upper is a time by which the selection was over: that of the next event on
	// the waker's CPU, which runs try_to_wake_up with interrupts off, or of the
	// wakee's own next event. NoTime if neither was seen.
	Upper int64
	// Own: the event at Upper is the wakee's own, so that the selection ended
	// just before it.
	Own bool
	// migrated: the selection itself emitted sched_migrate_task.
	migrated bool
	// pid is the wakee, prev its CPU before.
	pid, prev int32
	// Done: nothing more will be learned.
	Done bool
	// Ran, for a rehearsal, is the CPU that the wakee ran on next, or was taken from by
	// the load balancer, NoCPU if neither is recorded; awaits says that it is still to
	// come.
	Ran    int32
	awaits bool
	// Delayed: a slice's sch delay stands in for the wakeup, which is not recorded
	// itself.
	Delayed bool
	// move: a sched_migrate_task taken for the beginning of a selection, for want
	// of sched_waking; woken says that it was one.
	move, woken bool
}

// Lookahead delays events until it is known what became of every waking among
// them, so that whoever comes next sees the recorded choice together with the
// waking. The delay is bounded in events and in time; what is not resolved by
// then stays unknown.
type Lookahead struct {
	survey *timeline.Survey
	emit   func(*parser.Event, *Outcome) error
	// charges: sched_stat_runtime is wanted.
	charges bool
	// slicesAlone is the survey's: a slice's sch delay stands in for the wakeup.
	slicesAlone bool
	// Blind, for a rehearsal: what selections left of themselves, sched_wakeup and their
	// own sched_migrate_task, is told of their outcomes only.
	Blind bool
	// Most bounds the events held; the replay behind a rehearsal waits for no more.
	Most int
	// owner is the waking of which the event last observed is the sched_migrate_task.
	owner *Outcome
	spare []Outcome // made together, to be used next

	queue heldQueue
	byCPU []*Outcome             // open waking whose CPU has recorded nothing since, nil if there is none
	byPID parser.ByPID[*Outcome] // open waking by wakee
	moved map[int32]*Outcome     // without sched_waking: open move by task
	runs  parser.ByPID[*Outcome] // blind: waking that the wakee's next run answers
}

type held struct {
	ev  parser.Event
	out *Outcome
}

// heldQueue is a queue in blocks that are used again, so that it has no more memory than
// the most it held, and what is in it stays where it is.
type heldQueue struct {
	blocks     []*[heldBlock]held
	head, tail int // the first of the queue and that after its last, counted over the blocks
}

const heldBlock = 128

func (q *heldQueue) len() int { return q.tail - q.head }

func (q *heldQueue) at(i int) *held { return &q.blocks[i/heldBlock][i%heldBlock] }

// push returns what it puts at the end.
func (q *heldQueue) push(ev *parser.Event, out *Outcome) *held {
	if q.tail == len(q.blocks)*heldBlock {
		q.blocks = append(q.blocks, new([heldBlock]held))
	}
	h := q.at(q.tail)
	h.ev, h.out = *ev, out
	q.tail++
	return h
}

// pop returns the first, valid until the next push.
func (q *heldQueue) pop() *held {
	h := q.at(q.head)
	if q.head++; q.head == heldBlock {
		first := q.blocks[0]
		copy(q.blocks, q.blocks[1:])
		q.blocks[len(q.blocks)-1] = first
		q.head, q.tail = 0, q.tail-heldBlock
	}
	return h
}

// The bounds of the look-ahead.
const (
	maxHeld   = 65_536
	maxHeldNS = 2_000_000_000
)

// New makes a look-ahead that hands events on to emit, sched_stat_runtime only if charges are
// wanted.
func New(s *timeline.Survey, charges bool, emit func(*parser.Event, *Outcome) error) *Lookahead {
	return &Lookahead{survey: s, charges: charges, slicesAlone: s.SlicesAlone(), emit: emit, Most: maxHeld, moved: map[int32]*Outcome{}}
}

// Push takes the next event of the capture.
func (l *Lookahead) Push(ev *parser.Event) error {
	own := l.observe(ev)
	if l.Blind {
		if own || ev.Kind == parser.KindWakeup {
			l.queue.push(ev, nil).ev.Kind = parser.KindOther // its CPU runs, is all that is told
			return l.flush(ev.Time)
		}
		l.answer(ev)
	}
	selected := !l.survey.HasWaking && l.settleMove(ev)
	if ev.Kind == parser.KindStatRuntime && !l.charges {
		return nil // it bounds selections, and the replay has no other use for it
	}
	var out *Outcome
	switch ev.Kind {
	case parser.KindWaking:
		out = l.open(ev, ev.TargetCPU)
	case parser.KindWakeup:
		if !l.survey.HasWaking && !selected {
			out = &Outcome{CPU: ev.TargetCPU, From: fact.Observed, Upper: ev.Time, Done: true}
		}
	case parser.KindWakeupNew:
		out = &Outcome{CPU: ev.TargetCPU, From: fact.Observed, Upper: ev.Time, pid: ev.Task.PID, Done: true}
		l.await(out)
	case parser.KindSlice:
		if l.slicesAlone && ev.Delay > 0 && ev.Start != parser.NoTime && ev.Task.PID > 0 {
			waking := wakingBefore(ev)
			l.insert(&waking, &Outcome{CPU: ev.CPU, From: fact.Reconstructed, Upper: ev.Start, Delayed: true, Done: true})
		}
	case parser.KindMigrate:
		switch {
		case own:
			out = l.owner
		case !l.survey.HasWaking && ev.Task.PID > 0:
			waking := wakingOf(ev)
			l.queue.push(&waking, l.openMove(ev))
		}
	}
	l.queue.push(ev, out)
	return l.flush(ev.Time)
}

// wakingBefore is the waking that a slice's sch delay began with. Who woke the task, and
// where it was before, it does not tell.
func wakingBefore(slice *parser.Event) parser.Event {
	ev := parser.NewEvent(parser.KindWaking, slice.Start-slice.Delay, parser.NoCPU)
	ev.Task = slice.Task
	return ev
}

// maxBack is how many of the events held one is put ahead of at most.
const maxBack = 4096

// insert puts an event that belongs before others into its place among those
// still held.
func (l *Lookahead) insert(ev *parser.Event, out *Outcome) {
	q := &l.queue
	q.push(ev, out)
	i := q.tail - 1
	for first := max(q.head, i-maxBack); i > first && q.at(i-1).ev.Time > ev.Time; i-- {
		*q.at(i) = *q.at(i - 1)
	}
	*q.at(i) = held{*ev, out}
}

// openMove takes a sched_migrate_task for a selection's own until the task's next
// event tells: a selection's move is followed by the sched_wakeup, the load
// balancer's by whatever a task does that is awake already.
func (l *Lookahead) openMove(ev *parser.Event) *Outcome {
	o := &Outcome{
		CPU: ev.TargetCPU, From: fact.Observed, Upper: ev.Time, pid: ev.Task.PID, prev: ev.OrigCPU,
		Own: true, migrated: true, move: true,
	}
	l.moved[o.pid] = o
	return o
}

// wakingOf is the sched_waking that came before a selection's own move.
func wakingOf(move *parser.Event) parser.Event {
	ev := *move
	ev.Kind, ev.TargetCPU = parser.KindWaking, move.OrigCPU
	return ev
}

// settleMove lets an event tell what the moves that wait for it were, and
// reports whether it is the sched_wakeup of a selection that moved the task.
func (l *Lookahead) settleMove(ev *parser.Event) bool {
	settle := func(pid int32, woken bool) bool {
		o := l.moved[pid]
		if o == nil {
			return false
		}
		delete(l.moved, pid)
		o.Done, o.woken = true, woken
		return woken
	}
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		for _, o := range l.moved {
			o.Done = true
		}
		clear(l.moved)
	case parser.KindWakeup:
		o := l.moved[ev.Task.PID]
		return settle(ev.Task.PID, o != nil && o.CPU == ev.TargetCPU)
	case parser.KindSwitch:
		settle(ev.Task.PID, false)
		settle(ev.Next.PID, false)
	case parser.KindMigrate, parser.KindWakeupNew, parser.KindExit:
		settle(ev.Task.PID, false)
	}
	return false
}

func (l *Lookahead) open(ev *parser.Event, prev int32) *Outcome {
	if len(l.spare) == 0 {
		l.spare = make([]Outcome, 16)
	}
	o := &l.spare[0]
	l.spare = l.spare[1:]
	o.CPU, o.Upper, o.pid, o.prev = parser.NoCPU, parser.NoTime, ev.Task.PID, prev
	if w := l.byPID.Get(o.pid); w != nil {
		w.Done = true
	}
	l.byPID.Set(o.pid, o)
	l.await(o)
	if timeline.UsableCPU(ev.CPU) {
		for int(ev.CPU) >= len(l.byCPU) {
			l.byCPU = append(l.byCPU, nil)
		}
		l.byCPU[ev.CPU] = o
	}
	return o
}

// await lets a waking wait for the wakee's next run.
func (l *Lookahead) await(o *Outcome) {
	o.Ran = parser.NoCPU
	if !l.Blind {
		return
	}
	if w := l.runs.Get(o.pid); w != nil {
		w.awaits = false
	}
	o.awaits = true
	l.runs.Set(o.pid, o)
}

// answer lets an event tell where a wakee was after its waking.
func (l *Lookahead) answer(ev *parser.Event) {
	tell := func(pid, cpu int32) {
		if o := l.runs.Get(pid); o != nil && pid > 0 {
			o.Ran, o.awaits = cpu, false
			l.runs.Set(pid, nil)
		}
	}
	switch ev.Kind {
	case parser.KindSwitch:
		tell(ev.Task.PID, parser.NoCPU)
		tell(ev.Next.PID, ev.CPU)
	case parser.KindMigrate:
		tell(ev.Task.PID, ev.OrigCPU)
	}
}

// last returns the open waking that is the last event of a CPU, nil if it is
// none.
func (l *Lookahead) last(cpu int32) *Outcome {
	if uint(cpu) < uint(len(l.byCPU)) {
		return l.byCPU[cpu]
	}
	return nil
}

// observe lets an event settle the wakings that wait for it, and reports whether it
// is the sched_migrate_task of one of them.
func (l *Lookahead) observe(ev *parser.Event) (own bool) {
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		// What the waker's CPU did next is lost.
		if ev.CPU < 0 {
			clear(l.byCPU)
		} else if l.last(ev.CPU) != nil {
			l.byCPU[ev.CPU] = nil
		}
		return false
	case parser.KindOther, parser.KindComm, parser.KindDamaged, parser.KindSlice:
		return false
	}
	pid := ev.Task.PID
	if w := l.byPID.Get(pid); w != nil {
		switch ev.Kind {
		case parser.KindMigrate:
			switch {
			case l.last(ev.CPU) != w:
				if w.CPU < 0 && timeline.UsableCPU(ev.OrigCPU) {
					// Whoever moved it found it queued there.
					w.CPU, w.From = ev.OrigCPU, fact.Reconstructed
					w.settle(ev.Time)
					l.byPID.Set(pid, nil)
				}
			default:
				w.Own, own, l.owner = true, true, w
				w.CPU, w.From, w.migrated = ev.TargetCPU, fact.Observed, true
				w.settle(ev.Time)
				l.byPID.Set(pid, nil)
			}
		case parser.KindWakeup:
			w.Own = l.last(ev.CPU) == w
			w.CPU, w.From = ev.TargetCPU, fact.Observed
			w.settle(ev.Time)
			l.byPID.Set(pid, nil)
		}
	}
	if ev.Kind == parser.KindSwitch {
		if w := l.byPID.Get(ev.Next.PID); w != nil && ev.Next.PID != 0 {
			if w.CPU < 0 {
				w.CPU, w.From = ev.CPU, fact.Reconstructed
			}
			w.settle(ev.Time)
			l.byPID.Set(ev.Next.PID, nil)
		}
	}
	if o := l.last(ev.CPU); o != nil {
		l.byCPU[ev.CPU] = nil
		if !o.Done {
			o.Upper = ev.Time
			if l.survey.HasMigrate {
				// The selection's own migration would have been this event.
				o.CPU, o.From, o.Done = o.prev, fact.Reconstructed, true
				if l.byPID.Get(o.pid) == o {
					l.byPID.Set(o.pid, nil)
				}
			}
		}
	}
	return own
}

func (o *Outcome) settle(t int64) {
	if o.Upper == parser.NoTime {
		o.Upper = t
	}
	o.Done = true
}

// flush hands on what is resolved, and what has been held too long.
func (l *Lookahead) flush(now int64) error {
	for l.queue.len() > 0 {
		h := l.queue.at(l.queue.head)
		wait := h.out != nil && (!h.out.Done || h.out.awaits) || l.slicesAlone // a later slice may bring an earlier wakeup
		if wait && l.queue.len() < l.Most && now-h.ev.Time < maxHeldNS {
			break
		}
		if err := l.next(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lookahead) next() error {
	h := l.queue.pop()
	if h.out != nil && h.out.move && !h.out.woken {
		if l.moved[h.out.pid] == h.out {
			delete(l.moved, h.out.pid)
		}
		return nil // a move of a task that was awake
	}
	if l.Blind && h.ev.Kind == parser.KindWakeupNew {
		h.ev.TargetCPU = h.out.Ran
	}
	return l.emit(&h.ev, h.out)
}

// End hands on everything that is left.
func (l *Lookahead) End() error {
	for l.queue.len() > 0 {
		if err := l.next(); err != nil {
			return err
		}
	}
	return nil
}
