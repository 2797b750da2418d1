package openmetrics

import (
	"schedreplay/findings"
	"schedreplay/findings/fleet"
	"schedreplay/replay"
)

// Bound is a bound of check, as it was given, and how it came out.
type Bound struct {
	Flag, Max string
	Holds     bool
}

// Check is what check found in a capture of that name. Figures that are not known are left
// out.
func Check(f *findings.Findings, name string, bounds []Bound) []byte {
	t := &Text{}
	of := []Label{{"capture", name}}
	if h := fleet.HostOf(f.Result); h != "" {
		of = append(of, Label{"host", h})
	}
	for _, b := range bounds {
		t.Bool("schedreplay_check_holds", "Whether the bound holds; what is not known does not.", b.Holds, append(of[:len(of):len(of)], Label{"bound", b.Flag}, Label{"max", b.Max})...)
	}
	t.Bool("schedreplay_capture_partial", "Whether the capture could not be read to its end.", f.Result.Partial != nil, of...)
	t.Count("schedreplay_lost_events", "Events known to be missing.", f.Result.Lost+f.Result.Overwritten, of...)
	if f.Isolation() != findings.IsolationSeen {
		return t.Bytes()
	}
	s := &f.Sum
	t.Count("schedreplay_isolated_cpus", "Isolated CPUs looked at.", int64(s.CPUs), of...)
	t.Seconds("schedreplay_window_seconds", "The time looked at, over all isolated CPUs.", s.WindowNS, of...)
	t.Seconds("schedreplay_unknown_seconds", "The part of it of which the recording does not tell who ran.", s.UnknownNS, of...)
	t.Seconds("schedreplay_foreign_seconds", "The part of it that foreign tasks held.", s.Held.NS, of...)
	t.Count("schedreplay_foreign_entries", "Entries of foreign tasks on isolated CPUs.", s.Held.Entries.Total(), of...)
	t.Count("schedreplay_foreign_residents", "Foreign tasks that were there when the recording begins.", s.Held.Residents, of...)
	if d := s.Waits[replay.SchDelay].Dist(); d.Count() > 0 {
		t.Seconds("schedreplay_owner_delay_max_seconds", "The owners' longest sch delay.", d.Max(), of...)
		t.Delays("schedreplay_owner_delay_seconds", "The owners' sch delay, from waking to running.", d, of...)
	}
	if d := s.Waits[replay.OffCPUGap].Dist(); d.Count() > 0 {
		t.Seconds("schedreplay_owner_gap_max_seconds", "The owners' longest off-CPU gap.", d.Max(), of...)
		t.Delays("schedreplay_owner_gap_seconds", "The owners' off-CPU gaps: runnable, not running, not having slept.", d, of...)
	}
	return t.Bytes()
}

// Fleet is a fleet's answer.
func Fleet(a *fleet.Answer) []byte {
	t := &Text{}
	t.Count("schedreplay_fleet_captures", "Captures summed up.", a.Captures)
	t.Count("schedreplay_fleet_captures_judged", "Captures of which isolated CPUs can be judged.", a.Judged)
	t.Count("schedreplay_fleet_dead_letters", "Captures that could not be summed up.", int64(len(a.Dead)))
	t.Count("schedreplay_fleet_hosts_judged", "Hosts that can be judged.", int64(len(a.Hosts)))
	t.Count("schedreplay_fleet_hosts_hit", "Hosts among them with a foreign task on an isolated CPU.", a.Hit())
	if a.Delays.Count() > 0 {
		t.Seconds("schedreplay_fleet_owner_delay_max_seconds", "The owners' longest sch delay.", a.Delays.Max())
		t.Delays("schedreplay_fleet_owner_delay_seconds", "The owners' sch delay, from waking to running, over all hosts.", &a.Delays)
	}
	if a.Gaps.Count() > 0 {
		t.Seconds("schedreplay_fleet_owner_gap_max_seconds", "The longest off-CPU gap of owners that never sleep.", a.Gaps.Max())
		t.Delays("schedreplay_fleet_owner_gap_seconds", "The off-CPU gaps of owners that never sleep, over all hosts.", &a.Gaps)
	}
	named := func(h *fleet.Host) []Label {
		if h.Name == "" {
			return []Label{{"host", ""}, {"capture", h.Capture}}
		}
		return []Label{{"host", h.Name}}
	}
	each := func(f func(h *fleet.RankedHost, of []Label)) {
		for i := range a.Hosts {
			f(&a.Hosts[i], named(a.Hosts[i].Host))
		}
	}
	each(func(h *fleet.RankedHost, of []Label) {
		t.Ratio("schedreplay_host_foreign_ratio", "The part of the time that foreign tasks held a host's isolated CPUs.", h.Share(), of...)
	})
	each(func(h *fleet.RankedHost, of []Label) {
		t.Seconds("schedreplay_host_foreign_seconds", "The time that they held them.", h.Held.NS, of...)
	})
	each(func(h *fleet.RankedHost, of []Label) {
		t.Count("schedreplay_host_foreign_entries", "Their entries.", h.Held.Entries.Total(), of...)
	})
	each(func(h *fleet.RankedHost, of []Label) {
		if h.P99Known {
			t.Seconds("schedreplay_host_owner_delay_p99_seconds", "The p99 of the owners' sch delay on a host, or of the off-CPU gaps of those that never sleep where that is longer.", h.P99, of...)
		}
	})
	for i := range a.HostNoise {
		k := &a.HostNoise[i]
		t.Seconds("schedreplay_host_noise_seconds", "The time that noise of a kind took of a host's isolated CPUs.", k.NS, append(named(k.Host), Label{"kind", k.Kind})...)
	}
	for i := range a.HostNoise {
		if k := &a.HostNoise[i]; k.ToldNS > 0 {
			share, _ := k.Share()
			t.Ratio("schedreplay_host_noise_ratio", "The part of the time of which recordings tell of the kind.", share, append(named(k.Host), Label{"kind", k.Kind})...)
		}
	}
	for i := range a.Intruders {
		x := &a.Intruders[i]
		t.Count("schedreplay_intruder_hosts", "Hosts on whose isolated CPUs a foreign task was.", x.Hosts, Label{"intruder", x.Name})
	}
	for i := range a.Intruders {
		x := &a.Intruders[i]
		t.Seconds("schedreplay_intruder_seconds", "The time that a foreign task held isolated CPUs.", x.Held.NS, Label{"intruder", x.Name})
	}
	return t.Bytes()
}
