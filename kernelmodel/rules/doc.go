// Package rules is the table of kernels: a row for each mainline release that places,
// balances or measures tasks otherwise than the one before, with what its stable branch
// took later. Code that models the kernel asks a row's [Settings] and never a version.
//
// [ParseKernel] reads a release as uname gives it, or a KERNEL with fixes set and
// cleared, 6.1.82+smt-span. [Differences] says in words what two kernels do differently,
// [Candidates] lists all there are. [DomainRulesFor] is for who wants a mainline release's
// sched domains alone (package topo).
package rules
