package rules

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"schedreplay/cpumask"
)

// Settings is everything in which kernels differ, as far as the model knows: it
// asks them and never a version.
type Settings struct {
	// Rules is how a waking task is placed.
	Rules Rules
	// Domains is how sched domains are built.
	Domains DomainRules
	// Load is how load is tracked.
	Load LoadRules
	// Tasks is what tasks may do by themselves.
	Tasks TaskRules
	// Fair is how the fair class shares a CPU out.
	Fair FairRules
	// Balance is how load is balanced.
	Balance BalanceRules
	// RT is what keeps real-time tasks from taking a CPU for good.
	RT RTRules
	// Tick is when the tick of a CPU stops.
	Tick TickRules
	// Limits is how CPU limits of control groups work.
	Limits LimitRules
}

// LimitRules are the differences in CFS bandwidth control.
type LimitRules struct {
	// Expire: what a CPU has taken of a quota is lost with its period
	// (expire_cfs_rq_runtime, up to 5.3; de53fd7aedb1).
	Expire bool
}

// TickRules are the differences in when the tick stops on a CPU that runs one task
// (nohz_full=).
type TickRules struct {
	// Remote: another CPU does once a second what the tick did, where before one tick a second
	// was left (sched_tick_remote, d84b31313ef8, 4.17+).
	Remote bool
	// Limited: the tick goes on for a task whose control group has a CPU limit
	// (cfs_task_bw_constrained, 88c56cfeaec4, 6.6+).
	Limited bool
}

// RTRules are the differences in what fair tasks get beside real-time ones.
type RTRules struct {
	// Own: a CPU's real-time tasks have sched_rt_runtime_us of each period, where before
	// they borrowed what others did not use (RT_RUNTIME_SHARE, 2586af1ac187, 5.10+).
	Own bool
	// Server: fair tasks that starve have a deadline server's 50 ms of each second, and
	// real-time tasks have no limit but that (557a6bfc662c, 5f6bd380c7bd, 6.12+).
	Server bool
}

// FairRules are the differences in how the fair class shares a CPU out.
type FairRules struct {
	// EEVDF: the class is EEVDF (147f3efaa241, 6.6+), before it was CFS.
	EEVDF bool
	// BaseSlice: no slice of CFS is shorter than the granularity (0c2de3f054a5, 5.13+).
	BaseSlice bool
	// ShortSlice: the base slice of EEVDF is 0.70 ms, before it was 0.75 (2ae891b82695,
	// 6.15+, 6.6.90, 6.12.27).
	ShortSlice bool
	// HRTick: a slice ends by a timer of its own, where it ended at the tick after it
	// (HRTICK, 9213aa4784cf, 7.1+).
	HRTick bool
	// PlaceCurrent: an entity that runs and gets a new weight is placed as if it were not
	// among those of which the average is: each time it is farther from that, a task group
	// that runs ahead all the more (6d71a9c61604, 6.13 to 7.0; 101f3498b4bd).
	PlaceCurrent bool
	// PickBuddy: a group that a task leaves to sleep is picked next as long as it is eligible
	// (PICK_BUDDY, 2a77e4be12cb, 6.14+, 6.13.2, 6.12.13); CFS always did.
	PickBuddy bool
	// LagTick: a lag is kept within the longest slice queued and a tick, where it was within
	// two slices or a tick (entity_lag, 6e3c0a4e1ad1, 7.0+).
	LagTick bool
	// RequeueCharges: the current entity is charged before a delayed one is woken, which then is
	// not ahead of it (enqueue_task_fair, 85570f10a4c6, 7.3+).
	RequeueCharges bool
	// Protect is how EEVDF keeps a task on its CPU for its slice (RUN_TO_PARITY).
	Protect ProtectRule
}

// ProtectRule is how the current entity is protected from wakees up to its deadline.
type ProtectRule uint8

// The rules.
const (
	// ProtectMark: as long as it has the deadline that it was given the CPU with
	// (63304558ba5d), so that a change of weight ends it.
	ProtectMark ProtectRule = iota
	// ProtectTime: up to that deadline as a virtual time, and past it each update
	// reschedules; a change of weight ends it too (3a0baa8e6c57, 6.17+).
	ProtectTime
	// ProtectScaled: that time follows a change of weight (ff38424030f9, 7.0+, 6.18.17,
	// 6.19.7).
	ProtectScaled
)

