package host

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"schedreplay/parser"
)

// group is what a task and its limit come to.
func group(h *parser.Host, pid int32) string {
	t := h.Task[pid]
	s := t.Cgroup.Value + " = " + parser.CgroupName(t.Cgroup.Value)
	if at, c, ok := h.Throttling(pid); ok {
		s += " throttled at " + at + ": " + fmt.Sprintf("%d of %d, %d times, %d", c.Quota.Value, c.Period.Value, c.Throttled.Value, c.ThrottledNS.Value)
	}
	return s
}

func TestCgroups(t *testing.T) {
	const (
		pod = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f3c21aa_1111_2222_3333_444455556666.slice"
		box = pod + "/cri-containerd-4be07d11aa90" + "0123456789012345678901234567890123456789012345678901.scope"
	)
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"v2", []string{"host/proc/7/cgroup", "0::/system.slice/nginx.service\n"}, "/system.slice/nginx.service = nginx"},
		{"v2, a pod that is throttled", []string{
			"host/proc/7/cgroup", "0::" + box + "\n",
			"host/sys/fs/cgroup" + pod + "/cpu.max", "200000 100000\n",
			"host/sys/fs/cgroup" + pod + "/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 1500\n",
			"host/sys/fs/cgroup" + box + "/cpu.max", "max 100000\n",
			"host/sys/fs/cgroup" + box + "/cpu.stat", "nr_throttled 0\nthrottled_usec 0\n",
		}, box + " = pod 8f3c21aa/4be07d11aa90 throttled at " + pod + ": 200000000 of 100000000, 4 times, 1500000"},
		{"v1", []string{
			"host/proc/7/cgroup", "9:name=systemd:/\n4:cpu,cpuacct:/docker/4be07d11aa900123456789012345678901234567890123456789012345678901\n0::/\n",
			"host/sys/fs/cgroup/cpu,cpuacct/docker/4be07d11aa900123456789012345678901234567890123456789012345678901/cpu.cfs_quota_us", "50000\n",
			"host/sys/fs/cgroup/cpu,cpuacct/docker/4be07d11aa900123456789012345678901234567890123456789012345678901/cpu.cfs_period_us", "100000\n",
			"host/sys/fs/cgroup/cpu,cpuacct/docker/4be07d11aa900123456789012345678901234567890123456789012345678901/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 77\n",
		}, "/docker/4be07d11aa900123456789012345678901234567890123456789012345678901 = container 4be07d11aa90 throttled at /docker/4be07d11aa900123456789012345678901234567890123456789012345678901: 50000000 of 100000000, 2 times, 77"},
		{"v1, systemd knows more than cpu", []string{"host/proc/7/cgroup", "4:cpu:/\n0::/\n1:name=systemd:/system.slice/cron.service\n"}, "/system.slice/cron.service = cron"},
		{"the root", []string{"host/proc/7/cgroup", "0::/\n"}, "/ = "},
		{"nothing", nil, " = "},
		{"malformed", []string{"host/proc/7/cgroup", "0\n::x\n", "host/sys/fs/cgroup/a/cpu.max", "-5 x\n"}, " = "},
	} {
		h, err := ReadArchive("x", bytes.NewReader(tarOf(t, files(append([]string{"host/proc/7/stat", "7 (a) S"}, c.files...)...)...)))
		if err != nil {
			t.Fatal(err)
		}
		if got := group(h, 7); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
		if bad := strings.Contains(strings.Join(h.Notes, ""), "1 files of control groups are malformed"); bad != (c.name == "malformed") {
			t.Errorf("%s: notes %q", c.name, h.Notes)
		}
	}
}

// A thread is in its process's group.
func TestThreadCgroup(t *testing.T) {
	h, err := ReadArchive("x", bytes.NewReader(tarOf(t, files(
		"host/proc/7/stat", "7 (a) S", "host/proc/7/cgroup", "0::/a.slice/b.scope\n", "host/proc/7/task/8/stat", "8 (a) S")...)))
	if err != nil {
		t.Fatal(err)
	}
	if got := group(h, 8); got != "/a.slice/b.scope = b" {
		t.Error(got)
	}
}

// The task groups: a session's own, with its nice value, none of a task in the root group;
// weights of control groups of either version, in shares.
func TestTaskGroups(t *testing.T) {
	h, err := ReadArchive("x", bytes.NewReader(tarOf(t, files(
		"host/proc/7/stat", "7 (a) S 1 7 5 0 -1 4194304", "host/proc/7/autogroup", "/autogroup-12 nice -3\n",
		"host/proc/7/task/8/stat", "8 (a) S 1 7 5 0 -1 4194304",
		"host/proc/9/stat", "9 (b) S 1 9 9 0 -1 4194304", "host/proc/9/autogroup", "\n",
		"host/proc/10/stat", "10 (c) S 1 9 9 0 -1 4194304",
		"host/proc/11/stat", "11 (d) S 1 9 9 0 -1 4194304", "host/proc/11/autogroup", "/autogroup-x nice 0\n",
		"host/sys/fs/cgroup/a.slice/cpu.weight", "50\n", "host/sys/fs/cgroup/cpu/b/cpu.shares", "300\n", "host/sys/fs/cgroup/c/cpu.weight", "max\n",
	)...)))
	if err != nil {
		t.Fatal(err)
	}
	for pid, want := range map[int32]string{7: "5 true {12 -3}", 8: "5 true {12 -3}", 9: "9 true {0 0}", 10: "9 false {0 0}", 11: "9 false {0 0}"} {
		i := h.Task[pid]
		if got := fmt.Sprint(i.Session, i.Autogroup.Known(), i.Autogroup.Value); got != want {
			t.Errorf("task %d: %s, want %s", pid, got, want)
		}
	}
	if a, b, c := h.Cgroups.Info["/a.slice"].Shares.Value, h.Cgroups.Info["/b"].Shares.Value, h.Cgroups.Info["/c"].Shares.Known(); a != 512 || b != 300 || c {
		t.Errorf("shares %d and %d, %v", a, b, c)
	}
}
