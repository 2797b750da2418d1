package perfdata

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/eventtest"
)

// longStory makes n records of each CPU, in pieces that the kernel wrote at once: a
// loss with the record behind it, and interrupts whose record was reserved after they
// took the time.
func (w *writer) longStory(n int) (pieces [cpus][][]byte) {
	for cpu := range cpus {
		add := func(records ...[]byte) { pieces[cpu] = append(pieces[cpu], slices.Concat(records...)) }
		for i := range n {
			t := uint64(1000 + i*100 + cpu*50)
			name := fmt.Sprintf("task %d", i)
			switch {
			case i%1000 == 500:
				add(w.record(recLost, 0, w.Cat(uint64(idSwitch*10+cpu), uint64(i), w.trailer(idSwitch, cpu, 10, t))),
					w.sample(idWaking, cpu, 0, t, w.Waking(0, 8, name, 8, 1)))
			case i%1000 == 700:
				add(w.sample(idWaking, cpu, 0, t, w.Waking(0, 0, "late", 9, 1)))
				add(w.sample(idWaking, cpu, 0, t-10, w.Waking(0, 0x10, name, 10, 1)))
			case i%1000 == 900:
				add(w.sample(idWaking, cpu, 0, t, w.Waking(0, 0, name, 9, 1)))
				add(w.sample(idMigrate, cpu, 0, t, w.migrateRaw(0, name, 9, 1, 0))) // at the same time
			default:
				add(w.sample(idWaking, cpu, 0, t, w.Waking(0, 0, name, 11, 1)))
			}
		}
	}
	return pieces
}

// perf record --overwrite leaves the records of each ring buffer in the file from
// the newest to the oldest.
func TestOverwriteMode(t *testing.T) {
	for name, o := range eventtest.Orders {
		for _, dumps := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", name, dumps), func(t *testing.T) {
				forward, backward := newWriter(o), newWriter(o)
				backward.flags |= flagBackward
				pieces := forward.longStory(3000)
				for d := range dumps {
					for cpu := range cpus {
						each := len(pieces[cpu]) / dumps
						part := pieces[cpu][d*each:]
						if d < dumps-1 {
							part = part[:each]
						}
						forward.add(part...)
						slices.Reverse(part)
						backward.add(part...)
					}
				}
				var got []string
				overwritten := 0
				for _, l := range told(t, backward.file(), true) {
					if strings.Contains(l, "] @0 overwritten") {
						overwritten++
						continue
					}
					got = append(got, l)
				}
				if d := cmp.Diff(told(t, forward.file(), true), got); d != "" {
					t.Errorf("-forward +backward:\n%.3000s", d)
				}
				if overwritten != cpus {
					t.Errorf("%d CPUs are told to begin late, want %d", overwritten, cpus)
				}
			})
		}
	}
}

// A loss whose record was cut off stands alone.
func TestOverwriteModeLossAlone(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	w.flags |= flagBackward
	w.add(
		w.sample(idWaking, 0, 0, 900, w.Waking(0, 0, "b", 10, 1)),
		w.sample(idWaking, 0, 0, 800, w.Waking(0, 0, "a", 10, 1)),
		w.record(recLost, 0, w.Cat(uint64(idSwitch*10), uint64(7), w.trailer(idSwitch, 0, 10, 700))),
		w.sample(idWaking, 1, 0, 850, w.Waking(0, 0, "c", 10, 1)),
	)
	want := []string{
		`700 [000] @0 overwritten`,
		`700 [000] @0 lost start=700 count=7`,
		`800 [000] @0 sched_waking "comm=a pid=10 prio=120 target_cpu=001" cur=0 "swapper" task`,
		`850 [001] @0 overwritten`,
		`850 [001] @0 sched_waking "comm=c pid=10 prio=120 target_cpu=001" cur=0 "swapper" task`,
		`900 [000] @0 sched_waking "comm=b pid=10 prio=120 target_cpu=001" cur=0 "swapper" task`,
	}
	if d := cmp.Diff(want, told(t, w.file(), true)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Losses that state an earlier time than the record behind them, or stand in a row, as in a
// damaged file: what is read stays in order of time.
func TestOverwriteModeLossOutOfOrder(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	w.flags |= flagBackward
	lost := func(time uint64) []byte {
		return w.record(recLost, 0, w.Cat(uint64(idSwitch*10), uint64(7), w.trailer(idSwitch, 0, 10, time)))
	}
	waking := func(time uint64) []byte { return w.sample(idWaking, 0, 0, time, w.Waking(0, 0, "b", 10, 1)) }
	w.add(waking(950), lost(910), lost(500), waking(900), waking(880), lost(600), waking(850), waking(800), lost(820), lost(810), waking(700))
	var times []string
	for _, l := range told(t, w.file(), true) {
		at, _, _ := strings.Cut(l, " [")
		times = append(times, at)
	}
	if got := strings.Join(times, " "); len(times) != 12 || !slices.IsSorted(times) {
		t.Errorf("%s", got)
	}
}
