// Package wall reads the times of the command line, and relates a capture's clock to wall
// time.
package wall

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"schedreplay/cmd/schedreplay/internal/usage"
	"schedreplay/parser"
)

// Moment is a TIME of the command line: a stamp of the capture's clock, or wall
// time, which waits for the clock's relation to it.
type Moment struct {
	// Flag and Text are as given.
	Flag, Text string
	Kind       Kind
	// NS is the stamp, the time since 1970 in UTC, or the time since midnight.
	NS int64
}

// Kind says what a moment is.
type Kind uint8

// The kinds.
const (
	None Kind = iota
	Stamp
	Wall
	OfDay
)

// Parse reads decimal seconds of the capture's clock, a wall time, or a
// time of day.
func Parse(flag, s string) (Moment, error) {
	m := Moment{Flag: flag, Text: s, Kind: Stamp}
	ns, err := ParseTime(flag, s)
	if err == nil {
		m.NS = ns
		return m, nil
	}
	if ns, ok := parseWall(s); ok {
		m.NS, m.Kind = ns, Wall
		return m, nil
	}
	for _, layout := range [...]string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			m.NS = int64(time.Duration(t.Hour())*time.Hour+time.Duration(t.Minute())*time.Minute+time.Duration(t.Second())*time.Second) + int64(t.Nanosecond())
			m.Kind = OfDay
			return m, nil
		}
	}
	return m, err
}

// parseWall reads RFC 3339 and its likes, UTC unless an offset is given, into
// ns since 1970.
func parseWall(s string) (int64, bool) {
	for _, sep := range [...]string{"T", " "} {
		for _, clock := range [...]string{"15:04:05", "15:04"} {
			for _, zone := range [...]string{"", "Z07:00", "Z0700", " Z07:00", " -0700", " UTC"} {
				t, err := time.Parse("2006-01-02"+sep+clock+zone, s)
				if err == nil && t.Unix() >= 0 && t.Year() < 2262 {
					return t.UnixNano(), true
				}
			}
		}
	}
	return 0, false
}

// Clock relates the capture's clock to wall time.
type Clock struct {
	// Known: a relation is known; offset is added to a stamp to give ns since
	// 1970 in UTC, From says who told it.
	Known  bool
	Offset int64
	From   string
	// Rough says why the relation is good to about a second only, empty if it is
	// exact.
	Rough string
}

// Of returns a stamp's wall time as people read it, "" if it is not known.
func (w *Clock) Of(ns int64) string {
	t, ok := Add(ns, w.Offset)
	if !w.Known || !ok || ns == parser.NoTime || t < 0 {
		return ""
	}
	if w.Rough != "" {
		return time.Unix(0, t).UTC().Format("about 2006-01-02 15:04:05 UTC")
	}
	return time.Unix(0, t).UTC().Format("2006-01-02 15:04:05.000000 UTC")
}

