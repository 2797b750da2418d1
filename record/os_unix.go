//go:build unix

package record

import (
	"os"
	"os/exec"
	"syscall"
)

// readNow reads what is there; [syscall.EAGAIN] if that is nothing yet.
func readNow(f *os.File, p []byte) (n int, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := c.Read(func(fd uintptr) bool {
		n, err = syscall.Read(int(fd), p)
		return true
	})
	if cerr != nil {
		return 0, cerr
	}
	return max(n, 0), err
}

// ownGroup keeps the terminal's Ctrl-C from a command: this process ends it.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
