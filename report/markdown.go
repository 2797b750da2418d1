package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"schedreplay/findings/say"
	"schedreplay/plots"
)

// markdown renders the document for tickets and mail: no HTML, and tables that
// read as text.
func (d *document) markdown(figureFile func(*plots.Figure) string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n\n", mdText(d.Title))
	if d.Partial != "" {
		fmt.Fprintf(&b, "**PARTIAL INPUT.** %s\n\n", mdText(d.Partial))
	}
	for _, s := range d.Brief {
		fmt.Fprintf(&b, "%s\n\n", mdText(s))
	}
	for _, s := range d.Warnings {
		fmt.Fprintf(&b, "**%s**\n\n", mdText(s))
	}
	for _, h := range d.Headlines {
		fmt.Fprintf(&b, "%s\n\n", mdText(h))
	}
	key := &table{Cols: cols("The numbers that matter", "#Value", "")}
	for _, k := range d.Tiles {
		key.fixed(k.Label, k.Value, k.Note)
	}
	if len(d.Tiles) > 0 {
		key.markdown(&b)
	}
	for _, f := range d.Leads {
		figureMarkdown(&b, f, figureFile)
	}
	if len(d.Verdict) > 0 {
		b.WriteString("## The verdict in full\n\n")
	}
	for _, f := range d.Verdict {
		fmt.Fprintf(&b, "**%s.** %s\n\n", f.Label, mdText(f.Text))
	}
	for _, s := range d.Sections {
		fmt.Fprintf(&b, "%s %s\n\n", strings.Repeat("#", s.Level), mdText(s.Title))
		for _, k := range s.Blocks {
			switch {
			case k.Text != "":
				fmt.Fprintf(&b, "%s\n\n", mdText(k.Text))
			case k.List != nil:
				for _, x := range k.List {
					fmt.Fprintf(&b, "- %s\n", mdText(x))
				}
				b.WriteByte('\n')
			case k.Steps != nil:
				for i, x := range k.Steps {
					fmt.Fprintf(&b, "%d. %s\n", i+1, mdText(x))
				}
				b.WriteByte('\n')
			case k.Paste != nil:
				fence := "```"
				for strings.Contains(strings.Join(k.Paste, " "), fence) {
					fence += "`"
				}
				fmt.Fprintf(&b, "%s\n", fence)
				for _, x := range k.Paste {
					fmt.Fprintf(&b, "%s\n", say.Clean(x))
				}
				fmt.Fprintf(&b, "%s\n\n", fence)
			case k.Table != nil:
				k.Table.markdown(&b)
			case k.Figure != nil:
				figureMarkdown(&b, k.Figure, figureFile)
			}
		}
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func figureMarkdown(b *bytes.Buffer, f *plots.Figure, file func(*plots.Figure) string) {
	fmt.Fprintf(b, "![%s](%s)\n\n", mdText(say.Plain(f.Title)), file(f)) // an image's text holds no marks
	fmt.Fprintf(b, "%s\n\n", mdText(f.Caption))
}

// markdown renders a pipe table with padded columns.
func (t *table) markdown(b *bytes.Buffer) {
	if t.Caption != "" {
		fmt.Fprintf(b, "%s:\n\n", mdText(t.Caption))
	}
	rows, note := t.Rows, strings.TrimSpace(t.Note)
	if t.Short > 0 && len(rows) > t.Short {
		note = strings.TrimSpace(fmt.Sprintf("%s in report.html. %s", say.Counted(int64(len(rows)-t.Short), "more row is", "more rows are"), note))
		rows = rows[:t.Short]
	}
	if t.Foot != nil && len(t.Rows) > 1 {
		foot := slices.Clone(t.Foot)
		for i, c := range foot {
			if c != "" {
				foot[i] = say.Bold(c)
			}
		}
		rows = append(slices.Clone(rows), foot)
	}
	cells := make([][]string, len(rows)+1)
	for _, c := range t.Cols {
		cells[0] = append(cells[0], mdText(c.Name))
	}
	for i, r := range rows {
		for _, c := range r {
			if c != "-" { // which means nothing in a cell
				c = mdText(c)
			}
			cells[i+1] = append(cells[i+1], c)
		}
	}
	width := make([]int, len(t.Cols))
	for _, r := range cells {
		for i, c := range r {
			width[i] = max(width[i], utf8.RuneCountInString(c), 3)
		}
	}
	// A last column of prose is not padded, so that rows stay short.
	line := func(r []string) {
		for i, c := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(c))
			switch {
			case t.Cols[i].Num:
				fmt.Fprintf(b, "| %s%s ", pad, c)
			case i == len(r)-1:
				fmt.Fprintf(b, "| %s ", c)
			default:
				fmt.Fprintf(b, "| %s%s ", c, pad)
			}
		}
		b.WriteString("|\n")
	}
	line(cells[0])
	for i, c := range t.Cols {
		w := width[i]
		if i == len(t.Cols)-1 && !c.Num {
			w = max(3, utf8.RuneCountInString(cells[0][i]))
		}
		if c.Num {
			fmt.Fprintf(b, "| %s: ", strings.Repeat("-", w-1))
		} else {
			fmt.Fprintf(b, "| %s ", strings.Repeat("-", w))
		}
	}
	b.WriteString("|\n")
	for _, r := range cells[1:] {
		line(r)
	}
	b.WriteByte('\n')
	if note != "" {
		fmt.Fprintf(b, "%s\n\n", mdText(note))
	}
}

