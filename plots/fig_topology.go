package plots

import (
	"fmt"
	"strconv"

	"gonum.org/v1/plot/vg"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots/internal/places"
	"schedreplay/plots/internal/stack"
	"schedreplay/replay"
)

// Bounds on the drawing of the machine.
const (
	maxTopologyCPUs = 128
	maxDomainRows   = 10
)

// topologyFigure draws the machine and the sched domains that the original
// kernel builds of it; nil and the reason if that is not known.
func topologyFigure(all *findings.Findings) (*Figure, string) {
	res := all.Result
	if !all.TopologyKnown() {
		return nil, "There is no drawing of the machine: its topology is not known."
	}
	iso, _ := res.Isolated.Get()
	list, _ := places.Order(res.Host, places.Known(res, cpumask.Mask{}))
	left := 0
	if len(list) > maxTopologyCPUs {
		list, left = places.Some(list, iso, maxTopologyCPUs)
	}
	var rows []places.DomainRow
	kernel := ""
	if res.BaselineKernel() != nil {
		if m := replay.BuildMachine(res.Host, res.BaselineKernel().Domains); m != nil {
			rows, kernel = places.Domains(m, list), say.Clean(res.BaselineKernel().Name)
		}
	}
	over := 0
	if len(rows) > maxDomainRows {
		over = len(rows) - maxDomainRows
		rows = rows[:maxDomainRows]
	}
	f := &Figure{Name: "topology", Title: topologyTitle(res, list)}
	f.Caption = "The machine: nodes, last-level caches (LLC), cores and CPUs; isolated CPUs are marked."
	if kernel != "" {
		f.Caption += fmt.Sprintf(" Below, the sched domains that %s builds of it: a bar spans the CPUs of one domain; a CPU under no bar is in none.", kernel)
	}
	if left > 0 {
		f.Caption += fmt.Sprintf(" %s are left out, those far from the isolated CPUs first.", say.Counted(int64(left), "CPU"))
	}
	if over > 0 {
		f.Caption += fmt.Sprintf(" %s of overlapping domains more are left out.", say.Counted(int64(over), "row"))
	}
	f.desc = topologyWords(res, rows)
	d := &topologyDrawing{list: list, iso: iso, rows: rows, kernel: kernel}
	if left > 0 {
		d.llc = func(p places.Place) string { return res.Host.CPU[p.CPU].LLC.String() }
	}
	f.height = func(size) float64 { return d.height() }
	f.draw = d.draw
	return f, ""
}

// topologyTitle says what matters of the machine: a core that isolation splits.
func topologyTitle(res *replay.Result, list []places.Place) string {
	iso, known := res.Isolated.Get()
	all := places.Known(res, cpumask.Mask{}).Weight()
	if known && !iso.Empty() {
		for _, p := range list {
			info := res.Host.CPU[p.CPU]
			if rest := info.Siblings.AndNot(iso); iso.Test(p.CPU) && !rest.Empty() {
				verb := "sibling, %s, does"
				if rest.Weight() > 1 {
					verb = "siblings, %s, do"
				}
				return fmt.Sprintf("CPU %d is in no sched domain; its SMT "+verb+" housekeeping", p.CPU, say.CPUNoun(rest))
			}
		}
		return fmt.Sprintf("The machine: %d CPUs, of which %s isolated", all, map[bool]string{true: say.CPUNoun(iso) + " is", false: say.CPUNoun(iso) + " are"}[iso.Weight() == 1])
	}
	if known {
		return fmt.Sprintf("The machine: %d CPUs, none of them isolated", all)
	}
	return fmt.Sprintf("The machine: %d CPUs", all)
}

func topologyWords(res *replay.Result, rows []places.DomainRow) string {
	iso, known := res.Isolated.Get()
	s := fmt.Sprintf("%s.", say.Counted(int64(places.Known(res, cpumask.Mask{}).Weight()), "CPU"))
	if known {
		s += " Isolated: " + say.MaskWords(iso) + "."
	}
	for _, r := range rows {
		s += fmt.Sprintf(" %s: %s.", r.Name, say.JoinUpTo(say.Each(r.Spans, cpumask.Mask.String), 12, "domain"))
	}
	return s
}

