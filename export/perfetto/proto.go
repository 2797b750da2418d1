package perfetto

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of Perfetto's messages (protos/perfetto/trace/*.proto).
const (
	tracePacket = 1 // Trace.packet

	packetFtraceEvents    = 1
	packetTimestamp       = 8
	packetSequenceID      = 10
	packetTrackEvent      = 11
	packetSequenceFlags   = 13
	packetSystemInfo      = 45
	packetTrackDescriptor = 60
	sequenceStateCleared  = 1
	systemInfoUtsname     = 1
	utsnameSysname        = 1
	utsnameVersion        = 2
	utsnameRelease        = 3
	utsnameMachine        = 4
	bundleCPU             = 1
	bundleEvent           = 2
	bundleLostEvents      = 3
	eventTimestamp        = 1
	eventPID              = 2
	eventSchedSwitch      = 4
	eventSchedWakeup      = 17
	eventSchedWaking      = 20
	eventSchedWakeupNew   = 114
	eventSchedMigrateTask = 491
	switchPrevComm        = 1
	switchPrevPID         = 2
	switchPrevPrio        = 3
	switchPrevState       = 4
	switchNextComm        = 5
	switchNextPID         = 6
	switchNextPrio        = 7
	wakeComm              = 1
	wakePID               = 2
	wakePrio              = 3
	wakeSuccess           = 4
	wakeTargetCPU         = 5
	migrateComm           = 1
	migratePID            = 2
	migratePrio           = 3
	migrateOrigCPU        = 4
	migrateDestCPU        = 5
	trackUUID             = 1
	trackName             = 2
	trackParentUUID       = 5
	trackChildOrdering    = 11
	trackSiblingRank      = 12
	childOrderingExplicit = 3
	trackEventAnnotation  = 4
	trackEventType        = 9
	trackEventTrackUUID   = 11
	trackEventCategories  = 22
	trackEventName        = 23
	typeSliceBegin        = 1
	typeSliceEnd          = 2
	typeInstant           = 3
	annotationBool        = 2
	annotationInt         = 4
	annotationString      = 6
	annotationName        = 10
	annotationArrayValues = 12
)

// message is a protobuf message in the making.
type message []byte

func (m message) uint(field protowire.Number, v uint64) message {
	return protowire.AppendVarint(protowire.AppendTag(m, field, protowire.VarintType), v)
}

// int writes an int32 or int64 field: negative numbers in ten bytes.
func (m message) int(field protowire.Number, v int64) message { return m.uint(field, uint64(v)) }

func (m message) bool(field protowire.Number, v bool) message {
	return m.uint(field, protowire.EncodeBool(v))
}

func (m message) text(field protowire.Number, s string) message {
	return protowire.AppendString(protowire.AppendTag(m, field, protowire.BytesType), s)
}

func (m message) sub(field protowire.Number, b message) message {
	return protowire.AppendBytes(protowire.AppendTag(m, field, protowire.BytesType), b)
}
