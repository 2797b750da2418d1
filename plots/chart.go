package plots

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/plots/internal/kept"
	"schedreplay/replay"
	"schedreplay/stats"
)

// A chart is what the page's script draws in place of a static figure, so that
// it can be zoomed: page.js knows the kinds. Times are ns after Origin, a whole
// second of the capture's clock; numbers are integers that a float64 holds.
type chart struct {
	Kind   string       `json:"kind"`
	Origin int64        `json:"o"` // s
	Min    float64      `json:"min"`
	Max    float64      `json:"max"`
	YMin   float64      `json:"ymin"`
	YMax   float64      `json:"ymax"`
	XLabel string       `json:"xlabel"`
	Panels []chartPanel `json:"panels,omitempty"`
	Marks  []chartMark  `json:"marks"`
	Kinds  []chartKind  `json:"kinds,omitempty"`
}

type chartPanel struct {
	Name  string      `json:"n"`
	Lanes []chartLane `json:"lanes"`
}

// chartLane is a lane of a strip: its slices one by one as gap, length, gap,
// length …, or the share in percent of columns that begin at T and are W wide.
// What is only possible has the prefix p.
type chartLane struct {
	Name      string            `json:"n"`
	Short     string            `json:"h,omitempty"`
	Style     laneStyle         `json:"k"`
	Note      string            `json:"note,omitempty"`
	Slices    []int64           `json:"s,omitempty"`
	PSlices   []int64           `json:"ps,omitempty"`
	T         int64             `json:"t,omitempty"`
	W         int64             `json:"w,omitempty"`
	Columns   []int             `json:"v,omitempty"`
	PColumns  []int             `json:"pv,omitempty"`
	solid     *columns.Coverage // where the columns are from
	possible  *columns.Coverage
	pickSolid func(*kept.Sliver) bool
	pickMaybe func(*kept.Sliver) bool
}

type chartMark struct {
	T    int64  `json:"t"`
	Name string `json:"n,omitempty"`
}

// chartKind is a kind of the owner's wakings. Points are pairs: over time the
// time since the last and the delay; in a distribution the delay and how many
// are not longer.
type chartKind struct {
	Name   string  `json:"n"`
	Color  string  `json:"c"`
	Mark   string  `json:"m"`
	Total  int64   `json:"total"`
	Points []int64 `json:"p"`
}

// maxChartBytes bounds the data of all charts of a page.
const maxChartBytes = 450_000

// Columns per lane and points per kind where the single ones are too many.
const (
	chartColumns = 1024
	chartSteps   = 400
)

// chartOrigin is the whole second at or before a time.
func chartOrigin(start int64) int64 {
	s := start / 1e9
	if start%1e9 < 0 {
		s--
	}
	return s
}

// newTimeChart makes an empty chart over the window.
func newTimeChart(kind string, ax axes.Time) *chart {
	o := chartOrigin(ax.Start)
	return &chart{Kind: kind, Origin: o, Min: float64(ax.Start - o*1e9), Max: float64(ax.End - o*1e9), XLabel: "time on the capture’s clock, s"}
}

func chartStrip(t *cpuTrack, strips []strip, ax axes.Time, marks []moment) *chart {
	c := newTimeChart("strip", ax)
	c.YMax, c.Marks = 1, []chartMark{}
	for _, s := range strips {
		p := chartPanel{Name: say.Plain(s.title)}
		for _, l := range s.lanes {
			k := chartLane{
				Name: l.name, Short: l.short, Style: l.style, Note: l.note, solid: l.solid, possible: l.possible, pickSolid: l.pickSolid, pickMaybe: l.pickPossible,
			}
			k.fill(t, ax, c.Origin*1e9)
			p.Lanes = append(p.Lanes, k)
		}
		c.Panels = append(c.Panels, p)
	}
	for _, m := range marks {
		if m.at >= ax.Start && m.at <= ax.End {
			c.Marks = append(c.Marks, chartMark{m.at - c.Origin*1e9, m.label})
		}
	}
	return c
}