type topologyDrawing struct {
	list          []places.Place
	iso           cpumask.Mask
	rows          []places.DomainRow
	kernel        string
	llc           func(places.Place) string // names an LLC; nil: by the CPUs drawn, all of them
	pos           []vg.Length               // left edges
	pitch, x0, x1 vg.Length
}

const (
	topologyCPUsEm = 6.6 // node, LLC, core and CPU rows
	domainRowEm    = 1.65
)

func (d *topologyDrawing) height() float64 {
	h := topologyCPUsEm
	if len(d.rows) > 0 || d.kernel != "" {
		h += 1.9 + domainRowEm*float64(max(len(d.rows), 1))
	}
	return h
}

func (d *topologyDrawing) draw(fr *frame) {
	own := *d // figures are drawn in several sizes at once
	d = &own
	left := fr.em * 3.6
	d.x0, d.x1 = fr.c.Min.X+left, fr.c.Max.X-fr.em*0.2
	gaps := 0.0
	offs := make([]float64, len(d.list))
	for i, p := range d.list {
		if i > 0 {
			switch q := d.list[i-1]; {
			case q.Node != p.Node:
				gaps += 0.9
			case q.LLC != p.LLC:
				gaps += 0.5
			case q.Core != p.Core:
				gaps += 0.15
			}
		}
		offs[i] = float64(i) + gaps
	}
	d.pitch = min((d.x1-d.x0)/vg.Length(float64(len(d.list))+gaps), fr.em*4)
	d.pos = make([]vg.Length, len(d.list))
	for i, o := range offs {
		d.pos[i] = d.x0 + d.pitch*vg.Length(o)
	}
	y := fr.c.Max.Y
	label := func(s string, y vg.Length) { fr.text(fr.c.Min.X, y, s, fr.style(0.88, false, muted), 0, 0.5) }
	if len(d.list) > 0 && d.list[0].Node >= 0 {
		label("node", y-fr.em*0.7)
		d.spans(fr, y-fr.em*1.3, fr.em*1.2, func(a, b places.Place) bool { return a.Node == b.Node }, func(p places.Place) string { return strconv.Itoa(p.Node) })
	}
	y -= fr.em * 1.5
	label("LLC", y-fr.em*0.7)
	d.spans(fr, y-fr.em*1.3, fr.em*1.2, func(a, b places.Place) bool { return a.LLC == b.LLC && a.Node == b.Node }, d.llc)
	y -= fr.em * 1.5
	label("core", y-fr.em*0.7)
	d.spans(fr, y-fr.em*1.3, fr.em*1.2, func(a, b places.Place) bool { return a.Core == b.Core && a.LLC == b.LLC && a.Node == b.Node }, nil)
	y -= fr.em * 1.5
	label("CPU", y-fr.em*0.8)
	d.cpus(fr, y-fr.em*1.6, fr.em*1.5)
	y = fr.c.Max.Y - fr.em*topologyCPUsEm
	if d.kernel == "" {
		return
	}
	fr.text(fr.c.Min.X, y-fr.em*1.3, "sched domains of "+d.kernel, fr.style(0.95, true, ink), 0, 0)
	y -= fr.em * 1.7
	if len(d.rows) == 0 {
		fr.text(d.x0, y-fr.em*0.7, "none", fr.style(0.88, false, muted), 0, 0.5)
	}
	for _, r := range d.rows {
		label(r.Name, y-fr.em*0.6)
		d.domains(fr, r, y-fr.em*1.15, fr.em*1.05)
		y -= fr.em * domainRowEm
	}
}

