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
func (a *app) reports(cmd *cobra.Command, paths []string, dir string, c *common, runs int) error {
	if err := c.parse(cmd); err != nil {
		return err
	}
	var names []string
	var partial error
	one := func(d *outdir.Dir, path, name string) error {
		in, err := a.open(path, c)
		if err != nil {
			return err
		}
		defer in.Close()
		d.Spare(in.files())
		res, err := a.writeReport(in, d.Sub(name), cmdline.Without(cmd), runs)
		if err != nil {
			return err
		}
		for _, l := range in.remarks(say.Headline(res)) {
			a.paragraph(name+": "+l, 0)
		}
		a.notes(say.Notes(res), res.Host.Notes)
		if partial == nil {
			partial = in.partial()
		}
		return nil
	}
	err := outdir.Into(dir, nil, func(d *outdir.Dir) error {
		for i, path := range paths {
			names = append(names, fmt.Sprintf("%d-%s", i+1, cmdline.SectionName(path)))
			if err := one(d, path, names[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range names {
		a.holds(filepath.Join(dir, n), "report.html, report.md, report.json, tables and figures")
	}
	return partial
}
