package main

import (
	"github.com/spf13/cobra"

	"schedreplay/cmd/schedreplay/internal/show"
	"schedreplay/export/events"
	"schedreplay/parser"
)

func (a *app) eventsCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "events CAPTURE",
		Short: "The decoded events",
		Long: `events prints the capture event by event, in one vocabulary for every dialect: the
scheduler's tracepoints, and losses, holes and damaged places. --cpu shows the events
that a CPU recorded, --task those that name the task. Formats: text (as perf script
prints them), jsonl.`,
		Example: `  schedreplay events trace.dat --cpu 43 --from 24.56 --to 24.58
  schedreplay events perf.data --task ksmd --format jsonl`,
	}
	c.add(cmd, "text", "jsonl")
	return a.captureCommand(cmd, &c, func(in *input) error { return a.events(in, &c) })
}

func (a *app) events(in *input, c *common) error {
	line := events.AppendText
	if c.format == "jsonl" {
		line = events.AppendJSON
	}
	in.Other = true
	show := func(ev *parser.Event) {
		if c.filter.Time(ev.Time) && c.filter.IsCPU(int(ev.CPU)) && eventNames(&c.filter, ev) {
			a.line = line(a.line[:0], ev)
			_, _ = a.out.Write(a.line)
		}
	}
	// Damage is shown once something was decoded: an input of which nothing can be
	// read gives no output.
	var damage []parser.Event
	const maxDamage = 1000
	n, decoded := 0, false
	for ev, err := range parser.Ahead(in) {
		if err != nil {
			break // in.partial has it
		}
		if n++; n%4096 == 0 && a.ctx.Err() != nil {
			break
		}
		switch ev.Kind {
		case parser.KindDamaged, parser.KindLost, parser.KindOverwritten, parser.KindHole:
		default:
			decoded = true
		}
		if !decoded {
			if len(damage) < maxDamage {
				damage = append(damage, *ev)
			}
			continue
		}
		for i := range damage {
			show(&damage[i])
		}
		damage = nil
		show(ev)
	}
	return a.ctx.Err()
}

func eventNames(f *show.Filter, ev *parser.Event) bool {
	return f.IsTask(ev.Task.PID, ev.Task.Comm) || f.IsTask(ev.Next.PID, ev.Next.Comm) || f.IsTask(ev.Cur.PID, ev.Cur.Comm)
}
