package host

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/cpumask"
)

// isolGrammar is how a range of kernels reads isolcpus= and nohz_full=
// (kernel/sched/isolation.c: housekeeping_isolcpus_setup, housekeeping_setup;
// before 4.15 kernel/sched/core.c: isolated_cpu_setup).
type isolGrammar struct {
	// since is the first release of the range, {major, minor}.
	since [2]int
	// flags are the words that may stand before the list; nil: none may.
	flags []string
	// skipUnknown: an unknown flag of letters and underscores is skipped, where
	// older kernels reject the whole parameter.
	skipUnknown bool
	// oneMask: isolcpus= and nohz_full= share one mask, and a later parameter
	// that gives another one is rejected whatever it is about. Otherwise each
	// kind of isolation has its own, and only a second, different one of the same
	// kind is rejected.
	oneMask bool
	// names: "N" stands for the last CPU in a list; all: "all" for every CPU.
	names, all bool
	// exact: a list may name the numbers up to the last possible CPU; before, a
	// kernel whose masks are on the stack takes numbers up to CONFIG_NR_CPUS.
	exact bool
}

// isolGrammars is ordered by release.
var isolGrammars = []isolGrammar{
	{since: [2]int{0, 0}},
	{since: [2]int{4, 15}, flags: []string{"nohz", "domain"}, oneMask: true},
	{since: [2]int{5, 6}, flags: []string{"nohz", "domain", "managed_irq"}, oneMask: true},
	{since: [2]int{5, 8}, flags: []string{"nohz", "domain", "managed_irq"}, oneMask: true, skipUnknown: true},
	{since: [2]int{5, 13}, flags: []string{"nohz", "domain", "managed_irq"}, oneMask: true, skipUnknown: true, names: true},
	{since: [2]int{5, 15}, flags: []string{"nohz", "domain", "managed_irq"}, oneMask: true, skipUnknown: true, names: true, all: true},
	{since: [2]int{5, 18}, flags: []string{"nohz", "domain", "managed_irq"}, skipUnknown: true, names: true, all: true},
	{since: [2]int{6, 1}, flags: []string{"nohz", "domain", "managed_irq"}, skipUnknown: true, names: true, all: true, exact: true},
}

// grammarOf returns the grammar of a kernel.
func grammarOf(major, minor int) isolGrammar {
	g := isolGrammars[0]
	for _, next := range isolGrammars[1:] {
		if major > next.since[0] || major == next.since[0] && minor >= next.since[1] {
			g = next
		}
	}
	return g
}

// isolInput is what the kernel's parser of isolcpus= works with.
type isolInput struct {
	grammar isolGrammar
	// possible is cpu_possible_mask; empty if unknown.
	possible cpumask.Mask
	// bits is how many CPU numbers a list may name (nr_cpumask_bits,
	// include/linux/cpumask.h), 0 if unknown.
	bits int
	// noNohzFull is set if the kernel is built without CONFIG_NO_HZ_FULL.
	noNohzFull bool
}

// isolResult is what a command line isolates.
type isolResult struct {
	// domain are the CPUs kept out of the sched domains, tick those with
	// adaptive ticks (nohz_full= and isolcpus=nohz).
	domain, tick cpumask.Mask
	// plain is set if every isolcpus= is a bare list, which all kernels read
	// alike.
	plain bool
	notes []string
}

// isolated reads the isolcpus= and nohz_full= parameters of a kernel command
// line as that kernel does. It never fails: the kernel ignores what it cannot
// read, with a message, and so the result carries a note.
func (in isolInput) isolated(cmdline string) isolResult {
	res := isolResult{plain: true}
	kinds := map[string]cpumask.Mask{}
	for _, p := range kernelParams(cmdline) {
		switch p.name {
		case "isolcpus":
			list, flags, err := in.flags(p.value)
			if len(list) != len(p.value) || err != nil {
				res.plain = false
			}
			if err != nil {
				res.note("isolcpus=%s: the kernel rejects it: %v", p.value, err)
				continue
			}
			p.value = list
			if in.beforeFlags() {
				in.isolcpusAlone(&res, p)
			} else {
				in.isolate(&res, kinds, p, flags)
			}
		case "nohz_full":
			if !in.beforeFlags() {
				in.isolate(&res, kinds, p, []string{"nohz", "misc"})
			} else if m, err := in.list(p.value); err == nil {
				res.tick = m
			}
		}
	}
	if !in.beforeFlags() {
		res.domain, res.tick = kinds["domain"], kinds["nohz"]
	}
	return res
}

// beforeFlags reports a kernel whose isolcpus= takes a bare list and knows nothing of
// nohz_full=.
func (in isolInput) beforeFlags() bool { return in.grammar.since[0] == 0 }

// isolcpusAlone takes isolcpus= as those kernels do: the last one wins.
func (in isolInput) isolcpusAlone(res *isolResult, p kernelParam) {
	m, err := in.list(p.value)
	if err != nil {
		res.reject(p, err)
		return
	}
	if res.domain = m; !in.possible.Empty() {
		res.domain = m.And(in.possible)
	}
}

