package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"schedreplay/fleetrun"
	"schedreplay/internal/fleettest"
)

// root is the folder of the core module.
var root = filepath.Join("..", "..", "..")

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	os.Exit(m.Run())
}

// prism starts the runner as a process of its own, and points Beam's flags at it. The test
// is skipped where SCHEDREPLAY_PRISM does not name the program.
func prism(t *testing.T) {
	t.Helper()
	program := os.Getenv("SCHEDREPLAY_PRISM")
	if program == "" {
		t.Skip("SCHEDREPLAY_PRISM does not say where prism is")
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	cmd := exec.Command(program, fmt.Sprintf("--job_port=%d", port), "--serve_http=false", "--log_kind=text")
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "JobManagement") {
	}
	go func() {
		for lines.Scan() { // or it would stand still
		}
	}()
	for name, value := range map[string]string{"runner": "universal", "endpoint": fmt.Sprintf("localhost:%d", port), "environment_type": "LOOPBACK"} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// files are those of a folder and their bytes, but for the mark of a folder that grows.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".schedreplay-fleet" {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Prism gives the answer that the local engine gives, byte for byte: dead letters, partial
// captures and two paths with the same bytes among them.
func TestPrismAgreesWithLocal(t *testing.T) {
	prism(t)
	dir := t.TempDir()
	program, hosts := filepath.Join(dir, "schedreplay"), filepath.Join(dir, "hosts")
	build := exec.Command("go", "build", "-o", program, "./cmd/schedreplay")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := fleettest.Make(filepath.Join(root, "testdata", "traces"), hosts, 20, 20); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ftrace.txt", "host.tar.gz"} {
		b, err := os.ReadFile(filepath.Join(hosts, "host0001", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(hosts, "host0002", name), b, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pattern, settings := filepath.Join(hosts, "*", "ftrace.txt"), "--all=true"
	if out, err := exec.Command(program, "fleet", pattern, "-o", filepath.Join(dir, "local"), "--timeout", "3s", settings).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// Beam looks at the size of each file, and would wait for the pipe itself: there the
	// program hangs instead.
	pipe, hanging := filepath.Join(hosts, "host0012", "ftrace.txt"), filepath.Join(dir, "hanging")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in *host0012*) exec sleep 1000 ;; esac\nexec %s \"$@\"\n", program)
	if err := errors.Join(os.Remove(pipe), os.WriteFile(pipe, []byte("x"), 0o666), os.WriteFile(hanging, []byte(script), 0o777)); err != nil {
		t.Fatal(err)
	}
	o := &options{Patterns: []string{pattern}, Output: filepath.Join(dir, "beam"), Child: fleetrun.Child{Binary: hanging, Timeout: 3 * time.Second, Memory: 1024, Settings: []string{settings}}}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	local, engine := files(t, filepath.Join(dir, "local")), files(t, filepath.Join(dir, "beam"))
	for name, b := range local {
		if engine[name] != b {
			t.Errorf("%s differs: %d bytes here, %d on Prism", name, len(b), len(engine[name]))
		}
	}
	if len(local) != len(engine) || len(local) < 100 {
		t.Errorf("%d files here, %d on Prism", len(local), len(engine))
	}
	if inputs := local["report/inputs.csv"]; !strings.Contains(inputs, ",same,") || !strings.Contains(inputs, ",partial,") || strings.Count(inputs, ",dead,") != 3 {
		t.Errorf("the fleet lacks what is hard:\n%s", inputs)
	}
	if err := run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "empty place") {
		t.Errorf("a place that is not empty: %v", err)
	}
}
