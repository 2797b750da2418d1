// Package fleetrun sums up many captures on one machine: it finds them, runs `schedreplay
// summarize` on each in a process of its own, within limits, keeps their row sets in a
// folder, and goes on where an earlier run ended. What a process cannot sum up becomes a
// dead letter.
package fleetrun
