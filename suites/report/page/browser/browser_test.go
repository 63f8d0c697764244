//go:build browser

package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	protocol "github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
	"github.com/learncontract/learncontract/suites/report/page"
)

// tab is a page that is open in a browser.
type tab struct {
	*testing.T
	ctx context.Context

	mutex    sync.Mutex
	asked    []string // by the page, beside itself
	faults   []string // what it threw, or was refused
	requests []string // that its server got
}

// open opens the page of a report.
func open(t *testing.T, r *report.Report) *tab {
	t.Helper()
	var text bytes.Buffer
	if err := page.Write(&text, r); err != nil {
		t.Fatal(err)
	}
	return show(t, text.Bytes())
}

// show opens a page.
func show(t *testing.T, text []byte) *tab {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			binary = found
			break
		}
	}
	if binary == "" {
		t.Skip("no Chromium is installed: put one on the path, such as by apt-get install chromium")
	}
	options := []chromedp.ExecAllocatorOption{chromedp.Headless, chromedp.ExecPath(binary), chromedp.WindowSize(1500, 1000)}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it has none for root
	}
	allocated, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocated)
	t.Cleanup(cancel)

	p := &tab{T: t, ctx: ctx}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		p.note(&p.requests, request.URL.Path)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(text) // what the browser did not get, it does not show
	}))
	t.Cleanup(server.Close)
	if err := chromedp.Listen(ctx, func(event any) {
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			if url := event.Request.URL; url != server.URL+"/" && !strings.HasPrefix(url, "data:") {
				p.note(&p.asked, url)
			}
		case *runtime.EventExceptionThrown:
			p.note(&p.faults, event.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			p.note(&p.faults, string(event.Type))
		case *cdp.EventJavascriptDialogOpening:
			p.note(&p.faults, "a dialog: "+event.Message)
		}
	}); err != nil {
		t.Fatal(err)
	}
	call(p, network.Enable, network.EnableParams{})
	call(p, runtime.Enable, protocol.Empty{})
	p.run(chromedp.Navigate(server.URL+"/"), chromedp.WaitReady(chromedp.CSS("#count")))
	return p
}

// patience bounds whatever the browser is asked.
const patience = 30 * time.Second

// call has the browser run a command.
func call[P, R any](p *tab, command protocol.Command[P, R], params P) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		p.Fatal(err)
	}
}

// do is what an action returns.
func do[T any](p *tab, action chromedp.Action[T]) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		p.Fatal(err)
	}
	return value
}

func (p *tab) note(list *[]string, text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	*list = append(*list, text)
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	do(p, chromedp.Steps(actions...))
}

func (p *tab) click(selector string) {
	p.Helper()
	p.run(chromedp.Click(chromedp.CSS(selector)))
	p.after()
}

// eval is the value of an expression in the page, of a promise when it is kept.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	return do(p, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// is fails the test if an expression has another value.
func is[T comparable](p *tab, expression string, want T) {
	p.Helper()
	if got := eval[T](p, expression); got != want {
		p.Errorf("%s is %v, want %v", expression, got, want)
	}
}

// after waits for the next frame, in which the page has done what a key or a click asked for.
func (p *tab) after() {
	p.Helper()
	eval[bool](p, "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true)))))")
}

func (p *tab) press(keys string) {
	p.Helper()
	p.run(chromedp.KeyEvent(keys))
	p.after()
}

// quiet fails the test if the page asked for anything, or something failed in it.
func (p *tab) quiet() {
	p.Helper()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.asked) > 0 || len(p.requests) != 1 {
		p.Errorf("the page asked for %q, and its server for %q", p.asked, p.requests)
	}
	if len(p.faults) > 0 {
		p.Errorf("in the page failed %q", p.faults)
	}
}

// picture keeps a screenshot.
func (p *tab) picture(name string) {
	p.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	png := do(p, chromedp.CaptureScreenshot())
	if err := os.MkdirAll(folder, 0o700); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o600); err != nil {
		p.Fatal(err)
	}
}

