package cpumask_test

import (
	"fmt"

	"schedreplay/cpumask"
)

// The housekeeping CPUs of a machine of 8 that was booted with isolcpus=3,6-7.
func Example() {
	isolated, err := cpumask.ParseList("3,6-7", 8)
	if err != nil {
		fmt.Println(err)
		return
	}
	housekeeping := cpumask.Range(0, 7).AndNot(isolated)
	fmt.Println(housekeeping, housekeeping.Weight(), housekeeping.Test(3))
	// Output: 0-2,4-5 5 false
}
