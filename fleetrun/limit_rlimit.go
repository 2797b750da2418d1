//go:build linux || darwin

package fleetrun

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// LimitMemory bounds this process's private memory in MiB. Beyond it the process ends.
func LimitMemory(mib uint32) error {
	n := uint64(mib) << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: n, Max: n}); err != nil {
		return fmt.Errorf("memory cannot be limited to %d MiB: %w", mib, err)
	}
	return nil
}

func signalOf(e *exec.ExitError) string {
	if s, ok := e.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return s.Signal().String()
	}
	return ""
}

// lock takes a file for this process alone, for as long as it is open.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
