package wall

import (
	"math"
	"strings"
	"testing"
	"time"

	"schedreplay/parser"
)

func TestParseMoment(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 12, 5, 250_000_000, time.UTC).UnixNano()
	for s, want := range map[string]Moment{
		"24.569910":                     {Kind: Stamp, NS: 24569910000},
		"-1.5":                          {Kind: Stamp, NS: -1_500_000_000},
		"2026-11-22T03:12:05.25Z":       {Kind: Wall, NS: at},
		"2026-11-22 03:12:05.25":        {Kind: Wall, NS: at},
		"2026-11-22T04:12:05.25+01:00":  {Kind: Wall, NS: at},
		"2026-11-22 05:12:05.25 +0200":  {Kind: Wall, NS: at},
		"2026-11-22 03:12:05.25 UTC":    {Kind: Wall, NS: at},
		"2026-11-22T03:12":              {Kind: Wall, NS: at - 5_250_000_000},
		"03:12:05.000000001":            {Kind: OfDay, NS: (3*3600+12*60+5)*1e9 + 1},
		"00:00":                         {Kind: OfDay},
		"2261-12-31T23:59:59Z":          {Kind: Wall, NS: time.Date(2261, 12, 31, 23, 59, 59, 0, time.UTC).UnixNano()},
		"2026-11-22T03:12:05.123456789": {Kind: Wall, NS: at - 250_000_000 + 123456789},
	} {
		got, err := Parse("--at", s)
		if err != nil || got.Kind != want.Kind || got.NS != want.NS {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "2026-11-22", "25:00", "9999-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "1e3", "03:12:05Z "} {
		if got, err := Parse("--at", s); err == nil {
			t.Errorf("%q: %+v", s, got)
		} else if !strings.Contains(err.Error(), "--at") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// A relation never overflows, and an unknown one says nothing.
func TestWallClock(t *testing.T) {
	if s := (&Clock{}).Of(1); s != "" {
		t.Errorf("unKnown: %q", s)
	}
	w := Clock{Known: true, Offset: math.MaxInt64}
	if s := w.Of(1); s != "" {
		t.Errorf("overflow: %q", s)
	}
	w = Clock{Known: true, Offset: 1795317125_000000000 - 24_569910000}
	if s := w.Of(24_569910000); s != "2026-11-22 03:12:05.000000 UTC" {
		t.Errorf("%q", s)
	}
	if s := w.Of(parser.NoTime); s != "" {
		t.Errorf("no time: %q", s)
	}
	w.Rough = "it drifts"
	if s := w.Of(24_569910000); s != "about 2026-11-22 03:12:05 UTC" {
		t.Errorf("%q", s)
	}
	if s := w.RFC3339(24_569910000); s != "2026-11-22T03:12:05.000000000Z" {
		t.Errorf("%q", s)
	}
}

// What the capture says wins over the bundle; the bundle's readings are exact
// for the clocks they are of.
func TestRelationOf(t *testing.T) {
	h := &parser.Host{Wall: []parser.ClockTriple{
		{Realtime: 1000, Monotonic: 100, Boottime: 200}, {Realtime: 1001, Monotonic: 101, Boottime: 201}, {Realtime: 9000, Monotonic: 102, Boottime: 202},
	}}
	for _, test := range []struct {
		clock  parser.Clock
		known  bool
		offset int64
		rough  bool
	}{
		{parser.Clock{Name: "mono"}, true, 900, false},
		{parser.Clock{Name: "CLOCK_BOOTTIME"}, true, 800, false},
		{parser.Clock{Name: "local"}, true, 900, true},
		{parser.Clock{}, true, 900, true},
		{parser.Clock{Name: "mono", HasWall: true, WallOffset: 5}, true, 5, false},
		{parser.Clock{Name: "mono", Relative: true}, false, 0, false},
		{parser.Clock{Name: "tai"}, true, 0, true},
	} {
		w := RelationOf(&parser.Meta{Clock: test.clock}, h)
		if w.Known != test.known || w.Offset != test.offset || (w.Rough != "") != test.rough {
			t.Errorf("%+v: %+v", test.clock, w)
		}
	}
	if w := RelationOf(&parser.Meta{Clock: parser.Clock{Name: "mono"}}, &parser.Host{}); w.Known {
		t.Errorf("without readings: %+v", w)
	}
}

// Any text is a moment of the years that a stamp counts, or an error that names the flag; and
// a clock, however far off, gives a stamp that it shows as that moment again, or an error.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"24.569910", "-1.5", ".5", "2026-11-22T03:12:05.25Z", "2026-11-22 05:12 +0200", "03:12:05.000000001", "9223372035.999999999", "1e3", "1970-01-01T00:00+01:00",
	} {
		f.Add(s, int64(1795317125_000000000))
	}
	f.Fuzz(func(t *testing.T, s string, offset int64) {
		m, err := Parse("--at", s)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "--at ") || strings.ContainsRune(err.Error(), '\n') {
				t.Fatalf("%q: %q", s, err)
			}
			return
		}
		if m.Text != s || m.Kind == None || m.Kind == Wall && m.NS < 0 || m.Kind == OfDay && (m.NS < 0 || m.NS >= int64(24*time.Hour)) {
			t.Fatalf("%q: %+v", s, m)
		}
		const unset = math.MinInt64
		w, got := Clock{Known: true, Offset: offset}, int64(unset)
		if err := m.Resolve(&w, func() (int64, bool) { return offset / 3, true }, &got); err != nil || got == unset {
			return
		}
		if at, ok := Add(got, offset); m.Kind == Wall && (!ok || at != m.NS) || m.Kind == Stamp && got != m.NS {
			t.Fatalf("%q is %d, by a clock that is off by %d %d", s, m.NS, offset, got)
		}
		if shown := w.RFC3339(got); shown != "" {
			if back, err := Parse("--at", shown); err != nil || back.Kind != Wall || back.NS != got+offset {
				t.Fatalf("%q is shown as %q, which reads %+v, %v", s, shown, back, err)
			}
		}
	})
}

// Any text relates a stamp to wall time, or is an error that names the flag.
func FuzzParseRelation(f *testing.F) {
	for _, s := range []string{"2026-11-22T03:12:05Z", "24.5=2026-11-22T03:12:05Z", "=2026-11-22T03:12:05Z", "1==2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stamp, at, err := ParseRelation(s)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "--wall ") || strings.ContainsRune(err.Error(), '\n') {
				t.Fatalf("%q: %q", s, err)
			}
		} else if at < 0 || (stamp.Kind == Stamp) != strings.Contains(s, "=") {
			t.Fatalf("%q: %+v at %d", s, stamp, at)
		}
	})
}
