//go:build !race

package traces

// Race tells that the race detector is on: what runs on one goroutine alone and takes
// long is left to the other tests.
const Race = false
