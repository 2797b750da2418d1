package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/cmdline"
	"schedreplay/cmd/schedreplay/internal/survey"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/parser/host"
)

func (a *app) topologyCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "topology CAPTURE|BUNDLE",
		Short: "CPUs, caches, sched domains as that kernel builds them, isolation, SMT splits",
		Long: `topology shows the machine as the scheduler sees it: packages, last-level caches,
cores, NUMA nodes, the isolated CPUs and what isolates them, the sched domains that
the kernel builds, and the cores that isolation splits. An isolated CPU whose sibling
does housekeeping is where select_idle_smt leaks. If the bundle holds the kernel's own
domains, topology compares them. Formats: text, json.`,
		Example: `  schedreplay topology host.tar.gz
  schedreplay topology perf.data --isolated 43
  schedreplay topology host.tar.gz --original 5.10 --isolated 2-3`,
		Args: cmdline.OneInput,
	}
	c.add(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := c.parse(cmd); err != nil {
			return err
		}
		return a.topology(args[0], &c)
	}
	return cmd
}

func (a *app) topology(path string, c *common) error {
	if survey.IsBundle(a.ctx, path) {
		b, err := host.Read(a.ctx, path)
		if err != nil {
			return err
		}
		if c.bundle != "" {
			return usagef("%s is a host bundle itself; leave --host out", path)
		}
		h, err := host.Merge(nil, b, c.host)
		if err != nil {
			return err
		}
		return a.topologyOf(h, nil, c)
	}
	in, err := a.open(path, c)
	if err != nil {
		return err
	}
	defer in.Close()
	// For what the events say against bundle and flags.
	if err := a.eachEvent(in, func(*parser.Event) {}); err != nil {
		return err
	}
	if err := a.topologyOf(in.host, in, c); err != nil {
		return err
	}
	return in.partial()
}

func (a *app) topologyOf(h *parser.Host, in *input, c *common) error {
	name := c.original
	if name == "" {
		name = h.Release.Value
	}
	assumed := name == ""
	if assumed {
		name = "6.1.0"
	}
	k, err := rules.ParseKernel(name, h.Version.Value)
	if err != nil {
		if c.original != "" {
			return err
		}
		a.note(fmt.Sprintf("the release %q is not one the model covers (%v): 6.1.0 is assumed", name, err))
		assumed = true
		if k, err = rules.ParseKernel("6.1.0", ""); err != nil {
			return err
		}
	}
	v := findings.MachineOf(h, k, assumed)
	if in != nil {
		a.announce(in, nil)
	}
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Topology(v))
	} else {
		a.page().Topology(v)
	}
	a.notes(say.KernelNotes(k), say.ForeignScheduler(h), h.Notes)
	return nil
}
