package plots

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/columns"
	"schedreplay/replay"
)

// shades is the number of steps of a scale of lightness.
const shades = 7

// shade is the step of a count on a logarithmic scale, 1 to shades.
func shade(n, top int64) int {
	if top <= 1 {
		return shades
	}
	return 1 + int(math.Round(float64(shades-1)*math.Log(float64(n))/math.Log(float64(top))))
}

// shadeAlpha is a step's opacity: the least is still to be seen.
func shadeAlpha(s int) uint8 { return uint8(0x2c + (0xff-0x2c)*(s-1)/(shades-1)) }

// heatFigure is the owner's delays by time and length.
func heatFigure(res *replay.Result, t *cpuTrack, c *findings.CPU, kind replay.WaitKind) *Figure {
	heat := &t.waits[kind].heat
	lo, hi, top, ok := heat.Extent()
	if !ok {
		return nil
	}
	return &Figure{
		Name:  figureName(c.CPU, [replay.WaitKinds]string{"delay-heat", "gap-heat"}[kind]),
		Title: fmt.Sprintf("When %s waited, and how long: CPU %d", OwnerName(c), c.CPU),
		Caption: [replay.WaitKinds]string{"Each field counts the owner’s wakings of one stretch of time whose sch delay was of one length", "Each field counts the owner’s off-CPU gaps of one stretch of time and one length"}[kind] + "; darker is more, on a logarithmic scale. " +
			"A band that widens upwards for a while is a disturbance; one that stays is the machine’s habit.",
		desc:   waitDescription(&c.Waits[kind], kind),
		height: high(18, 19),
		draw:   drawHeat(heat, lo, hi, top, axes.TimeFor(res.Start, res.End), kind),
	}
}

func drawHeat(h *columns.Heat, lo, hi int, top int64, ax axes.Time, kind replay.WaitKind) func(*frame) {
	return func(fr *frame) {
		fr.shadeKey(top, countNouns[kind])
		p := fr.newPlot()
		ax.Apply(p, fr.c.Max.X-fr.c.Min.X)
		p.Y = durations(columns.HeatEdge(lo), columns.HeatEdge(hi+1), 8, say.WaitNoun(kind))
		p.Add(fr.gridY, func(c draw.Canvas, p *axes.Pair) { fr.heatCells(&c, p, h, ax, top) })
		p.Draw(fr.c)
	}
}

// shadeKey draws the scale of lightness above a panel.
func (fr *frame) shadeKey(top int64, noun string) {
	st := fr.style(0.88, false, ink)
	x, y := fr.c.Min.X, fr.c.Max.Y-fr.em*0.95
	put := func(s string) { fr.text(x, y, s, st, 0, 0); x += st.Width(s) + fr.em*0.4 }
	put("1")
	for s := 1; s <= shades; s++ {
		fr.fill(withAlpha(ownerBlue, shadeAlpha(s)), x, y-fr.em*0.1, x+fr.em*1.1, y+fr.em*0.75)
		x += fr.em * 1.1
	}
	x += fr.em * 0.4
	put(say.Count(max(top, 1)) + " " + noun)
	fr.c = draw.Crop(fr.c, 0, 0, 0, -fr.em*1.7)
}

func (fr *frame) heatCells(c *draw.Canvas, p *axes.Pair, h *columns.Heat, ax axes.Time, top int64) {
	tx, ty := p.Transforms(c)
	h.Cells.Sync()
	b := h.Base
	var paths [shades + 1]vg.Path
	x := func(col int) vg.Length {
		at := float64(b.T0) + float64(col)*float64(b.Width)
		at = math.Max(float64(ax.Start), math.Min(float64(ax.End), at))
		return tx((at - float64(ax.Origin)) / ax.Unit)
	}
	for col, cell := range h.Cells.Cells {
		if cell == nil {
			continue
		}
		x0, x1 := x(col), x(col+1)
		x1 = max(x1, x0+fr.em*0.08)
		for i, n := range cell {
			if n > 0 {
				rect(&paths[shade(n, top)], x0, ty(columns.HeatEdge(i)), x1, ty(columns.HeatEdge(i+1)))
			}
		}
	}
	fr.shades(ownerBlue, &paths)
}

// shades fills paths, each in its step of a colour.
func (fr *frame) shades(clr color.NRGBA, paths *[shades + 1]vg.Path) {
	for s, path := range paths {
		if len(path) > 0 {
			fr.c.SetColor(withAlpha(clr, shadeAlpha(s)))
			fr.c.Fill(path)
		}
	}
}
