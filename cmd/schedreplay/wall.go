package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/parser"
	"schedreplay/replay"
)

// moment is a TIME of the command line: a stamp of the capture's clock, or wall
// time, which waits for the clock's relation to it.
type moment struct {
	flag, text string
	kind       momentKind
	// ns is the stamp, the time since 1970 in UTC, or the time since midnight.
	ns int64
}

type momentKind uint8

const (
	momentNone momentKind = iota
	momentStamp
	momentWall
	momentOfDay
)

// parseMoment reads decimal seconds of the capture's clock, a wall time, or a
// time of day.
func parseMoment(flag, s string) (moment, error) {
	m := moment{flag: flag, text: s, kind: momentStamp}
	ns, err := parseTime(flag, s)
	if err == nil {
		m.ns = ns
		return m, nil
	}
	if ns, ok := parseWall(s); ok {
		m.ns, m.kind = ns, momentWall
		return m, nil
	}
	for _, layout := range [...]string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			m.ns = int64(time.Duration(t.Hour())*time.Hour+time.Duration(t.Minute())*time.Minute+time.Duration(t.Second())*time.Second) + int64(t.Nanosecond())
			m.kind = momentOfDay
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
				if err == nil && t.Year() >= 1970 && t.Year() < 2262 {
					return t.UnixNano(), true
				}
			}
		}
	}
	return 0, false
}

// wallClock relates the capture's clock to wall time.
type wallClock struct {
	// known: a relation is known; offset is added to a stamp to give ns since
	// 1970 in UTC, from says who told it.
	known  bool
	offset int64
	from   string
	// rough says why the relation is good to about a second only, empty if it is
	// exact.
	rough string
}

// of returns a stamp's wall time as people read it, "" if it is not known.
func (w *wallClock) of(ns int64) string {
	t, ok := addTime(ns, w.offset)
	if !w.known || !ok || ns == parser.NoTime || t < 0 {
		return ""
	}
	if w.rough != "" {
		return time.Unix(0, t).UTC().Format("about 2006-01-02 15:04:05 UTC")
	}
	return time.Unix(0, t).UTC().Format("2006-01-02 15:04:05.000000 UTC")
}

