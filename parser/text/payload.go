package text

import (
	"bytes"

	"schedreplay/parser"
)

// kinds are the tracepoints whose payload is decoded.
var kinds = map[string]parser.Kind{
	"sched_switch":       parser.KindSwitch,
	"sched_waking":       parser.KindWaking,
	"sched_wakeup":       parser.KindWakeup,
	"sched_wakeup_new":   parser.KindWakeupNew,
	"sched_migrate_task": parser.KindMigrate,
	"sched_process_fork": parser.KindFork,
	"sched_process_exec": parser.KindExec,
	"sched_process_exit": parser.KindExit,
	"sched_stat_runtime": parser.KindStatRuntime,
	"task_rename":        parser.KindComm,
}

// KindOf returns the kind of a tracepoint by its name without the system;
// [parser.KindOther] for those that replay does not use.
func KindOf(name []byte) parser.Kind { return kinds[string(name)] }

// Payload decodes the "key=value" text of one scheduler tracepoint into ev,
// whose Kind says which. It reports whether the text is complete.
//
// A task name may hold anything, "pid=3" and "==> next_comm=" too, so keys are
// looked for from the right, where only numbers follow. Text behind the last
// known key is ignored: older and vendor kernels append more.
func Payload(ev *parser.Event, b []byte, names *parser.Names) bool {
	switch ev.Kind {
	case parser.KindSwitch:
		return switchPayload(ev, b, names)
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		return wakeupPayload(ev, b, names)
	case parser.KindMigrate:
		return migratePayload(ev, b, names)
	case parser.KindStatRuntime:
		return runtimePayload(ev, b, names)
	case parser.KindFork:
		return forkPayload(ev, b, names)
	case parser.KindExec:
		return execPayload(ev, b)
	case parser.KindExit:
		return exitPayload(ev, b, names)
	case parser.KindComm:
		return renamePayload(ev, b, names)
	}
	return true
}

// lastInt finds the last " key=number" in b and returns the number and what
// stands before the key and behind the number.
func lastInt(b []byte, key string) (n int64, before, after []byte, ok bool) {
	i := lastKey(b, key)
	if i < 0 {
		return 0, nil, nil, false
	}
	n, after, ok = Int(b[i+len(key):])
	if !ok || len(after) > 0 && after[0] != ' ' {
		return 0, nil, nil, false
	}
	return n, b[:i], after, true
}

// lastKey is bytes.LastIndex for keys, which end in the "=" that is rare in what
// stands behind them.
func lastKey(b []byte, key string) int {
	for end := len(b); ; {
		i := bytes.LastIndexByte(b[:end], '=')
		if i < len(key)-1 {
			return -1
		}
		if string(b[i+1-len(key):i+1]) == key {
			return i + 1 - len(key)
		}
		end = i
	}
}

// commPID decodes "comm=NAME pid=N" with the given keys.
func commPID(t *parser.Task, b []byte, commKey, pidKey string, names *parser.Names) bool {
	n, before, _, ok := lastInt(b, pidKey)
	if !ok || !bytes.HasPrefix(before, []byte(commKey)) || !ValidComm(before[len(commKey):]) {
		return false
	}
	t.PID, ok = PID(n)
	t.Comm = names.Intern(before[len(commKey):])
	return ok
}

// maxComm is the length of the longest task name (TASK_COMM_LEN - 1).
const maxComm = 15

// MaxName bounds how far apart the marks around a name are looked for: far more
// than a name has, and little enough that no line costs more than its length.
const MaxName = 256

// ValidComm reports whether b can be a task's name. A longer one than kernels
// have is let pass, for they may grow, but not if it holds a newline: then two
// lines were taken for one record. A NUL ends a name: one inside it is damage.
func ValidComm(b []byte) bool {
	return (len(b) <= maxComm || bytes.IndexByte(b, '\n') < 0) && bytes.IndexByte(b, 0) < 0
}

