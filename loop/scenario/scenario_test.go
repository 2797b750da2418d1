package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"schedreplay/loop/outcome"
)

// A file holds scenarios as JSON or YAML; names there may hold commas and more.
func TestRead(t *testing.T) {
	want := []Scenario{{"a, b", []outcome.Change{{Key: "irq", Task: "PCIe PME, a=b", Value: "0-1,3"}, {Key: "nohz_full", Value: "1"}}}, {"c", []outcome.Change{{Key: "without", Task: "ksmd"}}}}
	for _, good := range []string{
		"[{\"name\":\"a, b\",\n\t\"changes\":[\"irq:PCIe PME, a=b=0-1,3\",\"nohz_full=1\"]},{\"name\":\"c\",\"changes\":[\"without:ksmd\"]}]",
		"- name: a, b\n  changes:\n    - irq:PCIe PME, a=b=0-1,3\n    - nohz_full=1\n- {name: c, changes: [without:ksmd]} # both\n",
	} {
		if got, err := Read(strings.NewReader(good)); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, %v", good, got, err)
		}
	}
	for _, bad := range []string{"", "- name: a\n  changes: [nohz_full=1]\n  colour: red", "a: *b", strings.Repeat(" ", mostFile+1), "[]", "{}", `[{"name":"a"}]`, `[{"changes":["nohz_full=1"]}]`, `[{"name":"a","changes":["colour=red"]}]`, `[{"name":"a","kernel":"6.1"}]`, `[{"name":"a","changes":"nohz_full=1"}]`} {
		if _, err := Read(strings.NewReader(bad)); !errors.Is(err, Err) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Any text, and any file, is a list of scenarios, or an error of the right kind: what was read
// is written again as changes that read alike.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"a=isolated=2-3,6", "a=affinity:b=c=0-2,nice:x=5", `[{"name": "a", "changes": ["irq:mlx5, 1=0", "without:b"]}]`, "- name: a\n  changes: [smt=off]\n",
		"[]", "null", `[{"name": "", "changes": []}]`, "- &a\n  name: *a\n", "a\x1b[31m=without:b", "a=work:b=1,period:c=1s", "\xff=smt=off", "a=without:b=c", "a=without:b,5", "a=without:b==",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := Read(strings.NewReader(s))
		if one, err1 := Parse(s); err1 == nil {
			list = append(list, one)
		} else if !errors.Is(err1, Err) || err != nil && !errors.Is(err, Err) {
			t.Fatalf("%q: %v, %v", s, err1, err)
		}
		for _, sc := range list {
			if sc.Name == "" || strings.ContainsFunc(sc.Name, unicode.IsControl) {
				t.Fatalf("%q has the name %q", s, sc.Name)
			}
			again := Scenario{Name: sc.Name}
			for _, c := range sc.Changes {
				if err := again.add(c.String()); err != nil {
					t.Fatalf("%q has the change %q, which reads %v", s, c, err)
				}
			}
			if !slices.Equal(again.Changes, sc.Changes) {
				t.Fatalf("%q is %q, which reads %q", s, sc.Changes, again.Changes)
			}
		}
	})
}
