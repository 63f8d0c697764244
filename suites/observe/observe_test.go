package observe_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/observe"
)

var update = flag.Bool("update", false, "rewrite suites/observe/testdata/*.golden with the texts as they are")

// token stands where a provider, or a proxy before it, has echoed a credential.
const token = "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiI3In0.c2lnbmF0dXJl"

const sampleFolder = "../../fixtures/testdata/sample"

var loadSample = sync.OnceValues(func() (*fixtures.Contract, error) { return fixtures.Open(os.DirFS(sampleFolder)) })

func sample(tb testing.TB) *fixtures.Contract {
	tb.Helper()
	contract, err := loadSample()
	if err != nil {
		tb.Fatal(err)
	}
	return contract
}

// transport is a function that is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// responding has the same response to every request, and doesn't set Response.Request.
func responding(r fixtures.Response) transport {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: r.Status, Header: r.Header, Body: io.NopCloser(bytes.NewReader(r.Body))}, nil
	}
}

// failure is an error response in the envelope of the sample.
func failure(status int, code, message string) fixtures.Response {
	body := fmt.Sprintf(`{"error":{"code":%d,"status":%q,"message":%q,"innerError":{}}}`, status, code, message)
	return fixtures.Response{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// received is a response as a caller has it.
type received struct {
	status int
	length int64 // Response.ContentLength
	noBody bool  // whether Response.Body is http.NoBody
	body   []byte
}

// send has the client send a request, and reads the response to its end.
func send(t *testing.T, client *http.Client, method, url string) (received, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		return received{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return received{response.StatusCode, response.ContentLength, response.Body == http.NoBody, body}, err
}

// golden compares the text of an observation, without the texts of package matchers in it.
func golden(t *testing.T, file string, report observe.Observation) {
	t.Helper()
	for i, u := range report.Undocumented {
		if !strings.Contains(u.Text, u.Operation.ID) || !strings.Contains(u.Text, "\nThe request:\n") {
			t.Errorf("the text of an undocumented response is\n%s", u.Text)
		}
		report.Undocumented[i].Text = "TEXT\n"
	}
	text := regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(report.String(), "127.0.0.1:PORT")
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: go test ./suites/observe -update writes it", err)
	}
	if text != string(want) {
		t.Errorf("the text is\n%s\nand %s has\n%s", text, file, want)
	}
}

const thing = "/users/7f3a-user/things/612300-thing"

func TestObservation(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	license := contract.Clause("sample.things.update.license-missing").Wordings[0].Response()
	html := fixtures.Response{Status: 502, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<h1>502 Bad Gateway</h1>")}
	responses := []fixtures.Response{
		license, license,
		failure(403, "forbidden", "The license of the user has expired."),
		failure(429, "tooManyRequests", "Retry after 5 minutes"),
		failure(409, "conflict", "The thing 612300-thing isn't\nto be changed, says Bearer "+token),
		failure(409, "Conflict", "The thing 612300-thing is still not to be changed."),
		html,
	}
	var calls int
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sign-in":
			http.Error(w, "no", http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/moved"):
			http.Redirect(w, r, "/proxy/v1"+thing+"?token="+token, http.StatusTemporaryRedirect)
		default:
			a := responses[calls]
			calls++
			w.Header().Set("Content-Type", a.Header.Get("Content-Type"))
			w.Header().Set("X-Token", token)
			w.WriteHeader(a.Status)
			_, _ = w.Write(a.Body)
		}
	}))
	defer server.Close()
	client := server.Client()
	observer := observe.New(client.Transport, contract)
	client.Transport = observer
	for _, want := range responses {
		got, err := send(t, client, http.MethodPatch, server.URL+"/moved/v1"+thing)
		if err != nil || got.status != want.Status || !bytes.Equal(got.body, want.Body) {
			t.Errorf("received %d %q, %v, want %d %q", got.status, got.body, err, want.Status, want.Body)
		}
	}
	for range 2 {
		if _, err := send(t, client, http.MethodGet, server.URL+"/sign-in?code="+token); err != nil {
			t.Error(err)
		}
	}
	text := observer.Report().String()
	if strings.Contains(text, token[:20]) {
		t.Errorf("the text shows a token:\n%s", text)
	}
	golden(t, "observation.golden", observer.Report())

	named := failure(400, "FAILED_PRECONDITION", "@ThingIsFull No more than 1,000 parts.")
	observer = observe.New(responding(named), contract)
	_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://127.0.0.1:1/v1/users/d%3Abiology/things/1?mask=name")
	golden(t, "observation-named.golden", observer.Report())
	golden(t, "observation-empty.golden", observe.New(nil, contract).Report())
}

