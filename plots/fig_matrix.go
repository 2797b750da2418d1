package plots

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/places"
)

// maxMatrixUnits bounds the rows of a matrix; on a machine of more CPUs they are
// LLCs.
const maxMatrixUnits = 128

// unit is one row and column of a matrix: a CPU, or an LLC of a large machine.
type unit struct {
	name      string // the CPU, the LLC's first
	llc, node int
	isolated  bool
}

// matrix3 is how many wakeups went from each unit to each.
type matrix3 struct {
	units []unit
	n     [3]map[[2]int]int64 // recorded, original, patched
	top   int64
	llcs  bool     // units are LLCs
	into  [3]int64 // of these, to isolated CPUs
}

func makeMatrix(f *findings.Findings) *matrix3 {
	res := f.Result
	var used cpumask.Mask
	for k := range f.Routes.N {
		used.Set(int(k.From))
		used.Set(int(k.To))
	}
	if used.Empty() {
		return nil
	}
	iso, _ := res.Isolated.Get()
	m := &matrix3{}
	list, known := places.Order(res.Host, places.Known(res, used))
	if !known && len(list) > maxMatrixUnits {
		list = slices.DeleteFunc(list, func(p places.Place) bool { return !used.Test(p.CPU) })
	}
	m.llcs = known && len(list) > maxMatrixUnits
	at := map[int]int{}
	for _, p := range list {
		if m.llcs {
			if n := len(m.units); n == 0 || m.units[n-1].llc != p.LLC || m.units[n-1].node != p.Node {
				m.units = append(m.units, unit{name: strconv.Itoa(p.LLC), llc: p.LLC, node: p.Node})
			}
		} else {
			m.units = append(m.units, unit{name: strconv.Itoa(p.CPU), llc: p.LLC, node: p.Node})
		}
		at[p.CPU] = len(m.units) - 1
		if iso.Test(p.CPU) {
			m.units[len(m.units)-1].isolated = true
		}
	}
	if len(m.units) > 2*maxMatrixUnits {
		return nil // no topology, and too many CPUs to draw
	}
	for i := range m.n {
		m.n[i] = map[[2]int]int64{}
	}
	for k, n := range f.Routes.N {
		for i := range n {
			if n[i] > 0 {
				c := [2]int{at[int(k.From)], at[int(k.To)]}
				m.n[i][c] += n[i]
				m.top = max(m.top, m.n[i][c])
				if iso.Test(int(k.To)) {
					m.into[i] += n[i]
				}
			}
		}
	}
	return m
}

func matrixFigure(all *findings.Findings) *Figure {
	res, routes := all.Result, &all.Routes
	m := makeMatrix(all)
	if m == nil {
		return nil
	}
	what, marks := "CPU", "Lines part LLCs, thick ones nodes; isolated CPUs are tinted, and fields that lead onto them framed."
	if m.llcs {
		what, marks = "LLC", "Thick lines part nodes; LLCs with isolated CPUs are tinted, and fields that lead into them framed."
	}
	panels := []matrixPanel{{"recorded", m.n[0]}}
	f := &Figure{
		Name:  "landing-matrix",
		Title: "From which CPU to which the wakeups of all tasks went",
		Caption: fmt.Sprintf("A row is the %s that a task was on before, a column the one chosen for it; the diagonal is staying. Only wakeups that went through a selection count. Darker is more, on a logarithmic scale. "+
			"%s", what, marks),
		desc: fmt.Sprintf("Recorded: %s; the table below has the numbers.", routeWords(all, 0)),
	}
	if k, other := all.Other(), all.OtherOf(); len(m.n[other]) > 0 && k != nil {
		panels = append(panels, matrixPanel{"model of " + say.Kernel(k), m.n[other]})
		if iso, ok := res.Isolated.Get(); ok && !iso.Empty() {
			f.Title = fmt.Sprintf("Selections of an isolated CPU: %s recorded, %s %s", say.Count(m.into[0]), say.Count(m.into[other]), withPatch(all))
		}
		f.desc = fmt.Sprintf("Recorded: %s. Under %s: %s. The table below has the numbers.", routeWords(all, 0), say.Kernel(k), routeWords(all, other))
	}
	if routes.Left > 0 {
		f.Caption += fmt.Sprintf(" %s between CPUs beyond the first %s pairs are left out.", say.Counted(routes.Left, "placement"), say.Count(findings.MaxRoutes))
	}
	f.height = high(33, 1.9+31*float64(len(panels)))
	f.draw = m.draw(panels)
	return f
}

