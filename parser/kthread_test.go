package parser

import (
	"fmt"
	"testing"
)

func TestKthreadNames(t *testing.T) {
	for _, c := range []struct {
		comm         string
		cpu          int // -1 if the name tells none
		may, is, rec bool
	}{
		{comm: "ksoftirqd/43", cpu: 43, may: true, is: true},
		{comm: "kworker/43:1H", cpu: 43, may: true, is: true},
		{comm: "kworker/43:1-events", cpu: 43, may: true, is: true},
		{comm: "kworker/u88:3", cpu: -1, may: true, is: true},
		{comm: "kworker/R-rcu_gp", cpu: -1, may: true, is: true},
		{comm: "kworker/u", cpu: -1},
		{comm: "rcuog/8", cpu: -1, may: true, is: true},
		{comm: "rcuop/43", cpu: -1, may: true, is: true}, // named after the CPU whose callbacks it runs
		{comm: "rcuc/43", cpu: 43, may: true, is: true},
		{comm: "rcub/1", cpu: -1, may: true, is: true},
		{comm: "kprobe-optimize", cpu: -1, may: true, is: true},
		{comm: "kcompactd0", cpu: -1, may: true, is: true},
		{comm: "cryptdaemon", cpu: -1},
		{comm: "rcu_preempt", cpu: -1, may: true, is: true},
		{comm: "jbd2/sda1-8", cpu: -1, may: true, is: true},
		{comm: "swapper/3", cpu: 3, may: true}, // the idle task, of which nothing is kept or replaced
		{comm: "ksoftirqd/99999999999999999999", cpu: -1, may: true, is: true},
		{comm: "mldonkey", cpu: -1},
		{comm: "pmd-c1", cpu: -1},
		{comm: "", cpu: -1},
		{comm: "perf", cpu: -1, rec: true},
		{comm: "trace-cmd-recor", cpu: -1, rec: true},
		{comm: "perfect", cpu: -1},
	} {
		var names KthreadNames
		for range 2 {
			cpu, ok := names.BoundCPU(c.comm)
			if want, bound := BoundCPU(c.comm); cpu != want || ok != bound || names.MayBeKthread(c.comm) != c.may {
				t.Errorf("%q is remembered otherwise: CPU %d, %v, may %v", c.comm, cpu, ok, names.MayBeKthread(c.comm))
			}
		}
		cpu, ok := BoundCPU(c.comm)
		if !ok {
			cpu = -1
		}
		if cpu != c.cpu || MayBeKthread(c.comm) != c.may || IsKthreadName(c.comm) != c.is || IsRecorder(c.comm) != c.rec {
			t.Errorf("%q: CPU %d, may %v, is %v, recorder %v", c.comm, cpu, MayBeKthread(c.comm), IsKthreadName(c.comm), IsRecorder(c.comm))
		}
	}
}

// What is remembered of names is bounded.
func TestKthreadNamesBounded(t *testing.T) {
	var names KthreadNames
	for i := range maxTold + 10 {
		if cpu, ok := names.BoundCPU(fmt.Sprintf("ksoftirqd/%d", i)); !ok || cpu != i {
			t.Fatalf("ksoftirqd/%d: CPU %d, %v", i, cpu, ok)
		}
	}
	if len(names.told) != 10 {
		t.Errorf("%d names are remembered", len(names.told))
	}
}
