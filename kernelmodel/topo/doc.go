// Package topo builds a machine's sched domains as a kernel does
// (kernel/sched/topology.c) and compiles them into what wakeups ask of a machine.
//
// A [Topology] is what the hardware says; [BuildDomains] makes the domains of it by a
// kernel's [rules.DomainRules], with the CPUs isolated at boot and later; [NewMachine]
// makes a [Machine] of both. [Regular] describes machines whose parts are all alike.
//
// docs/kernel/sched-domains.md, docs/kernel/isolation.md.
package topo
