package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/show"
	"schedreplay/cmd/schedreplay/internal/stream"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/place"
	"schedreplay/replay"
)

func (a *app) wakeupsCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "wakeups CAPTURE",
		Short: "One line per placement decision, under both kernels",
		Long: `wakeups lists every placement in the capture: who was woken, by whom, from which CPU,
where the recorded kernel put it, and where the model puts it under the original and
the patched kernel.

In text, * marks an isolated CPU, and ~ says that other CPUs are possible too. The last
column says whether the patched kernel places the task elsewhere: ! certainly, ?
possibly. -v adds the waker and the possible CPUs. --cpu shows what was placed there,
or would be. Formats: text, jsonl (see docs/command-line.md), csv.`,
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
		table, names := a.wakeupTable(), new(wakeeTexts)
		begin = func(res *replay.Result) {
			fmt.Fprintln(a.out, term.Wrap(kernelsCompared(res)+shown(&c.filter), 80))
			table.Head(a.out)
		}
		line = func(w *replay.Wakeup) {
			a.wakeupText(table, names, w)
			if !a.verbose {
				return
			}
			if at := c.clock.Of(w.Time); at != "" {
				fmt.Fprintf(a.out, "%20s at %s\n", "", at)
			}
		}
	}
	lines := stream.PrintBehind(line)
	res, err := a.replay(in, replay.Observer{
		Begin: func(res *replay.Result) {
			a.announce(in, say.Headline(res))
			begin(res)
		},
		Wakeup: func(w *replay.Wakeup) {
			if wakeupShown(&c.filter, w) {
				lines.Push(w)
			}
		},
	})
	lines.Wait()
	if err != nil {
		return err
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

// kernelsCompared names the kernels in the head of a text, and which made the recording.
func kernelsCompared(res *replay.Result) string {
	s := fmt.Sprintf("original %s, patched %s", res.Original.Name, res.Patched.Name)
	for _, a := range res.Alternatives[min(1, len(res.Alternatives)):] {
		s += ", " + a.Name
	}
	if res.Baseline == replay.RolePatched {
		s += "; the recording is the patched kernel's"
	}
	return s
}

// shown tells of the filter in the head of a text.
func shown(f *show.Filter) string {
	if !f.Active() {
		return ""
	}
	return "; shown: " + f.String()
}

func wakeupShown(f *show.Filter, w *replay.Wakeup) bool {
	return f.Time(w.Time) && f.IsTask(w.Task.PID, w.Task.Comm) && f.IsCPU(w.RecordedCPU, w.Original.CPU, w.Patched.CPU)
}

// wakeupTable fits 80 columns. A star and a tilde stand behind the CPU they are of.
func (a *app) wakeupTable() *term.Table {
	return &term.Table{Style: a.style(), Columns: term.Columns("n>7", "time>13", "task<18", "prev>4", "rec >5", "orig >5", "path<14", "patch>5", "<1")}
}

// wakeeTexts are what tasks woken lately are called in a row: it is a few that are woken again
// and again. They are found by their pid modulo their count.
type wakeeTexts [256]struct {
	task replay.TaskRef
	text string
}

func (l *wakeeTexts) of(t replay.TaskRef) string {
	x := &l[uint(t.PID)%uint(len(l))]
	if x.text == "" || x.task != t {
		x.task, x.text = t, page.Task(t.Comm, t.PID, 18)
	}
	return x.text
}

func (a *app) wakeupText(t *term.Table, names *wakeeTexts, w *replay.Wakeup) {
	rec := term.Cell{Text: say.CPUText(w.RecordedCPU), Mark: ' '}
	if w.Isolated && w.IsolatedKnown {
		rec = term.Cell{Text: say.CPUText(w.RecordedCPU) + "*", In: t.Style.Bad}
	}
	path := string(w.Original.Path)
	if w.Original.Reason != place.ReasonNone {
		path = string(w.Original.Reason)
	}
	var moved term.Cell
	switch w.Moved {
	case replay.MovedCertain:
		moved = term.Cell{Text: "!", In: t.Style.Good}
	case replay.MovedPossible:
		moved = term.Cell{Text: "?", In: t.Style.Warn}
	}
	t.Row(a.out, term.Cell{Text: strconv.FormatInt(w.N, 10)}, term.Cell{Text: replay.Seconds(w.Time)}, term.Cell{Text: names.of(w.Task)},
		term.Cell{Text: say.CPUText(w.PrevCPU)}, rec, placedCell(&w.Original), term.Cell{Text: path}, placedCell(&w.Patched), moved)
	if !a.verbose {
		return
	}
	fmt.Fprintf(a.out, "%20s woken by %s in %s on CPU %s\n", "", page.Task(w.Waker.Comm, w.Waker.PID, 0), w.WakerContext, say.CPUText(w.WakerCPU))
	fmt.Fprintf(a.out, "%20s possible %s; patched by %s, possible %s\n", "", possibleText(&w.Original), w.Patched.Path, possibleText(&w.Patched))
	for i := range w.More {
		m := &w.More[i]
		fmt.Fprintf(a.out, "%20s under %s: CPU %s by %s, possible %s\n", "", m.Kernel, say.CPUText(m.CPU), m.Path, possibleText(&m.Placed))
	}
}

func placedCell(p *replay.Placed) term.Cell {
	if p.Certain() {
		return term.Cell{Text: say.CPUText(p.CPU), Mark: ' '}
	}
	return term.Cell{Text: say.CPUText(p.CPU), Mark: '~'}
}

func possibleText(p *replay.Placed) string {
	if !p.Bounded {
		return "any"
	}
	return p.May().String()
}
