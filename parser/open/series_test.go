package open

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"schedreplay/parser"
)

// What perf record --switch-output leaves in a folder is one capture: every event of
// every file once, in order of time.
func TestSeries(t *testing.T) {
	dir := t.TempDir()
	files, err := filepath.Glob("testdata/series/*.zst")
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	sum := map[parser.Kind]int{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		path := write(t, dir, strings.TrimSuffix(filepath.Base(f), ".zst"), unpack(t, b))
		n, err := count(open(t, path, Options{}))
		if err != nil {
			t.Fatal(err)
		}
		for k := range n {
			sum[k] += n[k]
		}
	}
	in := open(t, dir, Options{})
	for range 2 {
		n, err := count(in)
		if err != nil {
			t.Fatal(err)
		}
		for k := range sum {
			if n[k] != sum[k] && k != parser.KindHole {
				t.Errorf("%d %s, want %d", n[k], k, sum[k])
			}
		}
		if n[parser.KindDamaged] > 0 || n[parser.KindSwitch] == 0 {
			t.Errorf("%v", n)
		}
	}
	var last parser.Event
	for ev := range in.Events() {
		if ev.Time < last.Time {
			t.Fatalf("time runs backwards: %d after %d", ev.Time, last.Time)
		}
		last = ev
	}
	if _, err := in.Checksum(); err != nil || !strings.Contains(strings.Join(in.Meta().Notes, " "), "a series of 2 files") {
		t.Errorf("%v, %q", err, in.Meta().Notes)
	}
	// A file that ends early costs its own rest.
	first := filepath.Join(dir, strings.TrimSuffix(filepath.Base(files[0]), ".zst"))
	b, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	third := write(t, dir, filepath.Base(first)[:len(filepath.Base(first))-16]+"9999999999999999", b[:len(b)/2])
	cut := open(t, dir, Options{})
	if n, err := count(cut); !errors.Is(err, parser.ErrTruncated) || !strings.Contains(err.Error(), third) || n[parser.KindSwitch] < sum[parser.KindSwitch] {
		t.Errorf("a file cut before its formats: %v, %v", n, err)
	}
	os.Remove(third)
	write(t, dir, "other", trace(10))
	if _, err := File(t.Context(), dir, Options{}); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("a series and another: %v", err)
	}
}

func TestSeriesOf(t *testing.T) {
	for _, tc := range []struct{ names, want string }{
		{"a.2026112617343573 a.2026112617343612", "a.2026112617343573 a.2026112617343612"},
		{"a.2026112617343612 README a.2026112617343573 host.tar.gz", "a.2026112617343573 a.2026112617343612"},
		{"a.2026112617343573", ""},
		{"a.2026112617343573 b.2026112617343612", ""},
		{"perf.data perf.data.old", ""},
	} {
		if got := strings.Join(seriesOf(strings.Fields(tc.names)), " "); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.names, got, tc.want)
		}
	}
}
