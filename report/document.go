package report

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"schedreplay/export/outdir"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/plots"
)

// document is the report before it takes a format.
type document struct {
	Title string
	// Partial says that the input was damaged; empty if it was not.
	Partial string
	// Brief is the verdict in a few sentences, Verdict in full. Warnings and Headlines
	// stand below it: what to know before relying on it, and how the kernels were chosen.
	Brief     []string
	Verdict   []say.Paragraph
	Warnings  []string
	Headlines []string
	Tiles     []say.Tile
	Leads     []*plots.Figure // on the first page
	Sections  []section
}

type section struct {
	ID, Title string
	// Level is 2 or 3.
	Level  int
	Blocks []block
}

// block is one of its fields.
type block struct {
	Text   string
	List   []string
	Steps  []string // a numbered list
	Paste  []string // commands, each a line to paste
	Table  *table
	Figure *plots.Figure
}

type table struct {
	Caption string
	Cols    []col
	Rows    [][]string
	Note    string
	// Keys are what the rows are sorted by where that is not their text: per row
	// and column a number, "" for none. A table with keys sorts and filters.
	Keys [][]string
	// Short bounds the rows in Markdown, if it is not 0.
	Short int
	// Foot is a last row of totals.
	Foot []string
}

// val is a cell, and the number that it is sorted by, "" where its text will do.
type val struct{ text, key string }

func word(s string) val  { return val{text: s} }
func count(n int64) val  { return val{say.Count(n), key(n)} }
func length(n int64) val { return val{say.Duration(n), key(n)} }
func clock(n int64) val  { return val{say.Clock(n), key(n)} }

// held is a time that is a lower bound if it was cut.
func held(ns int64, cut bool) val { return val{say.Sign(cut) + say.Duration(ns), key(ns)} }

// row adds a row of a table that sorts and filters.
func (t *table) row(cells ...val) {
	texts, keys := make([]string, len(cells)), make([]string, len(cells))
	for i, c := range cells {
		texts[i], keys[i] = c.text, c.key
	}
	t.Rows, t.Keys = append(t.Rows, texts), append(t.Keys, keys)
}

// fixed adds a row of a table that stays as it is.
func (t *table) fixed(cells ...string) { t.Rows = append(t.Rows, cells) }

// capped is a list up to its most items; the table's note counts the others.
func capped[T any](t *table, list []T, most int, note, noun string, plural ...string) []T {
	if n := len(list) - most; n > 0 {
		t.Note = fmt.Sprintf(note, say.Counted(int64(n), noun, plural...))
		list = list[:most]
	}
	return list
}

// key is a number to sort by.
func key(n int64) string { return strconv.FormatInt(n, 10) }

// col is a column's name; numbers are set to the right.
type col struct {
	Name string
	Num  bool
}

// cols are columns by name, those of numbers with a # in front.
func cols(names ...string) []col {
	out := make([]col, len(names))
	for i, n := range names {
		out[i].Name, out[i].Num = strings.CutPrefix(n, "#")
	}
	return out
}

// Bounds on the tables of the report; the CSV files hold the rest.
const (
	maxStayRows    = 100 // on the page
	maxShortRows   = 20  // in Markdown
	maxShorterRows = 10
	maxTaskRows    = 40
	maxRouteRows   = 60
	maxEntrySteps  = 3 // ways in explained per CPU
	maxCPURows     = 24
	maxSections    = 16 // CPUs with a section
	maxLandingRows = 12
)

func para(s string) block { return block{Text: s} }

// compose makes the document of a result.
func compose(f *findings.Findings, o *Options, figs *plots.Set, h *helped) *document {
	res, cpus := f.Result, f.CPUs
	d := &document{
		Title: "Who ran on the isolated CPUs", Brief: say.Brief(f), Verdict: say.Verdict(f), Tiles: say.Tiles(f), Warnings: say.Warnings(f),
	}
	if len(cpus) == 1 {
		d.Title = fmt.Sprintf("Who ran on isolated CPU %d", cpus[0].CPU)
	} else if iso, ok := res.Isolated.Get(); ok && iso.Empty() || !ok {
		d.Title = "Where the kernel put the tasks"
	}
	if d.Headlines = say.Headline(res); f.HasFix() {
		d.Headlines = say.KernelDoubts(res) // the brief says the rest
	}
	if res.Partial != nil {
		d.Partial = fmt.Sprintf("The capture could not be read to its end; everything here is about the %s before that place. Reason: %s",
			say.Duration(res.End-res.Start), say.Clean(withoutPath(parser.Message(res.Partial), res.Meta)))
	}
	if len(cpus) > 0 {
		if lead := figs.CPU[cpus[0].CPU]; lead != nil {
			d.Leads = slices.DeleteFunc([]*plots.Figure{lead.Strip, lead.Entry}, func(f *plots.Figure) bool { return f == nil })
		}
	}
	if p := unknownParagraph(res); p.Text != "" {
		d.Verdict = append(d.Verdict, p)
	}
	for i, c := range cpus {
		if i == maxSections || i > 0 && c.All.Stays() == 0 && !c.NoiseTold() {
			break
		}
		d.add(cpuSections(f, c, figs.CPU[c.CPU], i == 0)...)
	}
	if len(cpus) > 1 {
		d.add(cpuList(cpus))
	}
	d.add(h.sections()...)
	d.add(spareSection(f), kernelsSection(f), landingSection(f, figs), changesSection(f), fidelitySection(f), factsSection(f), unknownSection(res), machineSection(figs), madeSection(f, o))
	return d
}

func (d *document) add(s ...section) {
	for _, x := range s {
		if len(x.Blocks) > 0 {
			d.Sections = append(d.Sections, x)
		}
	}
}

// withoutPath keeps folders out of messages: the report goes to others.
func withoutPath(s string, m *parser.Meta) string {
	if m == nil || m.Name == "" {
		return s
	}
	return strings.ReplaceAll(s, m.Name, filepath.Base(m.Name))
}

// captureName is the input's name without its folder.
func captureName(m *parser.Meta) string {
	if m.Name == "-" || m.Name == "" {
		return "standard input"
	}
	return say.Clean(filepath.Base(m.Name))
}

// painter draws figures into a folder's figures.
func painter(dir *outdir.Dir, png bool) *plots.Painter {
	return &plots.Painter{PNG: png, Write: func(name string, b []byte) error { return dir.WriteFile(path.Join("figures", name), b) }}
}

// render draws figures into a folder's figures.
func render(dir *outdir.Dir, list []*plots.Figure) error {
	p := painter(dir, true)
	defer p.Stop()
	if err := p.Draw(list); err != nil {
		return err
	}
	return p.Finish()
}

// write puts the document into a folder as Markdown, as a page if it is to be one, and as what
// programs read.
func (d *document) write(dir *outdir.Dir, name string, page bool, json func() ([]byte, error)) error {
	if err := dir.WriteFile(name+".md", d.markdown(func(f *plots.Figure) string { return path.Join("figures", f.Name+".png") })); err != nil {
		return err
	}
	if page {
		b, err := d.html()
		if err != nil {
			return err
		}
		if err := dir.WriteFile(name+".html", b); err != nil {
			return err
		}
	}
	b, err := json()
	if err != nil {
		return err
	}
	return dir.WriteFile(name+".json", b)
}
