package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
)

// A connection that is lost ends a run as Ctrl-C does, so that no half-written folder is left
// and record keeps what there is. Under nohup the run goes on.
func TestHangup(t *testing.T) {
	signal.Reset(syscall.SIGHUP) // the tests may run under nohup
	if got := interrupts(); !slices.Equal(got, []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}) {
		t.Errorf("ends on %v", got)
	}
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	if got := interrupts(); slices.Contains(got, os.Signal(syscall.SIGHUP)) {
		t.Errorf("under nohup it ends on %v", got)
	}
}
