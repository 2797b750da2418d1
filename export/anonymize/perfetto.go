package anonymize

import (
	"bufio"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/parser"
	"schedreplay/parser/perfetto"
	"schedreplay/parser/perfetto/pb"
)

// message says what is kept of a protobuf message, by field: numbers and texts as they
// are, names, and messages within. Other fields are left out.
type message map[protowire.Number]field

type field struct {
	kind kind
	of   message
}

type kind int

const (
	kept kind = iota
	comm
	file
	inner
	generic // GenericFtraceEvent
	process // ProcessTree.Process
	empty   // its being there is all that is told
	symbol  // a kernel function's number, which is not its address
)

// others stands for the fields that a message does not name.
const others protowire.Number = 0

func keep(nums ...protowire.Number) message {
	m := message{}
	for _, n := range nums {
		m[n] = field{}
	}
	return m
}

// with adds fields of a kind to those that are kept.
func (m message) with(k kind, nums ...protowire.Number) message {
	for _, n := range nums {
		m[n] = field{kind: k}
	}
	return m
}

func (m message) sub(num protowire.Number, of message) message {
	m[num] = field{inner, of}
	return m
}

// perfettoPacket is what parser/perfetto reads of a packet.
var perfettoPacket = func() message {
	wake := keep(pb.WakePID, pb.WakePrio, pb.WakeSuccess, pb.WakeTargetCPU).with(comm, pb.WakeComm)
	event := keep(pb.EventTimestamp, pb.EventPID, pb.EventFlags).
		sub(pb.EventSchedSwitch, keep(pb.SwitchPrevPID, pb.SwitchPrevPrio, pb.SwitchPrevState, pb.SwitchNextPID, pb.SwitchNextPrio).
			with(comm, pb.SwitchPrevComm, pb.SwitchNextComm)).
		sub(pb.EventSchedWaking, wake).sub(pb.EventSchedWakeup, wake).sub(pb.EventSchedWakeupNew, wake).
		sub(pb.EventSchedMigrate, keep(pb.MigratePID, pb.MigratePrio, pb.MigrateOrigCPU, pb.MigrateDestCPU).with(comm, pb.MigrateComm)).
		sub(pb.EventSchedFork, keep(pb.ForkParentPID, pb.ForkChildPID).with(comm, pb.ForkParentComm, pb.ForkChildComm)).
		sub(pb.EventSchedExec, keep(pb.ExecPID, pb.ExecOldPID).with(file, pb.ExecFilename)).
		sub(pb.EventSchedExit, keep(pb.ExitPID, pb.ExitPrio).with(comm, pb.ExitComm)).
		sub(pb.EventTaskRename, keep(pb.RenamePID).with(comm, pb.RenameNewComm)).
		with(generic, pb.EventGeneric).with(empty, others)
	for num, aside := range pb.Asides {
		m := message{}
		for f, name := range aside.Fields {
			m.with(map[string]kind{"comm": comm, "function": symbol}[name], f)
		}
		event.sub(num, m)
	}
	compact := message{}.with(comm, pb.CompactIntern)
	for n := protowire.Number(1); n <= pb.CompactWakingFlags; n++ {
		if n != pb.CompactIntern {
			compact[n] = field{}
		}
	}
	bundle := keep(pb.BundleCPU, pb.BundleLostEvents, pb.BundleClock, pb.BundleClockStamp, pb.BundleBootStamp, pb.BundleError,
		pb.BundleLastRead, pb.BundlePreviousEnd, pb.BundleDescriptor).sub(pb.BundleEvent, event).sub(pb.BundleCompact, compact)
	return keep(pb.PacketTimestamp, pb.PacketTimestampClock, pb.PacketSequenceID, pb.PacketPreviousDropped, pb.PacketFirstOnSequence,
		pb.PacketMachineID, pb.PacketClockSnapshot).
		sub(pb.PacketFtraceEvents, bundle).
		sub(pb.PacketInterned, message{}.sub(pb.InternedKernelSymbols, keep(pb.InternedIID, pb.InternedText))).
		sub(pb.PacketFtraceStats, keep(pb.StatsPhase, pb.StatsCPU)).
		sub(pb.PacketSystemInfo, keep(pb.SystemCPUs).sub(pb.SystemUtsname, keep(pb.UtsnameSysname, pb.UtsnameVersion, pb.UtsnameRelease, pb.UtsnameMachine))).
		sub(pb.PacketCPUInfo, message{}.sub(pb.InfoCPU, message{})).
		sub(pb.PacketProcessTree, message{}.with(process, pb.TreeProcess).
			sub(pb.TreeThread, keep(pb.ThreadTID, pb.ThreadTGID).with(comm, pb.ThreadName)))
}()

// perfettoTrace copies what schedreplay reads of a Perfetto trace: of interrupts and timers
// devices, numbers and the names of functions. Events that it names only keep their number
// and lose their content, those that the trace itself describes too.
func perfettoTrace(src parser.Source, n *Names, out *os.File) (*Report, error) {
	var report Report
	w := bufio.NewWriterSize(out, 64<<10)
	var err error
	report.Dropped, err = perfetto.Packets(src, func(packet []byte) error {
		m := n.message(packet, perfettoPacket)
		report.Records++
		_, err := w.Write(pb.Message(nil).Sub(pb.TracePacket, m))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &report, w.Flush()
}

// message writes what is kept of a message.
func (n *Names) message(b []byte, keep message) pb.Message {
	m := pb.Message{}
	for r := pb.Read(b); r.Next(); {
		f, ok := keep[r.Num]
		text := append([]byte(nil), r.Bytes...)
		switch {
		case ok && f.kind == symbol && r.Uint >= pb.LowestAddress:
			continue
		case ok && r.Bytes == nil:
			m = m.Uint(r.Num, r.Uint)
			continue
		case ok && f.kind == comm:
			n.text(text, false)
		case ok && f.kind == file:
			n.text(text, true)
		case ok && f.kind == inner:
			text = n.message(text, f.of)
		case ok && f.kind == generic:
			text = n.genericEvent(text)
		case ok && f.kind == process:
			text = n.process(text)
		case ok:
		case r.Bytes == nil || keep[others].kind != empty:
			continue
		default:
			text = nil
		}
		m = m.Sub(r.Num, text)
	}
	return m
}

// genericEvent keeps the name of an event that Perfetto does not know, and of
// sched_stat_runtime its fields.
func (n *Names) genericEvent(b []byte) pb.Message {
	keep := keep(pb.GenericName)
	for r := pb.Read(b); r.Next(); {
		if r.Num == pb.GenericName && string(r.Bytes) == pb.StatRuntimeEvent {
			keep.sub(pb.GenericField, message{pb.GenericFieldName: {}, pb.GenericInt: {}, pb.GenericUint: {}}.with(comm, pb.GenericText))
		}
	}
	return n.message(b, keep)
}

// process keeps the name of a kernel thread. Other processes have a command line instead.
func (n *Names) process(b []byte) pb.Message {
	keep := keep(pb.ProcessPID, pb.ProcessParent, pb.ProcessIsKthread, pb.ProcessIsComm)
	for r := pb.Read(b); r.Next(); {
		if (r.Num == pb.ProcessIsKthread || r.Num == pb.ProcessIsComm) && r.Uint != 0 {
			keep.with(comm, pb.ProcessCmdline)
		}
	}
	return n.message(b, keep)
}
