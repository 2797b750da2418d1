package fair

import (
	"testing"

	"pgregory.net/rapid"
)

// A queue takes a slice of the quota at a time; what it uses beyond is given back by later
// periods before it goes on.
func TestBandwidth(t *testing.T) {
	b := &Bandwidth{Quota: 12 * ms, Period: 100 * ms, Slice: BandwidthSlice, Runtime: 12 * ms}
	one, two := &QueueRuntime{CPU: 1}, &QueueRuntime{CPU: 2}
	for i, c := range []struct {
		q                        *QueueRuntime
		used, remaining, runtime int64
		ok                       bool
	}{
		{one, 0, 5 * ms, 7 * ms, true}, // check_enqueue_throttle
		{one, 4 * ms, 1 * ms, 7 * ms, true},
		{one, 4 * ms, 4 * ms, 0, true}, // a slice and what it owes are 8 ms, of which there are 7
		{two, 0, 0, 0, false},
	} {
		ok := b.Account(c.q, c.used)
		if ok != c.ok || c.q.Remaining != c.remaining || b.Runtime != c.runtime {
			t.Fatalf("%d: %v, %d remain, %d of the quota", i, ok, c.q.Remaining, b.Runtime)
		}
	}
	if !b.Throttle(two) || b.Account(one, 9*ms) || !b.Throttle(one) {
		t.Fatal("nothing is left, and somebody is not throttled")
	}
	if active, distribute := b.Refill(); !active || !distribute || b.Runtime != 12*ms {
		t.Fatalf("a period with throttled queues: %d", b.Runtime)
	}
	if on := b.Distribute(); len(on) != 2 || on[0] != two || two.Remaining != 1 || one.Remaining != 1 || b.Runtime != 12*ms-1-(5*ms+1) {
		t.Fatalf("%d go on, %d and %d remain, %d of the quota", len(on), two.Remaining, one.Remaining, b.Runtime)
	}
	// A debt of more than the quota takes two periods.
	if b.Account(one, 30*ms) || !b.Throttle(one) {
		t.Fatal("not throttled")
	}
	if b.Refill(); len(b.Distribute()) != 0 || one.Remaining >= 0 {
		t.Fatalf("%d remain", one.Remaining)
	}
	if b.Refill(); len(b.Distribute()) != 1 {
		t.Fatalf("%d remain", one.Remaining)
	}
	// Without use the timer stops after a period.
	if active, _ := b.Refill(); !active {
		t.Fatal("the first period without use")
	}
	if active, _ := b.Refill(); active || b.Active {
		t.Fatal("the second")
	}
}

// An empty queue keeps a millisecond and gives back the rest: enough of it starts the slack
// timer for who is throttled, unless a period begins soon.
func TestBandwidthSlack(t *testing.T) {
	b := &Bandwidth{Quota: 20 * ms, Period: 100 * ms, Slice: BandwidthSlice, Runtime: 20 * ms, Refresh: 100 * ms}
	one, two := &QueueRuntime{}, &QueueRuntime{}
	one.Remaining, b.Runtime = 8*ms, 0
	if b.Account(two, 1) || !b.Throttle(two) {
		t.Fatal("not throttled")
	}
	if !b.Return(one, 10*ms) || one.Remaining != 1*ms || b.Runtime != 7*ms || !b.SlackEnds(15*ms) {
		t.Fatalf("%d remain, %d of the quota", one.Remaining, b.Runtime)
	}
	one.Remaining = 8 * ms
	if b.Return(one, 94*ms) || b.SlackEnds(99*ms) {
		t.Fatal("a period begins soon")
	}
	if b.Return(one, 10*ms) || one.Remaining != 1*ms {
		t.Fatal("it has nothing to return")
	}
}

// Up to 5.3 what a queue has of a period is lost with it.
func TestBandwidthExpires(t *testing.T) {
	for _, expires := range []bool{false, true} {
		b := &Bandwidth{Quota: 10 * ms, Period: 100 * ms, Slice: BandwidthSlice, Runtime: 10 * ms, Expires: expires}
		q := &QueueRuntime{}
		b.Account(q, 0)
		b.Refill()
		b.Account(q, 1*ms)
		if want := map[bool]int64{false: 4 * ms, true: 5 * ms}[expires]; q.Remaining != want || expires != (b.Runtime == 5*ms) {
			t.Errorf("expires %v: %d remain, %d of the quota", expires, q.Remaining, b.Runtime)
		}
	}
}

// Whatever happens, queues together use no more than the quotas of the periods begun and what
// was used beyond them; nothing that was given is lost.
func TestBandwidthProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quota := rapid.Int64Range(1, 50).Draw(t, "quota") * ms
		b := &Bandwidth{Quota: quota, Period: 100 * ms, Slice: BandwidthSlice, Runtime: quota, Refresh: 1 << 60}
		queues := make([]QueueRuntime, rapid.IntRange(1, 4).Draw(t, "queues"))
		used, given := int64(0), quota
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			q := &queues[rapid.IntRange(0, len(queues)-1).Draw(t, "queue")]
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				if q.Throttled {
					continue
				}
				n := rapid.Int64Range(0, 6*ms).Draw(t, "used")
				used += n
				if !b.Account(q, n) && !b.Throttle(q) {
					t.Fatal("not throttled")
				}
			case 1:
				given += quota - b.Runtime
				if _, distribute := b.Refill(); distribute {
					for _, q := range b.Distribute() {
						if q.Throttled || q.Remaining <= 0 {
							t.Fatalf("one goes on with %d", q.Remaining)
						}
					}
				}
			case 2:
				if !q.Throttled && q.Remaining > 0 {
					b.Return(q, 0)
				}
			case 3:
				if b.SlackEnds(0) {
					b.Distribute()
				}
			}
			sum := b.Runtime
			for i := range queues {
				if sum += queues[i].Remaining; queues[i].Throttled && queues[i].Remaining > 0 {
					t.Fatalf("throttled with %d", queues[i].Remaining)
				}
			}
			if sum+used != given {
				t.Fatalf("%d are left and %d used of %d", sum, used, given)
			}
		}
	})
}
