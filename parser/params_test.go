package parser

import (
	"slices"
	"testing"

	"schedreplay/fact"
)

// Parameters of the scheduler that mainline has, those of modules and what is for init are
// none of a scheduler of its own.
func TestForeignParams(t *testing.T) {
	for cmdline, want := range map[string][]string{
		"": nil,
		"quiet sched_verbose isolcpus=3 sched_thermal_decay_shift=2 schedstats=enable": nil,
		"sched_vcpu_pack=15 sched-vcpu-pack=3 ro":                                      {ParamPack},
		"sched_steal=1 ksched.sched_a=1 sched.b=2 -- sched_c":                          {"sched_steal"},
	} {
		h := Host{Cmdline: fact.Seen(cmdline, "")}
		if got := h.ForeignParams(); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", cmdline, got, want)
		}
	}
}
