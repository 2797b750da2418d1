package timehist

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// grammar is what the columns of one capture look like, from its header.
type grammar struct {
	// nameOffset is the column of the name behind the CPU's bracket: 2, or more
	// with a column for each CPU (-V).
	nameOffset int
	// numbers is the number of columns of milliseconds: 3, or 4 with the
	// pre-migration time (-P).
	numbers int
	// prio and state are true if these columns are there.
	prio, state bool
}

// plain are the columns of perf sched timehist without options.
var plain = grammar{nameOffset: 2, numbers: 3}

// parseHeader reads the line that names the columns
// (timehist_header, tools/perf/builtin-sched.c).
func parseHeader(line []byte) (grammar, bool) {
	cpu := bytes.Index(line, []byte(" cpu "))
	name := bytes.Index(line, []byte("task name"))
	if cpu < 0 || name < cpu || !bytes.Contains(line, []byte("sch delay")) || !bytes.Contains(line, []byte("run time")) {
		return grammar{}, false
	}
	g := plain
	g.nameOffset = name - (cpu + len(" cpu"))
	rest := line[name+len("task name"):]
	g.prio = bytes.Contains(rest, []byte(" prio "))
	g.state = bytes.Contains(rest, []byte("  state"))
	if bytes.Contains(rest, []byte("pre-mig time")) {
		g.numbers = 4
	}
	return g, true
}

// front is what stands before the name: "%15s [%04d] ".
type front struct {
	time int64
	cpu  int32
	// rest begins behind the bracket.
	rest []byte
}

// split takes the time and the CPU off a line.
func split(line []byte) (f front, ok bool) {
	ns, digits, rest, ok := text.Time(text.SkipSpace(line))
	if !ok || digits != 6 || len(rest) < 4 || rest[0] != ' ' || rest[1] != '[' {
		return f, false
	}
	n, rest, ok := text.Uint(rest[2:])
	if !ok || len(rest) < 2 || rest[0] != ']' || rest[1] != ' ' {
		return f, false
	}
	f.time, f.rest = ns, rest[1:]
	f.cpu, ok = text.CPU(n)
	return f, ok
}

// lost reads "     717.328088 lost 2 events on cpu 1".
func parseLost(line []byte) (time, count int64, cpu int32, ok bool) {
	time, _, rest, ok := text.Time(text.SkipSpace(line))
	if !ok {
		return 0, 0, 0, false
	}
	rest, ok = bytes.CutPrefix(rest, []byte(" lost "))
	if !ok {
		return 0, 0, 0, false
	}
	if count, rest, ok = text.Uint(rest); !ok {
		return 0, 0, 0, false
	}
	rest, ok = bytes.CutPrefix(rest, []byte(" events on cpu "))
	if !ok {
		return 0, 0, 0, false
	}
	n, rest, ok := text.Uint(rest)
	if !ok || len(text.SkipSpace(rest)) > 0 {
		return 0, 0, 0, false
	}
	cpu, ok = text.CPU(n)
	return time, count, cpu, ok
}

// name takes the name's column off what follows the CPU, without the blanks
// that fill it up. Lines of migrations are shifted by two with -V.
func (g *grammar) name(b []byte, shift int) []byte {
	col := g.nameOffset
	if col > plain.nameOffset {
		col += shift
	}
	if col <= len(b) && len(bytes.Trim(b[:col], " sim")) == 0 {
		b = b[col:]
	} else {
		b = text.SkipSpace(b)
	}
	return bytes.TrimRight(b, " ")
}

// numbersAt finds the columns of milliseconds: the first place with as many
// numbers of three decimals one after another, which no name is long enough to
// hold.
func (g *grammar) numbersAt(b []byte) (at int, ns [4]int64, rest []byte, ok bool) {
	for i := 0; i+1 < len(b) && i < g.nameOffset+text.MaxName; i++ {
		if b[i] != ' ' || b[i+1] == ' ' {
			continue
		}
		rest = b[i:]
		k := 0
		for ; k < g.numbers; k++ {
			v, after, ok := milliseconds(text.SkipSpace(rest))
			if !ok {
				break
			}
			ns[k], rest = v, after
		}
		if k == g.numbers {
			return i, ns, rest, true
		}
	}
	return 0, ns, nil, false
}

