package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay/account"
	"schedreplay/replay/decide"
	"schedreplay/replay/internal/made"
)

// decode turns bytes into a capture and a host, any bytes into some: eight
// bytes are one event. It is how the fuzz target and the properties make
// streams that no kernel would.
func decode(b []byte) (rec *made.Recording, h *parser.Host, o Plan, wild bool) {
	var head [4]byte
	b = b[copy(head[:], b):]
	h = made.Bench([...]string{"6.1.0", "6.12.30", "6.1.90", "", "4.19.300", "5.10.1-amd64", "6.6.0", "nonsense"}[head[0]&7], 7)
	switch head[1] & 7 {
	case 1:
		h.CPU = nil
	case 2:
		h.Isolated = fact.Fact[parser.CPUs]{}
	case 3:
		*h = parser.Host{}
	case 4:
		h.Isolated = fact.Seen(cpumask.Range(0, 7), "")
	case 5:
		// One CPU.
		one := cpumask.Of(0)
		h.CPU, h.Possible, h.Online, h.Isolated = h.CPU[:1], fact.Seen(one, ""), fact.Seen(one, ""), fact.Seen(cpumask.Mask{}, "")
		h.CPU[0] = parser.CPUInfo{Known: true, Siblings: one, LLC: one, Package: one}
	case 6:
		// The bundle is another machine's: it knows CPUs that are nowhere else.
		h.Online = fact.Seen(cpumask.Range(0, 11), "")
	}
	rec = made.Record()
	if head[2]&1 != 0 {
		rec.About.RecordedCPUs = cpumask.Of(7)
	}
	if head[2]&2 != 0 {
		rec.Err = parser.ErrTruncated
	}
	o = Plan{Owner: [...]string{"", "", "poller", "70", "nobody", ""}[int(head[3])%6], Observer: Observer{Why: head[3]&1 == 0}}
	if head[2]&4 != 0 {
		o.Explain = func(*decide.Wakeup) bool { return true }
	}
	if head[2]&8 != 0 {
		i := h.Task[made.Ksmd.PID]
		i.Policy = fact.Seen(5, "")
		if h.Task != nil {
			h.Task[made.Ksmd.PID] = i
		}
	}
	cpu := func(x byte) int32 {
		switch {
		case x < 240:
			return int32(x & 7)
		case x < 248:
			return int32(x-240) + 6
		}
		return [...]int32{-1, -7, cpumask.MaxCPUs - 1, cpumask.MaxCPUs, math.MaxInt32, math.MinInt32, 63, 300}[x-248]
	}
	who := func(x, y byte) parser.Task {
		cast := [...]parser.Task{made.Swapper, made.Swapper, made.Poller, made.Ksmd, made.Other, made.Busy[0], made.Busy[1], made.Busy[6], made.ATask(2, "kthreadd", 120), made.ATask(9, "ksoftirqd/7", 120), made.ATask(8, "migration/7", 0), made.ATask(500, "perf", 120)}
		p := cast[int(x)%len(cast)]
		switch y {
		case 1:
			p.PID = -p.PID - 1
		case 2:
			p.PID = math.MaxInt32
		case 3:
			p.Prio = 139
		case 4:
			p.Prio = 100
		case 5:
			p.Prio = math.MaxInt32
		case 6:
			p.Prio = -1
		case 7:
			p.Prio = 50
		case 8:
			p.Prio = parser.NoPrio
		case 9:
			p.Comm = ""
		case 10:
			p.Comm = "=1+1\x1b[31m\n<script>\xff"
		case 11:
			p.PID = parser.NoPID
		case 12:
			p.Prio = math.MinInt32
		case 13:
			p.Comm = "kworker/99999999999999999999:0"
		case 14:
			p.PID = math.MinInt32
		}
		return p
	}
	now := int64(1_000_000_000)
	for ; len(b) >= 8; b = b[8:] {
		switch d := int64(int8(b[1])); {
		case b[1] == 0x80:
			// Sums of times so far apart overflow; they only must not end the program.
			now = [...]int64{0, -5, math.MaxInt64, math.MinInt64 + 1, math.MaxInt64 / 2}[int(b[2])%5]
			wild = true
		case d < 0:
			now += d * 100
		case d > 120:
			now += d * 10_000_000
		default:
			now += d * 1500
		}
		e := parser.NewEvent(parser.Kind(b[0]%18), now, cpu(b[2]))
		e.Task, e.Next, e.Cur = who(b[3], b[7]), who(b[4], b[7]>>4), who(b[5], 0)
		e.OrigCPU, e.TargetCPU = cpu(b[4]), cpu(b[6])
		e.Start, e.Runtime, e.Delay, e.Wait = now-int64(b[5])*1000, int64(b[5])*1000, int64(int8(b[6]))*1000, 0
		e.State = [...]parser.State{0, made.Sleeps, made.Runnable, made.Preempted, made.Dies, parser.StateBlocked, 0xffff, parser.StateOff}[b[6]&7]
		e.Context = parser.Context(b[5] >> 5)
		e.Count = int64(int8(b[6]))
		if e.Kind == parser.KindOther {
			e.Aside = parser.Aside(b[3]) % (parser.ProcessHang + 1)
			e.Text = [...]string{"", "tick_nohz_handler", "eth0", "0xffffffff81234560", "TIMER", "=1+1\x1b[31m\n<script>\xff", "reschedule", "local_timer"}[b[4]&7]
		}
		rec.List = append(rec.List, e)
	}
	return rec, h, o, wild
}

