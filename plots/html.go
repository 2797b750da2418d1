package plots

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/color"
	"regexp"
	"strings"
)

//go:embed report.css
var styleSheet string

//go:embed report.html.tmpl
var pageTemplate string

// inlineBudget bounds the bytes of figures in report.html: beyond it the narrow
// variants are left out, and the wide ones shrink with the window.
const inlineBudget = 1_500_000

// darkColors are what the figures' colours become on a dark page.
var darkColors = [][2]color.NRGBA{
	{paper, {0x16, 0x1b, 0x22, 0xff}},
	{ink, {0xe6, 0xed, 0xf3, 0xff}},
	{muted, {0xa3, 0xad, 0xb8, 0xff}},
	{grid, {0x37, 0x3e, 0x47, 0xff}},
	{band, {0x4a, 0x36, 0x1c, 0xff}},
	{ownerBlue, {0x4d, 0xb1, 0xe8, 0xff}},
	{intruderRd, {0xff, 0x8c, 0x3a, 0xff}},
	{patchGreen, {0x2f, 0xc7, 0x9a, 0xff}},
	{otherSky, {0x7c, 0xc8, 0xf0, 0xff}},
	{idleGrey, {0x5d, 0x66, 0x70, 0xff}},
}

// css is the page's style sheet with the figures' dark colours, which restyle
// the presentation attributes of the SVG.
func css() string {
	var b strings.Builder
	b.WriteString(styleSheet)
	b.WriteString("@media screen and (prefers-color-scheme:dark){\n")
	for _, c := range darkColors {
		from, to := hexColor(c[0]), hexColor(c[1])
		fmt.Fprintf(&b, "figure [fill=%q]{fill:%s}\nfigure [stroke=%q]{stroke:%s}\n", from, to, from, to)
	}
	b.WriteString("}\n")
	return b.String()
}

// page is what the template sees.
type page struct {
	*document
	CSS template.CSS
	CSP string
	// wide and narrow are the figures' pictures.
	wide, narrow map[*figure]template.HTML
}

// Fig returns a figure's picture in its variants.
func (p *page) Fig(f *figure) template.HTML {
	if n := p.narrow[f]; n != "" {
		return `<div class="wide">` + p.wide[f] + `</div><div class="narrow">` + n + `</div>`
	}
	return p.wide[f]
}

// Caption returns how to read a figure.
func (p *page) Caption(f *figure) template.HTML { return htmlText(f.caption) }

// Text renders marked text.
func (p *page) Text(s string) template.HTML { return htmlText(s) }

// glued are the spaces at which a line must not break: between a number and its
// unit, and in "CPU 43".
var glued = regexp.MustCompile(`(\d|\bCPU|\bCPUs|\bpid) (%|[nµm]?s\b|\d)`)

func htmlText(s string) template.HTML {
	var b strings.Builder
	for _, x := range spans(s) {
		t := x.text
		if x.mark != markName && x.mark != markCode {
			t = glued.ReplaceAllString(t, "$1\u00a0$2")
		}
		t = template.HTMLEscapeString(t)
		switch x.mark {
		case markCode:
			t = "<code>" + t + "</code>"
		case markName:
			t = "<bdi>" + t + "</bdi>"
		case markBold:
			t = "<strong>" + t + "</strong>"
		}
		b.WriteString(t)
	}
	return template.HTML(b.String())
}

// figures lists the document's figures in order.
func (d *document) figures() []*figure {
	var out []*figure
	if d.Lead != nil {
		out = append(out, d.Lead)
	}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if b.Figure != nil {
				out = append(out, b.Figure)
			}
		}
	}
	return out
}

// html renders the document as one page that needs nothing else: no script, no
// network, its style sheet allowed by its hash.
func (d *document) html() ([]byte, error) {
	p := &page{document: d, CSS: template.CSS(css()), wide: map[*figure]template.HTML{}, narrow: map[*figure]template.HTML{}}
	sum := sha256.Sum256([]byte(p.CSS))
	p.CSP = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'"
	list := d.figures()
	size := 0
	narrow := map[*figure]template.HTML{}
	for i, f := range list {
		w, n := f.svg(slide, fmt.Sprintf("f%d-", i)), f.svg(column, fmt.Sprintf("n%d-", i))
		p.wide[f], narrow[f] = template.HTML(w), template.HTML(n)
		size += len(w) + len(n)
	}
	if size <= inlineBudget {
		p.narrow = narrow
	}
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
func (p *page) PlainTitle() string { return plain(p.Title) }

// with hands a table or a figure to a template of its own, with the page.
type with struct {
	Page *page
	It   any
}

// With pairs the page with a part of it.
func (p *page) With(it any) with { return with{p, it} }

// Plain returns text without marks, for attributes.
func (with) Plain(s string) string { return plain(s) }

// Num reports whether a column of the table holds numbers.
func (w with) Num(i int) bool {
	t, ok := w.It.(*table)
	return ok && t.Cols[i].Num
}

// HasNote reports whether the table has a note below it.
func (t *table) HasNote() bool { return strings.TrimSpace(t.Note) != "" }
