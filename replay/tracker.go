package replay

import "schedreplay/parser"

type tracker struct{}

func newTracker(*replayer) *tracker     { return &tracker{} }
func (t *tracker) before(*parser.Event) {}
func (t *tracker) after(*parser.Event)  {}
func (t *tracker) wakeup(*decision)     {}
func (t *tracker) end()                 {}
