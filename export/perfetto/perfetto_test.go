package perfetto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/cpumask"
	"schedreplay/internal/capturetest"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// field is one field of a decoded message.
type field struct {
	num protowire.Number
	typ protowire.Type
	n   uint64
	b   []byte
}

// decode reads a message by the wire format alone.
func decode(t *testing.T, b []byte) []field {
	t.Helper()
	var fs []field
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("tag: %v", protowire.ParseError(n))
		}
		b = b[n:]
		f := field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.b, n = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d has the wire type %d", num, typ)
		}
		if n < 0 {
			t.Fatalf("field %d: %v", num, protowire.ParseError(n))
		}
		b = b[n:]
		fs = append(fs, f)
	}
	return fs
}

// get returns a field that may stand once; ok is false if it is missing.
func get(t *testing.T, fs []field, num protowire.Number) (f field, ok bool) {
	t.Helper()
	for _, x := range fs {
		if x.num == num {
			if ok {
				t.Fatalf("field %d stands twice", num)
			}
			f, ok = x, true
		}
	}
	return f, ok
}

// fields checks that exactly these stand, and returns them by number.
func fields(t *testing.T, b []byte, nums ...protowire.Number) map[protowire.Number]field {
	t.Helper()
	m := map[protowire.Number]field{}
	for _, f := range decode(t, b) {
		if _, twice := m[f.num]; twice || !slices.Contains(nums, f.num) {
			t.Fatalf("field %d is not due (%v are)", f.num, nums)
		}
		m[f.num] = f
	}
	for _, n := range nums {
		if _, ok := m[n]; !ok {
			t.Fatalf("field %d is missing", n)
		}
	}
	return m
}

// packets reads a trace.
func packets(t *testing.T, b []byte) [][]field {
	t.Helper()
	var ps [][]field
	for _, f := range decode(t, b) {
		if f.num != 1 {
			t.Fatalf("field %d in Trace", f.num)
		}
		ps = append(ps, decode(t, f.b))
	}
	return ps
}

// Each kind of event, field by field, by the numbers of Perfetto's protos.
func TestFtraceEvents(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, Options{})
	ev := parser.NewEvent(parser.KindSwitch, 1000, 3)
	ev.Cur.PID = 7
	ev.Task, ev.Next = parser.Task{PID: 7, Prio: 120, Comm: "a b"}, parser.Task{PID: 0, Prio: -1, Comm: "swapper/3"}
	ev.State = parser.StateRunning | parser.StatePreempted
	w.Event(&ev)
	for i, k := range []parser.Kind{parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew} {
		ev := parser.NewEvent(k, 2000+int64(i), 3)
		ev.Task, ev.TargetCPU = parser.Task{PID: 9, Prio: parser.NoPrio, Comm: "w"}, 5
		w.Event(&ev)
	}
	mig := parser.NewEvent(parser.KindMigrate, 3000, 3)
	mig.Task, mig.OrigCPU, mig.TargetCPU = parser.Task{PID: 9, Prio: 99, Comm: "w"}, 5, 6
	w.Event(&mig)
	lost := parser.NewEvent(parser.KindLost, 3500, 3)
	w.Event(&lost)
	ev.Time, ev.State = 4000, 0
	w.Event(&ev)
	for _, bad := range []parser.Event{parser.NewEvent(parser.KindSwitch, -5, 1), parser.NewEvent(parser.KindSwitch, 5, parser.NoCPU)} {
		w.Event(&bad)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Skipped != 2 {
		t.Errorf("%d skipped", w.Skipped)
	}
	ps := packets(t, out.Bytes())
	if len(ps) != 2 {
		t.Fatalf("%d packets", len(ps))
	}
	bundle := func(p []field) (events [][]byte, lost bool) {
		f, ok := get(t, p, 1) // ftrace_events
		if !ok || len(p) != 1 {
			t.Fatal("no bundle, or more")
		}
		for _, x := range decode(t, f.b) {
			switch x.num {
			case 1:
				if x.n != 3 {
					t.Errorf("cpu %d", x.n)
				}
			case 2:
				events = append(events, x.b)
			case 3:
				lost = x.n == 1
			default:
				t.Errorf("field %d in a bundle", x.num)
			}
		}
		return events, lost
	}
	first, l1 := bundle(ps[0])
	second, l2 := bundle(ps[1])
	if len(first) != 5 || len(second) != 1 || l1 || !l2 {
		t.Fatalf("%d and %d events, lost %v and %v", len(first), len(second), l1, l2)
	}
	e := fields(t, first[0], 1, 2, 4)
	if e[1].n != 1000 || e[2].n != 7 {
		t.Errorf("timestamp %d, pid %d", e[1].n, e[2].n)
	}
	s := fields(t, e[4].b, 1, 2, 3, 4, 5, 6, 7)
	if string(s[1].b) != "a b" || s[2].n != 7 || s[3].n != 120 || s[4].n != 0x100 || string(s[5].b) != "swapper/3" || s[6].n != 0 || int64(s[7].n) != -1 {
		t.Errorf("sched_switch %v", s)
	}
	for i, num := range []protowire.Number{20, 17, 114} {
		e := fields(t, first[1+i], 1, num)
		m := fields(t, e[num].b, 1, 2, 4, 5) // no prio: it is unknown
		if e[1].n != 2000+uint64(i) || string(m[1].b) != "w" || m[2].n != 9 || m[4].n != 1 || m[5].n != 5 {
			t.Errorf("event %d: %v", num, m)
		}
	}
	e = fields(t, first[4], 1, 491)
	m := fields(t, e[491].b, 1, 2, 3, 4, 5)
	if string(m[1].b) != "w" || m[2].n != 9 || m[3].n != 99 || m[4].n != 5 || m[5].n != 6 {
		t.Errorf("sched_migrate_task %v", m)
	}
	e = fields(t, second[0], 1, 2, 4)
	fields(t, e[4].b, 1, 2, 3, 5, 6, 7) // no state: it is unknown
}

