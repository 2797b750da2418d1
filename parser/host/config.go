package host

import (
	"compress/gzip"
	"io"
	"slices"
	"strconv"
	"strings"

	"schedreplay/fact"
	"schedreplay/parser"
)

// maxConfig bounds a kernel configuration after decompression.
const maxConfig = 8 << 20

// maxHZ is above what any kernel can be built with (kernel/Kconfig.hz, Alpha's 1200).
const maxHZ = 10_000

// configOfInterest are the beginnings of the options kept in Host.Config.
var configOfInterest = []string{
	"HZ", "NO_HZ", "PREEMPT", "SCHED_", "SCHEDSTATS", "NUMA", "NR_CPUS", "CPUMASK_OFFSTACK", "CPU_ISOLATION", "CPUSETS", "CGROUP_SCHED",
	"FAIR_GROUP_SCHED", "RT_GROUP_SCHED", "CFS_BANDWIDTH", "UCLAMP_", "ENERGY_MODEL", "CPU_FREQ_GOV_SCHEDUTIL", "SMP", "HOTPLUG_CPU", "KSM",
	"RCU_NOCB_CPU", "IRQ_TIME_ACCOUNTING", "PARAVIRT_TIME_ACCOUNTING", "HAVE_SCHED_AVG_IRQ", "X86_64", "X86_32", "ARM64", "ARM",
	"PPC64", "S390", "RISCV", "ACPI_NUMA", "AMD_NUMA",
}

// readConfig fills Config, HZ and, where nothing better told it, Arch from
// /proc/config.gz or /boot/config-RELEASE.
func (t *tree) readConfig(h *parser.Host) {
	source := "/proc/config.gz"
	text, ok := t.files["proc/config.gz"]
	if ok && strings.HasPrefix(text, "\x1f\x8b") {
		z, err := gzip.NewReader(strings.NewReader(text))
		if err == nil {
			var b []byte
			b, err = io.ReadAll(io.LimitReader(z, maxConfig))
			text = string(b) // what came before an error stands
		}
		if err != nil {
			t.note("/proc/config.gz is damaged: %v", err)
		}
	}
	if text == "" {
		for _, c := range t.children["boot"] {
			if h.Release.Known() && c == "config-"+h.Release.Value {
				source, text = "/boot/"+c, t.files["boot/"+c]
			}
		}
	}
	if text == "" {
		return
	}
	h.Config = map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			if name, ok = strings.CutSuffix(line, " is not set"); !ok {
				if arch, ok := strings.CutPrefix(line, "# Linux/"); ok && !h.Arch.Known() {
					if arch, _, ok = strings.Cut(arch, " "); ok && arch != "x86" {
						h.Arch = fact.Seen(arch, source)
					}
				}
				continue
			}
			name, value = strings.TrimPrefix(name, "# "), "n"
		}
		if name, ok = strings.CutPrefix(name, "CONFIG_"); !ok || !configWanted(name) {
			continue
		}
		h.Config[name] = strings.Trim(value, `"`)
	}
	if n, err := strconv.Atoi(h.Config["HZ"]); err == nil && n > 0 && n <= maxHZ {
		h.HZ = fact.Seen(n, source)
	}
	for _, a := range [][2]string{{"X86_64", "x86_64"}, {"X86_32", "i686"}, {"ARM64", "aarch64"}} {
		if h.Config[a[0]] == "y" {
			h.Arch = h.Arch.Or(fact.Seen(a[1], source))
		}
	}
	if len(h.Config) == 0 {
		h.Config = nil
		t.note("%s holds no kernel options", source)
	}
}

func configWanted(name string) bool {
	return slices.ContainsFunc(configOfInterest, func(p string) bool { return strings.HasPrefix(name, p) })
}
