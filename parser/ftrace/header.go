package ftrace

import (
	"bytes"

	"schedreplay/parser"
	"schedreplay/parser/text"
)

// front is what the columns before the time tell.
type front struct {
	comm string
	pid  int32
	tgid int32 // the thread group of pid, 0 if not told
	cpu  int32
	// context is what the flags column tells.
	context parser.Context
}

// header is what stands before the payload of one line.
type header struct {
	front
	task  []byte // the name before the pid, of which a pass makes comm
	time  int64
	stamp stamp
	// width is how many bytes of the line tell front, whatever follows them; 0 if that
	// is not sure.
	width int
	// text is what stands behind the time.
	text []byte
	// name is the tracepoint's name, or the function's for the lines of
	// trace_printk and of tracers; empty if there is none.
	name []byte
	// pad is the number of blanks between name and payload.
	pad     int
	payload []byte
	// dash is the column of the dash between name and pid, latency whether the
	// columns are those of latency-format.
	dash    int
	latency bool
	// aligned is true if the columns stand where the tool puts them, which no
	// task name can imitate.
	aligned bool
}

// grammar is what the columns of one capture look like.
type grammar struct {
	// irqColumn is the place of the hardirq/softirq mark in the flags, -1 if the
	// capture has no legend.
	irqColumn int
	// indent is the width of what stands before the columns in every line: blanks
	// of a pasted text, or the name of a buffer that trace-cmd report puts there.
	indent int
}

// stamp says how a line's time is printed.
type stamp uint8

const (
	stampMicro    stamp = iota // seconds with a fraction of six digits
	stampNano                  // seconds with a fraction of more digits
	stampRelative              // us since the buffer's first event (latency-format)
	stampRaw                   // ns glued to the CPU (trace-cmd report --raw-ts)
	stampCount                 // a bare number that counts something else
)

// The columns of the dash between name and pid: "%16s-" (trace_print_context,
// and trace-cmd), "%8.8s-" with latency-format (trace_print_lat_context).
const (
	dashColumn    = 16
	latDashColumn = 8
)

// parse splits one line.
func (g *grammar) parse(line []byte) (header, bool) {
	if h, ok := g.parseAt(line, g.indent+dashColumn); ok {
		h.aligned = true
		return h, true
	}
	if h, ok := g.parseAt(line, g.indent+latDashColumn); ok {
		h.aligned, h.width = true, 0
		return h, true
	}
	// Pasted text: blanks lost or marks in front. The first dash after which
	// everything fits is the one, for a name can imitate the columns and hardly
	// the tracepoint's name behind them.
	for i := 0; ; i++ {
		j := bytes.IndexByte(line[i:], '-')
		if j < 0 {
			break
		}
		if i += j; i > g.indent+text.MaxName {
			break
		}
		if h, ok := g.parseAt(line, i); ok && len(h.name) > 0 && bytes.IndexByte(h.task, '\n') < 0 {
			h.width = 0
			return h, true
		}
	}
	return g.parseVerbose(line)
}

// parseAt splits a line whose pid follows the dash at col.
func (g *grammar) parseAt(line []byte, col int) (h header, ok bool) {
	if len(line) <= col+1 || line[col] != '-' || line[col+1]-'0' > 9 {
		return h, false
	}
	n, rest, ok := text.Uint(line[col+1:])
	if !ok {
		return h, false
	}
	if h.pid, ok = text.PID(n); !ok {
		return h, false
	}
	h.dash = col
	if rest, ok = h.parseCPU(rest); !ok {
		return h, false
	}
	h.task = headerComm(line[:col], h.latency && col == g.indent+latDashColumn)
	glued := len(rest) > 0 && rest[0] != ' '
	if glued && !h.latency {
		n, rest, ok = text.Uint(rest)
		if !ok || len(rest) == 0 || rest[0] != ':' {
			return h, false
		}
		h.time, h.stamp = n, stampRaw
		return h, h.splitName(rest[1:])
	}
	if h.latency && !glued {
		return h, false
	}
	rest = text.SkipSpace(rest)
	if flags, after, found := cutFlags(rest); found {
		h.context = g.contextOf(flags)
		rest = text.SkipSpace(after)
		h.width = len(line) - len(after) + 1
	} else if h.latency {
		return h, false
	}
	if rest, ok = h.parseStamp(rest); !ok {
		return h, false
	}
	return h, h.splitName(rest)
}

