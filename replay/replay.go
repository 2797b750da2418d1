// Package replay turns the events of a capture and the description of its host
// into what happened and what would have happened: the timeline of every CPU,
// each recorded wakeup placed by the model under the original and the patched
// kernel, the stays of foreign tasks on isolated CPUs, and how well the model
// explains the recording.
//
// A capture is read in passes with bounded memory: first a survey (which
// events, which tasks, how the machine stood at the start), then a rehearsal (what
// decisions show of hidden facts, for those before them), then the replay itself. What
// grows with the number of events goes to an [Observer].
package replay

import (
	"context"
	"fmt"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/parser"
)

// Options say what to replay against what.
type Options struct {
	// Original and Patched are KERNELs, empty for the defaults of the design.
	Original, Patched string
	// CPUs are the isolated CPUs to look at; empty for all of them.
	CPUs cpumask.Mask
	// Owner names the owner of the isolated CPUs by name or pid, empty to find
	// it.
	Owner string
	// Explain chooses the wakeups to be told test by test, in
	// Wakeup.Explanation; nil chooses none. Entries of foreign tasks are always
	// explained.
	Explain func(*Wakeup) bool
	// Observer receives the results that grow with the capture.
	Observer Observer
}

// Replay replays a capture. The host is the merged description of the machine;
// its unknown fields cost answers, never a guess. The error is about the
// options (it wraps rules.ErrKernel or ErrOptions) or the context's; a
// capture that could not be read to its end gives a result with Partial set.
func Replay(ctx context.Context, c parser.Capture, host *parser.Host, o Options) (*Result, error) {
	r, err := prepare(ctx, c, host, &o)
	if err != nil {
		return nil, err
	}
	if err := r.rehearse(ctx); err != nil {
		return nil, err
	}
	if err := r.pass(ctx, 3); err != nil {
		return nil, err
	}
	return r.finish(), nil
}

// prepare surveys the capture and settles the kernels.
func prepare(ctx context.Context, c parser.Capture, host *parser.Host, o *Options) (*replayer, error) {
	s := surveyCapture(c, host, progressOf(o, 1))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := newReplayer(c, host, s, o)
	return r, r.choose(ctx)
}

// maxRehearsed is the number of events up to which a rehearsal is held: one more pass,
// and a third of the time on top.
const maxRehearsed = 1 << 18

// rehearse replays the capture under the original alone, to learn what decisions show
// of hidden facts that earlier ones met as well; see [hindsight].
func (r *replayer) rehearse(ctx context.Context) error {
	if r.m == nil || r.kOriginal.Rules.Budget != rules.BudgetUtil || !r.s.hasWaking {
		return nil
	}
	if n := r.s.total(); n > maxRehearsed {
		r.note(fmt.Sprintf("The capture holds %d events. Above %d, hidden facts are judged by earlier decisions alone, not by later ones too, which takes another pass.", n, maxRehearsed))
		return nil
	}
	patched, opt, s := r.kPatched, r.opt, r.s
	defer func() { r.kPatched, r.opt, r.s, r.rehearsing = patched, opt, s, false }()
	r.kPatched, r.rehearsing = r.kOriginal, true
	r.opt = &Options{Observer: Observer{Progress: opt.Observer.Progress}}
	r.busy = make([]busyNotes, r.ncpu)
	blind := *s
	blind.hasWakeup = false
	r.s = &blind
	if err := r.pass(ctx, 2); err != nil {
		return err
	}
	r.later = make([][]budgetNote, len(r.budget))
	for i := range r.budget {
		r.later[i] = r.budget[i].notes.list
	}
	return nil
}

func progressOf(o *Options, pass int) func(int64) {
	if o.Observer.Progress == nil {
		return nil
	}
	return func(n int64) { o.Observer.Progress(pass, 3, n) }
}

