package host

import (
	"slices"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

const cgroupDir = "sys/fs/cgroup"

// cgroupRoots are where the v2 hierarchy is mounted: alone, or beside v1.
var cgroupRoots = []string{cgroupDir, cgroupDir + "/unified"}

// readCpusets fills IsolatedLater and Islands from the cpusets of the bundle,
// as generate_sched_domains does (kernel/cgroup/cpuset.c). Both stay unknown if
// the bundle says nothing of cpusets.
func (t *tree) readCpusets(h *parser.Host) {
	v1, v2 := t.cpusetFolders("cpuset.sched_load_balance"), t.cpusetFolders("cpuset.cpus.partition")
	active := h.Online.Value
	switch {
	case len(v1) > 0:
		t.cpusetsV1(h, v1, active)
	case len(v2) > 0:
		t.cpusetsV2(h, v2, active, "/"+v2[0]+"/cpuset.cpus.partition")
	default:
		for _, d := range cgroupRoots {
			if _, ok := t.files[d+"/cpuset.cpus.effective"]; ok {
				t.cpusetsV2(h, nil, active, "/"+d+"/cpuset.cpus.effective")
				return
			}
		}
	}
}

// cpusetFolders returns the folders below sys/fs/cgroup that hold a file, parents
// before their children, siblings by name.
func (t *tree) cpusetFolders(file string) []string {
	var out []string
	for p := range t.files {
		if d, ok := strings.CutSuffix(p, "/"+file); ok && strings.HasPrefix(d, cgroupDir) {
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
	return out
}

// cpusetMask reads the first of the files that is there and not empty.
func (t *tree) cpusetMask(dir string, files ...string) parser.CPUs {
	for _, f := range files {
		if s, _ := t.value(dir + "/" + f); s != "" {
			m, err := cpumask.ParseList(s, 0)
			if err == nil {
				return m
			}
			t.note("/%s/%s: %v; ignored", dir, f, err)
		}
	}
	return parser.CPUs{}
}

// cpusetsV1: without balancing in the root set, only the sets that balance get
// domains, overlapping ones together; a set inside one of those adds nothing.
func (t *tree) cpusetsV1(h *parser.Host, dirs []string, active parser.CPUs) {
	source := "/" + dirs[0] + "/cpuset.sched_load_balance"
	if s, _ := t.value(dirs[0] + "/cpuset.sched_load_balance"); s == "1" {
		t.islands(h, []parser.CPUs{active}, active, source)
		return
	}
	if active.Empty() {
		t.note("%s is 0, but the online CPUs are unknown: what the cpusets isolate is not known", source)
		return
	}
	var islands []parser.CPUs
	var parents []string
	for _, d := range dirs[1:] {
		balance, _ := t.value(d + "/cpuset.sched_load_balance")
		inside := slices.ContainsFunc(parents, func(p string) bool { return strings.HasPrefix(d, p+"/") })
		m := t.cpusetMask(d, "cpuset.effective_cpus", "cpuset.cpus").And(active)
		if balance != "1" || inside || m.Empty() {
			continue
		}
		parents = append(parents, d)
		islands = addIsland(islands, m)
	}
	t.islands(h, islands, active, source)
}

// addIsland adds a set, merged with those it overlaps.
func addIsland(islands []parser.CPUs, m parser.CPUs) []parser.CPUs {
	var out []parser.CPUs
	at := -1
	for _, have := range islands {
		if !have.Intersects(m) {
			out = append(out, have)
			continue
		}
		if m = m.Or(have); at < 0 {
			at = len(out)
			out = append(out, m)
		}
		out[at] = m
	}
	if at < 0 {
		out = append(out, m)
	}
	return out
}

// cpusetsV2: the root set and every valid partition root is an island; a valid
// isolated partition has no domains. source names the file for facts that no
// partition changes.
func (t *tree) cpusetsV2(h *parser.Host, dirs []string, active parser.CPUs, source string) {
	var isolated parser.CPUs
	var islands []parser.CPUs
	for _, d := range dirs {
		m := t.cpusetMask(d, "cpuset.cpus.effective", "cpuset.cpus")
		switch s, _ := t.value(d + "/cpuset.cpus.partition"); s {
		case "isolated":
			isolated = isolated.Or(m)
			source = "/" + d + "/cpuset.cpus.partition"
		case "root":
			if !m.Empty() {
				islands = append(islands, m)
				source = "/" + d + "/cpuset.cpus.partition"
			}
		default:
			if strings.Contains(s, "invalid") {
				t.note("/%s/cpuset.cpus.partition is %q: it has no effect", d, s)
			}
		}
	}
	for _, root := range cgroupRoots {
		if m := t.cpusetMask(root, "cpuset.cpus.isolated"); !m.Empty() {
			isolated = isolated.Or(m)
			source = "/" + root + "/cpuset.cpus.isolated"
		}
	}
	if len(islands) == 0 && isolated.Empty() {
		t.islands(h, []parser.CPUs{active}, active, source)
		return
	}
	if active.Empty() {
		t.note("the online CPUs are unknown: the domains that the cpusets make are not known")
		t.setLater(h, isolated, source)
		return
	}
	rest := active.AndNot(isolated)
	for _, m := range islands {
		rest = rest.AndNot(m)
	}
	if !rest.Empty() {
		islands = append([]parser.CPUs{rest}, islands...)
	}
	t.islands(h, islands, active, source)
}

// islands stores what the cpusets make of the active CPUs outside boot
// isolation. What is active and in no island is isolated.
func (t *tree) islands(h *parser.Host, islands []parser.CPUs, active parser.CPUs, source string) {
	kept := outside(islands, h.Isolated.Value)
	rest := active
	for _, m := range kept {
		rest = rest.AndNot(m)
	}
	if !active.Empty() {
		h.Islands = fact.Seen(kept, source)
	}
	t.setLater(h, rest, source)
}

// outside is what sets have outside some CPUs.
func outside(sets []parser.CPUs, cpus parser.CPUs) []parser.CPUs {
	kept := []parser.CPUs{}
	for _, m := range sets {
		if m = m.AndNot(cpus); !m.Empty() {
			kept = append(kept, m)
		}
	}
	return kept
}
