package kept

import (
	"slices"

	"schedreplay/findings"
	"schedreplay/replay"
)

// Bounds on what is kept of one CPU for close-ups.
const (
	maxClips = 16  // close-ups
	before   = 160 // runs before a stay begins
	after    = 160 // and after
	maxMarks = 512 // stretches of interrupts before, and as many after
)

// Mark is a stretch in which an interrupt ran.
type Mark struct {
	From, To int64
	Kind     replay.NoiseKind
}

// Clip is a stretch of runs around the beginning of stays.
type Clip struct {
	Runs []replay.Slice
	// Marks are the interrupts in it, all that ended from MarksFrom to MarksTo.
	Marks              []Mark
	MarksFrom, MarksTo int64
	stays              []int
	left               int
}

// Clips are those of one CPU.
type Clips struct {
	// The last runs and marks, each a ring.
	runs          []replay.Slice
	next          int
	marks         []Mark
	oldest        int
	clips         []*Clip
	began, marked int // stays, and whether marks were dropped
}

// Of returns the clip that shows how a stay began, nil if none was kept.
func (c *Clips) Of(stay int) *Clip {
	for _, k := range c.clips {
		if slices.Contains(k.stays, stay) {
			return k
		}
	}
	return nil
}

// open is the clip that still takes runs, nil if there is none.
func (c *Clips) open() *Clip {
	if n := len(c.clips); n > 0 && c.clips[n-1].left > 0 {
		return c.clips[n-1]
	}
	return nil
}

// Run keeps a run in the ring, which becomes the beginning of a clip when a stay begins.
func (c *Clips) Run(r *replay.Slice) {
	open := c.open()
	if r.Stay >= c.began {
		c.began = r.Stay + 1
		if open == nil && len(c.clips) < maxClips {
			open = &Clip{Runs: make([]replay.Slice, 0, before+after), left: after}
			for i := range c.runs {
				open.Runs = append(open.Runs, c.runs[(c.next+i)%len(c.runs)])
			}
			c.mark(open, r)
			c.clips = append(c.clips, open)
		}
		if open != nil {
			open.stays = append(open.stays, r.Stay)
		}
	}
	if open != nil {
		open.Runs = append(open.Runs, *r)
		open.left--
	}
	if len(c.runs) < before {
		c.runs = append(c.runs, *r)
		return
	}
	c.runs[c.next] = *r
	c.next = (c.next + 1) % before
}

// mark gives a clip that opens with a run the marks that are kept.
func (c *Clips) mark(k *Clip, r *replay.Slice) {
	start := r.Start
	if len(k.Runs) > 0 {
		start = k.Runs[0].Start
	}
	k.MarksFrom, k.MarksTo = start, 1<<63-1
	for i := range c.marks {
		m := c.marks[(c.oldest+i)%len(c.marks)]
		if i == 0 && c.marked > len(c.marks) {
			k.MarksFrom = max(start, m.From)
		}
		if m.To > start {
			k.Marks = append(k.Marks, m)
		}
	}
}

// Interrupt keeps an interrupt.
func (c *Clips) Interrupt(in *replay.Interruption) {
	open := c.open()
	for _, s := range in.Spans {
		if s.From >= s.To {
			continue
		}
		m := Mark{s.From, s.To, in.Kind}
		switch {
		case open == nil:
		case len(open.Marks) < 2*maxMarks:
			open.Marks = append(open.Marks, m)
		default:
			open.MarksTo = min(open.MarksTo, open.Marks[len(open.Marks)-1].To)
		}
		c.marked++
		if len(c.marks) < maxMarks {
			c.marks = append(c.marks, m)
			continue
		}
		c.marks[c.oldest] = m
		c.oldest = (c.oldest + 1) % maxMarks
	}
}

// Span is what a close-up of an arrival shows: from a little before it to the end of the
// third foreign run; seen counts those.
func (k *Clip) Span(at int64) (start, end int64, seen int) {
	end = at + 1
	for i := range k.Runs {
		r := &k.Runs[i]
		if r.Start >= at && findings.IsIntruder(r) && seen < 3 {
			seen++
			end = r.End
		}
	}
	start = at - (end-at)*2/5
	end += (end - at) / 10
	return max(start, k.Runs[0].Start), min(end, k.Runs[len(k.Runs)-1].End), seen
}
