package perfscript

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/text"
)

// header reads what --header and -I print before the events
// (perf_header__fprintf_info, tools/perf/util/header.c).
type header struct {
	c    *capture
	seen bool
	// online and avail are -1 or 0 if not told.
	online, avail int64
	// tracepoints are the recorded events by name.
	tracepoints []string
	packages    []parser.CPUs
	dies        []parser.CPUs
	threads     []parser.CPUs
	llc         []parser.CPUs
	llcLevel    int
	ids         map[int][3]int
	nodes       []parser.NodeInfo
}

// source names the header in facts.
const source = "perf script --header: "

// line reads one line without its "# ".
func (h *header) line(b []byte) {
	s := string(b)
	if rest, ok := strings.CutPrefix(s, " L"); ok {
		h.cache(rest)
		return
	}
	if rest, ok := strings.CutPrefix(s, "CPU "); ok {
		h.cpu(rest)
		return
	}
	key, value, ok := strings.Cut(s, ":")
	if !ok {
		return
	}
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if value == "" {
		return
	}
	host := h.c.Meta().Host
	switch key {
	case "captured on":
		h.seen = true
	case "hostname":
		host.Hostname = fact.Seen(value, source+key)
	case "os release":
		host.Release = fact.Seen(value, source+key)
	case "arch":
		host.Arch = fact.Seen(value, source+key)
	case "perf version":
		h.seen = true
		h.c.Note("Recorded by perf " + value + ".")
	case "nrcpus online":
		h.online = number(value)
	case "nrcpus avail":
		h.avail = number(value)
	case "cmdline":
		// perf's own command line, not the kernel's.
		h.c.Meta().RecordedCPUs = parser.RecordCPUs(strings.Fields(value))
	case "event":
		h.event(value)
	case "clockid":
		h.clock(value)
	case "reference time":
		h.reference(value)
	case "sibling sockets", "sibling cores":
		h.packages = addList(h.packages, value)
	case "sibling dies":
		h.dies = addList(h.dies, value)
	case "sibling threads":
		h.threads = addList(h.threads, value)
	default:
		h.node(key, value)
	}
}

// number reads a whole number, -1 if it is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return -1
	}
	return n
}

func addList(all []parser.CPUs, list string) []parser.CPUs {
	if m, err := cpumask.ParseList(list, 0); err == nil && !m.Empty() {
		return append(all, m)
	}
	return all
}

// event reads "name = sched:sched_switch, , id = …".
func (h *header) event(value string) {
	rest, ok := strings.CutPrefix(value, "name = ")
	if !ok {
		return
	}
	name, _, _ := strings.Cut(rest, ",")
	if _, tracepoint, ok := strings.Cut(name, ":"); ok {
		h.tracepoints = append(h.tracepoints, tracepoint)
		h.c.saw(tracepoint)
	}
}

// clock reads "monotonic (1)".
func (h *header) clock(value string) {
	names := map[string]string{
		"0": "CLOCK_REALTIME", "1": "CLOCK_MONOTONIC", "4": "CLOCK_MONOTONIC_RAW", "7": "CLOCK_BOOTTIME", "11": "CLOCK_TAI",
	}
	_, id, _ := strings.Cut(value, "(")
	id = strings.TrimSuffix(id, ")")
	if n, ok := names[id]; ok {
		h.c.Meta().Clock.Name = n
	} else {
		h.c.Meta().Clock.Name = value
	}
	if id == "0" {
		h.c.Meta().Clock.HasWall = true
	}
}

// reference reads "… = 1795361267.699665 (TOD) = 1808.137365383 (monotonic)".
func (h *header) reference(value string) {
	part := strings.Split(value, " = ")
	if len(part) < 3 {
		return
	}
	wall, _, rest, ok := text.Time([]byte(part[len(part)-2]))
	if !ok || !bytes.HasPrefix(rest, []byte(" (TOD)")) {
		return
	}
	clock, _, _, ok := text.Time([]byte(part[len(part)-1]))
	if ok {
		h.c.Meta().Clock.WallOffset, h.c.Meta().Clock.HasWall = wall-clock, true
	}
}

