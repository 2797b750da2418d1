package parser

import (
	"regexp"
	"strconv"
	"strings"
)

// Forms of the names of kernel threads: perCPU are the names before "/CPU" of
// those bound to one CPU, unbound the others but for the kworkers. The threads
// that run the callbacks of rcu_nocbs CPUs (rcuog/N, rcuop/N, rcuos/N, rcuob/N) and
// rcub/N are named after a CPU or a node, and bound to none
// (kernel/rcu/tree_nocb.h, tree_plugin.h).
const (
	perCPU  = `ksoftirqd|migration|cpuhp|rcuc|idle_inject|irq_work|ktimers|ktimersoftd|posixcputmr|watchdog|stopper|backlog_napi`
	unbound = `kthreadd|ksmd|khugepaged|kcompactd\d+|kswapd\d+|kauditd|khungtaskd|oom_reaper|writeback|rcu_\w+|rcuo[gpsb]/\d+|rcub/\d+|kdevtmpfs|netns|` +
		`kintegrityd|kblockd|jbd2/.*|ext4-.*|xfs.*|md\d+_.*|scsi_eh_\d+|scsi_tmf_\d+|irq/\d+.*|nvme.*|ttm_.*|card\d+.*|cryptd|kstrp|mm_percpu_wq|slub_flushwq|` +
		`inet_frag_wq|kdamond.*|psimon|kvm-.*|vhost-.*|dmcrypt.*|loop\d+|ksgxd|watchdogd|pr/.*|hwrng|kprobe-optimize|khvcd|zswap.*|ecryptfs.*|devfreq_wq|ata_.*|` +
		`acpi_.*|cpufreq.*|charger_manager|edac-poller|edac_poller|blkcg_punt_bio|tpm_dev_wq|kthrotld|mld|ipv6_addrconf|mpt.*|bond\d.*|btrfs.*`
)

var (
	boundName    = regexp.MustCompile(`^(?:(?:` + perCPU + `|swapper|kthreadd_cpu)/(\d+)|kworker/(\d+):\d+H?(?:[-+].*)?)$`)
	kthreadStart = regexp.MustCompile(`^(?:kworker/(?:u\d+:|R-).*|(?:` + unbound + `)(?:\W.*)?)$`)
	kthreadName  = regexp.MustCompile(`^(?:(?:` + perCPU + `)/\d+|kworker/(?:[uR]?[\d:]|R-).*|` + unbound + `)$`)
)

// told is what a name tells: the CPU that its thread is bound to, -1 if none, and whether it may
// be a kernel thread's.
type told struct {
	cpu     int
	kthread bool
}

// tell works out what a name tells.
func tell(comm string) (t told) {
	t.cpu = -1
	if m := boundName.FindStringSubmatch(comm); m != nil {
		t.kthread = true
		if cpu, err := strconv.Atoi(m[1] + m[2]); err == nil {
			t.cpu = cpu
		}
	}
	t.kthread = t.kthread || kthreadStart.MatchString(comm)
	return t
}

// KthreadNames says what names of tasks tell, as [BoundCPU] and [MayBeKthread] do, and remembers
// it, for to match a name takes long. The zero value is ready. It is for one goroutine.
type KthreadNames struct{ told map[string]told }

// maxTold bounds the names remembered.
const maxTold = 1 << 12

func (n *KthreadNames) tell(comm string) told {
	t, ok := n.told[comm]
	if ok {
		return t
	}
	if n.told == nil || len(n.told) >= maxTold {
		n.told = make(map[string]told)
	}
	t = tell(comm)
	n.told[comm] = t
	return t
}

// BoundCPU returns the CPU that the name of a kernel thread bound to it tells.
func (n *KthreadNames) BoundCPU(comm string) (cpu int, ok bool) { return n.tell(comm).bound() }

// MayBeKthread reports whether a task's name begins with a word that is a kernel thread's.
func (n *KthreadNames) MayBeKthread(comm string) bool { return n.tell(comm).kthread }

// BoundCPU returns the CPU that the name of a kernel thread bound to it tells, as
// those of "ksoftirqd/43", "kworker/43:1H" and "swapper/43" do.
func BoundCPU(comm string) (cpu int, ok bool) { return tell(comm).bound() }

func (t told) bound() (cpu int, ok bool) { return max(t.cpu, 0), t.cpu >= 0 }

// MayBeKthread reports whether a task's name begins with a word that is a kernel
// thread's. It serves where a task of which nothing else is known has to be taken for
// one or the other.
func MayBeKthread(comm string) bool { return tell(comm).kthread }

// IsKthreadName reports whether a name is as a whole that of a kernel thread, and
// so tells nothing of who used the machine.
func IsKthreadName(comm string) bool { return kthreadName.MatchString(comm) }

// UnboundWorker reports whether a name is that of a worker of an unbound workqueue
// (kworker/uN:M, create_worker).
func UnboundWorker(comm string) bool {
	return IsKthreadName(comm) && strings.HasPrefix(comm, "kworker/u")
}

// IsRecorder reports whether a name is that of a program that makes recordings.
func IsRecorder(comm string) bool {
	switch comm {
	case "perf", "perf-exec", "trace-cmd", "schedreplay", "bpftrace":
		return true
	}
	return strings.HasPrefix(comm, "trace-cmd-rec")
}

// NameStem is a task's name without the number at its end: what the workers of a pool have in
// common. Anonymized copies keep which names have one stem.
func NameStem(comm string) string { return strings.TrimRight(comm, "0123456789:/-_#.") }