// routeWords lists the commonest routes of a kernel, those onto isolated CPUs
// first.
func routeWords(f *findings.Findings, kernel int) string {
	var words []string
	for _, r := range f.Routes.Sorted(f.Result.Isolated.Value, kernel) {
		if n := f.Routes.N[r][kernel]; n > 0 && len(words) < 5 {
			words = append(words, fmt.Sprintf("CPU %d to %d %s", r.From, r.To, say.Times(n)))
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return say.Join(words)
}

type matrixPanel struct {
	title string
	n     map[[2]int]int64
}

func (m *matrix3) draw(panels []matrixPanel) func(*frame) {
	return func(fr *frame) {
		fr.shadeKey(m.top, "wakeups")
		w, h := fr.c.Max.X-fr.c.Min.X, fr.c.Max.Y-fr.c.Min.Y
		for i, p := range panels {
			x, y := fr.c.Min.X, fr.c.Max.Y
			pw, ph := w, h
			if fr.narrow {
				ph = h / vg.Length(len(panels))
				y -= ph * vg.Length(i)
			} else {
				pw = w/2 - fr.em*0.8
				x += (pw + fr.em*1.6) * vg.Length(i)
				if len(panels) == 1 {
					x += w / 4
				}
			}
			m.panel(fr, p, x, y, pw, ph)
		}
	}
}

// panel draws one matrix with its top left at (x, y).
func (m *matrix3) panel(fr *frame, p matrixPanel, x, y, w, h vg.Length) {
	fr.text(x, y, p.title, fr.style(0.95, true, ink), 0, 1)
	left, below, head := fr.em*3.2, fr.em*2.9, fr.em*1.6
	side := min(w-left, h-head-below)
	n := len(m.units)
	// Gaps: a little between LLCs, more between nodes.
	pos := make([]vg.Length, n+1)
	gaps := 0.0
	offs := make([]float64, n)
	for i := range m.units {
		if i > 0 {
			switch a, b := m.units[i-1], m.units[i]; {
			case a.node != b.node:
				gaps += 0.6
			case a.llc != b.llc && !m.llcs:
				gaps += 0.25
			}
		}
		offs[i] = float64(i) + gaps
	}
	pitch := side / vg.Length(float64(n)+gaps)
	for i := range offs {
		pos[i] = pitch * vg.Length(offs[i])
	}
	x0, y1 := x+left, y-head
	y0 := y1 - side
	// Row i is at y1-pos[i], column i at x0+pos[i].
	for i, u := range m.units {
		if u.isolated {
			fr.fill(band, x0+pos[i], y0, x0+pos[i]+pitch, y1)
			fr.fill(band, x0, y1-pos[i]-pitch, x0+side, y1-pos[i])
		}
	}
	for i := 1; i < n; i++ {
		a, b := m.units[i-1], m.units[i]
		if a.llc == b.llc && a.node == b.node || m.llcs && a.node == b.node {
			continue
		}
		l := fr.hair(grid)
		if a.node != b.node {
			l = fr.line(muted, 0.1)
		}
		mid := (pos[i-1] + pitch + pos[i]) / 2
		fr.c.StrokeLine2(l, x0+mid, y0, x0+mid, y1)
		fr.c.StrokeLine2(l, x0, y1-mid, x0+side, y1-mid)
	}
	fr.box(fr.hair(muted), x0, y0, x0+side, y1)
	m.cells(fr, p.n, pos, pitch, x0, y1)
	m.names(fr, pos, pitch, x0, y0, y1, side)
}

func (m *matrix3) cells(fr *frame, cells map[[2]int]int64, pos []vg.Length, pitch, x0, y1 vg.Length) {
	var paths [2][shades + 1]vg.Path
	var frames vg.Path
	for _, k := range slices.SortedFunc(maps.Keys(cells), func(a, b [2]int) int { return slices.Compare(a[:], b[:]) }) {
		kind := 0
		x, y := x0+pos[k[1]], y1-pos[k[0]]-pitch
		if m.units[k[1]].isolated {
			kind = 1
			d := fr.em * 0.06
			rect(&frames, x-d, y-d, x+pitch+d, y+pitch+d)
		}
		rect(&paths[kind][shade(cells[k], m.top)], x, y, x+pitch, y+pitch)
	}
	fr.shades(ownerBlue, &paths[0])
	fr.shades(intruderRd, &paths[1])
	if len(frames) > 0 {
		fr.c.SetLineStyle(fr.line(ink, 0.09))
		fr.c.Stroke(frames)
	}
}

// names labels rows and columns as far as there is room, the isolated ones
// first.
func (m *matrix3) names(fr *frame, pos []vg.Length, pitch, x0, y0, y1, side vg.Length) {
	st, strong := fr.style(0.8, false, ink), fr.style(0.8, true, ink)
	var rows, cols []vg.Rectangle
	free := func(list []vg.Rectangle, r vg.Rectangle) bool {
		return !slices.ContainsFunc(list, func(o vg.Rectangle) bool { return overlap(r, o) })
	}
	put := func(i int) {
		u, s := m.units[i], st
		if u.isolated {
			s = strong
		}
		name := u.name
		w := s.Width(name)
		mid := x0 + pos[i] + pitch/2
		r := vg.Rectangle{Min: vg.Point{X: mid - w/2 - fr.em*0.15, Y: 0}, Max: vg.Point{X: mid + w/2 + fr.em*0.15, Y: 1}}
		if free(cols, r) {
			cols = append(cols, r)
			fr.text(mid, y0-fr.em*0.3, name, s, 0.5, 1)
		}
		v := y1 - pos[i] - pitch/2
		r = vg.Rectangle{Min: vg.Point{X: 0, Y: v - fr.em*0.42}, Max: vg.Point{X: 1, Y: v + fr.em*0.42}}
		if free(rows, r) {
			rows = append(rows, r)
			fr.text(x0-fr.em*0.3, v, name, s, 1, 0.5)
		}
	}
	for _, now := range []func(int) bool{
		func(i int) bool { return m.units[i].isolated },
		func(i int) bool { return i == 0 || m.units[i-1].llc != m.units[i].llc }, // the first CPU of each LLC
		func(int) bool { return true },
	} {
		for i := range m.units {
			if now(i) {
				put(i)
			}
		}
	}
	small := fr.style(0.88, false, muted)
	what := "CPU"
	if m.llcs {
		what = "LLC, by its first CPU,"
	}
	fr.text(x0+side/2, y0-fr.em*1.5, what+" chosen", small, 0.5, 1)
	fr.sideways(x0-fr.em*2.4, (y0+y1)/2, what+" before")
}
