package work

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"schedreplay/parser"
)

// groups tells the task groups and who is in which: control groups with a weight of their
// own; and for tasks in none, where the machine has autogroups, the one of their session
// (task_wants_autogroup). A task that the bundle does not list is where its parent is.
func (x *extraction) groups() {
	x.p.Groups, x.p.GroupsKnown = []Group{{}}, true
	auto := x.host.Tunables["sched_autogroup_enabled"] == 1
	at := map[string]int{"": 0}
	add := func(name string, above int, shares int64, nice int) int {
		g, ok := at[name]
		if !ok {
			g = len(x.p.Groups)
			at[name] = g
			x.p.Groups = append(x.p.Groups, Group{Name: name, Above: above, Shares: shares, Nice: nice})
		}
		return g
	}
	told := 0
	for i := range x.p.Tasks {
		p := &x.p.Tasks[i]
		if p.Kthread {
			continue
		}
		info, ok := x.listed(p.PID, 0)
		if !ok && auto {
			info, ok = x.neighbour(p.PID)
		}
		path := cmp.Or(x.host.Cgroups.Of[p.PID], info.Cgroup.Value)
		if !ok && path == "" {
			continue
		}
		for end := 1; end <= len(path); end++ {
			if end < len(path) && path[end] != '/' {
				continue
			}
			cgroup := x.host.Cgroups.Info[path[:end]]
			if end > 1 && (cgroup.Shares.Known() || cgroup.Quota.Known()) {
				p.Group = add(path[:end], p.Group, cgroup.Shares.Value, 0)
				q := &x.p.Groups[p.Group]
				q.Quota, q.Period = cgroup.Quota.Value, cgroup.Period.Value
			}
		}
		if p.Group != 0 || !auto {
			continue
		}
		a, known := info.Autogroup.Get()
		switch {
		case known && a.ID > 0:
			p.Group = add(fmt.Sprintf("autogroup-%d", a.ID), 0, 0, a.Nice)
		case !known && info.Session > 0:
			p.Group = add(fmt.Sprintf("session %d", info.Session), 0, 0, 0)
		}
		if known || info.Session > 0 {
			told++
		}
	}
	x.p.GroupsKnown = !auto || told > 0
}

// neighbour is what the bundle says of the task made last before one that it does not list:
// most likely it is of the same session.
func (x *extraction) neighbour(pid int32) (parser.TaskInfo, bool) {
	if x.pids == nil {
		for p, info := range x.host.Task {
			if info.Session > 0 && !info.Kthread.Value {
				x.pids = append(x.pids, p)
			}
		}
		slices.Sort(x.pids)
	}
	i, _ := slices.BinarySearch(x.pids, pid)
	if i == 0 {
		return parser.TaskInfo{}, false
	}
	return x.host.Task[x.pids[i-1]], true
}

// listed is what the bundle says of a task, or of the one that made it.
func (x *extraction) listed(pid int32, depth int) (parser.TaskInfo, bool) {
	name := ""
	if i := x.p.Find(pid); i >= 0 {
		name = strings.TrimSpace(x.p.Tasks[i].Comm)
	}
	info, ok := x.host.Task[pid]
	if ok && (name == "" || parser.SameComm(name, info.Comm) || x.kin[pid] == 0) {
		return info, true
	}
	if parent, born := x.kin[pid]; born && depth < 8 {
		return x.listed(parent, depth+1)
	}
	return info, ok
}
