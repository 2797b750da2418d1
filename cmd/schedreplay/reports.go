package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/export/outdir"
	"schedreplay/findings/say"
	"schedreplay/parser"
)

// reports writes one report for each capture, as DIR/1-name, DIR/2-name …;
// captures are never merged. The folder appears whole or not at all.
func (a *app) reports(cmd *cobra.Command, paths []string, dir string, c *common) (err error) {
	if err := c.parse(cmd); err != nil {
		return err
	}
	d, err := outdir.New(dir, nil)
	if err != nil {
		return err
	}
	defer d.Drop()
	var names []string
	var partial error
	for i, path := range paths {
		name := fmt.Sprintf("%d-%s", i+1, sectionName(path))
		in, err := a.open(path, c)
		if err != nil {
			return err
		}
		d.Spare(in.files())
		res, err := a.writeReport(in, d.Sub(name), command(cmd))
		in.Close()
		if err != nil {
			return err
		}
		names = append(names, name)
		for _, l := range in.remarks(say.Headline(res)) {
			a.paragraph(name+": "+l, 0)
		}
		a.notes(say.Notes(res), res.Host.Notes)
		if err := in.partial(); partial == nil {
			partial = err
		}
	}
	if err := d.Keep(); err != nil {
		return err
	}
	for _, n := range names {
		a.holds(filepath.Join(dir, n), "report.html, report.md, report.json, tables and figures")
	}
	return partial
}

// sectionName makes a folder name of a capture's path: its file without
// endings, or its folder where the file has a name that every capture has.
func sectionName(path string) string {
	name := filepath.Base(filepath.Clean(path))
	stem, _, _ := strings.Cut(name, ".")
	switch stem {
	case "ftrace", "perf", "trace", "":
		if d := filepath.Base(filepath.Dir(path)); d != "." && d != string(filepath.Separator) {
			name = d
		}
	default:
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			name = stem
		}
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\\:*?\"<>|' ", r) || r < ' ' || r >= 0x7f {
			return '_'
		}
		return r
	}, parser.DisplayComm(name))
	if name == "-" {
		name = "stdin"
	}
	return name
}
