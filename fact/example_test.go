package fact_test

import (
	"fmt"

	"schedreplay/fact"
)

// A fact is asked before it is used.
func Example() {
	release := fact.Seen("6.1.192", "/proc/sys/kernel/osrelease")
	var isolated fact.Fact[string]

	if v, ok := release.Get(); ok {
		fmt.Printf("%s (%s, %s)\n", v, release.From, release.Source)
	}
	if _, ok := isolated.Get(); !ok {
		fmt.Println("isolated CPUs:", isolated.From)
	}
	// Output:
	// 6.1.192 (observed, /proc/sys/kernel/osrelease)
	// isolated CPUs: unknown
}
