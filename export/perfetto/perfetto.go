package perfetto

import (
	"bufio"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
	"schedreplay/replay"
)

// maxBundle bounds the ftrace events of one CPU that wait to be written.
const maxBundle = 512

// sequenceID names the one sequence of track events.
const sequenceID = 1

// Options say what a trace is told beside the capture.
type Options struct {
	// Program is "schedreplay 1.2.3".
	Program string
	// Checksum is the capture's, in hexadecimal.
	Checksum string
}

// Writer writes one trace: first the events of the capture by Event, then
// those of a replay through Observer.
type Writer struct {
	w   *bufio.Writer
	err error
	opt Options

	cpu []bundle
	// Skipped counts events that a trace has no place for: without a time, or one
	// before 0, or without a CPU.
	Skipped int64

	began  bool
	packet pb.Message
	// symbols numbers the kernel functions that events name, interned are those that the
	// next packet of events has to tell.
	symbols  map[string]uint64
	interned pb.Message
	cleared  bool
	// tracked are the isolated CPUs whose tracks are described.
	tracked map[int]bool
}

// bundle holds the events of one CPU that wait to be written.
type bundle struct {
	events pb.Message
	wakes  wakings
	n      int
	lost   bool
	// current is the task that the last switch brought in, if no event contradicts it.
	current int32
	alone   int64 // time of the last event in events
}

// NewWriter begins a trace.
func NewWriter(w io.Writer, o Options) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 1<<16), opt: o, tracked: map[int]bool{}}
}

// put writes one packet.
func (t *Writer) put(p pb.Message) {
	if t.err != nil {
		return
	}
	_, t.err = t.w.Write(pb.Message(nil).Sub(pb.TracePacket, p))
}

// Close ends the trace. It does not close the file.
func (t *Writer) Close() error {
	t.flushAll()
	if err := t.w.Flush(); t.err == nil {
		t.err = err
	}
	return t.err
}

// Event writes one event of the capture.
func (t *Writer) Event(ev *parser.Event) {
	switch ev.Kind {
	case parser.KindLost, parser.KindOverwritten:
		t.lost(ev)
		return
	}
	field, body := t.payload(ev)
	if body == nil {
		return
	}
	if ev.Time < 0 || ev.CPU < 0 {
		t.Skipped++
		return
	}
	b := t.bundle(ev.CPU)
	if ev.Kind == parser.KindWaking && b.takes(ev) {
		b.wakes.add(ev)
		b.n++
		if b.n >= maxBundle {
			t.flush(ev.CPU)
		}
		return
	}
	var e pb.Message
	e = e.Uint(pb.EventTimestamp, uint64(ev.Time))
	if ev.Cur.PID != parser.NoPID {
		e = e.Uint(pb.EventPID, uint64(uint32(ev.Cur.PID)))
	}
	e = e.Sub(field, body)
	if flags, ok := ev.Context.Flags(); ok {
		e = e.Uint(pb.EventFlags, flags)
	}
	b.events = b.events.Sub(pb.BundleEvent, e)
	b.alone = ev.Time
	switch {
	case ev.Kind == parser.KindSwitch:
		b.current = ev.Next.PID
	case ev.Cur.PID != b.current:
		b.current = parser.NoPID
	}
	if b.n++; b.n >= maxBundle {
		t.flush(ev.CPU)
	}
}

func (t *Writer) bundle(cpu int32) *bundle {
	for int(cpu) >= len(t.cpu) {
		t.cpu = append(t.cpu, bundle{current: parser.NoPID})
	}
	return &t.cpu[cpu]
}

// lost marks that events are missing before the next ones.
func (t *Writer) lost(ev *parser.Event) {
	if ev.CPU < 0 {
		for c := range t.cpu {
			t.flush(int32(c))
			t.cpu[c].lost, t.cpu[c].current = true, parser.NoPID
		}
		return
	}
	t.bundle(ev.CPU)
	t.flush(ev.CPU)
	t.cpu[ev.CPU].lost, t.cpu[ev.CPU].current = true, parser.NoPID
}

