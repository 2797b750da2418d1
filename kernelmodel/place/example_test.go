package place_test

import (
	"fmt"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// busyBut is a machine of which everything is known: its CPUs run one task each, but
// for some that are idle.
type busyBut struct{ idle cpumask.Mask }

func known(v int64) explore.Range { return explore.Exactly(v, fact.Observed) }

func (s busyBut) tasks(cpu int) int64 {
	if s.idle.Test(cpu) {
		return 0
	}
	return 1
}

func (s busyBut) Idle(cpu int) explore.Answer {
	return explore.Known(s.idle.Test(cpu), fact.Observed)
}

func (s busyBut) SchedIdle(int) explore.Answer                 { return explore.Known(false, fact.Observed) }
func (s busyBut) NrRunning(cpu int) explore.Range              { return known(s.tasks(cpu)) }
func (s busyBut) NrRunnable(cpu int) explore.Range             { return known(s.tasks(cpu)) }
func (s busyBut) HasIdleCores(int) explore.Answer              { return explore.Known(false, fact.Observed) }
func (s busyBut) Load(_ rules.LoadRule, cpu int) explore.Range { return known(1024 * s.tasks(cpu)) }
func (s busyBut) Runnable(cpu int) explore.Range               { return known(1024 * s.tasks(cpu)) }
func (s busyBut) Util(cpu int) explore.Range                   { return known(1024 * s.tasks(cpu)) }
func (s busyBut) Capacity(int) explore.Range                   { return known(1024) }
func (s busyBut) IdleSince(int) explore.Range                  { return known(0) }
func (s busyBut) CurPrio(cpu int) explore.Range                { return known(140 - 20*s.tasks(cpu)) }

func (s busyBut) ScanBudget(_ rules.BudgetRule, _, _ int) (explore.Range, explore.Odds) {
	return known(4), nil
}

// Where 6.1.82 and 6.1.83 put ksmd that an interrupt wakes on CPU 2, where it ran last:
// CPU 3 is the sibling of CPU 2 and isolated, and every other CPU is busy.
func Example() {
	machine := topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: 2, Threads: 2}.Topology()
	isolated := cpumask.Of(3)
	no := explore.Known(false, fact.Observed)
	w := place.Wakeup{
		Kind: place.KindWakeup, This: 2, Prev: []int{2}, PrevFrom: fact.Observed, Prio: 120,
		Allowed: cpumask.Range(0, 3), AllowedFrom: fact.Observed,
		OneCPU: no, MigrationDisabled: no, IsCurrent: no, OnRq: no, OnCPU: no, Delayed: no,
		Sync: no, InTask: no, IdlePolicy: no,
		Cur:   place.Current{PerCPUKthread: no, Flips: []place.Weighted{{Weight: 1}}, Load: known(1024), Weight: 1024},
		Flips: []place.Weighted{{Weight: 1}}, Load: known(1024), Weight: 1024, Util: known(100),
		RecentUsed: []int{2},
	}
	for _, release := range []string{"6.1.82", "6.1.83"} {
		k, err := rules.ParseKernel(release, "")
		if err != nil {
			fmt.Println(err)
			return
		}
		domains := topo.BuildDomains(machine, k.Domains, isolated, cpumask.Mask{}, nil)
		s := place.Selector{
			Rules: &k.Rules, Machine: topo.NewMachine(&machine, domains, isolated),
			State: busyBut{idle: cpumask.Of(3)},
		}
		var x explore.Explorer
		complete := x.Explore(64, func() {
			o := s.Select(&x, &w)
			fmt.Printf("%s: CPU %d by %s\n", release, o.CPU, o.Path)
		})
		if !complete {
			fmt.Println("more is possible")
		}
	}
	// Output:
	// 6.1.82: CPU 3 by idle-smt
	// 6.1.83: CPU 2 by target
}
