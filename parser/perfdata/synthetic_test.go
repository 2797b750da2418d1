package perfdata

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// told prints the events of a capture without their places, which differ
// between files and streams.
func told(t *testing.T, b []byte, at bool) []string {
	t.Helper()
	src := eventtest.Source("synthetic", b)
	if !at {
		src.At, src.Size = nil, -1
	}
	c, err := New(src)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return eventtest.Told(t, c)
}

// wantStory is what writer.story tells, whatever it is wrapped in.
var wantStory = []string{
	`900 [-01] @0 comm 7 "early"`,
	`900 [001] @0 sched_switch "prev_comm=nine prev_pid=9 prev_prio=120 prev_state=R+ ==> next_comm=ten next_pid=10 next_prio=139" cur=9 "" task`,
	`1000 [000] @0 sched_switch "prev_comm=seven prev_pid=7 prev_prio=120 prev_state=S ==> next_comm=swapper/0 next_pid=0 next_prio=139" cur=7 "early" task`,
	`1500 [000] @0 sched_waking "comm=a b\nc pid=8 prio=120 target_cpu=001" cur=0 "swapper" hardirq`,
	`1540 [001] @0 sched_waking "comm=ten pid=10 prio=120 target_cpu=001" cur=0 "swapper" softirq`,
	`1550 [001] @0 lost start=1540 count=5`,
	`1550 [001] @0 sched_switch "prev_comm=ten prev_pid=10 prev_prio=120 prev_state=D ==> next_comm=swapper/1 next_pid=0 next_prio=139" cur=10 "" task`,
	`1600 [000] @0 sched_migrate_task "comm=a b\nc pid=8 prio=120 orig_cpu=1 dest_cpu=0" cur=0 "swapper" task`,
	`1650 [000] @0 comm 8 "eight" "exec"`,
	`1650 [-01] @0 lost start=900 count=4`,
}

// wanted sorts the unplaced loss where ties go: by CPU.
func wanted(lines []string) []string {
	w := append([]string(nil), lines...)
	n := len(w)
	w[n-1], w[n-2] = w[n-2], w[n-1]
	return w
}

func TestStory(t *testing.T) {
	for name, o := range eventtest.Orders {
		for _, wrap := range []struct {
			name  string
			build func() []byte
			at    bool
		}{
			{"file", func() []byte { w := newWriter(o); w.story(); return w.file() }, true},
			{"old attr", func() []byte { w := newWriter(o); w.attrSize = 64; w.story(); return w.file() }, true},
			{"new attr", func() []byte { w := newWriter(o); w.attrSize = 256; w.story(); return w.file() }, true},
			{"pipe", func() []byte { w := newWriter(o); w.story(); return w.pipe() }, true},
			{"pipe without random access", func() []byte { w := newWriter(o); w.story(); return w.pipe() }, false},
			{"compressed", func() []byte { w := newWriter(o); w.story(); w.compress(recCompressed, 100); return w.file() }, true},
			{"compressed2", func() []byte { w := newWriter(o); w.story(); w.compress(recCompressed2, 77); return w.file() }, true},
			{"compressed pipe", func() []byte { w := newWriter(o); w.story(); w.compress(recCompressed, 1000); return w.pipe() }, false},
			{"rich samples", func() []byte {
				w := newWriter(o)
				w.sampleType |= sampleAddr | sampleRead | sampleCallchain
				w.story()
				return w.file()
			}, true},
		} {
			t.Run(name+"/"+wrap.name, func(t *testing.T) {
				if d := cmp.Diff(wanted(wantStory), told(t, wrap.build(), wrap.at)); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
			})
		}
	}
}

