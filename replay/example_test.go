package replay_test

import (
	"context"
	"fmt"

	"schedreplay/parser/host"
	"schedreplay/parser/open"
	"schedreplay/replay"
)

// Read a capture, replay it, and ask for the intrusions.
func Example() {
	ctx, dir := context.Background(), "../testdata/traces/smt44-isolated43-original"
	in, err := open.File(ctx, dir, open.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Close()
	h, err := host.Read(ctx, dir+"/host.tar.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := replay.Run(ctx, in, h, replay.Plan{})
	if err != nil {
		fmt.Println(err)
		return
	}
	f := &res.Fidelity
	fmt.Printf("%s made the recording; the model of it is exact in %d %% of decisions\n", res.BaselineKernel().Name, 100*f.Exact/f.Decisions)
	for _, cpu := range res.CPUs {
		for _, s := range cpu.Stays {
			fmt.Printf("CPU %d: %s came by %s at %s s and ran %d ms there in %d runs\n", s.CPU, s.Task.Comm, s.Entry.Path, replay.Seconds(s.Arrived), s.RunNS/1e6, s.Runs)
			fmt.Printf("under %s it goes to CPU %d, and %d ms remain\n", res.Patched.Name, s.Entry.Patched.CPU, s.PatchedRunNS/1e6)
		}
	}
	// Output:
	// 6.1.192-smt-span made the recording; the model of it is exact in 99 % of decisions
	// CPU 43: ksmd came by idle-smt at 24.569910 s and ran 898 ms there in 421 runs
	// under 6.1.192 it goes to CPU 42, and 0 ms remain
}

// Compare the recorded kernel with several others, and count what each lets onto the
// isolated CPUs.
func ExampleRun() {
	ctx, dir := context.Background(), "../testdata/traces/smt44-isolated43-original"
	in, err := open.File(ctx, dir, open.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer in.Close()
	h, err := host.Read(ctx, dir+"/host.tar.gz")
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := replay.Run(ctx, in, h, replay.Plan{Original: "6.1.192-smt-span", Patched: []string{"6.1.192", "6.1.50", "6.12"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range res.Alternatives {
		for _, hold := range a.Holds {
			fmt.Printf("%s: %d entries to CPU %d, held for %d ms\n", a.Name, hold.Entries, hold.CPU, hold.HeldNS/1e6)
		}
	}
	// Output:
	// 6.1.192: 0 entries to CPU 43, held for 0 ms
	// 6.1.50: 1 entries to CPU 43, held for 898 ms
	// 6.12: 0 entries to CPU 43, held for 0 ms
}
