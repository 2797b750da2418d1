package say

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"schedreplay/findings"
	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

// Doubts are the reasons why two captures may not be comparable.
func Doubts(a, b *findings.Sample) []string {
	var d doubtList
	d.machines(a.Result, b.Result)
	d.isolation(a.Result, b.Result)
	d.recordings(a, b)
	for _, s := range []*findings.Sample{a, b} {
		d.gaps(s)
	}
	if fa, fb := a.Fidelity, b.Fidelity; fa.Judged() > 0 && fb.Judged() > 0 {
		x, y := float64(fa.Exact)/float64(fa.Judged()), float64(fb.Exact)/float64(fb.Judged())
		if math.Abs(x-y) > 0.1 {
			d.add("the model fits them differently well: %s and %s exact", Percent(fa.Exact, fa.Judged()), Percent(fb.Exact, fb.Judged()))
		}
	}
	if a.Checksum != "" && a.Checksum == b.Checksum {
		d.add("they are the same file")
	}
	return d
}

// doubtList collects them.
type doubtList []string

func (d *doubtList) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

// differ adds a doubt where two descriptions of the same thing differ.
func (d *doubtList) differ(what, x, y, cost string) {
	if x != y {
		d.add("%s: %s and %s; %s", what, cmp.Or(x, "not known"), cmp.Or(y, "not known"), cost)
	}
}

func (d *doubtList) machines(a, b *replay.Result) {
	ha, hb := a.Host, b.Host
	if ha == nil || hb == nil {
		return
	}
	d.differ("the machines have different CPUs", machineWords(a), machineWords(b), "delays and choices follow the topology")
	d.differ("the hosts have different names", Clean(ha.Hostname.Value), Clean(hb.Hostname.Value), "other hardware may explain the difference")
	d.differ("different kernels were recorded", Clean(ha.Release.Value), Clean(hb.Release.Value), "that may be what you compare, or not")
	if x, y := commandLine(ha), commandLine(hb); x != y {
		d.add("the kernels’ command lines differ: %s and %s", cmp.Or(x, "not known"), cmp.Or(y, "not known"))
	}
}

func (d *doubtList) isolation(a, b *replay.Result) {
	ia, ka := a.Isolated.Get()
	ib, kb := b.Isolated.Get()
	switch {
	case !ka || !kb:
		d.add("the isolated CPUs are not known in %s", map[bool]string{true: "both", false: "one of them"}[!ka && !kb])
	case !ia.Equal(ib):
		d.add("different CPUs are isolated: %s and %s", MaskWords(ia), MaskWords(ib))
	}
	d.differ("the owners have different names", ownerNames(a), ownerNames(b), "their delays are those of different programs")
}

// recordings holds the formats, clocks, windows and CPUs against each other.
func (d *doubtList) recordings(a, b *findings.Sample) {
	ra, rb := a.Result, b.Result
	if ma, mb := ra.Meta, rb.Meta; ma != nil && mb != nil {
		d.differ("the formats differ", string(ma.Dialect), string(mb.Dialect), "not every format carries the same events")
		d.differ("the clocks differ", ma.Clock.Name, mb.Clock.Name, "delays are taken on each capture’s own clock")
		if ma.Resolution != mb.Resolution {
			d.add("the time stamps are to %s and to %s; short delays are not comparable", Duration(ma.Resolution), Duration(mb.Resolution))
		}
		if ma.HasWakings != mb.HasWakings {
			d.add("only one of them carries wakeups: its delays are from waking, the other’s are not")
		}
	}
	wa, wb := a.WindowNS(), b.WindowNS()
	if wa > 0 && wb > 0 && (float64(wa)/float64(wb) > 2 || float64(wb)/float64(wa) > 2) {
		d.add("the windows differ much: %s and %s; in the longer one a rare event is likelier", Duration(wa), Duration(wb))
	}
	if !ra.Recorded.Equal(rb.Recorded) {
		na, nb := ra.Recorded.Weight(), rb.Recorded.Weight()
		if na*2 < nb || nb*2 < na || na == 1 || nb == 1 {
			d.add("CPUs of %s and of %s had events; a recording of few CPUs (-C) shows less", MaskWords(ra.Recorded), MaskWords(rb.Recorded))
		}
	}
	wakings := func(r *replay.Result) bool { return r.Events[parser.KindWaking] > 0 }
	if wakings(ra) != wakings(rb) {
		d.add("only one of them has sched_waking; the other’s delays begin at sched_wakeup and are shorter")
	}
}

