package anonymize_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"schedreplay/export/anonymize"
	"schedreplay/internal/traces"
	"schedreplay/parser"
	"schedreplay/parser/tep"
	"schedreplay/parser/tracedat"
)

// ownRE is what the containers themselves say in words: names of events,
// statistics of ring buffers, clocks, pids.
var ownRE = regexp.MustCompile(`(?:sched|task|irq):(?:sched|task|irq)_\w+|tracing|local\]? global .*|x86-tsc|` +
	`(?:CPU|entries|(?:commit )?overrun|bytes|(?:oldest event|now) ts|(?:dropped|read) events): *[\d.]+|\d+`)

// withoutFormats takes out the event formats, which are full of words.
func withoutFormats(t *testing.T, b []byte) []byte {
	t.Helper()
	if f, err := tracedat.ReadFile(parser.Source{At: bytes.NewReader(b), Size: int64(len(b))}); err == nil {
		for _, piece := range []uint16{16, 17, 18} {
			b = bytes.Replace(b, f.Pieces[piece], nil, 1)
		}
		return b
	}
	i := bytes.Index(b, []byte(tep.Magic))
	d, err := tep.NewReader(bytes.NewReader(b[max(i, 0):]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.HeaderPage(); err == nil {
		err = d.FtraceEvents(tep.NewTable(d.Order))
	}
	if err == nil {
		err = d.Events(tep.NewTable(d.Order))
	}
	if err != nil {
		t.Fatal(err)
	}
	return slices.Delete(bytes.Clone(b), i, i+int(d.Offset()))
}

// grams are all pieces of n bytes of the strings.
func grams(n int, list ...string) map[string]bool {
	set := map[string]bool{}
	for _, s := range list {
		for i := 0; i+n <= len(s); i++ {
			set[s[i:i+n]] = true
		}
	}
	return set
}

// Ring buffers are not cleared before they are written to, so padding and what
// lies behind a text hold pieces of older names. No four bytes of a name that is
// replaced are in a binary copy, but where they belong to a name that is kept.
func TestNoFragments(t *testing.T) {
	files := captures(t)
	for _, name := range []string{"perf.data.zst", "trace.dat.zst"} {
		for _, r := range traces.Named(t, name) {
			b, err := os.ReadFile(r.Path)
			if err != nil {
				t.Fatal(err)
			}
			if files["traces/"+r.Folder+"/"+name] = b; testing.Short() {
				break
			}
		}
	}
	checked := 0
	for name, b := range files {
		in, err := openBytes(t, b)
		if err != nil {
			continue
		}
		if isText(in) {
			in.Close()
			continue
		}
		t.Run(name, func(t *testing.T) {
			defer in.Close()
			n := anonymize.NewNames(nil)
			got, _, err := rewrite(t, in, n, anonymize.All)
			if errors.Is(err, anonymize.ErrRefused) {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			var secret, kept []string
			for from, to := range n.Mapping() {
				kept = append(kept, to)
				if from != to {
					secret = append(secret, from)
				}
			}
			words := grams(4, append(kept, "perf sched record trace-cmd -e sched:sched_")...)
			got = ownRE.ReplaceAll(withoutFormats(t, got), []byte{0})
			for g := range grams(4, secret...) {
				if words[g] || strings.Trim(g, "\x00") == "" {
					continue
				}
				if i := bytes.Index(got, []byte(g)); i >= 0 {
					t.Errorf("%q of a name is in the copy: %q", g, got[max(0, i-40):min(len(got), i+40)])
				}
			}
			checked++
		})
	}
	if checked < 10 {
		t.Errorf("only %d copies checked in %s", checked, filepath.Base(t.Name()))
	}
}
