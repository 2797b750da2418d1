package replay

import "schedreplay/parser"

// This file tells the fair queues of delayed dequeue (see eevdf.go) what the timeline
// shows: who came, left, ran and was charged.

// fairEnqueue puts a woken task on the fair queue, or ends its delay there.
func (t *timeline) fairEnqueue(p *task, c int32) {
	t.fairTick(c)
	if p.virtual.on == c && p.virtual.delayed {
		t.cpu[c].cfs.Advance(t.now)
		p.entity.Linger(t.now)
		t.cpu[c].cfs.Weight -= p.entity.Weight // loadEnqueue adds it again
		t.cpu[c].fair.wakeInPlace(p)
		t.fairAdvance(c)
		p.virtual.came = parser.NoTime
		return
	}
	t.fairAdvanceUntil(c, t.now-2*t.slack) // the clock was read for it some way before the event that tells
	t.fairLeave(p)
	t.cpu[c].fair.place(p, c)
	p.virtual.came = parser.NoTime
	if cur := t.fairCurrent(c); cur != nil && cur != p {
		q := &t.cpu[c].fair
		q.came(p, cur, t.now)
		if t.charges && !t.s.hasWakeup {
			q.early = append(q.early, p)
		}
	}
}

// fairJudge takes what a switch proves about virtual times, before it is
// applied.
func (t *timeline) fairJudge(ev *parser.Event) {
	prev := t.find(ev.Task.PID)
	if k := &t.cpu[ev.CPU]; t.delays && prev != nil && ev.State.Known() && prev.virtual.on == ev.CPU {
		k.fair.judge(prev, t.find(ev.Next.PID), ev.State.Runnable(), k.since)
	}
}

// fairLeave takes a task off the fair queue that holds it.
func (t *timeline) fairLeave(p *task) {
	if c := p.virtual.on; c >= 0 {
		delayed := p.virtual.delayed
		t.fairAdvance(c)
		if p.virtual.on < 0 {
			return
		}
		t.cpu[c].fair.drop(p)
		if delayed {
			t.cpu[c].cfs.Advance(t.now)
			t.cpu[c].cfs.Weight = max(0, t.cpu[c].cfs.Weight-p.entity.Weight)
		}
	}
}

// fairAdvance lets the CPU's current task run up to now.
func (t *timeline) fairAdvance(c int32) {
	if !t.delays {
		return
	}
	if t.charges {
		t.fairExpect(c, t.now)
		return
	}
	t.dropped(c, t.cpu[c].fair.advance(t.fairCurrent(c), t.now))
}

// fairAdvanceUntil lets it run up to an earlier time.
func (t *timeline) fairAdvanceUntil(c int32, at int64) {
	now := t.now
	t.now = at
	t.fairAdvance(c)
	t.now = now
}

// fairCurrent is the CPU's current task if it is on its fair queue, else nil.
func (t *timeline) fairCurrent(c int32) *task {
	if k := &t.cpu[c]; k.cur > 0 {
		if p := t.find(k.cur); p != nil && p.virtual.on == c {
			return p
		}
	}
	return nil
}

// fairExpect puts the CPU's current task where it is at a time if it runs on.
func (t *timeline) fairExpect(c int32, at int64) { t.cpu[c].fair.expect(t.fairCurrent(c), at) }

// maxCharge bounds the time charged at once, in ns; more is an error of the file.
const maxCharge = 1 << 40

// charge takes the time that the kernel charges to a task (update_curr).
func (t *timeline) charge(ev *parser.Event) {
	t.now = max(t.now, ev.Time)
	p := t.find(ev.Task.PID)
	if p == nil || p.virtual.on < 0 || p.virtual.delayed || ev.Runtime <= 0 || ev.Runtime > maxCharge {
		return
	}
	if c := p.virtual.on; t.cpu[c].cur == p.pid {
		t.dropped(c, t.cpu[c].fair.charge(p, ev.Runtime, t.now))
	}
}

// fairTick lets the CPU's current task run up to the last tick, if there was one
// since its virtual time was brought up to date.
func (t *timeline) fairTick(c int32) {
	if t.charges {
		t.fairExpect(c, t.cpu[c].fair.at) // that of the last charge
	} else if k := &t.cpu[c]; t.delays && t.now-k.fair.at > tick/2 {
		t.fairAdvanceUntil(c, t.now-tick/2)
	}
}

// fairPick drops the delayed tasks that the CPU picked before its next task;
// nil is swapper, before which none is left.
func (t *timeline) fairPick(c int32, next *task) {
	if !t.delays {
		return
	}
	k := &t.cpu[c]
	k.fair.renewed = false
	k.fair.early = k.fair.early[:0]
	if t.charges {
		k.fair.at, k.fair.ahead = t.now, 0
	}
	switch {
	case next == nil:
		t.dropped(c, k.fair.pick(nil))
		k.fair.owed = 0 // an idle CPU pays for it
	case next.fair() && next.virtual.on == c:
		t.dropped(c, k.fair.pick(next))
		k.fair.picked(next)
	}
}

// dropped takes the weight of delayed tasks off that are gone for good.
func (t *timeline) dropped(c int32, tasks []*task) {
	if len(tasks) == 0 {
		return
	}
	q := &t.cpu[c].cfs
	q.Advance(t.now)
	for _, p := range tasks {
		q.Weight = max(0, q.Weight-p.entity.Weight)
		p.entity.Linger(t.now)
	}
}
