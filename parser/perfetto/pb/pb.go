// Package pb has what this project uses of Perfetto's trace format: the numbers of
// fields, and protobuf messages written and read by the wire format alone. The messages
// are those of protos/perfetto/trace/*.proto; they say nothing of what a number means
// that is not written here, so an unknown field is skipped.
package pb

import "google.golang.org/protobuf/encoding/protowire"

// Fields of Trace and TracePacket.
const (
	TracePacket = 1 // Trace.packet

	PacketFtraceEvents    = 1
	PacketProcessTree     = 2
	PacketClockSnapshot   = 6
	PacketTimestamp       = 8
	PacketSequenceID      = 10
	PacketTrackEvent      = 11
	PacketInterned        = 12
	PacketSequenceFlags   = 13
	PacketFtraceStats     = 34
	PacketPreviousDropped = 42
	PacketSystemInfo      = 45
	PacketDeflated        = 50 // compressed_packets
	PacketTimestampClock  = 58
	PacketTrackDescriptor = 60
	PacketCPUInfo         = 67
	PacketFirstOnSequence = 87
	PacketMachineID       = 98
	PacketZstd            = 133 // zstd_compressed_packets

	SequenceStateCleared = 1

	InternedKernelSymbols = 26 // of InternedData
	InternedIID           = 1  // of InternedString
	InternedText          = 2
)

// Fields of FtraceEventBundle, of its CompactSched and FtraceError, and the values of
// FtraceClock.
const (
	BundleCPU         = 1
	BundleEvent       = 2
	BundleLostEvents  = 3
	BundleCompact     = 4
	BundleClock       = 5
	BundleClockStamp  = 6 // ftrace_timestamp
	BundleBootStamp   = 7
	BundleError       = 8
	BundleLastRead    = 9
	BundlePreviousEnd = 10 // previous_bundle_end_timestamp
	BundleDescriptor  = 11 // generic_event_descriptors

	CompactSwitchTime      = 1
	CompactSwitchState     = 2
	CompactSwitchPID       = 3
	CompactSwitchPrio      = 4
	CompactIntern          = 5
	CompactSwitchComm      = 6
	CompactWakingTime      = 7
	CompactWakingPID       = 8
	CompactWakingTargetCPU = 9
	CompactWakingPrio      = 10
	CompactWakingComm      = 11
	CompactWakingFlags     = 12

	ErrorTimestamp = 1
	ErrorStatus    = 2

	DescriptorField = 1
	DescriptorProto = 2
	DescriptorGroup = 3

	ClockGlobal  = 2
	ClockLocal   = 3
	ClockMonoRaw = 4
)

// Fields of FtraceEvent.
const (
	EventTimestamp      = 1
	EventPID            = 2
	EventSchedSwitch    = 4
	EventFlags          = 5 // common_flags
	EventSchedWakeup    = 17
	EventSchedWaking    = 20
	EventSchedWakeupNew = 114
	EventTaskRename     = 236
	EventSchedExec      = 237
	EventSchedExit      = 238
	EventSchedFork      = 239
	EventGeneric        = 327
	EventSchedMigrate   = 491
	// EventFirstDescribed is the first of the numbers that a trace itself describes.
	EventFirstDescribed = 65536
)

// AsideMessage is the message of an event that tells what a CPU does beside its tasks: the
// tracepoint, and its fields as the kernel calls them. A function is a kernel symbol's number.
type AsideMessage struct {
	Name   string
	Fields map[protowire.Number]string
}

