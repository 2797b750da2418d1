package report

import (
	"cmp"
	"fmt"
	"slices"

	"schedreplay/cpumask"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/plots"
	"schedreplay/replay"
)

func landingSection(f *findings.Findings, figs *plots.Set) section {
	res := f.Result
	s := section{ID: "landing", Title: "Where wakeups land", Level: 2}
	for _, g := range figs.Landing {
		s.figure(g, "")
	}
	s.figure(nil, figs.NoLanding)
	iso, _ := res.Isolated.Get()
	for i, l := range res.Landings {
		if i == plots.MaxLandings {
			s.text(fmt.Sprintf("The landings of %s are in report.json.", say.Counted(int64(len(res.Landings)-i), "more task")))
			break
		}
		s.table(landingTable(l, iso))
	}
	if figs.Matrix != nil {
		s.figure(figs.Matrix, "")
		s.table(routesTable(f))
	}
	s.table(migrationsTable(res))
	return s
}

// migrationsTable lists the recorded migrations by what made them.
func migrationsTable(res *replay.Result) *table {
	t := &table{
		Caption: "All recorded migrations, by what moved the task",
		Cols:    cols("Moved by", "#Migrations", "#Tasks", "#To isolated CPUs"),
		Note:    "Newidle, periodic and NOHZ balancing move tasks within sched domains alone: an isolated CPU that they reach is not isolated. The stopper moves for active balance, affinity, NUMA and exec.",
	}
	_, known := res.Isolated.Get()
	for i := range res.Migrations {
		m := &res.Migrations[i]
		isolated := "not known"
		if known {
			isolated = say.Count(m.Isolated)
		}
		t.fixed(say.MoverName(m.By), say.Count(m.Count), say.Count(int64(m.Tasks())), isolated)
	}
	return t
}

// routesTable is the matrix in numbers: the routes onto isolated CPUs, then the
// commonest.
func routesTable(f *findings.Findings) *table {
	iso, _ := f.Result.Isolated.Get()
	t := &table{
		Caption: "Wakeups by the CPU before and the CPU chosen, those onto isolated CPUs first", Short: maxShorterRows,
		Cols: cols("#Before", "#Chosen", "Onto an isolated CPU", "#Recorded", "#Original", "#Patched"),
	}
	for _, r := range capped(t, f.Routes.Sorted(iso, 0), maxRouteRows, "And %s of CPUs.", "more pair") {
		n, from, to := f.Routes.N[r], key(int64(r.From)), key(int64(r.To))
		t.row(val{from, from}, val{to, to}, word(yesNo(iso.Test(int(r.To)))), count(n[0]), count(n[1]), count(n[2]))
	}
	return t
}

func yesNo(yes bool) string { return map[bool]string{true: "yes", false: "no"}[yes] }

func landingTable(l *replay.Landing, iso cpumask.Mask) *table {
	var used cpumask.Mask
	for _, m := range []map[int]int64{l.Recorded, l.Original, l.Patched} {
		for cpu := range m {
			used.Set(cpu)
		}
	}
	cpus := used.Slice()
	slices.SortStableFunc(cpus, func(a, b int) int {
		return cmp.Or(iso.Compare(a, b), cmp.Compare(l.Recorded[b]+l.Patched[b], l.Recorded[a]+l.Patched[a]))
	})
	t := &table{
		Caption: fmt.Sprintf("Where the wakeups of %s land; run time as recorded", say.TaskName(l.Task)),
		Cols:    cols("#CPU", "#Recorded", "#Original", "#Patched", "#Ran"),
	}
	for _, cpu := range capped(t, cpus, maxLandingRows, "And %s.", "more CPU") {
		name := fmt.Sprint(cpu)
		if iso.Test(cpu) {
			name += " (isolated)"
		}
		t.fixed(name, say.Count(l.Recorded[cpu]), say.Count(l.Original[cpu]), say.Count(l.Patched[cpu]), say.Duration(l.RecordedRunNS[cpu]))
	}
	return t
}

