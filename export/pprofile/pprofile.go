package pprofile

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/google/pprof/profile"

	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// maxKeys bounds the stacks that are told apart before the tasks of interest
// are known; further ones are counted in Collector.Dropped.
const maxKeys = 1 << 18

// test names what a path turns on within its last function, where several paths end in it.
var test = map[place.Path]string{
	place.PathPerCPUKthread: "is_per_cpu_kthread",
	place.PathRecentUsed:    "recent_used_cpu",
	place.PathClusterRecent: "recent_used_cpu",
}

// The worlds.
const (
	original = iota
	patched
	worlds
)

// key is a stack before its task's role is known.
type key struct {
	pid  int32
	kind place.Kind
	path place.Path
	how  string // instead of a decision: how the task came, "" for one
	cpu  int
}

// count are the values of a stack.
type count struct {
	placed, runs, run int64
	wait              [replay.WaitKinds]int64
}

// last is a task's latest decision.
type last struct {
	kind place.Kind
	path [worlds]place.Path
	cpu  [worlds]int
}

// Collector gathers the two profiles while a replay goes. Its memory grows
// with tasks, their CPUs and paths, not with events.
type Collector struct {
	values [worlds]map[key]*count
	last   map[int32]last
	task   map[int32]*role
	// Dropped is the number of decisions and runs that no stack was left for.
	Dropped int64
}

type role struct {
	comm            string
	owner, intruder bool
}

// New returns an empty Collector.
func New() *Collector {
	c := &Collector{last: map[int32]last{}, task: map[int32]*role{}}
	for w := range c.values {
		c.values[w] = map[key]*count{}
	}
	return c
}

// Observer returns the functions that a replay is to call.
func (c *Collector) Observer() replay.Observer {
	return replay.Observer{Wakeup: c.wakeup, Run: c.run, Stay: c.stay}
}

func (c *Collector) at(world int, k key) *count {
	v := c.values[world][k]
	if v == nil {
		if len(c.values[world]) >= maxKeys {
			c.Dropped++
			return &count{}
		}
		v = &count{}
		c.values[world][k] = v
	}
	return v
}

func (c *Collector) role(t *replay.TaskRef) *role {
	r := c.task[t.PID]
	if r == nil {
		r = &role{}
		c.task[t.PID] = r
	}
	if t.Comm != "" {
		r.comm = t.Comm
	}
	return r
}

// wakeup counts a decision: the original's as recorded where that is known, the
// patched kernel's as predicted.
func (c *Collector) wakeup(w *replay.Wakeup) {
	if w.Task.PID <= 0 {
		return
	}
	c.role(&w.Task)
	cpu := w.RecordedCPU
	if cpu < 0 {
		cpu = w.Original.CPU
	}
	l := last{w.Kind, [worlds]place.Path{w.Original.Path, w.Patched.Path}, [worlds]int{cpu, w.Patched.CPU}}
	if w.ModelMiss || w.Original.CPU != cpu {
		// The model does not say by which way the recorded CPU was chosen.
		l.path[original] = place.PathUnknown
	}
	if w.Moved == replay.MovedNo && w.DivergedSince == 0 {
		// Both kernels do the same, whatever the model says of it.
		l.path[patched], l.cpu[patched] = l.path[original], cpu
	}
	c.last[w.Task.PID] = l
	for world := range l.cpu {
		if l.cpu[world] >= 0 {
			c.at(world, key{w.Task.PID, w.Kind, l.path[world], "", l.cpu[world]}).placed++
		}
	}
}

// run counts a run on an isolated CPU, and in the patched world where its task
// is there.
func (c *Collector) run(r *replay.Slice) {
	if r.Task.PID <= 0 || r.Class == replay.ClassIdle || r.End < r.Start {
		return
	}
	t := c.role(&r.Task)
	switch r.Class {
	case replay.ClassOwner:
		t.owner = true
	case replay.ClassForeign:
		t.intruder = true
	}
	l, decided := c.last[r.Task.PID]
	k := key{pid: r.Task.PID, cpu: r.CPU, how: "no decision recorded"}
	if decided && l.cpu[original] == r.CPU {
		k = key{r.Task.PID, l.kind, l.path[original], "", r.CPU}
	}
	kind, wait := r.Wait()
	wait = max(0, wait)
	c.at(original, k).add(r, kind, wait)

	to := k
	if r.Stay >= 0 && r.Patched != replay.MovedCertain && decided && l.cpu[patched] >= 0 {
		to = key{r.Task.PID, l.kind, l.path[patched], "", l.cpu[patched]}
	}
	if r.Class == replay.ClassOwner {
		wait = min(wait, r.Kept)
	}
	c.at(patched, to).add(r, kind, wait)
}

