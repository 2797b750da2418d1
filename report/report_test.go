package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"image/png"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"schedreplay/cpumask"
	"schedreplay/export/outdir"
	"schedreplay/fact"
	"schedreplay/findings"
	"schedreplay/findings/say"
	"schedreplay/parser"
	"schedreplay/plots"
	"schedreplay/replay"
)

var testOptions = Options{
	Program: "schedreplay 0.1.0", Command: "schedreplay report ftrace.txt.gz -o report",
	Checksum: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}

// unisolated is a scene without isolation.
func unisolated() *scene {
	sp := incidentSpec()
	sp.enter = -1
	s := build(sp)
	s.res.Isolated = fact.Seen(cpumask.Mask{}, "/proc/cmdline")
	s.res.CPUs, s.res.Focus, s.runs = nil, nil, nil
	return s
}

// bare is a scene of which almost nothing is known.
func bare() *scene {
	return &scene{res: &replay.Result{
		Meta: &parser.Meta{Name: "-", Dialect: parser.DialectTimehist}, Host: &parser.Host{}, Start: 5, End: 5,
		Settled: replay.Settlement{Assumed: "6.1.0"}, Partial: &parser.Error{File: "/home/secret/cap.txt", Line: 3, Format: "timehist", Err: parser.ErrTruncated},
	}}
}

// many is a host with all but two of 256 CPUs isolated and most of them held.
func many() *scene {
	s := build(incidentSpec())
	host := makeHost(256, 16, cpumask.Range(2, 255))
	s.res.Host, s.res.Isolated = host, host.Isolated
	one := s.res.CPUs[0]
	s.res.CPUs = nil
	runs := s.runs[:400]
	s.runs = nil
	for cpu := 2; cpu < 256; cpu++ {
		c := *one
		c.CPU = cpu
		st := *one.Stays[0]
		st.CPU, st.RunNS = cpu, int64(cpu)*1000
		c.Stays = []*replay.Stay{&st}
		s.res.CPUs = append(s.res.CPUs, &c)
		for _, r := range runs {
			r.CPU = cpu
			s.runs = append(s.runs, r)
		}
	}
	return s
}

// written makes the report of every scene once for all tests.
var written = sync.OnceValue(func() map[string]map[string][]byte {
	all := scenes()
	all["unisolated"], all["bare"], all["many"] = unisolated(), bare(), many()
	out := map[string]map[string][]byte{}
	for name, s := range all {
		dir, err := os.MkdirTemp("", "schedreplay-test")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		files, err := writeScene(s, filepath.Join(dir, "report"), name == "incident")
		if err != nil {
			panic(name + ": " + err.Error())
		}
		out[name] = files
	}
	return out
})

func writeScene(s *scene, dir string, pngs bool) (map[string][]byte, error) {
	d, err := outdir.New(dir, nil)
	if err != nil {
		return nil, err
	}
	defer d.Drop()
	r, err := NewReport(d, testOptions)
	if err != nil {
		return nil, err
	}
	r.noPNG = !pngs
	res := s.play(r.Observer())
	if err := errors.Join(r.Write(res, s.help), d.Keep()); err != nil {
		return nil, err
	}
	return readTree(dir)
}

func readTree(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(rel)] = b
		return err
	})
	return files, err
}

func TestReportGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("writes whole reports")
	}
	for _, name := range []string{"incident", "hostile", "unisolated", "bare", "resident"} {
		t.Run(name, func(t *testing.T) {
			golden(t, "report.txtar", name+"/report.md", written()[name]["report.md"])
		})
	}
	t.Run("json", func(t *testing.T) {
		golden(t, "report.txtar", "one-run/report.json", written()["one-run"]["report.json"])
	})
}