// track is what a TrackDescriptor says.
type track struct {
	name   string
	parent uint64
}

// trackEvent is a TrackEvent with its annotations as text.
type trackEvent struct {
	time, typ, track uint64
	name             string
	args             map[string]string
	steps            []string
}

// read decodes the packets of the sequence, and counts the ftrace events.
func read(t *testing.T, b []byte) (tracks map[uint64]track, events []trackEvent, ftrace int) {
	t.Helper()
	tracks = map[uint64]track{}
	for _, p := range packets(t, b) {
		if f, ok := get(t, p, 1); ok {
			for _, x := range decode(t, f.b) {
				switch x.num {
				case 2:
					ftrace++
				case 4: // compact_sched
					for _, c := range decode(t, x.b) {
						if c.num == 8 { // waking_pid
							for rest := c.b; len(rest) > 0; ftrace++ {
								_, n := protowire.ConsumeVarint(rest)
								rest = rest[n:]
							}
						}
					}
				}
			}
			continue
		}
		if _, ok := get(t, p, 45); ok { // system_info
			continue
		}
		if seq, ok := get(t, p, 10); !ok || seq.n != 1 {
			t.Fatal("a packet of no sequence")
		}
		if d, ok := get(t, p, 60); ok {
			fs := decode(t, d.b)
			id, _ := get(t, fs, 1)
			name, _ := get(t, fs, 2)
			parent, _ := get(t, fs, 5)
			tracks[id.n] = track{string(name.b), parent.n}
			continue
		}
		ts, ok1 := get(t, p, 8)
		f, ok2 := get(t, p, 11)
		if !ok1 || !ok2 {
			t.Fatalf("a packet without time or event: %v", p)
		}
		e := trackEvent{time: ts.n, args: map[string]string{}}
		for _, x := range decode(t, f.b) {
			switch x.num {
			case 9:
				e.typ = x.n
			case 11:
				e.track = x.n
			case 22:
				if string(x.b) != "schedreplay" {
					t.Errorf("category %q", x.b)
				}
			case 23:
				e.name = string(x.b)
			case 4:
				e.annotate(t, x.b)
			default:
				t.Errorf("field %d in a TrackEvent", x.num)
			}
		}
		events = append(events, e)
	}
	return tracks, events, ftrace
}

func (e *trackEvent) annotate(t *testing.T, b []byte) {
	name, value := "", ""
	for _, x := range decode(t, b) {
		switch x.num {
		case 10:
			name = string(x.b)
		case 2:
			value = fmt.Sprint(x.n == 1)
		case 4:
			value = fmt.Sprint(int64(x.n))
		case 6:
			value = string(x.b)
		case 12:
			s, _ := get(t, decode(t, x.b), 6)
			e.steps = append(e.steps, string(s.b))
		default:
			t.Errorf("field %d in a DebugAnnotation", x.num)
		}
	}
	e.args[name] = value
}

