package report

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser finds chromium. Where there is none the tests that need it are
// skipped, but not where CI is set: .ci/run installs it.
func browser(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("chromium is not installed, and CI is set")
	}
	t.Skip("chromium is not installed")
	return ""
}

// tab is a page in a headless browser that can reach no network.
type tab struct {
	*testing.T
	ctx context.Context
}

// startBrowser starts one browser for a test and its subtests.
func startBrowser(t *testing.T) context.Context {
	path := browser(t)
	dir := t.TempDir()
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.Headless, chromedp.NoSandbox, chromedp.NoFirstRun,
		// No network: no name resolves, and there is no proxy.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("force-color-profile", "srgb"),
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	return ctx
}

// open opens a report in a new tab of a size. A message on the console fails
// the test.
func open(t *testing.T, browser context.Context, page []byte, w, h int64, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page, 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 60*time.Second)
	t.Cleanup(cancel)
	messages := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range messages {
			if err != nil {
				return
			}
			t.Errorf("the console says %s (%s:%d)", m, m.URL, m.Line)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	b := &tab{t, ctx}
	b.do(before...)
	b.do(chromedp.EmulateViewport(w, h), chromedp.Navigate("file://"+file))
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// eval evaluates JavaScript in the page.
func eval[T any](b *tab, js string, args ...any) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](fmt.Sprintf(js, args...), chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%v\nin %.200s", err, js)
	}
	return v
}

// mouse presses at one place and lets go at another.
func (b *tab) mouse(x0, y0, x1, y1 float64, modifiers int64) {
	b.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		send := func(kind input.DispatchMouseEventType, x, y float64, buttons int64) error {
			p := input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Modifiers: modifiers, Buttons: buttons}
			if kind != "mouseMoved" || buttons != 0 {
				p.Button, p.ClickCount = "left", 1
			}
			_, err := cdp.Call(ctx, t, input.DispatchMouseEvent, p)
			return err
		}
		for i, k := range []input.DispatchMouseEventType{"mouseMoved", "mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"} {
			x, y, buttons := x0, y0, int64(0)
			if i >= 2 {
				x, y = x0+(x1-x0)*float64(i-1)/3, y0+(y1-y0)*float64(i-1)/3
			}
			if i >= 1 && i < 4 {
				buttons = 1
			}
			if i == 4 {
				x, y = x1, y1
			}
			if err := send(k, x, y, buttons); err != nil {
				return err
			}
		}
		return nil
	}))
}

func media(m string, features ...*emulation.MediaFeature) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: m, Features: features})
		return err
	})
}

func prefer(theme string) chromedp.Action[chromedp.Void] {
	return media("", &emulation.MediaFeature{Name: "prefers-color-scheme", Value: theme})
}

