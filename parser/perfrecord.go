package parser

import (
	"slices"
	"strings"

	"schedreplay/cpumask"
)

// RecordCPUs returns the CPUs that a command line of perf record was limited to
// with -C, empty if it was not or if the list cannot be read. args are the words
// of the command line; the command that perf started may have a -C of its own,
// which does not count. It serves recordings that do not say which event was
// opened on which CPU.
func RecordCPUs(args []string) CPUs {
	i := slices.Index(args, "record")
	if i < 0 {
		return CPUs{}
	}
	for i++; i < len(args); i++ {
		a := args[i]
		name, value, attached := strings.Cut(a, "=")
		switch {
		case a == "--" || !strings.HasPrefix(a, "-"):
			return CPUs{} // the command perf started
		case !strings.HasPrefix(a, "--"):
			name, value = lastShort(a)
			attached = value != ""
		}
		if !attached && takesValue[name] {
			if i++; i < len(args) {
				value = args[i]
			}
		}
		if (name == "-C" || name == "--cpu") && value != "" {
			m, err := cpumask.ParseList(value, 0)
			if err != nil {
				return CPUs{}
			}
			return m
		}
	}
	return CPUs{}
}

// lastShort splits a word of short options ("-aC3") into the first that has a
// value, or else the last, and what follows it.
func lastShort(a string) (name, value string) {
	for i := 1; i < len(a); i++ {
		if name = "-" + a[i:i+1]; takesValue[name] || i == len(a)-1 || strings.Contains("zIS", a[i:i+1]) {
			return name, a[i+1:] // z, I and S have a value only if it is attached
		}
	}
	return a, ""
}

// takesValue holds the options of perf record that have a value, which may be a
// word of its own.
var takesValue = map[string]bool{
	"-C": true, "--cpu": true, "-j": true, "--branch-filter": true, "--control": true, "--switch-max-files": true,
	"--proc-map-timeout": true, "--synth": true, "--num-thread-synthesize": true, "--vmlinux": true, "--setup-filter": true,
	"-e": true, "--event": true, "-m": true, "--mmap-pages": true, "-c": true, "--count": true, "-o": true, "--output": true,
	"-F": true, "--freq": true, "-p": true, "--pid": true, "-t": true, "--tid": true, "-u": true, "--uid": true, "-r": true,
	"--realtime": true, "-k": true, "--clockid": true, "-D": true, "--delay": true, "-G": true, "--cgroup": true,
	"--call-graph": true, "--filter": true, "--max-size": true, "--mmap-flush": true, "--affinity": true,
}