// A person's address is an id: wherever it may stand, it is not shown.
func TestObservationHasNoMailAddress(t *testing.T) {
	t.Parallel()
	response := failure(409, "CONFLICT", "ada.l+x@school.example is there, says mail-bot@school.example, not thing@odata.bind or x@microsoft.graph.y")
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) { return responding(response)(r) }), sample(t))
	client := &http.Client{Transport: observer}
	_, _ = send(t, client, http.MethodGet, "http://h/v1/things/ada.l+x@school.example") // undocumented
	_, _ = send(t, client, http.MethodGet, "http://h/other/ada.l+x%40school.example")   // unmatched, of no operation
	response.Body = bytes.Repeat([]byte("ada.l+x@school.example "), 1<<16)
	_, _ = send(t, client, http.MethodGet, "http://h/v1/things/ada.l+x@school.example") // unmatched, too large
	report := observer.Report()
	text := report.String()
	if len(report.Undocumented) != 1 || len(report.Unmatched) != 2 || strings.Contains(text, "school.example") {
		t.Errorf("the text shows an address, or leaves out a response:\n%s", text)
	}
	for _, want := range []string{
		"message: '{id} is there, says {id}, not thing@odata.bind or x@microsoft.graph.y'",
		"unmatched  GET http://h/other/{id}, 409", "unmatched  GET /things/{id}, 409",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// Every clause, requested below another base and with other ids, is met.
func TestEveryClauseIsMet(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	var response fixtures.Response
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) { return responding(response)(r) }), contract)
	clauses := 0
	for clause := range contract.Clauses() {
		clauses++
		o := *clause.Operation
		o.Params = map[string]string{}
		for name := range clause.Operation.Params {
			o.Params[name] = "d:an id/é"
		}
		response = clause.Wordings[0].Response()
		if _, err := send(t, &http.Client{Transport: observer}, o.Method, o.URLAt("http://127.0.0.1:8080/some/proxy")); err != nil {
			t.Fatal(err)
		}
	}
	report := observer.Report()
	if len(report.Met) != clauses || len(report.NotMet) > 0 || len(report.Undocumented) > 0 || len(report.Unmatched) > 0 {
		t.Errorf("%s", report)
	}
	for _, met := range report.Met {
		if met.Responses != 1 || met.ToTheLetter != 1 || met.LookAlikes != nil {
			t.Errorf("%s was met by %d responses, %d to the letter, and may be %v", met.Clause.ID, met.Responses, met.ToTheLetter, met.LookAlikes)
		}
	}
}

func TestARequestBelongsToTheOperationThatSaysMostOfItsPath(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	for request, want := range map[string]string{
		"POST http://h/v1/things/7:close":           "sample.things.close",
		"POST http://h/v1/things/7%3Aclose":         "sample.things.close",
		"DELETE http://h/v1/things/7":               "sample.things.delete",
		"GET http://h/v1/things":                    "sample.things.list",
		"GET http://h/v1/things/a%2Fb":              "sample.things.get",
		"GET http://h/v1/things/v1/things":          "sample.things.list", // below a prefix, as it might be a proxy's
		"GET http://h/v1/me/things/7":               "sample.things.get",
		"GET http://h/users/u/things(name='a%2Fb')": "sample.things.get",
		"GET http://h/v1/things/":                   "",
		"GET http://h/v1/parts/7":                   "",
		"PATCH http://h/v1/things/7":                "",
		"GET http://h/v1/things/7/parts/8/x":        "",
		"HEAD http://h/v1/things/7":                 "",
	} {
		observer := observe.New(responding(fixtures.Response{Status: 500}), contract)
		method, address, _ := strings.Cut(request, " ")
		_, _ = send(t, &http.Client{Transport: observer}, method, address)
		got := ""
		if report := observer.Report(); len(report.Undocumented) == 1 {
			got = report.Undocumented[0].Operation.ID
		} else if len(report.Unmatched) != 1 {
			t.Errorf("%s is not noted: %v", request, report)
		}
		if got != want {
			t.Errorf("%s belongs to %q, want %q", request, got, want)
		}
	}
}

