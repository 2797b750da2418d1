package fleetrun

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"schedreplay/export/outdir"
	"schedreplay/export/rowset"
	"schedreplay/findings/fleet"
	"schedreplay/findings/say"
)

// Options say how a fleet is summed up.
type Options struct {
	Child
	// Program is the program's name and version, as in the row sets.
	Program string
	// Name is what a capture is called in its row set.
	Name func(path string) string
	// Jobs is the number of processes at once, 0 for [Cores].
	Jobs int
	// Progress, if not nil, is told how many captures are done.
	Progress func(done, total int)
}

// Result is what became of the captures.
type Result struct {
	Fleet fleet.Fleet
	// Inputs has each capture, by path.
	Inputs []fleet.Input
	// Kept counts the captures that an earlier run had summed up, Removed the row sets of
	// captures that were not given.
	Kept, Removed int
}

// ErrBusy: another run works on the folder.
var ErrBusy = errors.New("another fleet is being summed up there")

// run is one run.
type run struct {
	o      *Options
	dir    string
	work   string
	inputs []Input

	mu sync.Mutex
	// earlier are the row sets that were there, by digest, as long as nobody took them.
	earlier map[string]earlierSet
	// placed tells by capture whose row set is in the folder: of the first input with it.
	placed map[string]place
	// fate is what became of each input.
	fate []fate
	done int
	kept int
}

// earlierSet is a row set of an earlier run.
type earlierSet struct{ capture, name string }

// place is a row set in the folder: of which input, its digest and name.
type place struct {
	input        int
	digest, name string
}

// fate is what became of an input: a row set of a capture from inputs with a digest, or a
// dead letter.
type fate struct {
	capture, digest string
	dead            *fleet.DeadLetter
}

// Run sums up captures, in order of their paths, into row sets in a folder, which must be
// free, empty or begun by an earlier run. Row sets that are there already and follow from
// the same inputs are kept. If ctx ends, so do the processes, and a later run goes on from
// there. Errors of writing wrap [outdir.ErrWrite].
func Run(ctx context.Context, dir string, inputs []Input, o Options) (*Result, error) {
	if o.Jobs <= 0 {
		o.Jobs = Cores()
	}
	if o.Procs == 0 {
		o.Procs = max(1, Cores()/o.Jobs)
	}
	marker, abs, err := outdir.Grow(dir)
	if err != nil {
		return nil, err
	}
	defer marker.Close()
	if lock(marker) != nil {
		return nil, outdir.Wrap(dir, ErrBusy)
	}
	r := &run{
		o: &o, dir: abs, work: filepath.Join(abs, ".work"), inputs: inputs,
		earlier: map[string]earlierSet{}, placed: map[string]place{}, fate: make([]fate, len(inputs)),
	}
	defer os.RemoveAll(r.work)
	if err := errors.Join(os.RemoveAll(r.work), os.Mkdir(r.work, 0o777)); err != nil {
		return nil, outdir.Wrap(dir, err)
	}
	if err := r.findEarlier(); err != nil {
		return nil, outdir.Wrap(dir, err)
	}
	if err := r.all(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, outdir.Wrap(dir, err)
	}
	res, err := r.merge()
	return res, outdir.Wrap(dir, err)
}

// findEarlier looks for what an earlier run left.
func (r *run) findEarlier() error {
	sets, err := rowset.List(r.dir)
	for _, p := range sets {
		s, err := rowset.Read(p)
		if err == nil && s.Inputs != "" {
			r.earlier[s.Inputs] = earlierSet{s.Capture, s.Name}
		}
	}
	return err
}

