package fleetrun

import "syscall"

// dieWithParent has the kernel kill a process with the thread that started it.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
