//go:build !linux

package fleetrun

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
