package rules

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rulesOf returns the rules of a KERNEL.
func rulesOf(t *testing.T, name string) *Rules {
	t.Helper()
	k, err := ParseKernel(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return &k.Rules
}

// carries lists the fixes that a kernel surely has, in the table's order.
func carries(k *Kernel) []Fix {
	var out []Fix
	for i := range fixTable {
		if f := &fixTable[i]; f.applies(&k.Rules) && *f.get(&k.Rules) && !slices.Contains(k.Unknown, f.name) {
			out = append(out, f.name)
		}
	}
	return out
}

// Stable branches took the fixes at these point releases: the one before lacks
// them.
func TestBackports(t *testing.T) {
	for _, tc := range []struct {
		fix           Fix
		before, since string
	}{
		{FixSMTSpan, "5.4.72", "5.4.73"},
		{FixSMTSpan, "5.8.16", "5.8.17"},
		{FixSMTSpan, "5.9.1", "5.9.2"},
		{FixSMTSpan, "5.9", "5.10"},
		{FixSMTSpan, "6.1", "6.0"}, // 6.1 took it away again
		{FixSMTSpan, "6.1.82", "6.1.83"},
		{FixSMTSpan, "6.6.22", "6.6.23"},
		{FixSMTSpan, "6.7.10", "6.7.11"},
		{FixSMTSpan, "6.8.1", "6.8.2"},
		{FixSMTSpan, "6.8", "6.9"},
		{FixCoreSpan, "5.15.152", "5.15.153"},
		{FixCoreSpan, "6.1.82", "6.1.83"},
		{FixCoreSpan, "6.6.22", "6.6.23"},
		{FixCoreSpan, "6.7.10", "6.7.11"},
		{FixCoreSpan, "6.8.1", "6.8.2"},
		{FixCoreSpan, "6.8", "6.9"},
		{FixKthreadInTask, "5.10.93", "5.10.94"},
		{FixKthreadInTask, "5.15.16", "5.15.17"},
		{FixKthreadInTask, "5.16.2", "5.16.3"},
		{FixKthreadInTask, "5.16", "5.17"},
		{FixRecentUsedMask, "6.1.41", "6.1.42"},
		{FixRecentUsedMask, "6.4.6", "6.4.7"},
		{FixRecentUsedMask, "6.4", "6.5"},
		{FixRecentUsedMask, "5.15", "5.14"}, // 5.15 broke it
		{FixScanAffinity, "4.14.235", "4.14.236"},
		{FixScanAffinity, "4.19.193", "4.19.194"},
		{FixScanAffinity, "5.4.23", "5.4.24"},
		{FixScanAffinity, "5.5.7", "5.5.8"},
		{FixScanAffinity, "5.5", "5.6"},
		{FixDelayedDiscount, "6.12.36", "6.12.37"},
		{FixDelayedDiscount, "6.15.2", "6.15.3"},
		{FixDelayedDiscount, "6.15", "6.16"},
	} {
		for name, want := range map[string]bool{tc.before: false, tc.since: true} {
			k, err := ParseKernel(name, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := k.Rules.Has(tc.fix); got != want || len(k.Unknown) > 0 {
				t.Errorf("%s: %s %v, want %v; unknown %v", name, tc.fix, got, want, k.Unknown)
			}
		}
	}
	// Branches that ended unfixed, or never were.
	for _, k := range []string{"4.9.337", "4.14.336", "4.19.325", "5.2.21", "5.5.19", "5.6.19", "5.7.19", "6.2.16", "6.3.13", "6.4.16", "6.5.13"} {
		if r := rulesOf(t, k); r.SMTSpan || !r.Leaks() {
			t.Errorf("%s holds isolation", k)
		}
	}
	for _, k := range []string{"5.10.262", "5.11", "6.9", "6.10", "6.11", "6.12", "6.13"} {
		if rulesOf(t, k).Leaks() {
			t.Errorf("%s leaks", k)
		}
	}
	// 5.13 to 6.0 leak by the core scan alone, 5.12 has no SMT stage.
	for _, k := range []string{"5.12", "5.13", "5.14", "5.15", "5.19", "6.0"} {
		if r := rulesOf(t, k); !r.Leaks() || r.CoreSpan || r.Sibling != SiblingNone && !r.SMTSpan {
			t.Errorf("%s: %+v", k, r)
		}
	}
}

func TestParseKernel(t *testing.T) {
	const (
		debian  = "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)"
		debian5 = "Linux version 5.10.0-46-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-10 (Debian 10.2.1-6) 10.2.1 20210110, GNU ld (GNU Binutils for Debian) 2.35.2) #1 SMP Debian 5.10.262-1 (2026-07-31)"
		ubuntu  = "Ubuntu 5.15.0-105.115-generic 5.15.148"
	)
	for _, tc := range []struct {
		in, version  string
		name, row    string
		patch        int
		has, unknown []Fix
		notes        []Note
		variants     int
	}{
		{in: "6.1", name: "6.1", row: "6.1", has: []Fix{FixKthreadInTask, FixScanAffinity}},
		{in: " 6.1.0 ", name: "6.1.0", row: "6.1", has: []Fix{FixKthreadInTask, FixScanAffinity}},
		{in: "6.1.83", name: "6.1.83", row: "6.1", patch: 83, has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "6.1.0+smt-span", name: "6.1.0+smt-span", row: "6.1", has: []Fix{FixSMTSpan, FixKthreadInTask, FixScanAffinity}},
		{in: "6.1.83-smt-span", name: "6.1.83-smt-span", row: "6.1", patch: 83, has: []Fix{FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "6.1.83+smt-span", name: "6.1.83", row: "6.1", patch: 83, has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}, notes: []Note{{Kind: NoteHas, Release: "6.1.83", Fix: FixSMTSpan}}},
		{in: "6.1.0-core-span", name: "6.1.0", row: "6.1", has: []Fix{FixKthreadInTask, FixScanAffinity}, notes: []Note{{Kind: NoteLacks, Release: "6.1.0", Fix: FixCoreSpan}}},
		{in: "6.1.0+core-span+smt-span", name: "6.1.0+core-span+smt-span", row: "6.1", has: []Fix{FixSMTSpan, FixCoreSpan, FixKthreadInTask, FixScanAffinity}},
		{in: "6.1.0+smt-span-smt-span", name: "6.1.0", row: "6.1", has: []Fix{FixKthreadInTask, FixScanAffinity}},
		{in: "6.12-smt-span-core-span", name: "6.12-smt-span-core-span", row: "6.12", has: []Fix{FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "6.5.3", name: "6.5.3", row: "6.5", patch: 3, has: []Fix{FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "6.3", name: "6.3", row: "6.3", has: []Fix{FixKthreadInTask, FixScanAffinity}},
		{in: "5.7.19", name: "5.7.19", row: "5.7", patch: 19, has: []Fix{FixRecentUsedMask, FixScanAffinity}},
		{in: "6.9-rc1", name: "6.9-rc1", row: "6.9", has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "6.1.90-rt30", name: "6.1.90-rt30", row: "6.1", patch: 90, has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "6.8.12-4-pve", name: "6.8.12-4-pve", row: "6.8", patch: 12, has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "4.19+smt-span+housekeeping-any", name: "4.19+smt-span+housekeeping-any", row: "4.19", has: []Fix{FixSMTSpan, FixRecentUsedMask, FixHousekeepingAny}},
		// Distributions that hide the point release.
		{
			in: "6.1.0-18-amd64", name: "6.1.0-18-amd64", row: "6.1", patch: -1, has: []Fix{FixKthreadInTask, FixScanAffinity},
			unknown: []Fix{FixRecentUsedMask, FixSMTSpan, FixCoreSpan}, notes: []Note{{Kind: NotePointUnknown, Release: "6.1.0-18-amd64"}}, variants: 8,
		},
		{
			in: "6.1.0-18-amd64", version: debian, name: "6.1.0-18-amd64", row: "6.1", patch: 76, has: []Fix{FixRecentUsedMask, FixKthreadInTask, FixScanAffinity},
			notes: []Note{{Kind: NotePoint, Release: "6.1.0-18-amd64", Version: "6.1.76"}},
		},
		{
			in: "6.1.0-18-amd64+smt-span", version: debian, name: "6.1.0-18-amd64+smt-span", row: "6.1", patch: 76,
			has: []Fix{FixSMTSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}, notes: []Note{{Kind: NotePoint, Release: "6.1.0-18-amd64", Version: "6.1.76"}},
		},
		{
			in: "6.1.0-18-amd64+smt-span", name: "6.1.0-18-amd64+smt-span", row: "6.1", patch: -1, has: []Fix{FixSMTSpan, FixKthreadInTask, FixScanAffinity},
			unknown: []Fix{FixRecentUsedMask, FixCoreSpan}, notes: []Note{{Kind: NotePointUnknown, Release: "6.1.0-18-amd64"}}, variants: 4,
		},
		{
			in: "6.1.0-18-amd64-smt-span", name: "6.1.0-18-amd64-smt-span", row: "6.1", patch: -1, has: []Fix{FixKthreadInTask, FixScanAffinity},
			unknown: []Fix{FixRecentUsedMask, FixCoreSpan}, notes: []Note{{Kind: NotePointUnknown, Release: "6.1.0-18-amd64"}}, variants: 4,
		},
		{in: "5.10.0-46-cloud-amd64", version: debian5, name: "5.10.0-46-cloud-amd64", row: "5.10", patch: 262, has: []Fix{FixSMTSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}, notes: []Note{{Kind: NotePoint, Release: "5.10.0-46-cloud-amd64", Version: "5.10.262"}}},
		{in: "6.1.0-18-amd64", version: debian5, name: "6.1.0-18-amd64", row: "6.1", patch: -1, has: []Fix{FixKthreadInTask, FixScanAffinity}, unknown: []Fix{FixRecentUsedMask, FixSMTSpan, FixCoreSpan}, notes: []Note{{Kind: NotePointUnknown, Release: "6.1.0-18-amd64"}}, variants: 8}, // another kernel's text
		{in: "5.15.0-105-generic", version: ubuntu, name: "5.15.0-105-generic", row: "5.15", patch: 148, has: []Fix{FixSMTSpan, FixKthreadInTask, FixScanAffinity}, notes: []Note{{Kind: NotePoint, Release: "5.15.0-105-generic", Version: "5.15.148"}}},
		// Vendors.
		{
			in: "4.18.0-553.el8", name: "4.18.0-553.el8", row: "4.18", patch: -1, has: []Fix{FixRecentUsedMask}, unknown: []Fix{FixSMTSpan, FixScanAffinity},
			notes: []Note{{Kind: NoteVendor, Release: "4.18.0-553.el8", Version: "4.18"}}, variants: 4,
		},
		{in: "5.10.0-136.oe2203", name: "5.10.0-136.oe2203", row: "5.10", patch: -1, has: []Fix{FixSMTSpan, FixRecentUsedMask, FixScanAffinity}, unknown: []Fix{FixKthreadInTask}, notes: []Note{{Kind: NoteVendor, Release: "5.10.0-136.oe2203", Version: "5.10"}}, variants: 2},
		{in: "4.19.90-ctkernel", name: "4.19.90-ctkernel", row: "4.19", patch: -1, has: []Fix{FixRecentUsedMask}, unknown: []Fix{FixSMTSpan, FixScanAffinity}, notes: []Note{{Kind: NoteVendor, Release: "4.19.90-ctkernel", Version: "4.19"}}, variants: 4},
		{in: "4.19.90-ctkernel+smt-span", name: "4.19.90-ctkernel+smt-span", row: "4.19", patch: -1, has: []Fix{FixSMTSpan, FixRecentUsedMask}, unknown: []Fix{FixScanAffinity}, notes: []Note{{Kind: NoteVendor, Release: "4.19.90-ctkernel", Version: "4.19"}}, variants: 2},
		{in: "3.10.0-1160.el7.x86_64", name: "3.10.0-1160.el7.x86_64", row: "3.10", patch: -1, notes: []Note{{Kind: NoteVendor, Release: "3.10.0-1160.el7.x86_64", Version: "3.10"}}},
		{in: "5.14.21-150400.22-default", name: "5.14.21-150400.22-default", row: "5.14", patch: -1, has: []Fix{FixSMTSpan, FixRecentUsedMask, FixScanAffinity}, unknown: []Fix{FixCoreSpan, FixKthreadInTask}, notes: []Note{{Kind: NoteVendor, Release: "5.14.21-150400.22-default", Version: "5.14"}}, variants: 4},
		// Beyond what was read.
		{in: "6.13.2", name: "6.13.2", row: "6.13", patch: 2, has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity}},
		{in: "99.1", name: "99.1", row: newest().Name(), has: []Fix{FixSMTSpan, FixCoreSpan, FixRecentUsedMask, FixKthreadInTask, FixScanAffinity, FixDelayedDiscount}, notes: []Note{{Kind: NoteNewer, Release: "99.1", Version: "99.1", Row: newest().Name()}}},
	} {
		k, err := ParseKernel(tc.in, tc.version)
		if err != nil {
			t.Errorf("%q: %v", tc.in, err)
			continue
		}
		if _, _, patch := k.Version(); k.Name != tc.name || k.Row != tc.row || patch != tc.patch {
			t.Errorf("%q: name %q row %s patch %d, want %q, %s, %d", tc.in, k.Name, k.Row, patch, tc.name, tc.row, tc.patch)
		}
		if d := cmp.Diff(tc.has, carries(k)); d != "" {
			t.Errorf("%q carries, -want +got:\n%s", tc.in, d)
		}
		if d := cmp.Diff(tc.unknown, k.Unknown); d != "" && len(tc.unknown)+len(k.Unknown) > 0 {
			t.Errorf("%q unknown, -want +got:\n%s", tc.in, d)
		}
		if n := max(tc.variants, 1); len(k.Variants()) != n {
			t.Errorf("%q: %d variants, want %d", tc.in, len(k.Variants()), n)
		}
		if d := cmp.Diff(tc.notes, k.Notes); d != "" {
			t.Errorf("%q: notes, -want +got:\n%s", tc.in, d)
		}
	}
}

func TestParseKernelRefuses(t *testing.T) {
	for _, tc := range []struct{ in, says string }{
		{"", "no release"},
		{"linux", "no release"},
		{"6", "no release"},
		{"+smt-span", "no release"},
		{"2.6.32-754.el6", "older than 3.10"},
		{"3.2", "older than 3.10"},
		{"6.99999999999999999999", "no version number"},
		{"5.12+smt-span", "fix smt-span has no meaning on 5.12"},
		{"3.10+smt-span", "no meaning"},
		{"4.19+core-span", "no meaning"},
		{"5.10-core-span", "no meaning"},
		{"4.14+recent-used-mask", "no meaning"},
		{"5.4+kthread-in-task", "no meaning"},
		{"6.1+housekeeping-any", "no meaning"},
		{"6.9+delayed-discount", "no meaning"},
		{"4.8+scan-affinity", "no meaning"},
		{"6.1.0+smt_span", "known fixes are smt-span, core-span"},
		{"6.1.0-smtspan", "looks like smt-span"},
		{"6.1.0+SMT-span", "looks like smt-span"},
		{"6.1.0+smtspan+core-span", "looks like smt-span"},
		{"6.1.0+core", "looks like core-span"},
	} {
		k, err := ParseKernel(tc.in, "")
		if !errors.Is(err, ErrKernel) || k != nil {
			t.Errorf("%q: %v, %v", tc.in, k, err)
			continue
		}
		if !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %q does not say %q", tc.in, err, tc.says)
		}
	}
}

// Variants are every combination of what is unknown, the plain one first.
func TestVariants(t *testing.T) {
	k, err := ParseKernel("6.1.0-18-amd64", "")
	if err != nil {
		t.Fatal(err)
	}
	v := k.Variants()
	if v[0].SMTSpan || v[0].CoreSpan || v[0].RecentUsedMask {
		t.Errorf("the first variant has a fix: %+v", *v[0])
	}
	seen := map[Rules]bool{}
	for _, r := range v {
		seen[*r] = true
	}
	if len(v) != 8 || len(seen) != 8 {
		t.Errorf("%d variants, %d of them distinct, want 8", len(v), len(seen))
	}
}

func TestWith(t *testing.T) {
	for _, tc := range []struct {
		in   string
		fix  Fix
		on   bool
		want string
	}{
		{"6.1.0", FixSMTSpan, true, "6.1.0+smt-span"},
		{"6.1.0", FixSMTSpan, false, "6.1.0"},
		{"6.1.83", FixSMTSpan, false, "6.1.83-smt-span"},
		{"6.1.83", FixSMTSpan, true, "6.1.83"},
		{"6.1.83-smt-span", FixSMTSpan, true, "6.1.83"},
		{"6.1.0+smt-span", FixSMTSpan, false, "6.1.0"},
		{"6.1.0+smt-span", FixSMTSpan, true, "6.1.0+smt-span"},
		{"6.1.0+smt-span+core-span", FixSMTSpan, false, "6.1.0+core-span"},
		{"6.1.0-18-amd64", FixSMTSpan, false, "6.1.0-18-amd64-smt-span"}, // unknown before
		{"6.1.0-18-amd64", FixSMTSpan, true, "6.1.0-18-amd64+smt-span"},
		{"4.18.0-553.el8", FixSMTSpan, false, "4.18.0-553.el8-smt-span"},
	} {
		k, err := ParseKernel(tc.in, "")
		if err != nil {
			t.Fatal(err)
		}
		before, rules, unknown := k.Name, k.Rules, slices.Clone(k.Unknown)
		n, err := k.With(tc.fix, tc.on)
		if err != nil {
			t.Fatal(err)
		}
		if n.Name != tc.want || n.Rules.Has(tc.fix) != tc.on || slices.Contains(n.Unknown, tc.fix) {
			t.Errorf("%s with %s %v: %q, has %v, unknown %v; want %q", tc.in, tc.fix, tc.on, n.Name, n.Rules.Has(tc.fix), n.Unknown, tc.want)
		}
		if k.Name != before || k.Rules != rules || !slices.Equal(k.Unknown, unknown) {
			t.Errorf("%s was changed: %q %v", tc.in, k.Name, k.Unknown)
		}
		again, err := ParseKernel(n.Name, "")
		if err != nil || again.Rules != n.Rules || again.Name != n.Name || !slices.Equal(again.Unknown, n.Unknown) {
			t.Errorf("%q does not read back: %+v, %v", n.Name, again, err)
		}
	}
	k, _ := ParseKernel("5.12", "")
	if _, err := k.With(FixSMTSpan, true); !errors.Is(err, ErrKernel) {
		t.Errorf("5.12 with smt-span: %v", err)
	}
	if _, err := k.With("no-such-fix", true); !errors.Is(err, ErrKernel) {
		t.Errorf("an unknown fix: %v", err)
	}
}

// The table is in order, and no row nor backport is idle talk.
func TestRows(t *testing.T) {
	rows := Rows()
	for i := range rows {
		r := &rows[i]
		if i > 0 && (r.Major < rows[i-1].Major || r.Major == rows[i-1].Major && r.Minor <= rows[i-1].Minor) {
			t.Errorf("row %s after %s", r.Name(), rows[i-1].Name())
		}
		rules := r.Rules
		last := 0
		for _, b := range r.backports {
			if f := fixByField(b.change.Field); f != nil && (!f.applies(&rules) || *f.get(&rules)) {
				t.Errorf("%s: backport of %s, which it has or has no use for", r.Name(), f.name)
			}
			if b.patch < last || b.patch < 1 {
				t.Errorf("%s: backports out of order at %s %d", r.Name(), b.change.Field, b.patch)
			}
			last = b.patch
		}
	}
	for _, f := range Fixes() {
		doc, commits := f.Describe()
		if doc == "" || commits == "" {
			t.Errorf("%s is not described", f)
		}
	}
	if doc, _ := Fix("no-such-fix").Describe(); doc != "" || (&Rules{}).Has("no-such-fix") {
		t.Error("an unknown fix is described or had")
	}
}

func FuzzParseKernel(f *testing.F) {
	for _, s := range []string{
		"6.1", "6.1.0+smt-span", "6.1.0-18-amd64", "4.18.0-553.el8", "5.10.0-136.oe2203", "4.19.90-ctkernel+smt-span-smt-span", "-smt-span", "6.1+", "6.1-",
		"6.1++smt-span", "6.1.0-smt-span-core-span+kthread-in-task", "99999999.1", "6.1.0\x00", "6.1.\xff", "+++---", "6.1.0+smt-spansmt-span", "６.１",
		"49.90-ctkerne\f+smt-span-smt-span", "6.1 +smt-span +core-span",
	} {
		f.Add(s, "")
	}
	f.Add("6.1.0-18-amd64", "Debian 6.1.76-1")
	f.Add("6.1.0-18-amd64", "Debian 6.1.99999999999999999999-1")
	f.Add("5.15.0-1-generic", "Ubuntu 5.15.0-105.115-generic 5.15.148")
	f.Fuzz(func(t *testing.T, s, version string) {
		k, err := ParseKernel(s, version)
		if err != nil {
			if !errors.Is(err, ErrKernel) || k != nil {
				t.Fatalf("%q: %v, %v", s, k, err)
			}
			return
		}
		// The canonical name means the same, and so does every fix set and undone.
		again, err := ParseKernel(k.Name, version)
		if err != nil || again.Name != k.Name || again.Rules != k.Rules || !slices.Equal(again.Unknown, k.Unknown) {
			t.Fatalf("%q is %q, which reads %+v, %v", s, k.Name, again, err)
		}
		if n := len(k.Variants()); n != 1<<len(k.Unknown) {
			t.Fatalf("%q: %d variants of %v", s, n, k.Unknown)
		}
		for _, fix := range Fixes() {
			n, err := k.With(fix, !k.Rules.Has(fix))
			if err != nil {
				continue
			}
			if n.Rules.Has(fix) == k.Rules.Has(fix) || n.Name == k.Name {
				t.Fatalf("%q with %s: %q", s, fix, n.Name)
			}
			if back, err := ParseKernel(n.Name, version); err != nil || back.Rules != n.Rules || back.Name != n.Name {
				t.Fatalf("%q with %s is %q, which reads %+v, %v", s, fix, n.Name, back, err)
			}
		}
	})
}

// Every switch has words in the first line of the table, and each value that a
// row gives it has some; the type of a value is the field's.
func TestTableWords(t *testing.T) {
	named := map[string]bool{}
	for _, f := range Fields() {
		named[f] = true
	}
	parts := reflect.TypeFor[Settings]()
	for part := range parts.Fields() {
		for f := range part.Type.Fields() {
			name := f.Name
			if part.Name != "Rules" {
				name = part.Name + "." + name
			}
			if !named[name] {
				t.Errorf("the first line of the table does not word %s", name)
			}
		}
	}
	for _, l := range table {
		changes := l.changes
		for _, b := range l.backports {
			changes = append(changes[:len(changes):len(changes)], b.change)
		}
		for _, c := range changes {
			switch {
			case c.Field == "" && (c.Does == "" || c.Commits == ""):
				t.Errorf("%d.%d: a change without words or commits", l.major, l.minor)
			case c.Field != "" && !named[c.Field]:
				t.Errorf("%d.%d changes %s, which the first line does not have", l.major, l.minor, c.Field)
			case c.Field != "" && describe(c.Field, c.To) == "":
				t.Errorf("%d.%d: no words for %s = %v", l.major, l.minor, c.Field, c.To)
			}
		}
	}
}

// A row changes what it says it changes, and nothing twice.
func TestChangesChange(t *testing.T) {
	for i := 1; i < len(rows); i++ {
		before := rows[i-1].Settings
		for _, c := range rows[i].Changes {
			if c.Field == "" {
				continue
			}
			if reflect.DeepEqual(before.at(c.Field).Interface(), c.To) {
				t.Errorf("%s sets %s to what it was", rows[i].Name(), c.Field)
			}
		}
		if got, want := len(rows[i].Since()), len(rows[i].Changes); got != want {
			t.Errorf("%s differs in %d things from the row before, and has %d changes", rows[i].Name(), got, want)
		}
	}
}

func TestDifferences(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want []Difference
	}{
		{"6.1.82", "6.1.83", []Difference{
			{"SMTSpan", "select_idle_smt takes any idle sibling that the task's affinity allows: it leaks onto isolated CPUs", "select_idle_smt looks only at siblings inside the sched domain", "df3cb4ea1fb6, 8aeaffef8c6e"},
			{"CoreSpan", "the core scan's fallback may be any CPU that the task's affinity allows: it leaks onto isolated CPUs", "the fallback CPU of the core scan lies inside the sched domain", "23d04d8c6b8e"},
		}},
		{"4.10", "4.11", []Difference{
			{"Budget", "no scan where the waker CPU's avg_idle is below the average cost of one", "the scan has no budget", "4c77b18cf8b7"},
		}},
		{"4.11", "4.10", []Difference{
			{"Budget", "the scan has no budget", "no scan where the waker CPU's avg_idle is below the average cost of one", "4c77b18cf8b7"},
		}},
		{"5.6", "5.7", []Difference{
			{"Domains.AsymBalanceWake", "SD_BALANCE_WAKE is set below a domain of different capacities", "no domain has SD_BALANCE_WAKE", "a526d466798d"},
		}},
		{"6.10", "6.11", nil},
	} {
		a, err := ParseKernel(tc.a, "")
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseKernel(tc.b, "")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.want, Differences(a, b)); d != "" {
			t.Errorf("%s to %s, -want +got:\n%s", tc.a, tc.b, d)
		}
	}
}

