package cmdline

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"

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

// The arguments of commands: one capture, that or a bundle, one capture or more, two or more.
var (
	OneCapture  = captures("one capture", 1, 1)
	OneInput    = captures("one capture or host bundle", 1, 1)
	Captures    = captures("one capture or more", 1, math.MaxInt)
	TwoCaptures = captures("two captures or more", 2, math.MaxInt)
)

func captures(takes string, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch n := len(args); {
		case n == 0:
			return fmt.Errorf("%s takes %s, and none is given", cmd.Name(), takes)
		case n < least:
			return fmt.Errorf("%s takes %s, and one is given", cmd.Name(), takes)
		case n > most:
			return fmt.Errorf("%s takes %s: %q is given beside %q", cmd.Name(), takes, args[1], args[0])
		}
		return nil
	}
}

// NoArgument refuses any argument.
func NoArgument(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, and %q is given", cmd.Name(), args[0])
	}
	return nil
}

// CheckValues refuses arguments and flags without a value, as a variable of the shell leaves
// them that is not set, and "-" for what is not written to standard output.
func CheckValues(cmd *cobra.Command, args []string) (err error) {
	const remedy = "is a variable of the shell not set?"
	if slices.Contains(args, "") && !cmd.DisableFlagParsing { // a shell that completes gives empty words
		return errors.New("an argument is empty; " + remedy)
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch v := f.Value.String(); {
		case f.Value.Type() != "string":
		case v == "" && f.Name != "isolated":
			err = fmt.Errorf("--%s is empty; %s", f.Name, remedy)
		case v == "-" && (f.Name == "output" && cmd.Name() != "collect" || f.Name == "junit" || f.Name == "metrics"):
			err = fmt.Errorf("--%s -: %s does not write that to standard output; ./- is the file of that name", f.Name, cmd.Name())
		}
	})
	return err
}

// Completions leaves the completions for the shells of Linux, and refuses others.
func Completions(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		var shells []string
		for _, s := range c.Commands() {
			if s.Name() == "powershell" {
				c.RemoveCommand(s)
			} else {
				shells = append(shells, s.Name())
			}
		}
		c.RunE = func(*cobra.Command, []string) error { return c.Help() }
		c.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%q is no shell that completion knows; there are %s", args[0], strings.Join(shells, ", "))
			}
			return nil
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
