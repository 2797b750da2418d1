package host

import (
	"strconv"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// readIsolation fills Isolated with what the kernel isolated at boot, and
// NohzFull where sysfs does not tell it.
func (t *tree) readIsolation(h *parser.Host) {
	file := t.list(cpuDir+"/isolated", true)
	cmd, tick, notes := isolatedByCmdline(h)
	t.notes = append(t.notes, notes...)
	if !h.NohzFull.Known() {
		h.NohzFull = tick
	}
	if file.Known() && cmd.Known() && cmd.From == fact.Observed && !file.Value.Equal(cmd.Value) {
		t.note("%s says %q, isolcpus= in %s means %q: the first is believed", file.Source, file.Value, cmd.Source, cmd.Value)
	}
	h.Isolated = file.Or(cmd)
}

// isolatedByCmdline reads isolcpus= and nohz_full= of h.Cmdline by the grammar
// of h.Release. Both facts are unknown if there is no command line. If the
// release is unknown and matters, the newest grammar is assumed.
func isolatedByCmdline(h *parser.Host) (domain, tick fact.Fact[parser.CPUs], notes []string) {
	cmdline, ok := h.Cmdline.Get()
	if !ok {
		return
	}
	in := isolInput{grammar: isolGrammars[len(isolGrammars)-1], noNohzFull: h.Config["NO_HZ_FULL"] == "n"}
	major, minor, known := parseRelease(h.Release.Value)
	if known {
		in.grammar = grammarOf(major, minor)
	}
	if p, ok := h.Possible.Get(); ok {
		in.possible = p
		in.bits = p.Last() + 1
		// The option has no line at all where it cannot be chosen.
		if n, err := strconv.Atoi(h.Config["NR_CPUS"]); err == nil && !in.grammar.exact && h.Config["CPUMASK_OFFSTACK"] != "y" && n <= cpumask.MaxCPUs {
			in.bits = max(n, in.bits)
		}
	}
	res := in.isolated(cmdline)
	from := fact.Observed
	if !known && !res.plain {
		from = fact.Assumed
		notes = append(notes, "the kernel release is unknown: isolcpus= is read as kernels from 5.18 on do")
	}
	source := h.Cmdline.Source
	return fact.Of(res.domain, from, source), fact.Of(res.tick, from, source), append(notes, res.notes...)
}

// setLater adds CPUs that left the domains after boot to both facts.
func (t *tree) setLater(h *parser.Host, later parser.CPUs, source string) {
	boot, known := h.Isolated.Get()
	later = later.AndNot(boot)
	h.IsolatedLater = fact.Seen(later, source)
	switch {
	case later.Empty():
	case known:
		h.Isolated = fact.Of(boot.Or(later), h.Isolated.From, h.Isolated.Source+" and "+source)
	default:
		h.Isolated = fact.Of(later, fact.Assumed, source)
		t.note("what was isolated at boot is unknown: only the CPUs %s, isolated by cpusets, are taken to be", later)
	}
}
