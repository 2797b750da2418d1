package rows_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"testing"

	"github.com/parquet-go/parquet-go"

	"schedreplay/export/rows"
	"schedreplay/internal/capturetest"
)

// FuzzWriter writes any slices in each format: what another reader reads has as many rows
// of as many columns.
func FuzzWriter(f *testing.F) {
	for _, s := range capturetest.MadeSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events := capturetest.Made(b)
		for _, format := range []rows.Format{rows.CSV, rows.JSONL, rows.Parquet} {
			var out bytes.Buffer
			w, err := rows.NewWriter(format, &out, rows.Slices, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, ev := range events {
				s := rows.Slice{CPU: ev.CPU, Task: ev.Task, Start: ev.Start, End: ev.Time, Wait: ev.Wait, Delay: ev.Delay, State: ev.State}
				if err := w.Write(&s); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			n := 0
			switch format {
			case rows.CSV:
				all, err := csv.NewReader(&out).ReadAll()
				if err != nil {
					t.Fatal(err)
				}
				n = len(all) - 1
			case rows.JSONL:
				for _, l := range lines(out.Bytes()) {
					if l != "" && !json.Valid([]byte(l)) {
						t.Fatalf("not JSON: %s", l)
					} else if l != "" {
						n++
					}
				}
			default:
				p, err := parquet.OpenFile(bytes.NewReader(out.Bytes()), int64(out.Len()))
				if err != nil {
					t.Fatal(err)
				}
				n = int(p.NumRows())
			}
			if n != len(events) {
				t.Errorf("%v: %d rows of %d", format, n, len(events))
			}
		}
	})
}
