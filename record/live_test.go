package record

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"schedreplay/cpumask"
	"schedreplay/parser"
	"schedreplay/parser/open"
)

// asRecorder makes the test program a recorder that goes on until it is killed.
const asRecorder = "SCHEDREPLAY_TEST_RECORDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asRecorder); dir != "" {
		mach, err := Probe("/")
		if err != nil {
			panic(err)
		}
		p, err := NewPlan(mach, Options{Backend: Tracefs, When: &Condition{Delay: time.Hour}, Isolated: cpumask.Of(0), Buffer: 4 << 20})
		if err != nil {
			panic(err)
		}
		_, err = p.Run(context.Background(), folder(dir), func(s string) { os.Stdout.WriteString(s + "\n") })
		panic(err)
	}
	os.Exit(m.Run())
}

// live is this machine, if it can record.
func live(t *testing.T) Machine {
	t.Helper()
	m, err := Probe("/")
	if err != nil {
		t.Skip(err)
	}
	in, err := newInstance(&m, "-test")
	if err != nil {
		t.Skip(err)
	}
	if err := in.remove(); err != nil {
		t.Fatal(err)
	}
	return m
}

// settings are those of a tracefs, by path, and the names of its instances but for
// other recorders'.
func settings(t *testing.T, m Machine) map[string]string {
	t.Helper()
	out := map[string]string{}
	read := func(p string) {
		b, err := os.ReadFile(p)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			out[p] = err.Error()
			return
		}
		out[p] = string(b)
	}
	for _, n := range []string{
		"tracing_on", "current_tracer", "trace_clock", "buffer_size_kb", "buffer_percent", "tracing_cpumask", "trace_options", "set_event",
		"set_event_pid", "set_ftrace_pid", "saved_cmdlines_size", "tracing_thresh", "events/enable", "events/sched/enable",
	} {
		read(filepath.Join(m.Tracefs, n))
	}
	for _, e := range append([]string{runtimeEvent}, wanted...) {
		at := filepath.Join(m.Tracefs, "events", strings.Replace(e, ":", "/", 1))
		read(filepath.Join(at, "enable"))
		read(filepath.Join(at, "filter"))
	}
	list, err := os.ReadDir(filepath.Join(m.Tracefs, "instances"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), prefix) {
			out["instance "+e.Name()] = ""
		}
	}
	return out
}

// unchanged does something and demands that it leaves every setting as it was. Others
// trace on this machine, too, so it may do it again.
func unchanged(t *testing.T, m Machine, do func()) {
	t.Helper()
	var before, after map[string]string
	for range 3 {
		before = settings(t, m)
		do()
		if after = settings(t, m); maps.Equal(before, after) {
			return
		}
	}
	same(t, before, after)
}

// gone fails if an instance of a recorder is still there.
func gone(t *testing.T, m Machine, pid int) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(m.Tracefs, "instances", instanceName(pid)+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %q, %v", left, err)
	}
}

// What each backend records is a capture with this machine's switches, and no setting
// of tracing is another one afterwards.
func TestLive(t *testing.T) {
	m := live(t)
	for _, o := range []Options{{Backend: Perf, Noise: true, Isolated: cpumask.Of(0)}, {Backend: Perf, Ring: true}, {Backend: Tracefs, Noise: true}} {
		if o.Backend == Perf && m.Perf == "" {
			t.Log("no perf that runs on this kernel")
			continue
		}
		o.Buffer, o.Command = 4<<20, []string{"true"}
		p, err := NewPlan(m, o)
		if err != nil {
			t.Fatal(err)
		}
		unchanged(t, m, func() {
			dir := t.TempDir()
			r, err := p.Run(t.Context(), folder(dir), func(string) {})
			if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrPermission) {
				t.Logf("%s: %v", o.Backend, err)
				return
			}
			if err != nil || !r.Recorded || r.Why != "true ended" {
				t.Fatalf("%s: %+v, %v", o.Backend, r, err)
			}
			in, err := open.File(t.Context(), dir, open.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			if in.Bundle != filepath.Join(dir, "host.tar.gz") {
				t.Errorf("the bundle is %q", in.Bundle)
			}
			ran := false
			for ev, err := range in.Events() {
				if err != nil {
					t.Fatal(err)
				}
				ran = ran || ev.Kind == parser.KindExec && strings.HasSuffix(ev.Text, "/true")
			}
			if !ran {
				t.Errorf("%s, ring %v: the command is not in the recording", o.Backend, o.Ring)
			}
		})
	}
	gone(t, m, os.Getpid())
}

// A condition is met by what this machine's tasks do: any is an intruder on CPU 0 where
// that is stated to be isolated.
func TestLiveCondition(t *testing.T) {
	m := live(t)
	p, err := NewPlan(m, Options{Backend: Tracefs, When: &Condition{}, Isolated: cpumask.Of(0), Buffer: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, m, func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() {
			for ctx.Err() == nil {
				_ = exec.Command("true").Run()
			}
		}()
		r, err := p.Run(ctx, folder(t.TempDir()), func(string) {})
		if err != nil || !strings.Contains(r.Why, "ran on isolated CPU 0 at ") {
			t.Errorf("%+v, %v", r, err)
		}
	})
	gone(t, m, os.Getpid())
}

// A killed recorder leaves instances; the next one, or Restore, removes them, and then
// every setting is as before.
func TestKilled(t *testing.T) {
	m := live(t)
	unchanged(t, m, func() {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), asRecorder+"="+t.TempDir())
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "recording") { // it removes what others left first
		}
		if lines.Err() != nil || lines.Text() == "" {
			t.Fatalf("%q, %v", lines.Text(), lines.Err())
		}
		at := filepath.Join(m.Tracefs, "instances", instanceName(c.Process.Pid))
		if b, err := os.ReadFile(filepath.Join(at, "events/sched/sched_switch/enable")); err != nil || strings.TrimSpace(string(b)) != "1" {
			t.Errorf("it does not record: %q, %v", b, err)
		}
		if _, err := Restore(m); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(at); err != nil {
			t.Errorf("Restore removed an instance in use: %v", err)
		}
		_ = c.Process.Kill()
		_ = c.Wait()
		if _, err := Restore(m); err != nil {
			t.Fatal(err)
		}
		gone(t, m, c.Process.Pid)
	})
}
