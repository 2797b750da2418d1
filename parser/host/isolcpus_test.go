package host

import (
	"strings"
	"testing"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/parser"
)

func TestIsolcpus(t *testing.T) {
	for _, tc := range []struct {
		release, cmdline string
		domain, tick     string
		note             string
	}{
		// Bare lists mean domain isolation everywhere.
		{"3.10.0-1160.el7", "isolcpus=1,3", "1,3", "", ""},
		{"4.14.0", "isolcpus=1-3", "1-3", "", ""},
		{"4.18.0-553.el8", "isolcpus=1-3", "1-3", "", ""},
		{"6.1.192", "isolcpus=3", "3", "", ""},
		{"6.12.117", "quiet isolcpus=2-7:1/2 nokaslr", "2,4,6", "", ""},
		// Flags.
		{"4.14.0", "isolcpus=domain,1", "", "", "rejects"},
		{"4.15.0", "isolcpus=domain,1", "1", "", ""},
		{"4.15.0", "isolcpus=nohz,1", "", "1", ""},
		{"4.15.0", "isolcpus=nohz,domain,1", "1", "1", ""},
		{"5.5.19", "isolcpus=managed_irq,1", "", "", `unknown flag "managed_irq"`},
		{"5.6.0", "isolcpus=managed_irq,1", "", "", ""},
		{"5.6.0", "isolcpus=managed_irq,domain,1", "1", "", ""},
		{"5.7.0", "isolcpus=foo,1", "", "", `unknown flag "foo"`},
		{"5.8.0", "isolcpus=foo,1", "1", "", ""},
		{"5.8.0", "isolcpus=foo_bar,nohz,1", "", "1", ""},
		{"5.8.0", "isolcpus=foo2,1", "", "", "other than letters"},
		{"6.1.0", "isolcpus=nohz,managed_irq,2-5", "", "2-5", ""},
		{"6.1.0", "isolcpus=domain,domain,2", "2", "", ""},
		{"6.1.0", "isolcpus=domain", "", "", `no CPU list after "domain"`},
		// Bad lists take everything with them.
		{"6.1.0", "isolcpus=1,8", "", "", "rejects the whole list"},
		{"4.14.0", "isolcpus=1,x", "", "", "rejects the whole list"},
		{"6.1.0", "isolcpus=3-1", "", "", "rejects the whole list"},
		{"6.1.0", "isolcpus=domain,1,,2", "1-2", "", ""},
		{"6.1.0", "isolcpus=", "", "", ""},
		// Names of CPUs.
		{"5.10.0", "isolcpus=4-N", "", "", "numbers only"},
		{"5.13.0", "isolcpus=4-N", "4-7", "", ""},
		{"6.1.0", "isolcpus=N", "", "", "no CPU list"},
		// One CPU has to stay.
		{"6.1.0", "isolcpus=0-7", "1-7", "", "keeps the boot CPU"},
		// Several parameters.
		{"4.14.0", "isolcpus=1 isolcpus=2", "2", "", ""},
		{"5.10.0", "isolcpus=1 isolcpus=2", "1", "", "differs from"},
		{"6.1.0", "isolcpus=1 isolcpus=2", "1", "", "differs from"},
		{"6.1.0", "isolcpus=nohz,1 isolcpus=2", "2", "1", ""},
		{"5.10.0", "nohz_full=1 isolcpus=1", "1", "1", ""},
		{"5.10.0", "nohz_full=1-2 isolcpus=1", "", "1-2", "differs from"},
		{"5.10.0", "isolcpus=1 nohz_full=1-2", "1", "", "differs from"},
		{"5.18.0", "nohz_full=1-2 isolcpus=1", "1", "1-2", ""},
		{"6.1.0", "nohz-full=1", "", "1", ""},
		{"4.14.0", "nohz_full=1 isolcpus=2", "2", "1", ""},
		// The command line's own grammar.
		{"6.1.0", `isolcpus="domain,1" quiet`, "1", "", ""},
		{"6.1.0", `"isolcpus=1"`, "1", "", ""},
		{"6.1.0", `dyndbg="file x isolcpus=1" foo=isolcpus=2`, "", "", ""},
		{"6.1.0", "quiet -- isolcpus=1", "", "", ""},
		{"6.1.0", "xisolcpus=1 isolcpus.x=2 isolcpus", "", "", ""},
		{"6.1.0", "", "", "", ""},
	} {
		major, minor, ok := parseRelease(tc.release)
		if !ok {
			t.Fatal(tc.release)
		}
		in := isolInput{grammar: grammarOf(major, minor), possible: cpumask.Range(0, 7), bits: 8}
		res := in.isolated(tc.cmdline)
		if res.domain.String() != tc.domain || res.tick.String() != tc.tick {
			t.Errorf("%s %q: domain %q tick %q, want %q %q", tc.release, tc.cmdline, res.domain, res.tick, tc.domain, tc.tick)
		}
		notes := strings.Join(res.notes, "\n")
		if tc.note == "" && notes != "" || !strings.Contains(notes, tc.note) {
			t.Errorf("%s %q: notes %q, want %q", tc.release, tc.cmdline, notes, tc.note)
		}
	}
}

