package perfetto

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/capturetest"
	"schedreplay/internal/eventtest"
	"schedreplay/internal/traceprocessor"
	"schedreplay/parser"
	"schedreplay/parser/open"
	"schedreplay/parser/perfetto"
	"schedreplay/replay"
)

const (
	incident = "../../testdata/traces/k419-smt44-isolated43-original/perf/perf.data.zst"
	bundled  = "../../testdata/traces/k419-smt44-isolated43-original/host.tar.gz"
)

// exported is the trace that convert makes of a capture, and what the replay told.
func exported(t *testing.T, capture, bundle string) ([]byte, []string, *parser.Host) {
	t.Helper()
	in, h := capturetest.Open(t, capture, bundle)
	var out bytes.Buffer
	w := NewWriter(&out, Options{Program: "schedreplay test", Checksum: "00"})
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		w.Event(&ev)
	}
	o := w.Observer()
	var told []string
	observe(&o, &told)
	if _, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: o, Explain: w.Explains}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), told, h
}

// observe notes what makes intrusions: decisions and runs on isolated CPUs.
func observe(o *replay.Observer, told *[]string) {
	wakeup, run := o.Wakeup, o.Run
	o.Wakeup = func(w *replay.Wakeup) {
		*told = append(*told, fmt.Sprintf("%d %d %v waker %v %s on %d: %d prev %d original %d %v patched %d %v moved %v",
			w.N, w.Time, w.Task, w.Waker, w.WakerContext, w.WakerCPU, w.RecordedCPU, w.Original.Prev, w.Original.CPU, w.Original.Path, w.Patched.CPU, w.Patched.Path, w.Moved))
		if wakeup != nil {
			wakeup(w)
		}
	}
	o.Run = func(r *replay.Slice) {
		*told = append(*told, fmt.Sprintf("run %+v", *r))
		if run != nil {
			run(r)
		}
	}
}

// What is written is read again: the same wakeups by the same wakers in the same
// contexts, the same runs and stays. Of a recording by trace-cmd: perf enables one CPU after
// another, so of perf.data more is known to be unknown than Perfetto can tell.
func TestReadBack(t *testing.T) {
	const dir = "../../testdata/traces/smt8-isolated3-original-tracecmd/"
	trace, want, h := exported(t, dir+"trace.dat.zst", dir+"host.tar.gz")
	c, err := perfetto.New(eventtest.Source("trace", trace))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if m := c.Meta(); m.Host.Release.Value != h.Release.Value || m.Host.Version.Value != h.Version.Value {
		t.Errorf("host %+v", m.Host)
	}
	var o replay.Observer
	var got []string
	observe(&o, &got)
	if _, err := replay.Run(context.Background(), c, h, replay.Plan{Observer: o}); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || len(got) < 1000 {
		t.Errorf("%d wakeups and runs, %d before", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s\nbefore: %s", got[i], want[i])
		}
	}
}

// Perfetto's own trace processor opens what is written: its slices on their tracks, with
// their arguments, and the recorded events with their contexts.
func TestTraceProcessor(t *testing.T) {
	trace, _, _ := exported(t, incident, bundled)
	rows := traceprocessor.Query(t, trace,
		`select name, value from stats where value > 0 and severity in ('error', 'data_loss')`,
		`select p.name || '/' || t.name as track, count(*) as n, sum(s.dur) as dur from slice s join track t on s.track_id = t.id
			join track p on t.parent_id = p.id group by 1 order by 1`,
		`select a.key, a.display_value as value from slice s join args a using (arg_set_id) where s.name = 'ksmd → CPU 43' and s.id =
			(select min(id) from slice where name = 'ksmd → CPU 43') order by a.key`,
		`select name, common_flags, count(*) as n from ftrace_event group by 1, 2 order by 1, 2`)
	if len(rows[0]) > 0 {
		t.Errorf("the trace processor finds fault: %v", rows[0])
	}
	_, events, _ := read(t, trace)
	written, on43 := map[string]int{}, int64(0)
	tracks, _, _ := read(t, trace)
	open := map[uint64]int64{}
	for _, e := range events {
		if e.typ == 2 {
			if tracks[e.track].name == "isolated CPU 43" && tracks[tracks[e.track].parent].name[0] == 'o' {
				on43 += int64(e.time) - open[e.track]
			}
			continue
		}
		open[e.track] = int64(e.time)
		written[tracks[tracks[e.track].parent].name+"/"+tracks[e.track].name]++
	}
	if len(rows[1]) != len(written) || len(rows[1]) < 4 {
		t.Errorf("tracks %v, written %v", rows[1], written)
	}
	for _, r := range rows[1] {
		if n, _ := strconv.Atoi(r["n"]); n != written[r["track"]] {
			t.Errorf("%s slices on %s, %d written", r["n"], r["track"], written[r["track"]])
		}
		if track := r["track"]; track[0] == 'o' && bytes.HasSuffix([]byte(track), []byte("isolated CPU 43")) && r["dur"] != fmt.Sprint(on43) {
			t.Errorf("%s: %s ns, %d written", track, r["dur"], on43)
		}
	}
	args := map[string]string{}
	for _, r := range rows[2] {
		args[r["key"]] = r["value"]
	}
	if args["debug.path"] != "idle-smt" || args["debug.waker_context"] == "" || args["debug.cpu"] != "43" {
		t.Errorf("arguments %v", args)
	}
	// The contexts, as recorded, but where the kernel left out the switch that tells the
	// columns who was current.
	in, _ := capturetest.Open(t, incident, bundled)
	recorded := map[string]int{}
	for ev := range in.Events() {
		if flags, ok := ev.Context.Flags(); ok && ev.Kind == parser.KindWaking {
			recorded[fmt.Sprint(flags)]++
		}
	}
	got := 0
	for _, r := range rows[3] {
		if flags := r["common_flags"]; r["name"] == "sched_waking" && flags != "0" {
			got++
			if n, _ := strconv.Atoi(r["n"]); n > recorded[flags] || n < recorded[flags]*95/100 {
				t.Errorf("%d wakings with the flags %s, recorded %d", n, flags, recorded[flags])
			}
		}
	}
	if got != 2 {
		t.Errorf("flags %v", rows[3])
	}
}

