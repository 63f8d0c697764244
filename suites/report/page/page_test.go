package page_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

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
			t.Errorf("it asks for %s", attribute(link, "href"))
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

// The script hides what is not asked for: without it nothing could be shown.
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

func TestThePageSaysTheVerdictFirst(t *testing.T) {
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
	r.Changes = r.Since(sample.Report())
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

func BenchmarkWrite(b *testing.B) {
	r := sample.Large(3000)
	for b.Loop() {
		b.SetBytes(int64(len(written(b, r))))
	}
}
