package balance

import (
	"testing"

	"pgregory.net/rapid"

	"schedreplay/cpumask"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
)

// bench is a machine with so many tasks of full load on each CPU.
type bench struct{ n []int64 }

func (b bench) Idle(c int) bool { return b.n[c] == 0 }

func (b bench) CPU(c int, to *CPU) {
	n := b.n[c]
	*to = CPU{Running: n, Fair: n, Load: 1024 * n, Util: min(1024, 1024*n), Runnable: 1024 * n, Idle: n == 0}
}

// env is CPU dst balancing its domain at a height of a machine of cores of two threads.
func env(t interface{ Fatal(...any) }, release string, isolated cpumask.Mask, level, dst int, idle Idle, n ...int64) *Env {
	k, err := rules.ParseKernel(release, "")
	if err != nil {
		t.Fatal(err)
	}
	top := topo.Regular{Nodes: 1, Packages: 1, LLCs: 1, Cores: len(n) / 2, Threads: 2}.Topology()
	m := topo.NewMachine(&top, topo.BuildDomains(top, k.Domains, isolated, cpumask.Mask{}, nil), isolated)
	e := &Env{Rules: k.Balance, SD: m.Level(dst, level), Dst: dst, Idle: idle, State: bench{n}, Machine: m, Active: m.Active()}
	e.Child = level > 0 && m.Level(dst, level-1).Has(rules.SDPreferSibling)
	return e
}

// Who balances, which queue is busiest, and how much is to move.
func TestFindBusiest(t *testing.T) {
	for _, c := range []struct {
		name     string
		release  string
		isolated cpumask.Mask
		level    int
		dst      int
		idle     Idle
		n        []int64
		src      int // -1: balanced
		unit     Unit
		amount   int64
	}{
		{"an idle core beside one of two tasks", "6.1", cpumask.Mask{}, 1, 0, IsIdle, []int64{0, 0, 1, 1, 1, 0, 1, 0}, 2, ByTask, 1},
		{"an idle thread beside two tasks", "6.1", cpumask.Mask{}, 0, 0, IsIdle, []int64{0, 2, 1, 1}, 1, ByTask, 1},
		{"one task each", "6.1", cpumask.Mask{}, 0, 0, IsIdle, []int64{0, 1, 1, 1}, -1, 0, 0},
		{"all busy alike", "6.1", cpumask.Mask{}, 1, 0, NotIdle, []int64{1, 1, 1, 1}, -1, 0, 0},
		{"three tasks on a CPU, all others busy", "6.1", cpumask.Mask{}, 1, 0, NotIdle, []int64{1, 1, 3, 3}, 2, ByLoad, 2048},
		{"beside an isolated sibling no level below prefers siblings, and half of one task is none", "6.1", cpumask.Of(3), 0, 2, IsIdle, []int64{2, 1, 0, 9}, -1, 0, 0},
		{"an idle thread beside two tasks, by load", "4.19", cpumask.Mask{}, 0, 0, IsIdle, []int64{0, 2, 1, 1}, 1, ByLoad, 1024},
		{"one task each, by load", "4.19", cpumask.Mask{}, 0, 0, IsIdle, []int64{0, 1, 1, 1}, -1, 0, 0},
		{"all busy alike, by load", "4.19", cpumask.Mask{}, 1, 0, NotIdle, []int64{1, 1, 1, 1}, -1, 0, 0},
	} {
		e := env(t, c.release, c.isolated, c.level, c.dst, c.idle, c.n...)
		m, ok := e.FindBusiestGroup()
		src := -1
		if ok {
			src = e.FindBusiestQueue(&m)
		}
		if src != c.src || ok && (m.Unit != c.unit || m.Amount != c.amount) {
			t.Errorf("%s: CPU %d, %d of unit %d, want CPU %d, %d of unit %d", c.name, src, m.Amount, m.Unit, c.src, c.amount, c.unit)
		}
	}
}

func TestShouldWeBalance(t *testing.T) {
	for _, c := range []struct {
		name    string
		release string
		level   int
		dst     int
		idle    Idle
		n       []int64
		want    bool
	}{
		{"the first CPU of a busy group", "6.1", 1, 0, NotIdle, []int64{1, 1, 1, 1}, true},
		{"not the second", "6.1", 1, 1, NotIdle, []int64{1, 1, 1, 1}, false},
		{"an idle one goes first", "6.1", 1, 1, IsIdle, []int64{1, 0, 1, 1}, true},
		{"newly idle always", "6.1", 1, 1, NewlyIdle, []int64{1, 0, 1, 1}, true},
		{"an idle thread of a busy core, if there is no idle core", "6.12", 1, 1, IsIdle, []int64{1, 0, 1, 1}, true},
	} {
		if got := env(t, c.release, cpumask.Mask{}, c.level, c.dst, c.idle, c.n...).ShouldWeBalance(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A task that ran lately is hot but for the SMT level and after failures; one that
// may not go there never goes.
func TestCanMigrate(t *testing.T) {
	core, cache := env(t, "6.1", cpumask.Mask{}, 0, 0, IsIdle, 0, 2, 1, 1), env(t, "6.1", cpumask.Mask{}, 1, 0, IsIdle, 0, 0, 2, 1)
	const now, cost = 10_000_000, 500_000
	hot, cold := Task{Allowed: true, Ran: now - 1}, Task{Allowed: true, Ran: now - cost}
	for _, c := range []struct {
		name string
		e    *Env
		t    Task
		fail int
		want bool
	}{
		{"cold", cache, cold, 0, true},
		{"hot", cache, hot, 1, false},
		{"hot, after failures", cache, hot, 2, true},
		{"hot on the same core", core, hot, 0, true},
		{"running", cache, Task{Allowed: true, Running: true}, 9, false},
		{"not allowed", cache, Task{}, 9, false},
		{"bound", cache, Task{Allowed: true, PerCPU: true}, 9, false},
		{"a buddy, to a busy CPU", cache, Task{Allowed: true, Buddy: true}, 0, false},
	} {
		c.e.Failed = c.fail
		if got := c.e.CanMigrate(&c.t, now, cost, true); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Whatever the machine does, the busiest queue is another CPU that has a task, and what is
// to move is more than nothing.
func TestBusiestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		release := rapid.SampledFrom([]string{"3.10", "4.19", "5.4", "5.10", "6.1", "6.12"}).Draw(t, "release")
		n := rapid.SliceOfN(rapid.Int64Range(0, 4), 8, 8).Draw(t, "running")
		dst := rapid.IntRange(0, 7).Draw(t, "dst")
		idle := NotIdle
		if n[dst] == 0 {
			idle = rapid.SampledFrom([]Idle{IsIdle, NewlyIdle}).Draw(t, "idle")
		}
		e := env(t, release, cpumask.Mask{}, rapid.IntRange(0, 1).Draw(t, "level"), dst, idle, n...)
		m, ok := e.FindBusiestGroup()
		if !ok {
			return
		}
		if m.Group == 0 || m.Amount <= 0 {
			t.Fatalf("%+v", m)
		}
		if src := e.FindBusiestQueue(&m); src == dst || src >= 0 && n[src] == 0 {
			t.Fatalf("CPU %d of %v for %d", src, n, dst)
		}
	})
}
