package host

import (
	"fmt"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

const cpuDir = "sys/devices/system/cpu"

// readTopology fills the CPU masks and Host.CPU.
func (t *tree) readTopology(h *parser.Host) {
	h.Possible = t.list(cpuDir+"/possible", false)
	h.Present = t.list(cpuDir+"/present", false)
	h.Online = t.list(cpuDir+"/online", false)
	h.NohzFull = t.nohzFull()
	nr, beyond := 0, 0
	for _, n := range t.numbered(cpuDir, "cpu") {
		if n >= cpumask.MaxCPUs || h.Possible.Known() && !h.Possible.Value.Test(n) {
			beyond++
			continue
		}
		nr = n + 1
	}
	if beyond > 0 {
		t.note("/%s: %d CPUs are beyond those possible; ignored", cpuDir, beyond)
	}
	if nr > 0 && h.Possible.Known() {
		nr = max(nr, h.Possible.Value.Last()+1)
	}
	if nr > 0 {
		h.CPU = make([]parser.CPUInfo, nr)
	}
	bad := 0
	for n := range h.CPU {
		bad += t.readCPU(&h.CPU[n], n)
	}
	if bad > 0 {
		t.note("/%s: %d masks are malformed or lack their own CPU; ignored", cpuDir, bad)
	}
}

// nohzFull reads the mask of adaptive-tick CPUs. Kernels built without them
// print "(null)".
func (t *tree) nohzFull() fact.Fact[parser.CPUs] {
	if s, _ := t.value(cpuDir + "/nohz_full"); strings.Contains(s, "(null)") {
		return fact.Seen(parser.CPUs{}, "/"+cpuDir+"/nohz_full")
	}
	return t.list(cpuDir+"/nohz_full", true)
}

// readCPU fills one CPU's place and returns the number of malformed masks.
func (t *tree) readCPU(c *parser.CPUInfo, n int) (bad int) {
	dir := fmt.Sprintf("%s/cpu%d", cpuDir, n)
	mask := func(files ...string) parser.CPUs {
		for _, p := range files {
			s, _ := t.value(dir + "/" + p)
			if s == "" {
				continue
			}
			m, err := parseMask(p, s)
			if err == nil && m.Test(n) {
				return m
			}
			if err != nil || !m.Empty() {
				bad++
			}
		}
		return parser.CPUs{}
	}
	both := func(names ...string) parser.CPUs {
		var files []string
		for _, end := range []string{"_list", ""} {
			for _, name := range names {
				files = append(files, "topology/"+name+end)
			}
		}
		return mask(files...)
	}
	id := func(name string) int {
		s, _ := t.value(dir + "/topology/" + name)
		if v, err := strconv.Atoi(s); err == nil && v >= 0 {
			return v
		}
		return -1
	}
	// core_cpus is the newer name of thread_siblings, package_cpus of
	// core_siblings (Documentation/admin-guide/cputopology.rst).
	c.Siblings = both("thread_siblings", "core_cpus")
	c.Cluster = both("cluster_cpus")
	c.Die = both("die_cpus")
	c.Package = both("package_cpus", "core_siblings")
	c.CoreID, c.DieID, c.PackageID = id("core_id"), id("die_id"), id("physical_package_id")
	for _, i := range t.numbered(dir+"/cache", "index") {
		at := fmt.Sprintf("cache/index%d/", i)
		kind, _ := t.value(dir + "/" + at + "type")
		s, _ := t.value(dir + "/" + at + "level")
		level, err := strconv.Atoi(s)
		if err != nil || level <= c.LLCLevel || level > 10 || kind != "Data" && kind != "Unified" {
			continue
		}
		if m := mask(at+"shared_cpu_list", at+"shared_cpu_map"); !m.Empty() {
			c.LLC, c.LLCLevel = m, level
		}
	}
	if s, _ := t.value(dir + "/cpu_capacity"); s != "" {
		if v, err := strconv.Atoi(s); err == nil && v > 0 && v <= 1<<20 {
			c.Capacity = v
		} else {
			bad++
		}
	}
	c.Known = !c.Siblings.Empty() || !c.Package.Empty() || !c.LLC.Empty()
	return bad
}

// parseMask reads a file of CPUs: a list if its name says so, else hexadecimal.
func parseMask(file, s string) (parser.CPUs, error) {
	if strings.HasSuffix(file, "list") {
		return cpumask.ParseList(s, 0)
	}
	return cpumask.ParseHex(s)
}

// readNodes fills Host.Node.
func (t *tree) readNodes(h *parser.Host) {
	const dir = "sys/devices/system/node"
	const maxNodes = 1024 // MAX_NUMNODES of the largest builds
	for _, n := range t.numbered(dir, "node") {
		if n >= maxNodes {
			t.note("/%s: node %d and higher are ignored", dir, maxNodes)
			break
		}
		at := fmt.Sprintf("%s/node%d", dir, n)
		for _, file := range []string{"cpulist", "cpumap"} {
			if s, ok := t.value(at + "/" + file); ok {
				if m, err := parseMask(file, s); err != nil {
					t.note("/%s/%s: %v; ignored", at, file, err)
				} else {
					h.Node = append(h.Node, parser.NodeInfo{ID: n, CPUs: m})
				}
				break
			}
		}
	}
	var seen parser.CPUs
	for i := range h.Node {
		if seen.Intersects(h.Node[i].CPUs) {
			t.note("/%s: a CPU is in two nodes; the nodes are ignored", dir)
			h.Node = nil
			return
		}
		seen = seen.Or(h.Node[i].CPUs)
	}
	for i := range h.Node {
		at := fmt.Sprintf("%s/node%d/distance", dir, h.Node[i].ID)
		s, _ := t.value(at)
		f := strings.Fields(s)
		if len(f) == 0 {
			continue
		}
		row := make([]int, 0, len(f))
		for _, w := range f {
			if v, err := strconv.Atoi(w); err == nil && v > 0 && v < 1<<16 {
				row = append(row, v)
			}
		}
		if len(row) != len(h.Node) || len(row) != len(f) {
			t.note("/%s: %d distances for %d nodes; ignored", at, len(f), len(h.Node))
			continue
		}
		h.Node[i].Distance = row
	}
}
