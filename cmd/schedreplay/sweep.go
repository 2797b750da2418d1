package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/jsondoc"
	"schedreplay/export/rows"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

func (a *app) sweepCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "sweep CAPTURE",
		Short: "Entries and intrusion time under every kernel of the rule table",
		Long: `sweep replays a capture under every kernel of the rule table. For each isolated CPU it
tells how many entries of foreign tasks there would be, how many more are possible,
and how long such tasks would run there. Then it names the first release of each
stable line that prevents them. Tasks that were there when the capture begins hold the
CPU under every kernel. Formats: text, json, csv.`,
		Example: `  schedreplay sweep testdata/traces/smt44-isolated43-original
  schedreplay sweep perf.data --host host.tar.gz --format csv
  schedreplay sweep perf.data --host host.tar.gz --original 5.10.0-136.oe2203-smt-span`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	c.addHost(f)
	f.StringVar(&c.owner, "owner", "", "the isolated CPUs' own task, by `NAME|PID`")
	f.StringVar(&c.cpu, "cpu", "", "look at these isolated CPUs only, a `CPULIST`")
	f.StringVar(&c.original, "original", "", "the recorded `KERNEL`: release[(+|-)fix]…, as in 6.1.192-smt-span")
	c.formats = []string{"text", "json", "csv"}
	addFormat(f, &c.format, c.formats)
	return a.captureCommand(cmd, &c, func(in *input) error { return a.sweep(in, &c) })
}

func (a *app) sweep(in *input, c *common) error {
	in.needIsolated = true
	if err := in.checkCPUs(c.filter.CPUs); err != nil {
		return err
	}
	o := c.options()
	kernels := rules.Releases()
	if findings.CanSweep(in.host) == findings.Sweepable {
		o.Alternatives = replay.Sweep(kernels)
		o.Observer.Progress = func(pass, passes int, _ int64) { a.progress.Step("pass", pass, passes) }
	}
	res, err := a.replayWith(in, o)
	if err != nil {
		return err
	}
	s := findings.SweepOf(res, kernels)
	a.progress.Clear()
	a.announce(in, say.Recorded(res))
	switch c.format {
	case "json":
		_, _ = a.out.Write(jsondoc.Sweep(s, in.partial() != nil))
	case "csv":
		a.sweepCSV(s)
	default:
		a.sweepText(in, s)
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

func (a *app) sweepText(in *input, s *findings.Sweep) {
	a.provenance(in, s.Result)
	if why := say.SweepEmpty(s); why != "" {
		fmt.Fprintln(a.out)
		a.paragraph(why, 0)
		return
	}
	recorded := s.Recorded()
	const perBlock = 3 // 20 + 3 × 20 columns
	for from := 0; from < len(recorded); from += perBlock {
		a.sweepBlock(s, recorded, from, min(from+perBlock, len(recorded)))
	}
	fmt.Fprintln(a.out)
	a.paragraph("entries: of foreign tasks, as predicted; (+N) more are possible, by facts that the capture does not hold. "+
		"ms: run time of such tasks there.", 0)
	for i := range recorded {
		for _, l := range say.SweepStays(&recorded[i]) {
			a.paragraph(l, 0)
		}
	}
	a.sweepLines(s)
}

// sweepBlock prints the table for some of the isolated CPUs.
func (a *app) sweepBlock(s *findings.Sweep, recorded []findings.SweptCPU, from, to int) {
	st := a.style()
	over := term.Table{Style: st, Columns: []term.Column{{Width: 20}}}
	t := term.Table{Style: st, Columns: []term.Column{{Name: "kernel", Width: 20}}}
	row := []term.Cell{{Text: "as recorded"}}
	for _, r := range recorded[from:to] {
		over.Columns = append(over.Columns, term.Column{Name: fmt.Sprintf("CPU %d", r.CPU), Width: 19, Right: true})
		t.Columns = append(t.Columns, term.Column{Name: "entries", Width: 10, Right: true}, term.Column{Name: "ms", Width: 8, Right: true})
		row = append(row, sweepCells(r.Entries.Total(), 0, r.NS, nil)...)
	}
	fmt.Fprintln(a.out)
	over.Head(a.out)
	t.Head(a.out)
	t.Row(a.out, row...)
	for i := range s.Rows {
		r := &s.Rows[i]
		row := []term.Cell{{Text: say.Releases(&r.Candidate)}}
		for _, h := range r.Holds[from:to] {
			var in func(string) string
			switch {
			case h.Entries > 0:
				in = st.Bad
			case h.EntriesPossible > 0 && r.Kernel.Rules.Leaks():
				in = st.Warn
			}
			row = append(row, sweepCells(h.Entries, h.EntriesPossible, h.HeldNS, in)...)
		}
		t.Row(a.out, row...)
	}
}

func sweepCells(entries, possible, ns int64, in func(string) string) []term.Cell {
	more := ""
	if possible > 0 {
		more = fmt.Sprintf("(+%d)", possible)
	}
	return []term.Cell{{Text: fmt.Sprintf("%d %-5s", entries, more), In: in}, {Text: fmt.Sprintf("%d.%d", ns/1e6, ns%1e6/1e5), In: in}}
}

// sweepLines tells the first release of each line that prevents the entries.
func (a *app) sweepLines(s *findings.Sweep) {
	fmt.Fprintln(a.out)
	if why := say.NoSweptEntry(s); why != "" {
		a.paragraph(why, 0)
		return
	}
	var later, always, never []string
	for _, l := range s.Lines() {
		switch l.First {
		case "":
			never = append(never, l.Name)
		case l.Name:
			always = append(always, l.Name)
		default:
			later = append(later, l.First)
		}
	}
	fmt.Fprintln(a.out, a.style().Bold("the first release of each line that prevents them"))
	for _, g := range [...]struct {
		what string
		list []string
	}{{"by a point release", later}, {"from the start", always}, {"none, or not surely", never}} {
		if len(g.list) > 0 {
			fmt.Fprintln(a.out, term.Beside("  "+g.what, say.Ranges(g.list), 24, 80))
		}
	}
}

// sweepCSV writes one line for each kernel and isolated CPU.
func (a *app) sweepCSV(s *findings.Sweep) {
	_, _ = a.out.Write(rows.Sweep.AppendCSVHead(nil))
	if why := say.SweepEmpty(s); why != "" {
		a.note(why)
	}
	for i := range s.Rows {
		r := &s.Rows[i]
		for j := range r.Holds {
			row := rows.Hold{SweepRow: r, Hold: &r.Holds[j], Prevents: findings.Prevents(r)}
			_, _ = a.out.Write(rows.Sweep.AppendCSV(nil, &row))
		}
	}
}
