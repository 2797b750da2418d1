package record

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"schedreplay/parser/host"
)

// backend is a recording that runs.
type backend interface {
	// ended is closed if the recording ended by itself.
	ended() <-chan struct{}
	// stop ends the recording and writes what it still holds.
	stop(Folder) error
}

// Result says what a recording holds.
type Result struct {
	// Recorded: the folder holds a recording.
	Recorded bool
	// Why says what ended it, empty if that was an error.
	Why string
	// Bundle says what the host bundle holds.
	Bundle host.Collected
}

// Setup looks at the machine under root and plans a recording there. Without o.Isolated
// a condition and noise are of the CPUs that the machine isolates.
func Setup(ctx context.Context, root string, o Options) (Plan, error) {
	if len(o.Command) > 0 {
		if _, err := exec.LookPath(o.Command[0]); err != nil {
			return Plan{}, fmt.Errorf("%w: %w", ErrOptions, err)
		}
	}
	m, err := Probe(root)
	if err != nil {
		return Plan{}, err
	}
	if (o.When != nil || o.Noise) && o.Isolated.Empty() {
		h, err := host.Read(ctx, root)
		if err != nil {
			return Plan{}, err
		}
		o.Isolated = h.Isolated.Value
	}
	return NewPlan(m, o)
}

// aftermath is how long a ring goes on after a hit, to hold what came of it.
const aftermath = 500 * time.Millisecond

// Run records into a folder until the command or the time is over, the condition is
// met, or ctx is done: that ends a recording, and is no error. say is told what goes
// on. With an error there may still be a recording in the folder.
//
// What a killed recorder left in tracefs is removed first.
func (p *Plan) Run(ctx context.Context, to Folder, say func(string)) (Result, error) {
	left, err := Restore(p.Machine)
	for _, name := range left {
		say("removed " + name + ", which a killed recording left in tracefs")
	}
	if err != nil {
		return Result{}, err
	}
	b, err := p.start(to, say)
	if err != nil {
		return Result{}, err
	}
	say(fmt.Sprintf("recording through %s; Ctrl-C ends it and keeps what there is", p.Recorder))
	r := Result{}
	r.Why, err = p.wait(ctx, b)
	if serr := b.stop(to); serr != nil {
		return r, errors.Join(err, serr)
	}
	r.Recorded = true
	f, cerr := to.Create("host.tar.gz")
	if cerr != nil {
		return r, errors.Join(err, cerr)
	}
	r.Bundle, cerr = host.Collect(context.WithoutCancel(ctx), p.Machine.Root, f)
	return r, errors.Join(err, cerr, f.Close())
}

// start starts the backend. Where perf turns out not to work and was not asked for by
// name, tracefs takes its place.
func (p *Plan) start(to Folder, say func(string)) (backend, error) {
	if p.Recorder == Perf {
		b, err := startPerf(p, to)
		if err == nil || p.Backend != Auto || errors.Is(err, ErrPermission) {
			return b, err
		}
		say(err.Error() + "; recording through tracefs instead")
		o := p.Options
		o.Backend = Tracefs
		if *p, err = NewPlan(p.Machine, o); err != nil {
			return nil, err
		}
	}
	return startRing(p)
}

// wait waits for what ends the recording and says what did.
func (p *Plan) wait(ctx context.Context, b backend) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	type end struct {
		why string
		err error
	}
	over := make(chan end, 2) // the command and the condition
	running := 0
	defer func() {
		cancel()
		for ; running > 0; running-- {
			<-over
		}
	}()
	begin := func(f func(context.Context) (string, error)) {
		running++
		go func() {
			why, err := f(ctx)
			over <- end{why, err}
		}()
	}
	if p.When != nil {
		begin(p.hit)
	}
	if len(p.Command) > 0 {
		begin(p.command)
	}
	var timer <-chan time.Time
	if p.Duration > 0 {
		timer = time.After(p.Duration)
	}
	select {
	case <-ctx.Done():
		return "interrupted", nil
	case <-timer:
		return fmt.Sprintf("%v are over", p.Duration), nil
	case <-b.ended():
		return "the recorder ended by itself", nil
	case e := <-over:
		running--
		return e.why, e.err
	}
}

// hit waits for the condition, and a little longer.
func (p *Plan) hit(ctx context.Context) (string, error) {
	h, err := p.watch(ctx)
	if h == nil || err != nil {
		return "", err
	}
	select {
	case <-ctx.Done():
	case <-time.After(aftermath):
	}
	return h.String(), nil
}

// command runs the user's command. That it fails is its own affair.
func (p *Plan) command(ctx context.Context) (string, error) {
	c := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 2 * time.Second
	if err := c.Run(); err != nil {
		return fmt.Sprintf("%s: %v", strings.Join(p.Command, " "), err), nil
	}
	return strings.Join(p.Command, " ") + " ended", nil
}
