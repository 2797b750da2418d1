// Package heap keeps the memory of a run small without collecting it too often.
package heap

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Keep lets the collector run seldom while the program has less than so many bytes, and
// beyond that when the heap is some times as large as what lives in it.
func Keep(small int64) {
	const percent, most = 400, 3 // what lives, in halves
	debug.SetGCPercent(percent)
	debug.SetMemoryLimit(small)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var arm func()
	arm = func() {
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { // each collection finds one
			metrics.Read(live)
			debug.SetMemoryLimit(max(small, int64(live[0].Value.Uint64())*most/2))
			arm()
		})
	}
	arm()
}