// Asides are those messages by their field of FtraceEvent.
var Asides = map[protowire.Number]AsideMessage{
	13:  {"power:cpu_idle", map[protowire.Number]string{1: "state", 2: "cpu_id"}},
	21:  {"ipi:ipi_entry", map[protowire.Number]string{1: "reason"}},
	22:  {"ipi:ipi_exit", map[protowire.Number]string{1: "reason"}},
	24:  {"irq:softirq_entry", map[protowire.Number]string{1: "vec"}},
	25:  {"irq:softirq_exit", map[protowire.Number]string{1: "vec"}},
	26:  {"irq:softirq_raise", map[protowire.Number]string{1: "vec"}},
	36:  {"irq:irq_handler_entry", map[protowire.Number]string{1: "irq", 2: "name"}},
	37:  {"irq:irq_handler_exit", map[protowire.Number]string{1: "irq"}},
	57:  {"workqueue:workqueue_execute_end", map[protowire.Number]string{2: "function"}},
	58:  {"workqueue:workqueue_execute_start", map[protowire.Number]string{2: "function"}},
	241: {"sched:sched_process_hang", map[protowire.Number]string{1: "comm", 2: "pid"}},
	553: {"timer:hrtimer_expire_entry", map[protowire.Number]string{3: "function"}},
	554: {"timer:hrtimer_expire_exit", nil},
	557: {"timer:timer_expire_entry", map[protowire.Number]string{3: "function"}},
	558: {"timer:timer_expire_exit", nil},
	559: {"irq_vectors:local_timer_entry", map[protowire.Number]string{1: "vector"}},
	560: {"irq_vectors:local_timer_exit", map[protowire.Number]string{1: "vector"}},
}

// LowestAddress is below every function of a kernel and above every number of a symbol.
const LowestAddress = 1 << 24

// Fields of the scheduler's events.
const (
	SwitchPrevComm  = 1
	SwitchPrevPID   = 2
	SwitchPrevPrio  = 3
	SwitchPrevState = 4
	SwitchNextComm  = 5
	SwitchNextPID   = 6
	SwitchNextPrio  = 7

	WakeComm      = 1
	WakePID       = 2
	WakePrio      = 3
	WakeSuccess   = 4
	WakeTargetCPU = 5

	MigrateComm    = 1
	MigratePID     = 2
	MigratePrio    = 3
	MigrateOrigCPU = 4
	MigrateDestCPU = 5

	ForkParentComm = 1
	ForkParentPID  = 2
	ForkChildComm  = 3
	ForkChildPID   = 4

	ExecFilename = 1
	ExecPID      = 2
	ExecOldPID   = 3

	ExitComm = 1
	ExitPID  = 2
	ExitPrio = 4

	RenamePID     = 1
	RenameNewComm = 3

	GenericName  = 1 // event_name
	GenericField = 2

	GenericFieldName = 1
	GenericText      = 3
	GenericInt       = 4
	GenericUint      = 5
)

// Fields of DescriptorProto and FieldDescriptorProto, by which a trace describes events
// that Perfetto does not know.
const (
	MessageName      = 1
	MessageField     = 2
	FieldName        = 1
	FieldNumber      = 3
	FieldLabel       = 4
	FieldType        = 5
	LabelOptional    = 1
	TypeInt64        = 3
	TypeString       = 9
	GroupSched       = "sched"
	StatRuntimeEvent = "sched_stat_runtime"
)

// Fields of ClockSnapshot, SystemInfo, CpuInfo, FtraceStats and ProcessTree, and the
// values of BuiltinClock.
const (
	SnapshotClock  = 1
	ClockID        = 1
	ClockTimestamp = 2
	ClockRealtime  = 1
	ClockMonotonic = 3
	ClockBoottime  = 6

	SystemUtsname = 1
	SystemCPUs    = 8 // num_cpus

	UtsnameSysname = 1
	UtsnameVersion = 2
	UtsnameRelease = 3
	UtsnameMachine = 4

	InfoCPU = 1

	StatsPhase    = 1
	StatsCPU      = 2
	StatsUnknown  = 6 // unknown_ftrace_events
	StatsFailed   = 7 // failed_ftrace_events
	StatsPhaseEnd = 2

	CPUStatsCPU           = 1
	CPUStatsOverrun       = 3
	CPUStatsCommitOverrun = 4
	CPUStatsDropped       = 8

	TreeProcess = 1
	TreeThread  = 2

	ProcessPID       = 1
	ProcessParent    = 2
	ProcessCmdline   = 3
	ProcessIsKthread = 8
	ProcessIsComm    = 9 // cmdline_is_comm

	ThreadTID  = 1
	ThreadName = 2
	ThreadTGID = 3
)

