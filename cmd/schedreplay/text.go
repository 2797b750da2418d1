package main

import (
	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/term"
)

func (a *app) style() term.Style { return term.Style(a.colored()) }

// page is where the command's text goes.
func (a *app) page() *page.Page {
	return &page.Page{Writer: a.out, Style: a.style(), Verbose: a.verbose}
}

// paragraph prints a sentence of say, wrapped, with every line indented.
func (a *app) paragraph(s string, indent int) { a.page().Paragraph(s, indent) }
