package timehist

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"schedreplay/parser"
)

// span is one slice: the time off the CPU before it, the part of that from waking
// to running, and the time run, in ns.
type span struct{ wait, delay, run int64 }

// slice returns the slice of a thread from since, NoTime if its begin is not
// known, to now.
func (k *thread) slice(since, now int64) span {
	var s span
	if since == parser.NoTime {
		return s
	}
	s.run = now - since
	if k.ready != parser.NoTime && k.ready <= since {
		s.delay = since - k.ready
	}
	if k.out != parser.NoTime && k.out <= since {
		s.wait = since - k.out
	}
	return s
}

// stats are what the summary tells of a task. Times are in ns.
type stats struct {
	n                           int64 // slices
	run, sleep, iowait, preempt int64
	delay, shortest, longest    int64
	mean, squares               float64 // of the time run, as perf sums it up (update_stats)
	migrations                  int64
}

func (s *stats) add(ns int64) {
	if s.n == 0 || ns < s.shortest {
		s.shortest = ns
	}
	s.longest = max(s.longest, ns)
	s.n++
	// The conversions keep every architecture from fusing a product into a sum.
	delta := float64(ns) - s.mean
	s.mean += delta / float64(s.n)
	s.squares += float64(delta * (float64(ns) - s.mean))
}

// deviation is the standard deviation of the mean in percent of it
// (stddev_stats, rel_stddev_stats).
func (s *stats) deviation() float32 {
	if s.n < 2 || s.mean == 0 {
		return 0
	}
	variance := s.squares / float64(s.n-1)
	return float32(100 * math.Sqrt(variance/float64(s.n)) / s.mean)
}

// total is what the summary tells of the capture.
type total struct {
	// start and end of the switches counted, in ns, valid if began.
	start, end int64
	began      bool
	// skipped says that a filter left tasks out.
	skipped bool
	// gaps are losses and breaks; unknown are slices that began in one.
	gaps, unknown int64
}

// count adds a slice to what is known of its thread. One that began in a gap has
// no known length, and the summary leaves it out.
//
// Which wait it was is for perf in the number of the state: a task preempted
// inside the kernel (R+) slept.
func (t *total) count(k *thread, s span, gap, perf bool) {
	if gap {
		t.unknown++
		return
	}
	k.add(s.run)
	k.run += s.run
	k.stats.delay += s.delay
	switch {
	case k.left == parser.StateRunning, !perf && k.left.Known() && k.left.Runnable():
		k.preempt += s.wait
	case k.left == parser.StateBlocked:
		k.iowait += s.wait
	default:
		k.sleep += s.wait
	}
}

// window widens the time of the summary to a switch.
func (t *total) window(now, from, to int64) {
	if !t.began && now >= from {
		t.began, t.start = true, now
	}
	if now <= to {
		t.end = now
	}
}

// summaryRule is the width of the rule below the head of the summary.
const summaryRule = 117

// summary prints what perf's timehist_print_summary does.
func (p *Printer) summary() {
	title, columns, unit := "Runtime summary", "   run-time    min-run     avg-run     max-run  stddev  migrations", "%"
	if p.o.State {
		title, columns, unit = "Wait-time summary", "   run-time      sleep      iowait     preempt       delay", "(msec)"
	}
	p.print(fmt.Sprintf("\n%s\n%*s  parent   sched-in  %s\n", title, p.width, "comm", columns))
	p.print(fmt.Sprintf("%*s            (count)       (msec)     (msec)      (msec)      (msec)       %s\n", p.width, "", unit))
	p.print(rulerOf(summaryRule) + "\n")

	tasks, slices, run := int64(0), int64(0), int64(0)
	table := func(dead bool) (rows int) {
		for _, k := range p.inOrder() {
			if k.dead == dead && k.n > 0 {
				p.row(k)
				slices += k.n
				run += k.run
				rows++
			}
		}
		tasks += int64(rows)
		return rows
	}
	if table(false) == 0 {
		p.print("<no still running tasks>\n")
	}
	p.print("\nTerminated tasks:\n")
	if table(true) == 0 {
		p.print("<no terminated tasks>\n")
	}
	if !p.total.skipped {
		slices += p.idleStats()
		p.print(fmt.Sprintf("\n    Total number of unique tasks: %d\nTotal number of context switches: %d\n", tasks, slices))
		p.print("           Total run time (msec): " + msec(run, 2) + "\n")
		p.print(fmt.Sprintf("    Total scheduling time (msec): %s (x %d)\n", msec(p.total.end-p.total.start, 2), p.maxCPU()))
	}
	p.interruptStats()
	if p.total.gaps > 0 {
		p.print(fmt.Sprintf("\nGaps: %d. Slices that began in one, and are not counted: %d.\n",
			p.total.gaps, p.total.unknown))
	}
}

// hashTables is the number of tables that perf spreads its threads over by their
// ids (THREADS__TABLE_SIZE); it prints one after the other.
const hashTables = 256

// inOrder returns the threads in perf's order.
func (p *Printer) inOrder() []*thread {
	all := make([]*thread, 0, len(p.threads))
	for _, k := range p.threads {
		if k.n > 0 {
			all = append(all, k)
		}
	}
	slices.SortFunc(all, func(a, b *thread) int {
		return cmp.Or(cmp.Compare(uint32(a.tid)%hashTables, uint32(b.tid)%hashTables), cmp.Compare(a.tid, b.tid))
	})
	return all
}

// row prints a task (print_thread_runtime, print_thread_waittime).
func (p *Printer) row(k *thread) {
	var b strings.Builder
	label := p.label(k, &parser.Task{PID: k.tid}, "<idle>")
	fmt.Fprintf(&b, "%*s   %5d  %9d %s", p.width, label, k.ppid, k.n, msec(k.run, 8))
	if p.o.State {
		b.WriteString(msec(k.sleep, 6) + " " + msec(k.iowait, 6) + " " + msec(k.preempt, 6) + " " + msec(k.stats.delay, 6))
	} else {
		b.WriteString(msec(k.shortest, 6) + " " + msec(int64(k.mean), 6) + " " + msec(k.longest, 6) + " ")
		fmt.Fprintf(&b, " %5.2f   %5d", k.deviation(), k.migrations)
	}
	p.print(b.String() + "\n")
}

// idleStats prints how long each CPU was idle, and returns its slices of idleness.
//
// perf calls a CPU idle all the time that never left its idle task, be it that it
// was never idle or not recorded. That is said of no other capture, nor of one
// with gaps.
func (p *Printer) idleStats() (slices int64) {
	p.print("\nIdle stats:\n")
	for i := range max(p.maxCPU(), len(p.cpus)) {
		c := p.at(int32(i))
		switch {
		case !p.onCPU(int32(i)), p.machine > 0 && i >= p.machine && c.idle.n == 0:
		case c.idle.n > 0:
			slices += c.idle.n
			share := "     ?"
			if t := p.total.end - p.total.start; t > 0 {
				share = fmt.Sprintf("%6.2f", 100*float64(c.idle.run)/float64(t))
			}
			p.print(fmt.Sprintf("    CPU %2d idle for %s msec  (%s%%)\n", i, msec(c.idle.run, 6), share))
		case p.perf && p.total.gaps == 0:
			p.print(fmt.Sprintf("    CPU %2d idle entire time window\n", i))
		default:
			p.print(fmt.Sprintf("    CPU %2d not seen idle\n", i))
		}
	}
	return slices
}
