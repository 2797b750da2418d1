package term

import (
	"bytes"
	"strings"
	"testing"
)

// Progress names what is done in each pass, and leaves nothing on the screen.
func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := Progress{To: &b}
	for _, done := range []int64{0, 50, 100, 0, 60, 100} {
		p.Update(done, 100)
	}
	p.Clear()
	if s := b.String(); !strings.Contains(s, "reading") || !strings.Contains(s, "replaying") || p.pass != 2 {
		t.Errorf("%d passes: %q", p.pass, s)
	}
	var none Progress
	none.Update(1, 2) // standard error is no terminal
	none.Clear()
}

// Steps are counted, and the bytes of each pass do not show between them.
func TestProgressSteps(t *testing.T) {
	var b bytes.Buffer
	p := Progress{To: &b}
	p.Update(1, 10)
	p.Step("kernels", 1, 3)
	p.Step("kernels", 2, 3)
	n := b.Len()
	p.Update(5, 10)
	if b.Len() != n || !strings.Contains(b.String(), "kernels") || !strings.Contains(b.String(), "(1/3)") {
		t.Errorf("%q", b.String())
	}
	none := Progress{}
	none.Step("kernels", 1, 3)
}
