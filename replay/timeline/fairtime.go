package timeline

import "schedreplay/parser"

// This file tells the fair queues of delayed dequeue (see eevdf.go) what the timeline
// shows: who came, left, ran and was charged.

// fairEnqueue puts a woken task on the fair queue, or ends its delay there.
func (t *Timeline) fairEnqueue(p *Task, c int32) {
	woken := t.Now
	if p.WokenAt != parser.NoTime {
		woken = p.WokenAt
	}
	t.FairTick(c, woken)
	if p.Virtual.On == c && p.Virtual.Delayed {
		q := t.queue(c)
		p.Entity.Linger(t.Now)
		q.Weight -= p.Entity.Weight // loadEnqueue adds it again
		t.CPU[c].Fair.wakeInPlace(p)
		t.fairAdvance(c)
		p.Virtual.came = parser.NoTime
		return
	}
	t.fairAdvanceUntil(c, t.Now-2*t.Slack) // the clock was read for it some way before the event that tells
	t.fairLeave(p)
	t.CPU[c].Fair.place(p, c)
	p.Virtual.came = parser.NoTime
	if cur := t.fairCurrent(c); cur != nil && cur != p {
		q := &t.CPU[c].Fair
		q.came(p, cur, t.Now)
		if t.Charges && !t.Survey.HasWakeup {
			q.early = append(q.early, p)
		}
	}
}

// fairJudge takes what a switch proves about virtual times, before it is
// applied.
func (t *Timeline) fairJudge(ev *parser.Event) {
	prev := t.Find(ev.Task.PID)
	if k := &t.CPU[ev.CPU]; t.Delays && prev != nil && ev.State.Known() && prev.Virtual.On == ev.CPU {
		k.Fair.judge(prev, t.Find(ev.Next.PID), ev.State.Runnable(), k.Since)
	}
}

// fairLeave takes a task off the fair queue that holds it.
func (t *Timeline) fairLeave(p *Task) {
	if c := p.Virtual.On; c >= 0 {
		delayed := p.Virtual.Delayed
		t.fairAdvance(c)
		if p.Virtual.On < 0 {
			return
		}
		t.CPU[c].Fair.drop(p)
		if delayed {
			q := t.queue(c)
			q.Weight = max(0, q.Weight-p.Entity.Weight)
		}
	}
}

// fairAdvance lets the CPU's current task run up to now.
func (t *Timeline) fairAdvance(c int32) {
	if !t.Delays {
		return
	}
	if t.Charges {
		t.fairExpect(c, t.Now)
		return
	}
	t.dropped(c, t.CPU[c].Fair.advance(t.fairCurrent(c), t.Now))
}

// fairAdvanceUntil lets it run up to an earlier time.
func (t *Timeline) fairAdvanceUntil(c int32, at int64) {
	now := t.Now
	t.Now = at
	t.fairAdvance(c)
	t.Now = now
}

// fairCurrent is the CPU's current task if it is on its fair queue, else nil.
func (t *Timeline) fairCurrent(c int32) *Task {
	if k := &t.CPU[c]; k.Cur > 0 {
		if p := t.Find(k.Cur); p != nil && p.Virtual.On == c {
			return p
		}
	}
	return nil
}

// fairExpect puts the CPU's current task where it is at a time if it runs on.
func (t *Timeline) fairExpect(c int32, at int64) { t.CPU[c].Fair.expect(t.fairCurrent(c), at) }

// maxCharge bounds the time charged at once, in ns; more is an error of the file.
const maxCharge = 1 << 40

// Charge takes the time that the kernel charges to a task (update_curr).
func (t *Timeline) Charge(ev *parser.Event) {
	t.Now = max(t.Now, ev.Time)
	p := t.Find(ev.Task.PID)
	if c := ev.CPU; p != nil && UsableCPU(c) && int(c) < len(t.CPU) {
		t.CPU[c].charged = t.CPU[c].Cur == p.PID
	}
	if p == nil || p.Virtual.On < 0 || p.Virtual.Delayed || ev.Runtime <= 0 || ev.Runtime > maxCharge {
		return
	}
	if c := p.Virtual.On; t.CPU[c].Cur == p.PID {
		t.dropped(c, t.CPU[c].Fair.charge(p, ev.Runtime, t.Now))
	}
}

