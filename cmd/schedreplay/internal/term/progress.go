package term

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far the reading is, on a terminal only. The zero value
// shows nothing.
type Progress struct {
	// To is the terminal; nothing is shown without one.
	To   io.Writer
	bar  *progressbar.ProgressBar
	pass int
	last int64
	// steps: Step is told how far the work is, and bytes say little.
	steps bool
}

// Update is told the bytes read of the input as stored and their total; a count
// that falls begins another pass.
func (p *Progress) Update(done, total int64) {
	if p.To == nil || p.steps {
		return
	}
	if p.bar == nil || done < p.last {
		p.Clear()
		p.pass++
		what := "reading"
		if p.pass > 1 {
			what = "replaying"
		}
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.To), progressbar.OptionSetDescription(what),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(24), progressbar.OptionSetPredictTime(total > 0))
	}
	p.last = done
	_ = p.bar.Set64(done) // a terminal that fails is no reason to stop
}

// Step is told that step n of total begins; from then on bytes are not shown.
func (p *Progress) Step(what string, n, total int) {
	if p.To == nil {
		return
	}
	if !p.steps {
		p.Clear()
		p.steps = true
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(p.To), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24))
	}
	if p.bar != nil {
		_ = p.bar.Set(n - 1) // a terminal that fails is no reason to stop
	}
}

// Clear takes the bar off the screen.
func (p *Progress) Clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
