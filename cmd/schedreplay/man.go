package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"schedreplay/export/outdir"
)

func (a *app) manCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "man -o DIR",
		Short: "Manual pages of every command",
		Long: `man writes the manual pages, section 1, one for each command, into the folder DIR. It
makes the folder if need be. The pages say what --help says.`,
		Example: `  schedreplay man -o ~/.local/share/man/man1
  schedreplay man -o /tmp/man && man /tmp/man/schedreplay-report.1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("man needs -o DIR, as in `schedreplay man -o ~/.local/share/man/man1`")
			}
			return manPages(cmd.Root(), out)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the pages to the folder `DIR`")
	return cmd
}

// manPages writes a page for each command from cmd on. The same program gives
// the same bytes: the pages carry no date of the day.
func manPages(cmd *cobra.Command, dir string) error {
	cmd.DisableAutoGenTag = true
	written := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // the month of this version
	header := doc.GenManHeader{Section: "1", Source: "schedreplay " + version, Manual: "schedreplay", Date: &written}
	var page bytes.Buffer
	if err := doc.GenMan(cmd, &header, &page); err != nil {
		return err
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
	if err := outdir.WriteFile(filepath.Join(dir, name), page.Bytes(), nil); err != nil {
		return err
	}
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := manPages(c, dir); err != nil {
			return err
		}
	}
	return nil
}