// noise is a recording with interrupts, softirqs, timers and work items.
const noise = "../../replay/testdata/noise-6.18.txt.gz"

// What a CPU does beside its tasks is read again as it was, and Perfetto's own trace processor
// has slices of it.
func TestAsides(t *testing.T) {
	in, err := open.File(t.Context(), noise, open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w := NewWriter(&out, Options{})
	var want, got []string
	entries := map[string]int{}
	told := func(ev *parser.Event) string {
		return fmt.Sprintf("%d [%d] %s %q %d %d %s", ev.Time, ev.CPU, ev.Name(), ev.Text, ev.Count, ev.TargetCPU, ev.Context)
	}
	made := parser.NewEvent(parser.KindOther, 6e12, 1) // of an address, and of a device
	made.Aside, made.Text = parser.TimerEntry, "0xffffffff81234560"
	device := parser.NewEvent(parser.KindOther, 6e12+1, 1)
	device.Aside, device.Text, device.Count = parser.IRQEntry, "eth0", 41
	made.Cur.PID, device.Cur.PID = 7, 7 // the trace processor leaves out events of no task
	add := func(ev *parser.Event) {
		if w.Event(ev); ev.Aside != parser.NoAside {
			want = append(want, told(ev))
			entries[ev.Name()]++
		}
	}
	for ev, err := range in.Events() {
		if err != nil {
			t.Fatal(err)
		}
		add(&ev)
	}
	add(&made)
	add(&device)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := perfetto.New(eventtest.Source("trace", out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for ev, err := range c.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == parser.KindOther {
			got = append(got, told(&ev))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" || len(want) < 500 {
		t.Fatalf("%d events: %.2000s", len(want), d)
	}
	rows := traceprocessor.Query(t, out.Bytes(),
		`select name, value from stats where value > 0 and severity in ('error', 'data_loss')`,
		`select e.name, count(*) as n from ftrace_event e group by 1`,
		`select a.display_value as value, count(*) as n from ftrace_event e join args a using (arg_set_id) where e.name = 'hrtimer_expire_entry' and a.key = 'function' group by 1`,
		`select count(*) as n from slice where name = 'IRQ (LocalTimer)'`)
	if len(rows[0]) > 0 {
		t.Errorf("the trace processor finds fault: %v", rows[0])
	}
	seen := map[string]int{}
	for _, r := range rows[1] {
		seen[r["name"]], _ = strconv.Atoi(r["n"])
	}
	for name, n := range entries {
		if seen[name] != n {
			t.Errorf("%d %s, the trace processor has %d", n, name, seen[name])
		}
	}
	functions := map[string]bool{}
	for _, r := range rows[2] {
		functions[r["value"]] = true
	}
	if !functions["tick_nohz_handler"] || !functions["hrtimer_wakeup"] {
		t.Errorf("functions %v", rows[2])
	}
	if n, _ := strconv.Atoi(rows[3][0]["n"]); n < entries["local_timer_entry"]*95/100 {
		t.Errorf("%d slices of %d interrupts of the timer", n, entries["local_timer_entry"])
	}
}
