package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/term"
	"schedreplay/export/rows"
	"schedreplay/fact"
	"schedreplay/findings/say"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// explainWidth is the width of explain's text: it is quoted in mails.
const explainWidth = 75

func (a *app) explainCommand() *cobra.Command {
	var c common
	var at string
	var n int64
	cmd := &cobra.Command{
		Use:   "explain CAPTURE --at TIME | --wakeup N",
		Short: "One decision, test by test, with where each answer comes from",
		Long: `explain tells one placement decision as the kernel makes it: who was woken, by
whom, from which CPU; the call path; each test with its answer and where the answer
comes from; the candidates in the order in which they were looked at; and where the
original and the patched kernel part. Steps that both make are told once.

--wakeup N is a line of wakeups; --at TIME the last one at or before that time, of
the task that --task names, if it is given. TIME is seconds of the capture's clock,
or wall time where its relation is known (see --wall). Formats: text, json.`,
		Example: `  schedreplay explain testdata/traces/smt44-isolated43-original --at 24.57 --task ksmd
  schedreplay explain perf.data --host host.tar.gz --wakeup 9
  schedreplay explain perf.data --wall 24.5=2026-11-22T03:12:05Z --at 03:12:06 --task ksmd`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&at, "at", "", "explain the last wakeup at or before `TIME`")
	f.Int64Var(&n, "wakeup", 0, "explain wakeup `N`")
	c.add(cmd, "text", "json")
	do := a.captureCommand(cmd, &c, func(in *input) error { return a.explain(in, &c, n) })
	onCapture := do.RunE
	do.RunE = func(cmd *cobra.Command, args []string) (err error) {
		switch byN := cmd.Flags().Changed("wakeup"); {
		case at == "" && !byN:
			return usagef("explain needs --at TIME or --wakeup N")
		case at != "" && byN:
			return usagef("--at and --wakeup both choose the decision; give one of them")
		case byN && n < 1:
			return usagef("--wakeup %d: wakeups count from 1", n)
		case at != "":
			if c.atTime, err = parseMoment("--at", at); err != nil {
				return err
			}
		}
		return onCapture(cmd, args)
	}
	return do
}

func (a *app) explain(in *input, c *common, n int64) error {
	if n == 0 {
		var err error
		if n, err = a.lastWakeup(in, c); err != nil {
			return err
		}
	}
	var head *replay.Result
	var refused error
	total := int64(0)
	found := false
	o := c.options()
	o.Explain = func(w *replay.Wakeup) bool { return w.N == n }
	o.Observer = replay.Observer{
		Begin: func(res *replay.Result) { head = res },
		Wakeup: func(w *replay.Wakeup) {
			total = w.N
			switch {
			case w.N != n:
				return
			case !wakeupShown(&c.filter, w):
				refused = usagef("wakeup %d is of %s at %s s; the filter hides it (%s)", n, fitTask(w.Task.Comm, w.Task.PID, 0), stamp(w.Time), c.filter.String())
				return
			}
			found = true
			d := a.decision(in, c, head, w)
			if c.format == "json" {
				a.announce(in, say.Headline(head))
				d.json(in)
				return
			}
			for _, l := range in.remarks(say.Headline(head)) {
				d.paragraph(l)
			}
			d.text()
		},
	}
	res, err := a.replayWith(in, o)
	switch {
	case err != nil:
		return err
	case refused != nil:
		return refused
	case !found:
		return usagef("--wakeup %d: the capture has %s", n, plural(total, "wakeup"))
	}
	a.notes(res.Notes, res.Host.Notes)
	return nil
}

