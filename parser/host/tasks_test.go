package host

import (
	"strings"
	"testing"

	"schedreplay/parser"
)

func TestReadTasks(t *testing.T) {
	const stat = " S 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 25 5 1 0 66 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 1 0 0 17 3 0 1 0 0 0\n"
	line := func(s string) string { return strings.TrimSuffix(strings.SplitN(s, "\n", 20)[0], "\n") }
	taskLine := func(h *parser.Host, pid string) string {
		for l := range strings.SplitSeq(dump(h), "\n") {
			if strings.HasPrefix(l, "task "+pid+" ") {
				return line(l)
			}
		}
		return "none"
	}
	for name, tc := range map[string]struct {
		files []string
		want  string
		note  string
	}{
		"all": {
			[]string{"proc/7/status", "Name:\tksmd\nTgid:\t7\nPid:\t7\nPPid:\t2\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n", "proc/7/stat", "7 (ksmd)" + stat, "proc/7/comm", "ksmd\n"},
			`task 7 tgid 7 ppid 2 "ksmd" affinity 0-7 (observed, /proc/7/status) kthread true (observed, /proc/7/stat) bound true (observed, /proc/7/stat) policy 1 (observed, /proc/7/stat) nice 5 (observed, /proc/7/stat) last 3 (observed, /proc/7/stat) start 66 (observed, /proc/7/stat)`, "",
		},
		"hostile name in stat": {
			[]string{"proc/7/stat", "7 (a) S 1 (\n) b) R 1 0 0 0 -1 0"},
			`task 7 tgid -1 ppid 1 "a) S 1 (\n) b" affinity unknown kthread false (observed, /proc/7/stat) bound false (observed, /proc/7/stat) policy unknown nice unknown last unknown start unknown`, "",
		},
		"escaped name in status": {
			[]string{"proc/7/status", "Name:\t a\\nPid:\\\\x \nCpus_allowed:\t00000001,00000003\n"},
			`task 7 tgid -1 ppid -1 " a\nPid:\\x " affinity 0-1,32 (observed, /proc/7/status) kthread unknown bound unknown policy unknown nice unknown last unknown start unknown`, "",
		},
		"comm wins": {
			[]string{"proc/7/comm", "with\nnewline\n", "proc/7/status", "Name:\twith\\nnewline\n"},
			`task 7 tgid -1 ppid -1 "with\nnewline" affinity unknown kthread unknown bound unknown policy unknown nice unknown last unknown start unknown`, "",
		},
		"thread": {
			[]string{"proc/7/task/9/status", "Name:\tworker\nTgid:\t7\nPid:\t9\nCpus_allowed_list:\t3\n"},
			"none", "",
		},
		"wrong pid":    {[]string{"proc/7/status", "Pid:\t8\nName:\tx\n", "proc/7/comm", "x\n"}, `task 7 tgid -1 ppid -1 "x" affinity unknown kthread unknown bound unknown policy unknown nice unknown last unknown start unknown`, "1 files of tasks"},
		"bad mask":     {[]string{"proc/7/status", "Name:\tx\nCpus_allowed_list:\t9-3\n", "proc/7/stat", "7 x S"}, "none", "2 files of tasks"},
		"huge mask":    {[]string{"proc/7/status", "Cpus_allowed_list:\t0-99999999\n"}, "none", "1 files of tasks"},
		"empty files":  {[]string{"proc/7/status", "", "proc/7/stat", "", "proc/version", "x"}, "none", ""},
		"no brackets":  {[]string{"proc/7/stat", "7 )("}, "none", "1 files"},
		"out of range": {[]string{"proc/7/stat", "7 (x) S -5 0 0 0 -1 0 0 0 0 0 0 0 0 0 20 99 1 0 66 0 0 0 0 0 0 0 0 0 0 0 0 1 0 0 17 99999 0 77 0"}, `task 7 tgid -1 ppid -1 "x" affinity unknown kthread false (observed, /proc/7/stat) bound false (observed, /proc/7/stat) policy unknown nice unknown last unknown start 66 (observed, /proc/7/stat)`, ""},
	} {
		h := readEntries(t, files(tc.files...)...)
		if got := taskLine(h, "7"); got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
		if notes := strings.Join(h.Notes, "\n"); tc.note == "" && notes != "" || !strings.Contains(notes, tc.note) {
			t.Errorf("%s: notes %q, want %q", name, notes, tc.note)
		}
	}
	h := readEntries(t, files("proc/7/task/9/status", "Name:\tworker\nTgid:\t7\nPid:\t9\nCpus_allowed_list:\t3\n")...)
	if th := h.Task[9]; th.TGID != 7 || th.Comm != "worker" || th.Affinity.Value.String() != "3" || th.Kthread.Known() {
		t.Errorf("thread %+v", th)
	}
}

