package report

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLook writes the report of every scene below $SCHEDREPLAY_LOOK, for eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("SCHEDREPLAY_LOOK")
	if dir == "" {
		t.Skip("set SCHEDREPLAY_LOOK to a folder")
	}
	all := scenes()
	all["unisolated"], all["bare"], all["many"] = unisolated(), bare(), many()
	for name, s := range all {
		if _, err := writeScene(s, filepath.Join(dir, name), true); err != nil {
			t.Error(err)
		}
	}
}
