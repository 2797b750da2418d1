package rows

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                         `""`,
		"ksmd":                     `"ksmd"`,
		`a"b\c`:                    `"a\"b\\c"`,
		"\x00\n\x1b\x7f\u0085":     `"\u0000\u000a\u001b\u007f\u0085"`,
		"café 日本":                  `"café 日本"`,
		"\u00a0\u2028\u202e\ue000": `"\u00a0\u2028\u202e\ue000"`,
		"\U0001f600\U000e0001":     "\"\U0001f600" + `\udb40\udc01"`,
		"\ufffda\xff\xfe":          "\"\ufffda\ufffd\ufffd\"",
		"<b>&":                     `"\u003cb\u003e\u0026"`,
	} {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// What the program writes as a string, any JSON reader reads back.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "ksmd", "a\xff\xfe", "\x00\n\"\\", "\u2028\u202e", "\U0010ffff", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		std, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{AppendString(nil, s), Printable(std)} {
			var got string
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatalf("%q: %v", b, err)
			}
			if got != string([]rune(s)) {
				t.Errorf("%q comes back as %q", s, got)
			}
			for _, r := range string(b) {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || strings.ContainsRune("<>&", r) {
					t.Errorf("%q holds %q", b, r)
				}
			}
		}
	})
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"ksmd": "ksmd", "": "", "=1+1": "'=1+1", "+1": "'+1", "-2": "'-2", "@sum": "'@sum", "|calc": "'|calc", "%0": "'%0",
		" =1": "' =1", "'=1": "''=1", "\u00a0=1": `\u00a0=1`, "a=1": "a=1", "\t=1": `\t=1`, "a\nb": `a\nb`,
		"＝1+1": "'＝1+1", "＋1": "'＋1", "－1": "'－1", "＠a": "'＠a", " ＝1": "' ＝1",
	} {
		if got := Cell(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
