package parser

import (
	"fmt"
	"testing"
)

// Names handed out stay valid when the table of names starts anew.
func TestNames(t *testing.T) {
	var n Names
	first := n.Intern([]byte("first"))
	for i := range 3 * maxNames {
		b := fmt.Append(nil, i)
		if n.Intern(b) != string(b) {
			t.Fatal("another name")
		}
		if len(n.m) > maxNames {
			t.Fatalf("%d names", len(n.m))
		}
	}
	if first != "first" {
		t.Errorf("the first name is now %q", first)
	}
}
