package host

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// Names of the SD_ bits up from bit 0 in kernels that print flags as a number
// (include/linux/sched/topology.h). 5.8 dropped the first one; 5.9 prints names.
// 4.8 gave bit 6 to SD_ASYM_CPUCAPACITY; it was SD_PREFER_LOCAL up to 3.6.
var sdBits = []string{
	"SD_LOAD_BALANCE", "SD_BALANCE_NEWIDLE", "SD_BALANCE_EXEC", "SD_BALANCE_FORK", "SD_BALANCE_WAKE", "SD_WAKE_AFFINE",
	"SD_ASYM_CPUCAPACITY", "SD_SHARE_CPUCAPACITY", "SD_SHARE_POWERDOMAIN", "SD_SHARE_PKG_RESOURCES", "SD_SERIALIZE",
	"SD_ASYM_PACKING", "SD_PREFER_SIBLING", "SD_OVERLAP", "SD_NUMA",
}

// sdFlags reads a domain's flags file: names, or a number in the bits of the
// given release. Nil if they cannot be told.
func sdFlags(s string, release fact.Fact[string]) []string {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		names := strings.Fields(s)
		for _, w := range names {
			if !strings.HasPrefix(w, "SD_") || len(w) > 40 {
				return nil
			}
		}
		return names
	}
	major, minor, ok := parseRelease(release.Value)
	if !ok || major > 5 || major == 5 && minor > 8 || major < 3 {
		return nil
	}
	bits := sdBits
	if major == 5 && minor == 8 {
		bits = bits[1:]
	}
	if n>>len(bits) != 0 {
		return nil
	}
	var names []string
	for i, name := range bits {
		if n>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return names
}

// readDomains fills Host.Domains from debugfs (5.13 and later) or from
// /proc/sys/kernel/sched_domain (before, with CONFIG_SCHED_DEBUG). When any CPU
// has a domain, an online one without gets an empty list: the kernel says it has
// none.
func (t *tree) readDomains(h *parser.Host) {
	for _, dir := range []string{"sys/kernel/debug/sched/domains", "proc/sys/kernel/sched_domain"} {
		undecoded := 0
		for _, cpu := range t.numbered(dir, "cpu") {
			if cpu >= cpumask.MaxCPUs {
				continue
			}
			at := fmt.Sprintf("%s/cpu%d", dir, cpu)
			for i, n := range t.numbered(at, "domain") {
				d, ok := t.readDomain(fmt.Sprintf("%s/domain%d", at, n), h.Release)
				if i != n {
					ok = false
				}
				if !ok {
					undecoded++
					break
				}
				if h.Domains == nil {
					h.Domains = map[int][]parser.DomainInfo{}
				}
				h.Domains[cpu] = append(h.Domains[cpu], d)
			}
		}
		if undecoded > 0 {
			t.note("/%s: the domains of %d CPUs are incomplete; the kernel's own domains are not used", dir, undecoded)
			h.Domains = nil
			return
		}
		if h.Domains != nil {
			break
		}
	}
	if h.Domains == nil {
		return
	}
	online := h.Online.Value
	for cpu := range online.All() {
		if _, ok := h.Domains[cpu]; !ok {
			h.Domains[cpu] = []parser.DomainInfo{}
		}
	}
}

// readDomain reads one domain folder; false if it tells neither name nor flags.
func (t *tree) readDomain(at string, release fact.Fact[string]) (d parser.DomainInfo, ok bool) {
	d.Name, _ = t.value(at + "/name")
	if len(d.Name) > 32 {
		return d, false
	}
	if s, _ := t.value(at + "/flags"); s != "" {
		d.Flags = sdFlags(s, release)
	}
	if n, ok := t.number(at + "/imbalance_pct"); ok && n > 0 && n < 10000 {
		d.ImbalancePct = int(n)
	}
	return d, d.Name != "" || d.Flags != nil
}

// checkDomains compares the kernel's own domains with the isolated set.
func (t *tree) checkDomains(h *parser.Host) {
	iso, ok := h.Isolated.Get()
	if h.Domains == nil || !ok {
		return
	}
	var with, none parser.CPUs
	for _, cpu := range slices.Sorted(maps.Keys(h.Domains)) {
		if len(h.Domains[cpu]) > 0 {
			with.Set(cpu)
		} else {
			none.Set(cpu)
		}
	}
	if m := iso.And(with); !m.Empty() {
		t.note("CPUs %s are isolated by %s, but the kernel lists sched domains for them", m, h.Isolated.Source)
	}
	// A housekeeping CPU alone in its island has no domain either.
	if m := none.AndNot(iso); m.Weight() > 1 {
		t.note("CPUs %s have no sched domain, but %s does not name them: look for cpusets that isolate", m, h.Isolated.Source)
	}
}
