package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// sources calls do with every file of the repository that ends in one of the
// suffixes, by its path from the root.
func sources(t *testing.T, do func(path, text string), suffixes ...string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if d.IsDir() {
			if _, err := os.Stat(filepath.Join(p, "report.json")); err == nil {
				return filepath.SkipDir // what the README's first command makes
			}
			if rel == "docs/example" || d.Name() == "third_party" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		for _, s := range suffixes {
			if strings.HasSuffix(p, s) {
				b, err := os.ReadFile(p)
				if err != nil {
					return err
				}
				do(filepath.ToSlash(rel), string(b))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	headingRE = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fenceRE   = regexp.MustCompile("(?ms)^```.*?^```$")
	linkRE    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	citeRE    = regexp.MustCompile(`docs/[\w./-]*\w(?:#[\w-]*\w)?`)
	// outsideRE are cites of what is not in the repository.
	outsideRE = regexp.MustCompile(`(?i)\bspec sections?\b|\(details,|; details, section|\.\./shared`)
)

// anchors are the headings of a page as links name them.
func anchors(text string) map[string]bool {
	list := map[string]bool{}
	for _, m := range headingRE.FindAllStringSubmatch(fenceRE.ReplaceAllString(text, ""), -1) {
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ':
				b.WriteByte('-')
			case r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r > 127:
				b.WriteRune(r)
			}
		}
		list[b.String()] = true
	}
	return list
}

// resolves says what is wrong with a reference to a file, seen from the root.
func resolves(ref string) string {
	file, anchor, _ := strings.Cut(ref, "#")
	b, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		if st, err := os.Stat(filepath.Join("..", "..", file)); err == nil && st.IsDir() {
			return ""
		}
		return "there is no such file"
	}
	if anchor != "" && !anchors(string(b))[anchor] {
		return "the page has no such heading"
	}
	return ""
}

// Every page that a comment cites is in the repository, with the heading cited.
func TestDocsCites(t *testing.T) {
	n := 0
	sources(t, func(path, text string) {
		if path == "cmd/schedreplay/docs_test.go" {
			return
		}
		for _, ref := range citeRE.FindAllString(text, -1) {
			n++
			if wrong := resolves(ref); wrong != "" {
				t.Errorf("%s cites %s: %s", path, ref, wrong)
			}
		}
		if m := outsideRE.FindString(text); m != "" {
			t.Errorf("%s cites what is not in the repository: %q", path, m)
		}
	}, ".go")
	if n < 10 {
		t.Errorf("only %d cites found", n)
	}
}

// Every link between pages resolves.
func TestDocsLinks(t *testing.T) {
	sources(t, func(path, text string) {
		for _, m := range linkRE.FindAllStringSubmatch(fenceRE.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			ref := filepath.ToSlash(filepath.Join(filepath.Dir(path), m[1]))
			if strings.HasPrefix(m[1], "#") {
				ref = path + m[1]
			}
			if wrong := resolves(ref); wrong != "" {
				t.Errorf("%s links to %s: %s", path, m[1], wrong)
			}
		}
	}, ".md")
}

// Lines of prose have at most 100 columns; rows of tables, code and figures may
// be longer.
func TestDocsWidth(t *testing.T) {
	sources(t, func(path, text string) {
		if strings.Contains(path, "testdata/") && !strings.HasPrefix(path, "testdata/traces") {
			return
		}
		code := false
		for i, l := range strings.Split(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(l), "```") {
				code = !code
			}
			free := code || strings.HasPrefix(l, "|") || strings.HasPrefix(l, "    ") || strings.HasPrefix(l, "![")
			if !free && utf8.RuneCountInString(l) > 100 {
				t.Errorf("%s:%d has %d columns", path, i+1, utf8.RuneCountInString(l))
			}
		}
	}, ".md")
}