// sane replays a stream and tells what no stream may break.
func sane(t interface {
	Fatalf(string, ...any)
	Helper()
}, b []byte,
) {
	t.Helper()
	rec, h, o, wild := decode(b)
	s, err := tryScene(rec, h, o)
	if err != nil {
		if !errors.Is(err, rules.ErrKernel) && !errors.Is(err, ErrOptions) {
			t.Fatalf("an error that is not about the options: %v", err)
		}
		return
	}
	for i := range s.wakeups {
		w := &s.wakeups[i]
		if w.N != int64(i)+1 {
			t.Fatalf("wakeup %d has number %d", i+1, w.N)
		}
		for _, pl := range [2]*decide.Placed{&w.Original, &w.Patched} {
			if pl.Bounded && !pl.Possible.Test(pl.CPU) {
				t.Fatalf("n=%d: prediction %d is not in its set %s (path %s)", w.N, pl.CPU, pl.Possible, pl.Path)
			}
			if !pl.Bounded && !pl.Possible.Empty() {
				t.Fatalf("n=%d: a set without a bound: %s", w.N, pl.Possible)
			}
		}
		if w.ModelMiss && w.RecordedCPU < 0 {
			t.Fatalf("n=%d: a miss of what was not recorded", w.N)
		}
		if made := w.Made(); w.ModelMiss && made.Bounded && made.Possible.Test(w.RecordedCPU) {
			t.Fatalf("n=%d: called a miss, but CPU %d is in %s", w.N, w.RecordedCPU, made.Possible)
		}
		if w.Moved == decide.MovedCertain && w.Original.Certain() && w.Patched.Certain() && w.Original.CPU == w.Patched.CPU {
			t.Fatalf("n=%d: moved for certain, from %d to %d", w.N, w.Original.CPU, w.Patched.CPU)
		}
	}
	f := &s.Fidelity
	if f.Exact > f.Covered || f.Covered+f.Unjudged > f.Decisions {
		t.Fatalf("fidelity does not add up: %+v", f)
	}
	if s.Wakeups != int64(len(s.wakeups)) {
		t.Fatalf("%d wakeups counted, %d delivered", s.Wakeups, len(s.wakeups))
	}
	for _, k := range s.CPUs {
		if wild {
			break
		}
		for _, st := range k.Stays {
			if st.Class != account.ClassForeign {
				t.Fatalf("a stay of class %s", st.Class)
			}
			if (st.Entry != nil) != (st.How == account.CameByWakeup) {
				t.Fatalf("a stay by %s with entry %v", st.How, st.Entry != nil)
			}
			n := st.Wakings
			if st.Entry != nil {
				n++
			}
			if st.Selections > st.Wakings || st.StayedPut > st.Selections || st.PatchedCertain+st.PatchedPossible > n {
				t.Fatalf("a stay that does not add up: %+v", st)
			}
			if st.PatchedRunNS > st.PatchedRunMaxNS || st.RunNS >= 0 && st.PatchedRunMaxNS > st.RunNS {
				t.Fatalf("run times of a stay do not add up: %+v", st)
			}
		}
		for c, ns := range k.Time {
			if ns < 0 {
				t.Fatalf("CPU %d was held for %d ns by %s", k.CPU, ns, c)
			}
		}
	}
	for _, k := range s.CPUs {
		if err := noiseAddsUp(k); err != nil && !wild {
			t.Fatalf("%v", err)
		}
	}
	if p := s.Spare; p != nil && !wild && (p.NS < 0 || p.NS > p.WaitNS || p.WaitNS > 0 != (p.Count > 0)) {
		t.Fatalf("idleness that does not add up: %+v", p)
	}
	for _, k := range s.CPUs {
		if err := addsUp(k); err != nil {
			t.Fatalf("%v", err)
		}
	}
	for i := range s.runs {
		if err := adds(&s.runs[i]); err != nil {
			t.Fatalf("%v", err)
		}
	}
	again, err := tryScene(rec, h, o)
	if err != nil {
		t.Fatalf("the second time: %v", err)
	}
	if a, b := fingerprint(s), fingerprint(again); a != b {
		i := 0
		for i < min(len(a), len(b)) && a[i] == b[i] {
			i++
		}
		t.Fatalf("not the same twice:\n%.200s\n%.200s", a[max(0, i-50):], b[max(0, i-50):])
	}
}

