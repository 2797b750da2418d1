package host

import (
	"fmt"
	"maps"
	"slices"

	"schedreplay/fact"
	"schedreplay/parser"
)

// Merge returns what is known of the machine from three sources: what the
// capture says of its host, overridden by a host bundle, overridden by flags.
// capture and bundle may be nil and are not changed. Every disagreement becomes
// a note.
//
// Facts that depend on each other follow: isolation read from a command line is
// read again under the release that wins, and the kernel's own sched domains
// are dropped where a flag states a machine that they do not describe.
//
// The error wraps [ErrFlag] for a malformed flag and [ErrContradiction] for one
// that names CPUs which the machine does not have.
func Merge(capture, bundle *parser.Host, flags Flags) (*parser.Host, error) {
	h := &parser.Host{}
	if capture != nil {
		*h = *capture
		h.Notes = slices.Clone(capture.Notes)
		h.CPU = slices.Clone(capture.CPU)
	}
	m := merger{h: h}
	if bundle != nil {
		m.bundle(bundle)
	}
	if !h.Isolated.Known() {
		m.cmdline()
	}
	stated, err := flags.parse(machineCPUs(h))
	if err != nil {
		return nil, err
	}
	m.flags(flags, stated)
	return h, nil
}

// machineCPUs returns the CPUs the machine can have, empty if unknown.
func machineCPUs(h *parser.Host) parser.CPUs {
	if p, ok := h.Possible.Get(); ok {
		return p
	}
	var m parser.CPUs
	for i := range h.CPU {
		m.Set(i)
	}
	return m
}

type merger struct{ h *parser.Host }

func (m merger) note(format string, args ...any) {
	m.h.Notes = append(m.h.Notes, fmt.Sprintf(format, args...))
}

// override replaces a fact by a known one from a stronger source and notes a
// disagreement.
func override[T any](m merger, what string, f *fact.Fact[T], by fact.Fact[T], same func(a, b T) bool, show func(T) string) {
	if !by.Known() {
		return
	}
	if f.Known() && !same(f.Value, by.Value) {
		m.note("%s %s of %s overrides %s of %s", what, show(by.Value), by.Source, show(f.Value), f.Source)
	}
	*f = by
}

func same[T comparable](a, b T) bool { return a == b }

func quote(s string) string { return fmt.Sprintf("%q", s) }

func showCPUs(c parser.CPUs) string {
	if c.Empty() {
		return "(none)"
	}
	return c.String()
}

func (m merger) bundle(b *parser.Host) {
	h := m.h
	h.Notes = append(h.Notes, b.Notes...)
	override(m, "the hostname", &h.Hostname, b.Hostname, same, quote)
	override(m, "the release", &h.Release, b.Release, same, quote)
	override(m, "the version", &h.Version, b.Version, same, quote)
	override(m, "the architecture", &h.Arch, b.Arch, same, quote)
	override(m, "the command line", &h.Cmdline, b.Cmdline, same, quote)
	override(m, "the possible CPUs", &h.Possible, b.Possible, parser.CPUs.Equal, showCPUs)
	override(m, "the present CPUs", &h.Present, b.Present, parser.CPUs.Equal, showCPUs)
	override(m, "the online CPUs", &h.Online, b.Online, parser.CPUs.Equal, showCPUs)
	override(m, "the isolated CPUs", &h.Isolated, b.Isolated, parser.CPUs.Equal, showCPUs)
	override(m, "the CPUs isolated after boot", &h.IsolatedLater, b.IsolatedLater, parser.CPUs.Equal, showCPUs)
	override(m, "the adaptive-tick CPUs", &h.NohzFull, b.NohzFull, parser.CPUs.Equal, showCPUs)
	if b.Islands.Known() {
		h.Islands = b.Islands
	}
	if b.Features.Known() {
		h.Features = b.Features
	}
	override(m, "CONFIG_HZ", &h.HZ, b.HZ, same, func(n int) string { return fmt.Sprint(n) })
	m.topology(b)
	if len(b.Node) > 0 {
		if len(h.Node) > 0 && !slices.EqualFunc(h.Node, b.Node, func(x, y parser.NodeInfo) bool { return x.ID == y.ID && x.CPUs.Equal(y.CPUs) }) {
			m.note("the NUMA nodes of the host bundle override different ones of the capture")
		}
		h.Node = b.Node
	}
	h.Domains = mergeDomains(h.Domains, b.Domains)
	h.Config = mergeMaps(h.Config, b.Config)
	h.Tunables = mergeMaps(h.Tunables, b.Tunables)
	h.Task = mergeMaps(h.Task, b.Task)
	h.Functions = b.Functions
	h.Cgroups.Info = b.Cgroups.Info
	if len(b.Wall) > 0 {
		h.Wall = b.Wall
	}
	h.Stated = append(slices.Clip(h.Stated), b.Stated...)
}