// rfc3339 returns a stamp's wall time as programs read it, "" if it is not
// known.
func (w *wallClock) rfc3339(ns int64) string {
	if w.of(ns) == "" {
		return ""
	}
	return time.Unix(0, ns+w.offset).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// addTime adds two times; false if the sum is none.
func addTime(a, b int64) (int64, bool) {
	s := a + b
	return s, (a < 0) != (b < 0) || (s < 0) == (a < 0)
}

// wallTime shows how the clock relates to wall time, in the head of a text.
func (a *app) wallTime(w *wallClock, res *replay.Result) {
	if s := w.of(res.Start); s != "" {
		line := fmt.Sprintf("wall time of %s s: %s, by %s", replay.Seconds(res.Start), s, w.from)
		if w.rough != "" {
			line += "; " + w.rough
		}
		fmt.Fprintln(a.out, term.Wrap(line, 80))
	}
}

// relate finds how the capture's clock relates to wall time, and turns the
// wall times of the command line into stamps. --wall wins over the capture, the
// capture over the bundle's readings.
func (c *common) relate(in *input) error {
	c.clock = relationOf(in.Meta(), in.host)
	first := int64(parser.NoTime)
	start := func() (int64, bool) {
		if first == parser.NoTime {
			first = in.firstStamp()
		}
		return first, first != parser.NoTime
	}
	if c.wall != "" {
		stamp, wall, err := parseRelation(c.wall)
		if err != nil {
			return err
		}
		at, ok := stamp.ns, true
		if stamp.kind == momentNone {
			at, ok = start()
		}
		if ok {
			offset, fits := addTime(wall, -at)
			if !fits {
				return usagef("--wall %q relates times that are too far apart", c.wall)
			}
			if own := c.clock; own.known && own.rough == "" && absolute(own.offset-offset) > int64(time.Second) {
				in.host.Notes = append(in.host.Notes, fmt.Sprintf("By %s, %s s is %s; --wall says otherwise and is used.", own.from, replay.Seconds(at), own.of(at)))
			}
			c.clock = wallClock{known: true, offset: offset, from: "--wall"}
		}
	}
	for _, r := range [...]struct {
		m  *moment
		to *int64
	}{{&c.fromTime, &c.filter.from}, {&c.toTime, &c.filter.to}, {&c.atTime, &c.atNS}} {
		if err := r.m.resolve(&c.clock, start, r.to); err != nil {
			return err
		}
	}
	return c.checkWindow()
}

func absolute(n int64) int64 { return max(n, -n) }

// checkWindow refuses a window that ends before it begins.
func (c *common) checkWindow() error {
	if c.filter.from > c.filter.to {
		return usagef("--from %s is after --to %s", c.from, c.to)
	}
	return nil
}

// resolve turns a moment into a stamp. Where the capture has no event at all it
// stays open: the reading will say so.
func (m *moment) resolve(w *wallClock, start func() (int64, bool), to *int64) error {
	switch {
	case m.kind == momentNone:
		return nil
	case m.kind == momentStamp:
		*to = m.ns
		return nil
	case !w.known:
		return usagef("%s %s is wall time, and how the capture's clock relates to it is not known; say it with --wall TIME, the wall time of the first event, "+
			"or --wall SECONDS=TIME, as in --wall 24.5=2026-11-22T03:12:05Z", m.flag, m.text)
	}
	wall := m.ns
	if m.kind == momentOfDay {
		first, ok := start()
		at, fits := addTime(first, w.offset)
		if !ok || !fits {
			return nil
		}
		// Of the days around the capture's first event, the one that comes nearest.
		const day = int64(24 * time.Hour)
		midnight := at - (at%day+day)%day
		for _, d := range [...]int64{0, -day, day} {
			if t := midnight + d + m.ns; d == 0 || absolute(t-at) < absolute(wall-at) {
				wall = t
			}
		}
	}
	ns, ok := addTime(wall, -w.offset)
	if !ok {
		return usagef("%s %s is no time of the capture's clock", m.flag, m.text)
	}
	*to = ns
	return nil
}

// firstStamp is the time of the capture's first event, parser.NoTime if there
// is none.
func (in *input) firstStamp() int64 {
	for ev, err := range in.Input.Events() {
		switch {
		case err != nil:
			return parser.NoTime
		case ev.Kind == parser.KindDamaged, ev.Kind == parser.KindComm, ev.Kind == parser.KindLost, ev.Kind == parser.KindOverwritten, ev.Time == parser.NoTime:
		default:
			return ev.Time
		}
	}
	return parser.NoTime
}

// parseRelation reads the value of --wall: [SECONDS=]TIME.
func parseRelation(s string) (stamp moment, wall int64, err error) {
	at, text, pair := strings.Cut(s, "=")
	if !pair {
		at, text = "", s
	}
	if pair {
		if stamp.ns, err = parseTime("--wall", at); err != nil {
			return stamp, 0, err
		}
		stamp.kind = momentStamp
	}
	wall, ok := parseWall(text)
	if !ok {
		return stamp, 0, usagef("--wall %q is no wall time; write the date and time of the capture's first event, as in 2026-11-22T03:12:05Z, "+
			"or relate a second of its clock, as in 24.5=2026-11-22T03:12:05Z", s)
	}
	return stamp, wall, nil
}

// relationOf is what the capture, or else the bundle, tells of wall time.
func relationOf(m *parser.Meta, h *parser.Host) wallClock {
	c := &m.Clock
	if c.Relative {
		return wallClock{}
	}
	if c.HasWall {
		return wallClock{known: true, offset: c.WallOffset, from: "the capture"}
	}
	if c.Name == "tai" || c.Name == "CLOCK_TAI" {
		return wallClock{known: true, from: "the capture", rough: "its clock counts TAI, which may be 37 s ahead of UTC"}
	}
	var offsets []int64
	w := wallClock{from: "the host bundle's readings of the clocks"}
	for _, t := range h.Wall {
		clock := t.Monotonic
		switch c.Name {
		case "mono", "CLOCK_MONOTONIC":
		case "boot", "CLOCK_BOOTTIME":
			clock = t.Boottime
		default:
			w.rough = "the capture's clock runs apart from the monotonic one: by seconds after days"
			if c.Name != "" {
				w.rough = fmt.Sprintf("the clock %s runs apart from the monotonic one: by seconds after days", parser.DisplayComm(c.Name))
			}
		}
		offsets = append(offsets, t.Realtime-clock)
	}
	if len(offsets) == 0 {
		return wallClock{}
	}
	slices.Sort(offsets)
	w.known, w.offset = true, offsets[len(offsets)/2]
	return w
}

// parseWindow reads --from and --to; wall times stay open until the clock is
// known.
func (c *common) parseWindow() (err error) {
	c.filter.from, c.filter.to = math.MinInt64, math.MaxInt64
	c.fromTime, c.toTime = moment{}, moment{}
	if c.wall != "" {
		if _, _, err := parseRelation(c.wall); err != nil {
			return err
		}
	}
	if c.from != "" {
		if c.fromTime, err = parseMoment("--from", c.from); err != nil {
			return err
		}
		if c.fromTime.kind == momentStamp {
			c.filter.from = c.fromTime.ns
		}
	}
	if c.to != "" {
		if c.toTime, err = parseMoment("--to", c.to); err != nil {
			return err
		}
		if c.toTime.kind == momentStamp {
			c.filter.to = c.toTime.ns
		}
	}
	return c.checkWindow()
}