// fill gives a lane its slices, or its columns where those were too many.
func (k *chartLane) fill(t *cpuTrack, ax axes.Time, origin int64) {
	d := &t.runs
	if k.Style == laneInterrupt {
		d = &t.interrupted
	}
	if !d.Over && k.pickSolid != nil {
		k.Slices = d.Pick(k.pickSolid, origin)
		if k.pickMaybe != nil {
			k.PSlices = d.Pick(k.pickMaybe, origin)
		}
		return
	}
	columns := func(c *columns.Coverage) []int {
		if c == nil {
			return nil
		}
		shares := c.Columns(ax.Start, ax.End, chartColumns)
		out, any := make([]int, len(shares)), false
		for i, s := range shares {
			if s > 0 {
				out[i], any = max(1, int(math.Round(100*s))), true
			}
		}
		if !any {
			return nil
		}
		return out
	}
	k.Columns, k.PColumns = columns(k.solid), columns(k.possible)
	if b := t.base; k.Columns != nil || k.PColumns != nil {
		n := len(k.Columns) + len(k.PColumns)
		if k.Columns != nil && k.PColumns != nil {
			n = len(k.Columns)
		}
		// The columns begin with that of the start, several of the track together.
		first, last := b.Column(b.Clamp(ax.Start)), b.Column(b.Clamp(ax.End)-1)
		per := (last - first + n) / n
		k.T, k.W = b.T0+int64(first)*b.Width-origin, int64(per)*b.Width
	}
}

func chartDelay(t *cpuTrack, kind replay.WaitKind, kinds [2]delayKind, ax axes.Time) *chart {
	c, tracks := newTimeChart("delay", ax), t.waits[kind].over
	all := columns.Extent{}
	names := [2][2]string{{"owner", "dot"}, {"intruder", "triangle"}}
	for i, k := range kinds {
		e := tracks[i].Between(float64(ax.Start), float64(ax.End)+1)
		if e.N == 0 {
			continue
		}
		all = columns.MergeExtent(all, e)
		x := chartKind{Name: k.name, Color: names[i][0], Mark: names[i][1], Total: e.N}
		at := c.Origin * 1e9
		add := func(t, v int64) {
			x.Points = append(x.Points, t-at, v)
			at = t
		}
		if !t.runs.Over {
			for _, p := range t.runs.Points {
				if p.Kind == kind && p.Intruded == (i == 1) {
					add(p.At, p.NS)
				}
			}
		} else {
			x.Name += " (shortest and longest of each stretch)"
			dt := float64(ax.End-ax.Start) / chartColumns
			for j := range chartColumns {
				from := float64(ax.Start) + float64(j)*dt
				if e := tracks[i].Between(from, from+dt); e.N > 0 {
					add(int64(from+dt/2), e.Min)
					if e.Max > e.Min {
						add(int64(from+dt/2), e.Max)
					}
				}
			}
		}
		c.Kinds = append(c.Kinds, x)
	}
	c.YMin, c.YMax = delayRange(all.Min, all.Max)
	c.YMax = math.Max(c.YMin*10, float64(all.Max)*1.6)
	return c
}

func chartCDF(hists []*stats.Dist, kinds []delayKind, kind replay.WaitKind) *chart {
	c := &chart{Kind: "cdf", XLabel: say.WaitNoun(kind) + ", logarithmic"}
	names := [3][2]string{{"owner", "dot"}, {"intruder", "triangle"}, {"patch", "square"}}
	for i, h := range hists {
		if h.Count() == 0 {
			continue
		}
		k := chartKind{Name: kinds[i].name, Color: names[i][0], Mark: names[i][1], Total: h.Count()}
		steps := h.Steps()
		// As many steps as can be told apart: equal in the scale of nines.
		var last float64 = -1
		for j, s := range steps {
			at := math.Log10(float64(h.Count()))
			if left := h.Count() - s.Count; left > 0 {
				at = -math.Log10(float64(left) / float64(h.Count()))
			}
			if at-last >= 8.0/chartSteps || j == len(steps)-1 || j == 0 {
				k.Points = append(k.Points, s.NS, s.Count)
				last = at
			}
		}
		c.Kinds = append(c.Kinds, k)
	}
	lo, hi, most := extremes(hists)
	c.Min, c.Max = delayRange(lo, hi)
	c.YMax = stats.Nines(most)
	return c
}

// Charts encodes the charts of figures, as many as fit in the order given; the
// others stay pictures. The keys are the figures' names.
func Charts(list []*Figure) ([]byte, map[*Figure]bool, error) {
	var b bytes.Buffer
	in := map[*Figure]bool{}
	b.WriteByte('{')
	for _, f := range list {
		if f.chart == nil || in[f] {
			continue
		}
		j, err := json.Marshal(f.chart) // which also escapes <, > and &
		if err != nil {
			return nil, nil, err
		}
		if b.Len()+len(j) > maxChartBytes {
			continue
		}
		if len(in) > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.Name, j)
		in[f] = true
	}
	b.WriteByte('}')
	return b.Bytes(), in, nil
}
