package replay_test

import (
	"path/filepath"
	"testing"

	"schedreplay/internal/capturetest"
	"schedreplay/parser"
)

// cpu43only is the folder whose perf.data was recorded on one CPU.
const cpu43only = "smt44-isolated43-original-cpu43only"

// openCapture opens one recording of a folder with the folder's host bundle.
func openCapture(t *testing.T, dir, name string) (parser.Capture, *parser.Host) {
	t.Helper()
	return capturetest.Open(t, filepath.Join(dir, name), filepath.Join(dir, "host.tar.gz"))
}
