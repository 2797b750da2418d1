package anonymize_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"schedreplay/export/anonymize"
	"schedreplay/export/rows"
	"schedreplay/internal/capturetest"
	"schedreplay/internal/traces"
	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

// results are the wakeups, runs and stays of a capture, as lines.
func results(t *testing.T, path, bundle string) []string {
	t.Helper()
	in, h := capturetest.Open(t, path, bundle)
	var lines []string
	note := func(table string, row []byte) { lines = append(lines, table+" "+string(row)) }
	_, err := replay.Run(context.Background(), in, h, replay.Plan{Observer: replay.Observer{
		Wakeup: func(w *replay.Wakeup) {
			clearNames(&w.Task, &w.Waker)
			note("wakeup", rows.Wakeups.AppendJSON(nil, w))
		},
		Run: func(r *replay.Slice) {
			clearNames(&r.Task)
			note("run", rows.Intrusions.AppendJSON(nil, r))
		},
		Stay: func(s *replay.Stay) {
			task := s.Task
			clearNames(&s.Task)
			note("stay", rows.Stays.AppendJSON(nil, &rows.Stay{Stay: s, Modelled: true}))
			s.Task = task
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// clearNames leaves the pids: that the names are mapped one to one is tested on
// the events.
func clearNames(tasks ...*replay.TaskRef) {
	for _, t := range tasks {
		t.Comm = ""
	}
}

// What is found in a copy is what is found in the original.
func TestResultsAreTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("replays every capture twice")
	}
	for _, r := range traces.Recordings(t) {
		path, bundle := r.Path, r.Bundle
		t.Run(r.Folder+"/"+r.Name, func(t *testing.T) {
			in, err := open.File(t.Context(), path, open.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			h, err := host.Read(t.Context(), bundle)
			if err != nil {
				t.Fatal(err)
			}
			n := anonymize.NewNames(h)
			b, _, err := rewrite(t, in, n, anonymize.All)
			if err != nil {
				t.Fatal(err)
			}
			tmp := t.TempDir()
			copied := filepath.Join(tmp, "capture")
			if err := os.WriteFile(copied, b, 0o666); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(filepath.Join(tmp, "host.tar.gz"))
			if err != nil {
				t.Fatal(err)
			}
			if err := anonymize.Bundle(bundle, n, f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			want, got := results(t, path, bundle), results(t, copied, f.Name())
			if len(want) != len(got) || len(want) == 0 {
				t.Fatalf("%d results of the original, %d of the copy", len(want), len(got))
			}
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("original: %s\ncopy:     %s", want[i], got[i])
				}
			}
		})
	}
}
