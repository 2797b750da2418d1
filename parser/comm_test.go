package parser

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestDisplayComm(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"ksmd", "ksmd"},
		{"kworker/43:1-ev", "kworker/43:1-ev"},
		{"a b  c", "a b  c"},
		{"<script>", "<script>"},
		{"a\nb\tc\rd", `a\nb\tc\rd`},
		{"\x1b[31mred", `\x1b[31mred`},
		{"back\\slash", `back\\slash`},
		{"caf\xc3\xa9", "café"},
		{"caf\xc3", "caf\uFFFD"},
		{"\xff\xfe", "\uFFFD\uFFFD"},
		{"\uFFFD", `\ufffd`},
		{"a\u202eb", `a\u202eb`},
		{"a\u200bb", `a\u200bb`},
		{"a\u2028b", `a\u2028b`},
		{"\ue000x", `\ue000x`},
		{"\U000e0001", `\U000e0001`},
		{"日本語", "日本語"},
		{strings.Repeat("x", 64), strings.Repeat("x", 64)},
		{strings.Repeat("x", 65), strings.Repeat("x", 64) + "…"},
	} {
		if got := DisplayComm(c.in); got != c.want {
			t.Errorf("DisplayComm(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestDisplayCommIsPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "comm"))
		got := DisplayComm(s)
		if !utf8.ValidString(got) {
			t.Fatalf("DisplayComm(%q) is not UTF-8", s)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("DisplayComm(%q) = %q holds %U", s, got, r)
			}
		}
	})
}
