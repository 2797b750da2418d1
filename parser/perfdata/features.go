package perfdata

import (
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Feature bits (tools/perf/util/header.h). In pipe mode a record carries each.
const (
	featTracingData = 1
	featHostname    = 3
	featOSRelease   = 4
	featVersion     = 5
	featArch        = 6
	featNRCPUs      = 7
	featCmdline     = 11
	featEventDesc   = 12
	featCPUTopology = 13
	featNUMA        = 14
	featCache       = 20
	featClockID     = 23
	featClockData   = 29
	featDomains     = 32 // in pipe mode of older perfs, an empty end mark
	featLast        = 256
)

// maxFeature bounds how much of a feature section is read, in bytes.
const maxFeature = 32 << 20

const featSource = "perf.data HEADER_"

// features is what the feature sections say, as far as it does not go
// straight into the host.
type features struct {
	killed  bool // no features: the recorder never finished the file
	missing bool // no features: they lie behind the end of the file

	version       string
	args          []string // the command line of perf
	avail, online int      // CPUs, 0 if unknown
	clockData     bool
	clockID       uint32
	wall, clock   uint64
	notes         []string
	done          map[uint64]bool
}

// readFeatures reads the sections behind the data.
func (c *capture) readFeatures(f *File) {
	var later []func()
	for _, sec := range f.Features {
		off := int64(min(sec.Off, math.MaxInt64))
		if sec.Off > 1<<62 || sec.Size > 1<<62 {
			c.damage(off, "feature %d of %d bytes at offset %d", sec.Bit, sec.Size, sec.Off)
			continue
		}
		if sec.Bit == featTracingData {
			c.tracingData(c.meta.Name, off, f.Section(sec, math.MaxInt64))
			continue
		}
		bit := uint64(sec.Bit)
		if !interesting(bit) {
			continue
		}
		text, err := io.ReadAll(f.Section(sec, maxFeature))
		if err != nil || uint64(len(text)) < sec.Size {
			c.damage(off, "feature %d states %d bytes, %d are there or are read", bit, sec.Size, len(text))
		}
		later = append(later, func() { c.feature(bit, text) })
	}
	if f.FeaturesEnd != nil {
		c.feat.missing = true
		c.stop(c.meta.Name, f.DataOff+f.DataSize+int64(16*len(f.Features)), f.FeaturesEnd)
	}
	for _, f := range later {
		f()
	}
}

// Reads reports whether [New] reads a feature, TRACING_DATA aside.
func Reads(bit int) bool { return bit >= 0 && interesting(uint64(bit)) }

func interesting(bit uint64) bool {
	switch bit {
	case featHostname, featOSRelease, featVersion, featArch, featNRCPUs, featCmdline, featEventDesc, featCPUTopology, featNUMA, featCache,
		featClockData, featDomains:
		return true
	}
	return false
}

// feature takes in one feature. One that contradicts itself is left out with
// a note: the events do not depend on it.
func (c *capture) feature(bit uint64, b []byte) {
	if !interesting(bit) || c.feat.done[bit] {
		return
	}
	if c.feat.done == nil {
		c.feat.done = make(map[uint64]bool)
	}
	c.feat.done[bit] = true
	f, h := &c.feat, c.meta.Host
	d := &fields{b: b, o: c.order}
	text := func(name string) fact.Fact[string] {
		s := d.text()
		if d.bad || s == "" {
			return fact.Fact[string]{}
		}
		return fact.Seen(s, featSource+name)
	}
	name := ""
	switch bit {
	case featHostname:
		name = "HOSTNAME"
		h.Hostname = text(name)
	case featOSRelease:
		name = "OSRELEASE"
		h.Release = text(name)
	case featArch:
		name = "ARCH"
		h.Arch = text(name)
	case featVersion:
		name = "VERSION"
		f.version = d.text()
	case featNRCPUs:
		name = "NRCPUS"
		avail, online := d.u32(), d.u32()
		if avail > cpumask.MaxCPUs || online > avail {
			d.bad = true
		} else {
			f.avail, f.online = int(avail), int(online)
		}
	case featCmdline:
		name = "CMDLINE"
		f.args = d.list()
	case featEventDesc:
		name = "EVENT_DESC"
		c.eventDesc(d)
	case featCPUTopology:
		name = "CPU_TOPOLOGY"
		c.topology(d)
	case featNUMA:
		name = "NUMA_TOPOLOGY"
		c.numa(d)
	case featCache:
		name = "CACHE"
		c.cache(d)
	case featClockData:
		name = "CLOCK_DATA"
		version := d.u32()
		f.clockID, f.wall, f.clock = d.u32(), d.u64(), d.u64()
		f.clockData = !d.bad && version == 1
	case featDomains:
		if len(b) == 0 {
			return
		}
		name = "CPU_DOMAIN_INFO"
		c.domains(d)
	}
	if d.bad {
		f.notes = append(f.notes, "the feature "+name+" contradicts itself and is left out in whole or part")
	}
}

// fields reads a feature section. Reading past the end gives zeros and sets
// bad.
type fields struct {
	b   []byte
	o   tep.Order
	bad bool
}

func (d *fields) take(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *fields) u32() uint32 {
	if b := d.take(4); b != nil {
		return d.o.Uint32(b)
	}
	return 0
}

func (d *fields) u64() uint64 {
	if b := d.take(8); b != nil {
		return d.o.Uint64(b)
	}
	return 0
}

// text reads a string: its padded length, then the bytes.
func (d *fields) text() string { return string(tep.CString(d.take(uint64(d.u32())))) }

// count reads the number of items of at least size bytes each that follow.
func (d *fields) count(size int) int {
	n := d.u32()
	if uint64(n)*uint64(size) > uint64(len(d.b)) {
		d.bad = true
		return 0
	}
	return int(n)
}

// list reads a list of strings.
func (d *fields) list() []string {
	var s []string
	for range d.count(4) {
		s = append(s, d.text())
	}
	return s
}

// mask reads a string that is a CPU list.
func (d *fields) mask() parser.CPUs {
	m, err := cpumask.ParseList(d.text(), 0)
	if err != nil {
		d.bad = true
	}
	return m
}

// masks reads a list of CPU lists that share no CPU.
func (d *fields) masks() []parser.CPUs {
	var all parser.CPUs
	var s []parser.CPUs
	for range d.count(4) {
		m := d.mask()
		if d.bad || m.Intersects(all) {
			d.bad = true
			return nil
		}
		all = all.Or(m)
		s = append(s, m)
	}
	return s
}

// eventDesc takes the names of event types (write_event_desc). The types are
// in the order of the file header.
func (c *capture) eventDesc(d *fields) {
	n, size := d.u32(), d.u32()
	if d.bad || n > uint32(len(c.ev.attrs)) || size < attrSizeV0 || size > maxAttrStride {
		d.bad = true
		return
	}
	for i := range int(n) {
		d.take(uint64(size))
		ids := d.u32()
		name := d.text()
		d.take(8 * uint64(ids))
		if d.bad {
			return
		}
		c.ev.attrs[i].name = name
	}
}

// cpu returns the host's entry for a CPU, growing the table.
func (c *capture) cpu(n int) *parser.CPUInfo {
	h := c.meta.Host
	for len(h.CPU) <= n {
		h.CPU = append(h.CPU, parser.CPUInfo{CoreID: -1, DieID: -1, PackageID: -1})
	}
	return &h.CPU[n]
}

// topology reads the CPU topology (write_cpu_topology): lists of packages and
// of SMT siblings; since revision 2 core and socket numbers; since Linux 5.2
// lists of dies and die numbers. Older writers stop earlier.
func (c *capture) topology(d *fields) {
	packages, threads := d.masks(), d.masks()
	if d.bad {
		return
	}
	var online parser.CPUs
	spread := func(masks []parser.CPUs, set func(*parser.CPUInfo, parser.CPUs)) {
		for _, m := range masks {
			for cpu := range m.All() {
				set(c.cpu(cpu), m)
			}
		}
	}
	for _, m := range threads {
		online = online.Or(m)
	}
	spread(packages, func(i *parser.CPUInfo, m parser.CPUs) { i.Package = m })
	spread(threads, func(i *parser.CPUInfo, m parser.CPUs) { i.Siblings, i.Known = m, true })
	if !online.Empty() {
		c.meta.Host.Online = fact.Seen(online, featSource+"CPU_TOPOLOGY")
	}
	if len(d.b) == 0 || c.feat.avail == 0 {
		return
	}
	id := func() int {
		v := d.u32()
		if d.bad || v >= 1<<31 { // (u32)-1 for an offline CPU
			return -1
		}
		return int(v)
	}
	for cpu := range c.feat.avail {
		core, pkg := id(), id()
		if d.bad {
			return
		}
		if online.Test(cpu) {
			c.cpu(cpu).CoreID, c.cpu(cpu).PackageID = core, pkg
		}
	}
	if len(d.b) == 0 {
		return
	}
	spread(d.masks(), func(i *parser.CPUInfo, m parser.CPUs) { i.Die = m })
	for cpu := range c.feat.avail {
		if die := id(); !d.bad && online.Test(cpu) {
			c.cpu(cpu).DieID = die
		}
	}
}

// numa reads the NUMA nodes; perf writes no distances.
func (c *capture) numa(d *fields) {
	var nodes []parser.NodeInfo
	var all parser.CPUs
	for range d.count(24) {
		id := d.u32()
		d.take(16) // total and free memory
		m := d.mask()
		if d.bad || m.Intersects(all) || id > 1<<16 {
			d.bad = true
			return
		}
		all = all.Or(m)
		nodes = append(nodes, parser.NodeInfo{ID: int(id), CPUs: m})
	}
	slices.SortFunc(nodes, func(a, b parser.NodeInfo) int { return a.ID - b.ID })
	c.meta.Host.Node = nodes
}

// cache reads the cache descriptions and keeps, for each CPU, the last-level
// one that holds data.
func (c *capture) cache(d *fields) {
	if version := d.u32(); version != 1 {
		d.bad = true
		return
	}
	type entry struct {
		level int
		cpus  string
	}
	var entries []entry
	for range d.count(28) {
		level := d.u32()
		d.take(12) // line, sets, ways
		kind := d.text()
		d.text() // size
		cpus := d.text()
		if d.bad || level > 16 {
			d.bad = true
			return
		}
		if kind != "Instruction" {
			entries = append(entries, entry{int(level), cpus})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return b.level - a.level })
	var all parser.CPUs
	for _, e := range entries {
		m, err := cpumask.ParseList(e.cpus, 0)
		if err != nil {
			d.bad = true
			return
		}
		if m.SubsetOf(all) {
			continue // a lower level
		}
		for cpu := range m.AndNot(all).All() {
			i := c.cpu(cpu)
			i.LLC, i.LLCLevel = m, e.level
		}
		all = all.Or(m)
	}
}

// domains reads the sched domains of each CPU as the kernel's schedstat tells
// them.
func (c *capture) domains(d *fields) {
	version, deepest := d.u32(), d.u32()
	if d.bad || deepest > 64 {
		d.bad = true
		return
	}
	masks := make(map[string]parser.CPUs)
	all := make(map[int][]parser.DomainInfo)
	for len(d.b) > 0 {
		cpu, n := d.u32(), d.u32()
		if d.bad || cpu >= cpumask.MaxCPUs || n > deepest {
			d.bad = true
			return
		}
		list := make([]parser.DomainInfo, 0, n)
		for range n {
			d.u32() // the domain's number: they come in ascending order
			var dom parser.DomainInfo
			if version >= 17 {
				dom.Name = d.text()
			}
			d.text() // the mask in hexadecimal
			text := d.text()
			span, ok := masks[text]
			if !ok {
				var err error
				if span, err = cpumask.ParseList(text, 0); err != nil {
					d.bad = true
				}
				masks[text] = span
			}
			dom.Span = span
			list = append(list, dom)
		}
		if d.bad {
			return
		}
		all[int(cpu)] = list
	}
	c.meta.Host.Domains = all
}

// clockNames are the clocks of clock_gettime(2) that perf record -k takes.
var clockNames = map[int32]string{
	0: "CLOCK_REALTIME", 1: "CLOCK_MONOTONIC", 4: "CLOCK_MONOTONIC_RAW", 7: "CLOCK_BOOTTIME", 11: "CLOCK_TAI",
}

// describeMeta fills the description once everything was read.
func (c *capture) describeMeta() {
	c.describeClock()
	c.describeCPUs()
	f, m := &c.feat, &c.meta
	note := func(format string, args ...any) { m.Notes = append(m.Notes, fmt.Sprintf(format, args...)) }
	switch {
	case f.version != "" && len(f.args) > 0:
		args := append([]string{path.Base(f.args[0])}, f.args[1:]...)
		note("recorded by perf %s: %.200q", f.version, strings.Join(args, " "))
	case f.version != "":
		note("recorded by perf %s", f.version)
	}
	if f.killed {
		note("the recorder was killed before it could finish the file: read up to the last whole record, host features are missing")
	}
	if f.missing {
		note("the file is cut short: the host features behind its data are missing")
	}
	m.Notes = append(m.Notes, f.notes...)
	if c.table != nil {
		m.Notes = append(m.Notes, c.table.Notes()...)
	}
	if c.taskOnly {
		note("only events of some tasks were recorded: what other tasks did on the same CPUs is not in it")
	}
	if !m.HasWakings {
		note("no wakeups were recorded: neither sched_waking nor sched_wakeup is among the events")
	}
	if c.ringFrom <= c.ringTo {
		note("a flight recorder (perf record --overwrite): what a CPU did before its first event here was overwritten; the last CPU begins %.3f ms after the first",
			float64(c.ringTo-c.ringFrom)/1e6)
	}
	if c.lost > 0 {
		note("the recorder lost %d events: record again with larger buffers (perf record -m)", c.lost)
	}
}

// describeClock fills Meta.Clock.
func (c *capture) describeClock() {
	f, clock := &c.feat, &c.meta.Clock
	clock.Name = "perf" // sched_clock, what perf stamps with unless told otherwise
	for i := range c.ev.attrs {
		a := &c.ev.attrs[i]
		if a.typ != typeTracepoint || a.flags&flagUseClockID == 0 {
			continue
		}
		clock.Name = clockNames[a.clockID]
		if clock.Name == "" {
			clock.Name = "clock " + strconv.Itoa(int(a.clockID))
		}
		switch {
		case f.clockData && int32(f.clockID) == a.clockID && f.wall <= 1<<62 && f.clock <= 1<<62:
			clock.WallOffset, clock.HasWall = int64(f.wall)-int64(f.clock), true
		case a.clockID == 0:
			clock.HasWall = true
		}
		return
	}
}

// describeCPUs fills the CPU masks that follow from several features, and the
// CPUs the recorder was limited to.
func (c *capture) describeCPUs() {
	f, h := &c.feat, c.meta.Host
	if f.avail > 0 && f.avail == f.online {
		all := fact.Seen(cpumask.Range(0, f.avail-1), featSource+"NRCPUS")
		h.Online, h.Present = h.Online.Or(all), all
	}
	wanted := c.opened
	if wanted.Empty() {
		wanted = parser.RecordCPUs(f.args)
	}
	online, ok := h.Online.Get()
	switch {
	case wanted.Empty():
	case ok && online.SubsetOf(wanted):
	default: // where the CPUs online are unknown, this may be all of them
		c.meta.RecordedCPUs = wanted
	}
}