func (t *Writer) flush(cpu int32) {
	b := &t.cpu[cpu]
	if b.n == 0 {
		return
	}
	var m pb.Message
	m = m.Uint(pb.BundleCPU, uint64(cpu))
	m = b.wakes.write(m)
	m = append(m, b.events...)
	if b.lost {
		m = m.Bool(pb.BundleLostEvents, true)
	}
	t.put(t.named(pb.Message(nil).Sub(pb.PacketFtraceEvents, m)))
	b.events, b.wakes, b.n, b.lost = b.events[:0], wakings{}, 0, false
}

func (t *Writer) flushAll() {
	for c := range t.cpu {
		t.flush(int32(c))
	}
}

// payload encodes what is inside an event; nil for what Perfetto has no
// scheduler message for.
func (t *Writer) payload(ev *parser.Event) (field protowire.Number, m pb.Message) {
	m = pb.Message{}
	task := func(comm, pid, prio protowire.Number, k *parser.Task) {
		m = m.Text(comm, parser.DisplayComm(k.Comm))
		if k.PID != parser.NoPID {
			m = m.Int(pid, int64(k.PID))
		}
		if k.Prio != parser.NoPrio && prio != 0 {
			m = m.Int(prio, int64(k.Prio))
		}
	}
	cpu := func(field protowire.Number, c int32) {
		if c >= 0 {
			m = m.Int(field, int64(c))
		}
	}
	switch ev.Kind {
	case parser.KindSwitch:
		task(pb.SwitchPrevComm, pb.SwitchPrevPID, pb.SwitchPrevPrio, &ev.Task)
		if s, ok := stateBits(ev.State); ok {
			m = m.Int(pb.SwitchPrevState, s)
		}
		task(pb.SwitchNextComm, pb.SwitchNextPID, pb.SwitchNextPrio, &ev.Next)
		return pb.EventSchedSwitch, m
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		task(pb.WakeComm, pb.WakePID, pb.WakePrio, &ev.Task)
		m = m.Int(pb.WakeSuccess, 1)
		cpu(pb.WakeTargetCPU, ev.TargetCPU)
		switch ev.Kind {
		case parser.KindWaking:
			return pb.EventSchedWaking, m
		case parser.KindWakeup:
			return pb.EventSchedWakeup, m
		}
		return pb.EventSchedWakeupNew, m
	case parser.KindMigrate:
		task(pb.MigrateComm, pb.MigratePID, pb.MigratePrio, &ev.Task)
		cpu(pb.MigrateOrigCPU, ev.OrigCPU)
		cpu(pb.MigrateDestCPU, ev.TargetCPU)
		return pb.EventSchedMigrate, m
	case parser.KindFork:
		task(pb.ForkParentComm, pb.ForkParentPID, 0, &ev.Task)
		task(pb.ForkChildComm, pb.ForkChildPID, 0, &ev.Next)
		return pb.EventSchedFork, m
	case parser.KindExec:
		m = m.Text(pb.ExecFilename, printable(ev.Text)).Int(pb.ExecPID, int64(ev.Task.PID))
		if ev.OldPID != parser.NoPID {
			m = m.Int(pb.ExecOldPID, int64(ev.OldPID))
		}
		return pb.EventSchedExec, m
	case parser.KindExit:
		task(pb.ExitComm, pb.ExitPID, pb.ExitPrio, &ev.Task)
		return pb.EventSchedExit, m
	case parser.KindComm:
		task(pb.RenameNewComm, pb.RenamePID, 0, &ev.Task)
		return pb.EventTaskRename, m
	case parser.KindStatRuntime:
		if ev.Task.PID == parser.NoPID || ev.Runtime == parser.NoTime {
			return 0, nil
		}
		return pb.EventGeneric, statRuntime(ev)
	case parser.KindOther:
		return t.aside(ev)
	}
	return 0, nil
}

