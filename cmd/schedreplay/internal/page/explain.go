package page

import (
	"fmt"
	"slices"
	"strings"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/place"
)

// Quoted is the width of a decision's text: it goes into mails.
const Quoted = 75

// decision prints one wakeup test by test.
type decision struct {
	*findings.Decision
	*Page
	// when is the wall time, "" if unknown.
	when string
}

var marks = [...]string{findings.Both: "  ", findings.OriginalAlone: "- ", findings.PatchedAlone: "+ "}

// Decision prints one wakeup test by test; when is its wall time, "" if unknown.
func (p *Page) Decision(d *findings.Decision, when string) { (&decision{d, p, when}).text() }

func (d *decision) text() {
	w, s := d.Wakeup, d.Page.Style
	d.line(s.Bold(fmt.Sprintf("%s %d at %s s%s", w.Kind, w.N, say.Stamp(w.Time), d.when)))
	d.line("")
	for _, f := range say.DecisionFacts(d.Decision) {
		d.line(term.Beside(f.Name, say.Terminal(f.Text), 10, Quoted))
	}
	d.line("")
	for _, of := range [...]findings.Side{findings.OriginalAlone, findings.PatchedAlone} {
		lines := strings.ReplaceAll(term.Wrap(say.DecisionPlaced(d.Decision, of), Quoted-2), "\n", "\n  ")
		d.line(s.Bold(marks[of]) + lines)
		if path := d.CallPath(of); path != nil {
			d.line(term.Indent(strings.Join(path, " > "), 4, Quoted))
		}
	}
	d.line("")
	if why := say.NoSteps(d.Decision); why != "" {
		d.line(term.Wrap(why, Quoted))
		d.line("")
	} else {
		d.tests()
	}
	for _, l := range say.DecisionVerdict(d.Decision) {
		d.line(term.Wrap(l, Quoted))
	}
}

func (d *decision) line(s string) { fmt.Fprintln(d.Page, s) }

// tests prints every test as a tree of calls, then the candidates.
func (d *decision) tests() {
	s := d.Page.Style
	d.line(s.Bold("the tests") + " (- original alone, + patched alone)")
	var open []string
	at := ""
	parts := d.PartsAt()
	for i := 0; i < len(d.Steps); {
		st := &d.Steps[i]
		if i == parts {
			d.line(s.Bold("  here the kernels part"))
		}
		fn := st.Func
		if st.Kind == place.AskSync && at != "" {
			fn = at // a flag handed down
		}
		if fn != at {
			k, _ := d.Kernel(st.Side)
			chain := place.Calls(fn, d.Wakeup.Kind, &k.Rules)
			for depth, name := range chain {
				if depth >= len(open) || open[depth] != name {
					open = append(open[:min(depth, len(open))], name)
					d.line(marks[st.Side] + strings.Repeat(" ", depth) + name + "()")
				}
			}
			open, at = chain, fn
		}
		n := d.Alike(i)
		lead := marks[st.Side] + strings.Repeat(" ", len(open))
		text := lead + strings.ReplaceAll(term.Wrap(say.Terminal(say.StepLine(d.Steps[i:i+n], d.Wakeup.Time)), Quoted-len(lead)), "\n", "\n"+lead)
		switch st.Side {
		case findings.OriginalAlone:
			text = s.Bad(text)
		case findings.PatchedAlone:
			text = s.Good(text)
		}
		d.line(text)
		i += n
	}
	d.line("")
	o, p := d.Candidates(findings.OriginalAlone), d.Candidates(findings.PatchedAlone)
	if len(o)+len(p) == 0 {
		return
	}
	if slices.Equal(o, p) {
		d.scanned("looked at", o)
	} else {
		d.scanned("- looked at", o)
		d.scanned("+ looked at", p)
	}
	d.line("")
}

func (d *decision) scanned(name string, list []findings.Candidate) {
	if len(list) > 0 {
		d.line(term.Beside(name, say.Candidates(list), 13, Quoted))
	}
}
