package perfdata

import "fmt"

// Record types (include/uapi/linux/perf_event.h, enum perf_event_type, and
// from 64 on tools/lib/perf/include/perf/event.h, enum perf_user_event_type).
const (
	recLost           = 2
	recComm           = 3
	recExit           = 4
	recFork           = 7
	recSample         = 9
	recLostSamples    = 13
	recCgroup         = 19
	recHeaderAttr     = 64
	recTracingData    = 66
	recIDIndex        = 69
	recAuxtrace       = 71
	recEventUpdate    = 78
	recHeaderFeature  = 80
	recCompressed     = 81
	recCompressed2    = 83
	lastKernelRecord  = 21
	firstPerfRecord   = 64
	lastPerfRecord    = 95 // some room: 86 is the last one known
	commExec          = 1 << 13
	lostByBPF         = 1 << 15 // LOST_SAMPLES that a BPF filter dropped on purpose
	largestRecord     = 1<<16 - 1
	eventUpdateName   = 2
	idIndexEntry      = 32
	alignTracingData  = 8
	sizeofCommHeader  = headerSize + 8
	sizeofForkRecord  = headerSize + 24
	sizeofAuxtraceRec = headerSize + 8
)

var recordNames = map[uint32]string{
	1: "MMAP", 2: "LOST", 3: "COMM", 4: "EXIT", 5: "THROTTLE", 6: "UNTHROTTLE", 7: "FORK", 8: "READ", 9: "SAMPLE", 10: "MMAP2",
	11: "AUX", 12: "ITRACE_START", 13: "LOST_SAMPLES", 14: "SWITCH", 15: "SWITCH_CPU_WIDE", 16: "NAMESPACES", 17: "KSYMBOL",
	18: "BPF_EVENT", 19: "CGROUP", 20: "TEXT_POKE", 21: "AUX_OUTPUT_HW_ID",
	64: "HEADER_ATTR", 65: "HEADER_EVENT_TYPE", 66: "HEADER_TRACING_DATA", 67: "HEADER_BUILD_ID", 68: "FINISHED_ROUND", 69: "ID_INDEX",
	70: "AUXTRACE_INFO", 71: "AUXTRACE", 72: "AUXTRACE_ERROR", 73: "THREAD_MAP", 74: "CPU_MAP", 75: "STAT_CONFIG", 76: "STAT",
	77: "STAT_ROUND", 78: "EVENT_UPDATE", 79: "TIME_CONV", 80: "HEADER_FEATURE", 81: "COMPRESSED", 82: "FINISHED_INIT",
	83: "COMPRESSED2", 84: "BPF_METADATA", 85: "SCHEDSTAT_CPU", 86: "SCHEDSTAT_DOMAIN",
}

// recordName returns the name perf prints, "PERF_RECORD_MMAP2".
func recordName(typ uint32) string {
	if n, ok := recordNames[typ]; ok {
		return "PERF_RECORD_" + n
	}
	return fmt.Sprintf("PERF_RECORD_%d", typ)
}
