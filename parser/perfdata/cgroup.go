package perfdata

import (
	"strings"

	"schedreplay/parser"
	"schedreplay/parser/tep"
)

// Bounds on what is kept of control groups.
const (
	maxCgroups     = 1 << 13
	maxCgroupPath  = 1 << 10
	maxCgroupTasks = 1 << 16
)

// cgroups are the control groups that perf record --all-cgroups tells: PERF_RECORD_CGROUP
// names each, and every sample has that of the thread that it was taken in.
type cgroups struct {
	path map[uint64]string
	of   map[int32]uint64 // by tid, the last one
}

// record takes a PERF_RECORD_CGROUP: a group's id and path.
func (g *cgroups) record(rec []byte, o tep.Order) {
	body := rec[headerSize:]
	if len(body) < 8 || len(g.path) >= maxCgroups {
		return
	}
	path := tep.CString(body[8:])
	if len(path) == 0 || len(path) > maxCgroupPath || path[0] != '/' {
		return
	}
	if g.path == nil {
		g.path = map[uint64]string{}
	}
	g.path[o.Uint64(body)] = string(path)
}

// sample takes a sample of an event type.
func (g *cgroups) sample(a *attr, rec []byte, o tep.Order) {
	if !a.cgroup || len(rec) < a.variable+8 {
		return
	}
	tid := a.thread(rec, o).TID
	if tid <= 0 {
		return
	}
	if _, known := g.of[tid]; !known && len(g.of) >= maxCgroupTasks {
		return
	}
	if g.of == nil {
		g.of = map[int32]uint64{}
	}
	g.of[tid] = o.Uint64(rec[len(rec)-8:])
}

// tell gives the host the groups of the tasks.
func (g *cgroups) tell(h *parser.Host) {
	for tid, id := range g.of {
		path := g.path[id]
		if path == "" || path == "/" { // the root, also where the controller perf_event has no groups
			continue
		}
		if h.Cgroups.Of == nil {
			h.Cgroups.Of = map[int32]string{}
		}
		h.Cgroups.Of[tid] = strings.ToValidUTF8(path, "\ufffd")
	}
}
