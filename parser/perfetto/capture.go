package perfetto

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

const (
	maxCPUs    = 8192
	maxLanes   = 1 << 14
	maxPacket  = 16 << 20
	maxHeld    = 128 << 20
	maxInflate = 64 << 20
)

const (
	formatName = "Perfetto"
	remedyCopy = "copy or record again"
)

// capture is an opened trace. After New it changes no more, but for the fields behind mu.
type capture struct {
	src   parser.Source
	meta  parser.Meta
	lanes []*lane
	byKey map[laneKey]*lane
	// losses are what ftrace's own counters say, by CPU.
	losses map[int32]*counters
	// described are the events that the trace itself describes, by field number.
	described map[uint64]*described
	// symbols are names of kernel functions.
	symbols   map[symbolKey]string
	old       bool // states are those of kernels before 4.14
	clock     ftraceClock
	skipped   map[string]int64
	damages   []parser.Event // of packets that belong to no CPU
	cut       error          // the file ends early, or cannot be read on
	unpacked  *os.File       // what compressed packets hold
	unpackedN int64

	mu    sync.Mutex
	stats parser.Stats
}

// ftraceClock is the clock of the ftrace events.
type ftraceClock struct {
	id    uint64 // pb.Clock…, 0 is CLOCK_BOOTTIME
	set   bool
	stamp int64 // one moment of it, and of CLOCK_BOOTTIME
	boot  int64
	wall  int64 // CLOCK_REALTIME at another, and CLOCK_BOOTTIME
	wallB int64
}

// counters are losses that the ring buffer counted, at the trace's begin and end.
type counters struct{ begin, end lossCount }

type lossCount struct {
	set              bool
	overrun, dropped int64 // dropped includes what nested interrupts lost
}

// Looks reports whether an input that begins so is a Perfetto trace: it is whole packets,
// as far as it goes.
func Looks(head []byte) bool {
	const enough = 3
	for range enough {
		if len(head) == 0 {
			return true
		}
		if head[0] != pb.TracePacket<<3|byte(protowire.BytesType) {
			return false
		}
		length, n := protowire.ConsumeVarint(head[1:])
		if n < 0 || length == 0 || length > maxPacket {
			return false
		}
		packet := head[1+n:]
		cut := uint64(len(packet)) < length
		if !cut {
			packet = packet[:length]
		}
		if cut && n < 2 || !looksPacket(packet, length, cut) {
			return false // a newline and a letter, perhaps
		}
		head = head[min(uint64(len(head)), 1+uint64(n)+length):]
	}
	return true
}

// looksPacket is Looks for a packet of a length, of which the end may be missing.
func looksPacket(b []byte, length uint64, cut bool) bool {
	const most = 2000 // no field has a higher number
	r := pb.Read(b)
	for r.Next() {
		if r.Num > most {
			return false
		}
	}
	if !cut || r.Err() == nil {
		return r.Err() == nil
	}
	// The field that goes on ends within the packet.
	num, typ, n := protowire.ConsumeTag(b[r.Offset():])
	if n < 0 || typ != protowire.BytesType || num > most {
		return false
	}
	size, m := protowire.ConsumeVarint(b[r.Offset()+n:])
	return m > 0 && uint64(r.Offset()+n+m)+size <= length && size < length
}

