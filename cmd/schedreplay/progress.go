package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far the reading is, on a terminal only. The zero value
// shows nothing.
type progress struct {
	w    io.Writer
	bar  *progressbar.ProgressBar
	pass int
	last int64
	// steps: step is told how far the work is, and bytes say little.
	steps bool
}

// update is told the bytes read of the input as stored and their total; a count
// that falls begins another pass.
func (p *progress) update(done, total int64) {
	if p.w == nil || p.steps {
		return
	}
	if p.bar == nil || done < p.last {
		p.clear()
		p.pass++
		what := "reading"
		if p.pass > 1 {
			what = "replaying"
		}
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24), progressbar.OptionSetPredictTime(total > 0))
	}
	p.last = done
	_ = p.bar.Set64(done) // a terminal that fails is no reason to stop
}

// step is told that step n of total begins; from then on bytes are not shown.
func (p *progress) step(what string, n, total int) {
	if p.w == nil {
		return
	}
	if !p.steps {
		p.clear()
		p.steps = true
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24))
	}
	if p.bar != nil {
		_ = p.bar.Set(n - 1) // a terminal that fails is no reason to stop
	}
}

// clear takes the bar off the screen.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
