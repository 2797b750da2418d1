package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/cpumask"
	"schedreplay/export/outdir"
	"schedreplay/findings/say"
	"schedreplay/record"
)

func (a *app) recordCommand() *cobra.Command {
	var out, when, isolated string
	var bufferMiB uint32
	var dry, restore bool
	o := record.Options{}
	cmd := &cobra.Command{
		Use:   "record -o DIR [flags] [-- COMMAND [ARG…]]",
		Short: "Record this machine well, with its host bundle",
		Long: `record makes a recording of this machine that the other commands can use in full: the
right events on all CPUs, one clock, buffers that are bounded together, and the host
bundle. It goes through perf where that runs, else through tracefs. It ends with COMMAND,
with --duration or with Ctrl-C, and keeps what it has. With --ring the buffers hold the
last seconds only; with --when they do so until something happens on an isolated CPU.
Run it as root. It leaves no tracing setting changed; what a killed one leaves, the next
one or --restore removes. docs/recording.md says more.`,
		Example: `  schedreplay record -o incident --duration 10s
  schedreplay record -o incident --when 'delay>1ms'
  schedreplay record -o incident -- ./reproduce.sh`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if restore {
				return a.restoreTracing()
			}
			if out == "" {
				return usagef("record needs -o DIR, as in `schedreplay record -o incident --duration 10s`")
			}
			var err error
			if when != "" {
				if o.When, err = record.ParseCondition(when); err != nil {
					return err
				}
			}
			if o.Isolated, err = cpumask.ParseList(isolated, 0); err != nil {
				return usagef("--isolated: %w", err)
			}
			o.Buffer, o.Command = int64(bufferMiB)<<20, args
			return a.record(out, isolated, o, dry)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVarP(&out, "output", "o", "", "write the recording to the folder `DIR`, which must not be there yet")
	f.DurationVar(&o.Duration, "duration", 0, "end after `TIME`, as in 10s")
	f.BoolVar(&o.Ring, "ring", false, "keep only the last that the buffers hold")
	f.StringVar(&when, "when", "", "keep the last until `CONDITION` on an isolated CPU: intrusion, or delay>TIME")
	f.BoolVar(&o.Noise, "noise", false, "record too interrupts, timers, work items and idleness on isolated CPUs; the report asks of no others")
	f.StringVar(&isolated, "isolated", "", "the isolated CPUs for --when and --noise: `CPULIST`; the machine's own unless told")
	f.Uint32Var(&bufferMiB, "buffer", 0, "all buffers together, in `MIB`; unless told 16 for each CPU, 1024 and an eighth of the free memory at most")
	f.StringVar((*string)(&o.Backend), "backend", string(record.Auto), "record through perf or tracefs: auto, perf, tracefs `NAME`")
	f.BoolVar(&dry, "dry-run", false, "say what would be done, and do nothing")
	f.BoolVar(&restore, "restore", false, "only remove what killed recordings left in tracefs")
	return cmd
}

func (a *app) record(out, isolated string, o record.Options, dry bool) error {
	p, err := record.Setup(a.ctx, "/", o)
	if err != nil {
		return err
	}
	if dry {
		for _, s := range p.Steps() {
			fmt.Fprintln(a.out, s)
		}
		return nil
	}
	d, err := outdir.NewOnce(out)
	if err != nil {
		return err
	}
	defer d.Drop()
	r, err := p.Run(a.ctx, d, a.note)
	if !r.Recorded {
		return err
	}
	if r.Why != "" {
		a.note(r.Why)
	}
	a.collected(r.Bundle)
	if kerr := d.Keep(); kerr != nil {
		return errors.Join(err, kerr)
	}
	if isolated != "" {
		isolated = " --isolated " + isolated
	}
	fmt.Fprintf(a.out, "schedreplay report %s%s -o %s\n", say.ShellWord(out), isolated, say.ShellWord(out+"-report"))
	return err
}

func (a *app) restoreTracing() error {
	m, err := record.Probe("/")
	if err != nil {
		return err
	}
	gone, err := record.Restore(m)
	for _, name := range gone {
		a.note("removed " + name)
	}
	return err
}
