package fleetrun

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"schedreplay/export/rowset"
	"schedreplay/findings/fleet"
	"schedreplay/findings/say"
)

// Child says how a capture is summed up in a process of its own.
type Child struct {
	// Binary is schedreplay's, Settings its flags that shape the result.
	Binary   string
	Settings []string
	// Bundle is the host bundle of all captures, "" for that beside each.
	Bundle string
	// Timeout bounds its time, Memory its private memory in MiB; 0 is no bound.
	Timeout time.Duration
	Memory  uint32
	// Procs is the number of cores for it, 0 for all.
	Procs int
}

// withBundle is the input as it is read: with the bundle of all, if there is one.
func (c *Child) withBundle(in Input) Input {
	if c.Bundle != "" {
		in.Bundle = c.Bundle
	}
	return in
}

// Run sums up a capture into a folder that is free. It returns the row set's folder there
// with its summary, or a dead letter. The error is of this side: ctx has ended.
//
// The caller keeps to one thread ([runtime.LockOSThread]) for as long as the process runs,
// so that Linux ends it with this program, whatever ends that.
func (c *Child) Run(ctx context.Context, in Input, dir string) (string, *fleet.Summary, *fleet.DeadLetter, error) {
	limited := ctx
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, c.Timeout)
		defer cancel()
	}
	args := append([]string{"summarize", "-q", "-o", dir}, c.Settings...)
	if b := c.withBundle(in).Bundle; b != "" {
		args = append(args, "--host", b)
	}
	if c.Memory > 0 {
		args = append(args, "--memory", strconv.FormatUint(uint64(c.Memory), 10))
	}
	cmd := exec.CommandContext(limited, c.Binary, append(args, "--", in.Path)...)
	if c.Procs > 0 {
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.Procs))
	}
	cmd.SysProcAttr = dieWithParent()
	cmd.WaitDelay = time.Second
	var heard said
	cmd.Stderr = &heard
	err := cmd.Run()
	if ctx.Err() != nil {
		return "", nil, nil, ctx.Err()
	}
	dead := &fleet.DeadLetter{Path: in.Path, Status: -1, Line: heard.line()}
	var exit *exec.ExitError
	switch {
	case limited.Err() != nil:
		dead.End = fleet.ByTimeout
		return "", nil, dead, nil
	case err == nil:
	case !errors.As(err, &exit):
		dead.End, dead.Line = fleet.ByStart, say.Clean(err.Error())
		return "", nil, dead, nil
	case exit.ExitCode() < 0:
		dead.End, dead.Signal = fleet.BySignal, signalOf(exit)
		return "", nil, dead, nil
	default:
		if dead.End, dead.Status = fleet.ByExit, exit.ExitCode(); heard.outOfMemory() {
			dead.End = fleet.ByMemory
		}
	}
	// Status 3 with a whole row set is of a capture that could be read in part.
	sets, _ := rowset.List(dir)
	if len(sets) == 1 && (err == nil || dead.Status == 3) {
		s, readErr := rowset.Read(sets[0])
		if readErr == nil && (err == nil || s.Partial != "") {
			return sets[0], s, nil, nil
		}
		err = errors.Join(err, readErr)
	}
	if dead.End == "" {
		if dead.End = fleet.ByNothing; err != nil {
			dead.Line = say.Clean(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
		}
	}
	return "", nil, dead, nil
}

// keptBytes is how much is kept of the beginning and of the end of what a process says.
const keptBytes = 4096

// said keeps the beginning and the end of what is written to it.
type said struct{ head, tail []byte }

func (s *said) Write(p []byte) (int, error) {
	n := min(len(p), keptBytes-len(s.head))
	s.head = append(s.head, p[:n]...)
	s.tail = append(s.tail, p[max(n, len(p)-keptBytes):]...)
	s.tail = s.tail[max(0, len(s.tail)-keptBytes):]
	return len(p), nil
}

// fatal is the line in which Go's runtime tells why it ends the process, before the stacks;
// "" if it does not.
func (s *said) fatal() string {
	for l := range bytes.Lines(s.head) {
		if bytes.HasPrefix(l, []byte("fatal error: ")) || bytes.HasPrefix(l, []byte("panic: ")) || bytes.HasPrefix(l, []byte("runtime/cgo: ")) {
			return string(bytes.TrimSpace(l))
		}
	}
	return ""
}

// line is the line that tells most: the fatal one, else the last.
func (s *said) line() string {
	last := s.fatal()
	if last == "" {
		for l := range bytes.Lines(append(s.head, s.tail...)) {
			if l = bytes.TrimSpace(l); len(l) > 0 {
				last = string(l)
			}
		}
	}
	return say.Clean(strings.ToValidUTF8(strings.TrimPrefix(last, "schedreplay: "), "\ufffd"))
}

// outOfMemory reports whether memory was what it lacked. For a thread without room for its
// stack the C library says EAGAIN.
func (s *said) outOfMemory() bool {
	f := s.fatal()
	return strings.Contains(f, "memory") || strings.Contains(f, "pthread_create failed: Resource temporarily unavailable")
}

// Cores is the number of processes that Run runs at once unless told.
func Cores() int { return runtime.GOMAXPROCS(0) }