// Isolation of a bundle without sys/devices/system/cpu/isolated.
func TestReadIsolation(t *testing.T) {
	const iso, cpus = "sys/devices/system/cpu/isolated", "sys/devices/system/cpu/possible"
	for name, tc := range map[string]struct {
		files []string
		want  string
		note  string
	}{
		"nothing":          {[]string{cpus, "0-7\n"}, "unknown", ""},
		"known empty":      {[]string{iso, "\n"}, " (observed, /" + iso + ")", ""},
		"empty file":       {[]string{iso, ""}, " (observed, /" + iso + ")", ""},
		"padded by tar":    {[]string{iso, "3\n" + strings.Repeat("\x00", 4094)}, "3 (observed, /" + iso + ")", ""},
		"malformed":        {[]string{iso, "none\n", "proc/cmdline", "isolcpus=2"}, "2 (observed, /proc/cmdline)", "malformed"},
		"command line":     {[]string{"proc/cmdline", "quiet\n"}, " (observed, /proc/cmdline)", ""},
		"plain list":       {[]string{"proc/cmdline", "isolcpus=2"}, "2 (observed, /proc/cmdline)", ""},
		"grammar unknown":  {[]string{"proc/cmdline", "isolcpus=nohz,domain,2"}, "2 (assumed, /proc/cmdline)", "release is unknown"},
		"grammar known":    {[]string{"proc/cmdline", "isolcpus=nohz,2", "proc/sys/kernel/osrelease", "6.1.0"}, " (observed, /proc/cmdline)", ""},
		"beyond possible":  {[]string{"proc/cmdline", "isolcpus=2,9", cpus, "0-7", "proc/sys/kernel/osrelease", "6.1.0"}, " (observed, /proc/cmdline)", "rejects"},
		"below NR_CPUS":    {[]string{"proc/cmdline", "isolcpus=2,9", cpus, "0-7", "proc/sys/kernel/osrelease", "5.10.0", "proc/config.gz", "CONFIG_NR_CPUS=64\n"}, "2 (observed, /proc/cmdline)", ""},
		"masks off stack":  {[]string{"proc/cmdline", "isolcpus=2,9", cpus, "0-7", "proc/sys/kernel/osrelease", "5.10.0", "proc/config.gz", "CONFIG_NR_CPUS=64\nCONFIG_CPUMASK_OFFSTACK=y\n"}, " (observed, /proc/cmdline)", "rejects"},
		"no NO_HZ_FULL":    {[]string{"proc/cmdline", "isolcpus=nohz,domain,2", "proc/sys/kernel/osrelease", "6.1.0", "proc/config.gz", "# CONFIG_NO_HZ_FULL is not set\n"}, " (observed, /proc/cmdline)", "without CONFIG_NO_HZ_FULL"},
		"file wins":        {[]string{iso, "3\n", "proc/cmdline", "isolcpus=2"}, "3 (observed, /" + iso + ")", "the first is believed"},
		"list is no digit": {[]string{iso, "3-\n"}, "unknown", "malformed"},
	} {
		h := readEntries(t, files(tc.files...)...)
		if got := show(h.Isolated); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
		if notes := strings.Join(h.Notes, "\n"); tc.note == "" && notes != "" || !strings.Contains(notes, tc.note) {
			t.Errorf("%s: notes %q, want %q", name, notes, tc.note)
		}
	}
}

