package balance

import "schedreplay/kernelmodel/rules"

// byType is find_busiest_group since 5.5.
func (e *Env) byType() (Imbalance, bool) {
	local := e.stats(0)
	var busiest group
	load, capacity := local.load, local.capacity
	for i := 1; i < len(e.SD.Groups); i++ {
		g := e.stats(i)
		load += g.load
		capacity += g.capacity
		if e.picks(&g, &busiest) {
			busiest = g
		}
	}
	if busiest.fair == 0 {
		return Imbalance{}, false
	}
	avg := load * scale / max(1, capacity)
	if !e.unbalanced(&local, &busiest, avg) {
		return Imbalance{}, false
	}
	m := e.howMuch(&local, &busiest, avg)
	return m, m.Amount > 0
}

// picks is update_sd_pick_busiest; busiest has no tasks where there is none yet.
func (e *Env) picks(g, busiest *group) bool {
	switch {
	case g.fair == 0:
		return false
	case busiest.fair == 0 || g.kind > busiest.kind:
		return true
	case g.kind < busiest.kind:
		return false
	}
	switch g.kind {
	case overloaded:
		return g.avgLoad > busiest.avgLoad
	case hasSpare:
		return g.idle < busiest.idle || g.idle == busiest.idle && g.running > busiest.running
	}
	return false
}

// prefers reports whether tasks are to be spread over siblings.
func (e *Env) prefers(busiest *group) bool {
	if e.Rules.GroupSiblings {
		return busiest.prefer
	}
	return e.Child
}

// siblings is sibling_imbalance since 6.6: the difference of running tasks, by cores where
// the groups have different numbers; before, the plain difference.
func (e *Env) siblings(local, busiest *group) int64 {
	if !e.Rules.GroupSiblings {
		return busiest.running - local.running
	}
	if e.Idle == NotIdle || busiest.running == 0 {
		return 0
	}
	cl, cb := local.cores, busiest.cores
	if cl == cb {
		d := busiest.running - local.running
		return max(0, d)
	}
	d := 2 * (cl*busiest.running - cb*local.running)
	d = max(0, d+cl+cb) / max(1, cl+cb)
	if d <= 1 && local.running == 0 && busiest.running > 1 {
		d = 2
	}
	return d
}

// unbalanced is what find_busiest_group asks of the busiest group.
func (e *Env) unbalanced(local, busiest *group, avg int64) bool {
	pct := int64(e.SD.ImbalancePct)
	switch {
	case busiest.kind == imbalanced:
		return true
	case local.kind > busiest.kind:
		return false
	case local.kind == overloaded:
		if local.avgLoad >= busiest.avgLoad || local.avgLoad >= avg || 100*busiest.avgLoad <= pct*local.avgLoad {
			return false
		}
	}
	if e.prefers(busiest) && local.kind == hasSpare && e.siblings(local, busiest) > 1 {
		return true
	}
	if busiest.kind != overloaded {
		switch {
		case e.Idle == NotIdle:
			return false
		case busiest.weight > 1 && local.idle <= busiest.idle+1:
			return false
		case busiest.fair == 1:
			return false
		}
	}
	return true
}

// howMuch is calculate_imbalance.
func (e *Env) howMuch(local, busiest *group, avg int64) Imbalance {
	m := Imbalance{Group: busiest.index}
	if busiest.kind == imbalanced {
		m.Unit, m.Amount = ByTask, 1
		return m
	}
	if local.kind == hasSpare {
		if busiest.kind > fullyBusy && !e.SD.Has(rules.SDShareLLC) {
			m.Unit, m.Amount = ByUtil, max(local.capacity, local.util)-local.util
			if e.Idle != NotIdle && m.Amount == 0 {
				m.Unit, m.Amount = ByTask, 1
			}
			return m
		}
		m.Unit = ByTask
		if busiest.weight == 1 || e.prefers(busiest) {
			m.Amount = e.siblings(local, busiest)
		} else {
			m.Amount = max(0, local.idle-busiest.idle)
		}
		if e.SD.Has(rules.SDNUMA) && m.Amount <= 2 && local.running+1 <= int64(e.SD.ImbNUMA) {
			m.Amount = 0 // adjust_numa_imbalance
		}
		m.Amount >>= 1
		return m
	}
	own := local.avgLoad
	if local.kind < overloaded {
		own = local.load * scale / max(1, local.capacity)
		if own >= busiest.avgLoad || own >= avg {
			return m
		}
	}
	m.Unit = ByLoad
	m.Amount = min((busiest.avgLoad-avg)*busiest.capacity, (avg-own)*local.capacity) / scale
	return m
}
