package perfdata

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/eventtest"
	"schedreplay/parser"
)

// Samples and task records say which thread they are about; who made a task
// that was there at the start is in another record than its name.
func TestThreads(t *testing.T) {
	for name, o := range eventtest.Orders {
		t.Run(name, func(t *testing.T) {
			w := newWriter(o)
			fork := func(pid, ppid, tid, ptid int, trailer []byte) []byte {
				return w.record(recFork, 0, w.Cat(pid, ppid, tid, ptid, uint64(0), trailer))
			}
			untimed := make([]byte, len(w.trailer(idSwitch, 0, 0, 0)))
			released := w.sample(idSwitch, 0, 7, 1300, w.Switch("seven", 70, 0x10, "swapper/0", 0))
			at := headerSize + 16 + 4 // the tid, behind the id, the ip and the pid
			o.PutUint32(released[at:], ^uint32(0))
			w.add(
				fork(7, 1, 7, 1, untimed),
				w.record(recComm, 0, w.Cat(7, 7, "early\x00\x00\x00", untimed)),
				w.record(recComm, 0, w.Cat(8, 9, "other\x00\x00\x00", untimed)), // its FORK record is missing
				w.sample(idSwitch, 0, 7, 1000, w.Switch("seven", 7, 1, "swapper/0", 0)),
				fork(7, 7, 70, 7, w.trailer(idSwitch, 0, 7, 1100)),
				w.record(recComm, commExec, w.Cat(7, 7, "later\x00\x00\x00", w.trailer(idSwitch, 0, 7, 1200))),
				released,
				w.record(recExit, 0, w.Cat(7, 7, 70, 7, uint64(0), w.trailer(idSwitch, 0, 70, 1400))),
			)
			type told struct {
				Kind   parser.Kind
				Thread parser.Thread
			}
			const no = parser.NoPID
			want := []told{
				{parser.KindComm, parser.Thread{TID: 7, TGID: 7, PPID: 1}},
				{parser.KindComm, parser.Thread{TID: 9, TGID: 8, PPID: no}},
				{parser.KindSwitch, parser.Thread{TID: 7, TGID: 7, PPID: no}},
				{parser.KindFork, parser.Thread{TID: 70, TGID: 7, PPID: 7}},
				{parser.KindComm, parser.Thread{TID: 7, TGID: 7, PPID: no}},
				{parser.KindSwitch, parser.Thread{TID: -1, TGID: 7, PPID: no}},
				{parser.KindExit, parser.Thread{TID: 70, TGID: 7, PPID: no}},
			}
			c, err := New(eventtest.Source("threads", w.file()))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var got []told
			for e, err := range c.Events() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, told{e.Kind, e.Thread})
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
