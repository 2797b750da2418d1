package timeline

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"schedreplay/parser"
	"schedreplay/replay/internal/made"
)

// paused makes up a recording of some CPUs that all stop recording now and then, or one does.
func paused(r *rand.Rand) (events []parser.Event) {
	cpus, tasks, pace, pausing := 2+r.Int32N(6), 3+r.Int32N(40), int64(1+r.IntN(1_000_000)), 100+r.IntN(2000)
	type cpu struct{ cur, told, at, deaf int64 }
	all := make([]cpu, cpus)
	task := func(pid int64) parser.Task {
		if pid == 0 {
			return made.Swapper
		}
		return made.ATask(int32(pid), fmt.Sprint(pid), 120)
	}
	quiet := r.Int32N(cpus)
	for now, n := int64(1_000_000), 0; n < 3000; n++ {
		now += r.Int64N(pace)
		if r.IntN(pausing) == 0 {
			some, until := r.Int32N(2*cpus), now+(20+r.Int64N(200))*pace
			for i := range all {
				if some >= cpus || int(some) == i {
					all[i].deaf = until
				}
			}
		}
		i := r.Int32N(cpus)
		if i == quiet && r.IntN(20) > 0 {
			continue
		}
		c := &all[i]
		cur, p := task(c.cur), int64(1+r.Int32N(tasks))
		var ev parser.Event
		switch r.IntN(4) {
		case 0:
			ev = made.Waking(0, i, cur, task(p), r.Int32N(cpus))
		case 1:
			ev = made.At(0, parser.KindStatRuntime, i)
			ev.Task, ev.Cur, ev.Runtime = cur, cur, now%pace
		default:
			if r.IntN(4) == 0 {
				p = 0
			}
			ev = made.Switches(0, i, cur, []parser.State{made.Runnable, made.Sleeps}[r.IntN(2)], task(p))
			c.cur = p
		}
		if ev.Time = now; c.deaf > now {
			continue
		}
		if before := int64(ev.Cur.PID); c.at > 0 && before != c.told {
			hole := made.At(0, parser.KindHole, i)
			hole.Time, hole.Start, hole.Task, hole.Next = now, c.at, cur, task(c.told)
			events = append(events, hole)
		}
		c.told, c.at = c.cur, now
		events = append(events, ev)
	}
	return events
}

// What the survey keeps of the time after seams tells the same as reading all of it again.
func TestSeamsRecalled(t *testing.T) {
	recalled, again, seams := 0, 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 0))
		events := paused(r)
		if seed%4 == 0 { // some came late
			for i := range events[1:] {
				if a, b := &events[i], &events[i+1]; a.CPU != b.CPU && r.IntN(20) == 0 {
					*a, *b = *b, *a
				}
			}
		}
		c := made.Record(events...)
		s := survey(c, &parser.Host{}, nil)
		if len(s.seams) == 0 {
			continue
		}
		if !s.recalled() {
			again++
			continue
		}
		recalled++
		seams += len(s.seams)
		re := survey(c, &parser.Host{}, nil)
		s.after(s.lately.All())
		re.after(parser.Lend(c))
		if !reflect.DeepEqual(s.seams, re.seams) {
			t.Fatalf("seed %d: %d seams are others from what was kept", seed, len(s.seams))
		}
	}
	if t.Logf("%d recordings with %d seams, %d to be read again", recalled, seams, again); recalled < 100 || again > recalled {
		t.Errorf("%d recordings were enough, %d were not", recalled, again)
	}
}

// Where breaks began before all that the survey remembers, the capture is read again.
func TestSeamsReadAgain(t *testing.T) {
	events, _, _, c, _, e := interrupted(true)
	busy := made.ATask(106, "busy", 120)
	long := append([]parser.Event(nil), events[:2]...)
	for i := range int64(10_000) {
		ev := made.At(1_001, parser.KindStatRuntime, 2)
		ev.Time += i
		ev.Task, ev.Cur = busy, busy
		long = append(long, ev)
	}
	long = append(long, events[2:]...)
	if s := survey(made.Record(long...), &parser.Host{}, nil); len(s.seams) != 1 || s.recalled() {
		t.Fatalf("%d seams, recalled: %v", len(s.seams), s.recalled())
	}
	s := SurveyOf(made.Record(long...), &parser.Host{}, nil)
	found := map[int32]seamState{}
	for _, x := range s.seams[0].tasks {
		found[x.pid] = x.was
	}
	want := map[int32]seamState{c.PID: wasAsleep, e.PID: wasQueued}
	if !reflect.DeepEqual(found, want) {
		t.Errorf("tasks %v, want %v", found, want)
	}
}
