package quote

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendJSON(t *testing.T) {
	for _, c := range []struct {
		in   string
		html bool
		want string
	}{
		{"", false, `""`},
		{"ksmd", false, `"ksmd"`},
		{`a"b\c`, false, `"a\"b\\c"`},
		{"\x00\n\x1b\x7f\u0085", false, `"\u0000\u000a\u001b\u007f\u0085"`},
		{"café 日本", false, `"café 日本"`},
		{"\u00a0\u2028\u202e\ue000", false, `"\u00a0\u2028\u202e\ue000"`},
		{"\U0001f600\U000e0001", false, "\"\U0001f600" + `\udb40\udc01"`},
		{"\ufffda\xff\xfe", false, "\"\ufffda\ufffd\ufffd\""},
		{"<b>&", false, `"<b>&"`},
		{"<b>&", true, `"\u003cb\u003e\u0026"`},
	} {
		if got := string(AppendJSON(nil, c.in, c.html)); got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
}

// What the program writes as a string, any JSON reader reads back.
func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{"", "ksmd", "a\xff\xfe", "\x00\n\"\\", "\u2028\u202e", "\U0010ffff", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, html := range []bool{false, true} {
			b := AppendJSON(nil, s, html)
			var got string
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%q: %v", b, err)
			}
			if got != string([]rune(s)) {
				t.Errorf("%q comes back as %q", s, got)
			}
			for _, r := range string(b) {
				if r < ' ' || r >= 0x7f && r < 0xa0 || html && strings.ContainsRune("<>&", r) {
					t.Errorf("%q holds %q", b, r)
				}
			}
		}
	})
}
