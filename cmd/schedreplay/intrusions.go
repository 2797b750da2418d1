package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/page"
	"schedreplay/cmd/schedreplay/internal/show"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/replay"
)

func (a *app) intrusionsCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "intrusions CAPTURE",
		Short: "Foreign tasks on isolated CPUs: stays, entries, cost, under both kernels",
		Long: `intrusions tells, for every isolated CPU, who owns it, who else ran there, how each
foreign task came in, what it cost, and how many of its wakings still land on an
isolated CPU under the patched kernel. One wakeup is the entry, and the later ones do
the damage. So stays, wakings, runs and time are counted apart.

Where interrupts, softirqs and timers are recorded (record --noise), it also tells what
they took of each CPU; -v adds what led to each.

--cpu chooses among the isolated CPUs. --from and --to show the stays that touch that
time, and sum up the CPU's time over it. Formats: text, json.`,
		Example: `  schedreplay intrusions testdata/traces/smt44-isolated43-original
  schedreplay intrusions perf.data --isolated 43
  schedreplay intrusions perf.data --host host.tar.gz --original 6.1.80 --format json`,
	}
	c.add(cmd, "text", "json")
	return a.captureCommand(cmd, &c, func(in *input) error { return a.intrusions(in, &c) })
}

func (a *app) intrusions(in *input, c *common) error {
	if err := in.chooseIsolated(); err != nil {
		return err
	}
	var span *findings.Span
	obs := replay.Observer{Why: a.verbose}
	if c.from != "" || c.to != "" {
		span = findings.NewSpan(c.filter.From, c.filter.To)
		obs.Run = span.Add
	}
	res, err := a.replay(in, obs)
	if err != nil {
		return err
	}
	if span != nil {
		for _, r := range res.CPUs {
			r.Time = span.Of(r.CPU, res.Start, res.End)
		}
	}
	a.announce(in, say.Headline(res))
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Intrusions(res, in.partial() != nil, func(st *replay.Stay) bool { return stayShown(&c.filter, res, st) }))
	} else {
		a.intrusionsText(in, res, c)
	}
	a.notes(say.Notes(res), res.Host.Notes)
	return nil
}

func stayShown(f *show.Filter, res *replay.Result, s *replay.Stay) bool {
	left := s.Left
	if left == parser.NoTime {
		left = res.End
	}
	return f.Overlaps(s.Arrived, left) && f.IsTask(s.Task.PID, s.Task.Comm)
}

func (a *app) intrusionsText(in *input, res *replay.Result, c *common) {
	a.provenance(in, res)
	fmt.Fprintln(a.out, term.Wrap(kernelsCompared(res)+shown(&c.filter), 80))
	switch iso, ok := res.Isolated.Get(); {
	case !ok:
		fmt.Fprintln(a.out, "\nwhich CPUs are isolated is not known: no stay of a foreign task can be told")
	case iso.Empty():
		fmt.Fprintf(a.out, "\nno CPU is isolated (%s)\n", say.Source(res.Isolated.Source))
		return
	}
	if len(res.CPUs) == 0 && res.Isolated.Known() {
		fmt.Fprintf(a.out, "\nthe capture knows nothing of the isolated CPUs %s: it shows CPUs %s\n", res.Isolated.Value, res.Recorded)
	}
	of := map[int]*findings.CPU{}
	for _, k := range findings.Of(res).CPUs {
		of[k.CPU] = k
	}
	for _, r := range res.CPUs {
		fmt.Fprintln(a.out)
		a.intrusionsCPU(res, r, c)
		a.page().Noise(of[r.CPU])
	}
	if len(res.Unknown) > 0 {
		fmt.Fprintln(a.out, "\nnot known")
		for _, u := range res.Unknown {
			a.paragraph(say.Unknown(u).Line(), 2)
		}
	}
}

func (a *app) intrusionsCPU(res *replay.Result, r *replay.CPUResult, c *common) {
	s := a.style()
	owner := "owner unknown"
	if r.Owner != nil {
		owner = fmt.Sprintf("owner %s (%s)", page.Task(r.Owner.Comm, r.Owner.PID, 0), r.OwnerFrom)
	}
	fmt.Fprintf(a.out, "%s  %s, %s\n", s.Bold(fmt.Sprintf("CPU %d", r.CPU)), owner, say.Source(res.Isolated.Source))
	a.classTimes(r)
	var came, before []*replay.Stay
	unseen := false
	hidden := int64(0)
	for _, st := range r.Stays {
		switch {
		case !stayShown(&c.filter, res, st):
			hidden++
		case st.How == replay.CameBefore:
			before = append(before, st)
		default:
			came = append(came, st)
			unseen = unseen || st.How == replay.CameUnseen
		}
	}
	t := term.Table{Style: s, Indent: 2, Columns: term.Columns("foreign task<20", "came by<9", "at>13", "from>4", "path<11", "stay<")}
	if len(came) > 0 {
		fmt.Fprintln(a.out)
		t.Head(a.out)
	} else if !res.Only.Empty() {
		fmt.Fprintln(a.out, "\n  no foreign task was seen to come in; what other CPUs did is not recorded")
	} else {
		fmt.Fprintln(a.out, "\n  no foreign task came in")
	}
	for _, st := range came {
		from, path := say.CPUText(st.FromCPU), ""
		if st.Entry != nil {
			path = string(st.Entry.Path)
		}
		t.Row(a.out, term.Cell{Text: page.Task(st.Task.Comm, st.Task.PID, 20), In: s.Bad}, term.Cell{Text: string(st.How)}, term.Cell{Text: replay.Seconds(st.Arrived)},
			term.Cell{Text: from}, term.Cell{Text: path}, term.Cell{Text: stayLength(st)})
		if at := c.clock.Of(st.Arrived); at != "" {
			fmt.Fprintf(a.out, "      at %s\n", at)
		}
		if st.Cgroup != "" {
			fmt.Fprintf(a.out, "      control group %s\n", parser.DisplayComm(st.Cgroup))
		}
		if e := st.Entry; e != nil && e.Waker.PID != parser.NoPID {
			fmt.Fprintf(a.out, "      woken on CPU %s while %s was current (%s)\n", say.CPUText(e.WakerCPU), page.Task(e.Waker.Comm, e.Waker.PID, 0), e.WakerContext)
		}
		a.stayCost(res, st)
	}
	if unseen {
		text := "unseen: when and how the task came is not recorded, nor whether it was there before; at is when it was first seen."
		if res.Baseline != replay.RolePatched {
			text += " Whether " + res.Patched.Name + " would have kept it out is not known."
		}
		a.paragraph(text, 2)
	}
	a.residents(res, before)
	if r.StaysDropped > 0 {
		fmt.Fprintf(a.out, "  %s more are not listed\n", page.Counted(r.StaysDropped, "stay"))
	}
	if hidden > 0 {
		fmt.Fprintf(a.out, "  %s outside the filter\n", page.Counted(hidden, "stay"))
	}
	a.others(r, &c.filter)
}