// BalanceRules are the differences in load balancing.
type BalanceRules struct {
	// Types: find_busiest_group classifies groups (0b0695f2b34a, 5.5+), before it
	// compared loads.
	Types bool
	// WholeCore: above the SMT level an idle CPU of a wholly idle core balances first
	// (b1bfeab9b002, 6.6+).
	WholeCore bool
	// GroupSiblings: whether siblings are preferred is read from the busiest group, and
	// groups of different numbers of cores are compared by core (7ff1693236f5, 6.6+).
	GroupSiblings bool
	// Random: newly idle balancing of a level is left out by chance, the more often the
	// less it has found (33cf66d88306, 6.19+; some stable branches took it: the features
	// tell).
	Random bool
	// BusyLess: the interval of a busy CPU is a jiffy shorter (e4d32e4d5444, 5.10+).
	BusyLess bool
	// Eligible: a task that has had more than its share is moved only after a failure
	// (task_is_ineligible_on_dst_cpu, 873199d27bb2, 6.14+).
	Eligible bool
	// NewidleByCost: a CPU that goes idle pulls if it idles longer on average than
	// balancing its lowest level costs, before longer than sysctl_sched_migration_cost
	// (c5b0a7eefc70, 5.16+).
	NewidleByCost bool
}

// LoadRules are the differences in load tracking.
type LoadRules struct {
	// IdleLag: what a task brings from an idle CPU has decayed up to now, where before it
	// had as far as that CPU's queue was up to date (migrate_se_pelt_lag, e2f3e35f1f5a,
	// 6.0+).
	IdleLag bool
	// Est: a CPU's utilisation is at least what util_est remembers of the tasks queued there
	// (cpu_util, 4.17 and later).
	Est bool
	// EstSpares: util_est does not fall for a task that had to wait
	// (50181c0cff31, 6.8+).
	EstSpares bool
	// NewbornShares: a new task starts with its weight's share of its queue's
	// utilisation, where before a slip in the units left that bound without effect
	// (72bffbf57c52, 6.10+).
	NewbornShares bool
}

// TaskRules are the differences in what tasks are given at their birth.
type TaskRules struct {
	// Kthreads says where unbound kernel threads may run.
	Kthreads KthreadRule
}

// KthreadRule is the affinity of a kernel thread that nobody has bound.
type KthreadRule uint8

// The rules.
const (
	// KthreadsAnywhere: every CPU.
	KthreadsAnywhere KthreadRule = iota
	// KthreadsNoHZ: the KTHREAD housekeeping set, which nohz_full= makes
	// (9cc5b8656892, 5.9+).
	KthreadsNoHZ
	// KthreadsDomain: the DOMAIN housekeeping set, which isolcpus= makes and isolated
	// partitions change (041ee6f3727a, 7.0+).
	KthreadsDomain
)

// CPUs returns where unbound kernel threads may run on a machine of which all are the
// CPUs, some isolated from the sched domains and some nohz_full.
func (r KthreadRule) CPUs(all, isolated, nohzFull cpumask.Mask) cpumask.Mask {
	switch r {
	case KthreadsNoHZ:
		return all.AndNot(nohzFull)
	case KthreadsDomain:
		return all.AndNot(isolated)
	}
	return all
}

// Row is one line of the rule table: a mainline release as it came out, what it
// changed, and what its stable branch took later.
type Row struct {
	Major, Minor int
	Settings
	// Changes are what differs from the row before.
	Changes   []Change
	backports []backport
}

// Name is the row's mainline release, "6.1".
func (r *Row) Name() string { return versionName(r.Major, r.Minor) }

// rows is the table with each release's settings derived from the one before.
var rows = derive(table)

func derive(table []release) []Row {
	var out []Row
	var s Settings
	for _, l := range table {
		s.Domains.Levels = slices.Clone(s.Domains.Levels)
		for i := range l.changes {
			s.apply(&l.changes[i])
		}
		out = append(out, Row{l.major, l.minor, s, l.changes, l.backports})
	}
	return out
}

// Rows returns the rule table, oldest release first.
func Rows() []Row { return slices.Clone(rows) }

// newest is the row of the newest release whose source the model was checked
// against.
func newest() *Row { return &rows[len(rows)-1] }

