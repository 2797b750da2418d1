package main

import (
	"fmt"
	"math"
	"time"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/cmd/schedreplay/internal/wall"
	"schedreplay/parser"
	"schedreplay/replay"
)

// wallTime shows how the clock relates to wall time, in the head of a text.
func (a *app) wallTime(w *wall.Clock, res *replay.Result) {
	if s := w.Of(res.Start); s != "" {
		line := fmt.Sprintf("wall time of %s s: %s, by %s", replay.Seconds(res.Start), s, w.From)
		if w.Rough != "" {
			line += "; " + w.Rough
		}
		fmt.Fprintln(a.out, term.Wrap(line, 80))
	}
}

// relate finds how the capture's clock relates to wall time, and turns the
// wall times of the command line into stamps. --wall wins over the capture, the
// capture over the bundle's readings.
func (c *common) relate(in *input) error {
	c.clock = wall.RelationOf(in.Meta(), in.host)
	first := int64(parser.NoTime)
	start := func() (int64, bool) {
		if first == parser.NoTime {
			first = in.firstStamp()
		}
		return first, first != parser.NoTime
	}
	if c.wall != "" {
		stamp, at1970, err := wall.ParseRelation(c.wall)
		if err != nil {
			return err
		}
		at, ok := stamp.NS, true
		if stamp.Kind == wall.None {
			at, ok = start()
		}
		if ok {
			offset, fits := wall.Add(at1970, -at)
			if !fits {
				return usagef("--wall %q relates times that are too far apart", c.wall)
			}
			if own := c.clock; own.Known && own.Rough == "" && wall.Abs(own.Offset-offset) > int64(time.Second) {
				in.host.Notes = append(in.host.Notes, fmt.Sprintf("By %s, %s s is %s; --wall says otherwise and is used.", own.From, replay.Seconds(at), own.Of(at)))
			}
			c.clock = wall.Clock{Known: true, Offset: offset, From: "--wall"}
		}
	}
	for _, r := range [...]struct {
		m  *wall.Moment
		to *int64
	}{{&c.fromTime, &c.filter.From}, {&c.toTime, &c.filter.To}, {&c.atTime, &c.atNS}} {
		if err := r.m.Resolve(&c.clock, start, r.to); err != nil {
			return err
		}
	}
	return c.checkWindow()
}

// checkWindow refuses a window that ends before it begins.
func (c *common) checkWindow() error {
	if c.filter.From > c.filter.To {
		return usagef("--from %s is after --to %s", c.from, c.to)
	}
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

// parseWindow reads --from and --to; wall times stay open until the clock is
// known.
func (c *common) parseWindow() (err error) {
	c.filter.From, c.filter.To = math.MinInt64, math.MaxInt64
	c.fromTime, c.toTime = wall.Moment{}, wall.Moment{}
	if c.wall != "" {
		if _, _, err := wall.ParseRelation(c.wall); err != nil {
			return err
		}
	}
	for _, w := range [...]struct {
		flag, text string
		m          *wall.Moment
		to         *int64
	}{{"--from", c.from, &c.fromTime, &c.filter.From}, {"--to", c.to, &c.toTime, &c.filter.To}} {
		if w.text == "" {
			continue
		}
		if *w.m, err = wall.Parse(w.flag, w.text); err != nil {
			return err
		}
		if w.m.Kind == wall.Stamp {
			*w.to = w.m.NS
		}
	}
	return c.checkWindow()
}
