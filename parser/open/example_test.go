package open_test

import (
	"context"
	"fmt"

	"schedreplay/parser"
	"schedreplay/parser/open"
)

// Read a capture and count what woke whom.
func ExampleFile() {
	in, err := open.File(context.Background(), "../../testdata/traces/smt44-isolated43-original", open.Options{})
	if err != nil {
		fmt.Println(err) // file, place, cause, remedy
		return
	}
	defer in.Close()
	fmt.Println(in.Meta().Dialect)

	wakings := map[string]int{}
	for ev, err := range in.Events() {
		if err != nil {
			fmt.Println(err) // what came before it stands
			break
		}
		if ev.Kind == parser.KindWaking {
			wakings[ev.Task.Comm]++
		}
	}
	fmt.Println("ksmd:", wakings["ksmd"])
	// Output:
	// ftrace
	// ksmd: 216
}
