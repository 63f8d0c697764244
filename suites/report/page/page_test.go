package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/learncontract/learncontract/suites/report"
	"github.com/learncontract/learncontract/suites/report/internal/sample"
	"github.com/learncontract/learncontract/suites/report/page"
)

func written(tb testing.TB, r *report.Report) string {
	tb.Helper()
	var text bytes.Buffer
	if err := page.Write(&text, r); err != nil {
		tb.Fatal(err)
	}
	return text.String()
}

// elements are those of a page with a name.
func elements(tb testing.TB, text, name string) (found []*html.Node) {
	tb.Helper()
	document, err := html.Parse(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	for n := range document.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func TestOnlyThePagesOwnCodeMayRun(t *testing.T) {
	text := written(t, sample.Report())
	policy := attribute(elements(t, text, "meta")[1], "content")
	scripts, styles := elements(t, text, "script"), elements(t, text, "style")
	if len(scripts) != 2 || len(styles) != 1 || attribute(scripts[0], "type") != "application/json" {
		t.Fatalf("%d scripts and %d styles", len(scripts), len(styles))
	}
	want := "default-src 'none'; style-src " + digest(styles[0].FirstChild.Data) + "; script-src " + digest(scripts[1].FirstChild.Data) +
		"; img-src data:; base-uri 'none'; form-action 'none'"
	if policy != want {
		t.Errorf("the policy is\n%s\nwant\n%s", policy, want)
	}
	for _, name := range []string{"img", "iframe", "object", "embed", "base", "audio", "video"} {
		if found := elements(t, text, name); len(found) > 0 {
			t.Errorf("%d elements %s", len(found), name)
		}
	}
	for _, link := range elements(t, text, "link") {
		if attribute(link, "href") != "data:," {
			t.Errorf("it links to %s", attribute(link, "href"))
		}
	}
}

func TestThePageHasTheWholeReport(t *testing.T) {
	r := sample.Report()
	text := written(t, r)
	var embedded report.Report
	if err := json.Unmarshal([]byte(elements(t, text, "script")[0].FirstChild.Data), &embedded); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&embedded, r) {
		t.Error("the page has another report than it was given")
	}
	rows := map[string]string{}
	for _, row := range elements(t, text, "tr") {
		var cells []string
		for cell := range row.ChildNodes() {
			if cell.Data == "td" {
				cells = append(cells, strings.TrimPrefix(attribute(cell, "class"), "o-"))
			}
		}
		if id := row.FirstChild.FirstChild; id != nil && id.Data == "a" {
			rows[id.FirstChild.Data] = strings.Join(cells[2:], " ")
		}
	}
	for i, clause := range r.Contracts[0].Clauses {
		want := string(r.Runs[0].Results[i].Outcome) + " " + string(r.Runs[1].Results[i].Outcome)
		if rows[clause.ID] != want {
			t.Errorf("%s is shown as %q, want %q", clause.ID, rows[clause.ID], want)
		}
	}
	for _, check := range r.Runs[0].ExtraChecks {
		if rows[check.ID] != string(check.Outcome)+" none" {
			t.Errorf("%s is shown as %q", check.ID, rows[check.ID])
		}
	}
}

// The script hides what a filter leaves out: without it nothing could be shown again.
func TestWithoutAScriptEveryRowIsShown(t *testing.T) {
	for _, row := range elements(t, written(t, sample.Report()), "tr") {
		for _, a := range row.Attr {
			if a.Key == "hidden" {
				t.Errorf("a row of kind %s is hidden", attribute(row, "data-kind"))
			}
		}
	}
}

func TestAHostileLinkIsNoLink(t *testing.T) {
	r := sample.Report()
	r.Runs[0].Errata[0].Link = "javascript:alert(1)"
	r.Contracts[0].Editions[0].URL = "javascript:alert(1)"
	for _, a := range elements(t, written(t, r), "a") {
		if strings.HasPrefix(attribute(a, "href"), "javascript") {
			t.Errorf("a link runs %s", attribute(a, "href"))
		}
	}
}

func TestThePageSaysTheHeadlineFirst(t *testing.T) {
	r := sample.Report()
	first := elements(t, written(t, r), "h1")[0]
	if first.FirstChild.Data != r.Headline().Text || attribute(first, "class") != "fails" {
		t.Errorf("%q, class %q", first.FirstChild.Data, attribute(first, "class"))
	}
	r.Runs = r.Runs[1:]
	first = elements(t, written(t, r), "h1")[0]
	if first.FirstChild.Data != r.Headline().Text || attribute(first, "class") != "" {
		t.Errorf("%q, class %q", first.FirstChild.Data, attribute(first, "class"))
	}
}

func TestARunThatOnlyTheBaselineHasIsShown(t *testing.T) {
	r := sample.Report()
	r.Runs = r.Runs[:1]
	before := sample.Report()
	before.Runs[0].Results[0].Outcome = report.Honored
	r.Changes = r.Since(before)
	shows(t, r, map[string]int{"newly broken": 1, "newly honored": 0})
	text := written(t, r)
	if !strings.Contains(text, "<p>the baseline has a run of graph, connector, live, but this report has none</p>") || strings.Contains(text, "Nothing changed") {
		t.Error("it is not shown, or nothing changed")
	}
}

func TestTenantsHaveAColumnEach(t *testing.T) {
	r := sample.Report()
	other := *r.Runs[1]
	other.Tenant = "contoso"
	r.Runs = append(r.Runs, &other)
	text := written(t, r)
	for _, want := range []string{"connector <span>live</span></button>", "connector <span>live, contoso</span></button>", "responses from a sandbox tenant, contoso, 1s"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not have %q", want)
		}
	}
}

