package main

import (
	"fmt"
	"strings"

	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/replay"
)

// checkScenario holds a scenario in the closed loop against bounds: would the change keep
// them? It keeps one in 95 of a hundred runs, or not. What the loop makes of the recording
// itself stands first in the line.
func (a *app) checkScenario(in *input, demands []demand, text string, l *loopFlags) error {
	in.needIsolated = true
	if err := in.checkCPUs(in.flags.filter.cpus); err != nil {
		return err
	}
	sc, err := loop.ParseScenario(text)
	if err != nil {
		return usagef("--scenario: %w", err)
	}
	res, r, err := a.closedLoop(in, l, func(*replay.Result) []loop.Scenario { return []loop.Scenario{sc} })
	if err != nil {
		return err
	}
	var bad, good []string
	for _, d := range demands {
		found, known := scenarioFigure(res, r, d.gate.Measure)
		words := fmt.Sprintf("%s in 95 of 100 runs (--%s %s)", scenarioWords(d.gate.Measure, found), d.flag, d.bound)
		switch {
		case d.gate.Measure == findings.LostEvents:
			return usagef("--%s says something of a recording, not of a --scenario", d.flag)
		case !known:
			bad = append(bad, fmt.Sprintf("the owner never wakes: it has no such delay (--%s %s)", d.flag, d.bound))
		case found <= d.gate.Max:
			good = append(good, words)
		default:
			bad = append(bad, words)
		}
	}
	t := &r.Trust
	line := fmt.Sprintf("%s, by a loop whose p50, p90 and p99 are %s, %s and %s of the recorded: ", sc.Name, say.Multiple(t.P50), say.Multiple(t.P90), say.Multiple(t.P99))
	st := a.style()
	if len(bad) > 0 {
		fmt.Fprintln(a.out, st.Bad(oneLine(line+"BROKEN: "+strings.Join(bad, "; "))))
		return &checkError{strings.Join(bad, "; ")}
	}
	fmt.Fprintln(a.out, st.Good(oneLine(line+"OK: "+strings.Join(good, "; "))))
	return nil
}

// scenarioFigure is a measure of the scenario, at the 95th of a hundred runs: the worst
// owner's, the sum over the CPUs looked at.
func scenarioFigure(res *replay.Result, r *loop.Result, m findings.Measure) (found int64, known bool) {
	o := &r.Outcomes[1]
	for _, c := range res.CPUs {
		switch m {
		case findings.ForeignTime, findings.EntryCount:
			for _, k := range o.Isolated {
				if k.CPU != c.CPU {
					continue
				}
				b := k.Held
				if m == findings.EntryCount {
					b = k.Entries
				}
				found, known = found+b.Hi, true
			}
		default:
			if c.Owner == nil {
				continue
			}
			if i := r.Program.Find(c.Owner.PID); i >= 0 {
				b := o.Tasks[i].Delay.P99
				if m == findings.OwnerWorst {
					b = o.Tasks[i].Delay.Max
				}
				found, known = max(found, b.Hi), known || b.Known
			}
		}
	}
	return found, known
}

func scenarioWords(m findings.Measure, v int64) string {
	switch m {
	case findings.ForeignTime:
		return "foreign tasks run for " + say.Duration(v)
	case findings.EntryCount:
		return say.Counted(v, "entry", "entries")
	case findings.OwnerP99:
		return "the owner's p99 is " + say.Duration(v)
	}
	return "the owner's longest delay is " + say.Duration(v)
}