// parseCPU reads the columns between the pid and the flags: the thread group's id if
// there is one, and the CPU, in brackets but in latency format.
func (h *header) parseCPU(rest []byte) (after []byte, ok bool) {
	blank := len(rest)
	rest = text.SkipSpace(rest)
	if blank == len(rest) || len(rest) == 0 {
		return nil, false
	}
	if rest[0] == '(' {
		if h.tgid, rest, ok = cutTGID(rest); !ok {
			return nil, false
		}
		if rest = text.SkipSpace(rest); len(rest) == 0 || rest[0] != '[' {
			return nil, false
		}
	}
	h.latency = rest[0] != '['
	if !h.latency {
		rest = rest[1:]
	}
	n, rest, ok := text.Uint(rest)
	if !ok {
		return nil, false
	}
	if !h.latency {
		if len(rest) < 2 || rest[0] != ']' {
			return nil, false
		}
		rest = rest[1:]
	}
	h.cpu, ok = text.CPU(n)
	return rest, ok
}

// headerComm takes the name out of the columns before the dash.
func headerComm(b []byte, short bool) []byte {
	if short {
		// "%8.8s" may have cut the name: eight bytes say nothing of the rest.
		if b = b[len(b)-latDashColumn:]; b[0] != ' ' {
			return nil
		}
	} else if len(b) > dashColumn {
		b = b[len(b)-dashColumn:]
	}
	b = text.SkipSpace(b)
	if string(b) == "<...>" {
		return nil
	}
	return b
}

// cutTGID takes "(  28256)" or "(-------)", which the record-tgid option adds,
// off b.
func cutTGID(b []byte) (tgid int32, rest []byte, ok bool) {
	end := bytes.IndexByte(b[:min(len(b), 16)], ')')
	if end < 0 || len(bytes.Trim(b[1:end], " -0123456789")) > 0 {
		return 0, nil, false
	}
	n, after, ok := text.Uint(text.SkipSpace(b[1:end]))
	if !ok || len(after) > 0 {
		return 0, b[end+1:], true
	}
	if tgid, ok = text.PID(n); !ok {
		tgid = 0
	}
	return tgid, b[end+1:], true
}

// cutFlags takes the flags column off b: four to eight of the marks that
// trace_print_lat_fmt prints. A stamp never fits: its fraction ends in a colon.
func cutFlags(b []byte) (flags, rest []byte, ok bool) {
	i := 0
	for i < len(b) && i <= 8 && b[i] != ' ' {
		if !flagMark(b[i]) {
			return nil, b, false
		}
		i++
	}
	if i < 4 || i > 8 || i == len(b) {
		return nil, b, false
	}
	return b[:i], b[i:], true
}

func flagMark(c byte) bool {
	return c == '.' || c == '#' || c-'0' <= 9 || c|0x20-'a' < 26
}

// contextOf reads the hardirq/softirq mark. Without a legend it stands third,
// or fourth where need-resched-lazy precedes it (PREEMPT_RT kernels); its
// letters occur nowhere else in these two places.
func (g *grammar) contextOf(flags []byte) parser.Context {
	mark := byte('.')
	if g.irqColumn >= 0 {
		if g.irqColumn >= len(flags) {
			return parser.ContextUnknown
		}
		mark = flags[g.irqColumn]
	} else {
		for _, c := range flags[2:4] {
			switch c {
			case 'h', 'H', 's', 'z', 'Z':
				mark = c
			}
		}
	}
	switch mark {
	case 'h', 'H':
		return parser.ContextHardirq
	case 's':
		return parser.ContextSoftirq
	case 'z', 'Z':
		return parser.ContextNMI
	case '.':
		return parser.ContextTask
	}
	return parser.ContextUnknown
}

