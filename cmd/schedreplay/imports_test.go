package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrows says which rooms a room may import. A room is a folder with what lies
// below it, the longest match counts; "leaves" are open to all. It is section 3 of
// the design: cmd → {report, export, findings, replay, parser/open}; report → {plots,
// findings/say, export}; plots, say, export → findings → replay → {parser,
// kernelmodel/…} → {fact, cpumask, stats}; within replay account → decide → world → hidden →
// timeline; dialects → {parser, tep, text}. In kernelmodel,
// place asks through explore, on a topo, by the rules.
var arrows = map[string][]string{
	"cmd":                 {"report", "export", "export/anonymize", "fleetrun", "findings", "findings/fleet", "findings/say", "loop", "loop/work", "replay", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "parser", "parser/open", "parser/host", "record"},
	"record":              {"parser", "parser/ftrace", "parser/host"},
	"report":              {"plots", "export", "findings", "findings/fleet", "findings/say", "loop", "replay", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "parser"},
	"fleet":               {"report", "export", "fleetrun", "findings/fleet", "parser/open"}, // a module of its own
	"fleetrun":            {"export", "findings/fleet", "findings/say", "parser/open"},
	"plots":               {"findings", "findings/say", "loop", "replay", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "parser"},
	"export":              {"findings", "findings/fleet", "findings/say", "loop", "loop/work", "replay", "kernelmodel/rules", "kernelmodel/place", "parser", "parser/perfetto/pb"},
	"findings":            {"loop", "loop/work", "replay", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "parser"},
	"findings/fleet":      {"findings", "replay", "parser"},
	"findings/say":        {"findings", "findings/fleet", "loop", "loop/work", "replay", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "parser"},
	"export/anonymize":    {"parser", "parser/tep", "parser/perfdata", "parser/tracedat", "parser/perfetto", "parser/perfetto/pb"}, // it walks their containers
	"replay":              {"replay/noise", "replay/timeline", "replay/ahead", "replay/hidden", "replay/world", "replay/decide", "replay/account", "kernelmodel/rules", "kernelmodel/topo", "kernelmodel/place", "parser"},
	"replay/noise":        {"parser"},
	"replay/still":        {"parser"},
	"replay/recall":       {"replay/still", "parser"},
	"replay/account":      {"replay/noise", "replay/decide", "replay/world", "replay/timeline", "kernelmodel/place", "parser"},
	"replay/decide":       {"replay/still", "replay/world", "replay/hidden", "replay/ahead", "replay/timeline", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/place", "parser"},
	"replay/world":        {"replay/hidden", "replay/timeline", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "kernelmodel/load", "parser"},
	"replay/hidden":       {"replay/timeline", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/place", "kernelmodel/load", "kernelmodel/fair", "parser"},
	"replay/ahead":        {"replay/timeline", "parser"},
	"replay/timeline":     {"replay/recall", "replay/still", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/place", "kernelmodel/load", "kernelmodel/fair", "parser"},
	"loop":                {"loop/outcome", "loop/scenario", "loop/supply", "loop/work", "replay", "kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo", "kernelmodel/place", "kernelmodel/load", "kernelmodel/fair", "kernelmodel/balance", "parser"},
	"loop/outcome":        {"loop/work"},
	"loop/scenario":       {"loop/outcome"},
	"loop/supply":         {"loop/work"},
	"loop/work":           {"replay/noise", "replay/timeline", "kernelmodel/fair", "kernelmodel/load", "parser"},
	"kernelmodel/load":    {"kernelmodel/rules"},
	"kernelmodel/fair":    {"kernelmodel/rules"},
	"kernelmodel/balance": {"kernelmodel/rules", "kernelmodel/topo"},
	"kernelmodel/rules":   {},
	"kernelmodel/explore": {},
	"kernelmodel/topo":    {"kernelmodel/rules"},
	"kernelmodel/place":   {"kernelmodel/rules", "kernelmodel/explore", "kernelmodel/topo"},
	"parser":              {},
	"parser/host":         {"parser"},
	"parser/text":         {"parser"},
	"parser/tep":          {"parser"},
	"parser/ftrace":       {"parser", "parser/text"},
	"parser/perfscript":   {"parser", "parser/text"},
	"parser/babeltrace":   {"parser", "parser/text"},
	"parser/timehist":     {"parser", "parser/text"},
	"parser/perfdata":     {"parser", "parser/tep"},
	"parser/tracedat":     {"parser", "parser/tep"},
	"parser/perfetto":     {"parser", "parser/tep", "parser/perfetto/pb"}, // tep for the heap
	"parser/perfetto/pb":  {},
	"parser/open":         {"parser", "parser/text", "parser/ftrace", "parser/perfscript", "parser/timehist", "parser/perfdata", "parser/tracedat", "parser/perfetto", "parser/babeltrace"},
	"internal":            {"parser", "parser/tep", "parser/text", "parser/open", "parser/host"}, // for tests alone
	"fact":                {},
	"cpumask":             {},
	"stats":               {}, // numbers in, numbers out
}

// leaves may be imported by every room but by each other.
var leaves = []string{"fact", "cpumask", "stats"}

// room is the longest key of arrows that holds the package.
func room(pkg string) string {
	for p := pkg; p != "."; p = path.Dir(p) {
		if _, ok := arrows[p]; ok {
			return p
		}
	}
	return ""
}

func mayImport(from, to string) bool {
	if from == to {
		return true
	}
	if slices.Contains(leaves, to) {
		return !slices.Contains(leaves, from)
	}
	for _, ok := range arrows[from] {
		if to == ok {
			return true
		}
	}
	return false
}

// The rooms import each other only along the arrows. Tests may look further.
func TestImportDirections(t *testing.T) {
	const module = "schedreplay/"
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if d.IsDir() {
			if rel == "tools" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		src, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		from := room(filepath.ToSlash(filepath.Dir(rel)))
		if from == "" {
			t.Errorf("%s is in no room of the design", rel)
		}
		// What serves tests alone may import testing, and is imported by tests alone.
		for _, i := range f.Imports {
			name, _ := strconv.Unquote(i.Path.Value)
			pkg, own := strings.CutPrefix(name, module)
			if !own {
				continue
			}
			if to := room(pkg); !mayImport(from, to) {
				t.Errorf("%s: %s may not import %s", rel, from, pkg)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files found: is the root right?", files)
	}
}