// Fields of TrackDescriptor, TrackEvent and DebugAnnotation.
const (
	TrackUUID             = 1
	TrackName             = 2
	TrackParentUUID       = 5
	TrackChildOrdering    = 11
	TrackSiblingRank      = 12
	ChildOrderingExplicit = 3

	TrackEventAnnotation = 4
	TrackEventType       = 9
	TrackEventTrackUUID  = 11
	TrackEventCategories = 22
	TrackEventName       = 23
	TypeSliceBegin       = 1
	TypeSliceEnd         = 2
	TypeInstant          = 3

	AnnotationBool        = 2
	AnnotationInt         = 4
	AnnotationString      = 6
	AnnotationName        = 10
	AnnotationArrayValues = 12
)

// Message is a protobuf message in the making: each method appends a field.
type Message []byte

// Uint writes an unsigned number.
func (m Message) Uint(field protowire.Number, v uint64) Message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

// Int writes an int32 or int64 field: negative numbers in ten bytes.
func (m Message) Int(field protowire.Number, v int64) Message { return m.Uint(field, uint64(v)) }

// Bool writes a truth.
func (m Message) Bool(field protowire.Number, v bool) Message {
	return m.Uint(field, protowire.EncodeBool(v))
}

// Text writes a string, or bytes.
func (m Message) Text(field protowire.Number, s string) Message {
	return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), s)
}

// Sub writes a message.
func (m Message) Sub(field protowire.Number, b Message) Message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}

// Reader walks over the fields of a message.
type Reader struct {
	// Num is the field's number; Uint its value if it is a number, Bytes if it is a
	// string, a message or packed numbers, else nil.
	Num   protowire.Number
	Uint  uint64
	Bytes []byte

	rest []byte
	size int
	err  error
}

// Read begins with the first field of a message.
func Read(b []byte) Reader { return Reader{rest: b, size: len(b)} }

// Uint is a message's number in a field, 0 if it has none; the last counts.
func Uint(b []byte, field protowire.Number) (v uint64) {
	for r := Read(b); r.Next(); {
		if r.Num == field {
			v = r.Uint
		}
	}
	return v
}

// Bytes is a message's string or message in a field, nil if it has none; the last counts.
func Bytes(b []byte, field protowire.Number) (v []byte) {
	for r := Read(b); r.Next(); {
		if r.Num == field {
			v = r.Bytes
		}
	}
	return v
}

// Next goes to the next field; false at the end, and where the message is damaged.
func (r *Reader) Next() bool {
	if len(r.rest) == 0 || r.err != nil {
		return false
	}
	num, typ, n := protowire.ConsumeTag(r.rest)
	if n < 0 {
		return r.fail(n)
	}
	b := r.rest[n:]
	r.Num, r.Uint, r.Bytes = num, 0, nil
	switch typ {
	case protowire.VarintType:
		r.Uint, n = protowire.ConsumeVarint(b)
	case protowire.BytesType:
		r.Bytes, n = protowire.ConsumeBytes(b)
	default:
		n = protowire.ConsumeFieldValue(num, typ, b)
	}
	if n < 0 {
		return r.fail(n)
	}
	r.rest = b[n:]
	return true
}

func (r *Reader) fail(n int) bool {
	r.err = protowire.ParseError(n)
	return false
}

// Offset is where the rest of the message begins, behind the current field.
func (r *Reader) Offset() int { return r.size - len(r.rest) }

// Err says why Next ended early, nil at the end of the message.
func (r *Reader) Err() error { return r.err }
