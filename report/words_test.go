package report

import (
	"strings"
	"testing"

	"schedreplay/findings/say"
)

func name(s string) string { return string(say.MarkName) + s + string(say.MarkEnd) }

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"prev_cpu of _x_":                        `prev_cpu of \_x\_`,
		"a|b <i>*c*</i> [d](e) `f":               `a\|b &lt;i&gt;\*c\*&lt;/i&gt; \[d\](e) ` + "\\`f",
		say.Code("select_idle_smt"):              "`select_idle_smt`",
		name("@all #1"):                          "`@all #1`",
		name("a|@b"):                             `a\|&#64;b`,
		name("<http://a.co/>"):                   "&lt;http&#58;//a.co/&gt;",
		name("a`b"):                              "``a`b``",
		name("`a"):                               "`` `a ``",
		name(`poll\n`):                           "`poll\\n`",
		name("a|http://b.co"):                    `a\|http&#58;//b.co`,
		name("a|www.b.co"):                       `a\|www&#46;b.co`,
		say.Bold("so "+say.Code("x")+":") + " y": "**so x:** y",
		"# no heading":                           `\# no heading`,
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
		for _, got := range []string{mdText(say.Clean(s)), string(htmlText(say.Clean(s))), mdText(name(say.Clean(s)))} {
			if strings.ContainsAny(got, "\n\r\x1b\u202e\ue000") {
				t.Errorf("%q became %q", s, got)
			}
		}
		if h := string(htmlText(say.Clean(s))); strings.ContainsAny(strings.ReplaceAll(h, "&lt;", ""), "<>") {
			t.Errorf("%q became %q", s, h)
		}
	})
}