// A kernel whose scheduler is not mainline's says so on the first page, also where it has the
// fix; notes are in words, without the marks by which names are set apart.
func TestNotes(t *testing.T) {
	s := unisolated()
	host := *s.res.Host
	host.Cmdline = fact.Seen("quiet sched_own=1", "/proc/cmdline")
	s.res.Host, s.res.Baseline = &host, replay.RolePatched
	s.res.Hung = replay.Hung{Count: 1, First: []replay.HungTask{{Task: replay.TaskRef{PID: 9, Comm: "stuck"}, At: 1_000_000_000}}}
	files, err := writeScene(s, filepath.Join(t.TempDir(), "report"), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"report.md", "report.html", "report.json"} {
		text := string(files[name])
		if !strings.Contains(text, "sched_own") || !strings.Contains(text, "stuck") {
			t.Errorf("%s lacks a note", name)
		}
		if strings.Contains(text, "ue000") || strings.ContainsRune(text, say.MarkCode) {
			t.Errorf("%s has a mark", name)
		}
	}
	if page, _, _ := strings.Cut(string(files["report.md"]), "\n## "); !strings.Contains(page, "sched_own") {
		t.Error("the first page does not name the scheduler")
	}
}

func TestReportIsDeterministic(t *testing.T) {
	again, err := writeScene(scenes()["incident"], filepath.Join(t.TempDir(), "report"), true)
	if err != nil {
		t.Fatal(err)
	}
	first := written()["incident"]
	if a, b := slices.Sorted(maps.Keys(first)), slices.Sorted(maps.Keys(again)); !slices.Equal(a, b) {
		t.Fatalf("files %v, then %v", a, b)
	}
	for name, b := range first {
		if !bytes.Equal(b, again[name]) {
			t.Errorf("%s differs the second time", name)
		}
	}
}

func TestReportFiles(t *testing.T) {
	for scene, files := range written() {
		for _, want := range []string{"report.md", "report.html", "report.json", "intrusions.csv", "stays.csv", "wakeups.csv"} {
			if len(files[want]) == 0 {
				t.Errorf("%s: no %s", scene, want)
			}
		}
		for name, b := range files {
			switch filepath.Ext(name) {
			case ".svg":
				wellFormed(t, scene+"/"+name, b)
				if bytes.Contains(b, []byte("<text")) || bytes.Contains(b, []byte("font-family")) {
					t.Errorf("%s/%s needs a font", scene, name)
				}
				if len(b) > 250_000 {
					t.Errorf("%s/%s has %d bytes", scene, name, len(b))
				}
			case ".png":
				if _, err := png.Decode(bytes.NewReader(b)); err != nil {
					t.Errorf("%s/%s: %v", scene, name, err)
				}
			}
		}
		if n := len(files["report.html"]); n > 2<<20 {
			t.Errorf("%s: report.html has %d bytes", scene, n)
		}
		// Every picture that the Markdown names is there.
		for _, m := range regexp.MustCompile(`\]\((figures/[^)]+)\)`).FindAllSubmatch(files["report.md"], -1) {
			if files[strings.TrimSuffix(string(m[1]), "png")+"svg"] == nil || scene == "incident" && files[string(m[1])] == nil {
				t.Errorf("%s: report.md names %s", scene, m[1])
			}
		}
	}
}

