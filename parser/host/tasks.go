package host

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

// Bits of the flags in /proc/PID/stat (include/linux/sched.h).
const (
	pfKthread       = 0x00200000
	pfNoSetaffinity = 0x04000000
)

// readTasks fills Host.Task from proc/PID and proc/PID/task/TID.
func (t *tree) readTasks(h *parser.Host) {
	bad := 0
	for _, pid := range t.numbered("proc", "") {
		dir := fmt.Sprintf("proc/%d", pid)
		bad += t.readTask(h, int32(pid), dir)
		group, auto := t.taskCgroup(h, int32(pid), dir), t.taskAutogroup(h, int32(pid), dir)
		for _, tid := range t.numbered(dir+"/task", "") {
			bad += t.readTask(h, int32(tid), fmt.Sprintf("%s/task/%d", dir, tid))
			if info, ok := h.Task[int32(tid)]; ok {
				if group.Known() {
					info.Cgroup = group
				}
				info.Autogroup = auto
				h.Task[int32(tid)] = info
			}
		}
	}
	if bad > 0 {
		t.note("%d files of tasks under /proc are malformed and were left out", bad)
	}
}

// taskAutogroup reads /proc/PID/autogroup (proc_sched_autogroup_show_task,
// kernel/sched/autogroup.c) of a task that the host has: "/autogroup-N nice N", nothing of one
// in the root group.
func (t *tree) taskAutogroup(h *parser.Host, pid int32, dir string) fact.Fact[parser.Autogroup] {
	info, ok := h.Task[pid]
	text, there := t.files[dir+"/autogroup"]
	if !ok || !there {
		return fact.Fact[parser.Autogroup]{}
	}
	var a parser.Autogroup
	if text = strings.TrimSpace(text); text != "" {
		if _, err := fmt.Sscanf(text, "/autogroup-%d nice %d", &a.ID, &a.Nice); err != nil {
			return fact.Fact[parser.Autogroup]{}
		}
	}
	info.Autogroup = fact.Seen(a, "/"+dir+"/autogroup")
	h.Task[pid] = info
	return info.Autogroup
}

// Task reads what /proc under root says now of a task; false if there is none of
// that pid.
func Task(root string, pid int32) (parser.TaskInfo, bool) {
	t := newTree(root)
	dir := fmt.Sprintf("proc/%d", pid)
	for _, f := range []string{"status", "stat"} {
		if b, err := readBounded(filepath.Join(root, dir, f)); err == nil {
			t.files[dir+"/"+f] = string(b)
		}
	}
	var h parser.Host
	t.readTask(&h, pid, dir)
	info, ok := h.Task[pid]
	return info, ok
}

// readTask adds what one folder says of a task, and returns the number of
// malformed files.
func (t *tree) readTask(h *parser.Host, pid int32, dir string) (bad int) {
	if pid == 0 {
		return 0
	}
	info, known := h.Task[pid]
	if !known {
		info = parser.TaskInfo{PID: pid, TGID: parser.NoPID, PPID: parser.NoPID}
	}
	found := false
	for _, f := range []struct {
		name  string
		parse func(s, source string, info *parser.TaskInfo) error
	}{{"/status", parseStatus}, {"/stat", parseStat}} {
		if s := t.files[dir+f.name]; s != "" {
			next := info
			if err := f.parse(s, "/"+dir+f.name, &next); err != nil {
				bad++
				continue
			}
			info, found = next, true
		}
	}
	if s, ok := t.files[dir+"/comm"]; ok && s != "" {
		found = true
		info.Comm = strings.TrimSuffix(strings.TrimRight(s, "\x00"), "\n")
	}
	if found {
		if h.Task == nil {
			h.Task = map[int32]parser.TaskInfo{}
		}
		h.Task[pid] = info
	}
	return bad
}

// statusKeys are the lines of /proc/PID/status that parseStatus reads.
var statusKeys = map[string]bool{"Name": true, "Tgid": true, "Pid": true, "PPid": true, "Cpus_allowed_list": true, "Cpus_allowed": true}