// The incident: ftrace events as many as recorded, ksmd on the original's
// track of CPU 43 and not on the patched one's, its entry explained.
func TestIncident(t *testing.T) {
	in, h := capturetest.Open(t, "../../testdata/traces/smt44-isolated43-original", "")
	var out bytes.Buffer
	w := NewWriter(&out, Options{Program: "schedreplay test", Checksum: "00"})
	want := 0
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Kind {
		case parser.KindSwitch, parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew, parser.KindMigrate,
			parser.KindFork, parser.KindExec, parser.KindExit, parser.KindComm, parser.KindStatRuntime:
			want++
		}
		w.Event(&ev)
	}
	res, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: w.Observer(), Explain: w.Explains})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tracks, events, got := read(t, out.Bytes())
	if got != want {
		t.Errorf("%d ftrace events, want %d", got, want)
	}
	path := func(id uint64) string {
		tr := tracks[id]
		if tr.parent == 0 {
			return tr.name
		}
		return tracks[tr.parent].name + "/" + tr.name
	}
	const o43, p43 = "original kernel 6.1.192-smt-span/isolated CPU 43", "patched kernel 6.1.192/isolated CPU 43"
	runs := map[string]int64{}
	open43 := map[string]*trackEvent{}
	var entry, other *trackEvent
	for i := range events {
		e := &events[i]
		p := path(e.track)
		if p == "" {
			t.Fatalf("an event on the unknown track %d", e.track)
		}
		switch e.typ {
		case 1:
			if open43[p] != nil {
				t.Fatalf("a slice on %s inside another", p)
			}
			open43[p] = e
		case 2:
			b := open43[p]
			if b == nil || e.time < b.time {
				t.Fatalf("a slice on %s ends without a beginning", p)
			}
			open43[p] = nil
			runs[p+"/"+b.name] += int64(e.time - b.time)
		case 3:
			if e.args["n"] == "15" && strings.HasPrefix(p, "original") {
				entry = e
			}
			if e.args["n"] == "15" && strings.HasPrefix(p, "patched") {
				other = e
			}
		}
	}
	stay := res.CPUs[0].Stays[0]
	if runs[o43+"/ksmd"] != stay.RunNS || runs[p43+"/ksmd"] != 0 || runs[p43+"/pmd-c"] != runs[o43+"/pmd-c"] || runs[o43+"/pmd-c"] == 0 {
		t.Errorf("runs: %v, want %d ns of ksmd", runs, stay.RunNS)
	}
	if entry == nil || other == nil {
		t.Fatal("the entry is not among the decisions")
	}
	if entry.name != "ksmd → CPU 43" || entry.args["path"] != "idle-smt" || entry.args["recorded_cpu"] != "43" || entry.args["moved"] != "certain" ||
		entry.args["certain"] == "" || entry.time != uint64(stay.Entry.Time) || other.name != "ksmd → CPU 42" || other.args["path"] == "idle-smt" {
		t.Errorf("entry %+v\nand %+v", entry, other)
	}
	if x := strings.Join(entry.steps, "\n"); len(entry.steps) != len(stay.Entry.Explanation.Original) || !strings.Contains(x, "select_idle_smt") {
		t.Errorf("explanation:\n%s", x)
	}
}

// Hostile names come out valid and harmless.
func TestHostileNames(t *testing.T) {
	names := append(slices.Clone(capturetest.Hostile), "\x00")
	var out bytes.Buffer
	w := NewWriter(&out, Options{})
	k := &rules.Kernel{Name: "6.1\x1b"}
	for _, n := range names {
		ev := parser.NewEvent(parser.KindSwitch, 5, 0)
		ev.Task.Comm, ev.Next.Comm = n, n
		w.Event(&ev)
	}
	obs := w.Observer()
	obs.Begin(&replay.Result{Original: k, Patched: k, Host: &parser.Host{}, Settled: replay.Settlement{Release: strings.Join(names, ""), Uncovered: errors.New(strings.Join(names, ""))}, Focus: []int{1}, Start: 1})
	for _, n := range names {
		task := replay.TaskRef{PID: 5, Comm: n}
		obs.Run(&replay.Slice{CPU: 1, Task: task, Class: replay.ClassForeign, Start: 5, End: 9, Stay: 1, Patched: replay.MovedPossible})
		steps := []replay.Step{{Step: place.Step{Func: n}, Occupant: replay.Occupant{Task: task, How: replay.OccupiesQueued}}}
		obs.Wakeup(&replay.Wakeup{
			N: 1, Time: 5, Task: task, Waker: task, Moved: replay.MovedCertain, Original: replay.Placed{CPU: 1, Possible: cpumask.Of(1)},
			Explanation: &replay.Explanation{Original: steps, Patched: steps},
		})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tracks, events, _ := read(t, out.Bytes())
	check := func(s string) {
		if !utf8.ValidString(s) || strings.ContainsAny(s, "\x1b\n\u202e\x00") || strings.Contains(s, `\ue00`) {
			t.Errorf("text %q", s)
		}
	}
	for _, tr := range tracks {
		check(tr.name)
	}
	for _, e := range events {
		check(e.name)
		for _, v := range e.args {
			check(v)
		}
		for _, s := range e.steps {
			check(s)
		}
	}
	if len(events) < 5*len(names) {
		t.Errorf("%d events", len(events))
	}
}