// changesSection is the patch's blast radius.
func changesSection(f *findings.Findings) section {
	res := f.Result
	s := section{ID: "changes", Title: "What else the patch changes", Level: 2}
	switch {
	case res.Patched == nil:
		return s
	case !f.TopologyKnown():
		s.text("What the patch changes is not known, since the machine’s topology is not.")
		return s
	case res.MovedCertain+res.MovedPossible == 0:
		s.text("The patch changes no wakeup of this recording.")
		return s
	}
	s.Blocks = append(s.Blocks, para(fmt.Sprintf("Of %s placed, the kernels choose different CPUs in %s for certain and in %s possibly, each in its own world.",
		say.Counted(res.Wakeups, "wakeup"), say.Count(res.MovedCertain), say.Count(res.MovedPossible))))
	for _, t := range []*table{effectsTable(f), movedTable(f), turnsTable(f), examplesTable(f)} {
		s.table(t)
	}
	return s
}

// movedTable lists the tasks whose wakeups change.
func movedTable(f *findings.Findings) *table {
	t := &table{
		Caption: "By task", Short: maxShortRows,
		Cols: cols("Task", "#Certain", "#Possible", "#Leave isolation", "#Enter isolation", "#Lose an idle CPU", "#Gain an idle CPU", "#As good", "#Alike"),
	}
	for _, m := range capped(t, f.Result.Moved, maxTaskRows, "And %s; each changed wakeup is in wakeups.csv.", "more task") {
		row := []val{word(say.TaskName(m.Task)), count(m.Certain), count(m.Possible)}
		by := f.Changes.Effects[m.Task.PID]
		if by == nil {
			by = new([findings.Effects]findings.Count)
		}
		for _, n := range by {
			row = append(row, count(n.Certain+n.Possible))
		}
		t.row(row...)
	}
	return t
}

// turnsTable lists how the CPU is found under either kernel where that changes.
func turnsTable(f *findings.Findings) *table {
	t := &table{
		Caption: "By how the CPU is found", Short: maxShortRows,
		Cols: cols("Original path", "Patched path", "#Certain", "#Possible"),
	}
	for _, r := range f.Changes.Turns[:min(len(f.Changes.Turns), maxTaskRows)] {
		t.row(word(string(r.From)), word(string(r.To)), count(r.Certain), count(r.Possible))
	}
	return t
}

// examplesTable lists the first changed wakeups.
func examplesTable(f *findings.Findings) *table {
	t := &table{
		Caption: "The first changed wakeups of each kind, certain ones first", Short: maxShortRows,
		Cols: cols("#Wakeup", "#Time", "Task", "It", "Sure", "#Recorded", "Original", "Patched"),
		Note: "All of them are in wakeups.csv.",
	}
	for i, sure := range [2]*[findings.Effects][]findings.Example{&f.Changes.Certain, &f.Changes.Possible} {
		for e := range findings.Effects {
			what, _ := say.Effect(e)
			for _, x := range sure[e] {
				t.row(count(x.N), clock(x.Time), word(say.TaskName(x.Task)), word(what), word([2]string{"certain", "possible"}[i]),
					val{say.CPUOr(x.Recorded), key(int64(x.Recorded))}, word(say.CPUPath(x.From, x.Turn.From)), word(say.CPUPath(x.To, x.Turn.To)))
			}
		}
	}
	return t
}

// effectsTable says what the changes mean, for the intruders and for others.
func effectsTable(f *findings.Findings) *table {
	t := &table{
		Caption: "What the changes mean, good and bad",
		Cols:    cols("The wakeup", "That is", "#Intruders’, certain", "#possible", "#Others’, certain", "#possible"),
		Note:    "An idle CPU is lost or gained as the model finds it; how long the task then waits is not computed.",
	}
	intruder := map[int32]bool{}
	for _, k := range f.CPUs {
		for _, h := range k.Tasks {
			intruder[h.Task.PID] = true
		}
	}
	var sum [findings.Effects][2]findings.Count
	for pid, by := range f.Changes.Effects {
		i := 1
		if intruder[pid] {
			i = 0
		}
		for e, n := range by {
			sum[e][i].Certain += n.Certain
			sum[e][i].Possible += n.Possible
		}
	}
	for e := range findings.Effects {
		what, judged := say.Effect(e)
		n := &sum[e]
		t.fixed(what, judged, say.Count(n[0].Certain), say.Count(n[0].Possible), say.Count(n[1].Certain), say.Count(n[1].Possible))
	}
	return t
}
