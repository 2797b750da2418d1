package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"schedreplay/export/jsondoc"
	"schedreplay/kernelmodel/rules"
)

func (a *app) kernelsCommand() *cobra.Command {
	var diff, explain bool
	var c common
	cmd := &cobra.Command{
		Use:   "kernels [--diff A B | --explain CAPTURE]",
		Short: "The rule table: which kernels place tasks differently; which one a capture fits",
		Long: `kernels lists the rows of the rule table: each mainline release that places a waking
task otherwise than the one before, the fixes it carries, and whether it can put a
task on an isolated CPU. --diff says in words how two KERNELs differ, with the commits.

--explain ranks the rows, with every combination of fixes, by how well they explain
the placements in a capture: fewest impossible entries into isolated CPUs first, then
fewest decisions made otherwise, the impossible ones counted twice. It says first what
follows from that, and names the decisions that rule kernels out. The flags that describe the
machine belong to --explain. -v lists every rank and name.

KERNEL is release[(+|-)fix]…, as in 6.1.82, 6.1.192-smt-span or
5.10.0-136.oe2203+smt-span. Formats: text, json.`,
		Example: `  schedreplay kernels
  schedreplay kernels --diff 6.1.82 6.1.83
  schedreplay kernels --diff 5.10 6.1-smt-span
  schedreplay kernels --explain testdata/traces/smt44-isolated43-original`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case diff && explain:
				return fmt.Errorf("--diff and --explain are two questions; ask one")
			case diff && len(args) != 2:
				return fmt.Errorf("--diff needs two kernels, as in `schedreplay kernels --diff 6.1.82 6.1.83`")
			case explain && len(args) != 1:
				return fmt.Errorf("--explain needs one CAPTURE")
			case !diff && !explain && len(args) > 0:
				return fmt.Errorf("%q is not expected; did you mean --diff or --explain?", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if explain {
				return a.onCapture(cmd, args[0], &c, func(in *input) error { return a.kernelsExplain(in, &c) })
			}
			if err := c.checkFormat(); err != nil {
				return err
			}
			if err := onlyWithExplain(cmd); err != nil {
				return err
			}
			if !diff {
				if c.format == "json" {
					_, _ = a.out.Write(jsondoc.Kernels())
				} else {
					a.page().Kernels()
				}
				return nil
			}
			x, err := rules.ParseKernel(args[0], "")
			if err != nil {
				return err
			}
			y, err := rules.ParseKernel(args[1], "")
			if err != nil {
				return err
			}
			if c.format == "json" {
				_, _ = a.out.Write(jsondoc.KernelDiff(x, y))
			} else {
				a.page().KernelDiff(x, y)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&diff, "diff", false, "say what differs between two kernels")
	f.BoolVar(&explain, "explain", false, "rank the kernels by how well they explain a capture")
	c.addFormat(f, "text", "json")
	c.addHost(f)
	f.StringVar(&c.original, "original", "", "the `KERNEL` whose rank is told; by default the recorded release")
	return cmd
}

// onlyWithExplain refuses flags about a capture where there is none.
func onlyWithExplain(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "diff", "explain", "format", "color", "quiet", "verbose":
		default:
			if err == nil {
				err = usagef("--%s belongs to --explain CAPTURE", f.Name)
			}
		}
	})
	return err
}
