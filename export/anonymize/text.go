package anonymize

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"regexp"
	"strconv"

	"schedreplay/parser"
)

// maxLine is the longest line that is looked at; the rest of a longer one
// becomes x.
const maxLine = 1 << 20

// printed rewrites a printed capture. Its reader says which lines are records
// and which names they hold; the names are then looked for between the words that
// the tool prints around them, never anywhere else.
type printed struct {
	n      *Names
	w      *bufio.Writer
	in     *bufio.Reader
	line   int64 // number of the last line read
	window Window
	// showing: the last record lay in the window, so that what belongs to it is
	// written; true before the first one.
	showing bool
	report  Report
}

// text rewrites a printed capture.
func text(src parser.Source, c parser.Capture, n *Names, w Window, out *os.File) (*Report, error) {
	r, err := src.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	p := &printed{n: n, w: bufio.NewWriterSize(out, 64<<10), in: bufio.NewReaderSize(r, 1<<16), window: w, showing: true}
	next, stop := iter.Pull2(c.Events())
	defer stop()
	ev, more := record(next, 0)
	for {
		if more && ev.Pos == p.line+1 {
			if err := p.record(&ev); err != nil {
				return nil, err
			}
			ev, more = record(next, p.line)
			continue
		}
		line, err := p.read()
		if line == nil {
			if !inputEnd(err) {
				return nil, err
			}
			break
		}
		if p.showing {
			p.other(line)
			p.write(line)
		}
	}
	return &p.report, p.w.Flush()
}

// inputEnd reports whether reading ended as the reader of the capture saw it
// end too: regularly, or where a compressed stream is cut or damaged. What came
// before stands.
func inputEnd(err error) bool {
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, parser.ErrTruncated) || errors.Is(err, parser.ErrDamaged)
}

// record is the next event that stands on a line of its own behind the given
// one.
func record(next func() (parser.Event, error, bool), line int64) (parser.Event, bool) {
	for {
		ev, err, ok := next()
		if !ok || err != nil {
			return ev, false
		}
		switch ev.Kind {
		case parser.KindLost, parser.KindOverwritten, parser.KindHole, parser.KindDamaged:
			continue
		}
		if ev.Pos > line {
			return ev, true
		}
	}
}

// read returns the next line with its end, nil when there is none.
func (p *printed) read() ([]byte, error) {
	var line []byte
	for {
		b, err := p.in.ReadSlice('\n')
		if room := maxLine - len(line); len(b) > room {
			keep := bytes.HasSuffix(b, []byte("\n"))
			b = b[:room]
			if keep {
				b = append(b[:len(b):len(b)], '\n')
			}
		}
		line = append(line, b...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case len(line) == 0:
			return nil, err
		}
		p.line++
		return line, nil
	}
}

// write writes through a buffer, which keeps the error for Flush.
func (p *printed) write(b []byte) { _, _ = p.w.Write(b) }

// record rewrites the lines of one event.
func (p *printed) record(ev *parser.Event) error {
	breaks := 1
	for _, s := range []string{ev.Cur.Comm, ev.Task.Comm, ev.Next.Comm, ev.Text} {
		breaks += bytes.Count([]byte(s), []byte("\n"))
	}
	var rec []byte
	for range breaks {
		line, err := p.read()
		if line == nil {
			if !inputEnd(err) {
				return err
			}
			break
		}
		rec = append(rec, line...)
	}
	p.showing = ev.Time == parser.NoTime || ev.Time >= p.window.From && ev.Time <= p.window.To
	if !p.showing {
		return nil
	}
	p.report.Records++
	e := editor{n: p.n, b: rec}
	if e.event(ev) {
		e.apply()
	} else {
		p.report.Masked++
		mask(rec)
	}
	p.write(rec)
	return nil
}

// editor replaces names in one record once all are found.
type editor struct {
	n     *Names
	b     []byte
	spans []span
	// from is where the payload begins to be looked for.
	from int
}

type span struct {
	start, end int
	path       bool
}

// apply writes the replacements.
func (e *editor) apply() {
	for _, s := range e.spans {
		if s.path {
			e.n.path(e.b[s.start:s.end])
		} else {
			e.n.replace(e.b[s.start:s.end])
		}
	}
}

// add notes the name at [start, end).
func (e *editor) add(start, end int) bool {
	e.spans = append(e.spans, span{start: start, end: end})
	return true
}