func TestOneCauseIsShownOnce(t *testing.T) {
	text := written(t, sample.SignedOut())
	if strings.Contains(text, "<small>1 fail</small>") {
		t.Error("engine errors are counted as failures")
	}
	for _, want := range []string{
		"<b>no token of graph/app: sign in</b>", "11 clauses of connector, graph, live</span>", "<summary>and 8 more</summary>",
		"<p class=\"muted\">rerun one: <code>go test -run &#39;TestGraph/graph.create.clause-0$&#39; .</code></p>",
	} {
		if n := strings.Count(text, want); n != 1 {
			t.Errorf("%q stands %d times", want, n)
		}
	}
	if n := strings.Count(text, `<a href="#graph.update.clause-10">`); n != 2 {
		t.Errorf("the last clause of the cause is linked %d times, want once there and once in the matrix", n)
	}
}

func TestTheWorstCausesStandAboveTheMatrix(t *testing.T) {
	text := written(t, sample.Large(3000))
	list, _, _ := strings.Cut(text, `id="matrix"`)
	if n := strings.Count(list, `<span class="pill o-broken">`); n != 12 || !strings.Contains(list, "and 79 more: ") {
		t.Errorf("%d causes are listed", n)
	}
}

func TestLookAlikesOfAProviderAreListedOnce(t *testing.T) {
	r := sample.Report()
	part := r.Runs[1] // a client that performs less of it
	part.LookAlikes = report.LookAlikes{Clauses: 2, Reliable: []report.Group{{Operation: "graph.get", Clauses: []string{"graph.get.clause-1"}}}}
	part.LookAlikes.Exposed = []report.Group{{Operation: "graph.get", Clauses: []string{"graph.get.clause-1", "graph.get.clause-5"}}}
	text := written(t, r)
	if n := strings.Count(text, "by what graph says to rely on"); n != 1 || !strings.Contains(text, "<b>2</b> of 11 clauses by what graph") {
		t.Errorf("listed %d times", n)
	}
	if !strings.Contains(text, "<b>2</b> of 2 clauses by what connector exposes of graph: status, code") {
		t.Error("what the client has of its own is not listed")
	}
}