func (p *tab) scheme(scheme string) {
	p.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	p.after()
}

func TestThreeThousandClausesLoadInUnderASecond(t *testing.T) {
	p := open(t, sample.Large(3000))
	p.after()
	took := eval[float64](p, `performance.getEntriesByType("navigation")[0].loadEventEnd`)
	painted := eval[float64](p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`)
	t.Logf("loaded in %.0f ms, first painted after %.0f ms", took, painted)
	if took >= 1000 || painted >= 1000 || took == 0 {
		t.Errorf("loaded in %.0f ms, first painted after %.0f ms", took, painted)
	}
	is(p, `document.getElementById("count").textContent`, "3,000 of 3,000 clauses")
	for what, expression := range map[string]string{
		"a search": `(() => { const from = performance.now(); const search = document.getElementById("search"); search.value = "clause-2999";
			search.dispatchEvent(new Event("input", {bubbles: true})); return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)))); })()`,
		"a sort": `(() => { const from = performance.now(); document.querySelector('[data-sort="0"]').click();
			return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - from)))); })()`,
	} {
		ms := eval[float64](p, expression)
		t.Logf("%s takes %.0f ms", what, ms)
		if ms >= 1000 {
			t.Errorf("%s takes %.0f ms", what, ms)
		}
	}
	p.quiet()
}

func TestHostileTextsAreShownAndNeverRun(t *testing.T) {
	p := open(t, sample.Report())
	title := eval[string](p, "document.title")
	n := eval[int](p, `document.querySelectorAll("#clauses tbody tr").length`)
	for i := range n {
		eval[bool](p, fmt.Sprintf(`(location.hash = document.querySelectorAll("#clauses tbody a")[%d].hash, true)`, i))
		p.after()
		is(p, `document.getElementById("detail").open`, true)
	}
	eval[bool](p, `(location.hash = "graph.create.clause-0", true)`)
	p.after()
	is(p, `document.querySelector("#detail pre").textContent.includes("</script><script>document.title='run'</script><img src=x")`, true)
	is(p, `document.querySelectorAll("img, iframe, object, script:not(#data):not(body > script:last-of-type)").length`, 0)
	is(p, "document.title", title)
	p.picture("hostile")
	p.quiet()
}

func TestAHonoredClauseIsComparedFieldByField(t *testing.T) {
	p := open(t, sample.Report())
	eval[bool](p, `(location.hash = JSON.parse(document.getElementById("data").textContent).runs
		.flatMap(run => run.results).find(result => result.outcome === "honored" && result.ran > 0).clause, true)`)
	p.after()
	is(p, `[...document.querySelectorAll("#detail table.fields")].some(table => table.textContent.includes("received")
		&& [...table.tBodies[0].rows].some(row => row.cells[0].textContent === "status" && row.cells[2].textContent === "the same"))`, true)
	p.quiet()
}

func TestThePageIsUsedByKeyboard(t *testing.T) {
	p := open(t, sample.Report())
	const focused = `document.activeElement.id || document.activeElement.textContent`
	// As a keyboard sends it: a key and its text are one event, or the page cannot keep the text from the field.
	call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Text: "/"})
	p.after()
	is(p, focused, "search")
	p.press("get")
	is(p, `document.getElementById("count").textContent`, "3 of 11 clauses")
	p.press(kb.ArrowDown)
	is(p, focused, "graph.get.clause-1")
	p.press(kb.ArrowDown)
	is(p, focused, "graph.get.clause-5")
	p.press(kb.Enter)
	is(p, `document.getElementById("detail").open`, true)
	is(p, `document.getElementById("detail-title").textContent`, "graph.get.clause-5")
	p.press(kb.ArrowRight)
	is(p, `document.getElementById("detail-title").textContent`, "graph.get.clause-9")
	p.press(kb.ArrowRight) // there is none after it
	is(p, `document.getElementById("detail-title").textContent`, "graph.get.clause-9")
	is(p, `location.hash`, "#graph.get.clause-9")
	p.press(kb.Escape)
	is(p, `document.getElementById("detail").open`, false)
	is(p, focused, "graph.get.clause-9")
	is(p, `location.hash`, "")
	p.press(kb.ArrowUp)
	p.press(kb.ArrowUp)
	p.press(kb.ArrowUp)
	is(p, focused, "search")
	p.quiet()
}

func TestRowsAreFilteredAndSorted(t *testing.T) {
	p := open(t, sample.Report())
	const first = `[...document.querySelectorAll("#clauses tbody tr:not([hidden]) a")].map(a => a.textContent.split("-")[1]).join(" ")`
	const order = "0 1 2 3 4 5 6 7 8 9 10"
	is(p, first, order)
	set := func(id, value string) {
		eval[bool](p, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q; return e.dispatchEvent(new Event("input", {bubbles: true})); })()`, id, value))
		p.after()
	}
	set("outcome", "fails")
	is(p, first, "0 1 2 3")
	set("action", "get")
	is(p, first, "1")
	set("kind", "")
	is(p, first, `1 1~retries`)
	p.click(`button[type="reset"]`)
	is(p, first, order)
	p.click(`.overview button[data-action="get"][data-status="403"]`)
	is(p, first, "1")
	p.click(`button[type="reset"]`)
	sort := `#clauses [data-sort="0"]`
	p.click(`#clauses [data-sort="status"]`)
	is(p, first, "0 5 10 1 6 2 7 3 8 4 9")
	p.click(sort)
	p.click(sort)
	is(p, first, "10 9 8 7 6 5 4 3 2 1 0")
	is(p, `document.querySelector("#clauses [aria-sort=descending]").textContent.trim()`, "connector offline")
	p.click(sort)
	is(p, first, order)
	p.quiet()
}

