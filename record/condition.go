package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"syscall"
	"time"

	"schedreplay/parser"
	"schedreplay/parser/ftrace"
	"schedreplay/parser/host"
)

// Condition is what a ring waits for on an isolated CPU.
type Condition struct {
	// Delay is how long a task that belongs there must wait for it. 0: the condition
	// is that a task which does not belong there runs there.
	Delay time.Duration
}

// ParseCondition reads "intrusion" or "delay>TIME". The error wraps [ErrOptions].
func ParseCondition(s string) (*Condition, error) {
	if s == "intrusion" {
		return &Condition{}, nil
	}
	if after, ok := strings.CutPrefix(strings.ReplaceAll(s, " ", ""), "delay>"); ok {
		if d, err := time.ParseDuration(after); err == nil && d > 0 {
			return &Condition{Delay: d}, nil
		}
	}
	return nil, fmt.Errorf("%w: --when %q; say intrusion, or delay>TIME as in 'delay>1ms'", ErrOptions, s)
}

// String is what [ParseCondition] reads.
func (c *Condition) String() string {
	if c.Delay == 0 {
		return "intrusion"
	}
	return "delay>" + c.Delay.String()
}

// Hit is what met a condition.
type Hit struct {
	// Time is in ns of the trace clock.
	Time int64
	CPU  int32
	PID  int32
	Comm string
	// Delay is how long the task waited in ns, 0 for an intrusion.
	Delay int64
}

func (h *Hit) String() string {
	who := fmt.Sprintf("%s (pid %d)", parser.DisplayComm(h.Comm), h.PID)
	if h.Delay > 0 {
		return fmt.Sprintf("%s waited %v for CPU %d at %d.%06d", who, time.Duration(h.Delay), h.CPU, h.Time/1e9, h.Time%1e9/1e3)
	}
	return fmt.Sprintf("%s ran on isolated CPU %d at %d.%06d", who, h.CPU, h.Time/1e9, h.Time%1e9/1e3)
}

// watcher finds the first hit in the events of the isolated CPUs.
type watcher struct {
	Condition
	isolated parser.CPUs
	// task reads what the machine says of a task.
	task func(pid int32) (parser.TaskInfo, bool)
	// seen holds what task said, since holds when a task began to wait for an
	// isolated CPU. Both are bounded.
	seen  map[int32]standing
	since map[int32]int64
}

// standing is what a task is to the isolated CPUs, as read at a time of the capture.
type standing struct {
	foreign, pinned bool
	at              int64
}

// Bounds of a watcher: how many tasks it remembers, and how long in ns it believes
// that a task's affinity stays.
const (
	maxWatched = 1 << 14
	staleAfter = 1e9
)

// of says what a task is, by the rule of account.Tracker; neither if that is unknown.
func (w *watcher) of(t parser.Task, at int64) standing {
	if s, ok := w.seen[t.PID]; ok && at-s.at < staleAfter {
		return s
	}
	if len(w.seen) >= maxWatched {
		clear(w.seen)
	}
	s := standing{at: at}
	if info, ok := w.task(t.PID); ok && info.Affinity.Known() {
		a := info.Affinity.Value
		bound := info.Kthread.Value && a.Weight() == 1
		s.pinned = !bound && a.SubsetOf(w.isolated)
		s.foreign = !bound && !s.pinned && !parser.IsRecorder(t.Comm)
	}
	w.seen[t.PID] = s
	return s
}

// first returns the first hit; nil if the events end before.
func (w *watcher) first(events iter.Seq2[parser.Event, error]) (*Hit, error) {
	w.seen, w.since = map[int32]standing{}, map[int32]int64{}
	for ev, err := range events {
		if err != nil {
			return nil, err
		}
		switch ev.Kind {
		case parser.KindWakeup, parser.KindWakeupNew:
			if w.Delay > 0 && ev.TargetCPU >= 0 && w.isolated.Test(int(ev.TargetCPU)) {
				w.wait(ev.Task.PID, ev.Time)
			}
		case parser.KindSwitch:
			if ev.CPU >= 0 && w.isolated.Test(int(ev.CPU)) {
				if h := w.run(&ev); h != nil {
					return h, nil
				}
			}
		case parser.KindLost:
			clear(w.since) // a wait may have ended unseen
		}
	}
	return nil, nil
}

