package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"schedreplay/export/rows"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

func (a *app) wakeupsCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "wakeups CAPTURE",
		Short: "One line per placement decision, under both kernels",
		Long: `wakeups lists every placement that the capture shows: who was woken, by whom,
from which CPU, where the recorded kernel put it, and where the model puts it
under the original and the patched kernel.

In text, a CPU with * is isolated, ~ says that other CPUs are possible too; the
last column says whether the patched kernel places the task elsewhere: ! certainly,
? possibly. With -v the waker and the possible CPUs follow. Formats: text, jsonl
(see docs/command-line.md), csv. --cpu shows what was, or would be, placed there.`,
		Example: `  schedreplay wakeups testdata/traces/smt44-isolated43-original --task ksmd --to 24.6
  schedreplay wakeups perf.data --host host.tar.gz --format jsonl | jq 'select(.moved=="certain")'
  schedreplay wakeups perf.data --isolated 43 --cpu 43`,
	}
	c.add(cmd, "text", "jsonl", "csv")
	return a.captureCommand(cmd, &c, func(in *input) error { return a.wakeups(in, &c) })
}

func (a *app) wakeups(in *input, c *common) error {
	var line func(*replay.Wakeup)
	begin := func(*replay.Result) {}
	switch c.format {
	case "jsonl":
		line = func(w *replay.Wakeup) {
			a.line = append(rows.WakeupObjects.AppendJSON(a.line[:0], w), '\n')
			_, _ = a.out.Write(a.line)
		}
	case "csv":
		begin = func(*replay.Result) { _, _ = a.out.Write(rows.WakeupLines.AppendCSVHead(nil)) }
		line = func(w *replay.Wakeup) {
			a.line = rows.WakeupLines.AppendCSV(a.line[:0], w)
			_, _ = a.out.Write(a.line)
		}
	default:
		begin = func(res *replay.Result) {
			fmt.Fprintf(a.out, "original %s, patched %s%s\n", res.Original.Name, res.Patched.Name, shown(&c.filter))
			a.wakeupHead()
		}
		line = func(w *replay.Wakeup) {
			a.wakeupText(w)
			if at := c.clock.of(w.Time); at != "" && a.verbose {
				fmt.Fprintf(a.out, "%20s at %s\n", "", at)
			}
		}
	}
	lines := printBehind(line)
	res, err := a.replay(in, replay.Observer{
		Begin: func(res *replay.Result) {
			a.announce(in, res.Headline)
			begin(res)
		},
		Wakeup: func(w *replay.Wakeup) {
			if wakeupShown(&c.filter, w) {
				lines.push(w)
			}
		},
	})
	lines.wait()
	if err != nil {
		return err
	}
	a.notes(res.Notes, res.Host.Notes)
	return nil
}

// shown tells of the filter in the head of a text.
func shown(f *filter) string {
	if !f.active() {
		return ""
	}
	return "; shown: " + f.String()
}

func wakeupShown(f *filter, w *replay.Wakeup) bool {
	return f.time(w.Time) && f.isTask(w.Task.PID, w.Task.Comm) && f.isCPU(w.RecordedCPU, w.Original.CPU, w.Patched.CPU)
}

// The text fits 80 columns:
//
//	n time task prev rec original path patched moved
func (a *app) wakeupHead() {
	s := a.style()
	fmt.Fprintf(a.out, "%s\n", s.bold(fmt.Sprintf("%7s %13s %-18s %4s %4s  %4s  %-14s %5s", "n", "time", "task", "prev", "rec", "orig", "path", "patch")))
}

// wakeupText is on the way of every wakeup of a capture: it appends, where fmt
// would take several times as long.
func (a *app) wakeupText(w *replay.Wakeup) {
	s := a.style()
	b := appendRight(a.line[:0], strconv.FormatInt(w.N, 10), 7)
	b = appendRight(append(b, ' '), replay.Seconds(w.Time), 13)
	b = append(append(b, ' '), fitTask(w.Task.Comm, w.Task.PID, 18)...)
	b = appendRight(append(b, ' '), cpuText(w.PrevCPU), 4)
	if w.Isolated && w.IsolatedKnown {
		b = append(append(b, ' '), s.bad(string(appendRight(nil, cpuText(w.RecordedCPU), 4))+"*")...)
	} else {
		b = append(appendRight(append(b, ' '), cpuText(w.RecordedCPU), 4), ' ')
	}
	b = appendPlacedText(append(b, ' '), &w.Original)
	path := string(w.Original.Path)
	if w.Original.Reason != place.ReasonNone {
		path = string(w.Original.Reason)
	}
	b = appendLeft(append(b, ' '), path, 14)
	b = appendPlacedText(append(b, ' '), &w.Patched)
	switch w.Moved {
	case replay.MovedCertain:
		b = append(append(b, ' '), s.good("!")...)
	case replay.MovedPossible:
		b = append(append(b, ' '), s.warn("?")...)
	}
	b = append(b, '\n')
	_, _ = a.out.Write(b)
	a.line = b
	if !a.verbose {
		return
	}
	fmt.Fprintf(a.out, "%20s woken by %s in %s on CPU %s\n", "", fitTask(w.Waker.Comm, w.Waker.PID, 0), w.WakerContext, cpuText(w.WakerCPU))
	fmt.Fprintf(a.out, "%20s possible %s; patched by %s, possible %s\n", "", possibleText(&w.Original), w.Patched.Path, possibleText(&w.Patched))
}

func appendPlacedText(b []byte, p *replay.Placed) []byte {
	b = appendRight(b, cpuText(p.CPU), 4)
	if p.Certain() {
		return append(b, ' ')
	}
	return append(b, '~')
}

func possibleText(p *replay.Placed) string {
	if !p.Bounded {
		return "any"
	}
	return p.Possible.String()
}

// cpuText prints a CPU number, "?" if it is unknown.
func cpuText(cpu int) string {
	if cpu < 0 {
		return "?"
	}
	return strconv.Itoa(cpu)
}
