package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"schedreplay/internal/fleettest"
)

// fleetOf makes a fleet of small captures, and returns its folder.
func fleetOf(t *testing.T, n, bad int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "hosts")
	if err := fleettest.Make(filepath.Join("..", "..", "testdata", "traces"), dir, n, bad); err != nil {
		t.Fatal(err)
	}
	return dir
}

// schedreplay runs the program, in a process of its own: fleet starts others of it.
func schedreplay(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := exec.Command("schedreplay", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if stderr.Len() > 0 {
		t.Logf("%s: %s", args[0], stderr.String())
	}
	return string(out), err
}

// Captures that are empty, none at all or never end become dead letters, a damaged one
// stays partial, and all others are in the answer.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("some fifty processes")
	}
	hosts, out := fleetOf(t, 40, 20), filepath.Join(t.TempDir(), "fleet")
	if _, err := schedreplay(t, "fleet", hosts, "-o", out, "--timeout", "2s"); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	b, err := os.ReadFile(filepath.Join(out, "report", "inputs.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
		cells := strings.Split(strings.TrimPrefix(l, hosts), ",")
		got[strings.Join([]string{cells[1], cells[4], cells[5]}, " ")]++
	}
	want := map[string]int{"done  ": 32, "partial  ": 2, "dead exit 3": 4, "dead timeout ": 2}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("outcomes (-want +got):\n%s\n%s", d, b)
	}
	var doc struct {
		Captures int64 `json:"captures"`
		Hosts    []struct {
			Host *string `json:"host"`
		} `json:"hosts"`
		Doubtful []struct {
			Host   *string `json:"host"`
			Judged bool    `json:"judged"`
		} `json:"doubtful"`
		Dead []struct {
			Path, End, Line string
		} `json:"dead_letters"`
	}
	if b, err = os.ReadFile(filepath.Join(out, "report", "fleet.json")); err == nil {
		err = json.Unmarshal(b, &doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, h := range doc.Hosts {
		seen[*h.Host] = true
	}
	for _, h := range doc.Doubtful {
		seen[*h.Host] = true
	}
	if doc.Captures != 34 || len(seen) != 34 || len(doc.Dead) != 6 {
		t.Errorf("%d captures of %d hosts, %d dead letters", doc.Captures, len(seen), len(doc.Dead))
	}
	for _, d := range doc.Dead {
		if d.End == "exit" && !strings.Contains(d.Line, "host") {
			t.Errorf("a dead letter without its reason: %+v", d)
		}
	}
}

// A run that is killed leaves no process behind, and the next one goes on: the same bytes
// as of one run.
func TestFleetGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("some thirty processes")
	}
	hosts, dir := fleetOf(t, 12, 0), t.TempDir()
	pipe := filepath.Join(hosts, "host0006", "ftrace.txt")
	if err := errors.Join(os.Remove(pipe), syscall.Mkfifo(pipe, 0o666)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("schedreplay", "fleet", hosts, "-j", "1", "-o", filepath.Join(dir, "two"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Opening waits for the process that reads the pipe: the captures before it are done.
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()   // it was killed
	for err == nil { // until the reader has ended too
		_, err = w.Write(make([]byte, 1<<16))
	}
	w.Close()
	if !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("writing ends with %v", err)
	}
	before := tree(t, filepath.Join(dir, "two"))
	for _, out := range []string{"one", "two"} {
		if _, err := schedreplay(t, "fleet", hosts, "-o", filepath.Join(dir, out), "--timeout", "2s"); err != nil {
			t.Fatal(err)
		}
	}
	one, two := tree(t, filepath.Join(dir, "one")), tree(t, filepath.Join(dir, "two"))
	if d := cmp.Diff(one, two); d != "" {
		t.Errorf("one run and two differ: %.2000s", d)
	}
	kept := 0
	for name := range before {
		if _, ok := one[name]; ok && strings.HasSuffix(name, "summary.json") {
			kept++
		}
	}
	if kept != 6 {
		t.Errorf("%d captures were done before the kill, not 6", kept)
	}
}

// DuckDB runs the SQL of docs/fleet.md on the row sets, and finds the hosts that the report
// has. The test is skipped where Node or DuckDB is missing; .ci/run installs them and sets
// SCHEDREPLAY_DUCKDB to the folder of node_modules.
func TestFleetSQL(t *testing.T) {
	node, err := exec.LookPath("node")
	modules := os.Getenv("SCHEDREPLAY_DUCKDB")
	if err != nil || modules == "" {
		t.Skip("no node, or SCHEDREPLAY_DUCKDB does not say where DuckDB is")
	}
	hosts, dir := fleetOf(t, 22, 0), t.TempDir()
	if _, err := schedreplay(t, "fleet", hosts, "-o", filepath.Join(dir, "fleet")); err != nil {
		t.Fatal(err)
	}
	page, err := filepath.Abs(filepath.Join("..", "..", "docs", "fleet.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(modules, "schedreplay-duckdb.mjs")
	src, err := os.ReadFile(filepath.Join("testdata", "duckdb.mjs"))
	if err == nil {
		err = os.WriteFile(script, src, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(script)
	cmd := exec.Command(node, script, page)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	queries := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(queries) != 7 {
		t.Fatalf("%d queries", len(queries))
	}
	for i, q := range queries {
		if q == "[]" {
			t.Errorf("query %d finds nothing", i)
		}
	}
	var rows []struct {
		Host string
		Held string `json:"held_ns"` // beyond what a number of JavaScript holds
	}
	var doc struct {
		Hosts []struct {
			Host string
			Held struct{ NS json.Number }
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "fleet", "report", "fleet.json"))
	if err := errors.Join(err, json.Unmarshal([]byte(queries[0]), &rows), json.Unmarshal(b, &doc)); err != nil {
		t.Fatal(err)
	}
	held := map[string]string{}
	for _, r := range rows {
		held[r.Host] = r.Held
	}
	for _, h := range doc.Hosts {
		if held[h.Host] != h.Held.NS.String() {
			t.Errorf("%s held for %s ns by the report, %q by SQL", h.Host, h.Held.NS, held[h.Host])
		}
	}
	if len(rows) != len(doc.Hosts) || len(rows) == 0 {
		t.Errorf("%d hosts by SQL, %d by the report", len(rows), len(doc.Hosts))
	}
}
