package anonymize_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/export/anonymize"
	"schedreplay/parser"
	"schedreplay/parser/open"
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

func opened(t *testing.T, path string) *open.Input {
	t.Helper()
	in, err := open.File(t.Context(), path, open.Options{Temp: parser.Temp{Dir: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	return in
}