func (w *watcher) wait(pid int32, at int64) {
	if len(w.since) >= maxWatched {
		clear(w.since)
	}
	if _, ok := w.since[pid]; !ok {
		w.since[pid] = at
	}
}

// run judges a switch on an isolated CPU.
func (w *watcher) run(ev *parser.Event) *Hit {
	next := ev.Next
	h := &Hit{Time: ev.Time, CPU: ev.CPU, PID: next.PID, Comm: next.Comm}
	since, waited := w.since[next.PID]
	delete(w.since, next.PID)
	if w.Delay > 0 && ev.State.Known() && ev.State.Runnable() && ev.Task.PID > 0 {
		w.wait(ev.Task.PID, ev.Time)
	} else {
		delete(w.since, ev.Task.PID)
	}
	switch {
	case next.PID <= 0:
	case w.Delay == 0 && w.of(next, ev.Time).foreign:
		return h
	case w.Delay > 0 && waited && ev.Time-since > int64(w.Delay) && w.of(next, ev.Time).pinned:
		h.Delay = ev.Time - since
		return h
	}
	return nil
}

// watchPerCPU is the size of a watching instance's buffer for each CPU.
const watchPerCPU = 64 << 10

// watch waits until the plan's condition is met and returns by what; nil if ctx ended
// before. It reads an instance of its own that holds the switches of the isolated CPUs and
// the wakeups to them alone.
func (p *Plan) watch(ctx context.Context) (hit *Hit, err error) {
	in, err := newInstance(&p.Machine, "-watch")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.remove()) }()
	events := []string{"sched:sched_switch"}
	filters := map[string]string{events[0]: filter("CPU", p.Isolated)}
	if p.When.Delay > 0 {
		for _, e := range []string{"sched:sched_wakeup", "sched:sched_wakeup_new"} {
			events = append(events, e)
			filters[e] = filter("target_cpu", p.Isolated)
		}
	}
	if err := in.start(p.Clock, watchPerCPU, events, filters); err != nil {
		return nil, err
	}
	live, err := os.OpenFile(in.path("trace_pipe"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, p.Machine.explain(err)
	}
	defer live.Close()
	c, err := ftrace.New(pipeSource(ctx, live))
	if err != nil {
		return nil, err
	}
	w := watcher{
		Condition: *p.When, isolated: p.Isolated,
		task: func(pid int32) (parser.TaskInfo, bool) { return host.Task(p.Machine.Root, pid) },
	}
	return w.first(c.Events())
}

// filter is an event filter (Documentation/trace/events.rst) for the events whose
// field names one of the CPUs; empty, for all events, if it were longer than the kernel
// takes.
func filter(field string, cpus parser.CPUs) string {
	var terms []string
	for cpu := range cpus.All() {
		terms = append(terms, fmt.Sprintf("%s == %d", field, cpu))
	}
	const most = 2 << 10 // of the PAGE_SIZE that event_filter_write takes
	if s := strings.Join(terms, " || "); len(s) <= most {
		return s
	}
	return ""
}

// pipeSource is trace_pipe as a text that goes on until ctx ends. Readers look at the
// head of a text first, and a pipe has none that could be read twice.
func pipeSource(ctx context.Context, live *os.File) parser.Source {
	opened := 0
	return parser.Source{Name: "trace_pipe", Size: -1, Open: func() (io.ReadCloser, error) {
		if opened++; opened == 1 {
			return io.NopCloser(strings.NewReader("# tracer: nop\n")), nil
		}
		return io.NopCloser(&pipe{ctx, live}), nil
	}}
}

// pipe reads what comes until ctx ends.
type pipe struct {
	ctx  context.Context
	live *os.File
}

// pollEvery is how often a pipe looks for events: a ring holds seconds.
const pollEvery = 20 * time.Millisecond

func (p *pipe) Read(b []byte) (int, error) {
	for {
		n, err := readNow(p.live, b)
		switch {
		case n > 0:
			return n, nil
		case err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR):
			return 0, err
		}
		select {
		case <-p.ctx.Done():
			return 0, io.EOF
		case <-time.After(pollEvery):
		}
	}
}
