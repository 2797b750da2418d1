package hidden

import (
	"cmp"
	"slices"

	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/timeline"
)

// throttles follows where CPU limits of control groups keep tasks from running, which no
// event tells (docs/kernel/waits.md). A CPU that switches to swapper has no task that counts
// (nr_running), so those that are queued there are throttled. They count again from
// unthrottle_cfs_rq on, which the CPU's next switch to one of the group shows, or that of
// another CPU.
type throttles struct {
	rule rules.ThrottleRule
	host *parser.Host
	cpu  []throttled
	// at is when a group was last seen to be stopped.
	at map[string]int64
	// seen are the tasks that were.
	seen map[int32]bool
}

const (
	// unknownLimit stands for the groups of tasks that were throttled and of which no group
	// with a limit is known.
	unknownLimit = "?"
	// usualPeriod is default_cfs_period, in ns.
	usualPeriod = 100_000_000
)

// throttled is what is known of a CPU.
type throttled struct {
	// pids are the tasks that were throttled there, group the control group whose limit that
	// was, empty where none are.
	pids  []int32
	group string
	// since is when that began. back: the group went on on another CPU, where it was stopped
	// later than here.
	since int64
	back  bool
}

func (k *throttled) clear() { k.pids, k.group, k.back = k.pids[:0], "", false }

// throttledFor is for how many periods a group that was stopped may be stopped again before a
// task of it has run anywhere.
const throttledFor = 2

// Throttling is what a CPU's limited tasks do to how it looks.
type Throttling uint8

// What it may be.
const (
	// NotThrottled: nothing.
	NotThrottled Throttling = iota
	// Throttled: they do not count.
	Throttled
	// Unthrottled: they count again, or will as soon as the CPU runs.
	Unthrottled
	// MaybeThrottled: they were woken there and have not run, as where the group had used
	// up its quota (check_enqueue_throttle).
	MaybeThrottled
)

// Throttles tells how the kernel that made the recording stops tasks.
func (h *Facts) Throttles(rule rules.ThrottleRule) { h.limits.rule = rule }

// before takes an event that the timeline takes next.
func (h *throttles) before(ev *parser.Event, t *timeline.Timeline) {
	switch ev.Kind {
	case parser.KindLost, parser.KindHole, parser.KindOverwritten:
		for c := range h.cpu {
			if ev.CPU < 0 || int(ev.CPU) == c {
				h.cpu[c].clear()
			}
		}
	case parser.KindMigrate:
		if c := ev.OrigCPU; timeline.UsableCPU(c) && int(c) < len(h.cpu) && slices.Contains(h.cpu[c].pids, ev.Task.PID) {
			h.goesOn(int(c)) // what is throttled is not moved
		}
	case parser.KindSwitch:
		if c := ev.CPU; timeline.UsableCPU(c) && int(c) < len(h.cpu) && !t.Slices {
			h.switches(int(c), ev, t)
		}
	}
}

// switches takes a CPU's switch.
func (h *throttles) switches(c int, ev *parser.Event, t *timeline.Timeline) {
	k := &h.cpu[c]
	if ev.Next.PID > 0 {
		if slices.Contains(k.pids, ev.Next.PID) || k.group != "" && h.limit(ev.Next.PID) == k.group {
			h.goesOn(c)
		}
		return
	}
	stop := func(pid int32) {
		if len(k.pids) == 0 {
			k.since = ev.Time
		}
		if !slices.Contains(k.pids, pid) {
			k.pids = append(k.pids, pid)
		}
		g := h.limit(pid)
		k.group, k.back, h.at[g] = g, k.back && g == k.group, ev.Time
	}
	if ev.Task.PID > 0 && ev.State.Known() && ev.State.Runnable() {
		k.clear()
		h.seen[ev.Task.PID] = true
		stop(ev.Task.PID)
	}
	for _, p := range t.CPU[c].Queue {
		if p.PID != ev.Task.PID && p.Waits() && h.limit(p.PID) != "" {
			stop(p.PID)
		}
	}
}

// limit is the group whose limit may stop a task, empty if none is known to.
func (h *throttles) limit(pid int32) string {
	if g := h.host.Limit(pid); g != "" || !h.seen[pid] {
		return g
	}
	return unknownLimit
}

// goesOn notes that the group of which tasks were throttled on a CPU has time again.
func (h *throttles) goesOn(c int) {
	was := h.cpu[c]
	h.cpu[c].clear()
	for o := range h.cpu {
		k := &h.cpu[o]
		k.back = k.back || k.group == was.group && k.since <= was.since
	}
}

// Throttling tells of a CPU that runs swapper what the tasks that a limit stopped, or may
// have stopped, do to how it looks.
func (h *Facts) Throttling(c int) Throttling {
	th, q := &h.limits, h.t.CPU[c].Queue
	k := &th.cpu[c]
	stopped := slices.ContainsFunc(k.pids, func(pid int32) bool {
		p := h.t.Find(pid)
		return p != nil && p.CPU == int32(c) && !p.Running
	})
	switch {
	case !stopped && (len(q) == 0 || th.rule == rules.ThrottleTasks || len(th.at) == 0):
		return NotThrottled
	case stopped && len(q) > 0 && th.rule == rules.ThrottleTasks:
		return NotThrottled // what is woken runs until it returns to user mode
	}
	for _, p := range q {
		g := th.limit(p.PID)
		if at, seen := th.at[g]; !seen || stopped && g != k.group || !stopped && h.t.Now-at > throttledFor*cmp.Or(th.host.Cgroups.Info[g].Period.Value, usualPeriod) {
			return NotThrottled
		}
	}
	switch {
	case !stopped:
		return MaybeThrottled
	case k.back:
		return Unthrottled
	}
	return Throttled
}