// lastWakeup finds the last wakeup shown at or before --at.
func (a *app) lastWakeup(in *input, c *common) (int64, error) {
	var last, next struct{ n, time int64 }
	_, err := a.replay(in, replay.Observer{Wakeup: func(w *replay.Wakeup) {
		switch {
		case !wakeupShown(&c.filter, w):
		case w.Time <= c.atNS:
			last.n, last.time = w.N, w.Time
		case next.n == 0:
			next.n, next.time = w.N, w.Time
		}
	}})
	if err != nil {
		return 0, err
	}
	of := ""
	if s := c.filter.String(); s != "" {
		of = " (" + s + ")"
	}
	switch {
	case last.n == 0 && next.n == 0:
		return 0, usagef("the capture has no wakeup to explain%s", of)
	case last.n == 0:
		return 0, usagef("no wakeup at or before %s s%s; the first is number %d at %s s", stamp(c.atNS), of, next.n, stamp(next.time))
	case next.n != 0 && next.time/1000 == c.atNS/1000:
		// The other commands print microseconds.
		a.note(fmt.Sprintf("wakeup %d at %s s is in the same microsecond, after --at", next.n, stamp(next.time)))
	}
	return last.n, nil
}

// decision is one wakeup and its explanation, to be told.
type decision struct {
	a   *app
	c   *common
	res *replay.Result
	w   *replay.Wakeup
	// steps are those of both kernels, aligned.
	steps []step
	// affinity is the wakee's where the bundle or a flag tells it.
	affinity fact.Fact[parser.CPUs]
	aligned  bool
}

// side says which kernels make a step.
type side uint8

const (
	both side = iota
	onlyOriginal
	onlyPatched
)

// String is the side as programs read it.
func (s side) String() string { return [...]string{"both", "original", "patched"}[s] }

func (s side) mark() string { return [...]string{"  ", "- ", "+ "}[s] }

type step struct {
	place.Step
	side side
}

func (a *app) decision(in *input, c *common, res *replay.Result, w *replay.Wakeup) *decision {
	d := &decision{a: a, c: c, res: res, w: w}
	if e := w.Explanation; e != nil {
		d.steps, d.aligned = align(e.Original, e.Patched), true
	}
	if t, ok := in.host.Task[w.Task.PID]; ok && parser.SameComm(t.Comm, w.Task.Comm) {
		d.affinity = t.Affinity
	}
	for _, s := range in.host.Stated {
		if s.PID == w.Task.PID || s.PID == parser.NoPID && s.Name == w.Task.Comm {
			d.affinity = fact.Seen(s.CPUs, "--affinity")
		}
	}
	return d
}

