package record

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// perfRun is a perf record that runs.
type perfRun struct {
	m     *Machine
	stdin io.Closer
	// said is the end of what perf said.
	said tail
	// done is closed when perf has ended, with err.
	done chan struct{}
	err  error
}

// startPerf starts perf, which writes to a file of the folder, and returns when it
// records.
func startPerf(p *Plan, to Folder) (*perfRun, error) {
	f, err := to.Create("perf.data")
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	c := exec.Command(p.Machine.Perf, p.perfArgs(f.Name())...)
	ownGroup(c)
	r := &perfRun{m: &p.Machine, done: make(chan struct{})}
	c.Stderr = &r.said
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.stdin = stdin
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if _, err = bufio.NewReader(stdout).ReadString('\n'); err != nil {
		err = r.failed(errors.Join(stdin.Close(), c.Wait()))
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	go func() { r.err = c.Wait(); close(r.done) }()
	return r, nil
}

// failed says why perf failed, in its own words.
func (r *perfRun) failed(err error) error {
	why := strings.Join(strings.Fields(string(r.said.b)), " ")
	switch {
	case strings.Contains(why, "ermission") || strings.Contains(why, "not permitted") || strings.Contains(why, "paranoid"):
		return r.m.explain(fmt.Errorf("perf: %w", fs.ErrPermission))
	case why == "" && err != nil:
		why = err.Error()
	}
	return fmt.Errorf("%w: perf: %s", ErrUnavailable, why)
}

func (r *perfRun) ended() <-chan struct{} { return r.done }

func (r *perfRun) stop(Folder) error {
	if err := r.stdin.Close(); err != nil {
		return err
	}
	if <-r.done; r.err != nil {
		return r.failed(r.err)
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 2 << 10
	t.b = append(t.b, p...)
	if len(t.b) > most {
		t.b = append(t.b[:0], t.b[len(t.b)-most:]...)
	}
	return len(p), nil
}