// all has each input done by some worker.
func (r *run) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for w := range r.o.Jobs {
		workers.Go(func() {
			runtime.LockOSThread() // see Child.Run; the thread ends with the worker
			for i := range next {
				if err := r.one(ctx, i, filepath.Join(r.work, strconv.Itoa(w))); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range r.inputs {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// one does one input, in a folder that is free afterwards.
func (r *run) one(ctx context.Context, i int, work string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	in := r.inputs[i]
	if r.keep(i, in) {
		return nil
	}
	set, s, dead, err := r.o.Run(ctx, in, work)
	if err == nil && dead != nil {
		r.settle(i, fate{dead: dead})
	} else if err == nil {
		err = r.place(i, set, s)
	}
	return errors.Join(err, os.RemoveAll(work))
}

// keep takes the row set of an earlier run for an input, if there is one.
func (r *run) keep(i int, in Input) bool {
	if len(r.earlier) == 0 { // nothing changes it but findEarlier
		return false
	}
	digest := Digest(r.o.Program, r.o.Settings, r.o.withBundle(in))
	e, ok := r.earlier[digest]
	if !ok || digest == "" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p, taken := r.placed[e.capture]
	if taken && p.input > i && (p.digest != digest || p.name != r.o.Name(in.Path)) || !taken && e.name != r.o.Name(in.Path) {
		return false
	}
	if !taken || p.input > i {
		r.placed[e.capture] = place{i, digest, e.name}
	}
	if !taken {
		r.kept++
	}
	r.settled(i, fate{capture: e.capture, digest: digest})
	return true
}

// place puts a row set in its place, which is that of the first input by path.
func (r *run) place(i int, set string, s *fleet.Summary) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, taken := r.placed[s.Capture]; !taken || p.input > i {
		to := filepath.Join(r.dir, filepath.Base(set))
		if err := errors.Join(os.RemoveAll(to), os.Rename(set, to)); err != nil {
			return err
		}
		r.placed[s.Capture] = place{i, s.Inputs, s.Name}
	}
	r.settled(i, fate{capture: s.Capture, digest: s.Inputs})
	return nil
}

func (r *run) settle(i int, f fate) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled(i, f)
}

// settled notes what became of an input; r.mu is held.
func (r *run) settled(i int, f fate) {
	r.fate[i] = f
	if r.done++; r.o.Progress != nil {
		r.o.Progress(r.done, len(r.inputs))
	}
}

// merge adds the summaries up, one after the other, and removes the row sets that are not
// of this run.
func (r *run) merge() (*Result, error) {
	res := &Result{Kept: r.kept}
	sets, err := rowset.List(r.dir)
	if err != nil {
		return nil, err
	}
	of := map[string][2]string{} // host and partial, by capture
	for _, p := range sets {
		capture := filepath.Base(p)[len(rowset.Prefix):]
		if _, ok := r.placed[capture]; !ok {
			if err := os.RemoveAll(p); err != nil {
				return nil, err
			}
			res.Removed++
			continue
		}
		s, err := rowset.Read(p)
		if err != nil {
			return nil, err
		}
		of[capture] = [2]string{s.Host, s.Partial}
		res.Fleet.Add(s)
	}
	claims := map[string][]fleet.Claim{}
	for i, f := range r.fate {
		if path := r.inputs[i].Path; f.dead != nil {
			res.Inputs = append(res.Inputs, fleet.Input{Path: path, Dead: f.dead})
		} else {
			claims[f.capture] = append(claims[f.capture], fleet.Claim{Path: path, Capture: f.capture, Digest: f.digest, Host: of[f.capture][0], Partial: of[f.capture][1]})
		}
	}
	for _, c := range claims {
		res.Inputs = append(res.Inputs, fleet.Settle(c)...)
	}
	slices.SortFunc(res.Inputs, func(a, b fleet.Input) int { return strings.Compare(a.Path, b.Path) })
	return res, nil
}

// CommandLine is the command line of a command on captures with settings.
func CommandLine(command string, settings []string) string {
	s := []string{"schedreplay", command, "CAPTURE"}
	for _, v := range settings {
		name, value, _ := strings.Cut(v, "=")
		s = append(s, name+"="+say.ShellWord(value))
	}
	return strings.Join(s, " ")
}