func TestWhatAClientWasNotAskedForIsSortedLast(t *testing.T) {
	r := sample.Report()
	r.Runs[1].Client.Name = "another"
	r.Runs[1].ExtraChecks = []*report.Check{{ID: "success:graph.update", Kind: report.Success, Title: "the success of graph.update", Action: "update",
		Result: report.Result{Outcome: report.Broken, Reason: "it surfaces a failure", Ran: 1}}}
	p := open(t, r)
	eval[bool](p, `(() => { const e = document.getElementById("kind"); e.value = "success"; return e.dispatchEvent(new Event("input", {bubbles: true})); })()`)
	p.after()
	const ids = `[...document.querySelectorAll("#clauses tbody tr:not([hidden]) a")].map(a => a.textContent).join(" ")`
	for _, direction := range []string{"ascending", "descending"} {
		p.click(`#clauses [data-sort="1"]`)
		is(p, `document.querySelectorAll("#clauses [aria-sort=`+direction+`]").length`, 1)
		is(p, ids, "success:graph.update success:graph.get")
	}
	p.quiet()
}

func TestAnAddressThatIsNoneIsNoFault(t *testing.T) {
	p := open(t, sample.Report())
	eval[bool](p, `(location.hash = "graph.get.clause-1", true)`)
	p.after()
	eval[bool](p, `(location.hash = "%", true)`)
	p.after()
	is(p, `document.getElementById("detail").open`, false)
	p.quiet()
}

func TestSchedulesAreDrawnOnATimeAxis(t *testing.T) {
	p := open(t, sample.Report())
	eval[bool](p, `(location.hash = encodeURIComponent("graph.get.clause-1~retries-date"), true)`)
	p.after()
	is(p, `document.querySelector("#detail svg").getAttribute("aria-label")`, "3 attempts at 0, 1 min, 2.5 min; the client succeeded at 2.5 min")
	is(p, `document.querySelectorAll("#detail svg circle").length`, 3)
	is(p, `document.querySelectorAll("#detail svg .early").length`, 1)
	is(p, `(() => { const x = [...document.querySelectorAll("#detail svg circle")].map(c => Number(c.getAttribute("cx")));
		return Math.round(10 * (x[2] - x[0]) / (x[1] - x[0])); })()`, 25)
	p.picture("schedule")
	p.press(kb.Escape)
	eval[bool](p, `(document.getElementById("retries").scrollIntoView(), true)`)
	p.run(chromedp.WaitReady(chromedp.CSS("#schedules > details")))
	is(p, `document.querySelector("#schedules summary").textContent`, "1 of connector, graph, offline")
	p.quiet()
}

