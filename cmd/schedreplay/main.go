// Command schedreplay answers, from a recording of the scheduler, why the kernel
// put a task on an isolated CPU and whether a patched kernel would have.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// version is the released version. It is the only place that names it.
const version = "0.1.0-dev"

func main() { os.Exit(mainStatus()) }

// mainStatus runs the command with the process's own streams and signals.
func mainStatus() int {
	ignoreWriteSignals()
	debug.SetGCPercent(400)        // the heap is small and bounded: collect less often,
	debug.SetMemoryLimit(80 << 20) // but as often as that takes
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills at once
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// run executes one command line and returns the exit status. Cancelling ctx
// interrupts it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(ctx, stdin, stdout, stderr)
	defer a.cancel(nil)
	root := a.rootCommand()
	root.SetArgs(args)
	return a.status(root.ExecuteContext(a.ctx))
}
