package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"schedreplay/findings/say"
	"schedreplay/plots"
)

//go:embed report.css
var styleSheet string

//go:embed report.html.tmpl
var pageTemplate string

// inlineBudget bounds the bytes of figures in report.html: beyond it the narrow
// variants are left out, and the wide ones shrink with the window.
const inlineBudget = 1_100_000

//go:embed page.js
var script string

// uPlot draws the charts; its licence goes with it into the page.
var (
	//go:embed third_party/uplot/uPlot.iife.min.js
	uplotScript string
	//go:embed third_party/uplot/uPlot.min.css
	uplotStyle string
	//go:embed third_party/uplot/LICENSE
	uplotLicence string
)

// darkPage are the page's own colours on a dark page; report.css has the light
// ones.
const darkPage = "--paper:#0d1117;--ink:#e6edf3;--muted:#a3adb8;--line:#373e47;--soft:#161b22;--link:#6cb6ff;--warn:#3a2f0b;--warnink:#f5dd8b;--alarm:#45160e;--alarmink:#ffb9ab;color-scheme:dark;"

// css is the page's style sheet. The figures' colours are presentation
// attributes of the SVG, which it restyles; on paper they are always light.
func css() string {
	var b strings.Builder
	b.WriteString(uplotStyle)
	b.WriteByte('\n')
	b.WriteString(styleSheet)
	light, dark := "", darkPage
	for _, c := range plots.Colors() {
		light += fmt.Sprintf("--f-%s:%s;", c.Name, c.Light)
		dark += fmt.Sprintf("--f-%s:%s;", c.Name, c.Dark)
		from := c.Light
		fmt.Fprintf(&b, "figure [fill=%q]{fill:var(--f-%s)}\nfigure [stroke=%q]{stroke:var(--f-%s)}\n", from, c.Name, from, c.Name)
	}
	fmt.Fprintf(&b, ":root{%s}\n", light)
	fmt.Fprintf(&b, "@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){%s}}\n", dark)
	fmt.Fprintf(&b, "@media screen{:root[data-theme=dark]{%s}}\n", dark)
	return b.String()
}

// hashSource allows one inline style sheet or script in a content security
// policy.
func hashSource(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// scripts is all of the page's script, such that the page is XML as well.
func scripts() string {
	return "//<![CDATA[\n/*! uPlot 1.6.32\n" + uplotLicence + "*/\n" + uplotScript + "\n" + script + "//]]>"
}

// page is what the template sees.
type page struct {
	*document
	CSS    template.CSS
	Script template.JS
	// Data is the charts' data.
	Data template.JS
	CSP  string
	// charted are the figures that have a chart.
	charted map[*plots.Figure]bool
	// wide and narrow are the figures' pictures.
	wide, narrow map[*plots.Figure]template.HTML
}

// Chart returns the name under which Data has a figure, "" if it has not.
func (p *page) Chart(f *plots.Figure) string {
	if p.charted[f] {
		return f.Name
	}
	return ""
}

// Fig returns a figure's picture in its variants.
func (p *page) Fig(f *plots.Figure) template.HTML {
	if n := p.narrow[f]; n != "" {
		return `<div class="wide">` + p.wide[f] + `</div><div class="narrow">` + n + `</div>`
	}
	return p.wide[f]
}

// Caption returns how to read a figure.
func (p *page) Caption(f *plots.Figure) template.HTML { return htmlText(f.Caption) }

// Text renders marked text.
func (p *page) Text(s string) template.HTML { return htmlText(s) }

// glued are the spaces at which a line must not break: between a number and its
// unit, and in "CPU 43".
var glued = regexp.MustCompile(`(\d|\bCPU|\bCPUs|\bpid) (%|[nµm]?s\b|\d)`)

func htmlText(s string) template.HTML {
	var b strings.Builder
	for _, x := range say.Spans(s) {
		t := x.Text
		if x.Mark != say.MarkName && x.Mark != say.MarkCode {
			t = glued.ReplaceAllString(t, "$1\u00a0$2")
		}
		t = template.HTMLEscapeString(t)
		switch x.Mark {
		case say.MarkCode:
			t = "<code>" + t + "</code>"
		case say.MarkName:
			t = "<bdi>" + t + "</bdi>"
		case say.MarkBold:
			t = "<strong>" + t + "</strong>"
		}
		b.WriteString(t)
	}
	return template.HTML(b.String())
}

// figures lists the document's figures in order.
func (d *document) figures() []*plots.Figure {
	out := slices.Clone(d.Leads)
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if b.Figure != nil {
				out = append(out, b.Figure)
			}
		}
	}
	return out
}

// html renders the document as one page that needs nothing else: no network,
// its one style sheet and its one script allowed by their hashes. Without the
// script everything is there but sorting, filtering and zooming.
func (d *document) html() ([]byte, error) {
	p := &page{document: d, CSS: template.CSS(css()), Script: template.JS(scripts()), wide: map[*plots.Figure]template.HTML{}, narrow: map[*plots.Figure]template.HTML{}}
	p.CSP = "default-src 'none'; style-src " + hashSource(string(p.CSS)) + "; script-src " + hashSource(string(p.Script)) + "; img-src data:; base-uri 'none'; form-action 'none'"
	list := d.figures()
	size := 0
	narrow := map[*plots.Figure]template.HTML{}
	for i, f := range list {
		w, n := f.SVG(plots.Slide, fmt.Sprintf("f%d-", i)), f.SVG(plots.Column, fmt.Sprintf("n%d-", i))
		p.wide[f], narrow[f] = template.HTML(w), template.HTML(n)
		size += len(w) + len(n)
	}
	if size <= inlineBudget {
		p.narrow = narrow
	}
	data, charted, err := plots.Charts(list)
	if err != nil {
		return nil, fmt.Errorf("the charts' data: %w", err)
	}
	p.Data, p.charted = template.JS(data), charted
	t, err := template.New("report.html").Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("the report's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("the report's page: %w", err)
	}
	return b.Bytes(), nil
}

// PlainTitle is the title for the window.
func (p *page) PlainTitle() string { return say.Plain(p.Title) }

// with hands a table or a figure to a template of its own, with the page.
type with struct {
	Page *page
	It   any
}

// With pairs the page with a part of it.
func (p *page) With(it any) with { return with{p, it} }

// Plain returns text without marks, for attributes.
func (with) Plain(s string) string { return say.Plain(s) }

// cell is a cell's place in its table.
type cell struct {
	Num bool
	Key string
}

// At describes a cell of the table.
func (w with) At(row, col int) cell {
	t, ok := w.It.(*table)
	if !ok {
		return cell{Key: "-"}
	}
	return cell{t.Cols[col].Num, t.Key(row, col)}
}

// Num reports whether a column of the table holds numbers.
func (w with) Num(i int) bool {
	t, ok := w.It.(*table)
	return ok && t.Cols[i].Num
}

// Key returns what a cell is sorted by; "-" if that is its text.
func (t *table) Key(row, col int) string {
	if t.Keys == nil || !slices.ContainsFunc(t.Keys, func(k []string) bool { return k[col] != "" }) {
		return "-"
	}
	return t.Keys[row][col]
}

// HasNote reports whether the table has a note below it.
func (t *table) HasNote() bool { return strings.TrimSpace(t.Note) != "" }
