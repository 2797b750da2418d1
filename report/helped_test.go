package report

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"schedreplay/findings"
	"schedreplay/loop"
	"schedreplay/loop/work"
	"schedreplay/replay"
)

// closedLoop is what a closed loop of so many runs might make of a scene with one isolated
// CPU: the intruder, the owner and a third task, under every remedy that fits.
func closedLoop(res *replay.Result, runs int) Helper {
	return func() (*findings.Helped, error) {
		cpus := len(res.Host.CPU)
		p := &work.Program{Start: res.Start, End: res.End, CPUs: cpus}
		intruder, owner := res.CPUs[0].Stays[0].Task, *res.CPUs[0].Owner
		for _, t := range []replay.TaskRef{intruder, owner, {PID: 70_000, Comm: "other"}} {
			p.Tasks = append(p.Tasks, work.Task{PID: t.PID, Comm: t.Comm})
		}
		band := func(mid int64) loop.Band { return loop.Band{Lo: mid - mid/8, Mid: mid, Hi: mid + mid/4, Known: true} }
		outcome := func(name string, held int64) loop.Outcome {
			o := loop.Outcome{Name: name, Kernel: "6.1.192", Isolated: []loop.IsolatedOutcome{{CPU: res.CPUs[0].CPU, Entries: band(held / 1e8), Held: band(held)}}}
			for i := range p.Tasks {
				t := loop.TaskOutcome{PID: p.Tasks[i].PID, Wakings: band(1000), Run: band(5e8), RunOn: make([]int64, cpus)}
				for j := range loop.CurveShares() {
					t.Curve = append(t.Curve, band(4000+held/1e6*int64(j)+int64(j*j*j)))
				}
				t.Delay = loop.Delays{P50: t.Curve[5], P90: t.Curve[16], P99: t.Curve[32], Max: t.Curve[48]}
				o.Tasks = append(o.Tasks, t)
			}
			for at := res.Start; at < res.End; at += 20_000_000 {
				o.First = append(o.First, loop.Slice{Task: 1, CPU: int32(res.CPUs[0].CPU), Start: at, End: at + 4_000_000}, loop.Slice{Task: 0, CPU: 2, Start: at + 1_000_000, End: at + 9_000_000}, loop.Slice{Task: 2, CPU: 3, Start: at, End: at + 15_000_000})
			}
			return o
		}
		r := &loop.Result{Runs: runs, Seed: 1, Program: p, Recorded: outcome("recorded", 9e8)}
		r.Outcomes = append(r.Outcomes, outcome("baseline", 8e8))
		r.Trust = loop.Trust{Tasks: []loop.TaskTrust{{PID: owner.PID}}, P50: 1.02, P90: 0.9, P99: 1.3, Place: 0.2, Chance: 0.18, MoveRatio: 1.1}
		return findings.HelpedFrom(res, func(o loop.Options) (*loop.Result, error) {
			for _, s := range o.Scenarios {
				r.Outcomes = append(r.Outcomes, outcome(s.Name, 0))
			}
			return r, nil
		})
	}
}

// A report tells why the loop was not run, and one with few runs does not tell who is worse
// off; names that could be markup stay names.
func TestHelped(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../docs/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		help Helper
		want []string
		not  string
	}{
		"nothing intruded": {func() (*findings.Helped, error) { return nil, nil }, nil, "What would have helped"},
		"too much":         {func() (*findings.Helped, error) { return nil, loop.ErrTooMuch }, []string{"## What would have helped", "too long for what a report may cost", "report --runs 8"}, "Remedies"},
		"no work":          {func() (*findings.Helped, error) { return nil, errors.Join(work.ErrNoWork) }, []string{"the work cannot be told from this capture", "host bundle"}, "Remedies"},
		"few runs":         {nil, []string{"taskset -pc", "Without a boot", "p50 1.02, p90 0.90, p99 1.30", "the same, in the loop", "simulated.png", "helped-delay.png"}, "Tasks worse off"},
	} {
		s := build(incidentSpec())
		s.help = c.help
		if c.help == nil {
			s.help = closedLoop(s.res, 2)
		}
		files, err := writeScene(s, filepath.Join(t.TempDir(), "out"), false)
		if err != nil {
			t.Fatal(err)
		}
		md := string(files["report.md"])
		for _, w := range c.want {
			if !strings.Contains(md, w) {
				t.Errorf("%s: the report does not say %q", name, w)
			}
		}
		if strings.Contains(md, c.not) {
			t.Errorf("%s: the report says %q", name, c.not)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(files["report.json"]))
		if err == nil {
			err = schema.Validate(v)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What ends the work ends the report's loop.
func TestHelpedCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := build(incidentSpec())
	if _, err := findings.HelpedFrom(s.res, func(loop.Options) (*loop.Result, error) { return nil, ctx.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