func TestThePageIsDarkWhereItsReaderIs(t *testing.T) {
	p := open(t, sample.Report())
	const ground = `getComputedStyle(document.documentElement).backgroundColor`
	p.scheme("light")
	light := eval[string](p, ground)
	p.picture("light")
	p.scheme("dark")
	dark := eval[string](p, ground)
	p.picture("dark")
	if light != "rgb(247, 247, 245)" || dark != "rgb(20, 23, 27)" {
		t.Errorf("the ground is %s, and %s in the dark", light, dark)
	}
}

// TestPicture writes the picture of a report's page from its head to the first rows of the matrix.
func TestPicture(t *testing.T) {
	source, target := os.Getenv("REPORT"), os.Getenv("PICTURE")
	if source == "" || target == "" {
		t.Skip("REPORT names no page, or PICTURE no file for its picture: set both, as CONTRIBUTING.md has it")
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	const width, rows = 1400, 8
	p := show(t, text)
	size := func(height int64) {
		call(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: height, DeviceScaleFactor: 1,
		})
		p.after()
	}
	size(3000) // the matrix is as high as the window, and its rows are laid out when they are seen
	bottom := eval[float64](p, fmt.Sprintf(
		`document.querySelectorAll("#clauses tbody tr:not([hidden])")[%d].getBoundingClientRect().bottom + scrollY`, rows-1))
	size(int64(bottom))
	if err := os.WriteFile(target, do(p, chromedp.CaptureScreenshot()), 0o600); err != nil {
		t.Fatal(err)
	}
	p.quiet()
}

func TestThePageIsPrinted(t *testing.T) {
	p := open(t, sample.Large(300))
	pages := do(p, chromedp.PrintToPDF())
	if n := bytes.Count(pages, []byte("/Type /Page\n")) + bytes.Count(pages, []byte("/Type /Page ")); n < 5 {
		t.Errorf("300 clauses are printed on %d pages: what a screen scrolls is cut off", n)
	}
}

// TestThePageIsAccessible has axe-core look at the page in both schemes, with and without the detail of a row.
func TestThePageIsAccessible(t *testing.T) {
	file := os.Getenv("AXE")
	if file == "" {
		t.Skip("AXE names no axe.min.js: get one by npm pack axe-core")
	}
	axe, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, sample.Report())
	eval[any](p, string(axe)+"; 0")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		for _, hash := range []string{"", "graph.create.clause-0", "graph.get.clause-1~retries-date", "graph.delete.clause-7"} {
			eval[bool](p, fmt.Sprintf(`(location.hash = encodeURIComponent(%q), document.querySelectorAll("details").forEach(d => d.open = true), true)`, hash))
			p.after()
			var found []struct {
				ID, Impact, Help string
				Nodes            []struct{ HTML, FailureSummary string }
			}
			text := eval[string](p, `axe.run().then(result => JSON.stringify(result.violations))`)
			if err := json.Unmarshal([]byte(text), &found); err != nil {
				t.Fatal(err)
			}
			for _, v := range found {
				t.Errorf("%s, %q: %s (%s): %s, in %d places, such as\n%s\n%s", scheme, hash, v.ID, v.Impact, v.Help, len(v.Nodes), v.Nodes[0].HTML, v.Nodes[0].FailureSummary)
			}
		}
		eval[bool](p, `(document.getElementById("detail").close(), true)`)
	}
}
