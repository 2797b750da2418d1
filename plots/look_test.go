package plots

import (
	"os"
	"path/filepath"
	"testing"

	"schedreplay/replay"
)

// TestLook writes every figure of every scene below $SCHEDREPLAY_LOOK, for
// eyes.
func TestLook(t *testing.T) {
	dir := os.Getenv("SCHEDREPLAY_LOOK")
	if dir == "" {
		t.Skip("set SCHEDREPLAY_LOOK to a folder")
	}
	for name, s := range scenes() {
		col := newCollector()
		res := s.play(replay.Observer{Wakeup: col.wakeup, Run: col.run})
		cpus := summarizeAll(res)
		for _, f := range buildFigures(res, col, cpus).all(cpus) {
			for _, sz := range sizes {
				b, err := f.png(sz)
				if err != nil {
					t.Fatal(err)
				}
				svg := f.svg(sz, "g")
				base := filepath.Join(dir, name+"."+f.name+sz.suffix)
				os.WriteFile(base+".png", b, 0o666)
				os.WriteFile(base+".svg", svg, 0o666)
				t.Logf("%s%s %s: png %d svg %d", f.name, sz.suffix, name, len(b), len(svg))
			}
		}
	}
}