// replayer is one replay in progress.
type replayer struct {
	c    parser.Capture
	host *parser.Host
	s    *survey
	opt  *Options
	res  *Result

	m         *topo.Machine // nil if the topology is unknown
	ncpu      int
	isolated  fact.Fact[cpumask.Mask]
	aff       affinities
	kOriginal *rules.Kernel
	kPatched  *rules.Kernel

	kernelsFrom fact.Provenance
	headline    []string
	notes       []string
	trial       *trial
	ranking     *ranking
	limit       int   // runs per exploration
	jiffy       int64 // ns, 10 ms at most
	// rehearsing: this pass writes down what later passes are to know of scan budgets
	// in hindsight; later is what it wrote, by LLC.
	rehearsing bool
	later      [][]budgetNote
	// busy, by CPU, is what a rehearsal wrote of CPUs that did not look idle.
	busy []busyNotes
	// twins: on this machine the kernels cannot differ, so one answers for both.
	twins bool

	// The state of one pass.
	t                 *timeline
	original, patched *world
	budget            []scanBudget
	cost              []*scanCost // by CPU, nil if nothing was asked of it
	sampled           int64
	sync              syncHabits
	fidelity          Scorer
	track             *tracker
	n                 int64
	closing           int64       // the decision being closed, by its n
	pending           []*decision // not delivered yet, in order of n
	undecided         []*decision // of these, those whose selection may not be over
	free              []*decision // delivered, to be used again
	anyIdlePolicy     bool

	// Scratch space of decisions.
	x              explore.Explorer
	selO, selP     place.Selector
	stateO, stateP state
	single         []cpumask.Mask // by CPU, of that CPU alone
	askO, askP     place.Wakeup
	nowP           *place.Wakeup // the patched world's: askO where the worlds are the same
	runs           []bothRun
	idx, places    []int
	runsAgain      []bothRun // of the answer in hindsight, and idxAgain
	idxAgain       []int
	recent         []int
	selected       []int
}

func newReplayer(c parser.Capture, host *parser.Host, s *survey, o *Options) *replayer {
	r := &replayer{c: c, host: host, s: s, opt: o, limit: maxRuns, jiffy: second / 100}
	if hz, ok := host.HZ.Get(); ok && hz > 0 {
		r.jiffy = second / int64(hz)
	}
	r.ncpu = max(s.mentioned.Last()+1, len(host.CPU))
	if m, ok := host.Possible.Get(); ok {
		r.ncpu = max(r.ncpu, m.Last()+1)
	}
	r.isolated = host.Isolated
	iso := r.isolated.Value
	all := cpumask.Range(0, r.ncpu-1)
	if m, ok := host.Possible.Get(); ok {
		all = m.Or(s.mentioned)
	}
	r.aff = affinities{host: host, survey: s, all: all, house: all.AndNot(iso), isolated: iso, kthreads: all}
	if nohz, ok := host.NohzFull.Get(); ok && !nohz.Empty() {
		r.aff.kthreads = all.AndNot(nohz) // housekeeping(KTHREAD), 5.8 and later
	}
	for _, t := range host.Task {
		if p, ok := t.Policy.Get(); ok && p == 5 {
			r.anyIdlePolicy = true
		}
	}
	return r
}

// begin resets everything that one pass over the capture changes.
func (r *replayer) begin() {
	r.t = newTimeline(r.s, r.ncpu, r.kOriginal.Rules.DelayDequeue)
	major, minor, _ := r.kOriginal.Version()
	r.t.spares = major > 6 || major == 6 && minor >= 8
	r.t.warm(startShares(r.c, r.s, r.t.spares))
	r.res = &Result{Events: map[parser.Kind]int64{}}
	r.n, r.closing, r.pending, r.undecided, r.sampled = 0, 0, nil, nil, 0
	r.sync = syncHabits{path: map[wakePath]*habit{}}
	r.fidelity = Scorer{}
	llcs := 0
	if r.m != nil {
		llcs = r.m.NumLLC()
	}
	r.original, r.patched = newWorld(), newWorld()
	r.budget, r.cost = make([]scanBudget, llcs), make([]*scanCost, r.ncpu)
	notes := maxNotes
	for i := range r.budget {
		b := newScanBudget(int64(r.m.LLCSpan(i).Weight()), int64(r.m.LLCImbalancePct(i)))
		switch {
		case r.rehearsing:
			b.notes = &budgetNotes{left: &notes}
		case r.later != nil:
			b.later = &hindsight{notes: r.later[i], weight: b.weight}
		}
		r.budget[i] = b
	}
	r.selO = place.Selector{Rules: &r.kOriginal.Rules, Machine: r.m, Index: 0}
	r.selP = place.Selector{Rules: &r.kPatched.Rules, Machine: r.m, Index: 1}
	if v := r.kOriginal.Variants(); len(v) > 1 {
		r.selO.Variants = v
	}
	if v := r.kPatched.Variants(); len(v) > 1 {
		r.selP.Variants = v
	}
	r.twins = r.m != nil && r.kOriginal.Rules.AgreeWithoutLeaks(&r.kPatched.Rules) && !r.m.LeaksAnywhere() &&
		r.selO.Variants == nil && r.selP.Variants == nil
	r.track = newTracker(r)
	r.startCores()
}

