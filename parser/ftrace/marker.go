package ftrace

import (
	"bytes"

	"schedreplay/parser/text"
)

// marker is a line that speaks about the recording.
type marker struct {
	kind markerKind
	cpu  int32
	// count is the number of events lost, -1 if the line does not say.
	count int64
}

type markerKind uint8

const (
	markerInfo    markerKind = iota // nothing to say of the events
	markerLost                      // events of the CPU are missing here
	markerStarted                   // the CPU's part of the buffer begins here
)

// parseMarker reads the lines that stand between events:
//
//	CPU:3 [LOST 793 EVENTS]        the kernel (print_trace_line)
//	CPU:3 [LOST EVENTS]
//	CPU:3 [793 EVENTS DROPPED]     trace-cmd
//	CPU:3 [EVENTS DROPPED]
//	CPU:3 [SUBBUFFER START]
//	##### CPU 0 buffer started ####
//	CPU 3 is empty
//	cpus=8
//	version = 6
//
// A line that only begins like one of them, as a task's name can, is none.
func parseMarker(line []byte) (marker, bool) {
	line = bytes.TrimRight(text.SkipSpace(line), " ")
	if rest, ok := bytes.CutPrefix(line, []byte("CPU:")); ok {
		return parseLoss(rest)
	}
	for _, m := range [...]struct {
		prefix, suffix string
		kind           markerKind
	}{
		{"##### CPU ", " buffer started ####", markerStarted},
		{"CPU ", " is empty", markerInfo},
		{"cpus=", "", markerInfo},
		{"version = ", "", markerInfo},
	} {
		rest, ok := bytes.CutPrefix(line, []byte(m.prefix))
		if !ok {
			continue
		}
		n, rest, ok := text.Uint(rest)
		if !ok || string(rest) != m.suffix {
			return marker{}, false
		}
		cpu, ok := text.CPU(n)
		return marker{kind: m.kind, cpu: cpu}, ok || m.kind == markerInfo
	}
	return marker{}, false
}

func parseLoss(b []byte) (marker, bool) {
	n, rest, ok := text.Uint(b)
	if !ok {
		return marker{}, false
	}
	cpu, ok := text.CPU(n)
	if !ok {
		return marker{}, false
	}
	m := marker{kind: markerLost, cpu: cpu, count: -1}
	switch string(rest) {
	case " [LOST EVENTS]", " [EVENTS DROPPED]":
		return m, true
	case " [SUBBUFFER START]":
		m.kind = markerInfo
		return m, true
	}
	if inner, ok := bytes.CutPrefix(rest, []byte(" [LOST ")); ok {
		n, rest, ok := text.Uint(inner)
		m.count = n
		return m, ok && string(rest) == " EVENTS]"
	}
	if inner, ok := bytes.CutPrefix(rest, []byte(" [")); ok {
		n, rest, ok := text.Uint(inner)
		m.count = n
		return m, ok && string(rest) == " EVENTS DROPPED]"
	}
	return marker{}, false
}
