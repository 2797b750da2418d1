package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/fileio"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"schedreplay/export/outdir"
	"schedreplay/findings/fleet"
	"schedreplay/fleetrun"
	"schedreplay/report"
)

// options say what the pipeline does. They travel to the workers.
type options struct {
	Patterns []string
	Output   string
	Child    fleetrun.Child
	// Program is schedreplay's name and version.
	Program string
}

func init() {
	register.DoFn4x1[context.Context, fileio.FileMetadata, func(string, []byte), func([]byte), error](&summarizeFn{})
	register.DoFn5x1[context.Context, string, func(*[]byte) bool, func([]byte), func([]byte), error](&settleFn{})
	register.DoFn4x1[context.Context, []byte, func(*[]byte) bool, func(*[]byte) bool, error](&reportFn{})
	register.Combiner3[*fleet.Fleet, []byte, []byte](&mergeFn{})
	register.Emitter1[[]byte]()
	register.Emitter2[string, []byte]()
	register.Iter1[[]byte]()
	beam.RegisterCoder(reflect.TypeFor[*fleet.Fleet](), encodeFleet, decodeFleet)
}

// build makes the pipeline: match, a process for each capture, whose row set stands, the sum
// of the summaries, and the report.
func build(s beam.Scope, o *options) {
	files := fileio.MatchAll(s, beam.CreateList(s, o.Patterns), fileio.MatchEmptyAllow())
	sets, dead := beam.ParDo2(s, &summarizeFn{o.Child}, beam.Reshuffle(s, files))
	summaries, settled := beam.ParDo2(s, &settleFn{o.Output}, beam.GroupByKey(s, sets))
	inputs := beam.Flatten(s, settled, dead)
	merged := beam.Combine(s, &mergeFn{}, summaries)
	beam.ParDo0(s, &reportFn{*o}, beam.Impulse(s), beam.SideInput{Input: merged}, beam.SideInput{Input: inputs})
}

// rowSet is the row set of a capture on its way.
type rowSet struct {
	Path    string
	Summary *fleet.Summary
	// Files are those of its folder, by name.
	Files map[string][]byte
}

// summarizeFn sums up a capture in a process of its own: it emits the row set by capture, or
// what became of the input.
type summarizeFn struct{ Child fleetrun.Child }

// ProcessElement implements Beam's DoFn.
func (f *summarizeFn) ProcessElement(ctx context.Context, file fileio.FileMetadata, set func(string, []byte), dead func([]byte)) error {
	tmp, err := outdir.Temp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	in, err := localize(ctx, file.Path, tmp)
	if err != nil {
		return fmt.Errorf("%s: %w", file.Path, err)
	}
	child := f.Child
	if child.Procs == 0 {
		child.Procs = 1 // the engine runs as many at once as there are cores
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dir, s, letter, err := child.Run(ctx, in, filepath.Join(tmp, "rows"))
	switch {
	case err != nil:
		return err
	case letter != nil:
		letter.Path, letter.Line = file.Path, strings.ReplaceAll(letter.Line, in.Path, file.Path)
		b, err := json.Marshal(fleet.Input{Path: file.Path, Dead: letter})
		if err == nil {
			dead(b)
		}
		return err
	}
	r := rowSet{Path: file.Path, Summary: s, Files: map[string][]byte{}}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if r.Files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(r)
	if err == nil {
		set(s.Capture, b)
	}
	return err
}

// settleFn writes the row set of a capture that stands, and emits its summary and what
// became of the inputs with this capture.
type settleFn struct{ Output string }

// ProcessElement implements Beam's DoFn.
func (f *settleFn) ProcessElement(ctx context.Context, _ string, sets func(*[]byte) bool, summary, input func([]byte)) error {
	var list []rowSet
	for b := []byte(nil); sets(&b); {
		var r rowSet
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b rowSet) int { return cmp.Compare(a.Path, b.Path) })
	var claims []fleet.Claim
	for _, r := range list {
		claims = append(claims, fleet.Claim{Path: r.Path, Capture: r.Summary.Capture, Digest: r.Summary.Inputs, Host: r.Summary.Host, Partial: r.Summary.Partial})
	}
	first := list[0]
	for name, b := range first.Files {
		if err := write(ctx, f.Output+"/capture="+first.Summary.Capture+"/"+name, b); err != nil {
			return err
		}
	}
	b, err := json.Marshal(first.Summary)
	if err != nil {
		return err
	}
	summary(b)
	for _, in := range fleet.Settle(claims) {
		if b, err = json.Marshal(in); err != nil {
			return err
		}
		input(b)
	}
	return nil
}

// mergeFn adds summaries up.
type mergeFn struct{}

// CreateAccumulator implements Beam's CombineFn, as do the others.
func (*mergeFn) CreateAccumulator() *fleet.Fleet { return &fleet.Fleet{} }

// AddInput adds a summary.
func (*mergeFn) AddInput(f *fleet.Fleet, b []byte) (*fleet.Fleet, error) {
	s := new(fleet.Summary)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, err
	}
	f.Add(s)
	return f, nil
}

// MergeAccumulators adds a fleet to another.
func (*mergeFn) MergeAccumulators(a, b *fleet.Fleet) *fleet.Fleet {
	a.Merge(b)
	return a
}

// ExtractOutput is the sum.
func (*mergeFn) ExtractOutput(f *fleet.Fleet) ([]byte, error) { return encodeFleet(f) }

func encodeFleet(f *fleet.Fleet) ([]byte, error) { return json.Marshal(f) }

func decodeFleet(b []byte) (*fleet.Fleet, error) {
	f := new(fleet.Fleet)
	return f, json.Unmarshal(b, f)
}

// reportFn writes the report, once.
type reportFn struct{ Options options }

// ProcessElement implements Beam's DoFn.
func (f *reportFn) ProcessElement(ctx context.Context, _ []byte, fleets, inputs func(*[]byte) bool) error {
	all := &fleet.Fleet{}
	for b := []byte(nil); fleets(&b); {
		o, err := decodeFleet(b)
		if err != nil {
			return err
		}
		all.Merge(o)
	}
	var list []fleet.Input
	for b := []byte(nil); inputs(&b); {
		var in fleet.Input
		if err := json.Unmarshal(b, &in); err != nil {
			return err
		}
		list = append(list, in)
	}
	slices.SortFunc(list, func(a, b fleet.Input) int { return cmp.Compare(a.Path, b.Path) })
	tmp, err := outdir.Temp()
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	d, err := outdir.New(filepath.Join(tmp, "report"), nil)
	if err != nil {
		return err
	}
	defer d.Drop()
	doc := report.NewFleet(all.Answer(list), list, report.Options{Program: f.Options.Program, Command: fleetrun.CommandLine("fleet", f.Options.Child.Settings)})
	if err := doc.Write(d); err != nil {
		return err
	}
	if err := d.Keep(); err != nil {
		return err
	}
	return copyTree(ctx, filepath.Join(tmp, "report"), f.Options.Output+"/report")
}
