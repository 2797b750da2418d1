package places

import (
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/replay"
)

// A machine with more CPUs than can be drawn keeps whole cores, those with isolated CPUs
// first, also where one LLC alone has more.
func TestSomeCores(t *testing.T) {
	const cpus, llc, room = 1024, 512, 128
	var list []Place
	for c := range cpus {
		list = append(list, Place{CPU: c, LLC: c / llc * llc, Core: c &^ 1})
	}
	kept, left := Some(list, cpumask.Of(3, 1023), room)
	if len(kept) != room || left != cpus-room {
		t.Fatalf("%d kept, %d left out", len(kept), left)
	}
	var m cpumask.Mask
	for _, p := range kept {
		m.Set(p.CPU)
	}
	if !m.Test(2) || !m.Test(3) || !m.Test(1022) || !m.Test(1023) {
		t.Errorf("the cores with isolated CPUs are not among %s", m)
	}
	for c := range m.All() {
		if !m.Test(c ^ 1) {
			t.Errorf("CPU %d is drawn without its sibling", c)
		}
	}
}

// CPUs that are possible and not online are not drawn, unless something ran there.
func TestOfflineCPUs(t *testing.T) {
	h := &parser.Host{
		Possible: fact.Seen(cpumask.Range(0, 127), "sysfs"), Online: fact.Seen(cpumask.Range(0, 7), "sysfs"),
		CPU: make([]parser.CPUInfo, 128),
	}
	if got := Known(&replay.Result{Host: h}, cpumask.Of(9)).String(); got != "0-7,9" {
		t.Errorf("drawn are CPUs %s", got)
	}
}
