package replay

import (
	"regexp"
	"strconv"

	"schedreplay/cpumask"
	"schedreplay/fact"
	"schedreplay/kernelmodel"
	"schedreplay/parser"
)

// affinity is what is known of where a task may run.
type affinity struct {
	done bool
	mask cpumask.Mask
	from fact.Provenance
	// kthread and bound: a kernel thread; one that user space can't move.
	kthread, bound bool
	// recorder: the program that made the recording.
	recorder bool
	// policy is SCHED_IDLE (5) or another policy, -1 if unknown.
	policy int
}

// one reports whether nr_cpus_allowed is 1.
func (a *affinity) one() kernelmodel.Answer {
	return kernelmodel.Known(a.mask.Weight() == 1, a.from)
}

// affinities finds tasks' affinities: stated by flag, in the bundle, inherited
// from a parent in either, else by rule of thumb.
type affinities struct {
	host     *parser.Host
	survey   *survey
	all      cpumask.Mask // every CPU of the machine
	house    cpumask.Mask // without the isolated ones
	isolated cpumask.Mask
	kthreads cpumask.Mask // where unbound kthreads may run
}

var (
	// A kernel thread bound to one CPU carries its number: "ksoftirqd/43",
	// "kworker/43:1H", "cpuhp/0".
	perCPUName  = regexp.MustCompile(`^(?:ksoftirqd|migration|cpuhp|rcuc|rcuop|rcuos|idle_inject|irq_work|ktimers|ktimersoftd|posixcputmr|watchdog|swapper|stopper|backlog_napi|kthreadd_cpu)/(\d+)$`)
	kworkerName = regexp.MustCompile(`^kworker/(\d+):\d+H?(?:[-+].*)?$`)
	// Names of unbound kernel threads, as prefixes; a slash or dash ends some.
	kthreadName  = regexp.MustCompile(`^(?:kthreadd|ksmd|khugepaged|kcompactd\d+|kswapd\d+|kauditd|khungtaskd|oom_reaper|writeback|kworker/u\d+:|kworker/R-|rcu_\w+|rcu_tasks.*|kdevtmpfs|netns|kintegrityd|kblockd|jbd2/|ext4-|xfs|md\d+_|scsi_eh_\d+|scsi_tmf_\d+|irq/\d+|nvme|ttm_|card\d+|cryptd|kstrp|mm_percpu_wq|slub_flushwq|inet_frag_wq|kdamond|psimon|kvm-|vhost-|dmcrypt|loop\d+|ksgxd|watchdogd|pr/|hwrng|kprobe-optimizer|khvcd|zswap|ecryptfs|devfreq_wq|ata_|acpi_|cpufreq|charger_manager|edac-poller|edac_poller|blkcg_punt_bio|tpm_dev_wq|kthrotld|mld|ipv6_addrconf|mpt|bond\d|btrfs)`)
	recorderName = regexp.MustCompile(`^(?:perf|perf-exec|trace-cmd|trace-cmd-rec.*|schedreplay|bpftrace)$`)
)

// of returns the task's affinity; the answer is kept in the task.
func (a *affinities) of(p *task) *affinity {
	if !p.aff.done {
		p.aff = a.find(p.pid, p.comm, 0)
	}
	return &p.aff
}

func (a *affinities) find(pid int32, comm string, depth int) affinity {
	r := affinity{done: true, policy: -1, recorder: recorderName.MatchString(comm)}
	info, listed := a.host.Task[pid]
	ts := a.survey.task.get(pid)
	if listed && info.Comm != "" && comm != "" && !parser.SameComm(comm, info.Comm) {
		// The pid was taken over by another task after the window.
		listed = false
	}
	if listed {
		r.kthread = info.Kthread.Value
		r.bound = info.Bound.Value
		if v, ok := info.Policy.Get(); ok {
			r.policy = v
		}
	} else {
		r.kthread = perCPUName.MatchString(comm) || kworkerName.MatchString(comm) || kthreadName.MatchString(comm)
	}
	for i := len(a.host.Stated) - 1; i >= 0; i-- {
		if s := &a.host.Stated[i]; s.PID == pid || s.PID == parser.NoPID && s.Name == comm {
			r.mask, r.from = s.CPUs, fact.Observed
			return r
		}
	}
	if m, ok := info.Affinity.Get(); listed && ok {
		r.mask, r.from = m.And(a.all), info.Affinity.From
		if ts != nil && !ts.seen.SubsetOf(r.mask) {
			// It ran elsewhere: its affinity changed, or the pid is another's.
			r.mask, r.from = r.mask.Or(ts.seen), fact.Assumed
		}
		if !r.mask.Empty() {
			return r
		}
	}
	if c, ok := boundTo(comm); ok && a.all.Test(c) {
		r.bound = true
		r.mask, r.from = cpumask.Of(c), fact.Assumed
		if ts != nil && !ts.seen.SubsetOf(r.mask) {
			r.mask = r.mask.Or(ts.seen)
		}
		return r
	}
	r.from = fact.Assumed
	switch {
	case r.kthread:
		r.mask = a.kthreads
	default:
		r.mask = a.house
		if ts != nil && ts.parent != parser.NoPID && ts.parent != 2 && depth < 8 {
			if parent := a.survey.task.get(ts.parent); parent != nil {
				up := a.find(ts.parent, parent.comm, depth+1)
				r.mask = up.mask
				if up.from > fact.Assumed {
					r.from = fact.Reconstructed
				}
			}
		}
		if ts != nil && r.from == fact.Assumed && !a.isolated.Empty() && !ts.seen.Empty() && ts.seen.SubsetOf(a.isolated) && !r.recorder {
			// Never seen anywhere else: pinned there, like the owner of the CPU. One
			// whose parent's affinity is known is not: it inherited that.
			r.mask = ts.seen
		}
	}
	if ts != nil && !ts.seen.SubsetOf(r.mask) {
		r.mask, r.from = r.mask.Or(ts.seen), fact.Assumed
	}
	return r
}

// boundTo returns the CPU that a per-CPU kernel thread's name tells.
func boundTo(comm string) (int, bool) {
	for _, re := range []*regexp.Regexp{perCPUName, kworkerName} {
		if m := re.FindStringSubmatch(comm); m != nil {
			c, err := strconv.Atoi(m[1])
			return c, err == nil
		}
	}
	return 0, false
}
