package plots

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// file is a figure as it is written, or why it is not.
type file struct {
	name string
	b    []byte
	err  error
}

// Render draws figures in both sizes, as SVG and, if told to, as PNG, on all processors,
// and hands each file on, in the order of the figures. It ends with the first error,
// which may be write's.
func Render(figs []*Figure, withPNG bool, write func(name string, b []byte) error) error {
	var jobs []func() file
	for _, f := range figs {
		for _, s := range Sizes {
			name := f.Name + s.Suffix
			jobs = append(jobs, func() file { return file{name + ".svg", f.SVG(s, "g"), nil} })
			if withPNG {
				jobs = append(jobs, func() file {
					b, err := f.PNG(s)
					return file{name + ".png", b, err}
				})
			}
		}
	}
	done := make([]chan file, len(jobs))
	for i := range done {
		done[i] = make(chan file, 1)
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(len(jobs)); i = next.Add(1) {
				done[i-1] <- jobs[i-1]()
			}
		})
	}
	defer workers.Wait()
	defer next.Store(int64(len(jobs)))
	for _, c := range done {
		f := <-c
		if f.err != nil {
			return f.err
		}
		if err := write(f.name, f.b); err != nil {
			return err
		}
	}
	return nil
}
