package plots

import (
	"runtime"
	"sync"
	"sync/atomic"

	"schedreplay/plots/internal/canvas"
)

// Render draws figures in both sizes, first as SVG, then, if told to, as PNG, on all
// processors, and hands each file on, in the order of the figures. It ends with the first
// error, which may be write's.
func Render(figs []*Figure, withPNG bool, write func(name string, b []byte) error) error {
	// What figures share they settle when they are drawn first: that is not to be hurried.
	for _, f := range figs {
		for _, s := range Sizes {
			if err := write(f.Name+s.Suffix+".svg", f.SVG(s, "g")); err != nil {
				return err
			}
		}
	}
	if !withPNG {
		return nil
	}
	type picture struct {
		b   []byte
		err error
	}
	done := make([]chan picture, len(figs)*len(Sizes))
	for i := range done {
		done[i] = make(chan picture, 1)
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var press canvas.Press
			for i := next.Add(1) - 1; i < int64(len(done)); i = next.Add(1) - 1 {
				b, err := figs[i/int64(len(Sizes))].png(&press, Sizes[i%int64(len(Sizes))])
				done[i] <- picture{b, err}
			}
		})
	}
	defer workers.Wait()
	defer next.Store(int64(len(done)))
	for i, c := range done {
		p := <-c
		if p.err != nil {
			return p.err
		}
		if err := write(figs[i/len(Sizes)].Name+Sizes[i%len(Sizes)].Suffix+".png", p.b); err != nil {
			return err
		}
	}
	return nil
}