// Without IDENTIFIER the id stands behind other fields, in trailers too.
func TestSampleID(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	w.sampleType = sampleTID | sampleTime | sampleID | sampleStreamID | sampleCPU | sampleRaw
	w.add(
		w.sample(idWaking, 1, 0, 700, w.Waking(0, 0, "x", 10, 1)),
		w.record(recComm, 0, w.Cat(8, 8, "eight\x00\x00\x00", 8, 8, uint64(800), uint64(idSwitch*10), uint64(0), 0, 0)),
	)
	want := []string{
		`700 [001] @0 sched_waking "comm=x pid=10 prio=120 target_cpu=001" cur=0 "swapper" task`,
		`800 [000] @0 comm 8 "eight"`,
	}
	if d := cmp.Diff(want, told(t, w.file(), true)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// fullFeatures sets every feature that is read.
func (w *writer) fullFeatures() {
	w.features[featHostname] = w.text("host")
	w.features[featOSRelease] = w.text("6.1.0-18-amd64")
	w.features[featVersion] = w.text("6.1.192")
	w.features[featArch] = w.text("x86_64")
	w.features[featNRCPUs] = w.Cat(5, 4)
	w.features[featCmdline] = w.list("/usr/bin/perf", "sched", "record", "-e", "x", "-C", "1-2", "--", "sleep", "-C")
	offline := ^uint32(0)
	w.features[featCPUTopology] = w.Cat(w.list("0-3"), w.list("0,2", "1,3"),
		0, 0, 1, 0, 0, 0, 1, 0, offline, offline,
		w.list("0-1", "2-3"), 0, 0, 1, 1, offline)
	w.features[featNUMA] = w.Cat(2, 1, uint64(2000), uint64(1000), w.text("2-3"), 0, uint64(2000), uint64(1000), w.text("0-1"))
	cache := func(level int, kind, cpus string) []byte {
		return w.Cat(level, 64, 64, 8, w.text(kind), w.text("32K"), w.text(cpus))
	}
	w.features[featCache] = w.Cat(1, 4, cache(1, "Data", "0,2"), cache(2, "Unified", "0-1"), cache(2, "Unified", "2-3"), cache(3, "Instruction", "0-3"))
	w.features[featClockData] = w.Cat(1, 1, uint64(1_700_000_000_000_000_000), uint64(5_000))
	w.features[featDomains] = w.Cat(17, 2,
		0, 2, 0, w.text("SMT"), w.text("5"), w.text("0,2"), 1, w.text("MC"), w.text("f"), w.text("0-3"),
		1, 0)
	w.flags |= flagUseClockID
	w.clockID = 1
}

const wantFeatures = `dialect perf.data (magic bytes), resolution 1 ns, wakings true, may reorder false
clock {Name:CLOCK_MONOTONIC PerCPU:false Relative:false WallOffset:1699999999999995000 HasWall:true}
recorded CPUs 1-2
hostname "host" (perf.data HEADER_HOSTNAME)
release "6.1.0-18-amd64" (perf.data HEADER_OSRELEASE)
arch "x86_64" (perf.data HEADER_ARCH)
online "0-3" (perf.data HEADER_CPU_TOPOLOGY)
cpu 0 known=true siblings=0,2 die=0-1 package=0-3 llc=L2:0-1 ids=0/0/0
cpu 1 known=true siblings=1,3 die=0-1 package=0-3 llc=L2:0-1 ids=1/0/0
cpu 2 known=true siblings=0,2 die=2-3 package=0-3 llc=L2:2-3 ids=0/1/0
cpu 3 known=true siblings=1,3 die=2-3 package=0-3 llc=L2:2-3 ids=1/1/0
node 0 cpus=0-1
node 1 cpus=2-3
domains of cpu 0: SMT=0,2 MC=0-3
domains of cpu 1:
note "recorded by perf 6.1.192: \"perf sched record -e x -C 1-2 -- sleep -C\""
note "the recorder lost 9 events: record again with larger buffers (perf record -m)"
`

func TestFeatures(t *testing.T) {
	for name, o := range eventtest.Orders {
		w := newWriter(o)
		w.fullFeatures()
		w.story()
		for mode, b := range map[string][]byte{"file": w.file(), "pipe": w.pipe()} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				c, err := New(eventtest.Source("x", b))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				var out strings.Builder
				eventtest.Dump(&out, c)
				got := out.String()
				got = got[:strings.Index(got, "900 [-01]")]
				if d := cmp.Diff(strings.Split(wantFeatures, "\n"), strings.Split(got, "\n")); d != "" {
					t.Errorf("-want +got:\n%s", d)
				}
			})
		}
	}
}

// Every prefix of a topology section that a writer of some age may have
// written is used as far as it goes; nothing shorter brings anything down.
func TestTopologyRevisions(t *testing.T) {
	full := newWriter(binary.LittleEndian)
	full.fullFeatures()
	section := full.features[featCPUTopology]
	for n := range len(section) + 1 {
		w := newWriter(binary.LittleEndian)
		w.fullFeatures()
		w.features[featCPUTopology] = section[:n]
		w.story()
		c, err := New(eventtest.Source("x", w.file()))
		if err != nil {
			t.Fatal(err)
		}
		if h := c.Meta().Host; n == 4+4+64+4+2*(4+64) { // no core numbers: before Linux 4.12
			if got := h.CPU[0]; got.Siblings.String() != "0,2" || got.CoreID != -1 {
				t.Errorf("%d bytes: %+v", n, got)
			}
			for _, note := range c.Meta().Notes {
				if strings.Contains(note, "CPU_TOPOLOGY") {
					t.Errorf("%d bytes: %s", n, note)
				}
			}
		}
		c.Close()
	}
}

