package perfscript

import (
	"bytes"

	"schedreplay/parser/text"
)

// columns is what stands before the payload of one line
// (process_event and perf_sample__fprintf_start of tools/perf/builtin-script.c):
//
//	comm pid/tid [cpu] misc time: period event: payload
//
// of which -F leaves some out.
type columns struct {
	comm []byte
	// tid is -1 if it is not printed, or for a task that exited.
	tid  int32
	cpu  int32
	time int64
	nano bool
	// name is the event's name with its system, or the record's.
	name    []byte
	payload []byte
	aligned bool
}

// commColumn is the width of the name, "%16s "; with callchains it is not
// padded.
const commColumn = 16

// split finds the columns of a line. The bracket of the CPU is the first after
// which everything fits; if the name stands in its column, then the one behind
// that column, whatever the name holds.
func split(line []byte) (columns, bool) {
	var first columns
	found := false
	for i := 0; i < len(line); i++ {
		j := bytes.IndexByte(line[i:], '[')
		if j < 0 {
			break
		}
		if i += j; i > text.MaxName {
			break
		}
		c, ok := splitAt(line, i)
		if !ok {
			continue
		}
		if c.aligned {
			return c, true
		}
		if !found && bytes.IndexByte(c.comm, '\n') < 0 {
			first, found = c, true
		}
	}
	return first, found
}

// splitAt splits a line whose CPU's bracket stands at i.
func splitAt(line []byte, i int) (c columns, ok bool) {
	n, rest, ok := text.Uint(line[i+1:])
	if !ok || len(rest) < 2 || rest[0] != ']' || rest[1] != ' ' {
		return c, false
	}
	if c.cpu, ok = text.CPU(n); !ok {
		return c, false
	}
	if !c.right(text.SkipSpace(rest[1:])) {
		return c, false
	}
	return c, c.left(line[:i])
}

// right splits what follows the CPU.
func (c *columns) right(b []byte) bool {
	// -F +misc: up to five letters.
	if len(b) > 0 && b[0]-'0' > 9 {
		word, rest := text.Word(b)
		if len(word) > 5 {
			return false
		}
		for _, l := range word {
			if l|0x20-'a' >= 26 {
				return false
			}
		}
		b = text.SkipSpace(rest)
	}
	ns, digits, b, ok := text.Time(b)
	if !ok || digits < 6 || len(b) == 0 || b[0] != ':' {
		return false
	}
	c.time, c.nano = ns, digits > 6
	b = text.SkipSpace(b[1:])
	// -F +period.
	if _, rest, ok := text.Uint(b); ok && len(rest) > 0 && rest[0] == ' ' {
		b = text.SkipSpace(rest)
	}
	if bytes.HasPrefix(b, []byte("PERF_RECORD_")) {
		i := 0
		for i < len(b) && (b[i] == '_' || b[i]-'A' < 26 || b[i]-'0' <= 9) {
			i++
		}
		c.name, c.payload = b[:i], b[i:]
		return true
	}
	name, rest := text.Word(b)
	if len(name) < 2 || name[len(name)-1] != ':' {
		return false
	}
	name = name[:len(name)-1]
	for _, l := range name {
		if l <= ' ' || l == '[' || l == '=' {
			return false
		}
	}
	c.name, c.payload = name, text.SkipSpace(rest)
	return true
}

// left splits what precedes the CPU.
func (c *columns) left(b []byte) bool {
	c.tid = -1
	b = bytes.TrimRight(b, " ")
	if len(b) == 0 {
		c.aligned = true
		return true
	}
	j := bytes.LastIndexByte(b, ' ') + 1
	n, rest, ok := text.Int(b[j:])
	if ok && len(rest) > 0 && rest[0] == '/' {
		n, rest, ok = text.Int(rest[1:]) // pid/tid
	}
	if !ok || len(rest) > 0 {
		return false
	}
	if c.tid, ok = text.PID(n); !ok {
		return false
	}
	c.aligned = j > commColumn && b[commColumn] == ' ' && len(bytes.TrimLeft(b[commColumn:j], " ")) == 0
	comm := b[:j]
	if c.aligned {
		comm = comm[:commColumn]
	}
	c.comm = text.SkipSpace(comm)
	if !c.aligned {
		c.comm = bytes.TrimRight(c.comm, " ")
	}
	// perf prints ":tid" for a task whose name it never learned.
	if len(c.comm) > 1 && c.comm[0] == ':' {
		if _, rest, ok := text.Int(c.comm[1:]); ok && len(rest) == 0 {
			c.comm = nil
		}
	}
	return true
}

// modifiers may follow an event's name behind a colon (perf-list(1)).
const modifiers = "ukhIGHpPSDWebR"

// event returns the tracepoint's name without its system, and whether the
// system is one whose tracepoints are known. Modifiers ("cycles:u") stay.
func (c *columns) event() (name []byte, known bool) {
	system, name, ok := bytes.Cut(c.name, []byte{':'})
	if !ok || len(bytes.Trim(name, modifiers)) == 0 {
		return c.name, false
	}
	s := string(system)
	return name, s == "sched" || s == "task"
}
