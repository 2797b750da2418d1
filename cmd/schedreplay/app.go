package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"schedreplay/cmd/schedreplay/internal/stream"
	"schedreplay/cmd/schedreplay/internal/term"
)

// app is one run of the program.
type app struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	stdin  io.Reader
	out    *stream.Output
	stderr io.Writer
	// tty and errTTY say whether results and messages go to a terminal.
	tty, errTTY bool
	progress    *term.Progress

	quiet, verbose bool
	color          string
	tempLimit      uint32 // MiB
	// line is a buffer for the line that is being made.
	line []byte
	// command is the one that runs; started is set when its own code begins.
	command *cobra.Command
	started bool
}

func newApp(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) *app {
	ctx, cancel := context.WithCancelCause(ctx)
	a := &app{ctx: ctx, cancel: cancel, stderr: stderr, tty: isTerminal(stdout), errTTY: isTerminal(stderr)}
	a.stdin = stdin
	a.out = stream.NewOutput(stdout, func(err error) { cancel(err) })
	a.progress = &term.Progress{}
	return a
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && xterm.IsTerminal(int(f.Fd()))
}

// where names the command for messages.
func (a *app) where() string {
	if a.command != nil {
		return a.command.CommandPath()
	}
	return "schedreplay"
}

// say prints one line on standard error.
func (a *app) say(format string, args ...any) {
	a.progress.Clear()
	fmt.Fprintf(a.stderr, "schedreplay: "+format+"\n", args...)
}

// note prints a remark unless the user wants none.
func (a *app) note(s string) {
	if !a.quiet {
		a.say("note: %s", term.OneLine(s))
	}
}

// colored says whether results are coloured.
func (a *app) colored() bool {
	switch a.color {
	case "always":
		return true
	case "never":
		return false
	}
	return a.tty && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
