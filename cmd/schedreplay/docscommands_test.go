package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The commands that the documents show run, with the exit status they state, and
// print the lines shown below them, in that order, blanks aside. "…" stands for lines
// left out, and lines may be left out without it.
func TestDocsCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every command of three documents")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/tutorial.md", "docs/postmortem.md"} {
		b, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(b), "\n")
		n := 0
		for i, l := range lines {
			command, ok := strings.CutPrefix(strings.TrimLeft(l, " "), "$ schedreplay ")
			if !ok {
				continue
			}
			n++
			var want []string
			for _, l := range lines[i+1:] {
				if l == "" || l == "```" || strings.HasPrefix(strings.TrimLeft(l, " "), "$ ") {
					break
				}
				if strings.TrimSpace(l) != "…" {
					want = append(want, l)
				}
			}
			t.Run(page+":"+strconv.Itoa(i+1), func(t *testing.T) { checkShown(t, root, command, want) })
		}
		if n < 1 {
			t.Errorf("%s shows no command", page)
		}
	}
}

func checkShown(t *testing.T, root, command string, want []string) {
	t.Chdir(t.TempDir())
	if err := os.Symlink(filepath.Join(root, "testdata"), "testdata"); err != nil {
		t.Skip(err)
	}
	command, comment, _ := strings.Cut(command, "#")
	status := exitDone
	if n, ok := strings.CutPrefix(strings.TrimSpace(comment), "exit status "); ok {
		v, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		status = v
	}
	var out, errs bytes.Buffer
	if s := run(context.Background(), strings.Fields(command), strings.NewReader(""), &out, &errs); s != status {
		t.Fatalf("exit status %d, the page says %d: %s", s, status, errs.String())
	}
	words := func(l string) string { return strings.Join(strings.Fields(l), " ") }
	got := strings.Split(out.String(), "\n")
	for _, w := range want {
		i := slices.IndexFunc(got, func(l string) bool { return strings.HasPrefix(words(l), words(w)) })
		if i < 0 {
			t.Errorf("the page shows, in this place:\n%s\nthe program prints:\n%s", w, out.String())
			return
		}
		got = got[i+1:]
	}
}
