package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/export/outdir"
	"schedreplay/findings/say"
)

// reports writes one report for each capture, as DIR/1-name, DIR/2-name …;
// captures are never merged. The folder appears whole or not at all.
func (a *app) reports(cmd *cobra.Command, paths []string, dir string, c *common, runs int) (err error) {
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
		name := fmt.Sprintf("%d-%s", i+1, cmdline.SectionName(path))
		in, err := a.open(path, c)
		if err != nil {
			return err
		}
		d.Spare(in.files())
		res, err := a.writeReport(in, d.Sub(name), cmdline.Without(cmd), runs)
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