// statRuntime encodes sched_stat_runtime, for which Perfetto has no message of its own.
func statRuntime(ev *parser.Event) pb.Message {
	g := generic(pb.StatRuntimeEvent)
	g.text("comm", ev.Task.Comm)
	g.number("pid", int64(ev.Task.PID))
	g.field("runtime", func(f pb.Message) pb.Message { return f.Uint(pb.GenericUint, uint64(ev.Runtime)) })
	return g.Message
}

// stateBits is prev_state in the numbers of kernels from 4.14 on, false if it
// is unknown.
func stateBits(s parser.State) (int64, bool) {
	switch {
	case !s.Known() || s&parser.StateOff != 0 && s&0xff == 0:
		return 0, false
	case s&parser.StatePreempted != 0:
		return int64(parser.StatePreempted), true
	}
	return int64(s & 0xff), true
}

// The uuids of tracks: a group for each kernel, below it its decisions and the
// isolated CPUs.
func groupUUID(world int) uint64 { return uint64(world+1) << 32 }

func decisionsUUID(world int) uint64 { return groupUUID(world) | 1 }

func cpuUUID(world, cpu int) uint64 { return groupUUID(world) | uint64(cpu+2) }

const (
	original = 0
	patched  = 1
)

// Observer returns the functions that a replay is to call. They write the
// tracks of both kernels.
func (t *Writer) Observer() replay.Observer {
	return replay.Observer{Begin: t.begin, Wakeup: t.wakeup, Run: t.run}
}

// Explains chooses the wakeups that the trace explains, for
// [replay.Plan.Explain].
func (t *Writer) Explains(w *replay.Wakeup) bool { return told(w) }

// told reports whether a decision is shown: it chose an isolated CPU, would
// have, or is another one under the patched kernel.
func told(w *replay.Wakeup) bool {
	return w.Isolated && w.IsolatedKnown || w.Moved != replay.MovedNo || w.DivergedSince > 0
}

// begin describes the machine and the tracks.
func (t *Writer) begin(res *replay.Result) {
	if t.began {
		return
	}
	t.began = true
	t.flushAll()
	t.systemInfo(res)
	kernels := [2]string{res.Original.Name, res.Patched.Name}
	for world, role := range [2]string{"original", "patched"} {
		t.track(groupUUID(world), 0, role+" kernel "+parser.DisplayComm(kernels[world]), int64(world))
		t.track(decisionsUUID(world), groupUUID(world), "decisions", 0)
	}
	if res.Start == parser.NoTime || res.Start < 0 {
		return
	}
	e := t.trackEvent(pb.TypeInstant, decisionsUUID(original), "about this trace")
	e = annotateText(e, "program", t.opt.Program)
	e = annotateText(e, "capture_sha256", t.opt.Checksum)
	for i, h := range say.Headline(res) {
		e = annotateText(e, fmt.Sprintf("remark_%d", i+1), say.Plain(h))
	}
	t.event(res.Start, e)
}

func (t *Writer) systemInfo(res *replay.Result) {
	var u pb.Message
	u = u.Text(pb.UtsnameSysname, "Linux")
	known := false
	for _, f := range []struct {
		field protowire.Number
		value string
	}{
		{pb.UtsnameVersion, res.Host.Version.Value}, {pb.UtsnameRelease, res.Host.Release.Value}, {pb.UtsnameMachine, res.Host.Arch.Value},
	} {
		if f.value != "" {
			known = true
			u = u.Text(f.field, printable(f.value))
		}
	}
	if known {
		t.put(pb.Message(nil).Sub(pb.PacketSystemInfo, pb.Message(nil).Sub(pb.SystemUtsname, u)))
	}
}

// printable makes any text fit to be shown, without DisplayComm's bound.
func printable(s string) string {
	const piece = 60
	out := ""
	for r := []rune(s); len(r) > 0; {
		n := min(piece, len(r))
		out += parser.DisplayComm(string(r[:n]))
		r = r[n:]
	}
	return out
}

