package perfetto

import (
	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// bundle is a FtraceEventBundle that is being read: events one by one, and two sets of
// columns, each in order of time.
type bundle struct {
	pos         int64
	raw         []byte
	lost        bool   // events are missing before it
	overwritten bool   // the ring buffer held others before
	previous    uint64 // where the one before ended, 0 for none
	failed      uint64 // why the recorder lost the rest of a page

	events   pb.Reader // of raw
	event    []byte    // the next one, nil at the end
	eventPos int64
	eventAt  uint64

	intern  [][]byte
	columns [pb.CompactWakingFlags + 1][]byte
	switchs table
	wakings table
}

// table is a set of columns with the time of the row to read next.
type table struct {
	more bool
	time uint64
}

func (b *bundle) empty() bool { return b.event == nil && !b.switchs.more && !b.wakings.more }

func (b *bundle) clear() {
	b.event, b.switchs, b.wakings = nil, table{}, table{}
	b.intern = b.intern[:0]
	clear(b.columns[:])
}

// rest reports whether columns have rows that others lack.
func (b *bundle) rest() bool {
	left := false
	for i := range b.columns {
		left = left || len(b.columns[i]) > 0
		b.columns[i] = nil
	}
	return left
}

// open prepares a bundle that was read into raw. It returns what is damaged, if anything.
func (b *bundle) open(lost bool) (why string) {
	b.clear()
	b.lost = b.lost || lost
	b.previous, b.failed = 0, 0
	r := pb.Read(b.raw)
	for r.Next() {
		switch r.Num {
		case pb.BundleLostEvents:
			b.lost = b.lost || r.Uint != 0
		case pb.BundleCompact:
			if !b.compact(r.Bytes) {
				why = "columns of events that contradict each other"
			}
		case pb.BundleLastRead, pb.BundlePreviousEnd:
			b.previous = r.Uint
		case pb.BundleError:
			b.failed = 1
			for f := pb.Read(r.Bytes); f.Next(); {
				if f.Num == pb.ErrorStatus {
					b.failed = f.Uint
				}
			}
		}
	}
	if r.Err() != nil {
		why = "a bundle with a field that has no end"
	}
	b.switchs.time, b.wakings.time = 0, 0
	b.step(&b.switchs, pb.CompactSwitchTime)
	b.step(&b.wakings, pb.CompactWakingTime)
	b.events = pb.Read(b.raw)
	b.nextEvent()
	return why
}

// compact reads CompactSched.
func (b *bundle) compact(m []byte) bool {
	r := pb.Read(m)
	for r.Next() {
		switch {
		case r.Num == pb.CompactIntern:
			b.intern = append(b.intern, r.Bytes)
		case int(r.Num) >= len(b.columns):
		case r.Bytes == nil: // a number that is not packed
			b.columns[r.Num] = protowire.AppendVarint(b.columns[r.Num], r.Uint)
		case b.columns[r.Num] == nil:
			b.columns[r.Num] = r.Bytes[:len(r.Bytes):len(r.Bytes)]
		default:
			b.columns[r.Num] = append(b.columns[r.Num], r.Bytes...)
		}
	}
	return r.Err() == nil
}

// take removes the next number of a column.
func (b *bundle) take(column int) (uint64, bool) {
	v, n := protowire.ConsumeVarint(b.columns[column])
	if n < 0 {
		return 0, false
	}
	b.columns[column] = b.columns[column][n:]
	return v, true
}

// step goes to the next row of a table, whose time is told as a difference.
func (b *bundle) step(t *table, time int) {
	v, ok := b.take(time)
	t.time, t.more = t.time+v, ok
}

// row takes a row of a table, whose last column points to a name.
func (b *bundle) row(t *table, time int, columns ...int) (v [4]uint64, name []byte, ok bool) {
	whole := true
	for i, c := range columns {
		v[i], ok = b.take(c)
		whole = whole && ok
	}
	comm := v[len(columns)-1]
	if !whole || comm >= uint64(len(b.intern)) {
		t.more, b.columns[time], b.lost = false, nil, true
		return v, nil, false
	}
	return v, b.intern[comm], true
}

// nextEvent goes to the next event told alone.
func (b *bundle) nextEvent() {
	for b.event = nil; b.events.Next(); {
		if b.events.Num == pb.BundleEvent && b.events.Bytes != nil {
			b.event = b.events.Bytes
			b.eventPos = b.pos + int64(b.events.Offset()-len(b.event))
			b.eventAt, _ = stamp(b.event)
			return
		}
	}
}

// next decodes what comes next; ok is false for what the stream queued as damage.
func (b *bundle) next(s *stream) (ev parser.Event, time uint64, ok bool) {
	wake := b.wakings.more && (!b.switchs.more || b.wakings.time <= b.switchs.time)
	alone := b.event != nil && (!b.switchs.more || b.eventAt <= b.switchs.time) && (!b.wakings.more || b.eventAt < b.wakings.time)
	var why string
	switch {
	case alone:
		ev, time = parser.NewEvent(parser.KindOther, 0, s.cpu), b.eventAt
		ev.Pos = b.eventPos
		if _, set := stamp(b.event); !set {
			why = "an event without a time stamp"
		} else if err := s.decode(b.event, &ev); err != nil {
			why = err.Error()
		}
		b.nextEvent()
	case wake:
		time = b.wakings.time
		ev, why = b.waking(s)
		b.step(&b.wakings, pb.CompactWakingTime)
	default:
		time = b.switchs.time
		ev, why = b.schedSwitch(s)
		b.step(&b.switchs, pb.CompactSwitchTime)
	}
	if why != "" {
		s.damage(ev.Pos, why)
		return ev, 0, false
	}
	return ev, time, true
}

const badColumns = "columns of events that are not of one length, or point to no name"

// schedSwitch reads a row of the columns of sched_switch.
func (b *bundle) schedSwitch(s *stream) (ev parser.Event, why string) {
	ev = parser.NewEvent(parser.KindSwitch, 0, s.cpu)
	ev.Pos = b.pos
	v, comm, ok := b.row(&b.switchs, pb.CompactSwitchTime, pb.CompactSwitchState, pb.CompactSwitchPID, pb.CompactSwitchPrio, pb.CompactSwitchComm)
	if !ok {
		return ev, badColumns
	}
	ev.State = s.p.state(int64(v[0]))
	if err := s.p.task(nil, task{comm, int32(v[1]), int32(v[2])}, &ev.Next); err != nil {
		return ev, err.Error()
	}
	return ev, ""
}

// waking reads a row of the columns of sched_waking.
func (b *bundle) waking(s *stream) (ev parser.Event, why string) {
	ev = parser.NewEvent(parser.KindWaking, 0, s.cpu)
	ev.Pos = b.pos
	v, comm, ok := b.row(&b.wakings, pb.CompactWakingTime, pb.CompactWakingPID, pb.CompactWakingTargetCPU, pb.CompactWakingPrio, pb.CompactWakingComm)
	if !ok {
		return ev, badColumns
	}
	if flags, ok := b.take(pb.CompactWakingFlags); ok {
		ev.Context = parser.FlagsContext(flags)
	}
	if err := s.p.task(nil, task{comm, int32(v[0]), int32(v[2])}, &ev.Task); err != nil {
		return ev, err.Error()
	}
	if err := cpus(&ev, parser.NoCPU, int32(v[1])); err != nil {
		return ev, err.Error()
	}
	return ev, ""
}