// milliseconds reads "12.345" with a blank or the end behind it.
func milliseconds(b []byte) (ns int64, rest []byte, ok bool) {
	ns, digits, rest, ok := text.Time(b)
	if !ok || digits != 3 || len(rest) > 0 && rest[0] != ' ' {
		return 0, nil, false
	}
	return ns / 1000, rest, true
}

// The spans of blanks that stand for the number columns of wakeups and
// migrations are far wider than a name.
const spacer = "                              "

// cutSpacer splits a line of a wakeup or migration at its word.
func cutSpacer(b []byte, word string) (before, after []byte, ok bool) {
	if before, after, ok = bytes.Cut(b, []byte(spacer+word)); ok {
		return before, after, true
	}
	// Blanks lost in a paste.
	return bytes.Cut(b, []byte(" "+word))
}

// maxTask is the room perf has for a name with its ids (timehist_get_commstr).
const maxTask = 31

// task reads "comm[tid]", "comm[tid/pid]", or what perf prints for a process
// id of 0: "<idle>" and "swapper", and ":tid" for a task it knows nothing of.
// The closing bracket is missing where perf's room ended.
func task(b []byte, names *parser.Names) (t parser.Task, ok bool) {
	t = parser.Task{PID: parser.NoPID, Prio: parser.NoPrio}
	switch string(b) {
	case "<idle>", "swapper":
		t.PID = 0
		return t, true
	case "":
		return t, false
	}
	if b[0] == ':' {
		if n, rest, ok := text.Int(b[1:]); ok && len(rest) == 0 {
			t.PID, ok = text.PID(n)
			return t, ok
		}
	}
	open := bytes.LastIndexByte(b, '[')
	if open < 0 || !text.ValidComm(b[:open]) {
		// A name without ids: perf did not know them.
		t.Comm = names.Intern(b)
		return t, len(b) <= maxTask && bytes.IndexByte(b, '\n') < 0
	}
	n, rest, ok := text.Int(b[open+1:])
	if !ok {
		return t, false
	}
	if t.PID, ok = text.PID(n); !ok {
		return t, false
	}
	closed := len(rest) == 1 && rest[0] == ']'
	if len(rest) > 0 && rest[0] == '/' {
		_, after, _ := text.Int(rest[1:])
		closed = len(after) == 1 && after[0] == ']' || len(after) == 0 && len(b) >= maxTask-1
	} else if len(rest) == 0 {
		closed = len(b) >= maxTask-1
	}
	t.Comm = names.Intern(b[:open])
	if len(t.Comm) > 1 && t.Comm[0] == ':' {
		// ":-1[-1/7275]": the task has exited, perf has no name for it.
		if _, rest, ok := text.Int(b[1:open]); ok && len(rest) == 0 {
			t.Comm = ""
		}
	}
	return t, closed
}

// maxNext is the room perf has for "next: comm[tid]".
const maxNext = 29

// next reads the column of the task that ran next (-n).
func next(b []byte, names *parser.Names) (parser.Task, bool) {
	const word = "next: "
	none := parser.Task{PID: parser.NoPID, Prio: parser.NoPrio}
	b = b[:min(len(b), maxNext)]
	if !bytes.HasPrefix(b, []byte(word)) {
		return none, true
	}
	b = b[len(word):]
	full := len(b) == maxNext-len(word)
	for end := len(b); ; {
		open := bytes.LastIndexByte(b[:end], '[')
		if open < 0 {
			return none, false
		}
		n, rest, ok := text.Int(b[open+1:])
		if ok && (len(rest) > 0 && rest[0] == ']' || len(rest) == 0 && full) {
			pid, ok := text.PID(n)
			return parser.Task{PID: pid, Prio: parser.NoPrio, Comm: names.Intern(b[:open])}, ok
		}
		end = open
	}
}
