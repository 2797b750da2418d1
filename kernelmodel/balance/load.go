package balance

// byLoad is find_busiest_group up to 5.4.
func (e *Env) byLoad() (Imbalance, bool) {
	local := e.stats(0)
	busiest := group{index: -1}
	load, capacity := local.load, local.capacity
	for i := 1; i < len(e.SD.Groups); i++ {
		g := e.stats(i)
		load += g.load
		capacity += g.capacity
		if e.Child && e.hasCapacity(&local) && g.running > local.running+1 {
			// The sibling shall have one task before another has two.
			g.full, g.kind = true, overloaded
		}
		if busiest.index < 0 || rank(g.kind) > rank(busiest.kind) || rank(g.kind) == rank(busiest.kind) && g.avgLoad > busiest.avgLoad {
			busiest = g
		}
	}
	if busiest.index < 0 || busiest.running == 0 {
		return Imbalance{}, false
	}
	avg := scale * load / max(1, capacity)
	if !e.uneven(&local, &busiest, avg) {
		return Imbalance{}, false
	}
	m := Imbalance{Group: busiest.index, Unit: ByLoad, Amount: e.calculateImbalance(&local, &busiest, avg)}
	return m, m.Amount > 0
}

// rank is the order of types that these kernels know: other, imbalanced, overloaded.
func rank(k groupType) groupType { return max(k, fullyBusy) }

func (e *Env) uneven(local, busiest *group, avg int64) bool {
	switch {
	case busiest.kind == imbalanced:
		return true
	case e.Idle != NotIdle && e.hasCapacity(local) && busiest.full:
		return true
	case local.avgLoad >= busiest.avgLoad || local.avgLoad >= avg:
		return false
	case e.Idle == IsIdle:
		return busiest.kind == overloaded || local.idle > busiest.idle+1
	}
	return 100*busiest.avgLoad > int64(e.SD.ImbalancePct)*local.avgLoad
}

// calculateImbalance is calculate_imbalance of these kernels.
func (e *Env) calculateImbalance(local, busiest *group, avg int64) int64 {
	if busiest.kind == imbalanced {
		busiest.perTask = min(busiest.perTask, avg)
	}
	if busiest.avgLoad <= avg || local.avgLoad >= avg {
		return e.fixSmallImbalance(local, busiest)
	}
	above := int64(1) << 62
	if busiest.kind == overloaded && local.kind == overloaded {
		if n := busiest.running * scale; n > busiest.capacity {
			above = (n - busiest.capacity) * 1024 / max(1, busiest.capacity)
		}
	}
	pull := min(busiest.avgLoad-avg, above)
	amount := min(pull*busiest.capacity, (avg-local.avgLoad)*local.capacity) / scale
	if amount < busiest.perTask {
		if small := e.fixSmallImbalance(local, busiest); small > 0 {
			return small
		}
	}
	return amount
}

// fixSmallImbalance is fix_small_imbalance: one task, if the machine does more with it
// elsewhere.
func (e *Env) fixSmallImbalance(local, busiest *group) int64 {
	n := int64(2)
	if local.running == 0 {
		local.perTask = 0 // cpu_avg_load_per_task of an idle CPU
	} else if busiest.perTask > local.perTask {
		n = 1
	}
	per := busiest.perTask * scale / max(1, busiest.capacity)
	if busiest.avgLoad+per >= local.avgLoad+per*n {
		return busiest.perTask
	}
	now := (busiest.capacity*min(busiest.perTask, busiest.avgLoad) + local.capacity*min(local.perTask, local.avgLoad)) / scale
	moved := int64(0)
	if busiest.avgLoad > per {
		moved = busiest.capacity * min(busiest.perTask, busiest.avgLoad-per)
	}
	gain := busiest.perTask * scale / max(1, local.capacity)
	if busiest.avgLoad*busiest.capacity < busiest.perTask*scale {
		gain = busiest.avgLoad * busiest.capacity / max(1, local.capacity)
	}
	moved = (moved + local.capacity*min(local.perTask, local.avgLoad+gain)) / scale
	if moved > now {
		return busiest.perTask
	}
	return 0
}
