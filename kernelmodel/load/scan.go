package load

import (
	"sort"

	"schedreplay/kernelmodel/rules"
)

// This file is how far a scan for an idle CPU may go: by the CPU's idle times and the
// cost of scans up to 5.19 (SIS_PROP), by the LLC's utilisation since (SIS_UTIL).
// docs/kernel/select_idle_sibling.md, docs/kernel/balance.md#when-nr_idle_scan-is-set.

const (
	// MigrationCost is sysctl_sched_migration_cost, in ns.
	MigrationCost = 500_000
	// AvgIdleMost is the bound of avg_idle and its value at boot, unless newly idle
	// balancing was seen to cost more (rq->max_idle_balance_cost).
	AvgIdleMost = 2 * MigrationCost
)

// UpdateAvg is update_avg: an average moves an eighth of the way to a sample.
func UpdateAvg(avg, sample int64) int64 { return avg + (sample-avg)/8 }

// AvgIdle is rq->avg_idle, in ns, after a wakeup that ended idle ns (ttwu_do_wakeup,
// ttwu_do_activate from 5.13 on, kernel/sched/core.c); most is the bound it is kept under.
func AvgIdle(avg, idle, most int64) int64 { return min(UpdateAvg(avg, idle), most) }

// WakeAvgIdle is rq->wake_avg_idle since ns after the CPU was woken last (94aafc3ee31d,
// 5.14 to 5.19): half of avg_idle, and half of that again for each jiffy. What scans have
// taken of it since does not count here.
func WakeAvgIdle(avg, since, jiffy int64) int64 { return avg / 2 >> min(62, max(0, since)/jiffy) }

// ScanIdle is what SIS_PROP takes of avg_idle: large, noisy values are damped
// (select_idle_cpu, 4.9 to 5.13).
func ScanIdle(avg int64) int64 { return avg / 512 }

// leastScan is the least nr that SIS_PROP gives.
const leastScan = 4

// ScanLimit is how many CPUs of weight a scan may look at where looking at one costs cost
// ns on average and idle ns are what the rule has of the CPU's idle time
// (select_idle_cpu: 1ad3aaf3fcd2, 4.13 to 5.19; all or nothing in 4.9 and 4.10).
func ScanLimit(rule rules.BudgetRule, weight, idle, cost int64) int64 {
	if rule == rules.BudgetAvgCost {
		if idle < cost {
			return 0
		}
		return weight
	}
	nr := int64(leastScan)
	if span := weight * idle; span > leastScan*(cost+1) {
		nr = span / (cost + 1)
	}
	return min(nr-1, weight) // the CPU that ends the scan counts and is not looked at
}

// NrIdleScan is what balancing sets nr_idle_scan of an LLC to: sum is the utilisation of
// its weight CPUs, pct the imbalance_pct of its domain (update_idle_cpu_scan,
// 70fb5ccf2ebb, 6.0 and later).
func NrIdleScan(sum, weight, pct int64) int64 {
	x := sum / weight
	y := x * x * pct * pct / (10000 * 1024)
	return (1024 - min(y, 1024)) * weight / 1024
}

// FullScan is the greatest sum of utilisations for which NrIdleScan is all of weight.
func FullScan(weight, pct int64) int64 {
	n := sort.Search(1025*int(weight), func(sum int) bool { return NrIdleScan(int64(sum), weight, pct) < weight })
	return int64(n) - 1
}
