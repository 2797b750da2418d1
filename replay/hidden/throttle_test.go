package hidden

import (
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/internal/made"
	"schedreplay/replay/timeline"
)

// Tasks that a limit stopped do not count for their CPU, from when it goes idle although they
// could run until one of their group runs there, or on a CPU that was stopped later.
func TestThrottling(t *testing.T) {
	a, b, c, free, none := made.ATask(101, "a", 120), made.ATask(102, "b", 120), made.ATask(103, "c", 120), made.ATask(104, "free", 120), made.Swapper
	host := &parser.Host{}
	host.Cgroups.Info = map[string]parser.CgroupInfo{"/pod": {Quota: fact.Seen(int64(40_000_000), ""), Period: fact.Seen(int64(100_000_000), "")}}
	host.Cgroups.Of = map[int32]string{a.PID: "/pod", b.PID: "/pod/inner", c.PID: "/pod"}
	stop := []parser.Event{made.Switches(10, 0, a, made.Runnable, none), made.Switches(20, 1, b, made.Runnable, none)}
	with := func(more ...parser.Event) []parser.Event { return append(stop[:2:2], more...) }
	queued := with(made.Switches(30, 0, none, made.Runnable, free), made.Wakeup(40, 0, free, c, 0), made.Switches(50, 0, free, made.Sleeps, none))
	for name, tc := range map[string]struct {
		events []parser.Event
		rule   rules.ThrottleRule
		bare   bool // the host tells of no group
		on     int
		want   Throttling
	}{
		"no bundle":          {events: with(made.Switches(30, 1, none, made.Runnable, b)), bare: true, on: 0, want: Unthrottled},
		"no bundle, woken":   {events: with(made.Wakeup(30, 0, none, c, 0)), bare: true, on: 0, want: NotThrottled},
		"no bundle, again":   {events: with(made.Switches(30, 1, none, made.Runnable, b), made.Switches(40, 1, b, made.Sleeps, none), made.Wakeup(50, 1, none, b, 1)), bare: true, on: 1, want: MaybeThrottled},
		"stopped":            {events: stop, on: 0, want: Throttled},
		"elsewhere, later":   {events: with(made.Switches(30, 1, none, made.Runnable, b)), on: 0, want: Unthrottled},
		"elsewhere, earlier": {events: with(made.Switches(30, 0, none, made.Runnable, a)), on: 1, want: Throttled},
		"moved":              {events: with(made.Migrates(30, 2, none, b, 1, 2)), on: 0, want: Unthrottled},
		"runs":               {events: with(made.Switches(30, 0, none, made.Runnable, a), made.Switches(40, 0, a, made.Sleeps, none)), on: 0, want: NotThrottled},
		"others ran":         {events: with(made.Switches(30, 0, none, made.Runnable, free), made.Switches(40, 0, free, made.Sleeps, none)), on: 0, want: Throttled},
		"woken there":        {events: with(made.Wakeup(30, 0, none, c, 0)), on: 0, want: Throttled},
		"woken, of no group": {events: with(made.Wakeup(30, 0, none, free, 0)), on: 0, want: NotThrottled},
		"woken, 6.18":        {events: with(made.Wakeup(30, 0, none, c, 0)), rule: rules.ThrottleTasks, on: 0, want: NotThrottled},
		"woken elsewhere":    {events: with(made.Wakeup(30, 2, none, c, 2)), on: 2, want: MaybeThrottled},
		"woken long after":   {events: with(made.Wakeup(300_000, 2, none, c, 2)), on: 2, want: NotThrottled},
		"waited":             {events: queued, on: 0, want: Throttled},
		"lost":               {events: with(made.Lost(30, 0, 20, 1)), on: 0, want: NotThrottled},
	} {
		host := host
		if tc.bare {
			host = &parser.Host{}
		}
		events := append([]parser.Event{made.Switches(1, 2, free, made.Sleeps, none)}, tc.events...)
		rec := timeline.Of(made.Record(events...), host, timeline.SurveyOf(made.Record(events...), host, nil))
		line := timeline.New(rec.Survey, 3, false)
		h := New(rec, line, nil, nil, false)
		h.Throttles(tc.rule)
		for i := range events {
			h.Before(&events[i])
			line.Apply(&events[i])
		}
		if got := h.Throttling(tc.on); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}
