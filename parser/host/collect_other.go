//go:build !linux

package host

import "errors"

var errNotLinux = errors.New("not a Linux machine")

func monotonicAndBoot() (mono, boot int64, err error) { return 0, 0, errNotLinux }

func uname() (string, error) { return "", errNotLinux }

func isGone(error) bool { return false }
