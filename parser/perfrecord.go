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
		a, list := args[i], ""
		switch {
		case a == "--" || !strings.HasPrefix(a, "-"):
			return CPUs{} // the command perf started
		case a == "-C" || a == "--cpu":
			if i++; i < len(args) {
				list = args[i]
			}
		case strings.HasPrefix(a, "--cpu="):
			list = a[len("--cpu="):]
		case strings.HasPrefix(a, "-C"):
			list = a[len("-C"):]
		case takesValue[a]:
			i++
		}
		if list != "" {
			m, err := cpumask.ParseList(list, 0)
			if err != nil {
				return CPUs{}
			}
			return m
		}
	}
	return CPUs{}
}

// takesValue holds the options of perf record whose value is a word of its own.
var takesValue = map[string]bool{
	"-e": true, "--event": true, "-m": true, "--mmap-pages": true, "-c": true, "--count": true, "-o": true, "--output": true,
	"-F": true, "--freq": true, "-p": true, "--pid": true, "-t": true, "--tid": true, "-u": true, "--uid": true, "-r": true,
	"--realtime": true, "-k": true, "--clockid": true, "-D": true, "--delay": true, "-G": true, "--cgroup": true,
	"--call-graph": true, "--filter": true, "--max-size": true, "--mmap-flush": true, "--affinity": true,
}
