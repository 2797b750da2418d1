// Command schedreplay answers, from a recording of the scheduler, why the kernel
// put a task on an isolated CPU and whether a patched kernel would have.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"schedreplay/cmd/schedreplay/internal/buildinfo"
	"schedreplay/cmd/schedreplay/internal/heap"
)

// version is the released version, as results bear it.
var version = buildinfo.Version()

func main() { os.Exit(mainStatus()) }

// mainStatus runs the command with the process's own streams and signals.
func mainStatus() int {
	ignoreWriteSignals()
	heap.Keep(40 << 20)
	ctx, stop := signal.NotifyContext(context.Background(), interrupts()...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal kills at once
	return run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// interrupts are the signals that end a run in order: those that were not ignored when it
// began, as nohup ignores SIGHUP.
func interrupts() []os.Signal {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	return slices.DeleteFunc(ends, signal.Ignored)
}

// run executes one command line and returns the exit status. Cancelling ctx
// interrupts it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp(ctx, stdin, stdout, stderr)
	defer a.cancel(nil)
	root := a.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(a.ctx)
	a.command = cmd
	return a.status(err)
}