// A transport of a test may respond to a request that net/http would not send.
func TestARequestMayLackItsURLAndMethod(t *testing.T) {
	t.Parallel()
	observer := observe.New(responding(fixtures.Response{Status: 500}), sample(t))
	for _, request := range []*http.Request{{}, {URL: &url.URL{Path: "/things/1"}}} {
		response, err := observer.RoundTrip(request)
		if err != nil || response.StatusCode != 500 {
			t.Fatalf("received %v, %v", response, err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Error(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if text := observer.Report().String(); !strings.Contains(text, "unmatched  GET , 500 Internal Server Error") ||
		!strings.Contains(text, "1 response to sample.things.get") {
		t.Errorf("noted %s", text)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	n := 0
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) {
		n++
		return responding(failure(409, fmt.Sprint("code", n), strings.Repeat("long ", 1000)))(r)
	}), contract)
	client := &http.Client{Transport: observer}
	for i := range 50 {
		_, _ = send(t, client, http.MethodPatch, "http://h"+thing)
		_, _ = send(t, client, http.MethodGet, fmt.Sprint("http://h/other/", i))
	}
	report := observer.Report()
	if len(report.Undocumented) != 20 || report.MoreUndocumented != 30 || len(report.Unmatched) != 20 || report.MoreUnmatched != 30 {
		t.Errorf("kept %d and %d, and left out %d and %d", len(report.Undocumented), len(report.Unmatched), report.MoreUndocumented, report.MoreUnmatched)
	}
	text := report.String()
	for _, line := range []string{"  unmatched  30 responses more, of other requests\n", "\nundocumented, 30 responses more, different from these\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("the text lacks the line %q", line)
		}
	}
	if size := len(text); size > 100_000 {
		t.Errorf("the text has %d bytes", size)
	}
}

func TestTheResponseIsHandedOn(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	broken := errors.New("the wire is cut")
	observer := observe.New(transport(func(*http.Request) (*http.Response, error) { return nil, broken }), contract)
	if _, err := send(t, &http.Client{Transport: observer}, http.MethodGet, "http://h/"); !errors.Is(err, broken) {
		t.Errorf("the error is %v, want that of the transport", err)
	}

	for name, response := range map[string]fixtures.Response{
		"an error without a body": {Status: 404}, "HEAD": {Status: 404}, "not modified": {Status: 304},
		"a huge error": {Status: 500, Body: bytes.Repeat([]byte("x"), 3*exchange.MaxBody)},
		"a success":    {Status: 200, Body: []byte("ok")},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(response.Status)
			_, _ = w.Write(response.Body)
		}))
		method := http.MethodPatch
		if name == "HEAD" {
			method = http.MethodHead
		}
		direct, err := send(t, server.Client(), method, server.URL+thing)
		if err != nil {
			t.Fatal(err)
		}
		observed, err := send(t, &http.Client{Transport: observe.New(nil, contract)}, method, server.URL+thing)
		if err != nil || !reflect.DeepEqual(observed, direct) {
			t.Errorf("%s: handed on %d with %d of %d bytes, %v", name, observed.status, len(observed.body), observed.length, err)
		}
		server.Close()
	}
}

