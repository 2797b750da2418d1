package anonymize_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"schedreplay/export/anonymize"
	"schedreplay/parser"
	"schedreplay/parser/open"
	"schedreplay/parser/perfetto/pb"
)

// A Perfetto trace keeps its events and loses its names, in whichever encoding.
func TestPerfetto(t *testing.T) {
	for _, name := range []string{"compact", "full"} {
		t.Run(name, func(t *testing.T) {
			in := opened(t, filepath.Join(root, "parser/perfetto/testdata", name+".pftrace.zst"))
			path := filepath.Join(t.TempDir(), "copy")
			out, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			names := anonymize.NewNames(in.Meta().Host)
			if _, err := anonymize.Capture(in.Source(), in.Capture, names, anonymize.All, out); err != nil {
				t.Fatal(err)
			}
			to := names.Mapping()
			rename := func(s *string) {
				if n, ok := to[*s]; ok {
					*s = n
				}
			}
			var want []parser.Event
			for ev, err := range in.Events() {
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, ev)
			}
			i := 0
			for got, err := range opened(t, path).Events() {
				if err != nil {
					t.Fatal(err)
				}
				w := want[i]
				i++
				for _, k := range []*parser.Task{&w.Task, &w.Next, &w.Cur} {
					rename(&k.Comm)
				}
				w.Pos, got.Pos = 0, 0
				if w.Kind == parser.KindExec {
					w.Text, got.Text = "", ""
				}
				if got != w {
					t.Fatalf("event %d:\n%+v\n%+v", i, w, got)
				}
			}
			if i != len(want) || i < 3000 {
				t.Errorf("%d events of %d", i, len(want))
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var secret, public []string
			for from, became := range to {
				if from != became {
					secret = append(secret, from)
				}
				public = append(public, became)
			}
			if len(secret) < 5 {
				t.Errorf("%d names replaced", len(secret))
			}
			known := grams(5, public...)
			for s := range grams(5, secret...) {
				if known[s] {
					continue
				}
				if bytes.Contains(b, []byte(s)) {
					t.Errorf("%q is left", s)
				}
			}
		})
	}
}

// What a CPU does beside its tasks is in the copy, but where the kernel lies in memory and
// which task hangs.
func TestPerfettoAsides(t *testing.T) {
	const address = 0xffffffff81234560
	type body struct {
		num protowire.Number
		m   pb.Message
	}
	b := pb.Message(nil).Uint(pb.BundleCPU, 1)
	for i, e := range []body{
		{pb.EventSchedWaking, pb.Message(nil).Text(pb.WakeComm, "secretive").Uint(pb.WakePID, 9).Uint(pb.WakeTargetCPU, 1)},
		{36, pb.Message(nil).Uint(1, 41).Text(2, "eth0")},
		{37, pb.Message(nil).Uint(1, 41)},
		{24, pb.Message(nil).Uint(1, 3)},
		{25, pb.Message(nil).Uint(1, 3)},
		{553, pb.Message(nil).Uint(1, address).Uint(3, 1)},
		{554, nil},
		{58, pb.Message(nil).Uint(1, address).Uint(2, address)},
		{13, pb.Message(nil).Uint(1, 2)},
		{241, pb.Message(nil).Text(1, "secretive").Uint(2, 9)},
	} {
		b = b.Sub(pb.BundleEvent, pb.Message(nil).Uint(pb.EventTimestamp, uint64(100+i)).Uint(pb.EventPID, 7).Sub(e.num, e.m))
	}
	interned := pb.Message(nil).Sub(pb.InternedKernelSymbols, pb.Message(nil).Uint(pb.InternedIID, 1).Text(pb.InternedText, "tick_nohz_handler"))
	trace := pb.Message(nil).Sub(pb.TracePacket, pb.Message(nil).Sub(pb.PacketInterned, interned).Sub(pb.PacketFtraceEvents, b).Uint(pb.PacketSequenceID, 1))
	from, path := filepath.Join(t.TempDir(), "trace"), filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(from, trace, 0o666); err != nil {
		t.Fatal(err)
	}
	in := opened(t, from)
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := anonymize.Capture(in.Source(), in.Capture, anonymize.NewNames(in.Meta().Host), anonymize.All, out); err != nil {
		t.Fatal(err)
	}
	got := ""
	for ev, err := range opened(t, path).Events() {
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprintf("%s %s %d\n", ev.Name(), ev.Text, ev.Count)
	}
	want := "sched_waking  -1\nirq_handler_entry eth0 41\nirq_handler_exit  41\nsoftirq_entry NET_RX 3\nsoftirq_exit NET_RX 3\nhrtimer_expire_entry tick_nohz_handler -1\n" +
		"hrtimer_expire_exit  -1\nworkqueue_execute_start  -1\ncpu_idle  2\nsched_process_hang  -1\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	copied, err := os.ReadFile(path)
	if err != nil || bytes.Contains(copied, []byte("secretive")) || bytes.Contains(copied, protowire.AppendVarint(nil, address)) {
		t.Errorf("a name or an address is left (%v): %q", err, copied)
	}
}

func opened(t *testing.T, path string) *open.Input {
	t.Helper()
	in, err := open.File(t.Context(), path, open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}