// startCores gives has_idle_cores its value at the start: an LLC with an idle
// core has most likely advertised it, one without has not kept the flag long.
func (r *replayer) startCores() {
	if r.m == nil {
		return
	}
	for llc := range r.m.NumLLC() {
		found := false
		for c := range r.m.LLCSpan(llc).All() {
			idle := true
			for t := range r.m.SMT(c).All() {
				idle = idle && t < len(r.t.cpu) && r.t.cpu[t].idle()
			}
			found = found || idle
		}
		r.original.idleCores[llc] = tristate{value: found, guessed: true, since: parser.NoTime}
	}
}

// pass replays the capture once.
func (r *replayer) pass(ctx context.Context, pass int) error {
	r.begin()
	r.describe()
	if f := r.opt.Observer.Begin; f != nil {
		f(r.res)
	}
	progress := progressOf(r.opt, pass)
	l := newLookahead(r.s, r.t.charges, r.event)
	l.blind = r.rehearsing
	n := int64(0)
	for ev, err := range ahead(r.c.Events()) {
		if err != nil {
			break // the survey has it
		}
		if n++; n%65536 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if progress != nil {
				progress(n)
			}
		}
		if err := l.push(&ev); err != nil {
			return err
		}
	}
	if err := l.end(); err != nil {
		return err
	}
	r.closeDue(1<<63 - 1)
	for c := range r.t.cpu {
		r.ran(int32(c), r.s.end)
	}
	r.track.end()
	return nil
}

// ran tells the tracker that a CPU's current task ran until now, since its switch or
// since the capture began.
func (r *replayer) ran(c int32, until int64) {
	k := &r.t.cpu[c]
	if !k.known || k.cur <= 0 {
		return
	}
	ns := until - max(k.since, r.s.start)
	r.track.ranElsewhere(k.cur, c, ns)
	r.track.heldInPatched(k.cur, c, ns)
}

// event takes the events in order, each waking with what became of it.
func (r *replayer) event(ev *parser.Event, out *outcome) error {
	switch ev.Kind {
	case parser.KindOther:
		if r.rehearsing {
			r.t.hear(ev)
		}
		return nil
	case parser.KindComm, parser.KindDamaged:
		return nil
	}
	r.closeDue(ev.Time)
	r.sample(ev.Time)
	switch ev.Kind {
	case parser.KindStatRuntime:
		r.t.charge(ev)
		return nil
	case parser.KindWaking:
		r.open(ev, out, place.KindWakeup)
	case parser.KindWakeup:
		if out != nil {
			r.open(ev, out, place.KindWakeup)
		}
	case parser.KindWakeupNew:
		r.open(ev, out, place.KindWakeupNew)
	case parser.KindExec:
		r.open(ev, &outcome{cpu: ev.CPU, ran: ev.CPU, from: fact.Observed, upper: ev.Time, done: true}, place.KindExec)
	}
	r.track.before(ev)
	if ev.Kind == parser.KindSwitch && usableCPU(ev.CPU) && int(ev.CPU) < r.ncpu && r.t.cpu[ev.CPU].cur == ev.Task.PID {
		r.ran(ev.CPU, ev.Time)
	}
	r.t.apply(ev)
	switch ev.Kind {
	case parser.KindSwitch:
		if ev.Task.PID > 0 && ev.State.Known() && !ev.State.Runnable() {
			r.patched.setActive(ev.Task.PID, false)
		}
		if ev.Next.PID == 0 && usableCPU(ev.CPU) {
			r.wentIdle(int(ev.CPU))
		}
		if ev.Task.PID > 0 && ev.Task.PID != ev.Next.PID && ev.State.Gone() {
			r.t.bury(ev.Task.PID)
			r.patched.forget(ev.Task.PID)
		}
	case parser.KindMigrate:
		if !r.selecting(ev) {
			r.res.BalancerMoves++
			if r.patched.diverged[ev.Task.PID] != nil {
				r.res.BalancerIgnored++
			}
		}
	}
	return nil
}