func TestErrors(t *testing.T) {
	little := binary.LittleEndian
	story := func(change func(w *writer)) []byte {
		w := newWriter(little)
		w.story()
		change(w)
		return w.file()
	}
	patch := func(b []byte, at int, v uint64) []byte { little.PutUint64(b[at:], v); return b }
	plain := func() []byte { return story(func(*writer) {}) }
	for _, c := range []struct {
		name string
		in   []byte
		want error
		text string
	}{
		{"empty", nil, parser.ErrTruncated, "file header"},
		{"text", []byte("# tracer: nop\n#\n#\n#\n"), parser.ErrFormat, "it begins"},
		{"cut magic", []byte("PERF"), parser.ErrTruncated, "file header"},
		{"cut header", plain()[:60], parser.ErrTruncated, "file header"},
		{"version 1", append([]byte("PERFFILE"), make([]byte, 200)...), parser.ErrUnsupported, "version 1"},
		{"header size", patch(plain(), 8, 77), parser.ErrDamaged, "header of 77 bytes"},
		{"attr size", patch(plain(), 16, 1<<40), parser.ErrDamaged, "event types"},
		{"attr count", patch(plain(), 32, 1<<60), parser.ErrDamaged, "event types"},
		{"data place", patch(plain(), 40, 1<<63), parser.ErrDamaged, "data of"},
		{"no time", story(func(w *writer) { w.sampleType &^= sampleTime }), parser.ErrUnsupported, "no time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(eventtest.Source("in", c.in))
			var pe *parser.Error
			if !errors.As(err, &pe) || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
	src := eventtest.Source("in", plain())
	src.At = nil
	if _, err := New(src); !errors.Is(err, parser.ErrUnsupported) {
		t.Errorf("a file without random access: %v", err)
	}
}

// Damage between records costs what it covers and no more.
func TestResync(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	for i := range 10 {
		w.add(w.sample(idWaking, 0, 0, uint64(1000+i), w.Waking(0, 0, "x", 10, i)))
	}
	b := w.file()
	at := strings.Index(string(b), string(w.sample(idWaking, 0, 0, 1004, w.Waking(0, 0, "x", 10, 4))))
	copy(b[at:], make([]byte, 8)) // the header of the fifth
	got := told(t, b, true)
	// It has the time of the record before it and no CPU, so it comes first.
	if len(got) != 10 || got[3] != `1003 [-01] @0 damaged "96 bytes that are no records"` {
		t.Errorf("%d events: %q", len(got), got)
	}
}

// The same where the first record is damaged.
func TestResyncAtStart(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	w.add(make([]byte, 96))
	for i := range 6 {
		w.add(w.sample(idWaking, 0, 0, uint64(1000+i), w.Waking(0, 0, "x", 10, i)))
	}
	got := told(t, w.file(), true)
	if len(got) != 7 || got[0] != `1000 [-01] @0 damaged "96 bytes that are no records"` {
		t.Errorf("%d events: %q", len(got), got)
	}
}

// perf's own task records stand in for tracepoints that were not recorded.
func TestTaskRecords(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	w.add(
		w.record(recComm, 0, w.Cat(7, 7, "sh\x00\x00\x00\x00\x00\x00", make([]byte, 40))),
		w.record(recFork, 0, w.Cat(8, 7, 8, 7, uint64(50), w.trailer(idSwitch, 0, 7, 50))),
		w.sample(idSwitch, 0, 8, 60, w.Switch("sh", 8, 0x10, "x", 9)),
		w.record(recExit, 0, w.Cat(8, 7, 8, 7, uint64(70), w.trailer(idSwitch, 0, 8, 70))),
	)
	want := []string{
		`50 [-01] @0 comm 7 "sh"`,
		`50 [000] @0 sched_process_fork "comm=sh pid=7 child_comm=sh child_pid=8"`,
		`60 [000] @0 sched_switch "prev_comm=sh prev_pid=8 prev_prio=120 prev_state=? ==> next_comm=x next_pid=9 next_prio=139" cur=8 "sh" task`,
		`70 [000] @0 sched_process_exit "comm=sh pid=8 prio=-1000"`,
	}
	if d := cmp.Diff(want, told(t, w.file(), true)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// A record that contradicts its format is told where it stands.
func TestDamagedRecord(t *testing.T) {
	w := newWriter(binary.LittleEndian)
	short := w.Waking(0, 0, "x", 10, 1)[:20]
	outside := w.migrateRaw(0, "x", 1, 2, 3)
	outside[8] = 200
	w.add(
		w.sample(idWaking, 0, 0, 10, short),
		w.sample(idMigrate, 0, 0, 11, outside),
		w.sample(idWaking, 0, 0, 12, w.Switch("a", 1, 0, "b", 2)), // of another type than its id says
		w.sample(idWaking, 0, 0, 13, w.Waking(0, 0, "x", 10, 1)),
		w.sample(999, 0, 0, 14, w.Waking(0, 0, "x", 10, 1)), // an id nobody opened
		w.sample(idWaking, 0, 0, 1<<63, w.Waking(0, 0, "x", 10, 1)),
	)
	got := told(t, w.file(), true)
	kinds := make([]string, len(got))
	for i, l := range got {
		kinds[i] = strings.Fields(l)[3]
	}
	want := []string{"damaged", "damaged", "damaged", "sched_waking", "damaged", "damaged"}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Errorf("-want +got:\n%s\n%q", d, got)
	}
}
