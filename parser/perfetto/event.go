package perfetto

import (
	"cmp"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// described is an event that Perfetto does not know, as a trace describes it.
type described struct {
	text   string                      // "group:name"
	fields map[protowire.Number]string // of sched_stat_runtime, and of what tells an aside
}

const maxDescribed = 4096

// describeEvent reads a GenericEventDescriptor.
func (c *capture) describeEvent(b []byte) {
	id, group := pb.Uint(b, pb.DescriptorField), string(pb.Bytes(b, pb.DescriptorGroup))
	message := pb.Bytes(b, pb.DescriptorProto)
	name, fields := string(pb.Bytes(message, pb.MessageName)), map[protowire.Number]string{}
	for m := pb.Read(message); m.Next(); {
		if num := pb.Uint(m.Bytes, pb.FieldNumber); m.Num == pb.MessageField && len(fields) < 64 && num < 1<<20 {
			fields[protowire.Number(num)] = string(pb.Bytes(m.Bytes, pb.FieldName))
		}
	}
	if id < pb.EventFirstDescribed || len(group)+len(name) > 256 || len(c.described) >= maxDescribed {
		return
	}
	d := &described{text: group + ":" + name}
	if aside, _ := parser.AsideOf([]byte(d.text)); aside != parser.NoAside || group == pb.GroupSched && name == pb.StatRuntimeEvent {
		d.fields = fields
	}
	c.described[id] = d
}

// names are what replay or a reader may want to know of events that are not the
// scheduler's and tell no aside.
var names = map[protowire.Number]string{
	3: "ftrace:print", 11: "power:cpu_frequency", 18: "sched:sched_blocked_reason", 23: "ipi:ipi_raise",
	56: "workqueue:workqueue_activate_work", 59: "workqueue:workqueue_queue_work", 235: "task:task_newtask",
	240: "sched:sched_process_free", 242: "sched:sched_process_wait", 353: "sched:sched_pi_setprio",
	551: "timer:hrtimer_start", 552: "timer:hrtimer_cancel", 555: "timer:timer_start", 556: "timer:timer_cancel",
}

// maxSymbols bounds the kernel symbols that are kept of a trace.
const maxSymbols = 1 << 16

// symbolKey is the number by which packets of a sequence refer to a kernel symbol.
type symbolKey struct{ sequence, iid uint64 }

// intern reads the kernel symbols of InternedData. A number is one symbol's in all of a
// sequence; one that is told twice is nobody's.
func (c *capture) intern(sequence uint64, b []byte) {
	for r := pb.Read(b); r.Next(); {
		if r.Num != pb.InternedKernelSymbols {
			continue
		}
		k, text := symbolKey{sequence, pb.Uint(r.Bytes, pb.InternedIID)}, pb.Bytes(r.Bytes, pb.InternedText)
		name := string(text[:min(len(text), parser.MaxAsideName)])
		switch old, told := c.symbols[k]; {
		case told && old != name:
			c.symbols[k] = ""
		case !told && k.iid != 0 && len(c.symbols) < maxSymbols:
			c.symbols[k] = name
		}
	}
}

// symbolize replaces the number of a kernel function by its name. Perfetto numbers the
// functions that it meets, so that no trace tells where the kernel lies (cpu_reader.cc,
// ReadSymbolAddr); without the names, as it leaves them out unless asked for, a number says
// nothing. Traces of before tell addresses.
func (c *capture) symbolize(sequence uint64, v *parser.Value) {
	if n := uint64(v.N); v.Text == nil && n < pb.LowestAddress {
		v.N = 0
		if name := c.symbols[symbolKey{sequence, n}]; name != "" {
			v.Text = []byte(name)
		}
	}
}

// aside decodes what an event tells beside the tasks of its CPU; false if nothing of use.
func (s *stream) aside(name string, fields map[protowire.Number]string, b []byte, ev *parser.Event) bool {
	if aside, _ := parser.AsideOf([]byte(name)); aside == parser.NoAside {
		return false
	}
	values := map[string]parser.Value{}
	r := pb.Read(b)
	for r.Next() {
		if f := fields[r.Num]; f != "" {
			v := parser.Value{N: int64(r.Uint), Text: r.Bytes}
			if f == "function" {
				s.p.c.symbolize(s.sequence, &v)
			}
			values[f] = v
		}
	}
	return r.Err() == nil && ev.SetAsideOf([]byte(name), &s.p.names, values)
}

// task is what a message of an event says of a task.
type task struct {
	comm      []byte
	pid, prio int32
}

func unknown() task { return task{pid: parser.NoPID, prio: parser.NoPrio} }

var errEvent = errors.New("an event with a field that has no end")

// stamp reads the time of an event, false if it has none.
func stamp(b []byte) (t uint64, ok bool) {
	r := pb.Read(b)
	for r.Next() {
		if r.Num == pb.EventTimestamp {
			return r.Uint, true
		}
	}
	return 0, false
}

// decode fills ev, whose time and CPU are set, from a FtraceEvent.
func (s *stream) decode(b []byte, ev *parser.Event) error {
	p := s.p
	var num protowire.Number
	var body []byte
	r := pb.Read(b)
	for r.Next() {
		switch {
		case r.Num == pb.EventPID && r.Bytes == nil:
			ev.Cur.PID = int32(r.Uint)
		case r.Num == pb.EventFlags && r.Bytes == nil:
			ev.Context = parser.FlagsContext(r.Uint)
		case r.Bytes != nil && num == 0:
			num, body = r.Num, r.Bytes
		}
	}
	if r.Err() != nil {
		return errEvent
	}
	if ev.Cur.PID < parser.NoPID {
		return fmt.Errorf("an event of pid %d", ev.Cur.PID)
	}
	ev.Cur.Comm = p.comm.Get(ev.Cur.PID)
	var err error
	switch num {
	case pb.EventSchedSwitch, pb.EventSchedWaking, pb.EventSchedWakeup, pb.EventSchedWakeupNew,
		pb.EventSchedMigrate, pb.EventSchedFork, pb.EventSchedExec, pb.EventSchedExit, pb.EventTaskRename:
		err = p.scheduler(num, body, ev)
	case pb.EventGeneric:
		err = p.generic(body, ev)
	default:
		d, known := p.c.described[uint64(num)], pb.Asides[num]
		switch {
		case s.aside(known.Name, known.Fields, body, ev):
			return nil
		case d != nil && s.aside(d.text, d.fields, body, ev):
			return nil
		}
		ev.Text = cmp.Or(names[num], known.Name)
		if d != nil {
			ev.Text = d.text
			if d.text == pb.GroupSched+":"+pb.StatRuntimeEvent {
				err = p.statRuntime(d, body, ev)
			}
		} else if ev.Text == "" {
			ev.Text = fmt.Sprintf("ftrace event %d", num)
		}
	}
	return err
}

// message is what the message of an event of the scheduler says, by the numbers of its fields.
type message struct {
	err  error
	set  [8]bool
	n    [8]uint64
	text [8][]byte
}

// absent is the number of no field.
const absent protowire.Number = 0

func readMessage(b []byte) (m message) {
	r := pb.Read(b)
	for r.Next() {
		if r.Num < 8 {
			m.set[r.Num], m.n[r.Num], m.text[r.Num] = true, r.Uint, r.Bytes
		}
	}
	m.err = r.Err()
	return m
}

func (m *message) number(field protowire.Number, unknown int32) int32 {
	if !m.set[field] {
		return unknown
	}
	return int32(m.n[field])
}

func (m *message) task(comm, pid, prio protowire.Number) task {
	return task{m.text[comm], m.number(pid, parser.NoPID), m.number(prio, parser.NoPrio)}
}

// scheduler reads the message of an event of the scheduler.
func (p *pass) scheduler(num protowire.Number, b []byte, ev *parser.Event) error {
	m := readMessage(b)
	switch num {
	case pb.EventSchedSwitch:
		ev.Kind = parser.KindSwitch
		if m.set[pb.SwitchPrevState] {
			ev.State = p.state(int64(m.n[pb.SwitchPrevState]))
		}
		if err := p.task(m.err, m.task(pb.SwitchPrevComm, pb.SwitchPrevPID, pb.SwitchPrevPrio), &ev.Task); err != nil {
			return err
		}
		return p.task(nil, m.task(pb.SwitchNextComm, pb.SwitchNextPID, pb.SwitchNextPrio), &ev.Next)
	case pb.EventSchedWaking:
		return p.wake(parser.KindWaking, &m, ev)
	case pb.EventSchedWakeup:
		return p.wake(parser.KindWakeup, &m, ev)
	case pb.EventSchedWakeupNew:
		return p.wake(parser.KindWakeupNew, &m, ev)
	case pb.EventSchedMigrate:
		ev.Kind = parser.KindMigrate
		if err := cpus(ev, m.number(pb.MigrateOrigCPU, parser.NoCPU), m.number(pb.MigrateDestCPU, parser.NoCPU)); err != nil {
			return err
		}
		return p.task(m.err, m.task(pb.MigrateComm, pb.MigratePID, pb.MigratePrio), &ev.Task)
	case pb.EventSchedFork:
		ev.Kind = parser.KindFork
		if err := p.task(m.err, m.task(pb.ForkParentComm, pb.ForkParentPID, absent), &ev.Task); err != nil {
			return err
		}
		return p.task(nil, m.task(pb.ForkChildComm, pb.ForkChildPID, absent), &ev.Next)
	case pb.EventSchedExec:
		ev.Kind, ev.Text, ev.OldPID = parser.KindExec, string(m.text[pb.ExecFilename]), max(m.number(pb.ExecOldPID, parser.NoPID), parser.NoPID)
		return p.task(m.err, m.task(absent, pb.ExecPID, absent), &ev.Task)
	case pb.EventSchedExit:
		ev.Kind = parser.KindExit
		return p.task(m.err, m.task(pb.ExitComm, pb.ExitPID, pb.ExitPrio), &ev.Task)
	}
	ev.Kind = parser.KindComm
	return p.task(m.err, task{m.text[pb.RenameNewComm], m.number(pb.RenamePID, ev.Cur.PID), parser.NoPrio}, &ev.Task)
}

// task fills a task of an event, whose fields ended with an error or nil.
func (p *pass) task(err error, k task, to *parser.Task) error {
	if err != nil {
		return errEvent
	}
	if k.pid < parser.NoPID || k.prio < parser.NoPrio {
		return fmt.Errorf("an event about pid %d with the priority %d", k.pid, k.prio)
	}
	*to = parser.Task{PID: k.pid, Prio: k.prio, Comm: p.names.Intern(k.comm)}
	return nil
}

// state translates prev_state as kernels from 4.14 on number it.
func (p *pass) state(v int64) parser.State {
	const reported = 0xff
	switch {
	case v == 0:
		return parser.StateRunning
	case p.c.old || v&^(reported|int64(parser.StatePreempted)) != 0:
		return 0
	case v&reported == 0:
		return parser.StateRunning | parser.StatePreempted
	}
	return parser.State(v)
}

// wake fills ev from the messages of sched_waking, sched_wakeup and sched_wakeup_new, which
// are alike.
func (p *pass) wake(kind parser.Kind, m *message, ev *parser.Event) error {
	if m.set[pb.WakeSuccess] && m.n[pb.WakeSuccess] == 0 && kind != parser.KindWaking { // printed by kernels before 4.3: nobody was woken
		ev.Text = "sched:" + kind.String()
		return nil
	}
	ev.Kind = kind
	if err := p.task(m.err, m.task(pb.WakeComm, pb.WakePID, pb.WakePrio), &ev.Task); err != nil {
		return err
	}
	return cpus(ev, parser.NoCPU, m.number(pb.WakeTargetCPU, parser.NoCPU))
}

// cpus fills the CPUs of an event.
func cpus(ev *parser.Event, orig, target int32) error {
	for _, c := range [2]int32{orig, target} {
		if c < parser.NoCPU || c >= maxCPUs {
			return fmt.Errorf("an event with CPU %d", c)
		}
	}
	ev.OrigCPU, ev.TargetCPU = orig, target
	return nil
}

// generic reads GenericFtraceEvent, by which older traces tell of events that Perfetto
// does not know.
func (p *pass) generic(b []byte, ev *parser.Event) error {
	var name []byte
	k, runtime := unknown(), int64(parser.NoTime)
	values := map[string]parser.Value{}
	r := pb.Read(b)
	for r.Next() {
		switch r.Num {
		case pb.GenericName:
			name = r.Bytes
		case pb.GenericField:
			var field, text []byte
			var n uint64
			for f := pb.Read(r.Bytes); f.Next(); {
				switch f.Num {
				case pb.GenericFieldName:
					field = f.Bytes
				case pb.GenericText:
					text = f.Bytes
				case pb.GenericInt, pb.GenericUint:
					n = f.Uint
				}
			}
			runtimeField(string(field), text, n, &k, &runtime)
			if len(values) < 16 {
				values[string(field)] = parser.Value{N: int64(n), Text: text}
			}
		}
	}
	if r.Err() == nil && ev.SetAsideOf(name, &p.names, values) {
		return nil
	}
	if string(name) != pb.StatRuntimeEvent {
		ev.Text = "ftrace:" + parser.DisplayComm(string(name))
		return nil
	}
	return p.ran(r.Err(), k, runtime, ev)
}

// statRuntime reads sched_stat_runtime by its description.
func (p *pass) statRuntime(d *described, b []byte, ev *parser.Event) error {
	k, runtime := unknown(), int64(parser.NoTime)
	r := pb.Read(b)
	for r.Next() {
		runtimeField(d.fields[r.Num], r.Bytes, r.Uint, &k, &runtime)
	}
	return p.ran(r.Err(), k, runtime, ev)
}

func runtimeField(name string, text []byte, n uint64, k *task, runtime *int64) {
	switch name {
	case "comm":
		k.comm = text
	case "pid":
		k.pid = int32(n)
	case "runtime":
		*runtime = int64(n)
	}
}

func (p *pass) ran(err error, k task, runtime int64, ev *parser.Event) error {
	if runtime < 0 || k.pid < 0 {
		return errors.New("sched_stat_runtime without a pid or a runtime")
	}
	ev.Kind, ev.Text, ev.Runtime = parser.KindStatRuntime, "", runtime
	return p.task(err, k, &ev.Task)
}