// wellFormed parses strictly as XML and returns the elements by name.
func wellFormed(t *testing.T, name string, b []byte) []xml.StartElement {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	var out []xml.StartElement
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e, ok := tok.(xml.StartElement); ok {
			out = append(out, e.Copy())
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func TestHTMLStandsAlone(t *testing.T) {
	for scene, files := range written() {
		page := files["report.html"]
		csp := ""
		for _, e := range wellFormed(t, scene, page) {
			switch e.Name.Local {
			case "iframe", "object", "embed", "form", "base", "image", "foreignObject", "audio", "video":
				t.Errorf("%s: <%s>", scene, e.Name.Local)
			case "meta":
				if strings.EqualFold(attr(e, "http-equiv"), "Content-Security-Policy") {
					csp = attr(e, "content")
				}
			}
			for _, a := range e.Attr {
				switch a.Name.Local {
				case "src", "href", "action", "data", "srcset", "poster":
					if !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "data:") {
						t.Errorf("%s: %s=%q leads out", scene, a.Name.Local, a.Value)
					}
				case "style":
					t.Errorf("%s: style attribute, which the policy forbids", scene)
				}
				if strings.HasPrefix(a.Name.Local, "on") {
					t.Errorf("%s: %s attribute", scene, a.Name.Local)
				}
			}
		}
		scripts := regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`).FindAllSubmatch(page, -1)
		if len(scripts) != 2 || string(scripts[0][1]) != ` type="application/json" id="data"` || !json.Valid(scripts[0][2]) || len(scripts[1][1]) != 0 {
			t.Errorf("%s: the page should hold the charts' data and one script", scene)
		} else if !strings.Contains(csp, "script-src "+hashSource(string(scripts[1][2]))+";") {
			t.Errorf("%s: policy %q does not allow just the script", scene, csp)
		}
		style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindSubmatch(page)
		if style == nil {
			t.Fatalf("%s: no style sheet", scene)
		}
		sum := sha256.Sum256(style[1])
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, want) {
			t.Errorf("%s: policy %q does not allow just the style sheet (%s)", scene, csp, want)
		}
		if bytes.Contains(style[1], []byte("url(")) || bytes.Contains(style[1], []byte("@import")) {
			t.Errorf("%s: the style sheet loads something", scene)
		}
	}
}

func TestHTMLIsAccessible(t *testing.T) {
	for scene, files := range written() {
		ids := map[string]bool{}
		level, h1 := 0, 0
		tables, captions := 0, 0
		els := wellFormed(t, scene, files["report.html"])
		for _, e := range els {
			if id := attr(e, "id"); id != "" {
				if ids[id] {
					t.Errorf("%s: id %q twice", scene, id)
				}
				ids[id] = true
			}
		}
		for _, e := range els {
			switch n := e.Name.Local; n {
			case "html":
				if attr(e, "lang") != "en" {
					t.Errorf("%s: no language", scene)
				}
			case "h1", "h2", "h3", "h4":
				l := int(n[1] - '0')
				if l > level+1 {
					t.Errorf("%s: <%s> after <h%d>", scene, n, level)
				}
				if level = l; l == 1 {
					h1++
				}
			case "table":
				tables++
			case "caption":
				captions++
			case "th":
				if attr(e, "scope") == "" {
					t.Errorf("%s: <th> without scope", scene)
				}
			case "svg":
				if attr(e, "role") != "img" || attr(e, "aria-labelledby") == "" {
					t.Errorf("%s: a picture without a name", scene)
				}
			}
			for _, ref := range strings.Fields(attr(e, "aria-labelledby")) {
				if !ids[ref] {
					t.Errorf("%s: aria-labelledby %q leads nowhere", scene, ref)
				}
			}
			if href := attr(e, "href"); strings.HasPrefix(href, "#") && !ids[href[1:]] {
				t.Errorf("%s: link %q leads nowhere", scene, href)
			}
		}
		if h1 != 1 || tables != captions {
			t.Errorf("%s: %d <h1>, %d tables with %d captions", scene, h1, tables, captions)
		}
	}
}

func TestJSONFollowsItsSchema(t *testing.T) {
	c := jsonschema.NewCompiler()
	schema, err := c.Compile("../docs/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for scene, files := range written() {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(files["report.json"]))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(v); err != nil {
			t.Errorf("%s: %v", scene, err)
		}
	}
}

// Everything that report.json may hold is in the schema, too.
func TestSchemaKnowsEveryField(t *testing.T) {
	b, err := os.ReadFile("../docs/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for scene, files := range written() {
		var v any
		if err := json.Unmarshal(files["report.json"], &v); err != nil {
			t.Fatal(err)
		}
		var walk func(any)
		walk = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, x := range v {
					walk(x)
				}
			case map[string]any:
				for k, x := range v {
					if !bytes.Contains(b, []byte(`"`+k+`"`)) && k != "sched_switch" && !strings.HasPrefix(k, "sched_") {
						t.Errorf("%s: %q is not in the schema", scene, k)
					}
					walk(x)
				}
			}
		}
		walk(v)
	}
}

func TestHostileNames(t *testing.T) {
	files := written()["hostile"]
	page := string(files["report.html"])
	if n := strings.Count(page, "<script"); n != 2 {
		t.Errorf("report.html holds %d scripts", n)
	}
	for _, bad := range []string{"<script>alert", "</svg><b", "<img", "<i>contra", "\x1b", "\u202e"} {
		if strings.Contains(page, bad) {
			t.Errorf("report.html holds %q", bad)
		}
	}
	md := string(files["report.md"])
	for _, bad := range []string{"<script", "</svg>", "<img", "\x1b", "\u202e", "<b>"} {
		if strings.Contains(md, bad) {
			t.Errorf("report.md holds %q", bad)
		}
	}
	// A table row has as many cells as its head whatever the names hold.
	cells := func(l string) int {
		return strings.Count(strings.ReplaceAll(strings.ReplaceAll(l, `\\`, ""), `\|`, ""), "|")
	}
	head := 0
	for i, l := range strings.Split(md, "\n") {
		if !strings.HasPrefix(l, "|") {
			head = 0
			continue
		}
		if head == 0 {
			head = cells(l)
		}
		if cells(l) != head {
			t.Errorf("report.md:%d: %d cells, not %d: %s", i+1, cells(l), head, l)
		}
	}
	for name, b := range files {
		if !utf8.Valid(b) && filepath.Ext(name) != ".png" {
			t.Errorf("%s is not UTF-8", name)
		}
		if filepath.Ext(name) != ".csv" {
			continue
		}
		rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, r := range rows {
			for i, c := range r {
				if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) {
					t.Errorf("%s: column %s holds a formula: %q", name, rows[0][i], c)
				}
			}
		}
	}
	// The names can still be read.
	for _, want := range []string{"<script>alert(1", `a\n\x1b[31m|b` + "`" + `*_`, `\u202e`} {
		if !strings.Contains(html.UnescapeString(page), want) {
			t.Errorf("report.html does not show %q", want)
		}
	}
	if !strings.Contains(string(files["report.json"]), `"comm_hex": "fffef0`) {
		t.Error("report.json lost the bytes of a name that is not UTF-8")
	}
}

func TestReportTellsNoPaths(t *testing.T) {
	for scene, files := range written() {
		for name, b := range files {
			if bytes.Contains(b, []byte("/home/secret")) || bytes.Contains(b, []byte("captures/")) || bytes.Contains(b, []byte("dir/<")) {
				t.Errorf("%s: %s tells a folder", scene, name)
			}
		}
	}
}

func TestManyCPUsDoNotExplode(t *testing.T) {
	files := written()["many"]
	figs := 0
	for name := range files {
		if strings.HasSuffix(name, ".svg") {
			figs++
		}
	}
	if figs > 2*(5*plots.MaxFigureCPUs+plots.MaxLandings) {
		t.Errorf("%d figures", figs)
	}
	if n := len(files["report.md"]); n > 200_000 {
		t.Errorf("report.md has %d bytes", n)
	}
	if !bytes.Contains(files["report.md"], []byte("254 isolated CPUs")) {
		t.Error("the verdict does not count the CPUs")
	}
}

func TestMillionSlices(t *testing.T) {
	if testing.Short() {
		t.Skip("a million slices")
	}
	sp := incidentSpec()
	sp.every, sp.runs, sp.length, sp.ownerOn, sp.ownerOff = 16_000, 6_000, 9_000_000_000, 3_000, 4_000
	s := build(sp)
	if len(s.runs) < 1_000_000 {
		t.Fatalf("only %d slices", len(s.runs))
	}
	col := plots.NewCollector()
	res := s.play(replay.Observer{Wakeup: col.Wakeup, Run: col.Run})
	all := findings.Of(res)
	figs := plots.BuildFigures(all, col)
	page, err := compose(all, &testOptions, figs, &helped{}).html()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(page); n > 1_600_000 {
		t.Errorf("report.html has %d bytes", n)
	}
	for _, f := range figs.All(all.CPUs) {
		for _, sz := range plots.Sizes {
			if n := len(f.SVG(sz, "g")); n > 150_000 {
				t.Errorf("%s%s has %d bytes", f.Name, sz.Suffix, n)
			}
		}
	}
}
