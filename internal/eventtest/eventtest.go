// Package eventtest holds what the tests of the two binary readers share:
// events printed as the kernel prints them, whole captures printed for golden
// files, and the checks that every pass must stand.
package eventtest

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"schedreplay/parser"
)

// Kernel prints the payload of an event as the print format of its tracepoint
// does in kernels from 4.14 on; ok is false for kinds without one here.
func Kernel(e *parser.Event) (s string, ok bool) {
	switch e.Kind {
	case parser.KindSwitch:
		return fmt.Sprintf("prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s ==> next_comm=%s next_pid=%d next_prio=%d",
			e.Task.Comm, e.Task.PID, e.Task.Prio, e.State, e.Next.Comm, e.Next.PID, e.Next.Prio), true
	case parser.KindWaking, parser.KindWakeup, parser.KindWakeupNew:
		return fmt.Sprintf("comm=%s pid=%d prio=%d target_cpu=%03d", e.Task.Comm, e.Task.PID, e.Task.Prio, e.TargetCPU), true
	case parser.KindMigrate:
		return fmt.Sprintf("comm=%s pid=%d prio=%d orig_cpu=%d dest_cpu=%d", e.Task.Comm, e.Task.PID, e.Task.Prio, e.OrigCPU, e.TargetCPU), true
	case parser.KindFork:
		return fmt.Sprintf("comm=%s pid=%d child_comm=%s child_pid=%d", e.Task.Comm, e.Task.PID, e.Next.Comm, e.Next.PID), true
	case parser.KindExec:
		return fmt.Sprintf("filename=%s pid=%d old_pid=%d", e.Text, e.Task.PID, e.OldPID), true
	case parser.KindExit:
		return fmt.Sprintf("comm=%s pid=%d prio=%d", e.Task.Comm, e.Task.PID, e.Task.Prio), true
	case parser.KindStatRuntime:
		return fmt.Sprintf("comm=%s pid=%d runtime=%d", e.Task.Comm, e.Task.PID, e.Runtime), true
	}
	return "", false
}

// Print prints an event on one line, for golden files: only what is known.
func Print(e *parser.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d [%03d] @%d %s", e.Time, e.CPU, e.Pos, e.Kind)
	if s, ok := Kernel(e); ok {
		fmt.Fprintf(&b, " %q", s)
	} else {
		if e.Task.PID != parser.NoPID || e.Task.Comm != "" {
			fmt.Fprintf(&b, " %d %q", e.Task.PID, e.Task.Comm)
		}
		if e.Text != "" {
			fmt.Fprintf(&b, " %q", e.Text)
		}
	}
	if e.Start != parser.NoTime {
		fmt.Fprintf(&b, " start=%d", e.Start)
	}
	if e.Count >= 0 {
		fmt.Fprintf(&b, " count=%d", e.Count)
	}
	if e.Cur.PID != parser.NoPID {
		fmt.Fprintf(&b, " cur=%d %q %s", e.Cur.PID, e.Cur.Comm, e.Context)
	}
	return b.String()
}

// Dump prints everything a capture tells.
func Dump(w io.Writer, c parser.Capture) {
	m := c.Meta()
	fmt.Fprintf(w, "dialect %s (%s), resolution %d ns, wakings %v, may reorder %v\n", m.Dialect, m.Confidence, m.Resolution, m.HasWakings, m.MayReorder)
	fmt.Fprintf(w, "clock %+v\n", m.Clock)
	if !m.RecordedCPUs.Empty() {
		fmt.Fprintf(w, "recorded CPUs %s\n", m.RecordedCPUs)
	}
	DumpHost(w, m.Host)
	for _, n := range m.Notes {
		fmt.Fprintf(w, "note %q\n", n)
	}
	for e, err := range c.Events() {
		if err != nil {
			fmt.Fprintf(w, "error %v\n", err)
			continue
		}
		fmt.Fprintln(w, Print(&e))
	}
}

// DumpHost prints the known facts of a host.
func DumpHost(w io.Writer, h *parser.Host) {
	fact := func(name, value, source string, known bool) {
		if known {
			fmt.Fprintf(w, "%s %q (%s)\n", name, value, source)
		}
	}
	fact("hostname", h.Hostname.Value, h.Hostname.Source, h.Hostname.Known())
	fact("release", h.Release.Value, h.Release.Source, h.Release.Known())
	fact("version", h.Version.Value, h.Version.Source, h.Version.Known())
	fact("arch", h.Arch.Value, h.Arch.Source, h.Arch.Known())
	fact("possible", h.Possible.Value.String(), h.Possible.Source, h.Possible.Known())
	fact("present", h.Present.Value.String(), h.Present.Source, h.Present.Known())
	fact("online", h.Online.Value.String(), h.Online.Source, h.Online.Known())
	for n, c := range h.CPU {
		fmt.Fprintf(w, "cpu %d known=%v siblings=%s die=%s package=%s llc=L%d:%s ids=%d/%d/%d\n",
			n, c.Known, c.Siblings, c.Die, c.Package, c.LLCLevel, c.LLC, c.CoreID, c.DieID, c.PackageID)
	}
	for _, n := range h.Node {
		fmt.Fprintf(w, "node %d cpus=%s\n", n.ID, n.CPUs)
	}
	for _, cpu := range slices.Sorted(maps.Keys(h.Domains)) {
		fmt.Fprintf(w, "domains of cpu %d:", cpu)
		for _, d := range h.Domains[cpu] {
			fmt.Fprintf(w, " %s=%s", d.Name, d.Span)
		}
		fmt.Fprintln(w)
	}
}

// Check runs a pass and returns the number of events and the closing error.
// The first result is an error if the pass broke a promise of
// [parser.Capture].
func Check(c parser.Capture) (broken error, n int, end error) {
	var last parser.Event
	for e, err := range c.Events() {
		if end != nil {
			return fmt.Errorf("something follows the error %v", end), n, end
		}
		if err != nil {
			var pe *parser.Error
			if !errors.As(err, &pe) {
				return fmt.Errorf("%T is no parser.Error: %w", err, err), n, err
			}
			end = err
			continue
		}
		if n > 0 && (e.Time < last.Time || e.Time == last.Time && e.CPU < last.CPU) {
			return fmt.Errorf("out of order: %s after %s", Print(&e), Print(&last)), n, nil
		}
		last = e
		n++
	}
	return nil, n, end
}

// Told prints what a capture tells, event by event, but for their places in the
// file. It holds a pass against [Check] too.
func Told(t *testing.T, c parser.Capture) []string {
	t.Helper()
	if broken, _, _ := Check(c); broken != nil {
		t.Error(broken)
	}
	var lines []string
	for e, err := range c.Events() {
		if err != nil {
			lines = append(lines, "error "+err.Error())
			continue
		}
		e.Pos = 0
		lines = append(lines, Print(&e))
	}
	return lines
}