// residents prints the stays of tasks that were there when the capture begins.
func (a *app) residents(res *replay.Result, stays []*replay.Stay) {
	if len(stays) == 0 {
		return
	}
	s := a.style()
	fmt.Fprintf(a.out, "\n  %s\n", s.Bold("resident at start, entry outside the capture"))
	for _, st := range stays {
		fmt.Fprintf(a.out, "  %s %s\n", s.Warn(page.Task(st.Task.Comm, st.Task.PID, 20)), stayLength(st))
		a.stayCost(res, st)
	}
	a.paragraph("How they came is not in the capture, so it does not tell whether "+res.Patched.Name+
		" would have kept them out; what happened to them there it tells.", 2)
}

// classTimes prints who had the CPU for how long.
func (a *app) classTimes(r *replay.CPUResult) {
	total := int64(0)
	for _, c := range replay.Classes() {
		total += r.Time[c]
	}
	var parts []string
	for _, c := range replay.Classes() {
		if ns := r.Time[c]; ns > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", c, say.Milliseconds(ns), page.Percent(ns, total)))
		}
	}
	a.paragraph(strings.Join(parts, ", "), 2)
}

func stayLength(s *replay.Stay) string {
	if s.Left == parser.NoTime {
		return "to the end"
	}
	return say.Milliseconds(s.Left - s.Arrived)
}

// stayCost prints what a stay cost and what the patched kernel leaves of it.
func (a *app) stayCost(res *replay.Result, st *replay.Stay) {
	at := ""
	if st.CutRuns > 0 {
		at = " (at least: " + page.Counted(st.CutRuns, "run") + " cut by the window or a gap)"
	}
	fmt.Fprintf(a.out, "      %s, %s%s\n", page.Counted(st.Runs, "run"), say.Milliseconds(st.RunNS), at)
	if st.SelectionsUnknown > 0 {
		fmt.Fprintf(a.out, "      %s there; whether the kernel selected is not known of %d\n", page.Counted(st.Wakings, "later waking"), st.SelectionsUnknown)
	} else if st.Wakings > 0 {
		fmt.Fprintf(a.out, "      %s there, %s, %d chose the CPU again\n", page.Counted(st.Wakings, "later waking"), page.Counted(st.Selections, "selection"), st.StayedPut)
	}
	if st.DelayedOwner > 0 {
		fmt.Fprintf(a.out, "      delayed the owner %s, %s in all\n", say.Times(st.DelayedOwner), say.Milliseconds(st.DelayedOwnerNS))
	}
	placed := st.Wakings
	if st.How == replay.CameByWakeup {
		placed++
	}
	if placed == 0 {
		return
	}
	if !res.Host.TopologyKnown() {
		fmt.Fprintf(a.out, "      under %s: not known without the topology\n", res.Patched.Name)
		return
	}
	s := a.style()
	remains := []replay.Remains{{Kernel: res.Patched.Name, Certain: st.PatchedCertain, Possible: st.PatchedPossible}}
	for _, r := range append(remains, st.More...) {
		left := say.Remaining(r.Certain, r.Possible, placed)
		switch {
		case r.Certain > 0:
			left = s.Bad(left)
		case r.Possible > 0:
			left = s.Warn(left)
		default:
			left = s.Good(left)
		}
		fmt.Fprintf(a.out, "      under %s: %s land on an isolated CPU\n", r.Kernel, left)
	}
}

// others lists what is neither owner nor foreign.
func (a *app) others(r *replay.CPUResult, f *show.Filter) {
	t := term.Table{Style: a.style(), Indent: 2, Columns: term.Columns("others<24", "<12", ">11", ">14")}
	first := true
	for _, o := range r.Others {
		if !f.IsTask(o.Task.PID, o.Task.Comm) {
			continue
		}
		if first {
			fmt.Fprintln(a.out)
			t.Head(a.out)
			first = false
		}
		t.Row(a.out, term.Cells(page.Task(o.Task.Comm, o.Task.PID, 24), o.Class.String(), fmt.Sprintf("%d runs", o.Runs), say.Milliseconds(o.RunNS))...)
	}
}