var update = flag.Bool("update", false, "write the switches into docs/model.md")

// docs/model.md holds the table as the rows are, and names every fix.
func TestModelPage(t *testing.T) {
	const path, begin, end = "../../docs/model.md", "<!-- switches: go test ./kernelmodel/rules -run TestModelPage -update -->\n", "<!-- end of switches -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the switches", path)
	}
	if want := before + begin + markdownTable() + end + after; want != string(page) {
		if !*update {
			t.Fatalf("%s does not have the switches as they are; go test ./kernelmodel/rules -run TestModelPage -update writes them", path)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// markdownTable is the table of docs/model.md: each switch with what kernels do,
// since when and by which commits.
func markdownTable() string {
	var b strings.Builder
	b.WriteString("| switch | since | what the kernel does | commits |\n|---|---|---|---|\n")
	line := func(name, since, does, commits string) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, since, does, commits)
	}
	for _, field := range Fields() {
		name := "`" + field + "`"
		if f := fixByField(field); f != nil {
			name += " (`" + string(f.name) + "`)"
		}
		for i := range table {
			l := &table[i]
			for _, c := range l.changes {
				if c.Field == field {
					line(name, versionName(l.major, l.minor), describe(field, c.To), c.Commits)
					name = ""
				}
			}
			for _, p := range l.backports {
				if p.change.Field == field {
					line(name, fmt.Sprintf("%s.%d", versionName(l.major, l.minor), p.patch), describe(field, p.change.To), "")
				}
			}
		}
	}
	for i := range table {
		for _, c := range table[i].changes {
			if c.Field == "" {
				line("not asked", versionName(table[i].major, table[i].minor), c.Does, c.Commits)
			}
		}
	}
	return b.String()
}