// The page works in a browser without a network: nothing on the console,
// nothing loaded, tables sort and filter, charts and pictures zoom, the theme
// changes.
func TestBrowser(t *testing.T) {
	ctx := startBrowser(t)
	page := written()["incident"]["report.html"]

	t.Run("alone", func(t *testing.T) {
		for _, name := range []string{"hostile", "no-intruder", "dense", "bare"} {
			b := open(t, ctx, written()[name]["report.html"], 1280, 800)
			if n := eval[int](b, `performance.getEntriesByType("resource").length`); n != 0 {
				t.Errorf("%s loads %d resources", name, n)
			}
			if n := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); n > 0 {
				t.Errorf("%s is %d pixels too wide", name, n)
			}
			if bad := eval[string](b, `[...document.querySelectorAll("figure[data-chart]")].filter(f => !f.querySelector("canvas")).map(f => f.dataset.chart).join()`); bad != "" {
				t.Errorf("%s: no chart for %s", name, bad)
			}
		}
	})
	t.Run("sort", func(t *testing.T) {
		b := open(t, ctx, page, 1280, 800)
		const table = `[...document.querySelectorAll("table")].find(t => t.caption.textContent.startsWith("The longest runs"))`
		column := func(i int) []string {
			return eval[[]string](b, `[...%s.tBodies[0].rows].map(r => r.cells[%d].getAttribute("data-k"))`, table, i)
		}
		click := func(i int) {
			eval[chromedp.Void](b, `%s.tHead.rows[0].cells[%d].querySelector("button").click()`, table, i)
		}
		sorted := func(list []string, up bool) bool {
			for j := 1; j < len(list); j++ {
				var a, c float64
				fmt.Sscan(list[j-1], &a)
				fmt.Sscan(list[j], &c)
				if up && a > c || !up && a < c {
					return false
				}
			}
			return len(list) > 10
		}
		if click(1); !sorted(column(1), false) {
			t.Errorf("times do not descend: %v", column(1))
		}
		if click(1); !sorted(column(1), true) {
			t.Errorf("times do not ascend: %v", column(1))
		}
		if got := eval[string](b, `%s.tHead.rows[0].cells[1].getAttribute("aria-sort")`, table); got != "ascending" {
			t.Errorf("aria-sort is %q", got)
		}
		if click(2); !sorted(column(2), false) {
			t.Errorf("lengths do not descend: %v", column(2))
		}
		if got := eval[int](b, `%s.querySelectorAll("[aria-sort]").length`, table); got != 1 {
			t.Errorf("%d columns say that they are sorted", got)
		}
	})
	t.Run("filter", func(t *testing.T) {
		b := open(t, ctx, page, 1280, 800)
		const table = `[...document.querySelectorAll("table")].find(t => t.caption.textContent.startsWith("The first changed wakeups"))`
		shown := func() int {
			return eval[int](b, `[...%s.tBodies[0].rows].filter(r => r.offsetHeight > 0).length`, table)
		}
		all := shown()
		eval[chromedp.Void](b, `%s.closest(".table").previousElementSibling.querySelector("input").focus()`, table)
		b.do(chromedp.KeyEvent("certain"))
		some := shown()
		if some == 0 || some >= all {
			t.Errorf("%d of %d rows left", some, all)
		}
		if got, want := eval[string](b, `%s.closest(".table").previousElementSibling.querySelector("[role=status]").textContent`, table), fmt.Sprintf("%d of %d rows", some, all); got != want {
			t.Errorf("the count says %q, not %q", got, want)
		}
		if b.do(chromedp.KeyEvent(" nosuchthing")); shown() != 0 {
			t.Error("rows left that match nothing")
		}
		b.do(chromedp.KeyEvent("\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b"))
		if shown() != all {
			t.Errorf("%d of %d rows after the filter is cleared", shown(), all)
		}
	})
	t.Run("zoom a chart", func(t *testing.T) {
		b := open(t, ctx, page, 1280, 800)
		const figure = `document.querySelector("#verdict figure")`
		view := func() string { return eval[string](b, `%s.querySelector(".view").textContent`, figure) }
		// How many pixels of the canvas have the intruder's colour.
		orange := func() int {
			return eval[int](b, `(async () => { await new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)));
				const c = %s.querySelector("canvas"), k = document.createElement("canvas"); k.width = c.width; k.height = c.height;
				const g = k.getContext("2d", {willReadFrequently: true}); g.drawImage(c, 0, 0);
				const d = g.getImageData(0, 0, k.width, k.height).data; let n = 0;
				for (let i = 0; i < d.length; i += 4) if (d[i] > 190 && d[i+1] > 70 && d[i+1] < 130 && d[i+2] < 60) n++; return n })()`, figure)
		}
		whole := orange()
		if view() != "" || whole == 0 {
			t.Fatalf("at first the view is %q with %d pixels of the intruder", view(), whole)
		}
		eval[chromedp.Void](b, `%s.querySelector("[data-move=in]").click()`, figure)
		half := view()
		if !strings.Contains(half, " to ") {
			t.Errorf("after + the view is %q", half)
		}
		eval[chromedp.Void](b, `%s.querySelector(".chart").focus()`, figure)
		b.do(chromedp.KeyEvent("+"))
		if view() == half {
			t.Errorf("the key + leaves the view at %q", half)
		}
		near := view()
		b.do(chromedp.KeyEvent(kb.ArrowRight))
		if view() == near {
			t.Error("the right arrow does not move the view")
		}
		b.do(chromedp.KeyEvent("0"))
		if view() != "" {
			t.Errorf("the key 0 leaves the view at %q", view())
		}
		// Before the entry, in the first tenth, there is no intruder. Drag over it.
		r := eval[[]float64](b, `(() => { const r = %s.querySelector(".u-over").getBoundingClientRect(); return [r.left, r.top, r.width, r.height] })()`, figure)
		b.mouse(r[0]+r[2]*0.01, r[1]+r[3]/2, r[0]+r[2]*0.09, r[1]+r[3]/2, 0)
		if v := view(); !strings.Contains(v, " to ") {
			t.Errorf("after dragging the view is %q", v)
		}
		if n := orange(); n != 0 {
			t.Errorf("before the entry the chart shows %d pixels of the intruder", n)
		}
		dragged := view()
		b.mouse(r[0]+r[2]*0.8, r[1]+r[3]/2, r[0]+r[2]*0.2, r[1]+r[3]/2, 8) // shift moves
		if view() == dragged {
			t.Error("dragging with shift does not move the view")
		}
		eval[chromedp.Void](b, `%s.querySelector("[data-move=all]").click()`, figure)
		if n := orange(); n != whole {
			t.Errorf("all again, %d pixels of the intruder instead of %d", n, whole)
		}
	})
	t.Run("zoom a picture", func(t *testing.T) {
		b := open(t, ctx, page, 1280, 800)
		const figure = `[...document.querySelectorAll("figure:not([data-chart])")].find(f => f.textContent.includes("sched domain"))`
		box := func() string { return eval[string](b, `%s.querySelector("svg").getAttribute("viewBox")`, figure) }
		full := box()
		for range 3 {
			eval[chromedp.Void](b, `%s.querySelector("[data-move=in]").click()`, figure)
		}
		zoomed := box()
		eval[chromedp.Void](b, `%s.querySelector("[data-move=on]").click()`, figure)
		moved := box()
		if full == zoomed || zoomed == moved {
			t.Errorf("the view goes from %s to %s to %s", full, zoomed, moved)
		}
		eval[chromedp.Void](b, `%s.querySelector("[data-move=all]").click()`, figure)
		if box() != full {
			t.Errorf("all is %s, not %s", box(), full)
		}
	})
	t.Run("theme", func(t *testing.T) {
		for _, c := range []struct{ system, before, after string }{
			{"light", "rgb(255, 255, 255)", "rgb(13, 17, 23)"},
			{"dark", "rgb(13, 17, 23)", "rgb(255, 255, 255)"},
		} {
			b := open(t, ctx, page, 1280, 800, prefer(c.system))
			back := func() string { return eval[string](b, `getComputedStyle(document.body).backgroundColor`) }
			label := eval[string](b, `document.getElementById("theme").textContent`)
			if got := back(); got != c.before {
				t.Errorf("%s: the page is %s", c.system, got)
			}
			b.do(chromedp.Click(chromedp.CSS("#theme")))
			if got := back(); got != c.after {
				t.Errorf("%s: the page becomes %s", c.system, got)
			}
			if eval[string](b, `document.getElementById("theme").textContent`) == label {
				t.Errorf("the button still says %q", label)
			}
			if got := eval[string](b, `getComputedStyle(document.querySelector(".picture svg [fill='#1f2328']")).fill`); got == c.before {
				t.Errorf("%s: the figures' text is %s on %s", c.system, got, c.after)
			}
			// On paper it is always dark on white.
			b.do(media("print", &emulation.MediaFeature{Name: "prefers-color-scheme", Value: c.system}))
			if got := back(); got != "rgb(255, 255, 255)" {
				t.Errorf("%s: printed on %s", c.system, got)
			}
			if n := eval[int](b, `[...document.querySelectorAll(".picture")].filter(p => p.offsetHeight === 0).length`); n != 0 {
				t.Errorf("%d pictures are not printed", n)
			}
		}
	})
	t.Run("without script", func(t *testing.T) {
		off := chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			return err
		})
		b := open(t, ctx, page, 1280, 800, off)
		if n := eval[int](b, `[...document.querySelectorAll(".picture")].filter(p => p.offsetHeight < 50).length`); n != 0 {
			t.Errorf("%d pictures are not to be seen", n)
		}
		if n := eval[int](b, `[...document.querySelectorAll("table")].filter(p => p.offsetHeight < 30).length`); n != 0 {
			t.Errorf("%d tables are not to be seen", n)
		}
		if n := eval[int](b, `document.querySelectorAll("button, input, canvas").length`); n != 0 {
			t.Errorf("%d controls that do nothing", n)
		}
	})
	t.Run("keyboard", func(t *testing.T) {
		b := open(t, ctx, page, 1280, 800)
		// Everything that can be clicked can be reached by the tabulator.
		if bad := eval[string](b, `[...document.querySelectorAll("button, a, input")].filter(e => e.tabIndex < 0).map(e => e.outerHTML).join()`); bad != "" {
			t.Errorf("out of reach: %s", bad)
		}
		b.do(chromedp.KeyEvent("\t"))
		if got := eval[string](b, `document.activeElement.textContent`); got != "Skip to the verdict" {
			t.Errorf("the first stop is %q", got)
		}
	})
}