// align puts the two kernels' steps into one list, those that both make once:
// a longest common subsequence. Lists that are too long for that share their
// beginning only.
func align(o, p []place.Step) []step {
	same := func(i, j int) bool {
		return o[i].Same(&p[j])
	}
	var out []step
	k := 0
	for k < len(o) && k < len(p) && same(k, k) {
		out = append(out, step{o[k], both})
		k++
	}
	const most = 1 << 20
	if (len(o)-k)*(len(p)-k) > most {
		for _, s := range o[k:] {
			out = append(out, step{s, onlyOriginal})
		}
		for _, s := range p[k:] {
			out = append(out, step{s, onlyPatched})
		}
		return out
	}
	n, m := len(o)-k, len(p)-k
	longest := make([][]int32, n+1)
	for i := range longest {
		longest[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if same(k+i, k+j) {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && same(k+i, k+j):
			out = append(out, step{o[k+i], both})
			i, j = i+1, j+1
		case j == m || i < n && longest[i+1][j] >= longest[i][j+1]:
			out = append(out, step{o[k+i], onlyOriginal})
			i++
		default:
			out = append(out, step{p[k+j], onlyPatched})
			j++
		}
	}
	return out
}

// parting is the index of the first step that one kernel makes alone, -1 if
// there is none.
func (d *decision) parting() int {
	return slices.IndexFunc(d.steps, func(s step) bool { return s.side != both })
}

// calledBy says which function calls another.
var calledBy = map[string]string{
	"ttwu_runnable":             "try_to_wake_up",
	"select_task_rq":            "try_to_wake_up",
	"select_task_rq_fair":       "select_task_rq",
	"select_task_rq_rt":         "select_task_rq",
	"select_task_rq_dl":         "select_task_rq",
	"select_task_rq_stop":       "select_task_rq",
	"select_fallback_rq":        "select_task_rq",
	"wake_wide":                 "select_task_rq_fair",
	"wake_cap":                  "select_task_rq_fair",
	"wake_affine":               "select_task_rq_fair",
	"wake_affine_idle":          "wake_affine",
	"wake_affine_weight":        "wake_affine",
	"find_energy_efficient_cpu": "select_task_rq_fair",
	"find_idlest_cpu":           "select_task_rq_fair",
	"select_idle_sibling":       "select_task_rq_fair",
	"select_idle_capacity":      "select_idle_sibling",
	"select_idle_smt":           "select_idle_sibling",
	"select_idle_cpu":           "select_idle_sibling",
	"select_idle_core":          "select_idle_cpu",
}

// lastCall is the function that a path ends in.
var lastCall = map[place.Path]string{
	place.PathTargetIdle:    "select_idle_sibling",
	place.PathPrevIdle:      "select_idle_sibling",
	place.PathPerCPUKthread: "select_idle_sibling",
	place.PathRecentUsed:    "select_idle_sibling",
	place.PathNoLLC:         "select_idle_sibling",
	place.PathIdleSMT:       "select_idle_smt",
	place.PathIdleCore:      "select_idle_core",
	place.PathIdleCPU:       "select_idle_cpu",
	place.PathIdleCapacity:  "select_idle_capacity",
	place.PathTarget:        "select_idle_sibling",
	place.PathClusterPrev:   "select_idle_sibling",
	place.PathClusterRecent: "select_idle_sibling",
	place.PathSlow:          "find_idlest_cpu",
	place.PathEAS:           "find_energy_efficient_cpu",
	place.PathCurrentCPU:    "select_task_rq_fair",
	place.PathRT:            "select_task_rq_rt",
	place.PathDeadline:      "select_task_rq_dl",
	place.PathStop:          "select_task_rq_stop",
	place.PathFallback:      "select_fallback_rq",
}

// unselected says why a wakeup selected no CPU, and which function found that.
var unselected = map[place.Reason]struct{ call, words string }{
	place.ReasonCurrent:           {"try_to_wake_up", "the task woke itself"},
	place.ReasonOnRq:              {"ttwu_runnable", "it was still queued"},
	place.ReasonOnCPUQueue:        {"try_to_wake_up", "it was still switching out, and is queued on that CPU"},
	place.ReasonDelayed:           {"ttwu_runnable", "it slept but was still queued (delayed dequeue)"},
	place.ReasonOneCPU:            {"select_task_rq", "its affinity is one CPU"},
	place.ReasonMigrationDisabled: {"select_task_rq", "it is inside migrate_disable()"},
}

// calls is the chain of functions that ends in one, outermost first.
func (d *decision) calls(fn string, r *rules.Rules) []string {
	var chain []string
	for fn != "" {
		root := fn == "try_to_wake_up"
		if root {
			switch d.w.Kind {
			case place.KindWakeupNew:
				fn = "wake_up_new_task"
			case place.KindExec:
				fn = "sched_exec"
			}
		}
		chain = append(chain, fn)
		if root {
			break
		}
		up, ok := calledBy[fn]
		switch {
		case !ok:
			up = "select_task_rq"
		case fn == "select_idle_core" && r.Scan == rules.ScanSeparate:
			up = "select_idle_sibling"
		case fn == "wake_wide" && r.WakeWide == rules.WakeWideInAffine:
			up = "wake_affine"
		}
		fn = up
	}
	slices.Reverse(chain)
	return chain
}

// path is the call path to where a kernel puts the task, nil if that is not
// known.
func (d *decision) path(p *replay.Placed, r *rules.Rules) []string {
	if p.Path == place.PathNoSelection {
		if u, ok := unselected[p.Reason]; ok {
			return d.calls(u.call, r)
		}
		return nil
	}
	fn, ok := lastCall[p.Path]
	if p.Path == place.PathIdleCPU && r.Scan == rules.ScanGroups {
		fn = "select_idle_sibling"
	}
	if !ok {
		return nil
	}
	return d.calls(fn, r)
}

// candidate is a CPU that a kernel looked at, and what it saw.
type candidate struct {
	cpu   int
	state string
	open  bool
}

// candidates are the CPUs that one kernel looks at, in that order.
func (d *decision) candidates(of side) []candidate {
	var out []candidate
	seen := map[int]bool{}
	for _, s := range d.steps {
		if s.side != both && s.side != of {
			continue
		}
		state, ok := looksAt(&s.Step)
		if !ok {
			continue
		}
		cpu := s.CPU
		if seen[cpu] {
			if state == schedIdle { // asked after available_idle_cpu
				i := slices.IndexFunc(out, func(c candidate) bool { return c.cpu == cpu })
				out[i].state = state
			}
			continue
		}
		seen[cpu] = true
		out = append(out, candidate{cpu, state, s.Fact.Open})
	}
	return out
}

// What a kernel sees of a candidate.
const (
	isIdle     = "idle"
	isBusy     = "busy"
	schedIdle  = "SCHED_IDLE tasks only"
	passedOver = "outside the domain: passed over"
)

// looksAt says what a step sees of the CPU it asks about.
func looksAt(s *place.Step) (state string, ok bool) {
	switch {
	case s.Kind == place.AskIdle && s.Answer == place.Yes:
		return isIdle, true
	case s.Kind == place.AskIdle:
		return isBusy, true
	case s.Kind == place.AskSchedIdle:
		return schedIdle, true
	case s.Kind == place.AskSpan && s.Answer == place.No:
		return passedOver, true
	}
	return "", false
}

// text tells the decision to people.
func (d *decision) text() {
	w, s := d.w, d.a.style()
	when := ""
	if at := d.c.clock.of(w.Time); at != "" {
		when = ", " + at
	}
	d.line(s.Bold(fmt.Sprintf("%s %d at %s s%s", w.Kind, w.N, stamp(w.Time), when)))
	d.line("")
	prev := "; which CPU it was on is not known"
	if w.PrevCPU >= 0 {
		prev = fmt.Sprintf(", last on CPU %d", w.PrevCPU) + d.isolated(w.PrevCPU)
	}
	d.field("woken", d.task(w.Task)+d.priority(w.Task.Prio)+prev)
	d.field("by", d.waker())
	if w.RecordedCPU >= 0 {
		d.field("recorded", fmt.Sprintf("CPU %d%s (%s)", w.RecordedCPU, d.isolated(w.RecordedCPU), w.RecordedFrom))
	} else {
		d.field("recorded", "which CPU it came to is not in the capture")
	}
	if aff, ok := d.affinity.Get(); ok {
		d.field("affinity", fmt.Sprintf("%s (%s: %s)", aff, d.affinity.From, sourceOf(d.affinity.Source)))
	} else {
		d.field("affinity", "neither in the bundle nor given with --affinity: taken by rule of thumb")
	}
	d.line("")
	d.placed(onlyOriginal, d.res.Original, &w.Original)
	d.placed(onlyPatched, d.res.Patched, &w.Patched)
	d.line("")
	d.tests()
	for _, l := range d.verdict() {
		d.paragraph(l)
	}
}

func (d *decision) line(s string) { fmt.Fprintln(d.a.out, s) }

// paragraph prints a text wrapped, later lines indented.
func (d *decision) paragraph(s string) { d.line(term.Wrap(s, explainWidth)) }

// field prints a name and a text wrapped beside it.
func (d *decision) field(name, s string) {
	const margin = 10
	d.line(term.Beside(name, s, margin, explainWidth))
}

func (d *decision) task(t replay.TaskRef) string {
	name := parser.DisplayComm(t.Comm)
	if name == "" {
		name = "a task without a name"
	}
	if t.PID == parser.NoPID {
		return name
	}
	return fmt.Sprintf("%s (pid %d)", name, t.PID)
}

func (d *decision) priority(prio int32) string {
	switch {
	case prio == parser.NoPrio:
		return ""
	case prio < 0:
		return ", deadline"
	case prio < place.MaxRTPrio:
		return fmt.Sprintf(", real-time priority %d", place.MaxRTPrio-1-prio)
	}
	return fmt.Sprintf(", nice %d", prio-120)
}

func (d *decision) isolated(cpu int) string {
	if iso, ok := d.res.Isolated.Get(); ok && iso.Test(cpu) {
		return ", isolated"
	}
	return ""
}

// waker tells who did the waking. A task that was only interrupted is not
// blamed.
func (d *decision) waker() string {
	w := d.w
	on := ""
	if w.WakerCPU >= 0 {
		on = fmt.Sprintf(" on CPU %d", w.WakerCPU) + d.isolated(w.WakerCPU)
	}
	switch w.WakerContext {
	case replay.WakerTask:
		return d.task(w.Waker) + on
	case replay.WakerSoftirq, replay.WakerHardirq:
		irq := "a softirq"
		if w.WakerContext == replay.WakerHardirq {
			irq = "a hardware interrupt"
		}
		switch {
		case w.Waker.PID > 0:
			return fmt.Sprintf("%s%s, over %s, which only happened to run there", irq, on, d.task(w.Waker))
		case w.Waker.PID == 0:
			return irq + on + ", which was idle"
		}
		return irq + on
	case replay.WakerIdle:
		return "an interrupt" + on + ", which was idle"
	}
	if w.Waker.PID > 0 {
		return fmt.Sprintf("something%s, where %s was current: whether that task or an interrupt over it did the waking is not recorded", on, d.task(w.Waker))
	}
	return "something" + on + " that is not recorded"
}

// placed tells where one kernel puts the task and by which calls.
func (d *decision) placed(of side, k *rules.Kernel, p *replay.Placed) {
	s := d.a.style()
	var what string
	switch {
	case p.Path == place.PathNoSelection:
		what = fmt.Sprintf("no selection: %s; it stays on CPU %s", unselected[p.Reason].words, cpuText(p.CPU))
	case p.CPU < 0 && p.Path == place.PathNotModelled:
		what = "not modelled: CPUs of different capacity"
	case p.CPU < 0:
		what = "cannot be told"
	default:
		what = fmt.Sprintf("CPU %d%s, by %s", p.CPU, d.isolated(p.CPU), p.Path)
	}
	switch {
	case !p.Bounded && p.CPU >= 0:
		what += "; any other CPU is possible too"
	case p.Bounded && !p.Certain():
		what += "; possible: " + p.Possible.String()
	case p.Certain() && p.Path != place.PathNoSelection:
		what += ", no other is possible"
	}
	if p.CPU >= 0 && p.From <= fact.Estimated {
		what += fmt.Sprintf(" (leans on %s facts)", p.From)
	}
	if p.Prev >= 0 && p.Prev != d.w.PrevCPU {
		what += fmt.Sprintf("; there the task was on CPU %d before", p.Prev)
	}
	name := "original"
	if of == onlyPatched {
		name = "patched"
	}
	text := fmt.Sprintf("%s %s: %s", name, k.Name, what)
	lines := strings.ReplaceAll(term.Wrap(text, explainWidth-2), "\n", "\n  ")
	d.line(s.Bold(of.mark()) + lines)
	if path := d.path(p, &k.Rules); path != nil {
		d.line(term.Indent(strings.Join(path, " > "), 4, explainWidth))
	}
}

// tests prints every test as a tree of calls, then the candidates.
func (d *decision) tests() {
	s := d.a.style()
	switch {
	case !d.aligned:
		why := "No step can be told: the topology of the machine is not known. Give a host bundle with --host."
		if len(d.res.Host.CPU) > 0 {
			why = "No step can be told: a CPU of this wakeup is not known to the model."
		}
		d.paragraph(why)
		d.line("")
		return
	case len(d.steps) == 0:
		d.paragraph("No test of this path needs to be told.")
		d.line("")
		return
	}
	d.line(s.Bold("the tests") + " (- original alone, + patched alone)")
	var open []string
	at := ""
	parting := d.parting()
	for i := 0; i < len(d.steps); {
		st := &d.steps[i]
		if i == parting {
			d.line(s.Bold("  here the kernels part"))
		}
		rules := &d.res.Original.Rules
		if st.side == onlyPatched {
			rules = &d.res.Patched.Rules
		}
		fn := st.Func
		if st.Kind == place.AskSync && at != "" {
			fn = at // a flag handed down
		}
		if fn != at {
			chain := d.calls(fn, rules)
			for depth, name := range chain {
				if depth >= len(open) || open[depth] != name {
					open = append(open[:min(depth, len(open))], name)
					d.line(st.side.mark() + strings.Repeat(" ", depth) + name + "()")
				}
			}
			open, at = chain, fn
		}
		n := d.alike(i)
		d.test(st, len(open), d.steps[i:i+n])
		i += n
	}
	d.line("")
	o, p := d.candidates(onlyOriginal), d.candidates(onlyPatched)
	if len(o)+len(p) == 0 {
		return
	}
	if slices.Equal(o, p) {
		d.scanned("looked at", o)
	} else {
		d.scanned("- looked at", o)
		d.scanned("+ looked at", p)
	}
	d.line("")
}

// alike counts the steps from i on that ask of one CPU after another whether it
// is idle and get the same answer.
func (d *decision) alike(i int) int {
	first := &d.steps[i]
	if first.Kind != place.AskIdle {
		return 1
	}
	n := 1
	for ; i+n < len(d.steps) && i+n != d.parting(); n++ {
		s := &d.steps[i+n]
		if s.Kind != first.Kind || s.side != first.side || s.Func != first.Func || s.Answer != first.Answer || s.Fact != first.Fact {
			break
		}
	}
	return n
}

// test prints one test, or several alike, with answer and provenance.
func (d *decision) test(s *step, depth int, alike []step) {
	text := say.Test(&s.Step)
	if len(alike) > 1 {
		var cpus []string
		for i := range alike {
			cpus = append(cpus, strconv.Itoa(alike[i].CPU))
		}
		text = "available_idle_cpu of " + strings.Join(cpus, ", ") + ", in this order"
	}
	text += ": " + say.Answer(&s.Step)
	if from := say.Provenance(&s.Step); from != "" {
		text += " [" + from + "]"
	}
	lead := s.side.mark() + strings.Repeat(" ", depth)
	rest := "\n" + s.side.mark() + strings.Repeat(" ", depth)
	line := lead + strings.ReplaceAll(term.Wrap(text, explainWidth-2-depth), "\n", rest)
	st := d.a.style()
	switch s.side {
	case onlyOriginal:
		line = st.Bad(line)
	case onlyPatched:
		line = st.Good(line)
	}
	d.line(line)
}

// scanned lists candidates in order, neighbours alike together.
func (d *decision) scanned(name string, list []candidate) {
	if len(list) == 0 {
		return
	}
	var parts []string
	for i := 0; i < len(list); {
		c := list[i]
		var cpus []string
		for ; i < len(list) && list[i].state == c.state && list[i].open == c.open; i++ {
			cpus = append(cpus, strconv.Itoa(list[i].cpu))
		}
		part := strings.Join(cpus, ", ") + " " + c.state
		if c.open {
			part += " (perhaps)"
		}
		parts = append(parts, part)
	}
	const margin = 13
	d.line(term.Beside(name, strings.Join(parts, "; "), margin, explainWidth))
}

// verdict says in sentences what follows.
func (d *decision) verdict() []string {
	w := d.w
	var out []string
	if w.DivergedSince > 0 {
		out = append(out, fmt.Sprintf("In the patched kernel's world the task is elsewhere since wakeup %d: this is that wakeup's consequence.", w.DivergedSince))
	}
	if d.aligned {
		switch p := d.parting(); {
		case p >= 0:
			out = append(out, fmt.Sprintf("The kernels part in %s.", d.steps[p].Func))
		case len(d.steps) > 0:
			out = append(out, "The kernels do not part: every test and every answer is the same.")
		}
	}
	if d.aligned && !d.res.Isolated.Known() {
		out = append(out, "Which CPUs are isolated is not known: all are taken to be inside the sched domains. Name the isolated ones with --isolated.")
	}
	switch {
	case w.Original.CPU < 0 || w.Patched.CPU < 0:
	case w.Moved == replay.MovedCertain && !w.ModelMiss && w.RecordedCPU >= 0:
		out = append(out, fmt.Sprintf("Whatever made the original choose CPU %d, the patched kernel puts the task elsewhere.", w.RecordedCPU))
	case w.Moved == replay.MovedCertain:
		out = append(out, "Whatever is not known, the patched kernel puts the task elsewhere.")
	case w.Moved == replay.MovedPossible && w.Original.CPU != w.Patched.CPU:
		out = append(out, "The patched kernel most likely puts the task elsewhere; what is not known decides.")
	case w.Moved == replay.MovedPossible:
		out = append(out, "The patched kernel may put the task elsewhere; what is not known decides.")
	default:
		out = append(out, "Both kernels put the task on the same CPU.")
	}
	switch {
	case w.ModelMiss:
		out = append(out, fmt.Sprintf("The model of %s cannot lead to CPU %d, which was recorded: it lacks a fact, or the kernel is another one (schedreplay kernels --explain tells).", d.res.BaselineKernel().Name, w.RecordedCPU))
	case d.aligned && w.RecordedCPU >= 0 && w.Original.CPU >= 0 && w.Original.CPU != w.RecordedCPU && w.Selection:
		out = append(out, fmt.Sprintf("The likeliest answers lead to CPU %d; the tests above are answered so that they lead to CPU %d, which was recorded.", w.Original.CPU, w.RecordedCPU))
	}
	return out
}

// json writes one document.
func (d *decision) json(in *input) {
	var o rows.Object
	o.Begin()
	o.Raw("wakeup", rows.WakeupObjects.AppendJSON(nil, d.w))
	o.Word("wall_time", d.c.clock.rfc3339(d.w.Time))
	o.Word("original", d.res.Original.Name)
	o.Word("patched", d.res.Patched.Name)
	o.Word("baseline", string(d.res.Baseline))
	o.CPUsKnown("affinity", d.affinity)
	o.Key("call_path")
	o.Begin()
	for _, k := range [...]struct {
		key string
		k   *rules.Kernel
		p   *replay.Placed
	}{{"original", d.res.Original, &d.w.Original}, {"patched", d.res.Patched, &d.w.Patched}} {
		if path := d.path(k.p, &k.k.Rules); path != nil {
			o.Words(k.key, path)
		} else {
			o.Null(k.key)
		}
	}
	o.End()
	if d.aligned {
		d.stepsJSON(&o)
	} else {
		o.Null("steps")
		o.Null("parts_at")
		o.Null("candidates")
	}
	o.Bool("partial", in.partial() != nil, true)
	o.End()
	_, _ = d.a.out.Write(o.Line())
}

func (d *decision) stepsJSON(o *rows.Object) {
	o.List("steps")
	for i := range d.steps {
		s := &d.steps[i]
		o.Begin()
		o.Word("kernels", s.side.String())
		o.Word("function", s.Func)
		o.Word("test", say.Test(&s.Step))
		o.Word("answer", say.Answer(&s.Step))
		o.Word("from", say.From(&s.Step))
		o.Bool("open", s.Fact.Open, true)
		o.End()
	}
	o.EndList()
	o.Number("parts_at", int64(d.parting()), d.parting() >= 0)
	o.Key("candidates")
	o.Begin()
	for _, of := range [...]side{onlyOriginal, onlyPatched} {
		o.List(of.String())
		for _, c := range d.candidates(of) {
			o.Begin()
			o.CPU("cpu", c.cpu)
			o.Word("state", c.state)
			o.Bool("open", c.open, true)
			o.End()
		}
		o.EndList()
	}
	o.End()
}
