package host_test

import (
	"context"
	"fmt"

	"schedreplay/parser/host"
)

// Read a host bundle.
func ExampleRead() {
	h, err := host.Read(context.Background(), "../../testdata/traces/smt44-isolated43-original/host.tar.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.Release.Value, "online", h.Online.Value, "isolated", h.Isolated.Value)
	fmt.Println("pid 240 is", h.Task[240].Comm, "and may run on", h.Task[240].Affinity.Value)
	// Output:
	// 6.1.192 online 0-43 isolated 43
	// pid 240 is ksmd and may run on 0-43
}
