package plots

import (
	"cmp"
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"

	"schedreplay/cpumask"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/axes"
	"schedreplay/plots/internal/places"
)

// landingRow is how often each CPU was chosen, under one kernel.
type landingRow struct {
	name   string
	clr    color.Color
	counts map[int]int64
}

const landingRowEm = 7.6

// drawLanding draws one row of bars per kernel over the CPUs in groups, with
// the isolated ones marked.
func drawLanding(rows []landingRow, groups []places.Group, isolated cpumask.Mask, noun string) func(*frame) {
	return func(fr *frame) {
		n := 0
		for _, g := range groups {
			n += len(g.CPUs)
		}
		gap := 0.6 // between groups, in bars
		units := float64(n) + gap*float64(len(groups)-1)
		var top int64 = 1
		for _, r := range rows {
			for _, c := range r.counts {
				top = max(top, c)
			}
		}
		left := fr.em * 3.4
		x0, x1 := fr.c.Min.X+left, fr.c.Max.X
		pitch := (x1 - x0) / vg.Length(units)
		pos := map[int]vg.Length{} // left edge of a CPU's bar
		u := 0.0
		for _, g := range groups {
			for _, cpu := range g.CPUs {
				pos[cpu] = x0 + pitch*vg.Length(u)
				u++
			}
			u += gap
		}
		bottom := fr.c.Min.Y + fr.em*3.4
		fr.isolatedBands(groups, isolated, pos, pitch, bottom)
		step := axes.NiceStep(float64(top), 2)
		if step < 1 {
			step = 1
		}
		for i, r := range rows {
			hi := fr.c.Max.Y - fr.em*landingRowEm*vg.Length(i)
			base := hi - fr.em*(landingRowEm-0.6)
			fr.text(x0, hi-fr.em*0.15, r.name, fr.style(0.95, true, ink), 0, 1)
			full := fr.em * (landingRowEm - 3.3)
			for v := 0.0; v <= float64(top); v += step {
				y := base + full*vg.Length(v/float64(top))
				fr.c.StrokeLine2(fr.hair(grid), x0, y, x1, y)
				fr.text(x0-fr.em*0.4, y, say.Count(int64(v)), fr.style(0.8, false, muted), 1, 0.5)
			}
			fr.c.StrokeLine2(fr.hair(muted), x0, base, x1, base)
			fr.bars(r, groups, isolated, pos, pitch, base, full, top)
		}
		fr.cpuAxis(groups, pos, pitch, bottom)
		if fr.style(0.88, false, muted).Width(noun) > fr.c.Max.Y-bottom {
			noun = "wakeups"
		}
		fr.sideways(fr.c.Min.X+fr.em*0.5, (fr.c.Max.Y+bottom)/2, noun)
	}
}

// sideways draws text that reads upwards, centred on a point.
func (fr *frame) sideways(x, y vg.Length, s string) {
	st := fr.style(0.88, false, muted)
	fr.c.Push()
	fr.c.Translate(vg.Point{X: x, Y: y})
	fr.c.Rotate(3.14159265358979 / 2)
	fr.text(0, 0, s, st, 0.5, 0.5)
	fr.c.Pop()
}

func (fr *frame) isolatedBands(groups []places.Group, isolated cpumask.Mask, pos map[int]vg.Length, pitch, bottom vg.Length) {
	st := fr.style(0.8, true, ink)
	free := fr.c.Min.X
	for _, g := range groups {
		for i := 0; i < len(g.CPUs); i++ {
			if !isolated.Test(g.CPUs[i]) {
				continue
			}
			j := i
			for j+1 < len(g.CPUs) && isolated.Test(g.CPUs[j+1]) {
				j++
			}
			a, b := pos[g.CPUs[i]], pos[g.CPUs[j]]+pitch
			fr.fill(band, a, bottom, b, fr.c.Max.Y)
			label := "isolated"
			w := st.Width(label)
			x := min(max((a+b)/2-w/2, fr.c.Min.X), fr.c.Max.X-w)
			if x >= free {
				fr.text(x, bottom-fr.em*3.35, label, st, 0, 0)
				free = x + w + fr.em*0.4
			}
			i = j
		}
	}
}