// The page passes axe's checks, light and dark, wide and narrow.
func TestBrowserAccessibility(t *testing.T) {
	ctx := startBrowser(t)
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scene, theme string
		w, h         int64
	}{
		{"incident", "light", 1280, 800},
		{"hostile", "dark", 390, 844},
		{"bare", "light", 1280, 800},
	} {
		t.Run(fmt.Sprintf("%s %s %d", c.scene, c.theme, c.w), func(t *testing.T) {
			b := open(t, ctx, written()[c.scene]["report.html"], c.w, c.h, prefer(c.theme))
			if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[chromedp.Void](string(axe))); err != nil {
				t.Fatal(err)
			}
			type violation struct {
				ID, Impact, Help string
				Nodes            []string
			}
			r := eval[struct {
				Passes     int
				Violations []violation
			}](b, `axe.run().then(r => ({passes: r.passes.length, violations: r.violations.map(v => ({id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + n.failureSummary)}))}))`)
			if r.Passes < 20 {
				t.Errorf("only %d rules of axe apply: did it see the page?", r.Passes)
			}
			for _, v := range r.Violations {
				t.Errorf("%s (%s): %s\n%s", v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n"))
			}
		})
	}
}

// Screenshots are compared with goldens as coarse as fonts demand: the mean
// colour of large fields.
func TestBrowserScreenshots(t *testing.T) {
	ctx := startBrowser(t)
	for _, c := range []struct {
		name, theme, media string
		w, h               int64
	}{
		{"phone", "light", "", 390, 844},
		{"laptop", "light", "", 1280, 800},
		{"laptop-dark", "dark", "", 1280, 800},
		{"print", "light", "print", 794, 1123},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, ctx, written()["incident"]["report.html"], c.w, c.h, prefer(c.theme))
			if c.media != "" {
				b.do(media(c.media))
			}
			eval[chromedp.Void](b, `new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))`)
			shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(shot))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "screenshots", c.name+".png")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, shot, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			g, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(bytes.NewReader(g))
			if err != nil {
				t.Fatal(err)
			}
			if img.Bounds() != want.Bounds() {
				t.Fatalf("the picture is %v, the golden %v", img.Bounds(), want.Bounds())
			}
			if mean, far := apart(img, want); mean > 12 || far > 0.06 {
				got := filepath.Join(os.TempDir(), "schedreplay-"+c.name+".png")
				_ = os.WriteFile(got, shot, 0o666)
				t.Errorf("on average %.1f of 255 apart, %.1f %% of the fields far; see %s", mean, 100*far, got)
			}
		})
	}
}

// apart compares two pictures by fields of 32 pixels: the mean difference of
// their colours, and the share of fields that differ much.
func apart(a, b image.Image) (mean, far float64) {
	const field = 32
	avg := func(m image.Image, x0, y0 int) (c [3]float64) {
		n := 0.0
		for y := y0; y < min(y0+field, m.Bounds().Max.Y); y += 2 {
			for x := x0; x < min(x0+field, m.Bounds().Max.X); x += 2 {
				p := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
				c[0], c[1], c[2] = c[0]+float64(p.R), c[1]+float64(p.G), c[2]+float64(p.B)
				n++
			}
		}
		for i := range c {
			c[i] /= n
		}
		return c
	}
	n := 0.0
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y += field {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x += field {
			p, q := avg(a, x, y), avg(b, x, y)
			d := (math.Abs(p[0]-q[0]) + math.Abs(p[1]-q[1]) + math.Abs(p[2]-q[2])) / 3
			mean += d
			if d > 48 {
				far++
			}
			n++
		}
	}
	return mean / n, far / n
}
