package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"

	"schedreplay/cpumask"
	"schedreplay/export/openmetrics"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/fleet"
	"schedreplay/parser"
	"schedreplay/replay"
	"schedreplay/stats"
)

// parsed has Prometheus' own parser read a document: the values of the labels by name.
func parsed(t *testing.T, doc []byte) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for p := textparse.NewOpenMetricsParser(doc, labels.NewSymbolTable()); ; {
		e, err := p.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if e == textparse.EntrySeries {
			var l labels.Labels
			p.Labels(&l)
			l.Range(func(l labels.Label) { out[l.Name] = append(out[l.Name], l.Value) })
		}
	}
}

// Prometheus reads what check and fleet write, whatever hosts and tasks are called.
func TestPrometheusReadsMetrics(t *testing.T) {
	const hostile = "a\"b\\c\nd{e=\"f\"} 1 # EOF"
	var f fleet.Fleet
	d := &stats.Dist{}
	for range 2000 {
		d.Add(1_000_000)
	}
	f.Add(&fleet.Summary{
		Host: hostile, WindowNS: 4e9, Causes: []fleet.Harm{{Cause: fleet.Cause{Intruder: hostile}, Held: findings.Held{NS: 1e9}}},
		Owners: []fleet.Owner{{Name: "pmd", Delays: *d}},
		Noise:  fleet.Noise{Sources: []fleet.Source{{Kind: "tick", Name: hostile, Count: 1, NS: 5}}, ToldNS: map[string]int64{"tick": 9}},
	})
	got := parsed(t, openmetrics.Fleet(f.Answer(nil)))
	if len(got["host"]) != 6 || strings.Join(got["kind"], " ") != "tick tick" || got["host"][0] != hostile || got["intruder"][0] != hostile || strings.Join(got["quantile"], " ") != "0.5 0.9 0.99 0.999" {
		t.Errorf("labels %q", got)
	}
	res := &replay.Result{Host: &parser.Host{Hostname: fact.Seen(hostile, "")}, Isolated: fact.Seen(cpumask.Of(3), "")}
	c := findings.Of(res)
	c.CPUs = []*findings.CPU{{CPUResult: &replay.CPUResult{}}}
	got = parsed(t, openmetrics.Check(c, hostile, []openmetrics.Bound{{Flag: "max-entries", Max: "0", Holds: true}}))
	if len(got["capture"]) != 9 || got["capture"][0] != hostile || got["host"][0] != hostile {
		t.Errorf("labels %q", got)
	}
}