// selecting reports whether a migration belongs to a selection: the wakee's
// own, just decided.
func (r *replayer) selecting(ev *parser.Event) bool {
	p := r.t.find(ev.Task.PID)
	return p != nil && p.inflight != parser.NoCPU
}

// sample lets the scan budgets follow the milliseconds up to now.
func (r *replayer) sample(now int64) {
	const every = 1_000_000
	if r.m == nil || now-r.sampled < every {
		return
	}
	steps := (now - r.sampled) / every
	if r.sampled == 0 {
		steps = 1
		r.sampled = now
	} else {
		r.sampled += steps * every
	}
	for i := range r.budget {
		b := &r.budget[i]
		sum, fresh := int64(0), false
		for c := range r.m.LLCSpan(i).All() {
			if c < len(r.t.cpu) {
				k := &r.t.cpu[c]
				fresh = fresh || k.idle() && k.idleAt > now-newlyIdle
				// The pass that balances for the idle CPUs brings the averages of all
				// that are idle up to date (update_nohz_stats).
				a, _ := r.t.loadOf(c)
				sum += min(1024, max(a.util, k.cfs.est))
			}
		}
		b.step(nrIdleScan(sum, b.weight, b.pct), steps, fresh)
	}
}

// margin is the range in which the kernel's own average lies, given the
// reconstructed one now and as of its last update.
func (r *replayer) margin(now, stale int64) explore.Range {
	lo, hi := min(now, stale), max(now, stale)
	return explore.Range{Lo: max(0, lo-lo/8-60), Best: now, Hi: hi + hi/12 + 24, From: fact.Estimated}
}

// silent reports a CPU that was recorded along with the others and has no
// event at all: idle throughout, or busy with one task that never switched.
func (r *replayer) silent(c int) bool {
	return !r.s.recorded.Test(c) && r.s.only.Empty()
}

// deliver hands a finished decision to the observer and the tracker.
func (r *replayer) deliver(d *decision) {
	r.res.Wakeups++
	if f := r.opt.Observer.Wakeup; f != nil {
		f(&d.line)
	}
}

// describe fills in what is known of the result before the replay itself.
func (r *replayer) describe() {
	res := r.res
	res.Meta, res.Host = r.c.Meta(), r.host
	res.Original, res.Patched = r.kOriginal, r.kPatched
	res.Start, res.End = r.s.start, r.s.end
	res.Recorded, res.Only, res.Isolated = r.s.recorded, r.s.only, r.isolated
	res.Events = r.s.events
	res.Lost, res.LostUnknown, res.Holes, res.Damaged, res.Overwritten = r.s.lost, r.s.lostUnknown, r.s.holes, r.s.damaged, r.s.overwritten
	res.Partial = r.s.err
	res.KernelsFrom, res.Headline, res.Notes = r.kernelsFrom, r.headline, r.notes
}

func (r *replayer) finish() *Result {
	res := r.res
	r.describe()
	res.Fidelity = r.fidelity.Result()
	r.track.report(res)
	res.Unknown = r.unknowns()
	return res
}
