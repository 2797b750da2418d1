package cmdline

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"schedreplay/export/outdir"
)

// UnknownCommand refuses what is no command, and names those that may be meant.
func UnknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	root.SuggestionsMinimumDistance = 2
	err := fmt.Sprintf("unknown command %q", args[0])
	if s := root.SuggestionsFor(args[0]); len(s) > 0 {
		err += "; did you mean " + strings.Join(s, " or ") + "?"
	}
	return errors.New(err)
}

// DropPowershell leaves the completions for the shells of Linux.
func DropPowershell(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		for _, s := range c.Commands() {
			if s.Name() == "powershell" {
				c.RemoveCommand(s)
			}
		}
	}
}

// ManPages writes a page for each command from cmd on. The same program gives
// the same bytes: the pages carry no date of the day.
func ManPages(cmd *cobra.Command, dir, version string) error {
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
		if err := ManPages(c, dir, version); err != nil {
			return err
		}
	}
	return nil
}
