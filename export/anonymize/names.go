package anonymize

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"

	"schedreplay/parser"
)

// Names replaces names consistently: one name always becomes the same other
// one, of the same number of bytes, and two names never become one (but where
// there are more names of one or two bytes than there are replacements).
//
// Names of kernel threads, of the idle tasks and of recorders are kept: results
// depend on them, and they are the same on every machine. It is not safe for
// concurrent use.
type Names struct {
	to   map[string]string
	used map[string]bool
	next map[int]int
	kept map[string]bool

	// kernel and user are the names that the host bundle knows for certain.
	kernel, user map[string]bool
	hostname     string
	// Merged counts names that had to share a replacement.
	Merged int64
}

// NewNames returns a Names for a recording on the given machine, which may be
// nil. What a bundle says of tasks decides which names are kernel threads';
// where it says nothing, the name's form does.
func NewNames(host *parser.Host) *Names {
	n := &Names{
		to: map[string]string{}, used: map[string]bool{}, next: map[int]int{}, kept: map[string]bool{},
		kernel: map[string]bool{}, user: map[string]bool{},
	}
	if host == nil {
		return n
	}
	n.hostname = host.Hostname.Value
	for _, t := range host.Task {
		k, ok := t.Kthread.Get()
		if !ok {
			continue
		}
		set := n.user
		if k {
			set = n.kernel
		}
		set[t.Comm] = true
		if len(t.Comm) > maxComm {
			set[t.Comm[:maxComm]] = true
		}
	}
	return n
}

// maxComm is the longest name a task has, TASK_COMM_LEN less its NUL.
const maxComm = 15

// placeholder are the names of idle tasks, and what stands for a name.
var placeholder = regexp.MustCompile(`^(?:|swapper(?:/\d+)?|<idle>|<\.\.\.>|:-?\d+|\(none\)|localhost)$`)

// keeps reports whether a name stays.
func (n *Names) keeps(comm string) bool {
	switch {
	case placeholder.MatchString(comm), parser.IsRecorder(comm):
		return true
	case n.kernel[comm]:
		return true
	case n.user[comm] && !strings.HasPrefix(comm, "kworker/"):
		return false
	}
	return parser.IsKthreadName(comm)
}

// Comm is what a task's name becomes.
func (n *Names) Comm(comm string) string {
	if to, ok := n.to[comm]; ok {
		return to
	}
	to := comm
	if n.keeps(comm) {
		if comm != "" {
			n.kept[comm] = true
		}
	} else {
		to = n.fresh(len(comm))
	}
	n.to[comm] = to
	return to
}

const digits = "0123456789abcdefghijklmnopqrstuvwxyz"

// fresh is an unused name of a length: t001, t002 …; the letter in front gives
// way where names are short and many.
func (n *Names) fresh(size int) string {
	b := make([]byte, size)
	places := min(size, 9)
	for i := range b {
		b[i] = '0'
	}
	limit := 1
	for range places {
		limit *= len(digits)
	}
	for {
		i := n.next[size]
		if i >= limit {
			n.Merged++
			return strings.Repeat("z", size)
		}
		n.next[size]++
		// Count from t0…0 on, and after the last one from 0…0.
		v := i
		if places > 1 {
			v = (i + limit/len(digits)*29) % limit // 't' is digit 29
		}
		for p := range places {
			at := places - 1 - p
			if places < size && at > 0 {
				at += size - places
			}
			b[at] = digits[v%len(digits)]
			v /= len(digits)
		}
		if s := string(b); !n.used[s] && !n.keeps(s) {
			n.used[s] = true
			return s
		}
	}
}

// Kept lists the names that were met and kept, in order: each digit as N, a
// kworker without its workqueue, the idle tasks' and placeholders not at all.
func (n *Names) Kept() []string {
	forms := map[string]bool{}
	for k := range n.kept {
		if placeholder.MatchString(k) {
			continue
		}
		if strings.HasPrefix(k, "kworker/") && !strings.HasPrefix(k, "kworker/R-") {
			k, _, _ = strings.Cut(k, "-")
			k, _, _ = strings.Cut(k, "+")
		}
		forms[number.ReplaceAllString(k, "N")] = true
	}
	return slices.Sorted(maps.Keys(forms))
}

var number = regexp.MustCompile(`\d+`)

// Replaced is the number of different names that were replaced.
func (n *Names) Replaced() int {
	c := 0
	for from, to := range n.to {
		if from != to {
			c++
		}
	}
	return c
}

// Mapping returns what each name met became, those kept too.
func (n *Names) Mapping() map[string]string { return maps.Clone(n.to) }

// replace writes what the name in b becomes over it.
func (n *Names) replace(b []byte) { copy(b, n.Comm(string(b))) }

// text replaces a task's name or a file name.
func (n *Names) text(b []byte, file bool) {
	if file {
		n.path(b)
	} else {
		n.replace(b)
	}
}

// ended is the text in a field: what lies before its NUL. What lies behind it is
// cleared.
func ended(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		clear(b[i:])
		b = b[:i]
	}
	return b
}

// path replaces the parts of a file name or argument. The last part of a file
// name becomes what the task that executes it is called.
func (n *Names) path(b []byte) {
	start := 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && !isBreak(b[i]) {
			continue
		}
		part := b[start:i]
		start = i + 1
		n.replace(part[:min(len(part), maxComm)])
		for j := maxComm; j < len(part); j++ {
			part[j] = 'x'
		}
	}
}

func isBreak(c byte) bool { return c == '/' || c == ' ' || c == '=' || c == ',' || c == 0 }

// Words of a recorder's command line that say what was recorded.
var (
	option   = regexp.MustCompile(`^--?[A-Za-z][\w-]*$`)
	optionEq = regexp.MustCompile(`^--?[A-Za-z][\w-]*=`)
	plain    = regexp.MustCompile(`^(?:[\d,.:-]+[kKmMgGs]?|perf|trace-cmd|sched|record|start|stream|--|mono|CLOCK_\w+|sched:[\w*]*|sched_\w+)$`)
)

// argument replaces one argument of the recorder's command line. Options,
// numbers and event names stay, what they are given to does not.
func (n *Names) argument(b []byte) {
	s := string(b)
	switch {
	case plain.MatchString(s), option.MatchString(s):
	case optionEq.MatchString(s):
		i := bytes.IndexByte(b, '=')
		n.argument(b[i+1:])
	default:
		if i := bytes.LastIndexByte(b, '/'); i >= 0 && plain.MatchString(s[i+1:]) {
			b = b[:i] // /usr/bin/perf
		}
		n.path(b)
	}
}