// mdText renders marked text. Blanks around it would mean something.
func mdText(s string) string {
	var b strings.Builder
	for _, p := range say.Spans(strings.Trim(s, " ")) {
		switch p.Mark {
		case say.MarkCode, say.MarkName:
			b.WriteString(mdCode(p.Text))
		case say.MarkBold:
			b.WriteString("**" + mdEscape(p.Text) + "**")
		default:
			b.WriteString(mdEscape(p.Text))
		}
	}
	return b.String()
}

// mdCode sets text as code, in which nothing means anything, within marks longer than any
// in it. What could be HTML to a careless reader, or is a bar within a table, is escaped
// instead.
func mdCode(s string) string {
	if strings.TrimSpace(s) == "" || strings.ContainsAny(s, "|<>&") {
		s = mdInert.Replace(mdEscape(s))
		if rest, ok := strings.CutPrefix(s, " "); ok {
			s = "&#32;" + rest
		}
		if rest, ok := strings.CutSuffix(s, " "); ok {
			s = rest + "&#32;"
		}
		return s
	}
	marks := "`"
	for strings.Contains(s, marks) {
		marks += "`"
	}
	if s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ' {
		s = " " + s + " " // a reader takes these two off
	}
	return marks + s + marks
}

// mdInert takes from names what readers make links and mentions of.
var mdInert = strings.NewReplacer("@", "&#64;", ":", "&#58;", "www.", "www&#46;")

// mdLinks takes from other text what readers make links of.
var mdLinks = strings.NewReplacer("@", "&#64;", "://", "&#58;//", "www.", "www&#46;")

// mdEscape keeps Markdown from reading anything into text. An underscore within
// a word means nothing to it.
func mdEscape(s string) string {
	var b strings.Builder
	r := []rune(s)
	word := func(i int) bool {
		return i >= 0 && i < len(r) && (unicode.IsLetter(r[i]) || unicode.IsDigit(r[i]))
	}
	number := 0 // the digits at the beginning: "1." begins a list
	for number < len(r) && r[number] >= '0' && r[number] <= '9' {
		number++
	}
	for i, c := range r {
		switch c {
		case '<':
			b.WriteString("&lt;")
			continue
		case '>':
			b.WriteString("&gt;")
			continue
		case '&':
			b.WriteString("&amp;")
			continue
		case '\\', '`', '*', '[', ']', '|', '~':
			b.WriteByte('\\')
		case '_':
			if !word(i-1) || !word(i+1) {
				b.WriteByte('\\')
			}
		case '#', '-', '+', '=':
			if i == 0 || c == '#' && i == len(r)-1 {
				b.WriteByte('\\')
			}
		case '.', ')':
			if i == number && i > 0 && (i+1 == len(r) || r[i+1] == ' ') {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(c)
	}
	return mdLinks.Replace(b.String())
}
