package plots

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"schedreplay/plots/internal/canvas"
)

// Files come in the order of the figures, each as when it is drawn alone; writing ends at
// the first error.
func TestPainter(t *testing.T) {
	var figs []*Figure
	var want, pngs []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		f := &Figure{Name: name, Title: name, height: func(size) float64 { return 4 }, draw: func(fr *frame) {
			fr.text(fr.c.Min.X, fr.c.Max.Y, name, fr.style(1, false, ink), 0, 1)
		}}
		figs = append(figs, f)
		want = append(want, name+".svg", name+"-column.svg")
		pngs = append(pngs, name+".png", name+"-column.png")
	}
	var got []string
	render := func(write func(string, []byte) error) error {
		p := &Painter{PNG: true, Write: write}
		defer p.Stop()
		if err := p.Draw(figs[:3]); err != nil {
			return err
		}
		if err := p.Draw(figs[3:]); err != nil {
			return err
		}
		return p.Finish()
	}
	err := render(func(name string, b []byte) error {
		got = append(got, name)
		alone, err := figs[name[0]-'a'].png(new(canvas.Press), Slide)
		if name == figs[name[0]-'a'].Name+".png" && (err != nil || !bytes.Equal(b, alone)) {
			t.Errorf("%s is drawn otherwise", name)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, append(want, pngs...)) {
		t.Errorf("%v, %v", got, err)
	}
	full := errors.New("no space")
	n := 0
	err = render(func(string, []byte) error {
		if n++; n == 13 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || n != 13 {
		t.Errorf("%d files, %v", n, err)
	}
}