// isolate adds the CPUs of one parameter to each kind of isolation it asks for
// (housekeeping_setup, kernel/sched/isolation.c).
func (in isolInput) isolate(res *isolResult, kinds map[string]cpumask.Mask, p kernelParam, ask []string) {
	m, err := in.list(p.value)
	if err != nil {
		res.reject(p, err)
		return
	}
	if slices.Contains(ask, "nohz") && in.noNohzFull && kinds["nohz"].Empty() {
		res.note("%s=%s: the kernel rejects it: it is built without CONFIG_NO_HZ_FULL", p.name, p.value)
		return
	}
	if !in.possible.Empty() {
		if m = m.And(in.possible); in.possible.SubsetOf(m) {
			boot := in.possible.First()
			m = m.AndNot(cpumask.Of(boot))
			res.note("%s=%s names every CPU: the kernel keeps the boot CPU, taken to be CPU %d", p.name, p.value, boot)
		}
	}
	if m.Empty() {
		return
	}
	for k, other := range kinds {
		if (in.grammar.oneMask || slices.Contains(ask, k)) && !m.Equal(other) {
			res.note("%s=%s: the kernel rejects it: it differs from the isolcpus= or nohz_full= before it", p.name, p.value)
			return
		}
	}
	for _, k := range ask {
		kinds[k] = m
	}
}

func (r *isolResult) reject(p kernelParam, err error) {
	r.note("%s=%s: the kernel rejects the whole list: %v", p.name, p.value, err)
}

func (r *isolResult) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// flags parts the value of isolcpus= into its list and what the flags before it
// ask for; "domain" if there are none.
func (in isolInput) flags(value string) (list string, kinds []string, err error) {
	if in.grammar.flags == nil {
		return value, []string{"domain"}, nil
	}
	for value != "" && isAlpha(value[0]) {
		word, rest, comma := strings.Cut(value, ",")
		switch {
		case comma && slices.Contains(in.grammar.flags, word):
			if !slices.Contains(kinds, word) {
				kinds = append(kinds, word)
			}
		case !in.grammar.skipUnknown:
			return "", nil, fmt.Errorf("unknown flag %q", word)
		case strings.IndexFunc(word, func(r rune) bool { return r != '_' && (r > 'z' || !isAlpha(byte(r))) }) >= 0:
			return "", nil, fmt.Errorf("flag %q has characters other than letters and underscores", word)
		case !comma:
			return "", nil, fmt.Errorf("no CPU list after %q", word)
		}
		value = rest
	}
	if len(kinds) == 0 {
		kinds = []string{"domain"}
	}
	return value, kinds, nil
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// list reads a CPU list with the names this kernel knows (bitmap_parselist).
func (in isolInput) list(s string) (cpumask.Mask, error) {
	if !in.grammar.names && strings.Contains(s, "N") || !in.grammar.all && strings.Contains(s, "all") {
		return cpumask.Mask{}, fmt.Errorf("%w: %q: this kernel takes numbers only", cpumask.ErrSyntax, s)
	}
	return cpumask.ParseList(s, in.bits)
}

type kernelParam struct{ name, value string }

// kernelParams parts a kernel command line into its parameters, in order, as
// parse_args and next_arg do (lib/cmdline.c): separated by white space outside
// double quotes, quotes around the value removed, dashes in names read as
// underscores, nothing after "--", which is for init.
func kernelParams(cmdline string) []kernelParam {
	var out []kernelParam
	for i := 0; i < len(cmdline); {
		for i < len(cmdline) && isSpace(cmdline[i]) {
			i++
		}
		start, quoted := i, false
		for i < len(cmdline) && (quoted || !isSpace(cmdline[i])) {
			if cmdline[i] == '"' {
				quoted = !quoted
			}
			i++
		}
		word := cmdline[start:i]
		if word == "--" {
			break
		}
		if unquoted, ok := strings.CutPrefix(word, `"`); ok {
			word = strings.TrimSuffix(unquoted, `"`)
		}
		name, value, _ := strings.Cut(word, "=")
		if unquoted, ok := strings.CutPrefix(value, `"`); ok {
			value = strings.TrimSuffix(unquoted, `"`)
		}
		if name != "" {
			out = append(out, kernelParam{strings.ReplaceAll(name, "-", "_"), value})
		}
	}
	return out
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// parseRelease returns the numbers of a kernel release such as
// "6.1.0-18-amd64"; false if it does not start with two of them.
func parseRelease(s string) (major, minor int, ok bool) {
	a, rest, ok := strings.Cut(s, ".")
	if !ok {
		return 0, 0, false
	}
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	major, ok1 := cutNumber(a, "")
	minor, ok2 := cutNumber(rest[:end], "")
	return major, minor, ok1 && ok2
}
