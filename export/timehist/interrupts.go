package timehist

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/replay"
)

// beside is what a CPU does beside its tasks, where that is recorded.
type beside struct {
	replay.Interrupts
	// n and ns are how many interrupts and softirqs ran, and for how long, by kind.
	n, ns [replay.NoiseKinds]int64
}

// aside takes what a CPU tells beside its tasks.
func (p *Printer) aside(ev *parser.Event) {
	if p.o.NoInterrupts || ev.Aside == parser.NoAside || ev.CPU < 0 {
		return
	}
	if p.o.Host != nil {
		p.o.Host.NameFunction(ev)
	}
	switch ev.Aside {
	case parser.IPISend, parser.IPIRaise:
		if to := ev.TargetCPU; to >= 0 && int(to) <= p.top {
			p.at(to).beside.Sent(ev)
		}
		return
	}
	for _, in := range p.at(ev.CPU).beside.Take(ev) {
		p.interrupted(ev, &in)
	}
}

// interrupted takes an interrupt or softirq that ended.
func (p *Printer) interrupted(ev *parser.Event, in *replay.Interruption) {
	if !p.inTime(in.End) || !p.shown(ev.CPU, &ev.Cur) {
		return
	}
	b := &p.at(ev.CPU).beside
	b.n[in.Kind]++
	b.ns[in.Kind] += in.NS
	if p.o.SummaryOnly {
		return
	}
	var s strings.Builder
	p.place(&s, in.End, ev.CPU)
	if p.o.CPUVisual {
		fmt.Fprintf(&s, " %s ", p.visual(ev.CPU, "q"))
	}
	s.WriteByte(' ')
	p.column(&s, p.interruptLabel(in))
	fmt.Fprintf(&s, " %10s %10s %s", "", "", msec(in.NS, 6))
	if p.o.State {
		fmt.Fprintf(&s, " %5s ", "")
	}
	causes := say.Each(in.Causes, func(c replay.Instigator) string { return say.Plain(say.Instigator(&c, in.Kind)) })
	p.print(strings.TrimRight(s.String()+" "+strings.Join(causes, ", "), " ") + "\n")
}

// interruptLabel names an interrupt as the column of tasks does.
func (p *Printer) interruptLabel(in *replay.Interruption) string {
	s := say.NoiseKind(in.Kind) + " " + in.Name
	s = "<" + parser.DisplayComm(s[:min(len(s), maxLabel-2)]) + ">"
	p.width = max(p.width, utf8.RuneCountInString(s))
	return s
}

// interruptStats prints what interrupts and softirqs each CPU had, if any had.
func (p *Printer) interruptStats() {
	head := "\nInterrupt stats:\n"
	for i := range p.cpus {
		b := &p.cpus[i].beside
		for kind, n := range b.n {
			if n == 0 {
				continue
			}
			share := ""
			if t := p.total.end - p.total.start; t > 0 {
				share = fmt.Sprintf("  (%6.2f%%)", 100*float64(b.ns[kind])/float64(t))
			}
			p.print(fmt.Sprintf("%s    CPU %2d %-8s %7d for %smsec%s\n", head, i, say.NoiseKind(replay.NoiseKind(kind)), n, msec(b.ns[kind], 6), share))
			head = ""
		}
	}
}
