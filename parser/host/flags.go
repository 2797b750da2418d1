package host

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/parser"
)

// Errors of flags and bundles that the user has to resolve. Both are usage
// errors: exit status 2.
var (
	// ErrFlag: a host flag is malformed or contradicts itself.
	ErrFlag = errors.New("bad host flag")
	// ErrContradiction: a flag or a bundle cannot be about the recorded machine.
	ErrContradiction = errors.New("the host description contradicts the capture")
)

// Flags are the host facts a user states on the command line; empty fields state
// nothing. They win over the capture and the bundle.
type Flags struct {
	// Isolated is --isolated: the CPUs outside every sched domain, as a CPU
	// list. A pointer, because an empty list states that there are none.
	Isolated *string
	// Release is --release, as uname -r prints it.
	Release string
	// Online is --online, a CPU list.
	Online string
	// SMT is --smt, the cores: groups separated by commas, the CPUs or ranges of
	// a group joined by plus signs, as in "0+4,1+5" or "0-1,2-3". CPUs in no
	// group keep what is known of them.
	SMT string
	// LLC is --llc, the last-level caches, written like SMT: "0-3+8-11,4-7+12-15".
	LLC string
	// Affinity is --affinity, NAME=CPULIST or PID=CPULIST each. A number is a
	// pid. The last equals sign parts the two.
	Affinity []string
}

// statedHost is Flags after parsing.
type statedHost struct {
	isolated *parser.CPUs
	online   parser.CPUs
	smt, llc []parser.CPUs
	affinity []parser.StatedAffinity
}

// parse reads the flags' values; possible bounds their CPU numbers unless it is
// empty. Errors wrap ErrFlag or ErrContradiction.
func (f Flags) parse(possible parser.CPUs) (s statedHost, err error) {
	check := func(flag, value string, m parser.CPUs) error {
		if over := m.AndNot(possible); !possible.Empty() && !over.Empty() {
			return fmt.Errorf("%w: %s %s names CPU %d, but the machine has CPUs %s", ErrContradiction, flag, value, over.First(), possible)
		}
		return nil
	}
	list := func(flag, value string) (parser.CPUs, error) {
		m, err := cpumask.ParseList(value, 0)
		if err != nil {
			return m, fmt.Errorf("%w: %s: %w", ErrFlag, flag, err)
		}
		return m, check(flag, value, m)
	}
	if f.Isolated != nil {
		m, err := list("--isolated", *f.Isolated)
		if err != nil {
			return s, err
		}
		s.isolated = &m
	}
	if f.Online != "" {
		if s.online, err = list("--online", f.Online); err != nil {
			return s, err
		}
		if s.online.Empty() {
			return s, fmt.Errorf("%w: --online %q names no CPU", ErrFlag, f.Online)
		}
	}
	for _, g := range []struct {
		flag, value string
		groups      *[]parser.CPUs
	}{{"--smt", f.SMT, &s.smt}, {"--llc", f.LLC, &s.llc}} {
		if g.value == "" {
			continue
		}
		if *g.groups, err = parseGroups(g.value); err != nil {
			return s, fmt.Errorf("%w: %s %s: %w", ErrFlag, g.flag, g.value, err)
		}
		for _, m := range *g.groups {
			if err := check(g.flag, g.value, m); err != nil {
				return s, err
			}
		}
	}
	for _, a := range f.Affinity {
		i := strings.LastIndexByte(a, '=')
		if i <= 0 {
			return s, fmt.Errorf("%w: --affinity %q: write NAME=CPULIST", ErrFlag, a)
		}
		m, err := list("--affinity", a[i+1:])
		if err != nil {
			return s, err
		}
		if m.Empty() {
			return s, fmt.Errorf("%w: --affinity %q names no CPU", ErrFlag, a)
		}
		st := parser.StatedAffinity{Name: a[:i], PID: parser.NoPID, CPUs: m}
		if pid, err := strconv.ParseInt(a[:i], 10, 32); err == nil && pid >= 0 {
			st.Name, st.PID = "", int32(pid)
		}
		s.affinity = append(s.affinity, st)
	}
	return s, nil
}

// parseGroups reads "0-1+8,2-3": disjoint groups of CPUs.
func parseGroups(s string) ([]parser.CPUs, error) {
	var groups []parser.CPUs
	var seen parser.CPUs
	for g := range strings.SplitSeq(s, ",") {
		var m parser.CPUs
		for part := range strings.SplitSeq(g, "+") {
			p, err := cpumask.ParseList(part, 0)
			if err != nil {
				return nil, err
			}
			if p.Empty() {
				return nil, fmt.Errorf("an empty group; write groups as 0+4,1+5 or 0-1,2-3")
			}
			m = m.Or(p)
		}
		if both := m.And(seen); !both.Empty() {
			return nil, fmt.Errorf("CPU %d is in two groups", both.First())
		}
		seen = seen.Or(m)
		groups = append(groups, m)
	}
	return groups, nil
}
