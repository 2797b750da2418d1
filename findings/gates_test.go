package findings

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/replay"
	"schedreplay/stats"
)

// gateResult is of one isolated CPU with an entry by wakeup, one unseen, a resident, and
// wakings of the owner with a sch delay of i µs each.
func gateResult(wakings int) *replay.Result {
	var w [replay.WaitKinds]replay.Waits
	for i := range wakings {
		ns := int64(i+1) * 1000
		w[replay.SchDelay].Add(ns, ns, ns, false, nil)
	}
	stay := func(how replay.How, ns int64) *replay.Stay {
		return &replay.Stay{CPU: 3, How: how, Class: replay.ClassForeign, Runs: 1, RunNS: ns}
	}
	return &replay.Result{
		End: 1e9, Isolated: fact.Seen(cpumask.Of(3), "test"), Lost: 2,
		CPUs: []*replay.CPUResult{{
			CPU: 3, Waits: w, Time: map[replay.Class]int64{replay.ClassForeign: 6e6, replay.ClassUnknown: 5e5},
			Stays: []*replay.Stay{stay(replay.CameBefore, 3e6), stay(replay.CameByWakeup, 2e6), stay(replay.CameUnseen, 1e6)},
		}},
	}
}

func TestJudge(t *testing.T) {
	f := Of(gateResult(200))
	for _, c := range []struct {
		g              Gate
		holds          bool
		value, unknown int64
	}{
		{Gate{Measure: ForeignTime, Max: 6_500_000}, true, 6e6, 5e5},
		{Gate{Measure: ForeignTime, Max: 6_499_999}, false, 6e6, 5e5},
		{Gate{Measure: ForeignTime, Max: 6_000_000, AllowUnknown: true}, true, 6e6, 0},
		{Gate{Measure: ForeignTime, Max: 5_999_999, AllowUnknown: true}, false, 6e6, 0},
		{Gate{Measure: ForeignTime, Max: 3_000_000, AllowUnknown: true, IgnoreResidents: true}, true, 3e6, 0},
		{Gate{Measure: EntryCount, Max: 2}, true, 2, 1},
		{Gate{Measure: EntryCount, Max: 1}, false, 2, 1},
		{Gate{Measure: OwnerWorst, Max: 200_000}, true, 200_000, 0},
		{Gate{Measure: OwnerWorst, Max: 199_999}, false, 200_000, 0},
		{Gate{Measure: LostEvents, Max: 2}, true, 2, 0},
		{Gate{Measure: LostEvents, Max: 1}, false, 2, 0},
	} {
		if j := f.Judge(c.g); j.Holds != c.holds || j.Value != c.value || j.Unknown != c.unknown {
			t.Errorf("%+v", j)
		}
	}
	// The p99 is the one that the findings have, to the nanosecond of the bound.
	p, ok := f.Sum.Waits[replay.SchDelay].Percentile(99)
	if !ok || !f.Judge(Gate{Measure: OwnerP99, Max: p}).Holds || f.Judge(Gate{Measure: OwnerP99, Max: p - 1}).Holds {
		t.Errorf("p99 of %d ns, %v", p, ok)
	}
	// One that never sleeps is judged by its gaps.
	poller := gateResult(1)
	poller.CPUs[0].Time[replay.ClassOwner] = 1e9 - 100_000
	poller.CPUs[0].Waits[replay.OffCPUGap].Add(90_000, 90_000, 1, true, nil)
	if j := Of(poller).Judge(Gate{Measure: OwnerWorst, Max: 80_000}); j.Holds || j.Kind != replay.OffCPUGap || j.Value != 90_000 || j.Waits != 1 {
		t.Errorf("a poller: %+v", j)
	}
	if j := Of(gateResult(99)).Judge(Gate{Measure: OwnerP99, Max: 99_000}); !j.Holds || !j.TooFew || j.Value != 99_000 {
		t.Errorf("99 wakings: %+v", j)
	}
}

// What is not known does not hold.
func TestJudgeUnknown(t *testing.T) {
	every := []Measure{ForeignTime, EntryCount, OwnerP99, OwnerWorst}
	judge := func(res *replay.Result, m Measure) Judgement { return Of(res).Judge(Gate{Measure: m, Max: 1 << 60}) }
	for _, m := range every {
		if j := judge(&replay.Result{}, m); j.Holds || j.Isolation != IsolationUnknown {
			t.Errorf("isolation unknown: %+v", j)
		}
		if j := judge(&replay.Result{Isolated: fact.Seen(cpumask.Mask{}, "test")}, m); j.Holds || j.Isolation != NoneIsolated {
			t.Errorf("none isolated: %+v", j)
		}
	}
	if j := judge(gateResult(0), OwnerP99); j.Holds || !j.Unwoken {
		t.Errorf("no waking: %+v", j)
	}
	if j := judge(&replay.Result{LostUnknown: 1}, LostEvents); j.Holds {
		t.Errorf("lost unknown: %+v", j)
	}
}

// Recordings whose bands do not meet are never told alike, and no verdict of more or less
// has a band that holds 1.
func TestCompareAgreesWithBands(t *testing.T) {
	sample := func(n int) *Sample {
		res := gateResult(200)
		res.CPUs[0].Stays = nil
		for range n {
			res.CPUs[0].Stays = append(res.CPUs[0].Stays, &replay.Stay{CPU: 3, How: replay.CameByWakeup, Class: replay.ClassForeign, Runs: 1, RunNS: 1000})
		}
		s := NewSample("x")
		obs := s.Observer()
		obs.Begin(res)
		for i := range n {
			at := int64(1e9) * int64(i) / int64(n)
			obs.Run(&replay.Slice{CPU: 3, Class: replay.ClassForeign, Start: at, End: at + 1000, Stay: i})
		}
		s.Finish(res)
		return s
	}
	for _, a := range []int{0, 1, 5, 13, 28, 132, 281} {
		for _, b := range []int{0, 1, 5, 13, 28, 132, 281} {
			x, y := sample(a), sample(b)
			c := Compare(x, y)
			if apart(x.EntriesPerS, y.EntriesPerS) && c.Entries != Less && c.Entries != More {
				t.Errorf("%d and %d entries: %v although their bands do not meet", a, b, c.Entries)
			}
			if r := c.EntryRatio; (c.Entries == Less || c.Entries == More) && r.Low < 1 && (r.High > 1 || r.High == 0) {
				t.Errorf("%d and %d entries: %v, with the band %v", a, b, c.Entries, r)
			}
			if apart(x.Share, y.Share) && (c.Held == ByChance || c.Held == NoneInEither) {
				t.Errorf("%d and %d entries: the time is told as %v although the bands do not meet", a, b, c.Held)
			}
		}
	}
}

// apart reports whether the bands of two estimates do not meet.
func apart(a, b stats.Interval) bool { return a.High < b.Low || b.High < a.Low }