func TestReadCpusets(t *testing.T) {
	const cg, v1 = "sys/fs/cgroup/", "sys/fs/cgroup/cpuset/"
	base := []string{"sys/devices/system/cpu/online", "0-7\n", "sys/devices/system/cpu/isolated", "1\n"}
	for name, tc := range map[string]struct {
		files                    []string
		isolated, later, islands string
	}{
		"none":          {nil, "1", "unknown", "unknown"},
		"v2 plain":      {[]string{cg + "cpuset.cpus.effective", "0-7\n"}, "1", "", "[0,2-7]"},
		"v2 isolated":   {[]string{cg + "a b/cpuset.cpus.partition", "isolated\n", cg + "a b/cpuset.cpus.effective", "1,4-5\n"}, "1,4-5", "4-5", "[0,2-3,6-7]"},
		"v2 root":       {[]string{cg + "a/cpuset.cpus.partition", "root\n", cg + "a/cpuset.cpus.effective", "4-5\n"}, "1", "", "[0,2-3,6-7 4-5]"},
		"v2 nested":     {[]string{cg + "a/cpuset.cpus.partition", "member\n", cg + "a/b/cpuset.cpus.partition", "isolated\n", cg + "a/b/cpuset.cpus.effective", "6\n"}, "1,6", "6", "[0,2-5,7]"},
		"v2 invalid":    {[]string{cg + "a/cpuset.cpus.partition", "isolated invalid (Cpu list in cpuset.cpus not exclusive)\n", cg + "a/cpuset.cpus.effective", "4\n"}, "1", "", "[0,2-7]"},
		"v2 mask":       {[]string{cg + "cpuset.cpus.effective", "0-7", cg + "cpuset.cpus.isolated", "7\n"}, "1,7", "7", "[0,2-6]"},
		"v1 balancing":  {[]string{v1 + "cpuset.sched_load_balance", "1\n"}, "1", "", "[0,2-7]"},
		"v1 islands":    {[]string{v1 + "cpuset.sched_load_balance", "0\n", v1 + "a/cpuset.sched_load_balance", "1\n", v1 + "a/cpuset.cpus", "0-3\n", v1 + "b/cpuset.sched_load_balance", "0", v1 + "b/cpuset.cpus", "6"}, "1,4-7", "4-7", "[0,2-3]"},
		"v1 overlap":    {[]string{v1 + "cpuset.sched_load_balance", "0\n", v1 + "a/cpuset.sched_load_balance", "1\n", v1 + "a/cpuset.cpus", "0-3\n", v1 + "b/cpuset.sched_load_balance", "1", v1 + "b/cpuset.cpus", "3-4", v1 + "c/cpuset.sched_load_balance", "1", v1 + "c/cpuset.cpus", "6-7"}, "1,5", "5", "[0,2-4 6-7]"},
		"v1 child of a": {[]string{v1 + "cpuset.sched_load_balance", "0\n", v1 + "a/cpuset.sched_load_balance", "0\n", v1 + "a/cpuset.cpus", "0-7\n", v1 + "a/b/cpuset.sched_load_balance", "1", v1 + "a/b/cpuset.cpus", "3-4"}, "0-2,5-7", "0,2,5-7", "[3-4]"},
	} {
		h := readEntries(t, files(append(base[:len(base):len(base)], tc.files...)...)...)
		text := func(f fact.Fact[parser.CPUs]) string {
			if !f.Known() {
				return "unknown"
			}
			return f.Value.String()
		}
		islands := "unknown"
		if h.Islands.Known() {
			islands, _, _ = strings.Cut(show(h.Islands), " (")
		}
		if text(h.Isolated) != tc.isolated || text(h.IsolatedLater) != tc.later || islands != tc.islands {
			t.Errorf("%s: isolated %q later %q islands %q, want %q %q %q", name, text(h.Isolated), text(h.IsolatedLater), islands, tc.isolated, tc.later, tc.islands)
		}
	}
	// Boot isolation unknown: what cpusets isolate is all that is known.
	h := readEntries(t, files("sys/devices/system/cpu/online", "0-3", "sys/fs/cgroup/a/cpuset.cpus.partition", "isolated", "sys/fs/cgroup/a/cpuset.cpus", "3")...)
	if h.Isolated.From != fact.Assumed || h.Isolated.Value.String() != "3" {
		t.Errorf("isolated %s", show(h.Isolated))
	}
}

func FuzzIsolcpus(f *testing.F) {
	for _, s := range []string{"isolcpus=1-3", `isolcpus="nohz,domain,1-N:1/2" nohz_full=all`, "isolcpus=foo,managed_irq,0-7 -- x"} {
		f.Add(s, uint8(6), uint8(1), uint8(8))
	}
	f.Fuzz(func(t *testing.T, cmdline string, major, minor, cpus uint8) {
		in := isolInput{grammar: grammarOf(int(major), int(minor))}
		if cpus > 0 {
			in.possible, in.bits = cpumask.Range(0, int(cpus)-1), int(cpus)
		}
		res := in.isolated(cmdline)
		if cpus > 0 && (!res.domain.SubsetOf(in.possible) || in.grammar.since[0] > 0 && res.domain.Equal(in.possible)) {
			t.Errorf("isolates %s of %s", res.domain, in.possible)
		}
	})
}
