package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/replay"
)

func (a *app) adviseCommand() *cobra.Command {
	var c common
	var l loopFlags
	cmd := &cobra.Command{
		Use:   "advise CAPTURE",
		Short: "What would have helped, with the commands to do it",
		Long: `advise tries the remedies that fit what a recording shows in the closed loop, ranks them
by the time that foreign tasks would still have held the isolated CPUs, or that an owner
which never sleeps would have been off its CPU, with what interrupts would have taken of
it, and prints for each the command to apply it, what makes it last, what it costs and
when it does not help. What the loop makes of the recording itself comes first: see
whatif. It knows affinities of intruders, unbound workqueues, ksm, a real-time owner, a
cpuset partition, the fix, whole cores, CPU limits that stopped the owner's control group,
and, where the recording tells of them (record --noise), interrupts of devices and ticks.
Formats: text, json.`,
		Example: `  schedreplay advise testdata/traces/smt44-isolated43-original
  schedreplay advise perf.data --host host.tar.gz --format json`,
	}
	c.add(cmd, "text", "json")
	l.add(cmd)
	return a.captureCommand(cmd, &c, func(in *input) error { return a.advise(in, &c, &l) })
}

func (a *app) advise(in *input, c *common, l *loopFlags) error {
	if err := in.chooseIsolated(); err != nil {
		return err
	}
	var ad *findings.Advice
	res, r, err := a.closedLoop(in, l, func(res *replay.Result) []loop.Scenario {
		ad = findings.AdviceOf(findings.Of(res))
		return ad.Scenarios()
	})
	if err != nil {
		return err
	}
	ad.Judge(r)
	a.announce(in, say.Recorded(res))
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Advice(ad, r, in.partial() != nil))
		return nil
	}
	a.provenance(in, res)
	fmt.Fprintf(a.out, "closed loop, %s of each remedy, seed %d\n\n", say.Counted(int64(r.Runs), "run"), r.Seed)
	a.trustText(&r.Trust)
	fmt.Fprintln(a.out)
	if !ad.Intruded() {
		a.paragraph("No foreign task ran on an isolated CPU: there is nobody to keep away.", 0)
	} else {
		a.paragraph(say.AsItIs(ad), 0)
	}
	if s := say.Understated(ad); s != "" {
		a.paragraph(s, 0)
	}
	groups := ad.Groups()
	for i := range groups {
		fmt.Fprintf(a.out, "\n%s\n", a.style().Bold(say.GroupTitle(&groups[i])))
		for n, m := range groups[i].Remedies {
			a.remedy(n+1, say.RemedyOf(ad, m), say.WorseOff(r, &m.Harm))
		}
	}
	if s := say.NoiseUntold(ad); s != "" {
		fmt.Fprintln(a.out)
		a.paragraph(s, 0)
	}
	return nil
}

// remedy prints the nth of its group.
func (a *app) remedy(n int, m say.Remedy, worse string) {
	a.paragraph(fmt.Sprintf("%d. %s: %s.", n, m.Title, m.Figures), 0)
	for _, s := range m.Now {
		fmt.Fprintln(a.out, "     "+say.Terminal(s))
	}
	for _, s := range m.Lasting {
		a.paragraph("to last: "+s, 5)
	}
	for _, s := range m.Warnings {
		a.paragraph(s, 5)
	}
	if worse != "" {
		a.paragraph(worse, 5)
	}
}
