package fleet

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"schedreplay/findings"
	"schedreplay/replay"
	"schedreplay/stats"
)

func TestTaskKind(t *testing.T) {
	for in, want := range map[string]string{
		"ksmd": "ksmd", "kworker/43:1H": "kworker/*", "kworker/u64:3": "kworker/*", "ksoftirqd/3": "ksoftirqd/*", "irq/27-nvme0q1": "irq/*-nvme0q1",
		"kworker/R-xfs": "kworker/R-xfs", "a/b": "a/b", "pong1": "pong1", "x\xff": "x\ufffd", "": "", "cpuhp/0": "cpuhp/*", "app/7b": "app/7b",
	} {
		if got := TaskKind(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// summary draws a summary as a process would write it.
func summary(t *rapid.T, n, owners int) []byte {
	word := func(label string, list ...string) string { return rapid.SampledFrom(list).Draw(t, label) }
	num := func(label string) int64 { return rapid.Int64Range(0, 1000).Draw(t, label) }
	s := Summary{
		Origin: Origin{Capture: fmt.Sprintf("%064d", n), Name: word("name", "a", "b")}, Host: word("host", "", "web1", "web2"), Kernel: word("kernel", "", "6.1", "4.19"),
		HasFix: rapid.Bool().Draw(t, "fix"), Shape: Shape{CPUs: rapid.IntRange(0, 2).Draw(t, "cpus")}, WindowNS: num("window"), Decisions: num("decisions"),
		Doubts: rapid.SliceOfNDistinct(rapid.SampledFrom(Doubts()), 0, 3, rapid.ID).Draw(t, "doubts"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "causes") {
		c := Cause{Intruder: word("intruder", "", "ksmd", "kworker/*"), How: replay.How(word("how", "wakeup", "migration")), Path: word("path", "", "idle-smt"), Kernel: s.Kernel, HasFix: s.HasFix, Shape: s.Shape}
		s.Causes = mergeHarms(s.Causes, []Harm{{c, findings.Held{Entries: findings.Entries{Wakeup: num("entries")}, NS: num("ns"), Runs: 1}}})
	}
	for range rapid.IntRange(0, owners).Draw(t, "owners") {
		one := func(label string) stats.Dist {
			return distOf(num(label)+1, 3)
		}
		s.Owners = mergeOwners(s.Owners, []Owner{{word("owner", "pmd", "dpdk"), one("delay"), one("intruded"), one("gaps")}})
	}
	for range rapid.IntRange(0, 3).Draw(t, "sources") {
		x := Source{Kind: word("kind", "tick", "softirq", "another"), Name: word("source", "", "RCU", "local_timer"), Count: 1, NS: num("took"), LongestNS: num("longest")}
		s.Noise.merge(&Noise{[]Source{x}, map[string]int64{x.Kind: num("told")}})
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func fleetOf(t *rapid.T, list [][]byte) *Fleet {
	f := &Fleet{}
	for _, b := range list {
		s := new(Summary)
		if err := json.Unmarshal(b, s); err != nil {
			t.Fatal(err)
		}
		f.Add(s)
	}
	return f
}

// In whatever order and grouping recordings are added up, also by way of JSON as between
// the workers of an engine, the fleet and its answer are the same.
func TestFleetMergesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list [][]byte
		for i := range rapid.IntRange(0, 4).Draw(t, "n") {
			list = append(list, summary(t, i, 1))
		}
		one := fleetOf(t, list)
		shuffled := rapid.Permutation(list).Draw(t, "order")
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		b, err := json.Marshal(fleetOf(t, shuffled[:cut]))
		two := new(Fleet)
		if err == nil {
			err = json.Unmarshal(b, two)
		}
		if err != nil {
			t.Fatal(err)
		}
		two.Merge(fleetOf(t, shuffled[cut:]))
		text := func(f *Fleet) string {
			b, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		if d := cmp.Diff(text(one), text(two)); d != "" {
			t.Fatalf("the fleets differ: %s", d)
		}
		x, err1 := json.Marshal(one.Answer(nil))
		y, err2 := json.Marshal(two.Answer(nil))
		if err1 != nil || err2 != nil || string(x) != string(y) {
			t.Fatalf("the answers differ (%v %v): %s", err1, err2, cmp.Diff(string(x), string(y)))
		}
	})
}

// What an answer sums up over causes, hosts and kernels is the same sum.
func TestAnswerAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list [][]byte
		for i := range rapid.IntRange(1, 6).Draw(t, "n") {
			list = append(list, summary(t, i, 0))
		}
		f := fleetOf(t, list)
		a := f.Answer([]Input{{Path: "b", Dead: &DeadLetter{Path: "b"}}, {}, {Path: "a", Dead: &DeadLetter{Path: "a"}}})
		var causes, intruders, kernels findings.Held
		for i := range a.Causes {
			causes.Merge(&a.Causes[i].Held)
		}
		for i := range a.Intruders {
			intruders.Merge(&a.Intruders[i].Held)
		}
		captures := int64(0)
		for i := range a.Kernels {
			kernels.Merge(&a.Kernels[i].Held)
			captures += a.Kernels[i].Captures
		}
		if causes.NS != intruders.NS || causes.NS != kernels.NS || captures != a.Captures || a.Captures != int64(len(list)) {
			t.Fatalf("%d ns by causes, %d by intruders, %d by kernels; %d captures by kernel of %d", causes.NS, intruders.NS, kernels.NS, captures, len(list))
		}
		var byKind, byHost int64
		for i := range a.Noise {
			byKind += a.Noise[i].NS
		}
		for i := range a.HostNoise {
			byHost += a.HostNoise[i].NS
		}
		if byKind != byHost {
			t.Fatalf("%d ns of noise by kind, %d by host", byKind, byHost)
		}
		for i := 1; i < len(a.Hosts); i++ {
			if a.Hosts[i-1].Share() < a.Hosts[i].Share() {
				t.Fatal("the hosts are out of order")
			}
		}
		if a.Dead[0].Path != "a" {
			t.Fatal("the dead letters are out of order")
		}
	})
}

func TestSettle(t *testing.T) {
	got := ""
	list := Settle([]Claim{{Path: "a", Capture: "c", Digest: "1", Partial: "cut"}, {Path: "b", Digest: "1"}, {Path: "c", Digest: "2"}, {Path: "d", Digest: "1"}})
	for i := range list {
		got += list[i].Path + " " + list[i].Outcome()
		if d := list[i].Dead; d != nil {
			got += " " + string(d.End) + " " + d.Line
		}
		got += "\n"
	}
	if d := cmp.Diff("a partial\nb same\nc dead clash a\nd same\n", got); d != "" {
		t.Error(d)
	}
}

// distOf holds n durations of ns.
func distOf(ns int64, n int) (d stats.Dist) {
	for range n {
		d.Add(ns)
	}
	return d
}

// An owner that never sleeps has gaps and no delays: it counts for its host's longest wait and
// p99, and ranks among the others by them.
func TestAnswerGaps(t *testing.T) {
	f := &Fleet{}
	f.Add(&Summary{Host: "sleeps", Owners: []Owner{{Name: "pmd", Delays: distOf(5_000, 200)}}})
	f.Add(&Summary{Host: "polls", Owners: []Owner{{Name: "poll", Delays: distOf(10, 1), Gaps: distOf(9_000, 300)}}})
	a := f.Answer(nil)
	if a.Owners[0].Name != "poll" || a.Owners[1].Name != "pmd" {
		t.Errorf("owners %+v", a.Owners)
	}
	if a.Delays.Count() != 201 || a.Gaps.Count() != 300 || a.Gaps.Max() != 9_000 {
		t.Errorf("%d delays, %d gaps", a.Delays.Count(), a.Gaps.Count())
	}
	for _, h := range a.Hosts {
		want := map[string]int64{"sleeps": 5_000, "polls": 9_000}[h.Name]
		if h.Longest != want || !h.P99Known || h.P99 > want || h.P99 < want*99/100 {
			t.Errorf("%s: longest %d, p99 %d %v", h.Name, h.Longest, h.P99, h.P99Known)
		}
	}
}

// Noise ranks by the share of the time of which a host's recordings tell of the kind; a host
// that does not tell has no share, and a source of the same name on another host adds up.
func TestAnswerNoise(t *testing.T) {
	f := &Fleet{}
	for _, h := range []struct {
		host     string
		ns, told int64
	}{{"quiet", 5, 1000}, {"loud", 300, 1000}, {"blind", 7, 0}, {"loud", 100, 1000}} {
		n := Noise{Sources: []Source{{Kind: "softirq", Name: "RCU", Count: 1, NS: h.ns, LongestNS: h.ns, OwnerNS: h.ns, OwnedNS: h.ns}}, ToldNS: map[string]int64{}}
		if h.told > 0 {
			n.ToldNS["softirq"] = h.told
		}
		f.Add(&Summary{Origin: Origin{Capture: h.host}, Host: h.host, Noise: n})
	}
	a := f.Answer(nil)
	got := ""
	for i := range a.HostNoise {
		k := &a.HostNoise[i]
		share, known := k.Share()
		got += fmt.Sprintf("%s %s %d %v %v; ", k.Host.Name, k.Kind, k.NS, share, known)
	}
	if want := "loud softirq 400 0.2 true; quiet softirq 5 0.005 true; blind softirq 7 0 false; "; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	k := a.Noise[replay.NoiseSoftirq]
	if owner, known := k.Owner(); k.NS != 412 || k.ToldNS != 3000 || k.Hosts != 2 || k.Hit != 3 || k.LongestNS != 300 || k.Worst.Name != "loud" || k.Most.Name != "RCU" || owner != 412 || !known {
		t.Errorf("%+v", k)
	}
	if k := a.Noise[replay.NoiseTick]; k.Hosts != 0 || k.Hit != 0 || k.Most != nil {
		t.Errorf("%+v", k)
	}
}

// Whatever stands where a summary or a fleet is looked for, it is one, or an error.
func FuzzUnmarshal(f *testing.F) {
	s := Summary{Origin: Origin{Capture: "1", Name: "a"}, Host: "web1", Kernel: "6.1", WindowNS: 9, Doubts: Doubts()[:1], Causes: []Harm{{Cause{Intruder: "ksmd"}, findings.Held{NS: 3, Runs: 1}}}}
	s.Owners = []Owner{{"pmd", distOf(5, 1), distOf(3, 2), stats.Dist{}}}
	s.Noise = Noise{[]Source{{Kind: "tick", Count: 1, NS: 5}}, map[string]int64{"tick": 9}}
	one := &Fleet{}
	one.Add(&s)
	for _, v := range []any{&s, one, nil, []any{nil}, []any{map[string]any{"owners": []any{nil}, "causes": []any{nil}, "kernels": nil}}} {
		b, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		all, some, s := &Fleet{}, &Fleet{}, new(Summary)
		if json.Unmarshal(b, s) == nil {
			all.Add(s)
		}
		if json.Unmarshal(b, some) == nil {
			all.Merge(some)
		}
		_ = all.Answer(nil)
		out, err := json.Marshal(all)
		if err == nil {
			err = json.Unmarshal(out, new(Fleet))
		}
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
	})
}