// between finds a name that stands between two words; the last such place
// counts, for a name may look like the words around another.
func (e *editor) between(before, name, after string) bool {
	i := bytes.LastIndex(e.b[e.from:], []byte(before+name+after))
	if i < 0 {
		return false
	}
	i += e.from + len(before)
	return e.add(i, i+len(name))
}

// event finds the names of an event, and reports false if one is not where it
// must be.
func (e *editor) event(ev *parser.Event) bool {
	if !e.header(ev) {
		return false
	}
	kind := ev.Kind
	if kind == parser.KindOther {
		switch {
		case ev.Aside == parser.ProcessHang:
			kind = parser.KindExit
		case ev.Aside != parser.NoAside:
			return true // devices, functions and numbers
		case ev.Text == "sched_waking", ev.Text == "sched_wakeup", ev.Text == "sched_wakeup_new": // success=0
			kind = parser.KindWakeup
		default:
			return e.other(ev)
		}
	}
	task, next := ev.Task.Comm, ev.Next.Comm
	switch kind {
	case parser.KindSwitch:
		return e.between("prev_comm=", task, " prev_pid=") && e.between(" next_comm=", next, " next_pid=") ||
			e.between("", task, pidBefore(&ev.Task)) && e.between(" ==> ", next, pidBefore(&ev.Next))
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew, parser.KindMigrate, parser.KindExit, parser.KindStatRuntime:
		return e.oneTask(ev)
	case parser.KindFork:
		return (e.between("comm=", task, " pid=") || e.between("parent_comm=", task, " parent_pid=")) && e.between("child_comm=", next, " child_pid=") ||
			e.holds("PERF_RECORD_FORK") && task == "" && next == ""
	case parser.KindExec:
		if !e.between("filename=", ev.Text, " pid=") {
			return false
		}
		e.spans[len(e.spans)-1].path = true
		return true
	case parser.KindComm:
		return e.rename(task) || e.between(": ", task, ":")
	case parser.KindSlice:
		found := unnamed(&ev.Task) || e.first(task, "["+pid(&ev.Task))
		return found && (unnamed(&ev.Next) || e.between("next: ", next, "["+pid(&ev.Next)))
	}
	return false
}

// oneTask finds the name in an event about one task, as the kernel, trace-cmd or perf
// prints it.
func (e *editor) oneTask(ev *parser.Event) bool {
	task := ev.Task.Comm
	return e.between("comm=", task, " pid=") || e.between("", task, pidBefore(&ev.Task)) ||
		e.between("awakened: ", task, "["+pid(&ev.Task)) || e.between("migrated: ", task, "["+pid(&ev.Task)) ||
		unnamed(&ev.Task) || e.bareName(task) || e.holds("PERF_RECORD_EXIT") && task == ""
}

// holds reports whether the record's text has a word.
func (e *editor) holds(word string) bool { return bytes.Contains(e.b[e.from:], []byte(word)) }

func pid(t *parser.Task) string { return strconv.Itoa(int(t.PID)) }

// pidBefore is what trace-cmd's own printing of an event has behind a name.
func pidBefore(t *parser.Task) string { return ":" + pid(t) + " [" }

// unnamed reports a task that the record does not name, or by a placeholder.
func unnamed(t *parser.Task) bool {
	return t.Comm == "" || t.PID == 0 || t.PID == parser.NoPID && placeholder.MatchString(t.Comm)
}

// bareName finds a name that ends the line without ids.
func (e *editor) bareName(name string) bool {
	b := bytes.TrimRight(e.b, " \r\n")
	if name == "" || !bytes.HasSuffix(b, []byte(name)) {
		return false
	}
	return e.add(len(b)-len(name), len(b))
}

// first finds a name by what follows it; the first place counts.
func (e *editor) first(name, after string) bool {
	i := bytes.Index(e.b[e.from:], []byte(name+after))
	if i < 0 {
		return false
	}
	i += e.from
	return e.add(i, i+len(name))
}

