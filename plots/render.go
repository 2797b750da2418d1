package plots

import (
	"runtime"
	"sync"

	"schedreplay/plots/internal/canvas"
)

// Painter draws figures in both sizes as files: as SVG when they come, and as PNG beside what the
// caller does then. Without PNG it makes none. It is done with when [Painter.Finish] has returned
// or [Painter.Stop] has.
type Painter struct {
	PNG bool
	// Write takes a file; its first error ends the painting.
	Write func(name string, b []byte) error

	mu      sync.Mutex
	all     []*picture
	begun   int // of all
	working int
	presses []*canvas.Press
	workers sync.WaitGroup
}

// picture is a PNG to be.
type picture struct {
	f    *Figure
	size size
	done chan struct{}
	b    []byte
	err  error
}

// Draw writes the figures as SVG, and begins to make PNGs of them.
func (p *Painter) Draw(figs []*Figure) error {
	// What figures share they settle when they are drawn first: that is not to be hurried.
	for _, f := range figs {
		for _, s := range Sizes {
			if err := p.Write(f.Name+s.Suffix+".svg", f.SVG(s, "g")); err != nil {
				return err
			}
		}
	}
	if !p.PNG {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range figs {
		for _, s := range Sizes {
			p.all = append(p.all, &picture{f: f, size: s, done: make(chan struct{})})
		}
	}
	for ; p.working < runtime.GOMAXPROCS(0)-1 && p.working < len(p.all)-p.begun; p.working++ {
		p.workers.Go(func() {
			p.work()
			p.mu.Lock()
			defer p.mu.Unlock()
			p.working--
		})
	}
	return nil
}

// work makes PNGs as long as there are any to be made.
func (p *Painter) work() {
	p.mu.Lock()
	defer p.mu.Unlock()
	press := new(canvas.Press)
	if n := len(p.presses); n > 0 {
		press, p.presses = p.presses[n-1], p.presses[:n-1]
	}
	for p.begun < len(p.all) {
		x := p.all[p.begun]
		p.begun++
		p.mu.Unlock()
		x.b, x.err = x.f.png(press, x.size)
		close(x.done)
		p.mu.Lock()
	}
	p.presses = append(p.presses, press)
}

// Finish writes the PNGs, in the order of the figures; the caller's processor helps to make them.
func (p *Painter) Finish() error {
	defer p.Stop()
	p.work()
	for _, x := range p.all {
		<-x.done
		if x.err != nil {
			return x.err
		}
		if err := p.Write(x.f.Name+x.size.Suffix+".png", x.b); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends the painting, however far it is.
func (p *Painter) Stop() {
	p.mu.Lock()
	p.begun = len(p.all)
	p.mu.Unlock()
	p.workers.Wait()
}