// gaps adds what one capture lacks by itself.
func (d *doubtList) gaps(s *findings.Sample) {
	r := s.Result
	if n := r.Lost + r.Overwritten; n > 0 || r.LostUnknown > 0 || r.Holes > 0 {
		d.add("%s lost events (%s, and %s): what happened then is in no number", Clean(s.Name), Count(n), Counted(r.Holes+r.LostUnknown, "break of unknown size", "breaks of unknown size"))
	}
	if r.Partial != nil || r.Damaged > 0 {
		d.add("%s is damaged or cut short", Clean(s.Name))
	}
	for kind := range replay.WaitKinds {
		if n := s.Sum.Waits[kind].Count(); s.Sum.CPUs > 0 && n > 0 && n < 100 && (kind == replay.SchDelay || s.Sum.Waits[replay.SchDelay].Count() == 0) {
			d.add("%s has only %s of the owner: its tail is not known", Clean(s.Name), CountedWaits(n, kind))
		}
	}
}

// machineWords is the shape of a machine.
func machineWords(r *replay.Result) string {
	n, smt := 0, 0
	llc := map[string]bool{}
	for _, c := range r.Host.CPU {
		if c.Known {
			n++
			smt = max(smt, c.Siblings.Weight())
			llc[c.LLC.String()] = true
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s, %d per core, %s", Counted(int64(n), "CPU"), smt, Counted(int64(len(llc)), "LLC"))
}

// commandLine is the part of the kernel's command line that concerns the
// scheduler.
func commandLine(h *parser.Host) string {
	var out []string
	for _, w := range strings.Fields(h.Cmdline.Value) {
		name, _, _ := strings.Cut(w, "=")
		switch name {
		case "isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity", "nosmt", "mitigations", "preempt", "housekeeping", "kthread_cpus", "skew_tick", "idle", "intel_idle.max_cstate", "processor.max_cstate":
			out = append(out, Clean(w))
		}
	}
	return strings.Join(out, " ")
}

func ownerNames(r *replay.Result) string {
	var names []string
	for _, c := range r.CPUs {
		if c.Owner != nil && !slices.Contains(names, parser.DisplayComm(c.Owner.Comm)) {
			names = append(names, parser.DisplayComm(c.Owner.Comm))
		}
	}
	slices.Sort(names)
	return JoinUpTo(names, 4, "task")
}

func sampleTitle(s *findings.Sample) string { return Bold(Clean(s.Name)) }

// differenceWords says what two recordings can tell of a difference.
func differenceWords(d findings.Difference) string {
	switch d {
	case findings.NoneInEither:
		return "no difference, there were none"
	case findings.Less:
		return "better, beyond what chance explains"
	case findings.More:
		return "worse, beyond what chance explains"
	case findings.LessHere:
		return "better in these captures, but so few entries may differ by chance; longer recordings would tell"
	case findings.MoreHere:
		return "worse in these captures, but so few entries may differ by chance; longer recordings would tell"
	}
	return "no difference that these captures can tell from chance"
}

// HeldVerdict compares entries and time.
func HeldVerdict(c *findings.Comparison) string {
	x, y := c.Before, c.After
	if c.Held == findings.NotTold {
		return fmt.Sprintf("%s: who held the isolated CPUs is not known in %s.", sampleTitle(y), map[bool]string{true: "both captures", false: "one capture"}[!x.Share.Known && !y.Share.Known])
	}
	s := fmt.Sprintf("%s: foreign tasks entered %s in %s (%s in %s before)", sampleTitle(y),
		Counted(y.Sum.Held.Entries.Total(), "time"), Duration(y.WindowNS()), Counted(x.Sum.Held.Entries.Total(), "time"), Duration(x.WindowNS()))
	if r := c.EntryRatio; r.Value > 0 {
		s += fmt.Sprintf(", %s of the rate (95 %% band %s to %s)", factor(r.Value), factor(r.Low), factor(r.High))
	}
	entries, held := differenceWords(c.Entries), differenceWords(c.Held)
	share := fmt.Sprintf("held %s of the time (%s before)", Share(y.Share.Value), Share(x.Share.Value))
	if entries == held {
		return fmt.Sprintf("%s and %s: %s.", s, share, held)
	}
	return fmt.Sprintf("%s: %s. They %s: %s.", s, entries, share, held)
}

// Share prints a part, 0 to 1, as a percentage.
func Share(v float64) string { return Percent(int64(math.Round(v*1e9)), 1e9) }

// WaitVerdicts compare the owners' waits, a sentence for each kind that both captures
// have, with the size of the effect.
func WaitVerdicts(c *findings.Comparison) []string {
	var out []string
	a, b := c.Before, c.After
	for kind := range replay.WaitKinds {
		w := &c.Waits[kind]
		if !w.Known {
			continue
		}
		noun := WaitNoun(kind)
		s := sampleTitle(b) + ": "
		if at := w.Percentile; at < 0 {
			s += fmt.Sprintf("the owner’s longest %s is %s (%s before)", noun, Duration(b.Sum.Waits[kind].WorstNS()), Duration(a.Sum.Waits[kind].WorstNS()))
		} else {
			r := w.Ratio
			s += fmt.Sprintf("the owner’s p%g %s is %s (%s before), %s of it (95 %% band %s to %s): %s", findings.Percentiles[at], noun,
				Duration(int64(b.Waits[kind].Percentile[at].Value)), Duration(int64(a.Waits[kind].Percentile[at].Value)), factor(r.Value), factor(r.Low), factor(r.High), differenceWords(w.Waits))
		}
		over := [replay.WaitKinds]string{"over all wakings, one waits longer than one before", "over all gaps, one is longer than one before"}[kind]
		out = append(out, s+fmt.Sprintf("; %s in %.0f %% of pairs, a %s effect.", over, 100*w.Superiority, EffectSize(w.Superiority)))
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("%s: the owner’s sch delay cannot be compared, since one of the captures shows no waking of it, nor its off-CPU gaps.", sampleTitle(b)))
	}
	return out
}

// EffectSize is a word for the probability of superiority, by the customary
// bounds (Vargha and Delaney).
func EffectSize(p float64) string {
	switch d := math.Abs(p - 0.5); {
	case d < 0.06:
		return "negligible"
	case d < 0.14:
		return "small"
	case d < 0.21:
		return "medium"
	}
	return "large"
}

// factor prints a ratio with two digits or so.
func factor(v float64) string {
	switch {
	case v >= 100:
		return Count(int64(math.Round(v)))
	case v >= 10:
		return fmt.Sprintf("%.0f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("1/%s", Count(int64(math.Round(1/max(v, 1e-9)))))
}

// Durations prints an estimate in ns with its band, a dash if it is not known.
func Durations(i stats.Interval) string {
	if !i.Known {
		return "–"
	}
	return fmt.Sprintf("%s (%s–%s)", Duration(int64(i.Value)), Duration(int64(i.Low)), Duration(int64(i.High)))
}

// Shares prints a part of the time; none at all has no band that the recording
// could give.
func Shares(i stats.Interval) string {
	if i.High == 0 {
		return Share(i.Value)
	}
	return fmt.Sprintf("%s (%s–%s)", Share(i.Value), Share(i.Low), Share(i.High))
}

// Rate prints events per second.
func Rate(v float64) string { return fmt.Sprintf("%.3g", math.Abs(v)) }
