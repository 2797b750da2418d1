package main

import (
	"os"
	"strings"
	"testing"

	"schedreplay/cmd/schedreplay/internal/cost"
)

// Help and manual tell of every command on a capture, and of no other, what it takes.
func TestCommandsTellTheirCost(t *testing.T) {
	a := newApp(t.Context(), strings.NewReader(""), &strings.Builder{}, &strings.Builder{})
	told := 0
	for _, cmd := range a.rootCommand().Commands() {
		reads := strings.Contains(cmd.Use, "CAPTURE") || strings.Contains(cmd.Use, "BEFORE")
		if reads != (cost.Of(cmd.Name()) != nil) || reads != strings.Contains(cmd.Long, cost.Recording) {
			t.Errorf("%s: reads a capture: %v; its help ends %q", cmd.Name(), reads, cmd.Long[max(0, len(cmd.Long)-120):])
		}
		if reads {
			told++
		}
	}
	if told != len(cost.All) {
		t.Errorf("%d commands of %d", told, len(cost.All))
	}
	page, err := os.ReadFile("../../docs/command-line.md")
	if err != nil || !strings.Contains(string(page), cost.Table()) || !strings.Contains(strings.ReplaceAll(string(page), "\n", " "), cost.Recording) {
		t.Errorf("docs/command-line.md does not have, %v:\n%s\n\n%s", err, cost.Recording, cost.Table())
	}
}
