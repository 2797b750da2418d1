package world

import (
	"slices"

	"schedreplay/parser"
	"schedreplay/replay/timeline"
)

// Occupies says how a task keeps a CPU from being idle.
type Occupies uint8

const (
	// OccupiesUnknown: it is not known which task does.
	OccupiesUnknown Occupies = iota
	// OccupiesRunning: it is current.
	OccupiesRunning
	// OccupiesQueued: it is queued, and something else is current.
	OccupiesQueued
	// OccupiesPending: it is on the CPU's wake list (ttwu_pending).
	OccupiesPending
	// OccupiesMoved: the kernel put it there in its own world, and it has not slept since.
	OccupiesMoved
)

// String returns the word for programs.
func (o Occupies) String() string {
	return [...]string{"unknown", "running", "queued", "pending", "moved"}[o]
}

// Occupant is the task that answers for available_idle_cpu being no. A CPU is idle only if it
// runs swapper, nothing is queued and nothing is on its wake list (idle_cpu,
// kernel/sched/core.c; docs/kernel/README.md). The zero Occupant is not known.
type Occupant struct {
	Task timeline.TaskRef
	How  Occupies
	// Since is when it began to run, or was woken, in ns of the capture's clock; NoTime if the
	// recording does not tell.
	Since int64
}

// Occupant names the task that keeps a CPU busy in this side's world, as the decision in hand
// sees it. It is unknown where the CPU has changed since.
func (s *State) Occupant(c int) Occupant {
	t, seen := s.Worlds.Timeline, s.Window.Lo
	if c >= len(t.CPU) || !t.CPU[c].Known || t.CPU[c].ChangedAt() > seen {
		return Occupant{}
	}
	k := &t.CPU[c]
	away := func(p *timeline.Task) bool {
		d := s.Side.World.Diverged(p.PID)
		return p.PID == s.Self || d != nil && !slices.Contains(d.CPUs, c)
	}
	if p := t.Find(k.Cur); k.Cur > 0 && p != nil && k.Since <= seen && !away(p) {
		return Occupant{p.Ref(), OccupiesRunning, k.Since}
	}
	for _, p := range k.Queue {
		if !p.Running && p.WokenAt <= seen && !away(p) {
			return Occupant{p.Ref(), OccupiesQueued, p.WokenAt}
		}
	}
	for _, p := range k.Flying {
		if p.WokenAt <= seen && !away(p) {
			return Occupant{p.Ref(), OccupiesPending, p.WokenAt}
		}
	}
	for _, d := range s.Side.World.active {
		if p := t.Find(d.pid); p != nil && d.pid != s.Self && d.CPUs[0] == c {
			return Occupant{p.Ref(), OccupiesMoved, parser.NoTime}
		}
	}
	return Occupant{}
}
