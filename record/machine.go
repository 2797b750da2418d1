package record

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/parser/host"
)

// Errors that those of this package wrap.
var (
	// ErrOptions: what was asked for cannot be done on any machine, or not on this one.
	ErrOptions = errors.New("cannot record that")
	// ErrPermission: the kernel does not let this process trace.
	ErrPermission = errors.New("not allowed to record")
	// ErrUnavailable: the kernel or the machine lacks what a recording needs.
	ErrUnavailable = errors.New("cannot record here")
)

// Machine is what a plan needs to know of the machine.
type Machine struct {
	// Root is where the machine's proc and sys are, "/" but in tests.
	Root string
	// Tracefs is the folder of tracefs.
	Tracefs string
	// Perf is the path of a perf that runs here, empty if there is none.
	Perf string
	// Cgroups says that this perf records control groups on this kernel: both know it from
	// 5.7 on, and the kernel has CONFIG_CGROUP_PERF.
	Cgroups bool
	// CPUs is the number of CPUs online.
	CPUs int
	// Available is MemAvailable of /proc/meminfo in bytes, 0 if it is not told.
	Available int64
	// Virtual says that a hypervisor runs the machine, as far as /proc/cpuinfo tells.
	Virtual bool
	// Events holds the events that tracefs offers as "system:event", Clocks the trace
	// clocks.
	Events, Clocks map[string]bool
	// UID is the effective user id, Lockdown the mode of kernel_lockdown(7), empty if
	// the kernel is not locked down.
	UID      int
	Lockdown string
}

// Probe looks at the machine whose proc and sys are under root. The error wraps
// [ErrPermission] or [ErrUnavailable].
func Probe(root string) (Machine, error) {
	m := Machine{Root: root, UID: os.Geteuid(), Lockdown: host.Lockdown(root)}
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(root, name))
		return string(b)
	}
	online, err := cpumask.ParseList(strings.TrimSpace(read("sys/devices/system/cpu/online")), 0)
	if m.CPUs = online.Weight(); err != nil || m.CPUs == 0 {
		return m, fmt.Errorf("%w: no CPU in /sys/devices/system/cpu/online; it takes a Linux machine with /proc and /sys mounted", ErrUnavailable)
	}
	m.Available = memAvailable(read("proc/meminfo"))
	m.Virtual = hypervised(read("proc/cpuinfo"))
	if p, err := exec.LookPath("perf"); err == nil && exec.Command(p, "--version").Run() == nil {
		m.Perf = p // Debian's is a script that fails without the perf of this kernel
		m.Cgroups = exec.Command(p, "record", "-q", "--all-cgroups", "-e", "dummy", "-o", os.DevNull, "--", "true").Run() == nil
	}
	return m, m.probeTracefs()
}

// probeTracefs finds tracefs and what it offers. perf needs it, too.
func (m *Machine) probeTracefs() error {
	var first error
	for _, d := range []string{"sys/kernel/tracing", "sys/kernel/debug/tracing"} {
		dir := filepath.Join(m.Root, d)
		events, err := os.ReadFile(filepath.Join(dir, "available_events"))
		if err != nil {
			if first == nil || errors.Is(first, fs.ErrNotExist) {
				first = err
			}
			continue
		}
		clocks, err := os.ReadFile(filepath.Join(dir, "trace_clock"))
		if err != nil {
			return m.explain(err)
		}
		m.Tracefs, m.Events, m.Clocks = dir, words(string(events)), words(strings.NewReplacer("[", "", "]", "").Replace(string(clocks)))
		return nil
	}
	return m.explain(first)
}

// explain says in the user's words why tracing failed.
func (m *Machine) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case m.Lockdown == "confidentiality" && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: the kernel is locked down (confidentiality), which keeps tracing from root too; boot with lockdown=integrity or less: %w", ErrPermission, err)
	case errors.Is(err, fs.ErrPermission) && m.UID != 0:
		return fmt.Errorf("%w: run it as root: %w", ErrPermission, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: root lacks the right here, as in a container without CAP_SYS_ADMIN; run it on the host: %w", ErrPermission, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: tracefs is not there; `mount -t tracefs nodev /sys/kernel/tracing` as root, or the kernel lacks CONFIG_TRACING: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// memAvailable reads MemAvailable, which /proc/meminfo gives in KiB.
func memAvailable(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}

// hypervised finds the CPU flag by which a guest knows that it is one.
func hypervised(cpuinfo string) bool {
	sc := bufio.NewScanner(strings.NewReader(cpuinfo))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if key, value, _ := strings.Cut(sc.Text(), ":"); strings.TrimSpace(key) == "flags" {
			return words(value)["hypervisor"]
		}
	}
	return false
}
