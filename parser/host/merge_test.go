package host

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

func ptr(s string) *string { return &s }

func smt8(t testing.TB) *parser.Host {
	t.Helper()
	h, err := Read(t.Context(), "testdata/bundles/smt8-isolated3.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestMergeNothing(t *testing.T) {
	h, err := Merge(nil, nil, Flags{})
	if err != nil || h.Isolated.Known() || h.Possible.Known() || len(h.Notes) > 0 {
		t.Fatalf("%v %v", h, err)
	}
	want := smt8(t)
	got, err := Merge(want, nil, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(dump(want), dump(got)); d != "" {
		t.Errorf("capture alone: %s", d)
	}
	if got, err = Merge(&parser.Host{}, want, Flags{}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(dump(want), dump(got)); d != "" {
		t.Errorf("bundle alone: %s", d)
	}
}

func TestMergeNotes(t *testing.T) {
	capture := func() *parser.Host {
		return &parser.Host{
			Release:  fact.Seen("6.1.190", "perf.data"),
			Possible: fact.Seen(cpumask.Range(0, 7), "perf.data"),
			CPU: []parser.CPUInfo{
				{Known: true, Siblings: cpumask.Of(0, 4), LLC: cpumask.Range(0, 7)},
			},
			Notes: []string{"from the capture"},
		}
	}
	for name, tc := range map[string]struct {
		capture *parser.Host
		flags   Flags
		notes   []string
		check   func(h *parser.Host) string
		want    string
	}{
		"bundle": {
			capture: capture(),
			notes: []string{
				"from the capture",
				`the release "6.1.192" of /proc/sys/kernel/osrelease overrides "6.1.190" of perf.data`,
				"the SMT siblings of CPUs 0 in the host bundle override different ones of the capture",
			},
			check: func(h *parser.Host) string { return h.CPU[0].Siblings.String() + " " + h.Release.Value },
			want:  "0-1 6.1.192",
		},
		"isolated": {
			flags: Flags{Isolated: ptr("4")},
			notes: []string{
				"--isolated 4 overrides 3 of /sys/devices/system/cpu/isolated",
				"the kernel's own sched domains are not used: --isolated states another machine",
			},
			check: func(h *parser.Host) string { return show(h.Isolated) + fmt.Sprint(len(h.Domains)) },
			want:  "4 (observed, --isolated)0",
		},
		"isolated alike": {flags: Flags{Isolated: ptr("3")}, check: func(h *parser.Host) string { return show(h.Isolated) + fmt.Sprint(len(h.Domains)) }, want: "3 (observed, --isolated)8"},
		"none isolated": {
			flags: Flags{Isolated: ptr("")},
			notes: []string{
				`--isolated "" overrides 3 of /sys/devices/system/cpu/isolated`,
				"the kernel's own sched domains are not used: --isolated states another machine",
			},
			check: func(h *parser.Host) string { return show(h.Isolated) }, want: " (observed, --isolated)",
		},
		"release": {
			flags: Flags{Release: "4.19.0"},
			notes: []string{
				`--release 4.19.0 overrides "6.1.192" of /proc/sys/kernel/osrelease`,
				"the kernel's own sched domains are not used: --release states another machine",
			},
			check: func(h *parser.Host) string { return h.Release.Value }, want: "4.19.0",
		},
		"online": {
			flags: Flags{Online: "0-3"},
			notes: []string{
				"--online 0-3 overrides 0-7 of /sys/devices/system/cpu/online",
				"the kernel's own sched domains are not used: --online states another machine",
			},
			check: func(h *parser.Host) string { return h.Online.Value.String() }, want: "0-3",
		},
		"smt and llc": {
			flags: Flags{SMT: "0+2,1+3", LLC: "0-3,4-7"},
			notes: []string{
				"--smt overrides what is known of CPUs 0-3",
				"--llc overrides what is known of CPUs 0-7",
				"the kernel's own sched domains are not used: --llc states another machine",
			},
			check: func(h *parser.Host) string {
				return fmt.Sprint(h.CPU[2].Siblings, h.CPU[4].Siblings, h.CPU[5].LLC)
			},
			want: "0,2 4-5 4-7",
		},
		"affinity": {
			flags: Flags{Affinity: []string{"ksmd=0-2", "a=b=3", "57=1"}},
			notes: []string{
				`--affinity "ksmd"=0-2 overrides what /proc says of 1 tasks`,
				`--affinity 57=1 overrides what /proc says of 1 tasks`,
			},
			check: func(h *parser.Host) string {
				return fmt.Sprint(show(h.Task[58].Affinity), h.Task[57].Affinity.Value, h.Stated)
			},
			want: "0-2 (observed, --affinity)1 [{ksmd -1 0-2} {a=b -1 3} { 57 1}]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := smt8(t)
			before := dump(b)
			h, err := Merge(tc.capture, b, tc.flags)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.notes, h.Notes); d != "" && len(tc.notes)+len(h.Notes) > 0 {
				t.Errorf("notes: -want +got:\n%s", d)
			}
			if got := tc.check(h); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if dump(b) != before {
				t.Error("the bundle was changed")
			}
		})
	}
}

// Isolation of a command line follows the release that a flag states.
func TestMergeRereadsCmdline(t *testing.T) {
	b := readEntries(t, files("proc/cmdline", "isolcpus=foo,2", "proc/sys/kernel/osrelease", "5.10.0", "sys/devices/system/cpu/possible", "0-3")...)
	if b.Isolated.Value.String() != "2" {
		t.Fatal(show(b.Isolated))
	}
	h, err := Merge(nil, b, Flags{Release: "5.4.0"})
	if err != nil || !h.Isolated.Value.Empty() || !h.Isolated.Known() {
		t.Errorf("%s %v", show(h.Isolated), err)
	}
	// And a capture may know the release that the bundle lacks.
	b = readEntries(t, files("proc/cmdline", "isolcpus=2")...)
	if h, err = Merge(&parser.Host{Release: fact.Seen("6.1.0", "perf.data")}, b, Flags{}); err != nil || h.Isolated.Value.String() != "2" {
		t.Errorf("%s %v", show(h.Isolated), err)
	}
}

func TestMergeDomainsSpans(t *testing.T) {
	capture := &parser.Host{Domains: map[int][]parser.DomainInfo{0: {{Name: "SMT", Span: cpumask.Range(0, 1)}, {Span: cpumask.Range(0, 7)}}}}
	h, err := Merge(capture, smt8(t), Flags{})
	if err != nil {
		t.Fatal(err)
	}
	if d := h.Domains[0]; d[0].Span.String() != "0-1" || d[1].Span.String() != "0-7" || d[1].Name != "MC" || d[1].ImbalancePct != 117 {
		t.Errorf("%+v", d)
	}
}

func TestFlagErrors(t *testing.T) {
	for name, tc := range map[string]struct {
		flags Flags
		want  error
		text  string
	}{
		"beyond":           {Flags{Isolated: ptr("43")}, ErrContradiction, "--isolated 43 names CPU 43, but the machine has CPUs 0-7"},
		"malformed":        {Flags{Isolated: ptr("x")}, ErrFlag, "--isolated"},
		"far beyond":       {Flags{Isolated: ptr("99999999")}, ErrFlag, "beyond"},
		"online beyond":    {Flags{Online: "0-8"}, ErrContradiction, "--online"},
		"online none":      {Flags{Online: ","}, ErrFlag, "names no CPU"},
		"smt beyond":       {Flags{SMT: "0+8"}, ErrContradiction, "--smt"},
		"smt twice":        {Flags{SMT: "0-1,1-2"}, ErrFlag, "CPU 1 is in two groups"},
		"smt empty group":  {Flags{SMT: "0+1,,2"}, ErrFlag, "empty group"},
		"smt malformed":    {Flags{SMT: "0/1"}, ErrFlag, "not a CPU number"},
		"llc beyond":       {Flags{LLC: "0-7,8-15"}, ErrContradiction, "--llc"},
		"affinity no list": {Flags{Affinity: []string{"ksmd"}}, ErrFlag, "NAME=CPULIST"},
		"affinity no name": {Flags{Affinity: []string{"=3"}}, ErrFlag, "NAME=CPULIST"},
		"affinity empty":   {Flags{Affinity: []string{"ksmd="}}, ErrFlag, "names no CPU"},
		"affinity beyond":  {Flags{Affinity: []string{"ksmd=8"}}, ErrContradiction, "--affinity"},
	} {
		_, err := Merge(nil, smt8(t), tc.flags)
		if !errors.Is(err, tc.want) || !strings.Contains(fmt.Sprint(err), tc.text) {
			t.Errorf("%s: %v, want %v with %q", name, err, tc.want, tc.text)
		}
	}
	// Without a known machine, any number goes.
	if h, err := Merge(nil, nil, Flags{Isolated: ptr("43"), SMT: "42-43"}); err != nil || h.CPU[43].Siblings.String() != "42-43" || h.CPU[0].Known {
		t.Errorf("%v %v", h, err)
	}
}

func TestCheck(t *testing.T) {
	b := smt8(t)
	kthreads := map[int32]string{}
	for pid := int32(100); pid < 120; pid++ {
		b.Task[pid] = parser.TaskInfo{PID: pid, Comm: fmt.Sprintf("kthread/%d", pid), Kthread: fact.Seen(true, "x")}
		kthreads[pid] = fmt.Sprintf("kthread/%d", pid)
	}
	other := map[int32]string{}
	for pid := range kthreads {
		other[pid] = "other"
	}
	one := map[int32]string{100: "other"}
	for pid := int32(101); pid < 120; pid++ {
		one[pid] = kthreads[pid]
	}
	for name, tc := range map[string]struct {
		seen  Seen
		error string
		notes []string
	}{
		"nothing":    {},
		"same":       {seen: Seen{CPUs: cpumask.Range(0, 7), Release: "6.1.192", Comm: kthreads}},
		"CPUs":       {seen: Seen{CPUs: cpumask.Range(4, 11)}, error: "events of CPU 8-11, the host bundle describes a machine with CPUs 0-7"},
		"release":    {seen: Seen{Release: "6.1.190"}, error: `kernel "6.1.190", the host bundle is of "6.1.192"`},
		"names":      {seen: Seen{Comm: other}, error: `20 of 20 kernel threads have other names in the host bundle (pid 100 is "other" in the capture, "kthread/100" in the bundle)`},
		"one name":   {seen: Seen{Comm: one}, notes: []string{`1 of 20 kernel threads have other names in the host bundle (pid 100 is "other" in the capture, "kthread/100" in the bundle)`}},
		"few names":  {seen: Seen{Comm: map[int32]string{100: "other"}}, notes: []string{`1 of 1 kernel threads have other names in the host bundle (pid 100 is "other" in the capture, "kthread/100" in the bundle)`}},
		"user tasks": {seen: Seen{Comm: map[int32]string{1: "systemd", 28: "kworker/9:9"}}},
	} {
		notes, err := Check(b, tc.seen)
		if (err != nil) != (tc.error != "") || err != nil && (!errors.Is(err, ErrContradiction) || !strings.Contains(err.Error(), tc.error)) {
			t.Errorf("%s: error %v, want %q", name, err, tc.error)
		}
		if !slices.Equal(notes, tc.notes) {
			t.Errorf("%s: notes %q, want %q", name, notes, tc.notes)
		}
	}
	b.Hostname = fact.Seen("a", "x")
	b.Online.Value = cpumask.Range(0, 3)
	notes, err := Check(b, Seen{Hostname: "b", CPUs: cpumask.Of(5)})
	if err != nil || len(notes) != 2 {
		t.Errorf("%q %v", notes, err)
	}
	if _, err := Check(&parser.Host{}, Seen{CPUs: cpumask.Of(5), Release: "x"}); err != nil {
		t.Errorf("an empty description contradicts nothing: %v", err)
	}
}

// All that a bundle tells of a machine reaches the host that captures are replayed on.
func TestMergeKeepsAll(t *testing.T) {
	var b parser.Host
	fill(reflect.ValueOf(&b).Elem())
	h, err := Merge(nil, &b, Flags{})
	if err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(*h)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() {
			t.Errorf("%s is lost", name)
		}
	}
	if len(h.Cgroups.Info) == 0 {
		t.Error("the control groups of the bundle are lost")
	}
}

// fill gives every field some value: lists and maps an element, facts one that is known.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	}
}
