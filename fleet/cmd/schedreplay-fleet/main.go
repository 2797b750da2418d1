// Command schedreplay-fleet sums up a fleet of captures on an engine of Apache Beam: Flink,
// Spark, Dataflow, or Prism. It gives the answer that `schedreplay fleet` gives on one
// machine. docs/fleet.md tells how to run it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/gcs"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/s3"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

func main() {
	var o options
	flag.Func("captures", "sum up the captures that `PATTERN` matches; may be repeated", func(p string) error {
		o.Patterns = append(o.Patterns, p)
		return nil
	})
	flag.StringVar(&o.Output, "output", "", "write into `DIR`, which must be empty")
	flag.StringVar(&o.Child.Binary, "schedreplay", "schedreplay", "the program `FILE` of the workers")
	flag.StringVar(&o.Child.Bundle, "host", "", "the host `BUNDLE` of all captures, unless one lies beside each; a file of the workers")
	flag.DurationVar(&o.Child.Timeout, "timeout", 10*time.Minute, "the longest `DURATION` for one capture")
	memory := flag.Uint("memory", 1024, "the most memory for one capture, in `MIB`")
	flag.Usage = usage
	flag.Parse()
	beam.Init()
	o.Child.Memory, o.Child.Settings = uint32(*memory), flag.Args()
	if err := run(context.Background(), &o); err != nil {
		fmt.Fprintln(os.Stderr, "schedreplay-fleet:", err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprint(flag.CommandLine.Output(), `schedreplay-fleet --captures PATTERN… --output DIR [--runner=…] [-- --FLAG=VALUE…]

Sums up captures on an engine of Apache Beam. Flags behind -- shape the row sets, as those
of schedreplay summarize: --isolated=43. The other flags are Beam's.

`)
	flag.PrintDefaults()
}

func run(ctx context.Context, o *options) error {
	switch {
	case len(o.Patterns) == 0:
		return fmt.Errorf("no captures: say --captures PATTERN")
	case o.Output == "":
		return fmt.Errorf("no place for the results: say --output DIR")
	}
	for _, s := range o.Child.Settings {
		if !strings.HasPrefix(s, "--") || !strings.Contains(s, "=") {
			return fmt.Errorf("%q: write flags as --isolated=43", s)
		}
	}
	version, err := exec.CommandContext(ctx, o.Child.Binary, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", o.Child.Binary, err)
	}
	o.Program, _, _ = strings.Cut(string(version), "\n")
	if err := isEmpty(ctx, o.Output); err != nil {
		return err
	}
	p, s := beam.NewPipelineWithRoot()
	build(s, o)
	return beamx.Run(ctx, p)
}
