// Package cost tells what the commands on a capture take, as BenchmarkCosts measures it.
package cost

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// Recording is what it was measured on.
const Recording = "a million events of 44 CPUs (testdata/traces/smt44-isolated43-original, repeated)"

// Cost is what one command takes.
type Cost struct {
	Command string
	// Words of its command line: the capture twice is CAPTURE CAPTURE, what it writes is OUT.
	Words string
	// Seconds of processor time. With a second processor it is done sooner.
	Seconds float64
	// MB is the most memory, in MiB, that is resident.
	MB int
}

// All are the commands on a capture, the slowest way to call them.
var All = []Cost{
	{"report", "CAPTURE -o OUT", 2.3, 57},
	{"wakeups", "CAPTURE", 1.6, 47},
	{"intrusions", "CAPTURE", 1.6, 46},
	{"explain", "CAPTURE --wakeup 200000", 1.6, 47},
	{"fidelity", "CAPTURE", 1.7, 50},
	{"topology", "CAPTURE", 0.3, 50},
	{"timeline", "CAPTURE", 0.8, 52},
	{"events", "CAPTURE", 0.4, 34},
	{"kernels", "--explain CAPTURE", 3.7, 53},
	{"sweep", "CAPTURE", 15, 53},
	{"whatif", "CAPTURE", 33, 109},
	{"advise", "CAPTURE", 83, 110},
	{"convert", "CAPTURE --to parquet -o OUT", 4.1, 54},
	{"anonymize", "CAPTURE -o OUT", 0.6, 47},
	{"compare", "CAPTURE CAPTURE", 3.8, 52},
	{"check", "CAPTURE --max-intrusion 1ms", 1.7, 45},
	{"summarize", "CAPTURE -o OUT", 2, 49},
	{"fleet", "CAPTURE -o OUT", 2, 51},
}

// Of is what a command takes, nil if it reads no capture.
func Of(command string) *Cost {
	for i := range All {
		if All[i].Command == command {
			return &All[i]
		}
	}
	return nil
}

// Tell adds to the help of the commands what they take.
func Tell(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if c := Of(cmd.Name()); c != nil {
			cmd.Long += fmt.Sprintf("\n\nOn %s\n`%s` takes %s s of processor time and %d MB of memory.", Recording, c.line(), c.seconds(), c.MB)
		}
	}
}

// Table is the same for the manual, in Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| command | processor time | memory |\n|---|--:|--:|\n")
	for i := range All {
		c := &All[i]
		fmt.Fprintf(&b, "| `%s` | %s s | %d MB |\n", c.line(), c.seconds(), c.MB)
	}
	return b.String()
}

func (c *Cost) line() string { return c.Command + " " + c.Words }

// seconds has two digits, or all before the point.
func (c *Cost) seconds() string {
	if c.Seconds < 10 {
		return strconv.FormatFloat(c.Seconds, 'f', 1, 64)
	}
	return strconv.FormatFloat(c.Seconds, 'f', 0, 64)
}
