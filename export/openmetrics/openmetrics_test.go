package openmetrics

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/findings"
	"schedreplay/findings/fleet"
	"schedreplay/stats"
)

// The module fleet holds this text against Prometheus' own parser.
func TestFleetText(t *testing.T) {
	var f fleet.Fleet
	d := &stats.Dist{}
	for range 99 {
		d.Add(1_000_000)
	}
	d.Add(50_000_000)
	f.Add(&fleet.Summary{
		Host: "a\"b\\c\n\xff", WindowNS: 4e9,
		Causes: []fleet.Harm{{Cause: fleet.Cause{Intruder: "ksmd"}, Held: findings.Held{NS: 1e9, Entries: findings.Entries{Wakeup: 2}}}},
		Owners: []fleet.Owner{{Name: "pmd", Delays: *d}},
	})
	want := `# TYPE schedreplay_fleet_captures gauge
# HELP schedreplay_fleet_captures Captures summed up.
schedreplay_fleet_captures 1
# TYPE schedreplay_fleet_captures_judged gauge
# HELP schedreplay_fleet_captures_judged Captures of which isolated CPUs can be judged.
schedreplay_fleet_captures_judged 1
# TYPE schedreplay_fleet_dead_letters gauge
# HELP schedreplay_fleet_dead_letters Captures that could not be summed up.
schedreplay_fleet_dead_letters 1
# TYPE schedreplay_fleet_hosts_judged gauge
# HELP schedreplay_fleet_hosts_judged Hosts that can be judged.
schedreplay_fleet_hosts_judged 1
# TYPE schedreplay_fleet_hosts_hit gauge
# HELP schedreplay_fleet_hosts_hit Hosts among them with a foreign task on an isolated CPU.
schedreplay_fleet_hosts_hit 1
# TYPE schedreplay_fleet_owner_delay_max_seconds gauge
# UNIT schedreplay_fleet_owner_delay_max_seconds seconds
# HELP schedreplay_fleet_owner_delay_max_seconds The owners' longest sch delay.
schedreplay_fleet_owner_delay_max_seconds 0.05
# TYPE schedreplay_fleet_owner_delay_seconds summary
# UNIT schedreplay_fleet_owner_delay_seconds seconds
# HELP schedreplay_fleet_owner_delay_seconds The owners' sch delay, from waking to running, over all hosts.
schedreplay_fleet_owner_delay_seconds{quantile="0.5"} 0.001000447
schedreplay_fleet_owner_delay_seconds{quantile="0.9"} 0.001000447
schedreplay_fleet_owner_delay_seconds{quantile="0.99"} 0.001000447
schedreplay_fleet_owner_delay_seconds_sum 0.149
schedreplay_fleet_owner_delay_seconds_count 100
# TYPE schedreplay_host_foreign_ratio gauge
# UNIT schedreplay_host_foreign_ratio ratio
# HELP schedreplay_host_foreign_ratio The part of the time that foreign tasks held a host's isolated CPUs.
schedreplay_host_foreign_ratio{host="a\"b\\c\n` + "\ufffd" + `"} 0.25
# TYPE schedreplay_host_foreign_seconds gauge
# UNIT schedreplay_host_foreign_seconds seconds
# HELP schedreplay_host_foreign_seconds The time that they held them.
schedreplay_host_foreign_seconds{host="a\"b\\c\n` + "\ufffd" + `"} 1
# TYPE schedreplay_host_foreign_entries gauge
# HELP schedreplay_host_foreign_entries Their entries.
schedreplay_host_foreign_entries{host="a\"b\\c\n` + "\ufffd" + `"} 2
# TYPE schedreplay_host_owner_delay_p99_seconds gauge
# UNIT schedreplay_host_owner_delay_p99_seconds seconds
# HELP schedreplay_host_owner_delay_p99_seconds The p99 of the owners' sch delay on a host, or of the off-CPU gaps of those that never sleep where that is longer.
schedreplay_host_owner_delay_p99_seconds{host="a\"b\\c\n` + "\ufffd" + `"} 0.001000447
# TYPE schedreplay_intruder_hosts gauge
# HELP schedreplay_intruder_hosts Hosts on whose isolated CPUs a foreign task was.
schedreplay_intruder_hosts{intruder="ksmd"} 1
# TYPE schedreplay_intruder_seconds gauge
# UNIT schedreplay_intruder_seconds seconds
# HELP schedreplay_intruder_seconds The time that a foreign task held isolated CPUs.
schedreplay_intruder_seconds{intruder="ksmd"} 1
# EOF
`
	if diff := cmp.Diff(want, string(Fleet(f.Answer([]fleet.Input{{}, {Dead: &fleet.DeadLetter{Path: "x"}}})))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