// track describes one track.
func (t *Writer) track(uuid, parent uint64, name string, rank int64) {
	var d pb.Message
	d = d.Uint(pb.TrackUUID, uuid)
	d = d.Text(pb.TrackName, name)
	if parent != 0 {
		d = d.Uint(pb.TrackParentUUID, parent)
	} else {
		d = d.Uint(pb.TrackChildOrdering, pb.ChildOrderingExplicit)
	}
	d = d.Int(pb.TrackSiblingRank, rank)
	p := t.first()
	p = p.Uint(pb.PacketSequenceFlags, pb.SequenceStateCleared)
	t.put(p.Sub(pb.PacketTrackDescriptor, d))
}

// first begins a packet of the sequence.
func (t *Writer) first() pb.Message {
	p := t.packet[:0]
	p = p.Uint(pb.PacketSequenceID, sequenceID)
	t.packet = p
	return p
}

// trackEvent begins a TrackEvent.
func (t *Writer) trackEvent(typ uint64, track uint64, name string) pb.Message {
	var e pb.Message
	e = e.Uint(pb.TrackEventType, typ)
	e = e.Uint(pb.TrackEventTrackUUID, track)
	if typ != pb.TypeSliceEnd {
		e = e.Text(pb.TrackEventCategories, "schedreplay")
		e = e.Text(pb.TrackEventName, name)
	}
	return e
}

// event writes a TrackEvent at a time.
func (t *Writer) event(ns int64, e pb.Message) {
	p := t.first()
	p = p.Uint(pb.PacketTimestamp, uint64(ns))
	t.put(p.Sub(pb.PacketTrackEvent, e))
}

func annotation(name string) pb.Message { return pb.Message(nil).Text(pb.AnnotationName, name) }

func annotateText(e pb.Message, name, s string) pb.Message {
	if s == "" {
		return e
	}
	return e.Sub(pb.TrackEventAnnotation, annotation(name).Text(pb.AnnotationString, s))
}

func annotateInt(e pb.Message, name string, n int64, known bool) pb.Message {
	if !known {
		return e
	}
	return e.Sub(pb.TrackEventAnnotation, annotation(name).Int(pb.AnnotationInt, n))
}

func annotateBool(e pb.Message, name string, v, known bool) pb.Message {
	if !known {
		return e
	}
	return e.Sub(pb.TrackEventAnnotation, annotation(name).Bool(pb.AnnotationBool, v))
}

// run writes a slice on an isolated CPU: in the original's world as recorded,
// in the patched one's where the task remains.
func (t *Writer) run(r *replay.Slice) {
	if r.Task.PID == 0 || r.Class == replay.ClassIdle || r.End < r.Start {
		return
	}
	if r.Start < 0 {
		t.Skipped++
		return
	}
	if !t.tracked[r.CPU] {
		t.tracked[r.CPU] = true
		for world := range 2 {
			t.track(cpuUUID(world, r.CPU), groupUUID(world), fmt.Sprintf("isolated CPU %d", r.CPU), int64(r.CPU+1))
		}
	}
	for world := range 2 {
		name := taskName(r.Task)
		if world == patched && leaves(r) {
			if r.Patched != replay.MovedPossible {
				continue
			}
			name += " (perhaps)"
		}
		e := t.trackEvent(pb.TypeSliceBegin, cpuUUID(world, r.CPU), name)
		e = annotateText(e, "class", r.Class.String())
		e = annotateInt(e, "pid", int64(r.Task.PID), r.Task.PID != parser.NoPID)
		e = annotateInt(e, "prio", int64(r.Task.Prio), r.Task.Prio != parser.NoPrio)
		e = annotateInt(e, "stay", int64(r.Stay)+1, r.Stay >= 0)
		if world == original {
			e = annotateInt(e, "sch_delay_ns", r.Delay, r.Delay != parser.NoTime)
			e = annotateInt(e, "off_cpu_gap_ns", r.Gap, r.Gap != parser.NoTime)
			e = annotateBool(e, "delayed_by_intruder", r.Intruded, r.Class == replay.ClassOwner)
		}
		e = annotateBool(e, "cut_at_start", true, r.CutStart)
		e = annotateBool(e, "cut_at_end", true, r.CutEnd)
		e = annotateText(e, "remains_under_patched", remains(r))
		t.event(r.Start, e)
		t.event(r.End, t.trackEvent(pb.TypeSliceEnd, cpuUUID(world, r.CPU), ""))
	}
}