// noiseAddsUp holds the noise of a CPU against the time that others than its owner had it.
func noiseAddsUp(k *account.CPUResult) error {
	others, noise := int64(0), -k.Noise.InOwner-k.Noise.InIdle-k.Noise.InUnknown
	for class, ns := range k.Time {
		if class != account.ClassOwner && class != account.ClassIdle && class != account.ClassUnknown {
			others += ns
		}
	}
	for _, n := range k.Noise.Items {
		if n.Count <= 0 || n.NS < 0 || n.Longest > n.NS || n.OwnerNS < 0 || n.OwnerNS > n.NS {
			return fmt.Errorf("noise that does not add up: %+v", n)
		}
		noise += n.NS
	}
	for _, l := range k.Noise.Left {
		noise += l.NS
	}
	if noise != others {
		return fmt.Errorf("CPU %d: noise of %d ns, others had it for %d: %+v", k.CPU, noise, others, k.Noise)
	}
	return nil
}

// fingerprint is everything a replay says, as one string.
func fingerprint(s *scene) string {
	s.Meta, s.Result.Host = nil, nil
	out, err := json.Marshal(struct {
		R any
		W any
		S any
		T any
	}{s.Result, s.wakeups, s.stays, s.runs})
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// streams draws byte strings for decode, mostly of events in order.
func streams(events int) *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		b := rapid.SliceOfN(rapid.ByteRange(0, 15), 4, 4).Draw(t, "head")
		tame := rapid.Bool().Draw(t, "tame")
		for range rapid.IntRange(0, events).Draw(t, "events") {
			e := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "event")
			if tame {
				e[0] = [...]byte{1, 1, 1, 1, 2, 2, 3, 3, 5, 4, 6, 7, 8, 12, 14}[int(e[0])%15]
				e[1] &= 63
				e[2] &= 7
				e[6] &= 7
				e[7] = 0
			}
			b = append(b, e...)
		}
		return b
	})
}

// Whatever the stream, a replay ends, adds up and says the same twice.
func TestAnyStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { sane(t, streams(60).Draw(t, "stream")) })
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0})
	// A timer ran, and a switch shows that the task which it seemed to interrupt did not.
	f.Add([]byte{0, 4, 0, 0, 0, 0, 0, 26, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 27, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<14 {
			t.Skip()
		}
		sane(t, b)
	})
}

// A canceled context ends the replay with its error.
func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, made.Record(made.Crowd()...), made.Bench("6.1.0", 7), Plan{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// What is not known makes a set wider, never narrower: a loss on another CPU just
// before a decision leaves every CPU possible that was possible, to the recorded kernel and to the
// other. Where not all could be tried before, the loss may leave less to try.
func TestUnknownOnlyWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := []byte{byte(rapid.SampledFrom([]int{0, 1, 2, 4, 6}).Draw(t, "kernel")), 0, 0, 0}
		for range rapid.IntRange(5, 60).Draw(t, "events") {
			e := rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "event")
			e[0] = [...]byte{1, 1, 1, 1, 2, 2, 3, 3, 5, 4, 6}[int(e[0])%11]
			e[1], e[2], e[5], e[6], e[7] = e[1]&63, e[2]&7, e[5]&31, e[6]&7, 0
			b = append(b, e...)
		}
		rec, h, _, _ := decode(b)
		last := rec.List[len(rec.List)-1].Time
		wakee := rapid.SampledFrom([]parser.Task{made.Ksmd, made.Other, made.Busy[1], made.Poller}).Draw(t, "wakee")
		cpu := rapid.Int32Range(0, 7).Draw(t, "cpu")
		w := made.Waking(0, cpu, made.Swapper, wakee, rapid.Int32Range(0, 7).Draw(t, "prev"))
		w.Time = last + 50_000
		gap := made.Lost(0, (cpu+rapid.Int32Range(1, 7).Draw(t, "gap"))&7, 0, 1)
		gap.Time, gap.Start = last+49_000, last+49_000
		decided := func(more ...parser.Event) *decide.Wakeup {
			ev := append(append([]parser.Event{}, rec.List...), more...)
			s, err := tryScene(made.Record(ev...), h, Plan{})
			if err != nil || len(s.wakeups) == 0 {
				t.Fatal(err)
			}
			return &s.wakeups[len(s.wakeups)-1]
		}
		only := func(who string, a, c *decide.Placed) {
			if a.Bounded && !a.Widened && c.Bounded && !a.Possible.SubsetOf(c.Possible) {
				t.Fatalf("%s: possible %s (%s), and after a loss on CPU %d only %s (%s)", who, a.Possible, a.Path, gap.CPU, c.Possible, c.Path)
			}
			if c.Bounded && !a.Bounded {
				t.Fatalf("%s: a loss gives a bound where there was none", who)
			}
		}
		a, c := decided(w), decided(gap, w)
		only("the recorded kernel", a.Made(), c.Made())
		only("the other", a.Other(), c.Other())
	})
}
