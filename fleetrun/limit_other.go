//go:build !linux && !darwin

package fleetrun

import (
	"errors"
	"os"
	"os/exec"
)

// LimitMemory is not possible here.
func LimitMemory(uint32) error { return errors.New("this system cannot limit memory") }

func signalOf(*exec.ExitError) string { return "" }

func lock(*os.File) error { return nil }
