package term

import (
	"io"
	"strconv"
	"strings"
)

// Column is one column of a table.
type Column struct {
	Name string
	// Width is the least width; in rows printed one by one it is the width.
	Width int
	// Right aligns to the right, for numbers.
	Right bool
}

// Columns are columns by their names, each with its width behind "<", or ">" if it aligns to the
// right.
func Columns(list ...string) []Column {
	out := make([]Column, len(list))
	for i, s := range list {
		at := strings.LastIndexAny(s, "<>")
		width, _ := strconv.Atoi(s[at+1:])
		out[i] = Column{Name: s[:at], Width: width, Right: s[at] == '>'}
	}
	return out
}

// Table prints rows in columns, one blank between them unless Gap says more.
type Table struct {
	Style   Style
	Columns []Column
	// Indent and Gap are blanks before a row and between its cells.
	Indent, Gap int
	b           []byte
}

// Cell is a text and the style it is printed in, nil for none.
type Cell struct {
	Text string
	In   func(string) string
	// Mark is a sign of one column right behind the text, 0 for none.
	Mark byte
}

// Cells are texts without style.
func Cells(texts ...string) []Cell {
	out := make([]Cell, len(texts))
	for i, t := range texts {
		out[i].Text = t
	}
	return out
}

// Head prints the columns' names.
func (t *Table) Head(w io.Writer) {
	var row []Cell
	for _, c := range t.Columns {
		row = append(row, Cell{Text: c.Name})
	}
	t.b = t.b[:0]
	line := strings.TrimRight(string(t.appendRow(row)), " \n")
	blank := line[:len(line)-len(strings.TrimLeft(line, " "))]
	_, _ = io.WriteString(w, blank[:min(len(blank), t.Indent)]+t.Style.Bold(line[min(len(blank), t.Indent):])+"\n")
}

// Row prints one row as it comes: the columns have their least width.
func (t *Table) Row(w io.Writer, cells ...Cell) {
	t.b = t.b[:0]
	_, _ = w.Write(t.appendRow(cells))
}

// All prints the head and the rows, each column as wide as its widest cell. Where
// that is wider than width, each row is printed as a list instead.
func (t *Table) All(w io.Writer, width int, rows [][]Cell) {
	total := t.Indent
	for i := range t.Columns {
		c := &t.Columns[i]
		c.Width = max(c.Width, Width(c.Name))
		for _, r := range rows {
			c.Width = max(c.Width, Width(r[i].Text))
		}
		total += c.Width
		if i > 0 {
			total += max(1, t.Gap)
		}
	}
	if total > width {
		for _, r := range rows {
			_, _ = io.WriteString(w, "  "+r[0].Text+"\n")
			for i := 1; i < len(r); i++ {
				_, _ = io.WriteString(w, "    "+string(appendLeft(nil, t.Columns[i].Name, 18))+" "+r[i].Text+"\n")
			}
		}
		return
	}
	t.Head(w)
	for _, r := range rows {
		t.Row(w, r...)
	}
}

// appendRow appends a line, without blanks at its end.
func (t *Table) appendRow(cells []Cell) []byte {
	b, blanks := t.b, t.Indent
	for i := range cells {
		c, x := &t.Columns[i], &cells[i]
		pad := c.Width - Width(x.Text)
		if x.Mark != 0 {
			pad--
		}
		pad = max(pad, 0)
		if c.Right {
			blanks, pad = blanks+pad, 0
		}
		b = appendBlanks(b, blanks)
		if x.In != nil {
			b = append(b, x.In(x.Text)...)
		} else {
			b = append(b, x.Text...)
		}
		if x.Mark != 0 {
			b = append(b, x.Mark)
		}
		blanks = pad + max(1, t.Gap)
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	t.b = append(b, '\n')
	return t.b
}

func appendLeft(b []byte, s string, width int) []byte {
	return appendBlanks(append(b, s...), width-Width(s))
}

func appendBlanks(b []byte, n int) []byte {
	const some = "                                "
	for ; n > len(some); n -= len(some) {
		b = append(b, some...)
	}
	return append(b, some[:max(n, 0)]...)
}
