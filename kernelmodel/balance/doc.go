// Package balance holds the decisions of the fair class's load balancer
// (kernel/sched/fair.c): who balances, which group and queue are busiest, how much is to
// move, which task may. The clock, the queues and the moving itself are the caller's.
//
// Two forms are covered: by load, up to 5.4, and by group type since 0b0695f2b34a (5.5).
// Not modelled: capacities that differ (misfit tasks, asymmetric packing), the load indexes
// of a domain (cpu_load[], LB_BIAS; up to 5.2), NUMA balancing's classes of queues, task
// groups.
package balance