// rename finds the two names of task_rename.
func (e *editor) rename(now string) bool {
	const oldKey, newKey = " oldcomm=", " newcomm="
	j := bytes.LastIndex(e.b[e.from:], []byte(newKey+now+" oom_score_adj="))
	if j < 0 {
		return false
	}
	j += e.from
	i := bytes.Index(e.b[e.from:j], []byte(oldKey))
	if i < 0 {
		return false
	}
	i += e.from
	return e.add(i+len(oldKey), j) && e.add(j+len(newKey), j+len(newKey)+len(now))
}

// header finds the name that stands before the columns.
func (e *editor) header(ev *parser.Event) bool {
	comm := ev.Cur.Comm
	if comm == "" || ev.Cur.PID == parser.NoPID && placeholder.MatchString(comm) {
		// The reader had no use for the name; the line may have one.
		if i := bytes.Index(e.b, []byte("-"+strconv.Itoa(int(ev.Cur.PID))+" ")); ev.Cur.PID >= 0 && i >= 0 && i <= maxHead {
			start := len(e.b[:i]) - len(bytes.TrimLeft(e.b[:i], " "))
			e.from = i
			return nameless.Match(e.b[start:i]) || e.add(start, i)
		}
		if m := unread.FindSubmatchIndex(e.b); m != nil && !nameless.Match(e.b[m[2]:m[3]]) {
			e.from = m[3]
			return e.add(m[2], m[3])
		}
		return true
	}
	pid := strconv.Itoa(int(ev.Cur.PID))
	for at := 0; ; {
		i := bytes.Index(e.b[at:], []byte(comm))
		if i < 0 {
			return false
		}
		i += at
		end := i + len(comm)
		rest := e.b[end:]
		follows := bytes.HasPrefix(rest, []byte("-"+pid)) || // ftrace
			bytes.HasPrefix(rest, []byte("["+pid)) || // timehist: the waker
			hasNumber(rest, pid) // perf script
		if follows {
			e.from = end
			return e.add(i, end)
		}
		at = i + 1
	}
}

// maxHead bounds what stands before a pid.
const maxHead = 64

// unread is a name before the columns: "name-0 [cpu]", "name pid/tid [cpu]".
var unread = regexp.MustCompile(`^\s*(\S.*?)(?:-\d+|\s+-?\d+(?:/-?\d+)?)\s+(?:\([ \d-]+\)\s+)?\[\d+\]\s`)

// nameless is a placeholder, with the name of a trace-cmd instance before it.
var nameless = regexp.MustCompile(`^(?:[\w.-]+:\s+)?(?:swapper(?:/\d+)?|<idle>|<\.\.\.>|:-?\d+)$`)

// hasNumber reports whether blanks and a number follow, or "pid/number".
func hasNumber(b []byte, number string) bool {
	t := bytes.TrimLeft(b, " ")
	if len(t) == len(b) {
		return false
	}
	i := 0
	for i < len(t) && (t[i]-'0' <= 9 || t[i] == '/' || t[i] == '-') {
		i++
	}
	ids := t[:i]
	if j := bytes.LastIndexByte(ids, '/'); j >= 0 {
		ids = ids[j+1:]
	}
	return string(ids) == number || i > 0 && number == "-1"
}

// stampEnd finds the end of the time stamp's column: a digit, and what the
// latency and verbose formats put behind it.
var stampEnd = regexp.MustCompile(`\d(?:us|ms)?(?: ?\([+-][\d.]+ms\))?[ +!#*@$]?: `)

// beforeName is what may stand between the time stamp and an event's name: a
// difference, perf's period, the event's system.
var beforeName = regexp.MustCompile(`^[ \d]*(?:\([+-]\d+\)\s*)?(?:[\w-]+:)?$`)

// other blanks what an event says that replay has no use for.
func (e *editor) other(ev *parser.Event) bool {
	loc := stampEnd.FindIndex(e.b[e.from:])
	if loc == nil {
		return false
	}
	at := e.from + loc[1]
	if i := bytes.Index(e.b[at:], []byte(ev.Name()+":")); i >= 0 && beforeName.Match(e.b[at:at+i]) {
		at += i + len(ev.Name()) + 1
	} else if m := perfRecord.FindIndex(e.b[at:]); m != nil {
		at += m[1]
	}
	if m := stackTrace.FindIndex(e.b[at:]); m != nil {
		at += m[1]
	}
	body := e.b[at:]
	for i, c := range body {
		if c > ' ' {
			body[i] = 'x'
		}
	}
	if len(bytes.TrimSpace(body)) > 0 && ev.Text == "function" {
		copy(bytes.TrimLeft(body, " "), "x <-")
	}
	return true
}

