package timeline

import (
	"cmp"
	"slices"

	"schedreplay/parser"
	"schedreplay/replay/still"
)

// stillMost is how many times at which its clock stood are kept of a CPU.
const stillMost = 1 << 16

// stoodIdle and stoodBusy are for how long, in ns, after a CPU went idle or ceased to be
// that may not have happened yet, where clocks stand still: a CPU that wakes from idle
// sets its clock.
const (
	stoodIdle = still.For / 2
	stoodBusy = still.For / 32
)

// flip is a switch by which a CPU went idle, or ceased to be for a task.
type flip struct {
	at  int64
	pid int32
}

// stand takes an event that a CPU wrote, before the survey does.
func (s *surveyor) stand(c *startCPU, ev *parser.Event) {
	all := s.Stood[ev.CPU]
	switch n := len(all) - 1; {
	case !c.heard:
	case c.heardAt == ev.Time && (n < 0 || all[n].From < ev.Time) && len(all) < stillMost:
		if s.Stood == nil {
			s.Stood = still.Times{}
		}
		s.Stood[ev.CPU] = append(all, still.Span{From: ev.Time, To: ev.Time + still.For})
		s.standUntil = max(s.standUntil, ev.Time+still.For)
	case c.heardAt != ev.Time && n >= 0 && all[n].To > ev.Time:
		all[n].To = ev.Time
	}
	if ev.Kind == parser.KindSwitch && ev.Time < s.standUntil && (ev.Task.PID == 0) != (ev.Next.PID == 0) {
		for int(ev.CPU) >= len(s.flips) {
			s.flips = append(s.flips, nil)
		}
		s.flips[ev.CPU] = append(s.flips[ev.CPU], flip{ev.Time, ev.Next.PID})
	}
}

// stillAt reports whether some CPU's clock stood within still.For of a time. A clock that
// stands does so again and again; two events of one time here and there are chance.
func (s *Survey) stillAt(at int64) bool {
	i, _ := slices.BinarySearchFunc(s.standing, at, func(l still.Span, at int64) int { return cmp.Compare(l.To, at) })
	return i < len(s.standing) && s.standing[i].From <= at
}

// stood reports whether a CPU may have looked otherwise because clocks stand still here: it
// went idle, or ceased to be, shortly before.
func (t *Timeline) stood(c int, v *View, by *Looker) bool {
	k := &t.CPU[c]
	if c == by.Here || !t.Survey.stillAt(by.Window.Est) {
		return false
	}
	return v.IdleVal && by.Window.Est-stoodIdle < k.IdleAt || !v.IdleVal && by.Window.Est-stoodBusy < k.ChangedAt()
}

// flipsLater reports whether a CPU went idle, or ceased to be for another task, while the
// clock of the waker's stood still: that may have been before the selection.
func (t *Timeline) flipsLater(c int, by *Looker) bool {
	if by.Until == 0 || c >= len(t.Survey.flips) {
		return false
	}
	all := t.Survey.flips[c]
	i, _ := slices.BinarySearchFunc(all, by.Window.Est, func(f flip, at int64) int { return cmp.Compare(f.at, at) })
	for ; i < len(all) && all[i].at < by.Until; i++ {
		if all[i].pid != by.Self {
			return true
		}
	}
	return false
}