// Sessions are groups where autogroup is on, and so are control groups of the cpu controller.
func TestGroups(t *testing.T) {
	stat := func(session string) string {
		return "7 (sh) S 1 7 " + session + " 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 37 1 2 3"
	}
	for _, c := range []struct {
		name, autogroup, session string
		want                     bool
	}{
		{"a session", "1\n", "7", true},
		{"off", "0\n", "7", false},
		{"the kernel's own", "1\n", "0", false},
	} {
		h := readEntries(t, files("proc/sys/kernel/sched_autogroup_enabled", c.autogroup, "proc/7/status", "Name:\tsh\nTgid:\t7\nPid:\t7\n", "proc/7/stat", stat(c.session))...)
		if h.Groups() != c.want {
			t.Errorf("%s: %v, tasks %+v", c.name, h.Groups(), h.Task)
		}
	}
	h := &parser.Host{Cgroups: parser.Cgroups{Info: map[string]parser.CgroupInfo{"/pod": {}}}}
	if !h.Groups() {
		t.Error("a control group is none")
	}
}

func TestSameComm(t *testing.T) {
	for _, tc := range []struct {
		event, proc string
		want        bool
	}{
		{"ksmd", "ksmd", true},
		{"ksmd", "ksmd2", false},
		{"kworker/3:0", "kworker/3:0-mm_percpu_wq", true},
		{"kworker/u16:1", "kworker/u16:1+events_unbound", true},
		{"kworker/3:0", "kworker/3:1-events", false},
		{"kworker/R-slub_", "kworker/R-slub_flushwq", true},
		{"acpi_thermal_pm", "acpi_thermal_pm_long", true},
		{"acpi_thermal_p", "acpi_thermal_pm", false},
		{"", "", true},
		{"a-b", "a", false},
	} {
		if got := parser.SameComm(tc.event, tc.proc); got != tc.want {
			t.Errorf("parser.SameComm(%q, %q) = %v", tc.event, tc.proc, got)
		}
	}
}

func FuzzStat(f *testing.F) {
	f.Add("1 (init) S 0 0 0 0 -1 4194304 2060 9772 0 0 34 724 1294 4234 20 0 1 0 37 1 2 3")
	f.Add("1 (a) b)\n) S 0")
	f.Fuzz(func(t *testing.T, s string) {
		info := parser.TaskInfo{PID: 1}
		if err := parseStat(s, "stat", &info); err == nil && !strings.Contains(s, info.Comm) {
			t.Errorf("name %q is not in %q", info.Comm, s)
		}
		if c, ok := info.LastCPU.Get(); ok && c < 0 {
			t.Errorf("last CPU %d", c)
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add("Name:\tksmd\nTgid:\t1\nPid:\t1\nPPid:\t2\nCpus_allowed:\tff\nCpus_allowed_list:\t0-7\n")
	f.Add("Name:\t\\n\\\\\\\nCpus_allowed:\tffffffff,00000000\n")
	f.Fuzz(func(t *testing.T, s string) {
		info := parser.TaskInfo{PID: 1}
		err := parseStatus(s, "status", &info)
		if a, ok := info.Affinity.Get(); ok && err == nil && a.Empty() {
			t.Error("known affinity to no CPU")
		}
	})
}