// mergeMaps returns the union, entries of b winning. It keeps both arguments as
// they are.
func mergeMaps[K comparable, V any](a, b map[K]V) map[K]V {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	a = maps.Clone(a)
	maps.Copy(a, b)
	return a
}

// topology takes from the bundle what it knows of each CPU's place.
func (m merger) topology(b *parser.Host) {
	var smt, llc parser.CPUs
	take := func(n int, to *parser.CPUs, from parser.CPUs, differ *parser.CPUs) {
		if from.Empty() {
			return
		}
		if differ != nil && !to.Empty() && !to.Equal(from) {
			differ.Set(n)
		}
		*to = from
	}
	id := func(to *int, from int) {
		if from >= 0 {
			*to = from
		}
	}
	for n := range b.CPU {
		c, from := m.h.Place(n), &b.CPU[n]
		if !from.Known {
			continue
		}
		c.Known = true
		take(n, &c.Siblings, from.Siblings, &smt)
		take(n, &c.LLC, from.LLC, &llc)
		take(n, &c.Cluster, from.Cluster, nil)
		take(n, &c.Die, from.Die, nil)
		take(n, &c.Package, from.Package, nil)
		id(&c.CoreID, from.CoreID)
		id(&c.DieID, from.DieID)
		id(&c.PackageID, from.PackageID)
		if from.LLCLevel > 0 {
			c.LLCLevel = from.LLCLevel
		}
		if from.Capacity > 0 {
			c.Capacity = from.Capacity
		}
	}
	if !smt.Empty() {
		m.note("the SMT siblings of CPUs %s in the host bundle override different ones of the capture", smt)
	}
	if !llc.Empty() {
		m.note("the last-level caches of CPUs %s in the host bundle override different ones of the capture", llc)
	}
}

// mergeDomains returns the bundle's domains with the spans that the capture knows
// (perf.data tells spans, debugfs flags), or whichever is there.
func mergeDomains(capture, bundle map[int][]parser.DomainInfo) map[int][]parser.DomainInfo {
	if len(bundle) == 0 {
		return capture
	}
	if len(capture) == 0 {
		return bundle
	}
	out := maps.Clone(bundle)
	for cpu, list := range out {
		other := capture[cpu]
		if len(other) != len(list) {
			continue
		}
		list = slices.Clone(list)
		for i := range list {
			if list[i].Span.Empty() && (other[i].Name == "" || other[i].Name == list[i].Name) {
				list[i].Span = other[i].Span
			}
		}
		out[cpu] = list
	}
	return out
}

// cmdline derives isolation from the command line under the release in force.
func (m merger) cmdline() {
	iso, tick, notes := isolatedByCmdline(m.h)
	if !iso.Known() {
		return
	}
	m.h.Isolated = iso
	m.h.NohzFull = m.h.NohzFull.Or(tick)
	m.h.Notes = append(m.h.Notes, notes...)
}

