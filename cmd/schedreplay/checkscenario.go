package main

import (
	"fmt"
	"strings"

	"schedreplay/cmd/schedreplay/internal/gates"
	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/loop"
	"schedreplay/replay"
)

// checkScenario holds a scenario in the closed loop against bounds: would the change keep
// them? It keeps one in 95 of a hundred runs, or not. What the loop makes of the recording
// itself stands first in the line.
func (a *app) checkScenario(in *input, demands []gates.Demand, text string, l *loopFlags) error {
	if err := in.chooseIsolated(); err != nil {
		return err
	}
	for _, d := range demands {
		if d.Gate.Measure == findings.LostEvents {
			return usagef("--%s says something of a recording, not of a --scenario", d.Flag)
		}
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
	f := findings.Of(res)
	for _, d := range demands {
		found, kind, known := f.ScenarioFigure(r, d.Gate.Measure)
		words := fmt.Sprintf("%s in 95 of 100 runs (--%s %s)", say.ScenarioFound(d.Gate.Measure, found, kind), d.Flag, d.Bound)
		switch {
		case !known:
			bad = append(bad, fmt.Sprintf("the owner neither wakes nor leaves its CPU while runnable: it has no such wait (--%s %s)", d.Flag, d.Bound))
		case found <= d.Gate.Max:
			good = append(good, words)
		default:
			bad = append(bad, words)
		}
	}
	t := &r.Trust
	line := fmt.Sprintf("%s, by a loop whose p50, p90 and p99 are %s, %s and %s of the recorded: ", sc.Name, say.Multiple(t.P50), say.Multiple(t.P90), say.Multiple(t.P99))
	st := a.style()
	if len(bad) > 0 {
		fmt.Fprintln(a.out, st.Bad(term.OneLine(line+"BROKEN: "+strings.Join(bad, "; "))))
		return &checkError{strings.Join(bad, "; ")}
	}
	fmt.Fprintln(a.out, st.Good(term.OneLine(line+"OK: "+strings.Join(good, "; "))))
	return nil
}