// bars draws one row and labels the isolated CPUs' bars and the highest, as far
// as there is room.
func (fr *frame) bars(r landingRow, groups []places.Group, isolated cpumask.Mask, pos map[int]vg.Length, pitch, base, full vg.Length, top int64) {
	inset := max(min(pitch*0.12, fr.em*0.12), (pitch-fr.em*2.4)/2)
	height := func(cpu int) vg.Length { return full * vg.Length(float64(r.counts[cpu])/float64(top)) }
	var list []int
	var taken []vg.Rectangle
	for _, g := range groups {
		for _, cpu := range g.CPUs {
			n, x := r.counts[cpu], pos[cpu]
			if n > 0 || isolated.Test(cpu) {
				list = append(list, cpu)
			}
			if n > 0 {
				fr.fill(r.clr, x+inset, base, x+pitch-inset, base+max(height(cpu), fr.em*0.12))
				taken = append(taken, vg.Rectangle{Min: vg.Point{X: x + inset, Y: base}, Max: vg.Point{X: x + pitch - inset, Y: base + height(cpu)}})
			}
		}
	}
	slices.SortFunc(list, func(a, b int) int {
		return cmp.Or(isolated.Compare(a, b), cmp.Compare(r.counts[b], r.counts[a]), cmp.Compare(a, b))
	})
	st := fr.style(0.8, true, ink)
	for _, cpu := range list {
		s := say.Count(r.counts[cpu])
		w := st.Width(s)
		mid := min(max(pos[cpu]+pitch/2, fr.c.Min.X+w/2), fr.c.Max.X-w/2)
		y := base + height(cpu) + fr.em*0.3
		m := fr.em * 0.12
		l := vg.Rectangle{Min: vg.Point{X: mid - w/2 - m, Y: y}, Max: vg.Point{X: mid + w/2 + m, Y: y + st.Font.Size}}
		if slices.ContainsFunc(taken, func(t vg.Rectangle) bool { return overlap(l, t) }) {
			continue
		}
		taken = append(taken, l)
		fr.text(mid, y, s, st, 0.5, 0)
	}
}

// cpuAxis names the CPUs, as many as there is room for, and brackets the
// groups.
func (fr *frame) cpuAxis(groups []places.Group, pos map[int]vg.Length, pitch, bottom vg.Length) {
	st := fr.style(0.8, false, ink)
	every := 1
	for vg.Length(every)*pitch < st.Width("255")+fr.em*0.25 && every < 256 {
		every *= 2
	}
	if pitch >= st.Width("88")+fr.em*0.1 { // two digits fit everywhere
		every = 1
	}
	free := fr.c.Min.X
	for _, g := range groups {
		for _, cpu := range g.CPUs {
			s := strconv.Itoa(cpu)
			w := st.Width(s)
			x := pos[cpu] + pitch/2 - w/2
			if cpu%every == 0 && x >= free && x+w <= fr.c.Max.X+fr.em*0.3 {
				fr.text(x, bottom-fr.em*0.25, s, st, 0, 1)
				free = x + w + fr.em*0.15
			}
		}
	}
	fr.text(fr.c.Min.X, bottom-fr.em*0.25, "CPU", fr.style(0.8, false, muted), 0, 1)
	named := false
	free = fr.c.Min.X
	for _, g := range groups {
		if g.Name == "" {
			continue
		}
		a, b := pos[g.CPUs[0]], pos[g.CPUs[len(g.CPUs)-1]]+pitch
		y := bottom - fr.em*1.35
		fr.c.StrokeLines(fr.hair(muted), []vg.Point{{X: a, Y: y + fr.em*0.2}, {X: a, Y: y}, {X: b, Y: y}, {X: b, Y: y + fr.em*0.2}})
		w := st.Width(g.Name)
		x := (a+b)/2 - w/2
		if x >= free && x+w <= fr.c.Max.X+fr.em*0.3 && w <= b-a+fr.em*1.2 {
			fr.text(x, y-fr.em*0.25, g.Name, fr.style(0.8, false, muted), 0, 1)
			free = x + w + fr.em*0.3
		}
		named = true
	}
	if named {
		fr.text(fr.c.Min.X, bottom-fr.em*1.6, "LLC", fr.style(0.8, false, muted), 0, 1)
	}
}