// spans draws boxes around neighbours that belong together, and their names if
// all of them fit.
func (d *topologyDrawing) spans(fr *frame, y, h vg.Length, same func(a, b places.Place) bool, name func(places.Place) string) {
	st := fr.style(0.8, false, ink)
	inset := min(d.pitch*0.06, fr.em*0.1)
	type box struct {
		a, b vg.Length
		text string
	}
	var boxes []box
	fits := true
	for i := 0; i < len(d.list); {
		j := i
		for j+1 < len(d.list) && same(d.list[j], d.list[j+1]) {
			j++
		}
		k := box{a: d.pos[i] + inset, b: d.pos[j] + d.pitch - inset}
		if name != nil {
			k.text = name(d.list[i])
		} else {
			var m cpumask.Mask
			for _, p := range d.list[i : j+1] {
				m.Set(p.CPU)
			}
			k.text = m.String()
		}
		fits = fits && st.Width(k.text) <= k.b-k.a-fr.em*0.1
		boxes = append(boxes, k)
		i = j + 1
	}
	for _, k := range boxes {
		fr.box(fr.line(muted, 0.06), k.a, y, k.b, y+h)
		if fits {
			fr.text((k.a+k.b)/2, y+h/2, k.text, st, 0.5, 0.5)
		}
	}
}

// cpus draws a box per CPU with its number if there is room for all; the
// isolated ones are tinted, hatched and named below.
func (d *topologyDrawing) cpus(fr *frame, y, h vg.Length) {
	st, strong := fr.style(0.8, false, ink), fr.style(0.8, true, ink)
	inset := min(d.pitch*0.06, fr.em*0.1)
	widest := 0
	for _, p := range d.list {
		widest = max(widest, p.CPU)
	}
	room := d.pitch-2*inset >= st.Width(strconv.Itoa(widest))
	free := fr.c.Min.X
	for i := 0; i < len(d.list); i++ {
		a, b := d.pos[i]+inset, d.pos[i]+d.pitch-inset
		if !d.iso.Test(d.list[i].CPU) {
			fr.box(fr.line(muted, 0.06), a, y, b, y+h)
			if room {
				fr.text((a+b)/2, y+h/2, strconv.Itoa(d.list[i].CPU), st, 0.5, 0.5)
			}
			continue
		}
		fr.fill(band, a, y, b, y+h)
		stack.Rising.Draw(&fr.c, fr.line(intruderRd, 0.06), fr.em*0.35, a, y, b, y+h)
		fr.box(fr.line(intruderRd, 0.12), a, y, b, y+h)
		if i > 0 && d.iso.Test(d.list[i-1].CPU) {
			continue
		}
		var m cpumask.Mask
		last := i
		for j := i; j < len(d.list) && d.iso.Test(d.list[j].CPU); j++ {
			m.Set(d.list[j].CPU)
			last = j
		}
		s := "isolated: " + m.String()
		w := strong.Width(s)
		x := min(max((a+d.pos[last]+d.pitch)/2-w/2, fr.c.Min.X), fr.c.Max.X-w)
		if x >= free {
			fr.text(x, y-fr.em*0.25, s, strong, 0, 1)
			free = x + w + fr.em*0.3
		}
	}
}

// domains draws a row of domains; one that is not of neighbours is drawn in
// pieces, joined by a line.
func (d *topologyDrawing) domains(fr *frame, r places.DomainRow, y, h vg.Length) {
	st := fr.style(0.8, false, ink)
	inset := min(d.pitch*0.1, fr.em*0.14)
	for _, span := range r.Spans {
		first, prev := -1, -1
		var lo, hi vg.Length
		flush := func(end int) {
			if first < 0 {
				return
			}
			a, b := d.pos[first]+inset, d.pos[end]+d.pitch-inset
			if prev >= 0 {
				fr.c.StrokeLine2(fr.line(patchGreen, 0.08), d.pos[prev]+d.pitch-inset, y+h/2, a, y+h/2)
			}
			fr.fill(withAlpha(patchGreen, 0x38), a, y, b, y+h)
			fr.box(fr.line(patchGreen, 0.08), a, y, b, y+h)
			if b-a > hi-lo {
				lo, hi = a, b
			}
			prev, first = end, -1
		}
		for i, p := range d.list {
			in := span.Test(p.CPU)
			switch {
			case in && first < 0:
				first = i
			case !in && first >= 0:
				flush(i - 1)
			}
		}
		flush(len(d.list) - 1)
		if text := span.String(); hi > lo && st.Width(text) <= hi-lo-fr.em*0.2 {
			fr.text((lo+hi)/2, y+h/2, text, st, 0.5, 0.5)
		}
	}
}