// parseStatus reads /proc/PID/status (fs/proc/array.c, proc_pid_status) into
// info. Fields it lacks leave info as it was.
func parseStatus(s, source string, info *parser.TaskInfo) error {
	var hex string
	var err error
	haveList := false
	for line := range strings.SplitSeq(s, "\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		value = strings.Trim(value, " \t\x00")
		id := func(p *int32) {
			n, e := strconv.ParseInt(value, 10, 32)
			if e != nil || n < 0 {
				err = fmt.Errorf("%s: %s is %q", source, key, value)
				return
			}
			*p = int32(n)
		}
		switch key {
		case "Name":
			// Only the tab after the colon is the kernel's: names may end in blanks.
			_, name, _ := strings.Cut(line, "\t")
			info.Comm = unescapeName.Replace(name)
		case "Tgid":
			id(&info.TGID)
		case "Pid":
			var pid int32
			if id(&pid); err == nil && pid != info.PID {
				err = fmt.Errorf("%s: it is about pid %d", source, pid)
			}
		case "PPid":
			id(&info.PPID)
		case "Cpus_allowed_list":
			m, e := cpumask.ParseList(value, 0)
			if e != nil || m.Empty() {
				err = fmt.Errorf("%s: Cpus_allowed_list is %q", source, value)
				continue
			}
			haveList = true
			info.Affinity = fact.Seen(m, source)
		case "Cpus_allowed":
			hex = value
		}
	}
	if hex != "" && !haveList && err == nil {
		m, e := cpumask.ParseHex(hex)
		if e != nil || m.Empty() {
			return fmt.Errorf("%s: Cpus_allowed is %q", source, hex)
		}
		info.Affinity = fact.Seen(m, source)
	}
	return err
}

// unescapeName undoes what proc_task_name does to a name in status: newlines
// and backslashes come as \n and \\ .
var unescapeName = strings.NewReplacer(`\n`, "\n", `\\`, `\`)

// parseStat reads /proc/PID/stat (fs/proc/array.c, do_task_stat) into info. The
// name is between the first "(" and the last ")": it may hold both, blanks and
// newlines. Fields that a kernel does not print yet stay as they were.
func parseStat(s, source string, info *parser.TaskInfo) error {
	s = strings.TrimRight(s, "\x00 \n")
	open, end := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
	if open < 0 || end < open {
		return fmt.Errorf("%s: no name in brackets", source)
	}
	if pid, err := strconv.ParseInt(strings.TrimSpace(s[:open]), 10, 32); err != nil || int32(pid) != info.PID {
		return fmt.Errorf("%s: it is about pid %q", source, strings.TrimSpace(s[:open]))
	}
	info.Comm = s[open+1 : end]
	// Fields are counted from 1 in proc(5); the first after the name is 3.
	fields := strings.Fields(s[end+1:])
	var err error
	number := func(field int, least, most int64, use func(int64)) {
		if field-3 >= len(fields) {
			return
		}
		n, e := strconv.ParseInt(fields[field-3], 10, 64)
		if e != nil {
			err = fmt.Errorf("%s: field %d is %q", source, field, fields[field-3])
			return
		}
		if n >= least && n <= most {
			use(n)
		}
	}
	number(4, 0, 1<<22, func(n int64) { info.PPID = int32(n) })
	number(6, 0, 1<<22, func(n int64) { info.Session = int32(n) })
	number(9, math.MinInt64, math.MaxInt64, func(n int64) {
		info.Kthread = fact.Seen(n&pfKthread != 0, source)
		info.Bound = fact.Seen(n&pfNoSetaffinity != 0, source)
	})
	number(19, -20, 19, func(n int64) { info.Nice = fact.Seen(int(n), source) })
	number(22, math.MinInt64, math.MaxInt64, func(n int64) { info.StartTicks = fact.Seen(n, source) })
	number(39, 0, cpumask.MaxCPUs-1, func(n int64) { info.LastCPU = fact.Seen(int(n), source) })
	number(41, 0, 7, func(n int64) { info.Policy = fact.Seen(int(n), source) })
	return err
}