func (v *count) add(r *replay.Slice, kind replay.WaitKind, wait int64) {
	v.runs++
	v.run += r.End - r.Start
	v.wait[kind] += wait
}

func (c *Collector) stay(s *replay.Stay) {
	if s.Class == replay.ClassForeign {
		c.role(&s.Task).intruder = true
	}
}

// Profile is one of the two: that of the original kernel or the patched one.
// Remarks become comments in it.
func (c *Collector) profile(world int, kernel *rules.Kernel, res *replay.Result, remarks []string) (*profile.Profile, error) {
	for _, k := range res.CPUs {
		if k.Owner != nil {
			c.role(k.Owner).owner = true
		}
	}
	p := &profile.Profile{
		SampleType: []*profile.ValueType{
			{Type: "placements", Unit: "count"}, {Type: "runs", Unit: "count"}, {Type: "run", Unit: "nanoseconds"}, {Type: "delay", Unit: "nanoseconds"}, {Type: "gap", Unit: "nanoseconds"},
		},
		DefaultSampleType: "run",
		PeriodType:        &profile.ValueType{Type: "run", Unit: "nanoseconds"},
		Period:            1,
		DurationNanos:     max(0, res.End-res.Start),
		Comments:          remarks,
	}
	b := builder{p: p, rules: &kernel.Rules, at: map[string]*profile.Location{}}
	keys := make([]key, 0, len(c.values[world]))
	for k := range c.values[world] {
		if r := c.task[k.pid]; r.owner || r.intruder {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.pid, b.pid), cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.how, b.how), cmp.Compare(a.kind, b.kind), cmp.Compare(a.path, b.path))
	})
	for _, k := range keys {
		v := c.values[world][k]
		p.Sample = append(p.Sample, &profile.Sample{
			Location: b.stack(c.task[k.pid], &k), Value: []int64{v.placed, v.runs, v.run, v.wait[replay.SchDelay], v.wait[replay.OffCPUGap]},
			Label:    map[string][]string{"kernel": {parser.DisplayComm(kernel.Name)}},
			NumLabel: map[string][]int64{"cpu": {int64(k.cpu)}, "pid": {int64(k.pid)}},
			NumUnit:  map[string][]string{"cpu": {""}, "pid": {""}},
		})
	}
	return p, p.CheckValid()
}

// Write writes both profiles, gzipped, without a time stamp.
func (c *Collector) Write(res *replay.Result, remarks []string, originalTo, patchedTo io.Writer) error {
	for world, w := range [worlds]io.Writer{originalTo, patchedTo} {
		kernel := res.Original
		if world == patched {
			kernel = res.Patched
		}
		p, err := c.profile(world, kernel, res, remarks)
		if err != nil {
			return fmt.Errorf("profile of %s: %w", kernel.Name, err)
		}
		if err := p.Write(w); err != nil {
			return err
		}
	}
	return nil
}

// builder makes functions and locations, each once.
type builder struct {
	p     *profile.Profile
	rules *rules.Rules
	at    map[string]*profile.Location
}

// stack is innermost first: the CPU, the call path, the task.
func (b *builder) stack(r *role, k *key) []*profile.Location {
	frames := []string{fmt.Sprintf("CPU %d", k.cpu)}
	if k.how != "" {
		frames = append(frames, "("+k.how+")")
	} else {
		frames = append(frames, path(k, b.rules)...)
	}
	name := parser.DisplayComm(r.comm)
	if name == "" {
		name = fmt.Sprintf("pid %d", k.pid)
	}
	if r.owner {
		frames = append(frames, "owner "+name)
	} else {
		frames = append(frames, "intruder "+name)
	}
	var locs []*profile.Location
	for _, f := range frames {
		locs = append(locs, b.location(f))
	}
	return locs
}

// path is the call path of a decision, innermost first.
func path(k *key, r *rules.Rules) []string {
	calls := place.CallPath(k.path, "", k.kind, r)
	if calls == nil {
		name := string(k.path)
		if name == "" {
			name = string(place.PathUnknown)
		}
		return []string{"(" + name + ")", place.Calls("try_to_wake_up", k.kind, r)[0]}
	}
	if t := test[k.path]; t != "" {
		calls = append(calls, t)
	}
	slices.Reverse(calls)
	return calls
}

func (b *builder) location(name string) *profile.Location {
	l := b.at[name]
	if l == nil {
		f := &profile.Function{ID: uint64(len(b.p.Function) + 1), Name: name, SystemName: name}
		b.p.Function = append(b.p.Function, f)
		l = &profile.Location{ID: uint64(len(b.p.Location) + 1), Line: []profile.Line{{Function: f}}}
		b.p.Location = append(b.p.Location, l)
		b.at[name] = l
	}
	return l
}
