package say

import (
	"strings"
	"testing"

	"schedreplay/fact"
	"schedreplay/kernelmodel/rules"
	"schedreplay/kernelmodel/topo"
	"schedreplay/loop"
	"schedreplay/parser"
	"schedreplay/replay"
)

// Each remark on a KERNEL has a sentence, told once.
func TestKernelNotes(t *testing.T) {
	for in, want := range map[string]string{
		"6.1.83+smt-span": "6.1.83 has smt-span already.",
		"6.1.0-core-span": "6.1.0 lacks core-span already.",
		"4.18.0-553.el8":  "4.18.0-553.el8 is a vendor release: it is taken as mainline 4.18, and the vendor's backports may differ.",
		"6.1.0-18-amd64":  "The point release of 6.1.0-18-amd64 is not known; /proc/version would tell it.",
		"99.1":            "99.1 is newer than",
	} {
		k, err := rules.ParseKernel(in, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := KernelNotes(k, nil, k); len(got) != 1 || !strings.HasPrefix(Plain(got[0]), want) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
		head := Headline(&replay.Result{Original: k, Patched: k, Baseline: replay.RoleOriginal})
		if first := len(head) > 0 && head[0] == KernelNote(k.Notes[0]); first != k.Newer() {
			t.Errorf("%s: newer than the table %v, the headline is %q", in, k.Newer(), head)
		}
	}
	k, err := rules.ParseKernel("6.1.0-18-amd64", "Debian 6.1.76-1")
	if err != nil {
		t.Fatal(err)
	}
	if got := KernelNotes(k); len(got) != 1 || Plain(got[0]) != "6.1.0-18-amd64 is 6.1.76 by /proc/version." {
		t.Errorf("%q", got)
	}
}

func TestDomainNotes(t *testing.T) {
	a, b := DomainNote(topo.Note{Kind: topo.NoteDistances, Within: 10, Between: 20}), DomainNote(topo.Note{Kind: topo.NoteOverlap, Level: "MC"})
	if !strings.Contains(a, "10 within a node and 20") || !strings.Contains(b, "the MC masks") {
		t.Errorf("%q, %q", a, b)
	}
}

// An owner whose control group was throttled is told so, as something that may be.
func TestThrottledOwner(t *testing.T) {
	res := &replay.Result{
		CPUs: []*replay.CPUResult{{CPU: 3, Owner: &replay.TaskRef{PID: 7, Comm: "pmd"}}, {CPU: 4}},
		Host: &parser.Host{
			Task:    map[int32]parser.TaskInfo{7: {Comm: "pmd", Cgroup: fact.Seen("/a.slice/b.scope", "")}},
			Cgroups: parser.Cgroups{Info: map[string]parser.CgroupInfo{"/a.slice": {Throttled: fact.Seen(int64(4), ""), ThrottledNS: fact.Seen(int64(1500), "")}}},
		},
	}
	want := "The CPU limit of control group /a.slice stopped its tasks 4 times since it was made, for 1.50 µs in all. " +
		"pmd (pid 7) is one of them: the limit may be the cause of a delay, and no event of the recording shows it."
	if got := Notes(res); len(got) != 1 || Plain(got[0]) != want {
		t.Errorf("%q", got)
	}
	res.Host.Cgroups.Info["/a.slice"] = parser.CgroupInfo{Throttled: fact.Seen(int64(0), "")}
	if got := Notes(res); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// Where a task comes early in the starts of the closed loop's runs, it is not said to come as
// recorded.
func TestTrustStarts(t *testing.T) {
	for early, want := range map[int]string{0: "come to an isolated CPU as recorded.", 2: "In 2 of those it comes so early"} {
		text := strings.Join(Trust(&loop.Trust{Starts: loop.Starts{PID: 7, Comm: "ksmd", Drawn: 24, Entered: 9, Early: early}}), "\n")
		if !strings.Contains(text, want) || early > 0 && strings.Contains(text, "CPU as recorded") {
			t.Errorf("%d early: %s", early, text)
		}
	}
}
