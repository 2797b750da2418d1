package main

import (
	"bytes"
	"strings"
	"testing"
)

// Progress names what is done in each pass, and leaves nothing on the screen.
func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := progress{w: &b}
	for _, done := range []int64{0, 50, 100, 0, 60, 100} {
		p.update(done, 100)
	}
	p.clear()
	if s := b.String(); !strings.Contains(s, "reading") || !strings.Contains(s, "replaying") || p.pass != 2 {
		t.Errorf("%d passes: %q", p.pass, s)
	}
	var none progress
	none.update(1, 2) // standard error is no terminal
	none.clear()
}

// Steps are counted, and the bytes of each pass do not show between them.
func TestProgressSteps(t *testing.T) {
	var b bytes.Buffer
	p := progress{w: &b}
	p.update(1, 10)
	p.step("kernels", 1, 3)
	p.step("kernels", 2, 3)
	n := b.Len()
	p.update(5, 10)
	if b.Len() != n || !strings.Contains(b.String(), "kernels") || !strings.Contains(b.String(), "(1/3)") {
		t.Errorf("%q", b.String())
	}
	none := progress{}
	none.step("kernels", 1, 3)
}