var (
	stackTrace = regexp.MustCompile(`^ *<(?:user )?stack trace>`)
	perfRecord = regexp.MustCompile(`^ *PERF_RECORD_\w+`)
	// perfLine is one of perf's own records that is no event.
	perfLine = regexp.MustCompile(`^\s*(.*?)\s+-?\d+(?:/-?\d+)?\s+\[\d+\]\s+[\d.]+:.*?PERF_RECORD_\w+`)
	// toolLine are lines in which nothing but the tool's own words stand.
	toolLine = regexp.MustCompile(`^\s*(?:#+\s*$|# tracer:|# entries-in-buffer|##### CPU|#[ |/_=-]*$|#.*=> (?:irqs-off|need-resched|hardirq|preempt|migrate|CPU#|delay)|` +
		`#.*TASK-PID|#.*\|\s+delay|#[ |/]*delay$|#\s+cmd\s+pid|# =+|CPU:\d+ \[[A-Z0-9 ]+\]$|cpus=\d+$|version = \d+$|CPU \d+ is empty|` +
		`time +cpu |\[tid/pid\]|[- ]+$|\d+\.\d+ lost \d+ |Samples do not have|Runtime summary$|Idle-time summary$|Terminated tasks:$|Idle stats:$|Wait-time summary$)`)
	// perfHeader are perf's header lines that tell neither names nor places.
	perfHeader = regexp.MustCompile(`^# (?:captured on|header version|data offset|data size|feat offset|os release|perf version|arch|nrcpus|cpudesc|cpuid|total memory|` +
		`event |CPU_TOPOLOGY|NUMA_TOPOLOGY|CACHE|pmu mappings|time of|sample duration|missing features|sibling|node|CPU )`)
	perfHost  = regexp.MustCompile(`^# hostname : `)
	perfArgs  = regexp.MustCompile(`^# cmdline : `)
	lostCount = regexp.MustCompile(`^ lost \d+\s*$`)
	latency   = regexp.MustCompile(`^# \w+ latency trace v`)
	kernelAt  = regexp.MustCompile(`\(\[(?:kernel[\w.]*|guest[\w.]*)\]\)\s*$`)
)

// other rewrites a line that is no event.
func (p *printed) other(line []byte) {
	b := bytes.TrimRight(line, "\r\n")
	switch {
	case len(bytes.TrimSpace(b)) == 0, toolLine.Match(b), perfHeader.Match(b), latency.Match(b):
	case bytes.Contains(b, []byte("lost")) && bytes.HasPrefix(b, []byte("Processed ")):
	case perfHost.Match(b):
		p.n.replace(b[len("# hostname : "):])
	case perfArgs.Match(b):
		args := b[len("# cmdline : "):]
		for len(args) > 0 {
			i := bytes.IndexByte(args, ' ')
			if i < 0 {
				i = len(args)
			}
			p.n.argument(args[:i])
			args = args[min(i+1, len(args)):]
		}
	case b[0] == '\t' && kernelAt.Match(b):
	default:
		m := perfLine.FindSubmatchIndex(b)
		if m == nil {
			p.report.Masked++
			mask(b)
			return
		}
		p.n.replace(b[m[2]:m[3]])
		if !lostCount.Match(b[m[1]:]) {
			letters(b[m[1]:])
		}
	}
}

// words are those by which readers tell a piece of a record from other text.
var words = regexp.MustCompile(`(?:prev_|next_|child_|parent_|old|new)?(?:comm|pid)=|prio=|(?:target|orig|dest)_cpu=|_cpu=|sched:|sched_[a-z_]+:?|task_rename:|` +
	`awakened: |migrated: |PERF_RECORD_\w+|CPU:| ==> `)

// mask blanks the letters of a line in which the place of names is not known,
// all but those of the words above.
func mask(b []byte) {
	from := 0
	for _, w := range words.FindAllIndex(b, -1) {
		letters(b[from:w[0]])
		from = w[1]
	}
	letters(b[from:])
}

// letters blanks letters, and bytes that are no ASCII.
func letters(b []byte) {
	for i, c := range b {
		if c|0x20-'a' < 26 || c >= 0x7f || c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			b[i] = 'x'
		}
	}
}