// New opens a trace. It needs src.At. The error is a [parser.Error] that wraps
// [parser.ErrFormat] if the input is no Perfetto trace, [parser.ErrUnsupported] if it
// holds no scheduler events, and [parser.ErrTruncated] or [parser.ErrDamaged] if it ends
// or breaks before any. Damage behind that point is told by Events.
func New(src parser.Source) (parser.Capture, error) {
	c := newCapture(src)
	if err := c.open(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newCapture(src parser.Source) *capture {
	return &capture{
		src: src, byKey: map[laneKey]*lane{}, losses: map[int32]*counters{}, described: map[uint64]*described{}, symbols: map[symbolKey]string{}, skipped: map[string]int64{},
		meta: parser.Meta{
			Name: src.Name, Dialect: parser.DialectPerfetto, Confidence: "magic bytes", Resolution: 1, Host: &parser.Host{},
		},
	}
}

func (c *capture) open() error {
	if c.src.At == nil || c.src.Size < 0 {
		return c.fail(-1, "give it as a file", fmt.Errorf("%w: a Perfetto trace cannot be read as a stream", parser.ErrUnsupported))
	}
	if err := c.index(); err != nil {
		return err
	}
	for _, l := range c.lanes {
		l.close()
	}
	found, err := c.probe()
	switch {
	case found:
	case err != nil && !errors.Is(err, errStopped):
		return err
	case len(c.lanes) == 0 && len(c.damages) > 0:
		return c.fail(c.damages[0].Pos, remedyCopy, fmt.Errorf("%w: %s", parser.ErrDamaged, c.damages[0].Text))
	default:
		return c.fail(-1, "record ftrace_events: \"sched/sched_switch\" and \"sched/sched_waking\" with the data source linux.ftrace",
			fmt.Errorf("%w: it holds no scheduler events", parser.ErrUnsupported))
	}
	c.describe()
	return nil
}

// probe looks for a scheduler event, and for wakeups among the first ones.
func (c *capture) probe() (found bool, err error) {
	const enough = 10000
	n := 0
	err = c.run(func(ev parser.Event, _ error) bool {
		switch ev.Kind {
		case parser.KindOther, parser.KindComm, parser.KindLost, parser.KindOverwritten, parser.KindDamaged:
			return true
		case parser.KindWaking, parser.KindWakeup:
			c.meta.HasWakings = true
		}
		found = true
		n++
		return !c.meta.HasWakings && n < enough
	}, nil)
	return found, err
}

// fail makes an error about the input at off.
func (c *capture) fail(off int64, remedy string, cause error) error {
	var e *parser.Error
	if errors.As(cause, &e) {
		return e
	}
	return &parser.Error{File: c.src.Name, Format: formatName, Offset: off, Err: cause, Remedy: remedy}
}

func (c *capture) note(format string, args ...any) {
	const most = 1000
	if len(c.meta.Notes) < most {
		c.meta.Notes = append(c.meta.Notes, fmt.Sprintf(format, args...))
	}
}

// describe tells the clock and what is missing.
func (c *capture) describe() {
	k := &c.clock
	switch k.id {
	case 0:
		c.meta.Clock.Name = "boot"
		k.stamp, k.boot = k.wallB, k.wallB
	case pb.ClockGlobal:
		c.meta.Clock.Name = "global"
	case pb.ClockLocal:
		c.meta.Clock = parser.Clock{Name: "local", PerCPU: true}
	case pb.ClockMonoRaw:
		c.meta.Clock.Name = "mono_raw"
	}
	if k.wall != 0 && (k.id == 0 || k.boot != 0) {
		c.meta.Clock.WallOffset, c.meta.Clock.HasWall = k.wall-k.wallB+k.boot-k.stamp, true
	}
	if c.old {
		c.note("task states other than R are unknown: those of kernels before 4.14 are not read")
	}
	if !c.meta.HasWakings {
		c.note("no wakeups were recorded: neither sched_waking nor sched_wakeup is among the events")
	}
	for _, name := range []string{skippedMachine, skippedField} {
		if n := c.skipped[name]; n > 0 {
			c.note("%d %s are not read", n, name)
		}
	}
}

const (
	skippedMachine = "packets of other machines"
	skippedField   = "fields outside of packets"
)

// systemInfo reads what uname and sysconf said.
func (c *capture) systemInfo(b []byte) {
	const source = "Perfetto SystemInfo"
	h := c.meta.Host
	var version string
	for r := pb.Read(b); r.Next(); {
		switch {
		case r.Num == pb.SystemCPUs && r.Uint > 0 && r.Uint <= maxCPUs:
			h.Present = fact.Of(cpumask.Range(0, int(r.Uint)-1), fact.Assumed, source)
		case r.Num == pb.SystemUtsname:
			for u := pb.Read(r.Bytes); u.Next(); {
				s := string(u.Bytes)
				switch {
				case s == "":
				case u.Num == pb.UtsnameRelease:
					h.Release = fact.Seen(s, source)
				case u.Num == pb.UtsnameMachine:
					h.Arch = fact.Seen(s, source)
				case u.Num == pb.UtsnameVersion:
					version = s
				}
			}
		}
	}
	c.old = before414(h.Release.Value)
	switch {
	case version == "":
	case strings.HasPrefix(version, "Linux version "): // as this program writes it
		h.Version = fact.Seen(version, source)
	default: // the end of /proc/version
		h.Version = fact.Of("Linux version "+h.Release.Value+" "+version, fact.Reconstructed, source)
	}
}

// before414 reports whether a release is of a kernel whose task states have other
// numbers.
func before414(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return false
	}
	return major < 4 || major == 4 && minor < 14
}

// cpuInfo counts the CPUs that /proc/cpuinfo listed.
func (c *capture) cpuInfo(b []byte) {
	n := 0
	for r := pb.Read(b); r.Next(); {
		if r.Num == pb.InfoCPU {
			n++
		}
	}
	if h := c.meta.Host; n > 0 && n <= maxCPUs && !h.Present.Known() {
		h.Present = fact.Of(cpumask.Range(0, n-1), fact.Assumed, "Perfetto CpuInfo")
	}
}

// clockSnapshot relates CLOCK_BOOTTIME to wall time; the first one counts.
func (c *capture) clockSnapshot(b []byte) {
	var wall, boot uint64
	for r := pb.Read(b); r.Next(); {
		if r.Num != pb.SnapshotClock {
			continue
		}
		switch pb.Uint(r.Bytes, pb.ClockID) {
		case pb.ClockRealtime:
			wall = pb.Uint(r.Bytes, pb.ClockTimestamp)
		case pb.ClockBoottime:
			boot = pb.Uint(r.Bytes, pb.ClockTimestamp)
		}
	}
	if k := &c.clock; wall != 0 && boot != 0 && k.wall == 0 && wall < 1<<62 && boot < 1<<62 {
		k.wall, k.wallB = int64(wall), int64(boot)
	}
}

// ftraceStats reads the ring buffers' counters and which events could not be recorded.
func (c *capture) ftraceStats(b []byte) {
	end := false
	var cpus [][]byte
	for r := pb.Read(b); r.Next(); {
		switch r.Num {
		case pb.StatsPhase:
			end = r.Uint == pb.StatsPhaseEnd
		case pb.StatsCPU:
			cpus = append(cpus, r.Bytes)
		case pb.StatsUnknown, pb.StatsFailed:
			if s := string(r.Bytes); strings.HasPrefix(s, "sched") && len(s) < 80 {
				c.note("%s was asked for and not recorded", parser.DisplayComm(s))
			}
		}
	}
	for _, b := range cpus {
		var cpu uint64
		n := lossCount{set: true}
		for r := pb.Read(b); r.Next(); {
			v := int64(min(r.Uint, 1<<48))
			switch r.Num {
			case pb.CPUStatsCPU:
				cpu = r.Uint
			case pb.CPUStatsOverrun:
				n.overrun = v
			case pb.CPUStatsDropped, pb.CPUStatsCommitOverrun:
				n.dropped += v
			}
		}
		if cpu >= maxCPUs {
			continue
		}
		l := c.losses[int32(cpu)]
		if l == nil {
			l = &counters{}
			c.losses[int32(cpu)] = l
		}
		if end {
			l.end = n
		} else if !l.begin.set {
			l.begin = n
		}
	}
}

// Meta implements [parser.Capture].
func (c *capture) Meta() *parser.Meta { return &c.meta }

// Stats returns the counts of the last pass that ended.
func (c *capture) Stats() parser.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// Close implements [parser.Capture]: it removes the temporary file.
func (c *capture) Close() error {
	if c.unpacked != nil {
		c.src.Temp.Remove(c.unpacked)
		c.unpacked = nil
	}
	return nil
}