func TestAResponseThatCannotBeRead(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":`)
	}))
	defer cut.Close()
	observer := observe.New(nil, contract)
	got, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, cut.URL+thing)
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(got.body) != `{"error":` {
		t.Errorf("the caller reads %q, %v, and was to read what there was, and the error", got.body, err)
	}
	if report := observer.Report(); len(report.Unmatched) != 1 || report.Responses != 0 ||
		report.Unmatched[0].Reason != "the response's body breaks off after 9 bytes: unexpected EOF" {
		t.Errorf("noted %+v", report)
	}

	for _, size := range []int{100_000, 3 * exchange.MaxBody} {
		want := "is larger than 65536 bytes"
		huge := failure(404, "notFound", strings.Repeat("x", size))
		observer = observe.New(responding(huge), contract)
		got, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing)
		if err != nil || !bytes.Equal(got.body, huge.Body) {
			t.Errorf("the caller reads %d bytes, %v", len(got.body), err)
		}
		if report := observer.Report(); len(report.Unmatched) != 1 || !strings.Contains(report.Unmatched[0].Reason, want) {
			t.Errorf("noted %+v", report.Unmatched)
		}
	}

	lying := failure(404, "notFound", "x")
	lying.Header.Set("Content-Encoding", "gzip")
	observer = observe.New(responding(lying), contract)
	_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing)
	if report := observer.Report(); len(report.Unmatched) != 1 || !strings.Contains(report.Unmatched[0].Reason, "is not gzip, as its Content-Encoding says") {
		t.Errorf("noted %+v", report.Unmatched)
	}
}

func TestAResponseThatItsCallerDecompresses(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	response := contract.Clause("sample.things.update.not-found").Wordings[0].Response()
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, _ = writer.Write(response.Body)
	_ = writer.Close()
	response.Header.Set("Content-Encoding", "gzip")
	response.Body = zipped.Bytes()
	observer := observe.New(responding(response), contract)
	got, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing)
	if err != nil || !bytes.Equal(got.body, response.Body) {
		t.Errorf("the caller reads %q, %v, and was to read it compressed", got.body, err)
	}
	if met := observer.Report().Met; len(met) != 1 || met[0].Clause.ID != "sample.things.update.not-found" {
		t.Errorf("met %+v", met)
	}
}

// A success is handed on while its body is still being sent.
func TestASuccessIsNotRead(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-goOn
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+thing, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := observe.New(nil, sample(t)).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 5)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "first" {
		t.Errorf("read %q, %v", first, err)
	}
	close(goOn)
}

func TestGoroutinesShareAnObserver(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	responses := []fixtures.Response{
		contract.Clause("sample.things.update.not-found").Wordings[0].Response(),
		failure(409, "conflict", "No."), {Status: 204},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := responses[len(r.URL.RawQuery)%len(responses)]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	}))
	defer server.Close()
	client := server.Client()
	observer := observe.New(client.Transport, contract)
	client.Transport = observer
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			got, err := send(t, client, http.MethodPatch, server.URL+thing+"?"+strings.Repeat("q", i%3))
			if err != nil || !bytes.Equal(got.body, responses[i%3].Body) {
				t.Errorf("read %q, %v", got.body, err)
			}
			_ = observer.Report().String()
		})
	}
	group.Wait()
	client.CloseIdleConnections()
	report := observer.Report()
	if report.Responses != 40 || len(report.Met) != 1 || report.Met[0].Responses != 20 ||
		len(report.Undocumented) != 1 || report.Undocumented[0].Responses != 20 {
		t.Errorf("observed %+v", report)
	}
}

// In a draft, the loader misses what a person must say, and nothing else.
func TestADraftIsYAMLOfTheContract(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	file, err := os.ReadFile("../../fixtures/testdata/sample/provider.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{
		"No.", "It's \"so\": - #{x} [y] 'z' \\ é “ ", "two\nlines\tand \x00 \u2028 \U0001F600", "", " @Name ", "null", strings.Repeat("é", 700),
		"About 612300-thing.",
	} {
		for _, code := range []string{"Bad request", "teapotHeld", "§", "yes", "a: b", strings.Repeat("long ", 30)} {
			response := failure(418, code, "")
			response.Body = fmt.Appendf(nil, `{"error":{"code":418,"status":%s,"message":%s,"innerError":{},"details":[{"code":"d","message":%[2]s}]}}`,
				encoded(t, code), encoded(t, message))
			observer := observe.New(responding(response), contract)
			if _, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing); err != nil {
				t.Fatal(err)
			}
			draft := observer.Report().Undocumented[0].Draft
			var read []struct {
				Key      string
				Wordings []struct{ Code, Message string }
			}
			if err := yaml.Unmarshal([]byte(draft), &read); err != nil {
				t.Fatalf("%v in\n%s", err, draft)
			}
			want := exchange.Printable(strings.ReplaceAll(message, "612300-thing", "{id}"))
			if got := read[0].Wordings[0]; got.Code != exchange.Printable(code) || got.Message != want {
				t.Errorf("code %q and message %q are drafted as %q and %q", code, want, got.Code, got.Message)
			}
			if strings.Contains(message, "{x}") || code != "teapotHeld" && message != "No." {
				continue // the loader knows no placeholder {x}, and the others show nothing new
			}
			files := os.DirFS(sampleFolder)
			_, err := fixtures.Open(overlay{files, bytes.Replace(file, []byte("\nvalues:\n"), []byte("\n"+draft+"values:\n"), 1)})
			var problems fixtures.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("the contract with the draft loads, or not at all: %v", err)
			}
			for _, problem := range problems {
				if text := problem.Text; !strings.Contains(text, "has no provenance") && !strings.Contains(text, `the remedy is "…"`) &&
					!strings.Contains(text, "not among codes") &&
					(message != "" || !strings.Contains(text, "a detail needs code and message")) {
					t.Errorf("%s\n%s", text, draft)
				}
			}
		}
	}
}