// taskPrio decodes "comm=NAME pid=N prio=N" with the given keys.
func taskPrio(t *parser.Task, b []byte, commKey, pidKey, prioKey string, names *parser.Names) bool {
	n, before, _, ok := lastInt(b, prioKey)
	if !ok {
		return false
	}
	t.Prio, ok = prio(n)
	return ok && commPID(t, before, commKey, pidKey, names)
}

func switchPayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	// The next task's numbers end the line; its name begins behind the last
	// " next_comm=" that follows a prev_state.
	n, before, _, ok := lastInt(b, " next_prio=")
	if !ok {
		return false
	}
	if ev.Next.Prio, ok = prio(n); !ok {
		return false
	}
	n, before, _, ok = lastInt(before, " next_pid=")
	if !ok {
		return false
	}
	if ev.Next.PID, ok = PID(n); !ok {
		return false
	}
	const nextComm = " next_comm="
	for end := len(before); ; {
		i := lastKey(before[:end], nextComm)
		if i < 0 || len(before)-i > MaxName {
			return false
		}
		if prevPayload(ev, before[:i], names) {
			comm := before[i+len(nextComm):]
			ev.Next.Comm = names.Intern(comm)
			return ValidComm(comm)
		}
		end = i + len(nextComm) - 1
	}
}

// prevPayload decodes the part of sched_switch before next_comm. It ends in the
// state and the arrow, which the "fields" option leaves out.
func prevPayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	const key = " prev_state="
	i := lastKey(b, key)
	if i < 0 {
		return false
	}
	state := bytes.TrimSuffix(b[i+len(key):], []byte(" ==>"))
	if bytes.HasPrefix(state, []byte("0x")) {
		n, rest, ok := Int(state)
		if !ok || len(rest) > 0 {
			return false
		}
		ev.State = StateNumber(n)
	} else {
		word, rest := Word(state)
		// Vendor kernels put more keys here, never free text.
		for len(rest) > 0 {
			var kv []byte
			kv, rest = Word(rest[1:])
			if bytes.IndexByte(kv, '=') <= 0 {
				return false
			}
		}
		if len(word) == 0 || bytes.IndexByte(word, '=') >= 0 {
			return false
		}
		ev.State = KernelState(word)
	}
	return taskPrio(&ev.Task, b[:i], "prev_comm=", " prev_pid=", " prev_prio=", names)
}

func wakeupPayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	n, before, _, ok := lastInt(b, " target_cpu=")
	if !ok {
		return false
	}
	if ev.TargetCPU, ok = CPU(n); !ok {
		return false
	}
	// Kernels before 4.3 say success=0 for a task that was awake already.
	if s, rest, _, ok := lastInt(before, " success="); ok && s == 0 && !bytes.Contains(before[len(rest):], []byte(" prio=")) {
		ev.Kind, ev.Text = parser.KindOther, ev.Kind.String()
	}
	return taskPrio(&ev.Task, before, "comm=", " pid=", " prio=", names)
}

func migratePayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	n, before, _, ok := lastInt(b, " dest_cpu=")
	if !ok {
		return false
	}
	if ev.TargetCPU, ok = CPU(n); !ok {
		return false
	}
	n, before, _, ok = lastInt(before, " orig_cpu=")
	if !ok {
		return false
	}
	if ev.OrigCPU, ok = CPU(n); !ok {
		return false
	}
	return taskPrio(&ev.Task, before, "comm=", " pid=", " prio=", names)
}

func runtimePayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	n, before, _, ok := lastInt(b, " runtime=")
	if !ok {
		return false
	}
	ev.Runtime = n
	return commPID(&ev.Task, before, "comm=", " pid=", names)
}

func forkPayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	n, before, _, ok := lastInt(b, " child_pid=")
	if !ok {
		return false
	}
	if ev.Next.PID, ok = PID(n); !ok {
		return false
	}
	comm, pid := "comm=", " pid="
	if bytes.HasPrefix(b, []byte("parent_comm=")) { // the "fields" option
		comm, pid = "parent_comm=", " parent_pid="
	}
	const child = " child_comm="
	for end := len(before); ; {
		i := lastKey(before[:end], child)
		if i < 0 || len(before)-i > MaxName {
			return false
		}
		if n, parent, rest, ok := lastInt(before[:i], pid); ok && len(rest) == 0 && bytes.HasPrefix(parent, []byte(comm)) {
			ev.Task.PID, ok = PID(n)
			ev.Task.Comm = names.Intern(parent[len(comm):])
			ev.Next.Comm = names.Intern(before[i+len(child):])
			return ok && ValidComm(parent[len(comm):]) && ValidComm(before[i+len(child):])
		}
		end = i + len(child) - 1
	}
}

// maxPath bounds a file name (PATH_MAX).
const maxPath = 4096

func execPayload(ev *parser.Event, b []byte) bool {
	n, before, _, ok := lastInt(b, " old_pid=")
	if !ok {
		return false
	}
	if ev.OldPID, ok = PID(n); !ok {
		return false
	}
	n, before, _, ok = lastInt(before, " pid=")
	const key = "filename="
	if !ok || !bytes.HasPrefix(before, []byte(key)) {
		return false
	}
	ev.Task.PID, ok = PID(n)
	ev.Text = string(before[len(key):])
	return ok && len(ev.Text) <= maxPath
}

func exitPayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	return taskPrio(&ev.Task, b, "comm=", " pid=", " prio=", names)
}

func renamePayload(ev *parser.Event, b []byte, names *parser.Names) bool {
	const pid, old, newComm, end = "pid=", " oldcomm=", " newcomm=", " oom_score_adj="
	if !bytes.HasPrefix(b, []byte(pid)) {
		return false
	}
	n, rest, ok := Int(b[len(pid):])
	if !ok || !bytes.HasPrefix(rest, []byte(old)) {
		return false
	}
	_, before, _, ok := lastInt(rest, end)
	i := lastKey(before, newComm)
	if !ok || i < 0 {
		return false
	}
	ev.Task.PID, ok = PID(n)
	ev.Task.Comm = names.Intern(before[i+len(newComm):])
	return ok && ValidComm(before[i+len(newComm):])
}

// maxPID is the largest process id (PID_MAX_LIMIT), maxPrio the largest priority of
// a task (MAX_PRIO - 1), maxScore the largest oom_score_adj.
const (
	maxPID   = 1 << 22
	maxPrio  = 139
	maxScore = 1000
)

// PayloadEnds reports whether a payload that [Payload] decoded is whole though
// neither a newline nor a blank ends it: whether its last number can have no digit more.
func PayloadEnds(line []byte) bool {
	last := line[bytes.LastIndexByte(line, ' ')+1:]
	i := bytes.LastIndexAny(last, "=:")
	n, rest, ok := Int(last[i+1:])
	if i < 0 || !ok || len(rest) > 0 {
		return true // it ends in a word: what is used of it ends before
	}
	digits := last[i+1:]
	if digits[0] == '0' && len(digits) == 1 {
		return string(last[:i]) != "target_cpu" && string(last[:i]) != "CPU"
	}
	most := int64(0)
	switch string(last[:i]) {
	case "next_prio", "prio":
		most = maxPrio
	case "target_cpu", "CPU": // %03d
		if len(digits) < 3 {
			return false
		}
		if digits[0] == '0' {
			return true
		}
		most = maxCPUs - 1
	case "dest_cpu":
		most = maxCPUs - 1
	case "old_pid", "child_pid", "next_pid":
		most = maxPID
	case "oom_score_adj":
		most, n = maxScore, max(n, -n)
	case "runtime":
		return false // "[ns]" follows
	}
	return n < 0 || n*10 > most // the only negative priority is -1
}
