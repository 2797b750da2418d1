package replay_test

import (
	"os"
	"path/filepath"
	"testing"

	"schedreplay/parser"
	"schedreplay/parser/capturetest"
)

// recordings are the names under which a folder may hold its capture.
var recordings = []string{"ftrace.txt.gz", "perf.data.zst", "trace.dat.zst"}

// openCapture opens one recording of a folder with the folder's host bundle;
// nil if the folder has none of that name.
func openCapture(t *testing.T, dir, name string) (parser.Capture, *parser.Host) {
	t.Helper()
	file := filepath.Join(dir, name)
	if _, err := os.Stat(file); err != nil {
		return nil, nil
	}
	return capturetest.Open(t, file, filepath.Join(dir, "host.tar.gz"))
}
