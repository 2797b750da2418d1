package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) manCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "man -o DIR",
		Short: "Manual pages of every command",
		Long: `man writes the manual pages, section 1, one for each command, into the folder DIR,
which it makes if need be. They say what --help says.`,
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

// manPages writes a page for root and for each command under it. The same
// program gives the same bytes: the pages carry no date of the day.
func manPages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &writeError{dir, bare(err)}
	}
	root.DisableAutoGenTag = true
	written := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // the month of this version
	header := doc.GenManHeader{Section: "1", Source: "schedreplay " + root.Version, Manual: "schedreplay", Date: &written}
	if err := doc.GenManTree(root, &header, dir); err != nil {
		return &writeError{dir, bare(err)}
	}
	return nil
}
