package anonymize

import (
	"bytes"
	"fmt"
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
// depend on them, and they are the same on every machine, except where an
// administrator chose them. It is not safe for concurrent use.
type Names struct {
	to, stems map[string]string
	// nextStem counts by length, next by stem and places.
	nextStem map[int]int
	next     map[numbered]int
	kept     map[string]bool

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
		to: map[string]string{}, stems: map[string]string{}, nextStem: map[int]int{}, next: map[numbered]int{}, kept: map[string]bool{},
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
		return !ofSite.MatchString(comm)
	case n.user[comm] && !strings.HasPrefix(comm, "kworker/"):
		return false
	}
	return parser.IsKthreadName(comm)
}

// ofSite are kernel threads that are called after an NFS server's address
// (nfs4_schedule_state_manager) or a resource of DRBD.
var ofSite = regexp.MustCompile(`^(?:\d+\.\d+\.|[0-9a-f]*:[0-9a-f:.]*-|drbd_)`)

// worker is a kworker as /proc calls it, with the workqueue it works for (wq_worker_comm);
// some of these are called after an interface, such as wg-crypt-NAME.
var worker = regexp.MustCompile(`^(kworker/u?\d+:\d+H?[-+])(.+)$`)

// workqueue replaces the workqueue in the name of a kworker, but for the kernel's own.
func (n *Names) workqueue(kworker string) string {
	m := worker.FindStringSubmatch(kworker)
	if m == nil || strings.HasPrefix(m[2], "events") || parser.IsKthreadName(m[2]) {
		return kworker
	}
	return m[1] + n.Comm(m[2])
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
		to = n.workqueue(comm)
	} else {
		to = n.fresh(comm)
	}
	n.to[comm] = to
	return to
}

// alphabet spells the stems of new names; no vowels come before the last ones, so that they
// hardly make words.
const alphabet = "bcdfghjklmnpqrstvwxzaeiouy"

// fresh is an unused name of the same length. Names of one stem become names of one stem:
// results depend on that.
func (n *Names) fresh(comm string) string {
	stem := parser.NameStem(comm)
	to, ok := n.stems[stem]
	if !ok {
		to = n.freshStem(len(stem))
		n.stems[stem] = to
	}
	places := len(comm) - len(stem)
	if places == 0 {
		return to
	}
	of := numbered{to, places}
	for n.next[of] < pow(10, places) {
		s := fmt.Sprintf("%s%0*d", to, places, n.next[of])
		if n.next[of]++; !n.keeps(s) {
			return s
		}
	}
	n.Merged++
	return to + strings.Repeat("9", places)
}

// numbered is a stem with so many places for a number.
type numbered struct {
	stem   string
	places int
}

// freshStem is an unused stem of a length: tbbb, tbbc …; the letter in front gives way where
// names are short and many.
func (n *Names) freshStem(size int) string {
	if size == 0 {
		return ""
	}
	b := bytes.Repeat([]byte{alphabet[0]}, size)
	places := min(size, 9)
	limit := pow(len(alphabet), places)
	for n.nextStem[size] < limit {
		// Count from tb…b on, and after the last one from b…b.
		v := n.nextStem[size]
		if places > 1 {
			v = (v + limit/len(alphabet)*strings.IndexByte(alphabet, 't')) % limit
		}
		n.nextStem[size]++
		for p := range places {
			at := places - 1 - p
			if places < size && at > 0 {
				at += size - places
			}
			b[at] = alphabet[v%len(alphabet)]
			v /= len(alphabet)
		}
		if s := string(b); !n.keeps(s) {
			return s
		}
	}
	n.Merged++
	return strings.Repeat("z", size)
}

func pow(base, n int) int {
	p := 1
	for range n {
		p *= base
	}
	return p
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