// RFC3339 returns a stamp's wall time as programs read it, "" if it is not
// known.
func (w *Clock) RFC3339(ns int64) string {
	if w.Of(ns) == "" {
		return ""
	}
	return time.Unix(0, ns+w.Offset).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// Add adds two times; false if the sum is none.
func Add(a, b int64) (int64, bool) {
	s := a + b
	return s, (a < 0) != (b < 0) || (s < 0) == (a < 0)
}

// Abs is the absolute value.
func Abs(n int64) int64 { return max(n, -n) }

// Resolve turns a Moment into a stamp. Where the capture has no event at all it
// stays open: the reading will say so.
func (m *Moment) Resolve(w *Clock, start func() (int64, bool), to *int64) error {
	switch {
	case m.Kind == None:
		return nil
	case m.Kind == Stamp:
		*to = m.NS
		return nil
	case !w.Known:
		return usage.Errorf("%s %s is wall time, and how the capture's clock relates to it is not known; say it with --wall TIME, the wall time of the first event, "+
			"or --wall SECONDS=TIME, as in --wall 24.5=2026-11-22T03:12:05Z", m.Flag, m.Text)
	}
	wall := m.NS
	if m.Kind == OfDay {
		first, ok := start()
		at, fits := Add(first, w.Offset)
		if !ok || !fits {
			return nil
		}
		// Of the days around the capture's first event, the one that comes nearest.
		const day = int64(24 * time.Hour)
		midnight := at - (at%day+day)%day
		for _, d := range [...]int64{0, -day, day} {
			if t := midnight + d + m.NS; d == 0 || Abs(t-at) < Abs(wall-at) {
				wall = t
			}
		}
	}
	ns, ok := Add(wall, -w.Offset)
	if !ok {
		return usage.Errorf("%s %s is no time of the capture's clock", m.Flag, m.Text)
	}
	*to = ns
	return nil
}

// ParseRelation reads the value of --wall: [SECONDS=]TIME.
func ParseRelation(s string) (stamp Moment, wall int64, err error) {
	at, text, pair := strings.Cut(s, "=")
	if !pair {
		at, text = "", s
	}
	if pair {
		if stamp.NS, err = ParseTime("--wall", at); err != nil {
			return stamp, 0, err
		}
		stamp.Kind = Stamp
	}
	wall, ok := parseWall(text)
	if !ok {
		return stamp, 0, usage.Errorf("--wall %q is no wall time; write the date and time of the capture's first event, as in 2026-11-22T03:12:05Z, "+
			"or relate a second of its clock, as in 24.5=2026-11-22T03:12:05Z", s)
	}
	return stamp, wall, nil
}

// RelationOf is what the capture, or else the bundle, tells of wall time.
func RelationOf(m *parser.Meta, h *parser.Host) Clock {
	c := &m.Clock
	if c.Relative {
		return Clock{}
	}
	if c.HasWall {
		return Clock{Known: true, Offset: c.WallOffset, From: "the capture"}
	}
	if c.Name == "tai" || c.Name == "CLOCK_TAI" {
		return Clock{Known: true, From: "the capture", Rough: "its clock counts TAI, which may be 37 s ahead of UTC"}
	}
	var offsets []int64
	w := Clock{From: "the host bundle's readings of the clocks"}
	for _, t := range h.Wall {
		clock := t.Monotonic
		switch c.Name {
		case "mono", "CLOCK_MONOTONIC":
		case "boot", "CLOCK_BOOTTIME":
			clock = t.Boottime
		default:
			w.Rough = "the capture's clock runs apart from the monotonic one: by seconds after days"
			if c.Name != "" {
				w.Rough = fmt.Sprintf("the clock %s runs apart from the monotonic one: by seconds after days", parser.DisplayComm(c.Name))
			}
		}
		offsets = append(offsets, t.Realtime-clock)
	}
	if len(offsets) == 0 {
		return Clock{}
	}
	slices.Sort(offsets)
	w.Known, w.Offset = true, offsets[len(offsets)/2]
	return w
}

// ParseTime reads decimal seconds into ns, rounding nothing: digits beyond the
// ninth must be zeros.
func ParseTime(flag, s string) (int64, error) {
	bad := func() (int64, error) {
		return 0, usage.Errorf("%s %q is no time; write seconds of the capture's clock, as in 24.569910, or wall time, as in 2026-11-22T03:12:05Z", flag, s)
	}
	digits, sign := s, int64(1)
	if d, ok := strings.CutPrefix(s, "-"); ok {
		digits, sign = d, -1
	}
	whole, frac, dot := strings.Cut(digits, ".")
	if whole == "" && frac == "" || strings.Trim(whole+frac, "0123456789") != "" || dot && frac == "" {
		return bad()
	}
	if len(frac) > 9 {
		if strings.Trim(frac[9:], "0") != "" {
			return bad()
		}
		frac = frac[:9]
	}
	sec, err := strconv.ParseInt("0"+whole, 10, 64)
	if err != nil || sec > math.MaxInt64/1_000_000_000-1 {
		return bad()
	}
	ns, _ := strconv.ParseInt(frac+strings.Repeat("0", 9-len(frac)), 10, 64) // nine digits
	return sign * (sec*1_000_000_000 + ns), nil
}
