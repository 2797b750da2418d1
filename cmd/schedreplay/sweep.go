package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/rows"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

func (a *app) sweepCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "sweep CAPTURE",
		Short: "Entries and intrusion time under every kernel of the rule table",
		Long: `sweep replays a capture under every kernel of the rule table and tells, for each
isolated CPU, how many entries of foreign tasks each would have had, how many more
are possible, and how long such tasks would have run there; then the first release
of each stable line that prevents them. Tasks that were there when the capture
begins hold the CPU under every kernel. Formats: text, json, csv.`,
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

// sweepResult is what every kernel would have done.
type sweepResult struct {
	in  *input
	res *replay.Result
	// rows are empty where why says that there is nothing to tell.
	rows []replay.SweepRow
	why  string
}

func (a *app) sweep(in *input, c *common) error {
	in.needIsolated = true
	if err := in.checkCPUs(c.filter.cpus); err != nil {
		return err
	}
	s := &sweepResult{in: in}
	var err error
	if s.why = nothingToSweep(in.host); s.why != "" {
		s.res, err = a.replay(in, replay.Observer{})
	} else {
		o := c.options()
		o.CPUs = c.filter.cpus
		o.Observer.Progress = func(pass, passes int, _ int64) {
			a.progress.Step("pass", pass, passes)
		}
		kernels := rules.Releases()
		o.Alternatives = replay.Sweep(kernels)
		if s.res, err = replay.Run(a.ctx, in, in.host, o); err == nil {
			s.rows = s.res.Swept(kernels)
		}
	}
	if err != nil {
		return err
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if err := checkOwner(s.res, c.owner); err != nil {
		return err
	}
	a.progress.Clear()
	a.announce(in, s.headline())
	switch c.format {
	case "json":
		a.sweepJSON(s)
	case "csv":
		a.sweepCSV(s)
	default:
		a.sweepText(s)
	}
	a.notes(s.res.Notes, s.res.Host.Notes)
	return nil
}

// nothingToSweep says why no kernel's entries can be told, "" if they can.
func nothingToSweep(h *parser.Host) string {
	switch iso, ok := h.Isolated.Get(); {
	case !ok:
		return "Which CPUs are isolated is not known, so no entry can be told under any kernel; name them with --isolated, or give a host bundle with --host."
	case iso.Empty():
		return fmt.Sprintf("No CPU is isolated (%s): there is nothing to enter under any kernel.", sourceOf(h.Isolated.Source))
	case replay.BuildMachine(h, rules.DomainRulesFor(6, 1)) == nil:
		return "The topology of the machine is not known, so no kernel's placements can be told; give a host bundle with --host."
	}
	return ""
}

// headline tells of the recorded kernel; nothing is compared here.
func (s *sweepResult) headline() []string { return say.Recorded(s.res) }

// recordedHold is what the recording itself shows of one isolated CPU.
type recordedHold struct {
	entries int64
	// runNS is the run time of foreign tasks.
	runNS int64
	// residents came otherwise than by an entry that the capture shows; of those
	// unseen it does not tell whether they were there before.
	residents, unseen []*replay.Stay
}

func (s *sweepResult) recorded(cpu int) recordedHold {
	var r recordedHold
	for _, c := range s.res.CPUs {
		if c.CPU != cpu {
			continue
		}
		r.runNS = c.Time[replay.ClassForeign]
		for _, st := range c.Stays {
			switch {
			case st.Class != replay.ClassForeign:
			case st.How == replay.CameByWakeup:
				r.entries++
			case st.How == replay.CameUnseen:
				r.unseen = append(r.unseen, st)
			default:
				r.residents = append(r.residents, st)
			}
		}
	}
	return r
}

// prevents reports whether a kernel keeps foreign tasks out: none enters by the
// likeliest facts, and what may enter besides cannot do so through a leak.
func prevents(r *replay.SweepRow) bool {
	for _, h := range r.Holds {
		if h.Entries > 0 || h.EntriesPossible > 0 && r.Kernel.Rules.Leaks() {
			return false
		}
	}
	return true
}

// anyEntry reports whether any kernel lets a task in, or may.
func (s *sweepResult) anyEntry() bool {
	return slices.ContainsFunc(s.rows, func(r replay.SweepRow) bool {
		return slices.ContainsFunc(r.Holds, func(h replay.Hold) bool { return h.Entries > 0 || h.EntriesPossible > 0 })
	})
}

// anyUnseen reports whether a foreign task was found on an isolated CPU.
func (s *sweepResult) anyUnseen() bool {
	return slices.ContainsFunc(s.res.Focus, func(cpu int) bool { return len(s.recorded(cpu).unseen) > 0 })
}

// line is a mainline release with its stable branch.
type line struct {
	name string
	// first is its first release that keeps foreign tasks out, "" if there is
	// none.
	first string
}

// lines tells for each row of the table its first release that prevents the
// entries.
func (s *sweepResult) lines() []line {
	holds := map[string]bool{}
	var names []string
	for i := range s.rows {
		r := &s.rows[i]
		for _, n := range append([]string{r.Kernel.Name}, r.Same...) {
			holds[n] = prevents(r)
			names = append(names, n)
		}
	}
	var out []line
	rows := rules.Rows()
	for i := range rows {
		l := line{name: rows[i].Name()}
		first := -1
		for _, n := range names {
			patch := -1
			if n == l.name {
				patch = 0
			} else if rest, ok := strings.CutPrefix(n, l.name+"."); ok {
				if _, err := fmt.Sscanf(rest, "%d", &patch); err != nil {
					continue
				}
			}
			if patch >= 0 && holds[n] && (first < 0 || patch < first) {
				first, l.first = patch, n
			}
		}
		out = append(out, l)
	}
	return out
}

func (a *app) sweepText(s *sweepResult) {
	a.provenance(s.in, s.res)
	if s.why != "" {
		fmt.Fprintln(a.out, "\n"+term.Wrap(s.why, 80))
		return
	}
	const perBlock = 3 // 20 + 3 × 20 columns
	for from := 0; from < len(s.res.Focus); from += perBlock {
		a.sweepBlock(s, from, min(from+perBlock, len(s.res.Focus)))
	}
	fmt.Fprintln(a.out, "\n"+term.Wrap("entries: of foreign tasks, as predicted; (+N) more are possible, by facts that the capture does not hold. "+
		"ms: run time of such tasks there.", 80))
	a.sweepResidents(s)
	a.sweepLines(s)
}

// sweepBlock prints the table for some of the isolated CPUs.
func (a *app) sweepBlock(s *sweepResult, from, to int) {
	st := a.style()
	cpus := s.res.Focus[from:to]
	over := term.Table{Style: st, Columns: []term.Column{{Width: 20}}}
	t := term.Table{Style: st, Columns: []term.Column{{Name: "kernel", Width: 20}}}
	row := []term.Cell{{Text: "as recorded"}}
	for _, c := range cpus {
		over.Columns = append(over.Columns, term.Column{Name: fmt.Sprintf("CPU %d", c), Width: 19, Right: true})
		t.Columns = append(t.Columns, term.Column{Name: "entries", Width: 10, Right: true}, term.Column{Name: "ms", Width: 8, Right: true})
		r := s.recorded(c)
		row = append(row, sweepCells(r.entries, int64(len(r.unseen)), r.runNS, nil)...)
	}
	fmt.Fprintln(a.out)
	over.Head(a.out)
	t.Head(a.out)
	t.Row(a.out, row...)
	for i := range s.rows {
		r := &s.rows[i]
		row := []term.Cell{{Text: releaseNames(&r.Candidate)}}
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

// sweepResidents tells of the tasks that no kernel could have kept out, and of
// those of which that is not known.
func (a *app) sweepResidents(s *sweepResult) {
	for _, cpu := range s.res.Focus {
		r := s.recorded(cpu)
		if names, ns := stayNames(r.residents); names != "" {
			fmt.Fprintln(a.out, term.Wrap(fmt.Sprintf("Residents hold CPU %d under every kernel: %s came otherwise than by a wakeup in the capture and ran %s there.",
				cpu, names, say.Milliseconds(ns)), 80))
		}
		if names, ns := stayNames(r.unseen); names != "" {
			fmt.Fprintln(a.out, term.Wrap(fmt.Sprintf("How %s came to CPU %d is not recorded, nor whether it was there before. The %s that ran there stand under every kernel, though any of them may have kept it out.",
				names, cpu, say.Milliseconds(ns)), 80))
		}
	}
}

// stayNames lists whose stays they are, at most eight, and sums up the run time
// in ns.
func stayNames(stays []*replay.Stay) (string, int64) {
	var names []string
	ns := int64(0)
	for _, st := range stays {
		if n := fitTask(st.Task.Comm, st.Task.PID, 0); !slices.Contains(names, n) {
			names = append(names, n)
		}
		ns += st.RunNS
	}
	more := ""
	if n := len(names); n > 8 {
		names, more = names[:8], fmt.Sprintf(" and %d more", n-8)
	}
	return strings.Join(names, ", ") + more, ns
}

// sweepLines tells the first release of each line that prevents the entries.
func (a *app) sweepLines(s *sweepResult) {
	fmt.Fprintln(a.out)
	if !s.anyEntry() {
		if s.anyUnseen() {
			fmt.Fprintln(a.out, term.Wrap("No kernel is seen to let a task in; but how the tasks above came is not recorded, so the capture does not tell which kernels would have kept them out.", 80))
			return
		}
		fmt.Fprintln(a.out, term.Wrap("Under no kernel does a task enter: there is nothing to prevent, as far as the capture shows.", 80))
		return
	}
	var later, always, never []string
	for _, l := range s.lines() {
		switch l.first {
		case "":
			never = append(never, l.name)
		case l.name:
			always = append(always, l.name)
		default:
			later = append(later, l.first)
		}
	}
	fmt.Fprintln(a.out, a.style().Bold("the first release of each line that prevents them"))
	for _, g := range [...]struct {
		what string
		list []string
	}{{"by a point release", later}, {"from the start", always}, {"none, or not surely", never}} {
		if len(g.list) == 0 {
			continue
		}
		const margin = 24
		fmt.Fprintln(a.out, term.Beside("  "+g.what, joinRanges(g.list), margin, 80))
	}
}

// sweepJSON writes one document.
func (a *app) sweepJSON(s *sweepResult) {
	var o rows.Object
	o.Begin()
	o.Word("original", s.res.BaselineKernel().Name)
	o.Word("baseline", string(s.res.Baseline))
	o.CPUsKnown("isolated", s.res.Isolated)
	o.Word("why_empty", s.why)
	focus := s.res.Focus
	if s.why != "" {
		focus = nil
	}
	o.List("recorded")
	for _, cpu := range focus {
		r := s.recorded(cpu)
		o.Begin()
		o.CPU("cpu", cpu)
		o.Number("entries", r.entries, true)
		o.Number("held_ns", r.runNS, true)
		o.List("residents")
		for _, st := range slices.Concat(r.residents, r.unseen) {
			o.Begin()
			o.Task("", st.Task.PID, st.Task.Comm)
			o.Word("how", string(st.How))
			o.Number("run_ns", st.RunNS, true)
			o.End()
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	o.List("kernels")
	for i := range s.rows {
		r := &s.rows[i]
		o.Begin()
		o.Word("kernel", r.Kernel.Name)
		o.Words("same", r.Same)
		o.Bool("leaks", r.Kernel.Rules.Leaks(), true)
		o.Bool("prevents", prevents(r), true)
		o.List("cpus")
		for j := range r.Holds {
			h := &r.Holds[j]
			o.Begin()
			o.CPU("cpu", h.CPU)
			o.Number("entries", h.Entries, true)
			o.Number("entries_possible", h.EntriesPossible, true)
			o.Number("held_ns", h.HeldNS, true)
			o.End()
		}
		o.EndList()
		o.End()
	}
	o.EndList()
	var lines []line
	if len(s.rows) > 0 {
		lines = s.lines()
	}
	o.List("first_to_prevent")
	for _, l := range lines {
		o.Begin()
		o.Word("line", l.name)
		o.Word("release", l.first)
		o.End()
	}
	o.EndList()
	o.Bool("partial", s.in.partial() != nil, true)
	o.End()
	_, _ = a.out.Write(o.Line())
}

// sweepCSV writes one line for each kernel and isolated CPU.
func (a *app) sweepCSV(s *sweepResult) {
	_, _ = a.out.Write(rows.Sweep.AppendCSVHead(nil))
	if s.why != "" {
		a.note(s.why)
	}
	for i := range s.rows {
		r := &s.rows[i]
		for j := range r.Holds {
			row := rows.Hold{SweepRow: r, Hold: &r.Holds[j], Prevents: prevents(r)}
			_, _ = a.out.Write(rows.Sweep.AppendCSV(nil, &row))
		}
	}
}