// What a draft shows of a response, and in which order it is kept.
func TestDraft(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	o := contract.Operation("sample.things.update")
	details := strings.Repeat(`,{"code":"d","message":"more"}`, 5)
	x := exchange.New(http.MethodPatch, o.URL(), fixtures.Response{Status: 404, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(
		`{"error":{"code":404,"status":"notFound","message":"No 123456 and no 12345","details":[{"code":"d","message":"It's 123456"}` + details + `]}}`,
	)}, time.Now())
	want := `  - key: not-found-2
    when: '…'
    status: 404
    remedy: {do: …, from: ours}
    on: [{operation: sample.things.update, evidence: inferred, basis: seen in a test run}]
    wordings:
      - code: 'notFound'
        message: 'No MESSAGE and no 12345'
        details:
          - {code: 'd', message: 'It''s MESSAGE'}
` + strings.Repeat("          - {code: 'd', message: 'more'}\n", 4)
	if got := observe.Draft(o, x); got != strings.ReplaceAll(want, "MESSAGE", "123456") {
		t.Errorf("the draft is\n%s", got)
	}
	response := fixtures.Response{Status: 404, Header: http.Header{"Content-Type": {"application/json"}}, Body: bytes.Replace(x.Body(), []byte("notFound"), []byte("Nowhere"), 1)}
	observer := observe.New(responding(response), contract)
	if _, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h/users/12345/things/123456"); err != nil {
		t.Fatal(err)
	}
	want = strings.Replace(strings.Replace(want, "not-found-2", "nowhere", 1), "notFound", "Nowhere", 1)
	if got := observer.Report().Undocumented[0].Draft; got != strings.ReplaceAll(want, "MESSAGE", "{id}") {
		t.Errorf("the draft is\n%s", got)
	}
}

// Responses that break different fields are kept apart, and one that is wrong in its form only has no draft.
func TestUndocumentedResponsesAreKeptApart(t *testing.T) {
	t.Parallel()
	unknown := failure(404, "Nowhere", "No.")
	shapeless := unknown
	shapeless.Header = http.Header{"Content-Type": {"text/plain"}}
	form := failure(404, "notFound", "The thing 7 doesn't exist.")
	form.Header = http.Header{"Content-Type": {"text/plain"}}
	codeless := failure(418, "", "No.")
	responses := []fixtures.Response{unknown, shapeless, form, codeless}
	n := 0
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) {
		n++
		return responding(responses[(n-1)%len(responses)])(r)
	}), sample(t))
	for range 2 * len(responses) {
		_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing)
	}
	report := observer.Report()
	if len(report.Undocumented) != len(responses) {
		t.Fatalf("kept %d: %s", len(report.Undocumented), report)
	}
	for i, u := range report.Undocumented {
		if u.Responses != 2 || (u.Draft != "") != (i < 2) {
			t.Errorf("response %d was seen %d times, and is drafted as %q", i, u.Responses, u.Draft)
		}
	}
}

func TestTheLargestResponseThatIsCompared(t *testing.T) {
	t.Parallel()
	for more, want := range map[int]int{0: 1, 1: 0} {
		response := failure(404, "Nowhere", "")
		response = failure(404, "Nowhere", strings.Repeat("x", 64<<10-len(response.Body)+more))
		observer := observe.New(responding(response), sample(t))
		_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing)
		if got := len(observer.Report().Undocumented); got != want {
			t.Errorf("of %d bytes, %d responses are compared", len(response.Body), got)
		}
	}
}

