package main

import (
	"cmp"

	"schedreplay/export/jsondoc"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/rules"
	"schedreplay/replay"
)

// kernelsExplain ranks the kernels by how well they explain a capture.
func (a *app) kernelsExplain(in *input, c *common) error {
	res, err := a.replayWith(in, replay.Plan{Alternatives: []replay.Scenario{}, Judged: rules.Candidates(cmp.Or(c.original, in.host.Release.Value))})
	if err != nil {
		return err
	}
	r, err := findings.RanksOf(res, c.original)
	if err != nil {
		return err
	}
	if c.format == "json" {
		_, _ = a.out.Write(jsondoc.Ranks(r, in.partial() != nil))
	} else {
		for _, l := range in.remarks(nil) {
			a.paragraph(l, 0)
		}
		a.page().Ranks(r)
	}
	a.notes(say.ForeignScheduler(in.host), in.host.Notes)
	return nil
}
