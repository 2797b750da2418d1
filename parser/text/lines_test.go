package text

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"schedreplay/parser"
)

// Lines splits like strings.Split whatever the reader's pieces, and cuts what
// is longer than MaxLine.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(MaxLine-2, MaxLine+2), rapid.IntRange(4*MaxLine-2, 9*MaxLine))
		var want []string
		var b bytes.Buffer
		for range rapid.IntRange(0, 6).Draw(t, "lines") {
			l := strings.Repeat(rapid.StringMatching(`[ -~]{1,3}`).Draw(t, "text"), 3*MaxLine*3)[:length.Draw(t, "length")]
			want = append(want, l)
			b.WriteString(l)
			b.WriteByte('\n')
		}
		ended := rapid.Bool().Draw(t, "ended") || len(want) == 0 || want[len(want)-1] == ""
		if !ended {
			b.Truncate(b.Len() - 1)
		}
		broken := errors.New("broken")
		var r io.Reader = &b
		fails := rapid.Bool().Draw(t, "fails")
		if fails {
			r = io.MultiReader(r, iotest.ErrReader(broken))
		}
		if rapid.Bool().Draw(t, "halves") {
			r = iotest.HalfReader(r)
		}
		size := int64(b.Len())
		l := NewLines(r, Shape{})
		for i, w := range want {
			line, ok := l.Next()
			if !ok || string(line) != w[:min(len(w), MaxLine)] || l.Cut() != (len(w) > MaxLine) || l.Number() != int64(i+1) {
				t.Fatalf("line %d: %d bytes of %d, cut %v, %v", i+1, len(line), len(w), l.Cut(), ok)
			}
			if l.Ended() != (ended || i < len(want)-1) {
				t.Fatalf("line %d: ended %v", i+1, l.Ended())
			}
		}
		if _, ok := l.Next(); ok {
			t.Fatal("a line too many")
		}
		if len(want) > 0 && l.Ended() != ended {
			t.Fatal("the last line's end is forgotten")
		}
		if fails != errors.Is(l.Err(), broken) || l.Bytes() != size {
			t.Fatalf("error %v, %d bytes of %d", l.Err(), l.Bytes(), size)
		}
	})
}

func TestShape(t *testing.T) {
	tests := []struct {
		name string
		text string
		want Shape
		line string
	}{
		{"plain", "a\nb\nc", Shape{}, "a"},
		{"one task is called >", "a\n> b\nc", Shape{}, "a"},
		{"quoted", "> a\n> b\nc", Shape{Quote: 1}, "a"},
		{"quoted with blanks kept", ">   a\n>   b", Shape{Quote: 1}, "  a"},
		{"quoted twice", "> > a\n>> b\n> > c", Shape{Quote: 2}, "a"},
		{"boxed", "| a\n| b", Shape{Quote: 1}, "a"},
		{"carriage returns", "a\r\nb\r\nc\r", Shape{CRLF: true}, "a"},
		{"one name ends in a carriage return", "a\r\nb\nc\nd", Shape{}, "a\r"},
		{"grep -n", "12:a\n13:b\n99:c", Shape{Numbered: true}, "a"},
		{"cat -n", "     1\ta\n     2\tb\n     3\tc", Shape{Numbered: true}, "a"},
		{"numbers that do not rise", "3:a\n2:b\n1:c", Shape{}, "3:a"},
		{"quoted listing", "1:> a\n2:> b\n3:> c", Shape{Numbered: true, Quote: 1}, "a"},
		{"nothing", "", Shape{}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines := bytes.Split([]byte(test.text), []byte{'\n'})
			got := ShapeOf(lines)
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			if l := got.Strip(lines[0]); string(l) != test.line {
				t.Errorf("%q, want %q", l, test.line)
			}
		})
	}
}

func TestHead(t *testing.T) {
	long := strings.Repeat("x", 2*MaxLine)
	src := parser.Source{Name: "x", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat(long+"\n\n", 300))), nil
	}}
	h, err := ReadHead(src)
	size := 0
	for _, l := range h.Lines {
		size += len(l)
	}
	if err != nil || size > headBytes+MaxLine || len(h.Lines) == 0 {
		t.Errorf("%d lines, %d bytes, %v", len(h.Lines), size, err)
	}
	broken := errors.New("broken")
	src.Open = func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(broken)), nil }
	if _, err := ReadHead(src); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	src.Open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken))), nil
	}
	if h, err := ReadHead(src); err != nil || len(h.Lines) != 2 {
		t.Errorf("%d lines, %v", len(h.Lines), err)
	}
}
