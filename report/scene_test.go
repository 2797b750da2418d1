package report

import (
	"cmp"
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel/explore"
	"schedreplay/kernelmodel/place"
	"schedreplay/kernelmodel/rules"
	"schedreplay/parser"
	"schedreplay/replay"
)

// scene is a made-up replay: the stream an observer is shown and the result
// that goes with it.
type scene struct {
	res     *replay.Result
	wakeups []replay.Wakeup
	runs    []replay.Slice
	near    []replay.Slice
	help    Helper
}

func (s *scene) play(o replay.Observer) *replay.Result {
	if o.Begin != nil {
		o.Begin(s.res)
	}
	if o.Wakeup == nil {
		o.Wakeup = func(*replay.Wakeup) {}
	}
	// In order of time, as replay does: wakeups and runs interleave.
	i, near := 0, s.near
	for r := range s.runs {
		for o.Near != nil && len(near) > 0 && near[0].End <= s.runs[r].End {
			o.Near(&near[0])
			near = near[1:]
		}
		for i < len(s.wakeups) && s.wakeups[i].Time <= s.runs[r].End {
			o.Wakeup(&s.wakeups[i])
			i++
		}
		o.Run(&s.runs[r])
	}
	for ; i < len(s.wakeups); i++ {
		o.Wakeup(&s.wakeups[i])
	}
	return s.res
}

// lcg is a random number generator that no library changes under us.
type lcg uint64

func (l *lcg) next(n int64) int64 {
	*l = *l*6364136223846793005 + 1442695040888963407
	return int64(uint64(*l)>>33) % n
}

func mustKernel(name string) *rules.Kernel {
	k, err := rules.ParseKernel(name, "")
	if err != nil {
		panic(err)
	}
	return k
}

// makeHost is a machine of n CPUs: cores of two threads, LLCs of llc CPUs.
func makeHost(n, llc int, isolated cpumask.Mask) *parser.Host {
	h := &parser.Host{
		Release:  fact.Seen("6.1.192", "/proc/version"),
		Arch:     fact.Seen("x86_64", "uname"),
		Possible: fact.Seen(cpumask.Range(0, n-1), "/sys/devices/system/cpu/possible"),
		Isolated: fact.Seen(isolated, "isolcpus= of /proc/cmdline"),
		Cmdline:  fact.Seen("root=/dev/vda isolcpus="+isolated.String(), "/proc/cmdline"),
		Task:     map[int32]parser.TaskInfo{},
	}
	for c := range n {
		h.CPU = append(h.CPU, parser.CPUInfo{
			Known: true, Siblings: cpumask.Range(c&^1, c|1), LLC: cpumask.Range(c/llc*llc, min(n, c/llc*llc+llc)-1),
			LLCLevel: 3, CoreID: c / 2, PackageID: c / llc,
		})
	}
	return h
}

func newResult(host *parser.Host, start, end int64) *replay.Result {
	return &replay.Result{
		Meta:     &parser.Meta{Name: "captures/ftrace.txt.gz", Dialect: parser.DialectFtrace, Resolution: 1000, Clock: parser.Clock{Name: "mono"}, HasWakings: true, Host: host},
		Host:     host,
		Original: mustKernel("6.1.192-smt-span"), Patched: mustKernel("6.1.192"), KernelsFrom: fact.Reconstructed,
		Start: start, End: end,
		Recorded: cpumask.Range(0, max(0, len(host.CPU)-1)), Isolated: host.Isolated,
		Fidelity: replay.Fidelity{
			Decisions: 5012, Exact: 4571, Covered: 4987, PossibleSum: 9001, Unjudged: 3,
			Paths: []replay.PathScore{
				{Path: place.PathTargetIdle, Decisions: 2100, Exact: 2043, Covered: 2100},
				{Path: place.PathIdleSMT, Decisions: 120, Exact: 101, Covered: 119},
				{Path: place.PathIdleCPU, Decisions: 2792, Exact: 2427, Covered: 2768},
			},
		},
		Wakeups: 5844,
		Events:  map[parser.Kind]int64{parser.KindSwitch: 18211, parser.KindWaking: 5844, parser.KindWakeup: 5844, parser.KindMigrate: 711},
	}
}

func placed(cpu, prev int, p place.Path) replay.Placed {
	return replay.Placed{CPU: cpu, Possible: cpumask.Of(cpu), Bounded: true, Path: p, Prev: prev, From: fact.Reconstructed}
}

// spec says what a scene is like.
type spec struct {
	cpu            int   // the isolated CPU
	start, length  int64 // ns
	owner          replay.TaskRef
	ownerOn        int64 // ns it polls
	ownerOff       int64 // ns it naps
	intruder       replay.TaskRef
	enter          int64 // when, from start; -1: never; 0: resident
	every, runs    int64 // period, and length of a run, in ns
	maxRuns        int64
	how            replay.How
	patched        replay.Moved
	host           *parser.Host
	extraIntruders int
}