// parseStamp reads the time and the colon behind it.
func (h *header) parseStamp(b []byte) ([]byte, bool) {
	ns, digits, rest, ok := text.Time(b)
	if ok {
		if digits > 6 {
			h.stamp = stampNano
		}
		h.time = ns
	} else {
		var n int64
		if n, rest, ok = text.Uint(b); !ok {
			return nil, false
		}
		h.time, h.stamp = n, stampCount
		if len(rest) > 3 && rest[0] == 'u' && rest[1] == 's' {
			// The mark behind "us" tells how long the pause until the next event is.
			if n > 1<<53 {
				return nil, false
			}
			h.time, h.stamp = n*1000, stampRelative
			rest = rest[3:]
		}
	}
	if len(rest) == 0 || rest[0] != ':' {
		return nil, false
	}
	return rest[1:], true
}

// splitName splits what follows the stamp. It fails only for an empty rest.
func (h *header) splitName(b []byte) bool {
	h.text = b
	b = text.SkipSpace(b)
	if len(b) > 3 && b[0] == '(' && b[1] == '+' {
		// trace-cmd report --ts-diff
		if i := bytes.IndexByte(b, ')'); i > 0 && i < 32 {
			b = text.SkipSpace(b[i+1:])
		}
	}
	if len(b) == 0 {
		return false
	}
	i := 0
	for i < len(b) && nameMark(b[i]) {
		i++
	}
	if i == 0 || i == len(b) || b[i] != ':' {
		h.payload = b
		return true
	}
	h.name = b[:i]
	rest := b[i+1:]
	h.payload = text.SkipSpace(rest)
	h.pad = len(rest) - len(h.payload)
	return true
}

func nameMark(c byte) bool {
	return c == '_' || c-'0' <= 9 || c|0x20-'a' < 26 || c == '.' || c == '-'
}

// parseVerbose splits a line of latency-format with verbose:
// "comm pid cpu flags preempt idx [us, hex] N.NNNms (+N.NNNms): name: payload"
// (trace_print_lat_context).
func (g *grammar) parseVerbose(line []byte) (h header, ok bool) {
	i := bytes.Index(line, []byte("ms (+"))
	if i < 0 {
		return h, false
	}
	before, after := line[:i], line[i+len("ms (+"):]
	j := bytes.Index(after, []byte("ms): "))
	open := bytes.LastIndexByte(before, '[')
	if j < 0 || open < 1 {
		return h, false
	}
	us, rest, ok := text.Int(append([]byte("0x"), before[open+1:]...))
	if !ok || len(rest) < 2 || rest[0] != ']' || us < 0 || us > 1<<53 {
		return h, false
	}
	h.time = us * 1000
	fields := bytes.TrimRight(before[:open], " ")
	var column [5][]byte // idx, preempt count, flags, cpu, pid
	for k := range column {
		s := bytes.LastIndexByte(fields, ' ')
		if s < 0 {
			return h, false
		}
		column[k] = fields[s+1:]
		fields = bytes.TrimRight(fields[:s], " ")
		if k == 4 {
			fields = line[:s]
		}
	}
	flags, _, ok1 := text.Uint(column[2])
	cpu, _, ok2 := text.Uint(column[3])
	pid, _, ok3 := text.Uint(column[4])
	if !ok1 || !ok2 || !ok3 {
		return h, false
	}
	h.context = parser.FlagsContext(uint64(flags))
	if h.cpu, ok = text.CPU(cpu); !ok {
		return h, false
	}
	if h.pid, ok = text.PID(pid); !ok {
		return h, false
	}
	h.task = headerComm(fields, false)
	h.aligned = len(fields) == g.indent+dashColumn
	return h, h.splitName(after[j+len("ms): "):])
}

// indent is the width of what stands before the columns, negative if blanks
// are missing.
func (h *header) indent() int {
	if h.latency {
		return h.dash - latDashColumn
	}
	return h.dash - dashColumn
}
