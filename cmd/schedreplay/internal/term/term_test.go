package term

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWidth(t *testing.T) {
	for s, want := range map[string]int{"": 0, "ksmd": 4, "é": 1, "e\u0301": 1, "me\u0301": 2, "kwork…": 6, "qemu…[98]": 9, "…\u0301a": 2, "日e\u0301": 3, "日本": 4, "＝": 2, "👩‍💻": 2} {
		if got := Width(s); got != want {
			t.Errorf("%q is %d wide, not %d", s, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{
		{"kworker", 7, "kworker"}, {"kworker", 6, "kwork…"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"me\u0301mory", 2, "m…"}, {"me\u0301mory", 3, "me\u0301…"}, {"ksmd", 0, "…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"ab", 1, "…"}, {"", 0, ""},
	} {
		if got := Cut(c.s, c.width); got != c.want {
			t.Errorf("%q in %d: %q, not %q", c.s, c.width, got, c.want)
		}
	}
}

// Wrapping loses no word and keeps to the width where words allow it.
func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zé日=]{1,12}`), 0, 40).Draw(t, "words")
		width := rapid.IntRange(30, 90).Draw(t, "width")
		margin := rapid.IntRange(0, 5).Draw(t, "margin")
		text := strings.Join(words, " ")
		for _, out := range []string{Wrap(text, width), strings.TrimLeft(Indent(text, margin, width), " "), Beside("", text, margin, width)} {
			if got := strings.Join(strings.Fields(out), " "); got != text {
				t.Fatalf("%q became %q", text, got)
			}
			for l := range strings.SplitSeq(out, "\n") {
				if Width(l) > width {
					t.Fatalf("%q is wider than %d", l, width)
				}
			}
		}
	})
}

func TestWrapKeepsQuantities(t *testing.T) {
	for _, q := range []string{"32.441172 s", "97 %", "103 ms,", "CPU 43", "(pid 240)"} {
		for width := 30; width < 50; width++ {
			text := "it came in where it was first seen " + q + " and stayed there until the recording ended"
			if out := Wrap(text, width); !strings.Contains(out, q) {
				t.Errorf("%q is broken: %q", q, out)
			}
		}
	}
}

func TestStyle(t *testing.T) {
	if got := Style(true).Bad("a\nb"); got != "\x1b[31ma\x1b[0m\n\x1b[31mb\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := Style(false).Bad("a\nb"); got != "a\nb" {
		t.Errorf("%q", got)
	}
}

func TestTable(t *testing.T) {
	tab := func() *Table {
		return &Table{Indent: 2, Columns: []Column{{Name: "task", Width: 6}, {Name: "runs", Width: 4, Right: true}, {Name: "note"}}}
	}
	rows := [][]Cell{Cells("ksmd", "215", "x"), Cells("日本語の", "7", "")}
	var b strings.Builder
	x := tab()
	x.Head(&b)
	for _, r := range rows {
		x.Row(&b, r...)
	}
	if want := "  task   runs note\n  ksmd    215 x\n  日本語の    7\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	tab().All(&b, 80, rows)
	if want := "  task     runs note\n  ksmd      215 x\n  日本語の    7\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	tab().All(&b, 10, rows[:1])
	if want := "  ksmd\n    runs               215\n    note               x\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	x = tab()
	x.Style = true
	x.Row(&b, Cell{Text: "ksmd", In: x.Style.Bad}, Cell{Text: "1"})
	if want := "  \x1b[31mksmd\x1b[0m      1\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	x.Row(&b, Cell{Text: "ksmd", Mark: '*'}, Cell{Text: "1", Mark: '~'}, Cell{Text: "x", Mark: ' '})
	if want := "  ksmd*    1~ x\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
