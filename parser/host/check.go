package host

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"schedreplay/parser"
)

// Seen is what a capture shows of its machine, for [Check]. Empty fields mean
// that nothing is known.
type Seen struct {
	// CPUs are those that recorded events or were named in them.
	CPUs parser.CPUs
	// Release and Hostname are the capture's own word, if it gives any.
	Release, Hostname string
	// Comm maps the pids seen to their names.
	Comm map[int32]string
}

// Bounds of the comparison of names: with fewer kernel threads than minCompared
// in common, or fewer than half of them renamed, it decides nothing.
const minCompared = 8

// Check reports whether a bundle is about the machine of a capture. Remarks that
// decide nothing come back as notes. The error wraps [ErrContradiction]: the
// capture uses CPUs that the bundle's machine cannot have, it names another
// kernel release, or most kernel threads have other names.
func Check(bundle *parser.Host, seen Seen) (notes []string, err error) {
	if over := seen.CPUs.AndNot(machineCPUs(bundle)); !machineCPUs(bundle).Empty() && !over.Empty() {
		return nil, fmt.Errorf("%w: the capture has events of CPU %s, the host bundle describes a machine with CPUs %s: is it another machine's?",
			ErrContradiction, over, machineCPUs(bundle))
	}
	if r := bundle.Release; r.Known() && seen.Release != "" && r.Value != seen.Release {
		return nil, fmt.Errorf("%w: the capture was recorded on kernel %q, the host bundle is of %q: is it of another machine or another boot?",
			ErrContradiction, seen.Release, r.Value)
	}
	if n := bundle.Hostname; n.Known() && seen.Hostname != "" && n.Value != seen.Hostname {
		notes = append(notes, fmt.Sprintf("the capture names its host %q, the host bundle %q", seen.Hostname, n.Value))
	}
	if o, ok := bundle.Online.Get(); ok {
		if off := seen.CPUs.AndNot(o); !off.Empty() {
			notes = append(notes, fmt.Sprintf("the capture has events of CPUs %s, which were offline when the host bundle was made", off))
		}
	}
	compared, differ, example := 0, 0, ""
	for _, pid := range slices.Sorted(maps.Keys(seen.Comm)) {
		t, ok := bundle.Task[pid]
		comm := seen.Comm[pid]
		// Workers come and go; only threads that live as long as the machine tell.
		if !ok || comm == "" || t.Comm == "" || !t.Kthread.Value || strings.HasPrefix(t.Comm, "kworker/") {
			continue
		}
		if compared++; !parser.SameComm(comm, t.Comm) {
			if differ++; example == "" {
				example = fmt.Sprintf("pid %d is %q in the capture, %q in the bundle", pid, comm, t.Comm)
			}
		}
	}
	switch {
	case compared >= minCompared && 2*differ > compared:
		return nil, fmt.Errorf("%w: %d of %d kernel threads have other names in the host bundle (%s): is it of another machine or another boot?",
			ErrContradiction, differ, compared, example)
	case differ > 0:
		notes = append(notes, fmt.Sprintf("%d of %d kernel threads have other names in the host bundle (%s)", differ, compared, example))
	}
	return notes, nil
}