// A client that has none, or the same by another transport, has no list; one that has others there has another.
func TestLookAlikesOfAClientAreListedOnce(t *testing.T) {
	r := sample.Report()
	const exposes = "by what connector exposes of graph"
	offline, live := &r.Runs[0].LookAlikes, &r.Runs[1].LookAlikes
	shows(t, r, map[string]int{exposes: 0})
	live.Clauses, offline.Reliable, live.Reliable = 12, live.Reliable, offline.Reliable
	offline.Exposed = []report.Group{{Operation: "graph.get", Clauses: []string{"graph.get.clause-1", "graph.get.clause-5"}}}
	live.Exposed = offline.Exposed
	shows(t, r, map[string]int{exposes: 1, "<b>2</b> of 12 clauses by what graph says to rely on": 1})
	live.Exposed = []report.Group{{Operation: "graph.get", Clauses: []string{"graph.get.clause-1", "graph.get.clause-9", "graph.get.clause-5"}}}
	shows(t, r, map[string]int{exposes: 2, "<b>2</b> of 11 clauses by what connector": 1, "<b>3</b> of 12 clauses by what connector": 1})
}

// shows fails the test if the page does not have each text as often as it should.
func shows(t *testing.T, r *report.Report, wants map[string]int) {
	t.Helper()
	text, _, _ := strings.Cut(written(t, r), `<script type="application/json"`) // which has everything
	for want, n := range wants {
		if got := strings.Count(text, want); got != n {
			t.Errorf("the page has %q %d times, want %d", want, got, n)
		}
	}
}

func TestThePageSaysWhenAndOfWhat(t *testing.T) {
	r := sample.Report()
	first, second := r.Runs[0], r.Runs[1]
	first.Versions, second.Versions = map[string]string{"go": "go1.26.8", "own": "v2"}, map[string]string{"go": "go1.26.8"}
	second.Start, second.Seconds = first.Start.Add(-time.Hour), 60
	shows(t, r, map[string]int{`<p class="when">25 November 2026, 08:30 UTC · go1.26.8 · own v2</p>`: 1})
	second.Start, second.Seconds = first.Start, 25*3600
	shows(t, r, map[string]int{`<p class="when">25 November 2026, 09:30 UTC to 26 November 2026, 10:30 UTC · `: 1})
	second.Seconds = 24 * 3600
	shows(t, r, map[string]int{`<p class="when">25 November 2026, 09:30 UTC · `: 1, ", 24h0m0s</p>": 0, "responses from a sandbox tenant, 24h0m0s, 40 requests</p>": 1})
	second.Seconds = .0014
	shows(t, r, map[string]int{"responses from a sandbox tenant, 1ms, 40 requests</p>": 1})
}

func TestTheMatrixHasAColumnForEachClient(t *testing.T) {
	r := sample.Report()
	r.Contracts = append(r.Contracts, &report.Contract{Provider: "classroom", API: "v1"})
	other := *r.Runs[1] // the same client and transport, of another provider
	other.Provider, other.Results, other.ExtraChecks = "classroom", nil, nil
	r.Runs = append(r.Runs, &other)
	shows(t, r, map[string]int{
		"#clauses { --columns: 2; }": 1, "connector <span>offline</span></button>": 1, "connector <span>live</span></button>": 1,
		"<h2>connector <span>graph, live</span></h2>": 1, "<h2>connector <span>classroom, live</span></h2>": 1,
	})
	r.Runs = []*report.Run{r.Runs[1], r.Runs[2]}
	shows(t, r, map[string]int{"#clauses { --columns: 1; }": 1})
	r = sample.Report()
	r.Runs[1].Client.Name = "another"
	shows(t, r, map[string]int{"another <span>live</span></button>": 1, "#clauses { --columns: 2; }": 1})
}

func TestTheBarHasEveryOutcome(t *testing.T) {
	r := sample.Report()
	r.Runs = r.Runs[:1] // each once
	shows(t, r, map[string]int{`<rect class="o-broken" x=`: 1, `<rect class="o-another" x=`: 1, `<rect class="o-not-run" x=`: 1})
	r = sample.Report()
	r.Runs = r.Runs[1:]
	shows(t, r, map[string]int{
		`<rect class="o-honored" x="0" width="18.181818181818183" height="4"/>`:                                                1,
		`<rect class="o-not-run" x="18.181818181818183" width="81.81818181818181" height="4"/>`:                                1,
		`<li class="o-honored" title="the response is as documented, and the client surfaces all of it"><b>2</b> honored</li>`: 1,
	})
}