// closing is a transport that notes when its idle connections are closed.
type closing struct {
	transport
	closed int
}

func (c *closing) CloseIdleConnections() { c.closed++ }

func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	base := &closing{}
	(&http.Client{Transport: observe.New(base, sample(t))}).CloseIdleConnections()
	(&http.Client{Transport: observe.New(base.transport, sample(t))}).CloseIdleConnections() // which has none
	if base.closed != 1 {
		t.Errorf("closed %d times", base.closed)
	}
}

// A transport of a test may be wrong in what it returns: that is its caller's to see.
func TestAResponseBesideAnError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the wire is cut")
	for name, base := range map[string]transport{
		"both": func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 404, Body: http.NoBody}, broken
		},
		"none": func(*http.Request) (*http.Response, error) { return nil, nil }, //nolint:nilnil // as the test is about
	} {
		observer := observe.New(base, sample(t))
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "http://h"+thing, nil)
		_, err := observer.RoundTrip(request) //nolint:bodyclose // it has none
		if (err != nil) != (name == "both") || observer.Report().Responses != 0 {
			t.Errorf("%s: %v, %s", name, err, observer.Report())
		}
	}
}

func TestNewNeedsAContract(t *testing.T) {
	t.Parallel()
	defer func() {
		if text := fmt.Sprint(recover()); text != "observe: New was given no contract: check the error of fixtures.Load first" {
			t.Errorf("panicked with %s", text)
		}
	}()
	observe.New(nil, nil)
}

func TestASuccessAllocatesNothing(t *testing.T) {
	observer, request := succeeding(t)
	if n := testing.AllocsPerRun(1000, func() { _, _ = observer.RoundTrip(request) }); n != 0 { //nolint:bodyclose // it has none
		t.Errorf("a success allocates %v times", n)
	}
}

// succeeding is an observer whose transport allocates nothing, and a request for it.
func succeeding(tb testing.TB) (*observe.Observer, *http.Request) {
	tb.Helper()
	response := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
	observer := observe.New(transport(func(*http.Request) (*http.Response, error) { return response, nil }), sample(tb))
	return observer, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "https://api.sample.example/v1/things/7", nil)
}

func BenchmarkRoundTrip(b *testing.B) {
	b.Run("success", func(b *testing.B) {
		observer, request := succeeding(b)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = observer.RoundTrip(request) //nolint:bodyclose // it has none
		}
	})
	b.Run("failure", func(b *testing.B) {
		clause := sample(b).Clause("sample.things.update.license-missing")
		observer := observe.New(responding(clause.Wordings[0].Response()), clause.Operation.Contract)
		request := httptest.NewRequestWithContext(b.Context(), clause.Operation.Method, clause.Operation.URL(), nil)
		b.ReportAllocs()
		for b.Loop() {
			response, _ := observer.RoundTrip(request)
			response.Body.Close()
		}
	})
}

func encoded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// overlay is a file system with another text of the contract.
type overlay struct {
	fs.FS
	text []byte
}

func (o overlay) Open(name string) (fs.File, error) {
	if name == "provider.yaml" {
		return fstest.MapFS{name: {Data: o.text}}.Open(name)
	}
	return o.FS.Open(name)
}

// A test project that is throttled, or whose API is disabled, meets no clause by it.
func TestARefusalOfThePlatformMeetsNoClause(t *testing.T) {
	t.Parallel()
	response := failure(403, "Forbidden", "No.")
	response.Body = bytes.Replace(response.Body, []byte(`"message"`), []byte(`"errors":[{"reason":"rateLimitExceeded"}],"message"`), 1)
	observer := observe.New(responding(response), sample(t))
	_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+thing)
	report := observer.Report()
	want := "the platform throttles the caller (rateLimitExceeded), which no clause documents"
	if len(report.Met) > 0 || len(report.Undocumented) > 0 || len(report.Unmatched) != 1 || report.Unmatched[0].Reason != want {
		t.Errorf("noted %s", report)
	}
}
