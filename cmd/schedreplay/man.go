package main

import (
	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
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
		Args: cmdline.NoArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("man needs -o DIR, as in `schedreplay man -o ~/.local/share/man/man1`")
			}
			return cmdline.ManPages(cmd.Root(), out, version)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "write the pages to the folder `DIR`")
	return cmd
}
