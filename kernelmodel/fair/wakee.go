package fair

// second is HZ jiffies, in ns.
const second = 1_000_000_000

// DecayFlips is the halving in record_wakee (kernel/sched/fair.c, 3.12 and later,
// 62470419e993): what wakee_flips of a task are, as it wakes another at now, and whether
// they were halved. That happens when more than a second has passed since it did last.
// The changes of partner that record_wakee counts are the caller's to add.
func DecayFlips(flips, decayed, now int64) (int64, bool) {
	if now > decayed+second {
		return flips >> 1, true
	}
	return flips, false
}