var (
	pmd  = replay.TaskRef{PID: 708, Comm: "pmd-c", Prio: 120}
	ksmd = replay.TaskRef{PID: 240, Comm: "ksmd", Prio: 125}
	pong = replay.TaskRef{PID: 707, Comm: "pong1", Prio: 120}
)

func incidentSpec() spec {
	return spec{
		cpu: 43, start: 24_112_004_000, length: 4_001_337_000, owner: pmd, ownerOn: 300_000, ownerOff: 400_000,
		intruder: ksmd, enter: 457_906_000, every: 16_400_000, runs: 4_900_000, maxRuns: 1 << 40,
		how: replay.CameByWakeup, patched: replay.MovedNo, host: makeHost(44, 4, cpumask.Of(43)),
	}
}

// build makes a scene: the owner polls and naps; the intruder comes and shares
// the CPU with it, each slice of the owner after a foreign one being late.
func build(sp spec) *scene {
	rng := lcg(7)
	end := sp.start + sp.length
	res := newResult(sp.host, sp.start, end)
	s := &scene{res: res}
	c := &replay.CPUResult{
		CPU: sp.cpu, OwnerFrom: fact.Observed, Time: map[replay.Class]int64{},
	}
	if sp.owner.PID > 0 {
		o := sp.owner
		c.Owner = &o
	}
	res.CPUs, res.Focus = []*replay.CPUResult{c}, []int{sp.cpu}
	add := func(r replay.Slice) {
		r.CPU = sp.cpu
		s.runs = append(s.runs, r)
		c.Time[r.Class] += r.End - r.Start
	}
	none := replay.Slice{Stay: -1, Delay: parser.NoTime, Gap: parser.NoTime, Patched: replay.MovedNo}
	var stays []*replay.Stay
	type next struct{ at int64 }
	var intr []next
	if sp.enter >= 0 {
		for i := range sp.extraIntruders + 1 {
			t := sp.intruder
			if i > 0 {
				t.PID, t.Comm = t.PID+int32(i), fmt.Sprintf("%s/%d", "kworker-odd", i)
			}
			st := &replay.Stay{
				CPU: sp.cpu, Task: t, Class: replay.ClassForeign, How: sp.how, FromCPU: sp.cpu - 1,
				Arrived: sp.start + sp.enter + int64(i)*sp.length/50, Left: parser.NoTime,
			}
			if sp.how == replay.CameByWakeup {
				w := replay.Wakeup{
					N: 9 + int64(i), Time: st.Arrived, Task: t, Waker: pong, WakerContext: replay.WakerSoftirq, WakerCPU: sp.cpu - 1,
					PrevCPU: sp.cpu - 1, RecordedCPU: sp.cpu, RecordedFrom: fact.Observed, Selection: true, SelectionKnown: true,
					Original: placed(sp.cpu, sp.cpu-1, place.PathIdleSMT), Patched: placed(sp.cpu-1, sp.cpu-1, place.PathTarget),
					Moved: replay.MovedCertain, Isolated: true, IsolatedKnown: true,
				}
				st.Entry = &replay.Entry{Wakeup: w, Path: w.Original.Path, Explanation: explanation(sp.cpu)}
				s.wakeups = append(s.wakeups, w)
			}
			stays = append(stays, st)
			intr = append(intr, next{st.Arrived})
		}
	}
	c.Stays = stays
	t := sp.start
	ownerNext := sp.start
	first := map[int]bool{}
	for t < end {
		// Who is due?
		who, at := -1, ownerNext
		for i := range intr {
			if intr[i].at < at && stays[i].Runs < sp.maxRuns {
				who, at = i, intr[i].at
			}
		}
		if sp.owner.PID == 0 && who < 0 {
			at = end
			for i := range intr {
				if stays[i].Runs < sp.maxRuns && intr[i].at < at {
					who, at = i, intr[i].at
				}
			}
		}
		if at > t {
			r := none
			r.Class, r.Start, r.End = replay.ClassIdle, t, min(at, end)
			r.Task = replay.TaskRef{PID: 0, Comm: "swapper/43"}
			add(r)
			t = r.End
			continue
		}
		r := none
		r.Start = t
		if who >= 0 {
			st := stays[who]
			n := sp.runs/2 + rng.next(sp.runs)
			r.Task, r.Class, r.Stay, r.End, r.Patched = st.Task, replay.ClassForeign, who, min(t+n, end), sp.patched
			if r.End == end {
				r.CutEnd = true
				st.CutRuns++
			}
			st.Runs++
			st.RunNS += r.End - r.Start
			switch sp.patched {
			case replay.MovedCertain:
				st.PatchedRunNS += r.End - r.Start
				st.PatchedRunMaxNS += r.End - r.Start
				st.PatchedCertain++
			case replay.MovedPossible:
				st.PatchedRunMaxNS += r.End - r.Start
				st.PatchedPossible++
			}
			if first[who] || st.How != replay.CameByWakeup {
				st.Wakings++
				st.Selections++
				st.StayedPut++
			}
			first[who] = true
			intr[who].at = t + sp.every - sp.every/10 + rng.next(sp.every/5)
			if intr[who].at < r.End {
				intr[who].at = r.End + 1
			}
		} else {
			r.Task, r.Class = sp.owner, replay.ClassOwner
			r.End = min(t+sp.ownerOn/2+rng.next(sp.ownerOn), end)
			r.Delay = t - ownerNext + 3_000 + rng.next(9_000)
			if rng.next(200) == 0 {
				r.Delay += rng.next(90_000)
			}
			r.Intruded = t-ownerNext > 0 && len(s.runs) > 0 && s.runs[len(s.runs)-1].Class == replay.ClassForeign
			if r.Intruded {
				last := &s.runs[len(s.runs)-1]
				st := stays[last.Stay]
				st.DelayedOwner++
				st.DelayedOwnerNS += r.Delay
				r.Parts = []replay.Part{{Cause: replay.CauseForeign, Task: last.Task, NS: r.Delay}}
			} else {
				r.Parts = []replay.Part{{Cause: replay.CauseIdle, Task: replay.TaskRef{PID: parser.NoPID}, NS: r.Delay}}
			}
			c.Waits[replay.SchDelay].Add(r.Delay, r.Delay, t, r.Intruded, r.Parts)
			ownerNext = r.End + sp.ownerOff/2 + rng.next(sp.ownerOff)
		}
		add(r)
		t = r.End
	}
	for i := range stays {
		st := stays[i]
		rec := map[int]int64{sp.cpu: st.Selections + 1, sp.cpu - 1: 3, 0: 2, 7: 11}
		pat := map[int]int64{sp.cpu - 1: 41, 0: 58, 7: 33, 12: st.Selections / 2, 30: 12}
		if sp.patched == replay.MovedCertain {
			pat = rec
		}
		res.Landings = append(res.Landings, &replay.Landing{Task: st.Task, Recorded: rec, Original: rec, Patched: pat})
	}
	for i := range 20 {
		moved := replay.MovedCertain
		if i%3 == 0 {
			moved = replay.MovedPossible
		}
		s.wakeups = append(s.wakeups, replay.Wakeup{
			N: 100 + int64(i), Time: sp.start + int64(i+30)*sp.length/60, Task: pong, Waker: ksmd, WakerContext: replay.WakerTask, WakerCPU: 2,
			PrevCPU: 3, RecordedCPU: i % max(len(sp.host.CPU), 1), Selection: true, SelectionKnown: true,
			Original: placed(i%max(len(sp.host.CPU), 1), 3, place.PathIdleSMT), Patched: placed(2, 3, place.PathTarget), Moved: moved,
		})
		if moved == replay.MovedCertain {
			res.MovedCertain++
		} else {
			res.MovedPossible++
		}
	}
	if len(stays) > 0 && sp.patched == replay.MovedNo && sp.how == replay.CameByWakeup {
		res.MovedCertain += stays[0].Selections + 1
		res.Moved = append(res.Moved, replay.MovedTask{Task: ksmd, Certain: stays[0].Selections + 1, ToHousekeeping: stays[0].Selections + 1})
	}
	res.Moved = append(res.Moved, replay.MovedTask{Task: pong, Certain: 13, Possible: 7, Within: 20})
	res.Unknown = []replay.Unknown{
		{Kind: replay.UnknownAffinity},
		{Kind: replay.UnknownHidden},
	}
	return s
}