// FairTick lets the CPU's current task run up to the last tick before a waking at a time, if
// there was one since its virtual time was brought up to date. A waker has interrupts off
// until its wakee is queued: if its CPU is held up on the way, no tick comes there.
func (t *Timeline) FairTick(c int32, waking int64) {
	if t.Charges {
		t.fairExpect(c, t.CPU[c].Fair.at) // that of the last charge
	} else if k := &t.CPU[c]; t.Delays && waking-k.Fair.at > t.tick/2 {
		t.fairAdvanceUntil(c, waking-t.tick/2)
	}
}

// fairPick drops the delayed tasks that the CPU picked before its next task;
// nil is swapper, before which none is left.
func (t *Timeline) fairPick(c int32, next *Task) {
	if !t.Delays {
		return
	}
	k := &t.CPU[c]
	k.Fair.renewed, k.Fair.unprotected = false, false
	k.Fair.early = k.Fair.early[:0]
	if t.Charges {
		k.Fair.at, k.Fair.ahead = t.Now, 0
	}
	switch {
	case next == nil:
		t.dropped(c, k.Fair.pick(nil))
		k.Fair.owed = 0 // an idle CPU pays for it
	case next.Fair() && next.Virtual.On == c:
		t.dropped(c, k.Fair.pick(next))
		k.Fair.picked(next)
	}
}

// MayBeDelayed reports whether the dequeue of a task that sleeps may be delayed: others were
// queued on its CPU, which was not idle since. An idle CPU holds no delayed task.
func (t *Timeline) MayBeDelayed(p *Task) bool {
	return t.Delays && p.Fair() && p.Contended && UsableCPU(p.CPU) && int(p.CPU) < len(t.CPU) && t.CPU[p.CPU].IdleAt <= max(p.SleptAt, p.Virtual.movedAt)
}

// moveDelayed moves a task that sleeps: its dequeue was delayed, and can_migrate_task (6.12) takes
// it as one awake. It stays so where it is now, unless that CPU is idle and picks it at once.
func (t *Timeline) moveDelayed(p *Task, from, to int32) {
	if !t.MayBeDelayed(p) || p.CPU != from || from == to {
		return
	}
	t.fairAdvance(from)
	t.fairAdvance(to)
	x, e, a, b := &p.Virtual, &p.Entity, &t.CPU[from], &t.CPU[to]
	left := a.Fair.slice
	t.queue(from)
	t.queue(to)
	e.Linger(t.Now)
	if x.On == from && x.Delayed {
		left = x.deadline - x.v // PLACE_REL_DEADLINE
		a.Fair.awake(p)
		a.Fair.drop(p)
		a.CFS.Weight = max(0, a.CFS.Weight-e.Weight)
	}
	if e.Attached == from {
		a.CFS.Detach(e)
		b.CFS.Attach(e)
		e.Attached = to
	}
	if p.Contended = b.Cur != 0 || len(b.Queue) > 0; !p.Contended {
		x.vlag = 0
		return
	}
	x.movedAt = t.Now
	b.Fair.place(p, to)
	x.deadline = x.v + left
	x.Delayed = true
	b.Fair.Delayed++
	b.CFS.Weight += e.Weight
}

// dropped takes the weight of delayed tasks off that are gone for good.
func (t *Timeline) dropped(c int32, tasks []*Task) {
	if len(tasks) == 0 {
		return
	}
	q := t.queue(c)
	for _, p := range tasks {
		q.Weight = max(0, q.Weight-p.Entity.Weight)
		p.Entity.Linger(t.Now)
	}
}
