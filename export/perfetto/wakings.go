package perfetto

import (
	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/parser"
	"schedreplay/parser/perfetto/pb"
)

// wakings are sched_waking events in columns (CompactSched). Only there does Perfetto take
// common_flags, which tell an interrupt's waking from its current task's.
type wakings struct {
	last                                  int64
	time, pid, target, prio, names, flags []byte
	intern                                pb.Message
	index                                 map[string]uint64
}

// takes reports whether a waking can go into columns without loss. They have no current
// task, so it must be the one that the last switch brought in; and what stands in columns
// is read before what stands alone at the same time.
func (b *bundle) takes(ev *parser.Event) bool {
	_, known := ev.Context.Flags()
	return known && ev.Cur.PID != parser.NoPID && ev.Cur.PID == b.current && ev.Time > b.alone && ev.Time >= b.wakes.last &&
		ev.Task.PID != parser.NoPID && ev.Task.Prio != parser.NoPrio && ev.TargetCPU >= 0
}

func (w *wakings) add(ev *parser.Event) {
	number := func(column *[]byte, v int64) { *column = protowire.AppendVarint(*column, uint64(v)) }
	name := parser.DisplayComm(ev.Task.Comm)
	i, ok := w.index[name]
	if !ok {
		if w.index == nil {
			w.index = map[string]uint64{}
		}
		i = uint64(len(w.index))
		w.index[name] = i
		w.intern = w.intern.Text(pb.CompactIntern, name)
	}
	flags, _ := ev.Context.Flags()
	number(&w.time, ev.Time-w.last)
	number(&w.pid, int64(ev.Task.PID))
	number(&w.target, int64(ev.TargetCPU))
	number(&w.prio, int64(ev.Task.Prio))
	number(&w.names, int64(i))
	number(&w.flags, int64(flags))
	w.last = ev.Time
}

// write adds the columns to a bundle.
func (w *wakings) write(m pb.Message) pb.Message {
	if w.time == nil {
		return m
	}
	return m.Sub(pb.BundleCompact, w.intern.Sub(pb.CompactWakingTime, w.time).Sub(pb.CompactWakingPID, w.pid).Sub(pb.CompactWakingTargetCPU, w.target).
		Sub(pb.CompactWakingPrio, w.prio).Sub(pb.CompactWakingComm, w.names).Sub(pb.CompactWakingFlags, w.flags))
}
