package host

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// monotonicAndBoot reads CLOCK_MONOTONIC and CLOCK_BOOTTIME, in ns.
func monotonicAndBoot() (mono, boot int64, err error) {
	var m, b unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &m); err != nil {
		return 0, 0, err
	}
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &b); err != nil {
		return 0, 0, err
	}
	return m.Nano(), b.Nano(), nil
}

// uname returns system, release, node name and machine in lines.
func uname() (string, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range [][]byte{u.Sysname[:], u.Release[:], u.Nodename[:], u.Machine[:]} {
		b.WriteString(unix.ByteSliceToString(f) + "\n")
	}
	return b.String(), nil
}

// isGone reports whether a file of /proc vanished while it was read.
func isGone(err error) bool { return errors.Is(err, unix.ESRCH) }
