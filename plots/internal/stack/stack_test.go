package stack

import (
	"image/color"
	"slices"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

// A label has room in its part or stands above; each is drawn once, and the parts cover the
// bar from end to end, however they are filled.
func TestBar(t *testing.T) {
	var drawn []string
	st := &Style{
		Em: 10, Ink: color.Black, Paper: color.White, Width: func(s string) vg.Length { return vg.Length(len(s)) * 5 },
		Text: func(_, _ vg.Length, s string, _, _ float64) { drawn = append(drawn, s) },
	}
	for k := Plain; k <= Dots; k++ {
		parts := []Part{{Label: "most of it", Short: "most", Value: 90, Fill: color.White, Line: color.Black, Pattern: k}, {Label: "a little", Value: 7, Fill: color.Black, Line: color.White}, {Label: "less", Value: 3, Fill: color.Black, Line: color.White}}
		outside := st.Outside(parts, 400)
		if !slices.Equal(outside, []int{1, 2}) {
			t.Fatalf("outside: %v", outside)
		}
		drawn = nil
		var rec recorder.Canvas
		c := draw.NewCanvas(&rec, 400, 100)
		st.Bar(&c, parts, outside, func(v float64) vg.Length { return vg.Length(v) * 4 }, 10, 30)
		if !slices.Equal(drawn, []string{"most of it", "a little", "less"}) {
			t.Errorf("pattern %d: drawn %v", k, drawn)
		}
		for _, a := range rec.Actions {
			if f, ok := a.(*recorder.Stroke); ok {
				for _, p := range f.Path {
					if p.Type != vg.CloseComp && (p.Pos.X < -1e-9 || p.Pos.X > 400+1e-9) {
						t.Errorf("pattern %d: a line leaves the bar at %v", k, p.Pos)
					}
				}
			}
		}
	}
}