// rowOf is the row of a release: the last at or before it; nil before the first.
func rowOf(major, minor int) *Row {
	i, _ := slices.BinarySearchFunc(rows, 0, func(r Row, _ int) int {
		if cmp.Or(cmp.Compare(r.Major, major), cmp.Compare(r.Minor, minor)) <= 0 {
			return -1
		}
		return 1
	})
	if i == 0 {
		return nil
	}
	return &rows[i-1]
}

// DomainRulesFor returns the domain rules of a mainline release built with
// SCHED_SMT, SCHED_MC and, where it exists, SCHED_CLUSTER. Releases before 3.16,
// which kept the levels in macros, get the rules of 3.16.
func DomainRulesFor(major, minor int) DomainRules {
	if r := rowOf(major, minor); r != nil {
		return r.Domains
	}
	return rows[0].Domains
}

// at is a field by its name in a change.
func (s *Settings) at(field string) reflect.Value {
	part, name, nested := strings.Cut(field, ".")
	if !nested {
		part, name = "Rules", field
	}
	return reflect.ValueOf(s).Elem().FieldByName(part).FieldByName(name)
}

func (s *Settings) apply(c *Change) {
	if c.Field != "" {
		s.at(c.Field).Set(reflect.ValueOf(c.To))
	}
}

// Fields returns the names of all switches, as changes write them, in the order
// in which a wakeup meets them.
func Fields() []string {
	var out []string
	for _, c := range table[0].changes {
		out = append(out, c.Field)
	}
	return out
}

// Describe says in words what kernels do that have a value of a field, "" if no row
// has it.
func describe(field string, value any) string {
	if f := fixByField(field); f != nil && value == any(true) {
		return f.doc
	}
	for i := range table {
		worded := func(c *Change) bool {
			return c.Field == field && c.Does != "" && reflect.DeepEqual(c.To, value)
		}
		for j := range table[i].changes {
			if c := &table[i].changes[j]; worded(c) {
				return c.Does
			}
		}
		for j := range table[i].backports {
			if c := &table[i].backports[j].change; worded(c) {
				return c.Does
			}
		}
	}
	return ""
}

// Difference is one thing that two kernels do differently, in words. From is ""
// where only the newer kernel's doing has words.
type Difference struct {
	Field, From, To string
	// Commits brought what the newer of the two does; "" if they were not looked up.
	Commits string
}

// commitsOf names the commits by which the kernels up to a row came to a value of a
// field.
func (r *Row) commitsOf(field string, value any) string {
	if f := fixByField(field); f != nil && value == any(true) {
		return f.commits
	}
	commits := ""
	for i := range rows {
		for _, c := range rows[i].Changes {
			if c.Field == field && reflect.DeepEqual(c.To, value) {
				commits = c.Commits
			}
		}
		if rows[i].Major == r.Major && rows[i].Minor == r.Minor {
			break
		}
	}
	return commits
}

// Differences lists what two kernels do differently, in the order in which a
// wakeup meets it.
func Differences(a, b *Kernel) []Difference {
	ra, rb := rowOf(a.major, a.minor), rowOf(b.major, b.minor)
	newer, new := rb, &b.Settings
	if cmp.Or(cmp.Compare(a.major, b.major), cmp.Compare(a.minor, b.minor), cmp.Compare(a.patch, b.patch)) > 0 {
		newer, new = ra, &a.Settings
	}
	var out []Difference
	for _, field := range Fields() {
		x, y := a.at(field).Interface(), b.at(field).Interface()
		if !reflect.DeepEqual(x, y) {
			out = append(out, Difference{field, describe(field, x), describe(field, y), newer.commitsOf(field, new.at(field).Interface())})
		}
	}
	for i := range rows {
		r := &rows[i]
		after := func(k *Row) bool { return cmp.Or(cmp.Compare(r.Major, k.Major), cmp.Compare(r.Minor, k.Minor)) > 0 }
		if after(ra) == after(rb) {
			continue
		}
		for _, c := range r.Changes {
			if c.Field == "" {
				out = append(out, Difference{"", "", c.Does, c.Commits})
			}
		}
	}
	return out
}

// Since lists what a row does otherwise than the row before it.
func (r *Row) Since() []Difference {
	before := rows[0]
	for i := range rows {
		if rows[i].Major == r.Major && rows[i].Minor == r.Minor {
			break
		}
		before = rows[i]
	}
	kernel := func(r *Row) *Kernel { return &Kernel{Settings: r.Settings, major: r.Major, minor: r.Minor} }
	return Differences(kernel(&before), kernel(r))
}
