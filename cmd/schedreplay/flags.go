package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"schedreplay/cmd/schedreplay/internal/show"
	"schedreplay/cmd/schedreplay/internal/wall"
	"schedreplay/cpumask"
	"schedreplay/parser/host"
	"schedreplay/replay"
)

// common are the flags that every command on a capture takes.
type common struct {
	bundle   string
	host     host.Flags
	isolated string
	owner    string
	cpu      string
	from, to string
	wall     string
	task     string
	original string
	patched  []string
	format   string

	formats []string
	filter  show.Filter
	// fromTime, toTime and atTime are --from, --to and explain's --at as given;
	// clock relates the capture's clock to wall time, and atNS is the stamp of
	// atTime, once a capture is open.
	fromTime, toTime, atTime wall.Moment
	atNS                     int64
	clock                    wall.Clock
}

// add declares the flags on a command that prints the given formats, the first
// by default.
func (c *common) add(cmd *cobra.Command, formats ...string) {
	f := cmd.Flags()
	f.SortFlags = false
	c.addHost(f)
	c.addOwner(f)
	f.StringVar(&c.cpu, "cpu", "", "look at these `CPULIST` only")
	f.StringVar(&c.from, "from", "", "show nothing before `TIME`: seconds of the capture's clock, or wall time")
	f.StringVar(&c.to, "to", "", "show nothing after `TIME`")
	f.StringVar(&c.wall, "wall", "", "the wall time of the first event, `[SECONDS=]TIME`; or of that second of its clock")
	f.StringVar(&c.task, "task", "", "show this task only, by `NAME|PID`")
	c.addOriginal(f)
	c.addPatched(f)
	c.addFormat(f, formats...)
}

// addIsolated declares the flags of commands on the isolated CPUs alone: the machine's, --owner
// and --cpu.
func (c *common) addIsolated(f *pflag.FlagSet) {
	c.addHost(f)
	c.addOwner(f)
	f.StringVar(&c.cpu, "cpu", "", "look at these isolated CPUs only, a `CPULIST`")
}

func (c *common) addOwner(f *pflag.FlagSet) {
	f.StringVar(&c.owner, "owner", "", "the isolated CPUs' own task, by `NAME|PID`")
}

func (c *common) addOriginal(f *pflag.FlagSet) {
	f.StringVar(&c.original, "original", "", "the recorded `KERNEL`: release[(+|-)fix]…, as in 6.1.192-smt-span")
}

// addPatched declares --patched.
func (c *common) addPatched(f *pflag.FlagSet) {
	f.StringArrayVar(&c.patched, "patched", nil, "the `KERNEL` to compare it with")
}

// addHost declares the flags that describe the machine.
func (c *common) addHost(f *pflag.FlagSet) {
	f.StringVar(&c.bundle, "host", "", "the recorded machine's host `BUNDLE`: a folder or an archive")
	f.StringVar(&c.isolated, "isolated", "", "the CPUs outside every sched domain, as a `CPULIST`; \"\" for none")
	f.StringArrayVar(&c.host.Affinity, "affinity", nil, "a task's affinity, `NAME=CPULIST` or PID=CPULIST; may be repeated")
	f.StringVar(&c.host.Release, "release", "", "the kernel `RELEASE`, as uname -r prints it")
	f.StringVar(&c.host.Online, "online", "", "the online CPUs, as a `CPULIST`")
	f.StringVar(&c.host.SMT, "smt", "", "the cores, as `GROUPS` of CPUs: 0+4,1+5 or 0-1,2-3")
	f.StringVar(&c.host.LLC, "llc", "", "the last-level caches, as `GROUPS` of CPUs: 0-3+8-11,4-7+12-15")
}

// addFormat declares --format; a command without it prints text.
func (c *common) addFormat(f *pflag.FlagSet, formats ...string) {
	c.formats = formats
	f.StringVar(&c.format, "format", formats[0], "print `FORMAT`: "+strings.Join(formats, ", "))
}

// parse checks the values that mean the same for every command.
func (c *common) parse(cmd *cobra.Command) error {
	if err := c.checkFormat(); err != nil {
		return err
	}
	if more := map[string]bool{"intrusions": true, "wakeups": true, "report": true}; len(c.patched) > 1 && !more[cmd.Name()] {
		return usagef("--patched may be given once: %s compares two kernels; wakeups, intrusions and report take more", cmd.Name())
	}
	if cmd.Flags().Changed("isolated") {
		c.host.Isolated = &c.isolated
	}
	var err error
	c.filter = show.Filter{PID: -1, Task: c.task}
	if err = c.parseWindow(); err != nil {
		return err
	}
	if pid, err := strconv.ParseInt(c.task, 10, 32); err == nil {
		c.filter.PID = int32(pid)
	}
	if cmd.Flags().Changed("cpu") {
		if c.filter.CPUs, err = cpumask.ParseList(c.cpu, 0); err != nil {
			return usagef("--cpu: %w", err)
		}
		if c.filter.CPUs.Empty() {
			return usagef("--cpu %q names no CPU", c.cpu)
		}
	}
	return nil
}

func (c *common) checkFormat() error {
	if c.formats == nil {
		c.format = "text"
	} else if !slices.Contains(c.formats, c.format) {
		return usagef("--format %s: this command prints %s", c.format, strings.Join(c.formats, ", "))
	}
	return nil
}

// options are the replay's, without an observer.
func (c *common) options() replay.Plan {
	return replay.Plan{Original: c.original, Patched: c.patched, Owner: c.owner}
}
