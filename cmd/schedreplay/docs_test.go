package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The how-to for a postmortem is run as it stands: every "$ schedreplay" line with
// the exit status it names, and what it prints holds the lines quoted below it, in
// their order.
func TestPostmortemHowTo(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every command of the how-to")
	}
	doc, err := os.ReadFile("../../docs/postmortem.md")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "report")
	n := 0
	lines := strings.Split(string(doc), "\n")
	for i := 0; i < len(lines); i++ {
		cmd, ok := strings.CutPrefix(lines[i], "    $ schedreplay ")
		if !ok {
			continue
		}
		n++
		cmd, comment, _ := strings.Cut(cmd, "#")
		want := exitDone
		if strings.Contains(comment, "exit status 1") {
			want = exitCheck
		}
		args := strings.Fields(cmd)
		for j, a := range args {
			switch {
			case strings.HasPrefix(a, "testdata/"):
				args[j] = filepath.Join("..", "..", a)
			case j > 0 && args[j-1] == "-o":
				args[j] = out
			}
		}
		var stdout, stderr bytes.Buffer
		if s := run(context.Background(), args, strings.NewReader(""), &stdout, &stderr); s != want {
			t.Errorf("%s: status %d, not %d: %s", cmd, s, want, stderr.String())
		}
		// Blanks are the columns' business.
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		printed := squeeze(strings.ReplaceAll(stdout.String(), out, "report"))
		for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    ") && !strings.HasPrefix(lines[i+1], "    $ ") {
			i++
			_, rest, found := strings.Cut(printed, squeeze(lines[i]))
			if !found {
				t.Errorf("%s does not print %q (or not there):\n%s", cmd, squeeze(lines[i]), stdout.String())
				break
			}
			printed = rest
		}
	}
	if n < 9 {
		t.Errorf("only %d commands found in docs/postmortem.md", n)
	}
}
