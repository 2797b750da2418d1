package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"schedreplay/export/outdir"
	"schedreplay/replay"
)

// demand is one bound of a check.
type demand struct {
	flag  string // without dashes; names the JUnit case
	bound string // as it was given
	// hold reports whether it holds and what was found, in a few words.
	hold func(res *replay.Result) (ok bool, found string)
}

// limits are the flags of check that set bounds.
type limits struct {
	intrusion, p99, delay string
	entries, lost         int64
	ignoreResidents       bool
	allowUnknown          bool
}

func (a *app) checkCommand() *cobra.Command {
	var c common
	var l limits
	var junit string
	cmd := &cobra.Command{
		Use:   "check CAPTURE --max-intrusion DURATION",
		Short: "A one-line verdict; exit 1 when a bound is broken",
		Long: `check holds one capture against bounds, for CI and cron: one line on standard
output that says OK or BROKEN and what was found, exit status 0 or 1. A bound of
which the capture cannot tell whether it holds is broken: time on an isolated CPU of
which the recording does not tell who ran counts as an intrusion, unless
--allow-unknown is given.

--junit writes the same as JUnit XML, one case for each bound.`,
		Example: `  schedreplay check perf.data --isolated 43 --max-intrusion 0ms
  schedreplay check capture/ --max-entries 0 --max-p99 200us --junit check.xml
  schedreplay check capture/ --max-intrusion 1ms --ignore-residents`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&l.intrusion, "max-intrusion", "", "the longest `DURATION` that foreign tasks may run on isolated CPUs, in all")
	f.Int64Var(&l.entries, "max-entries", 0, "the greatest number `N` of foreign tasks' entries")
	f.StringVar(&l.p99, "max-p99", "", "the greatest p99 of the owners' sch delay, a `DURATION`")
	f.StringVar(&l.delay, "max-delay", "", "the greatest sch delay of an owner, a `DURATION`")
	f.Int64Var(&l.lost, "max-lost", 0, "the greatest number `N` of lost events")
	f.BoolVar(&l.ignoreResidents, "ignore-residents", false, "leave out tasks that were there when the capture begins")
	f.BoolVar(&l.allowUnknown, "allow-unknown", false, "time of which the recording does not tell who ran is no intrusion")
	f.StringVar(&junit, "junit", "", "write JUnit XML to `FILE`")
	c.addHost(f)
	f.StringVar(&c.owner, "owner", "", "the isolated CPUs' own task, by `NAME|PID`")
	f.StringVar(&c.cpu, "cpu", "", "look at these isolated CPUs only, a `CPULIST`")
	f.StringVar(&c.original, "original", "", "the recorded `KERNEL`: release[(+|-)fix]…")
	c.format, c.formats = "text", []string{"text"}
	cmd.Args = cobra.ExactArgs(1)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		demands, err := l.demands(cmd)
		if err != nil {
			return err
		}
		return a.onCapture(cmd, args[0], &c, func(in *input) error { return a.check(in, demands, junit) })
	}
	return cmd
}

// demands turns the flags that were given into bounds.
func (l *limits) demands(cmd *cobra.Command) ([]demand, error) {
	var out []demand
	f := cmd.Flags()
	for _, d := range []struct {
		flag, value string
		found       func(res *replay.Result, bound int64) (bool, string)
	}{
		{"max-intrusion", l.intrusion, l.intrusionWithin},
		{"max-p99", l.p99, p99Within},
		{"max-delay", l.delay, delayWithin},
	} {
		if !f.Changed(d.flag) {
			continue
		}
		ns, err := parseDuration("--"+d.flag, d.value)
		if err != nil {
			return nil, err
		}
		out = append(out, demand{d.flag, d.value, func(res *replay.Result) (bool, string) { return d.found(res, ns) }})
	}
	for _, d := range []struct {
		flag  string
		bound int64
		found func(res *replay.Result, bound int64) (bool, string)
	}{
		{"max-entries", l.entries, entriesWithin},
		{"max-lost", l.lost, lostWithin},
	} {
		if !f.Changed(d.flag) {
			continue
		}
		if d.bound < 0 {
			return nil, usagef("--%s %d is negative", d.flag, d.bound)
		}
		out = append(out, demand{d.flag, fmt.Sprint(d.bound), func(res *replay.Result) (bool, string) { return d.found(res, d.bound) }})
	}
	if len(out) == 0 {
		return nil, usagef("nothing to check: give a bound, as in --max-intrusion 0ms")
	}
	return out, nil
}

// noIsolation says why nothing can be said of isolated CPUs, "" if it can.
func noIsolation(res *replay.Result) string {
	switch iso, ok := res.Isolated.Get(); {
	case !ok:
		return "which CPUs are isolated is not known; name them with --isolated"
	case iso.Empty():
		return "no CPU is isolated; if that is wrong, name them with --isolated"
	}
	return ""
}

func (l *limits) intrusionWithin(res *replay.Result, bound int64) (bool, string) {
	if why := noIsolation(res); why != "" {
		return false, why
	}
	var ns, unknown int64
	for _, c := range res.CPUs {
		unknown += c.Time[replay.ClassUnknown]
		if l.ignoreResidents {
			for _, s := range c.Stays {
				if s.How != replay.CameBefore {
					ns += s.RunNS
				}
			}
		} else {
			ns += c.Time[replay.ClassForeign]
		}
	}
	found := fmt.Sprintf("foreign tasks ran for %s", milliseconds(ns))
	if ns > bound {
		return false, found
	}
	if unknown > 0 && ns+unknown > bound && !l.allowUnknown {
		return false, found + fmt.Sprintf(", but who ran for another %s is not known", milliseconds(unknown))
	}
	return true, found
}