func explanation(cpu int) *replay.Explanation {
	step := func(fn string, q place.Question, cpu int, a place.Answer, from fact.Provenance) replay.Step {
		return replay.Step{Step: place.Step{Func: fn, Kind: q, CPU: cpu, Other: cpu - 1, N: 1, M: 4, Answer: a, Fact: explore.Known(a == place.Yes, from)}}
	}
	common := []replay.Step{
		step("select_task_rq_fair", place.AskAffine, cpu-1, place.No, fact.Reconstructed),
		step("select_idle_sibling", place.AskIdle, cpu-1, place.No, fact.Observed),
		step("select_idle_sibling", place.AskRecentUsed, 1, place.Chose, fact.Reconstructed),
		step("select_idle_sibling", place.AskIdleCores, cpu-1, place.No, fact.Estimated),
	}
	common[1].Occupant = replay.Occupant{Task: replay.TaskRef{PID: 701, Comm: "spin 0"}, How: replay.OccupiesQueued, Since: 24_580_000_000}
	return &replay.Explanation{
		Original: append(common[:4:4],
			step("select_idle_smt", place.AskSpan, cpu, place.NotAsked, fact.Observed),
			step("select_idle_smt", place.AskIdle, cpu, place.Yes, fact.Observed)),
		Patched: append(common[:4:4],
			step("select_idle_smt", place.AskSpan, cpu, place.No, fact.Observed),
			step("select_idle_cpu", place.AskBudget, cpu-2, place.No, fact.Estimated)),
	}
}

