package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/export/outdir"
	"schedreplay/parser"
	"schedreplay/parser/host"
)

func (a *app) collectCommand() *cobra.Command {
	var out, root string
	cmd := &cobra.Command{
		Use:   "collect -o BUNDLE",
		Short: "A host bundle of this machine",
		Long: `collect stores what a capture does not say of its machine: topology, isolation,
kernel, sched domains, the affinity of every task, clocks. Run it as root on the
recorded machine, right after the recording and before any reboot. -o - writes to
standard output. docs/host-bundle.md has a shell script that does the same.`,
		Example: `  schedreplay collect -o host.tar.gz
  ssh root@node schedreplay collect -o - > host.tar.gz`,
		Args: cmdline.NoArgument,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return usagef("collect needs -o BUNDLE, as in `schedreplay collect -o host.tar.gz`")
			}
			return a.collect(root, out)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", "write the bundle to `BUNDLE`, \"-\" for standard output")
	f.StringVar(&root, "root", "/", "collect from the proc, sys and boot folders under `DIR`")
	return cmd
}

func (a *app) collect(root, out string) error {
	var c host.Collected
	var err error
	if out == "-" {
		c, err = host.Collect(a.ctx, root, a.out)
	} else {
		err = outdir.IntoFile(out, nil, func(f *outdir.File) (err error) {
			if c, err = host.Collect(a.ctx, root, f); a.ctx.Err() != nil || errors.As(err, new(*parser.Error)) {
				return err
			}
			return outdir.Wrap(out, err)
		})
	}
	if err == nil {
		a.collected(c)
	}
	return err
}

func (a *app) collected(c host.Collected) {
	if c.Missed == 0 {
		return
	}
	remedy := ""
	if c.Remedy != "" {
		remedy = "; " + c.Remedy
	}
	a.note(fmt.Sprintf("%d files could not be read, the first is %s%s", c.Missed, c.Why[0], remedy))
	if a.verbose {
		for _, w := range c.Why[1:] {
			a.note(w)
		}
	}
}