func (m merger) flags(f Flags, s statedHost) {
	h := m.h
	var dropped string
	if f.Release != "" && f.Release != h.Release.Value {
		was := h.Release
		m.state("--release "+f.Release, was.Known(), quote(was.Value), was.Source)
		h.Release = fact.Seen(f.Release, "--release")
		if h.Isolated.Known() && h.Isolated.Source == h.Cmdline.Source {
			m.cmdline()
		}
		dropped = "--release"
	}
	if !s.online.Empty() {
		if !h.Online.Known() || !h.Online.Value.Equal(s.online) {
			m.state("--online "+f.Online, h.Online.Known(), showCPUs(h.Online.Value), h.Online.Source)
			dropped = "--online"
		}
		h.Online = fact.Seen(s.online, "--online")
	}
	if s.isolated != nil {
		if !h.Isolated.Known() || !h.Isolated.Value.Equal(*s.isolated) {
			value := *f.Isolated
			if value == "" {
				value = `""`
			}
			m.state("--isolated "+value, h.Isolated.Known(), showCPUs(h.Isolated.Value), h.Isolated.Source)
			dropped = "--isolated"
		}
		h.Isolated = fact.Seen(*s.isolated, "--isolated")
		if later, ok := h.IsolatedLater.Get(); ok {
			h.IsolatedLater.Value = later.And(*s.isolated)
		}
		if islands, ok := h.Islands.Get(); ok {
			h.Islands.Value = outside(islands, *s.isolated)
		}
	}
	if m.groups("--smt", s.smt, func(c *parser.CPUInfo) *parser.CPUs { return &c.Siblings }) {
		dropped = "--smt"
	}
	if m.groups("--llc", s.llc, func(c *parser.CPUInfo) *parser.CPUs { return &c.LLC }) {
		dropped = "--llc"
	}
	if dropped != "" && h.Domains != nil {
		h.Domains = nil
		m.note("the kernel's own sched domains are not used: %s states another machine", dropped)
	}
	m.affinity(s.affinity)
}

// state notes that a flag overrides something known.
func (m merger) state(flag string, known bool, was, source string) {
	if known {
		m.note("%s overrides %s of %s", flag, was, source)
	}
}

// groups sets one mask of the CPUs in the groups and reports whether anything
// known changed.
func (m merger) groups(flag string, groups []parser.CPUs, field func(*parser.CPUInfo) *parser.CPUs) bool {
	var differ parser.CPUs
	for _, g := range groups {
		for cpu := range g.All() {
			c := m.h.Place(cpu)
			mask := field(c)
			if !mask.Empty() && !mask.Equal(g) {
				differ.Set(cpu)
			}
			*mask = g
			c.Known = true
		}
	}
	if !differ.Empty() {
		m.note("%s overrides what is known of CPUs %s", flag, differ)
	}
	return !differ.Empty()
}

// affinity applies --affinity to the tasks known and keeps it for the others.
func (m merger) affinity(stated []parser.StatedAffinity) {
	h := m.h
	if len(stated) == 0 {
		return
	}
	h.Stated = append(slices.Clip(h.Stated), stated...)
	h.Task = maps.Clone(h.Task)
	pids := slices.Sorted(maps.Keys(h.Task))
	for _, st := range stated {
		differ := 0
		for _, pid := range pids {
			t := h.Task[pid]
			if st.Name != "" && !parser.SameComm(st.Name, t.Comm) || st.Name == "" && st.PID != pid {
				continue
			}
			if a, ok := t.Affinity.Get(); ok && !a.Equal(st.CPUs) {
				differ++
			}
			t.Affinity = fact.Seen(st.CPUs, "--affinity")
			h.Task[pid] = t
		}
		if differ > 0 {
			name := quote(st.Name)
			if st.Name == "" {
				name = fmt.Sprint(st.PID)
			}
			m.note("--affinity %s=%s overrides what /proc says of %d tasks", name, st.CPUs, differ)
		}
	}
}