// scenes are the cases every format must be right for.
func scenes() map[string]*scene {
	m := map[string]*scene{}
	m["incident"] = build(incidentSpec())
	m["incident"].help = closedLoop(m["incident"].res, 8)
	m["incident"].near = []replay.Slice{ // CPU 40 ran one task, CPU 41 two, CPU 42 is not known from a time on
		{CPU: 40, Start: 24_112_004_000, End: 24_600_000_000, Task: replay.TaskRef{PID: 701, Comm: "spin 0"}},
		{CPU: 41, Start: 24_500_000_000, End: 24_575_000_000, Task: replay.TaskRef{PID: 702, Comm: "vm-mem"}},
		{CPU: 41, Start: 24_575_000_000, End: 24_590_000_000, Class: replay.ClassIdle},
		{CPU: 41, Start: 24_590_000_000, End: 24_620_000_000, Task: replay.TaskRef{PID: 703, Comm: "ping0"}},
		{CPU: 42, Start: 24_500_000_000, End: 24_580_000_000, Task: pong},
	}
	slices.SortStableFunc(m["incident"].near, func(a, b replay.Slice) int { return cmp.Compare(a.End, b.End) })

	sp := incidentSpec()
	sp.enter = -1
	m["no-intruder"] = build(sp)

	sp = incidentSpec()
	sp.owner = replay.TaskRef{}
	m["no-owner"] = build(sp)

	sp = incidentSpec()
	sp.maxRuns = 1
	m["one-run"] = build(sp)

	sp = incidentSpec()
	sp.every, sp.runs, sp.length, sp.ownerOn, sp.ownerOff = 160_000, 60_000, 16_000_000_000, 30_000, 40_000
	m["dense"] = build(sp)

	sp = incidentSpec()
	sp.how, sp.enter, sp.patched = replay.CameBefore, 0, replay.MovedCertain
	m["resident"] = build(sp)

	sp = incidentSpec()
	sp.patched, sp.extraIntruders = replay.MovedPossible, 8
	m["possible"] = build(sp)

	sp = incidentSpec()
	sp.owner.Comm, sp.intruder.Comm = "<script>alert(1", "=cmd|'/C calc'!"
	sp.extraIntruders = 3
	h := build(sp)
	hostile := []string{"=cmd|'/C calc'!", "a\n\x1b[31m|b`*_", "\u202e\u05d0\u05d1\u05d2 rtl", "\xff\xfe\xf0wwwwwwwwWWWW", "日本語日本"}
	for i, st := range h.res.CPUs[0].Stays {
		st.Task.Comm = hostile[i]
		if st.Entry != nil {
			st.Entry.Task.Comm = hostile[i]
			st.Entry.Explanation.Original[1].Occupant.Task.Comm = hostile[i]
			st.Entry.Explanation.Patched[1].Occupant.Task.Comm = hostile[i]
			st.Entry.Waker.Comm = "</svg><b>&amp;"
		}
		h.res.Landings[i].Task.Comm = hostile[i]
	}
	for i := range h.runs {
		if s := h.runs[i].Stay; s >= 0 {
			h.runs[i].Task.Comm = hostile[s]
		}
	}
	for i := range h.wakeups {
		h.wakeups[i].Task.Comm = hostile[i%len(hostile)]
	}
	for i := range h.res.Moved {
		h.res.Moved[i].Task.Comm = hostile[i]
	}
	h.res.Settled = replay.Settlement{Fix: replay.FixContradicted, Claimed: h.res.Patched, Contradiction: &replay.Contradiction{Time: 7, Task: replay.TaskRef{PID: 5, Comm: "<i>:compared are</i> |"}, CPU: 43}}
	h.res.Meta.Name = "dir/<img src=x>|\u202e.gz"
	h.help = closedLoop(h.res, 8)
	m["hostile"] = h

	sp = incidentSpec()
	sp.cpu, sp.host = 255, makeHost(256, 16, cpumask.Range(248, 255))
	m["cpus256"] = build(sp)

	sp = incidentSpec()
	sp.start, sp.length, sp.enter, sp.every, sp.runs = 1_780_000_000_123_456_789, 30_000_000, 3_000_000, 2_000_000, 300_000
	m["realtime"] = build(sp)

	return m
}
