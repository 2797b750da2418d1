package host

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A bundle names the functions of timers and work items, and no others; from a machine that
// hides addresses it names none.
func TestFunctions(t *testing.T) {
	for _, c := range []struct {
		name, kallsyms string
		want           map[uint64]string
	}{
		{
			"as root",
			"ffffffff81000000 T _text\nffffffff8142cab0 t tick_nohz_handler\nffffffff81442220 t hrtimer_wakeup\nffffffffc0a01000 t drv_poll_timer\t[drv]\nffffffff82000000 D some_timer\nnonsense\n",
			map[uint64]string{0xffffffff8142cab0: "tick_nohz_handler", 0xffffffff81442220: "hrtimer_wakeup", 0xffffffffc0a01000: "drv_poll_timer"},
		},
		{"hidden", "0000000000000000 t tick_nohz_handler\n", nil},
	} {
		root := t.TempDir()
		write := func(p, text string) {
			p = filepath.Join(root, p)
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("proc/kallsyms", c.kallsyms)
		write("proc/cmdline", "quiet\n")
		var b bytes.Buffer
		if _, err := Collect(context.Background(), root, &b); err != nil {
			t.Fatal(err)
		}
		h, err := ReadArchive("host.tar.gz", &b)
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(h.Functions, c.want) {
			t.Errorf("%s: %v", c.name, h.Functions)
		}
	}
}

// Whatever a bundle holds there, its reader keeps a bounded number.
func TestFunctionsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 100_000 {
		b.WriteString("ffffffff8" + strings.Repeat("0", 2) + string("0123456789abcdef"[i>>16&15]) + string("0123456789abcdef"[i>>12&15]) + string("0123456789abcdef"[i>>8&15]) +
			string("0123456789abcdef"[i>>4&15]) + string("0123456789abcdef"[i&15]) + " t a_timer\n")
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "proc", "kallsyms"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(functions(root), []byte("\n")); n != maxFunctions {
		t.Errorf("%d functions", n)
	}
}
