package page

import (
	"fmt"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings/say"
	"schedreplay/replay"
)

// Fidelity prints how the model of a result's kernel did, in all and by path;
// filter says of which wakeups, "" for all.
func (p *Page) Fidelity(res *replay.Result, f *replay.Fidelity, filter string) {
	fmt.Fprintf(p, "model of %s against the recording%s\n\n", res.BaselineKernel().Name, filter)
	if f.Decisions == 0 {
		fmt.Fprintln(p, "no decision that could be scored")
		for _, u := range res.Unknown {
			p.Paragraph("not known: "+say.Unknown(u).Line(), 0)
		}
		return
	}
	judged := f.Decisions - f.Unjudged
	fmt.Fprintf(p, "decisions  %d, of which %d cannot be judged\n", f.Decisions, f.Unjudged)
	fmt.Fprintf(p, "exact      %d  %s\n", f.Exact, Percent(f.Exact, judged))
	fmt.Fprintf(p, "covered    %d  %s\n", f.Covered, Percent(f.Covered, judged))
	fmt.Fprintf(p, "mean set   %.2f CPUs\n\n", f.PossibleMean())
	t := term.Table{Style: p.Style, Columns: term.Columns("predicted path<16", "decisions>9", "exact>9", ">8", "covered>9", ">8")}
	t.Head(p)
	for _, s := range f.Paths {
		t.Row(p, term.Cells(string(s.Path), fmt.Sprint(s.Decisions),
			fmt.Sprint(s.Exact), Percent(s.Exact, s.Decisions), fmt.Sprint(s.Covered), Percent(s.Covered, s.Decisions))...)
	}
}