// leaves reports whether a run may be gone in the patched world.
func leaves(r *replay.Slice) bool { return r.Stay >= 0 && r.Patched != replay.MovedCertain }

func remains(r *replay.Slice) string {
	if r.Stay < 0 {
		return ""
	}
	return string(r.Patched)
}

func taskName(k replay.TaskRef) string {
	if k.Comm == "" {
		return fmt.Sprintf("pid %d", k.PID)
	}
	return parser.DisplayComm(k.Comm)
}

// wakeup writes a decision of both kernels.
func (t *Writer) wakeup(w *replay.Wakeup) {
	if !told(w) {
		return
	}
	if w.Time < 0 {
		t.Skipped++
		return
	}
	for world, p := range [2]*replay.Placed{&w.Original, &w.Patched} {
		where := "CPU ?"
		if p.CPU >= 0 {
			where = fmt.Sprintf("CPU %d", p.CPU)
		}
		e := t.trackEvent(pb.TypeInstant, decisionsUUID(world), taskName(w.Task)+" → "+where)
		e = annotateInt(e, "n", w.N, true)
		e = annotateInt(e, "pid", int64(w.Task.PID), w.Task.PID != parser.NoPID)
		e = annotateInt(e, "prio", int64(w.Task.Prio), w.Task.Prio != parser.NoPrio)
		if w.Waker.PID != parser.NoPID {
			e = annotateText(e, "waker", taskName(w.Waker))
			e = annotateInt(e, "waker_pid", int64(w.Waker.PID), true)
		}
		e = annotateText(e, "waker_context", string(w.WakerContext))
		e = annotateInt(e, "waker_cpu", int64(w.WakerCPU), w.WakerCPU >= 0)
		e = annotateInt(e, "prev_cpu", int64(p.Prev), p.Prev >= 0)
		e = annotateInt(e, "recorded_cpu", int64(w.RecordedCPU), w.RecordedCPU >= 0)
		e = annotateInt(e, "cpu", int64(p.CPU), p.CPU >= 0)
		possible := "any"
		if p.Bounded {
			possible = p.May().String()
		}
		e = annotateText(e, "possible", possible)
		e = annotateText(e, "path", string(p.Path))
		e = annotateText(e, "reason", string(p.Reason))
		e = annotateBool(e, "certain", p.Certain(), true)
		e = annotateText(e, "leans_on", p.From.String())
		e = annotateText(e, "moved", string(w.Moved))
		e = annotateInt(e, "diverged_since", w.DivergedSince, w.DivergedSince > 0)
		if x := w.Explanation; x != nil {
			steps := x.Original
			if world == patched {
				steps = x.Patched
			}
			e = annotateSteps(e, steps, w.Time)
		}
		t.event(w.Time, e)
	}
}

// annotateSteps tells a decision test by test, as an array.
func annotateSteps(e pb.Message, steps []replay.Step, at int64) pb.Message {
	if len(steps) == 0 {
		return e
	}
	a := annotation("explanation")
	for _, s := range steps {
		text := fmt.Sprintf("%s: %s? %s", s.Func, say.Test(&s), say.Answer(&s))
		if who := say.Occupant(&s.Occupant, at); who != "" {
			text += ", " + say.Plain(who)
		}
		if s.Fact.Open {
			text += " (not certain)"
		}
		a = a.Sub(pb.AnnotationArrayValues, pb.Message(nil).Text(pb.AnnotationString, printable(text)))
	}
	return e.Sub(pb.TrackEventAnnotation, a)
}
