package canvas

import (
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Wrap breaks text into lines no wider than w. A word that is wider stands
// alone, cut with an ellipsis.
func Wrap(s string, st draw.TextStyle, w vg.Length) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && st.Width(line+" "+word) <= w {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		line = Cut(word, st, w)
	}
	return append(lines, line)
}

// Cut shortens text to a width.
func Cut(s string, st draw.TextStyle, w vg.Length) string {
	if st.Width(s) <= w {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && st.Width(string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}