func entriesWithin(res *replay.Result, bound int64) (bool, string) {
	if why := noIsolation(res); why != "" {
		return false, why
	}
	var n, unseen int64
	for _, c := range res.CPUs {
		for _, s := range c.Stays {
			if s.How != replay.CameBefore {
				n++
			}
			if s.How == replay.CameUnseen {
				unseen++
			}
		}
		n += c.StaysDropped
	}
	found := entries(n)
	if unseen > 0 {
		found += fmt.Sprintf(" (%d unseen: the recording does not tell whether the task was there before)", unseen)
	}
	return n <= bound, found
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// ownerDelays lists the owners' delays with how often each occurred, ascending,
// and counts them.
func ownerDelays(res *replay.Result) (list []replay.DelayStep, n, worst int64) {
	for _, c := range res.CPUs {
		for _, d := range []*replay.DelayHistogram{c.OwnerDelay, c.OwnerDelayIntruded} {
			if d == nil {
				continue
			}
			worst = max(worst, d.Max())
			n += d.Count()
			var before int64
			for _, s := range d.Steps() {
				list = append(list, replay.DelayStep{NS: s.NS, Count: s.Count - before})
				before = s.Count
			}
		}
	}
	slices.SortFunc(list, func(a, b replay.DelayStep) int { return cmp.Compare(a.NS, b.NS) })
	return list, n, worst
}

func p99Within(res *replay.Result, bound int64) (bool, string) {
	if why := noIsolation(res); why != "" {
		return false, why
	}
	list, n, worst := ownerDelays(res)
	switch {
	case n == 0:
		return false, "no waking of an owner was recorded; name it with --owner"
	case n < 100:
		return worst <= bound, fmt.Sprintf("too few wakings for a p99 (%d), the longest sch delay is %s", n, milliseconds(worst))
	}
	p, left := worst, n-n/100 // so many do not wait longer
	for _, s := range list {
		if left -= s.Count; left <= 0 {
			p = s.NS
			break
		}
	}
	return p <= bound, "the owners' p99 sch delay is " + milliseconds(p)
}

func delayWithin(res *replay.Result, bound int64) (bool, string) {
	if why := noIsolation(res); why != "" {
		return false, why
	}
	_, n, worst := ownerDelays(res)
	if n == 0 {
		return false, "no waking of an owner was recorded; name it with --owner"
	}
	return worst <= bound, "the longest sch delay of an owner is " + milliseconds(worst)
}

func lostWithin(res *replay.Result, bound int64) (bool, string) {
	n := res.Lost + res.Overwritten
	found := plural(n, "event") + " lost"
	if k := res.LostUnknown + res.Holes; k > 0 {
		return false, found + fmt.Sprintf(", and an unknown number in %s", plural(k, "place"))
	}
	return n <= bound, found
}

func (a *app) check(in *input, demands []demand, junit string) error {
	in.needIsolated = true
	if err := in.checkCPUs(in.flags.filter.cpus); err != nil {
		return err
	}
	res, err := a.replay(in, replay.Observer{})
	if err != nil {
		return err
	}
	suite := junitSuite{Name: "schedreplay check", Tests: len(demands)}
	var bad, good []string
	for _, d := range demands {
		ok, found := d.hold(res)
		words := fmt.Sprintf("%s (--%s %s)", found, d.flag, d.bound)
		c := junitCase{Class: "schedreplay." + sectionName(in.Path), Name: d.flag + " " + d.bound, Out: oneLine(found)}
		if ok {
			good = append(good, words)
		} else {
			bad = append(bad, words)
			c.Failure = &junitFailure{Message: oneLine(words), Type: d.flag}
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, c)
	}
	line := "OK: " + strings.Join(good, "; ")
	if len(bad) > 0 {
		line = "BROKEN: " + strings.Join(bad, "; ")
	}
	if err := in.partial(); err != nil {
		line = "PARTIAL, " + line
	}
	if m := res.Isolated.Value; !m.Empty() {
		line = fmt.Sprintf("CPUs %s: ", m) + line
		if m.Weight() == 1 {
			line = strings.Replace(line, "CPUs", "CPU", 1)
		}
	}
	st := a.style()
	if line = oneLine(line); len(bad) > 0 {
		line = st.Bad(line)
	} else {
		line = st.Good(line)
	}
	fmt.Fprintln(a.out, line)
	for _, h := range res.Headline {
		a.note(h)
	}
	a.notes(res.Notes, res.Host.Notes)
	if junit != "" {
		if err := writeJUnit(junit, &suite, in.files()); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return &checkError{strings.Join(bad, "; ")}
	}
	return nil
}

// The part of JUnit's XML that CI systems read.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr"`
}

// writeJUnit writes the file whole or not at all.
func writeJUnit(name string, s *junitSuite, inputs outdir.Inputs) error {
	b, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return outdir.WriteFile(name, append(append([]byte(xml.Header), b...), '\n'), inputs)
}
