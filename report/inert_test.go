package report

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"pgregory.net/rapid"

	"schedreplay/findings/say"
	"schedreplay/internal/capturetest"
	"schedreplay/parser"
	"schedreplay/plots"
)

var (
	tagRE = regexp.MustCompile(`<[^>]*>`)
	altRE = regexp.MustCompile(` alt="[^"]*"`)
)

// rendered is what a reader of GitHub's Markdown makes of a document: its tags, without
// those of code, and its text.
func rendered(t rapid.TB, md []byte) (tags []string, text string) {
	t.Helper()
	var b bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(md, &b); err != nil {
		t.Fatal(err)
	}
	for _, tag := range tagRE.FindAllString(b.String(), -1) {
		tag = altRE.ReplaceAllString(tag, "")
		if tag != "<code>" && tag != "</code>" {
			tags = append(tags, tag)
		}
	}
	return tags, html.UnescapeString(tagRE.ReplaceAllString(b.String(), ""))
}

// everywhere is a document with a name at every place that a text can have.
func everywhere(comm string) []byte {
	k := string(say.MarkName) + say.Clean(parser.DisplayComm(comm)) + string(say.MarkEnd)
	plain := say.Clean(parser.DisplayComm(comm))
	d := &document{
		Title: plain, Partial: plain + " is cut", Brief: []string{k + " held CPU 43.", plain}, Warnings: []string{plain + " and " + k}, Headlines: []string{k, plain},
		Sections: []section{{
			Title: "About " + plain, Level: 2,
			Blocks: []block{
				{Text: k + " " + k},
				{Text: plain},
				{List: []string{k, plain}},
				{Steps: []string{plain, k + " ran"}},
				{Paste: []string{plain, plain}},
				{Table: &table{Caption: plain, Cols: []col{{Name: plain}, {Name: k, Num: true}, {}}, Rows: [][]string{{k, plain, k}, {plain, "1", plain}}, Note: k}},
				{Figure: &plots.Figure{Title: k, Caption: plain}},
			},
		}},
	}
	return d.markdown(func(*plots.Figure) string { return "figure.svg" })
}

// checkInert holds that a name changes no tag and is in the text.
func checkInert(t rapid.TB, want []string, comm string) {
	t.Helper()
	if strings.TrimSpace(parser.DisplayComm(comm)) == "" {
		return // such a task is called by its pid
	}
	md := everywhere(comm)
	tags, text := rendered(t, md)
	if !slices.Equal(tags, want) {
		t.Fatalf("%q: the tags are\n%q\nnot\n%q\n%s", comm, tags, want, md)
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if name := squeeze(say.Clean(parser.DisplayComm(comm))); !strings.Contains(squeeze(text), name) {
		t.Fatalf("%q is not in the text:\n%s", name, md)
	}
}

// No task's name yields anything but text in report.md, whatever it stands in.
func TestNamesAreText(t *testing.T) {
	want, _ := rendered(t, everywhere("ksmd"))
	names := append([]string{
		"<http://a.co/>", "http://a.co", "www.a.co", "a@b.co", "[x](y)", "![x](y)", "`", "``", "a`b", "` `", "|", "a|b", `\|`, `\`, "```", "***", "---", "===", "# x", "1. x",
		"1) x", "- [ ] x", "> x", "~~x~~", "_x_", "__x__", "&lt;", "&amp;copy;", "<!-- x", "<b>", "<?x", "[^1]", "[x]: y", ":tada:", "~~~", "    x", "+ x", "ftp://a.co", "xmpp:a@b.co", "mailto:a@b.co",
	}, capturetest.Hostile...)
	for _, n := range names {
		checkInert(t, want, n)
	}
	pieces := rapid.SampledFrom([]string{"`", "|", "<", ">", "&", "\\", "*", "_", "[", "]", "(", ")", "!", "~", "#", "-", "+", "=", ".", "1", ":", "/", "@", "a", " ", "\n", "http", "www.", "co", "é", "\u202e"})
	rapid.Check(t, func(t *rapid.T) {
		checkInert(t, want, strings.Join(rapid.SliceOfN(pieces, 0, 15).Draw(t, "name"), ""))
	})
}

// FuzzMarkdown writes any name everywhere.
func FuzzMarkdown(f *testing.F) {
	f.Add("ksmd")
	f.Add("<http://a.co/>|`")
	want, _ := rendered(f, everywhere("ksmd"))
	f.Fuzz(func(t *testing.T, comm string) { checkInert(t, want, comm) })
}
