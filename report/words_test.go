package report

import (
	"strings"
	"testing"

	"schedreplay/findings/say"
)

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"prev_cpu of _x_":                                      `prev_cpu of \_x\_`,
		"a|b <i>*c*</i> [d](e) `f":                             `a\|b &lt;i&gt;\*c\*&lt;/i&gt; \[d\](e) ` + "\\`f",
		say.Code("select_idle_smt"):                            "`select_idle_smt`",
		string(say.MarkName) + "@all #1" + string(say.MarkEnd): "`@all #1`",
		string(say.MarkName) + "a|@b" + string(say.MarkEnd):    `a\|&#64;b`,
		say.Bold("so "+say.Code("x")+":") + " y":               "**so x:** y",
		"# no heading":                                         `\# no heading`,
	} {
		if got := mdText(in); got != want {
			t.Errorf("mdText(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("ksmd")
	f.Add("a|b`<c>\x1b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{mdText(say.Clean(s)), string(htmlText(say.Clean(s))), mdText(string(say.MarkName) + say.Clean(s) + string(say.MarkEnd))} {
			if strings.ContainsAny(got, "\n\r\x1b\u202e\ue000") {
				t.Errorf("%q became %q", s, got)
			}
		}
		if h := string(htmlText(say.Clean(s))); strings.ContainsAny(strings.ReplaceAll(h, "&lt;", ""), "<>") {
			t.Errorf("%q became %q", s, h)
		}
	})
}