// cpu reads "CPU 0: Core ID 0, Die ID 0, Socket ID 0"; older perfs leave the die
// out.
func (h *header) cpu(s string) {
	n, rest, ok := strings.Cut(s, ": ")
	cpu := number(n)
	if !ok || cpu < 0 || cpu >= cpumask.MaxCPUs {
		return
	}
	ids := [3]int{-1, -1, -1}
	for field := range strings.SplitSeq(rest, ", ") {
		for i, name := range []string{"Core ID ", "Die ID ", "Socket ID "} {
			if v, ok := strings.CutPrefix(field, name); ok {
				ids[i] = int(number(v))
			}
		}
	}
	if h.ids == nil {
		h.ids = map[int][3]int{}
	}
	h.ids[int(cpu)] = ids
}

// cache reads "3 Unified           32768K [0-1]", the caches of the highest
// level of which make the LLC.
func (h *header) cache(s string) {
	f := strings.Fields(s)
	if len(f) < 4 || f[1] == "Instruction" {
		return
	}
	level := int(number(f[0]))
	list := strings.Trim(f[len(f)-1], "[]")
	m, err := cpumask.ParseList(list, 0)
	if err != nil || m.Empty() || level < h.llcLevel {
		return
	}
	if level > h.llcLevel {
		h.llc, h.llcLevel = nil, level
	}
	h.llc = append(h.llc, m)
}

// node reads "node0 cpu list : 0-1".
func (h *header) node(key, value string) {
	id, ok := strings.CutPrefix(strings.TrimSuffix(key, " cpu list"), "node")
	n := number(id)
	if !ok || n < 0 || !strings.HasSuffix(key, " cpu list") {
		return
	}
	if m, err := cpumask.ParseList(value, 0); err == nil {
		h.nodes = append(h.nodes, parser.NodeInfo{ID: int(n), CPUs: m})
	}
}

// finish puts what belongs together into the host.
func (h *header) finish() {
	host := h.c.Meta().Host
	if h.seen && h.c.Meta().Clock.Name == "" {
		h.c.Meta().Clock.Name = "perf" // sched_clock, what perf stamps with unless told otherwise
	}
	if h.avail > 0 && h.avail == h.online && h.avail <= cpumask.MaxCPUs {
		all := fact.Seen(cpumask.Range(0, int(h.avail)-1), source+"nrcpus")
		host.Online, host.Present = all, all
	}
	if online, ok := host.Online.Get(); ok && online.SubsetOf(h.c.Meta().RecordedCPUs) {
		h.c.Meta().RecordedCPUs = parser.CPUs{}
	}
	if len(h.tracepoints) > 0 && !slices.Contains(h.tracepoints, "sched_waking") && !slices.Contains(h.tracepoints, "sched_wakeup") {
		h.c.Meta().HasWakings = false
		h.c.Note("No wakeups were recorded: neither sched_waking nor sched_wakeup is among the events.")
	}
	slices.SortFunc(h.nodes, func(a, b parser.NodeInfo) int { return a.ID - b.ID })
	host.Node = slices.CompactFunc(h.nodes, func(a, b parser.NodeInfo) bool { return a.ID == b.ID })
	for cpu, ids := range h.ids {
		c := host.Place(cpu)
		*c = parser.CPUInfo{
			Known: true, Siblings: holding(h.threads, cpu), Die: holding(h.dies, cpu), Package: holding(h.packages, cpu),
			LLC: holding(h.llc, cpu), CoreID: ids[0], DieID: ids[1], PackageID: ids[2],
		}
		if !c.LLC.Empty() {
			c.LLCLevel = h.llcLevel
		}
	}
	if h.seen && len(h.ids) == 0 {
		h.c.Note(fmt.Sprintf("The text has no topology; print it with `%s`.", "perf script --header -I"))
	}
}

// holding returns the set that holds a CPU, empty if none does.
func holding(sets []parser.CPUs, cpu int) parser.CPUs {
	for _, m := range sets {
		if m.Test(cpu) {
			return m
		}
	}
	return parser.CPUs{}
}