func TestClausesAreCountedByActionAndStatus(t *testing.T) {
	r := sample.Report()
	r.Runs[1].Results[1].Outcome = report.Broken // in both runs
	shows(t, r, map[string]int{
		`data-action="create" data-status="400" class="fails" aria-label="1 fail 1 of create with 400: show them"`: 1,
		`data-action="get" data-status="403" class="fails" aria-label="1 fail 1 of get with 403: show them"`:       1,
		`data-action="delete" data-status="409" aria-label="1 of delete with 409: show them"`:                      1, // an engine error
		`data-action="get" data-status="400" aria-label="1 of get with 400: show them"`:                            1,
		`<td class="number"><span class="none">·</span></td>`:                                                      9,
		`<th scope="row">list</th>`: 0,
		`<tr><th scope="col">action</th><th scope="col" class="number">400</th><th scope="col" class="number">403</th>`: 1,
	})
}

func TestStatusesAreOrdered(t *testing.T) {
	r := sample.Report()
	r.Contracts[0].Clauses[0].Status = 599
	shows(t, r, map[string]int{`<th scope="col" class="number">412</th><th scope="col" class="number">599</th></tr>`: 1})
}

func TestExtraChecksStandAfterTheClauses(t *testing.T) {
	r := sample.Report()
	r.Runs[0].ExtraChecks = append(r.Runs[0].ExtraChecks, &report.Check{ID: "case:own", Kind: report.Case, Title: "own", Action: "get"})
	r.Runs[0].ExtraChecks[2].Result = report.Result{Outcome: report.Honored, Reason: "r"}
	var ids []string
	for _, row := range elements(t, written(t, r), "tr") {
		if attribute(row, "data-kind") != "" {
			ids = append(ids, row.FirstChild.FirstChild.FirstChild.Data)
		}
	}
	if got := strings.Join(ids[10:], " "); got != "graph.update.clause-10 case:own graph.get.clause-1~retries-date success:graph.get" {
		t.Errorf("the last rows are %s", got)
	}
}

func TestThePageShowsWhatThereIs(t *testing.T) {
	r := sample.Report()
	r.Disagreements = []string{"they disagree", "any two"}
	r.Runs[1].Problems = r.Runs[0].Problems
	later := *r.Runs[0].Errata[0]
	later.Place, later.DaysLeft = "errata.yaml:9", 31
	r.Runs[0].Errata = append([]*report.KnownErratum{&later}, r.Runs[0].Errata...)
	r.Changes = r.Since(sample.Report())
	shows(t, r, map[string]int{
		"<ul><li>any two</li><li>engine error: BeforeSuite: no room on the disk</li><li>they disagree</li></ul>": 1,
		`<td class="number fails">10</td>`: 1, `<td class="number">31</td>`: 1,
		"<p>Nothing changed.</p>": 1, `id="retries"`: 1, `<option value="retries">`: 1, ">Legend</h2>": 1,
		`<dt class="o-not-exposed">not exposed</dt><dd>honored, but the client does not expose all of it to its caller</dd>`: 1,
	})
	text := written(t, r)
	if strings.Index(text, "errata.yaml:7</code>") > strings.Index(text, "errata.yaml:9</code>") {
		t.Error("the erratum that expires first is not the first")
	}
	r = sample.Report()
	r.Runs = r.Runs[1:]
	shows(t, r, map[string]int{
		`class="problems" aria-labelledby`: 0, "Known errata": 0, `id="retries"`: 0, `<option value="retries">`: 0, "Since the baseline": 0,
		"by cause": 0, " more: the matrix": 0,
	})
}

func BenchmarkWrite(b *testing.B) {
	r := sample.Large(3000)
	for b.Loop() {
		b.SetBytes(int64(len(written(b, r))))
	}
}
