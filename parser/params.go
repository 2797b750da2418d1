package parser

import (
	"slices"
	"strings"
)

// ParamPack is the kernel parameter of an out-of-tree change to the scheduler that guests of
// some clouds have: a wakee may be sent to a CPU that runs one task.
const ParamPack = "sched_vcpu_pack"

// schedParams are the kernel parameters of the scheduler that mainline has or had
// (Documentation/admin-guide/kernel-parameters.txt, 3.10 to 7.3).
var schedParams = []string{"sched_debug", "sched_proxy_exec", "sched_thermal_decay_shift", "sched_verbose", "schedstats"}

// ForeignParams are the kernel parameters on the command line by which a scheduler is told
// what no mainline kernel knows: what it does is not its release's alone.
func (h *Host) ForeignParams() (names []string) {
	for word := range strings.FieldsSeq(h.Cmdline.Value) {
		if word == "--" {
			break // the rest is for init
		}
		name, _, _ := strings.Cut(word, "=")
		name = strings.ReplaceAll(name, "-", "_")
		// A dot parts a module from its parameter.
		if strings.HasPrefix(name, "sched") && !strings.Contains(name, ".") && !slices.Contains(schedParams, name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
