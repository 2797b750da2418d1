//go:build !unix

package record

import (
	"os"
	"os/exec"
)

func readNow(f *os.File, p []byte) (int, error) { return f.Read(p) }

func ownGroup(*exec.Cmd) {}
