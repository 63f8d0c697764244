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
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v3"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/observe"
)

var update = flag.Bool("update", false, "rewrite suites/observe/testdata/*.golden with the texts as they are")

// token stands where a provider, or a proxy before it, has echoed a credential.
const token = "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiI3In0.c2lnbmF0dXJl"

func load(tb testing.TB, provider string) *fixtures.Contract {
	tb.Helper()
	contract, err := fixtures.Load(provider)
	if err != nil {
		tb.Fatal(err)
	}
	return contract
}

// transport is a function that is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering responses every request so, and doesn't set Response.Request.
func answering(a fixtures.Response) transport {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: a.Status, Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body))}, nil
	}
}

// graphs is a response of Graph.
func graphs(status int, code, message string) fixtures.Response {
	body := fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innerError":{}}}`, code, message)
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

func golden(t *testing.T, file, text string) {
	t.Helper()
	text = regexp.MustCompile(`(fixtures/\S+\.(?:yaml|json)):\d+`).ReplaceAllString(text, "$1:LINE")
	text = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(text, "127.0.0.1:PORT")
	text = regexp.MustCompile(`Date: .*`).ReplaceAllString(text, "Date: DATE")
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

const activity = "/employeeExperience/learningProviders/7f3a-provider/learningCourseActivities/612300-activity"

func TestObservation(t *testing.T) {
	graph := load(t, "graph")
	license := graph.Clause("graph.update.learner-license").Wordings[0].Response()
	html := fixtures.Response{Status: 502, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<h1>502 Bad Gateway</h1>")}
	responses := []fixtures.Response{
		license, license,
		graphs(403, "forbidden", "The licence of the learner has expired."),
		graphs(429, "tooManyRequests", "Retry after 5 minutes"),
		graphs(409, "conflict", "The activity 612300-activity isn't\nto be changed, says Bearer "+token),
		graphs(409, "Conflict", "The activity 612300-activity is still not to be changed."),
		html,
	}
	var asked int
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sign-in":
			http.Error(w, "no", http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/moved"):
			http.Redirect(w, r, "/proxy/v1.0"+activity+"?token="+token, http.StatusTemporaryRedirect)
		default:
			a := responses[asked]
			asked++
			w.Header().Set("Content-Type", a.Header.Get("Content-Type"))
			w.Header().Set("X-Token", token)
			w.WriteHeader(a.Status)
			_, _ = w.Write(a.Body)
		}
	}))
	defer server.Close()
	client := server.Client()
	observer := observe.New(client.Transport, graph)
	client.Transport = observer
	for _, want := range responses {
		got, err := send(t, client, http.MethodPatch, server.URL+"/moved/v1.0"+activity)
		if err != nil || got.status != want.Status || !bytes.Equal(got.body, want.Body) {
			t.Errorf("responded %d %q, %v, want %d %q", got.status, got.body, err, want.Status, want.Body)
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
	golden(t, "observation.golden", text)

	classroom := load(t, "classroom")
	observer = observe.New(answering(fixtures.Response{
		Status: 400, Header: http.Header{"Content-Type": {"application/json"}},
		Body: []byte(`{"error":{"code":400,"message":"@CourseIsFull No more than 1,000 students.","status":"FAILED_PRECONDITION"}}`),
	}), classroom)
	_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://127.0.0.1:1/v1/courses/d%3Abiology?updateMask=name")
	golden(t, "observation-named.golden", observer.Report().String())
	golden(t, "observation-empty.golden", observe.New(nil, graph).Report().String())
}

// A person's address is an id to both providers: wherever it may stand, it is not shown.
func TestObservationHasNoMailAddress(t *testing.T) {
	classroom := load(t, "classroom")
	response := fixtures.Response{
		Status: 409, Header: http.Header{"Content-Type": {"application/json"}},
		Body: []byte(`{"error":{"code":409,"message":"ada.l+x@school.example is there, says mail-bot@school.example","status":"CONFLICT"}}`),
	}
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) { return answering(response)(r) }), classroom)
	client := &http.Client{Transport: observer}
	_, _ = send(t, client, http.MethodGet, "http://h/v1/userProfiles/ada.l+x@school.example") // undocumented
	_, _ = send(t, client, http.MethodGet, "http://h/other/ada.l+x%40school.example")         // unmatched, of no operation
	response.Body = bytes.Repeat([]byte("ada.l+x@school.example "), 1<<16)
	_, _ = send(t, client, http.MethodGet, "http://h/v1/userProfiles/ada.l+x@school.example") // unmatched, too large
	report := observer.Report()
	text := report.String()
	if len(report.Undocumented) != 1 || len(report.Unmatched) != 2 || strings.Contains(text, "school.example") {
		t.Errorf("the text shows an address, or leaves out a response:\n%s", text)
	}
	for _, want := range []string{
		"message: '{id} is there, says {id}'", "unmatched  GET http://h/other/{id}, 409", "unmatched  GET /v1/userProfiles/{userId}, 409",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

// Every clause of both contracts, asked for below another base and with other ids, is met.
func TestObservesEveryClause(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		contract := load(t, provider)
		var response fixtures.Response
		observer := observe.New(transport(func(r *http.Request) (*http.Response, error) { return answering(response)(r) }), contract)
		for clause := range contract.Clauses() {
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
		if len(report.NotMet) > 0 || len(report.Undocumented) > 0 || len(report.Unmatched) > 0 {
			t.Errorf("%s", report)
		}
		for _, met := range report.Met {
			if met.Responses != 1 || met.ToTheLetter != 1 || met.LookAlikes != nil {
				t.Errorf("%s was met by %d responses, %d to the letter, and may be %v", met.Clause.ID, met.Responses, met.ToTheLetter, met.LookAlikes)
			}
		}
	}
}

func TestObserveAsksForTheOperationThatSaysMostOfThePath(t *testing.T) {
	classroom := load(t, "classroom")
	observer := observe.New(answering(fixtures.Response{Status: 500}), classroom)
	for url, want := range map[string]string{
		"POST http://h/v1/invitations/7:accept":         "classroom.invitations.accept",
		"POST http://h/v1/invitations/7%3Aaccept":       "classroom.invitations.accept",
		"DELETE http://h/v1/invitations/7":              "classroom.invitations.delete",
		"GET http://h/v1/courses":                       "classroom.courses.list",
		"GET http://h/v1/courses/a%2Fb":                 "classroom.courses.get",
		"GET http://h/v1/courses/v1/courses":            "classroom.courses.list", // a prefix, as it might be a proxy's
		"GET http://h/v1/courses/":                      "",
		"GET http://h/v2/courses/7":                     "",
		"GET http://h/v1/courses/7/courseWork/8/rubric": "",
		"HEAD http://h/v1/courses/7":                    "",
	} {
		before := len(observer.Report().Unmatched)
		method, address, _ := strings.Cut(url, " ")
		_, _ = send(t, &http.Client{Transport: observer}, method, address)
		report := observer.Report()
		if want == "" {
			if len(report.Unmatched) != before+1 {
				t.Errorf("%s belongs to an operation", url)
			}
			continue
		}
		if !slices.ContainsFunc(report.Undocumented, func(u observe.Undocumented) bool { return u.Operation.ID == want }) {
			t.Errorf("%s does not belong to %s", url, want)
		}
	}
}

func TestObserveBoundsWhatItKeeps(t *testing.T) {
	graph := load(t, "graph")
	n := 0
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) {
		n++
		return answering(graphs(409, fmt.Sprint("code", n), strings.Repeat("long ", 1000)))(r)
	}), graph)
	client := &http.Client{Transport: observer}
	for i := range 50 {
		_, _ = send(t, client, http.MethodPatch, "http://h"+activity)
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

func TestObserveHandsOnWhatItWraps(t *testing.T) {
	graph := load(t, "graph")
	broken := errors.New("the wire is cut")
	observer := observe.New(transport(func(*http.Request) (*http.Response, error) { return nil, broken }), graph)
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
		direct, err := send(t, server.Client(), method, server.URL+activity)
		if err != nil {
			t.Fatal(err)
		}
		observed, err := send(t, &http.Client{Transport: observe.New(nil, graph)}, method, server.URL+activity)
		if err != nil || !reflect.DeepEqual(observed, direct) {
			t.Errorf("%s: handed on %d with %d of %d bytes, %v", name, observed.status, len(observed.body), observed.length, err)
		}
		server.Close()
	}
}

func TestObserveSaysWhatItCouldNotRead(t *testing.T) {
	graph := load(t, "graph")
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":`)
	}))
	defer cut.Close()
	observer := observe.New(nil, graph)
	got, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, cut.URL+activity)
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(got.body) != `{"error":` {
		t.Errorf("the caller reads %q, %v, and was to read what there was, and the error", got.body, err)
	}
	if report := observer.Report(); len(report.Unmatched) != 1 || report.Responses != 0 ||
		report.Unmatched[0].Reason != "the response's body breaks off after 9 bytes: unexpected EOF" {
		t.Errorf("noted %+v", report)
	}

	for size, want := range map[int]string{
		100_000:          "is larger than 65536 bytes",
		exchange.MaxBody: "is larger than 1048576 bytes",
	} {
		huge := graphs(404, "notFound", strings.Repeat("x", size))
		observer = observe.New(answering(huge), graph)
		got, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+activity)
		if err != nil || !bytes.Equal(got.body, huge.Body) {
			t.Errorf("the caller reads %d bytes, %v", len(got.body), err)
		}
		if report := observer.Report(); len(report.Unmatched) != 1 || !strings.Contains(report.Unmatched[0].Reason, want) {
			t.Errorf("noted %+v", report.Unmatched)
		}
	}

	lying := graphs(404, "notFound", "x")
	lying.Header.Set("Content-Encoding", "gzip")
	observer = observe.New(answering(lying), graph)
	_, _ = send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+activity)
	if report := observer.Report(); len(report.Unmatched) != 1 || !strings.Contains(report.Unmatched[0].Reason, "not the gzip it is said to be") {
		t.Errorf("noted %+v", report.Unmatched)
	}
}

func TestObserveReadsWhatItsCallerDecompresses(t *testing.T) {
	graph := load(t, "graph")
	response := graph.Clause("graph.update.assignment-not-found").Wordings[0].Response()
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	_, _ = writer.Write(response.Body)
	_ = writer.Close()
	response.Header.Set("Content-Encoding", "gzip")
	response.Body = zipped.Bytes()
	observer := observe.New(answering(response), graph)
	got, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+activity)
	if err != nil || !bytes.Equal(got.body, response.Body) {
		t.Errorf("the caller reads %q, %v, and was to read it compressed", got.body, err)
	}
	if met := observer.Report().Met; len(met) != 1 || met[0].Clause.ID != "graph.update.assignment-not-found" {
		t.Errorf("met %+v", met)
	}
}

// A success is handed on while its body is still being sent.
func TestObserveDoesNotReadASuccess(t *testing.T) {
	goOn := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-goOn
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+activity, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := observe.New(nil, load(t, "graph")).RoundTrip(request)
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

func TestObserveInManyGoroutines(t *testing.T) {
	graph := load(t, "graph")
	responses := []fixtures.Response{
		graph.Clause("graph.update.assignment-not-found").Wordings[0].Response(),
		graphs(409, "conflict", "No."), {Status: 204},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := responses[len(r.URL.RawQuery)%len(responses)]
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	}))
	defer server.Close()
	client := server.Client()
	observer := observe.New(client.Transport, graph)
	client.Transport = observer
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			got, err := send(t, client, http.MethodPatch, server.URL+activity+"?"+strings.Repeat("q", i%3))
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

// A draft is YAML of the contract: the loader misses in it what a person must say, and nothing else.
func TestDraftsAreOfTheContract(t *testing.T) {
	graph := load(t, "graph")
	file, err := os.ReadFile("../../fixtures/graph/learningcourseactivity.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{
		"No.", "It's \"so\": - #{x} [y] 'z' \\ é “ ", "two\nlines\tand \x00 \u2028 \U0001F600", "", " @Name ", "null", strings.Repeat("é", 700),
		"About 612300-activity.",
	} {
		for _, code := range []string{"Bad request", "teapotHeld", "§", "yes", "a: b", strings.Repeat("long ", 30)} {
			response := graphs(418, code, "")
			response.Body = fmt.Appendf(nil, `{"error":{"code":%s,"message":%s,"innerError":{},"details":[{"code":"d","message":%[2]s}]}}`,
				encoded(t, code), encoded(t, message))
			observer := observe.New(answering(response), graph)
			if _, err := send(t, &http.Client{Transport: observer}, http.MethodPatch, "http://h"+activity); err != nil {
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
			want := exchange.Printable(strings.ReplaceAll(message, "612300-activity", "{id}"))
			if got := read[0].Wordings[0]; got.Code != exchange.Printable(code) || got.Message != want {
				t.Errorf("code %q and message %q are drafted as %q and %q", code, want, got.Code, got.Message)
			}
			if strings.Contains(message, "{x}") || code != "teapotHeld" && message != "No." {
				continue // of the former the loader would ask what it stands for, and the others show nothing new
			}
			files := os.DirFS("../../fixtures")
			_, err := fixtures.LoadFS(overlay{files, append(bytes.Clone(file), draft...)}, "graph")
			var problems fixtures.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("the contract with the draft loads, or not at all: %v", err)
			}
			for _, problem := range problems {
				if text := problem.Text; !strings.Contains(text, "has no provenance") && !strings.Contains(text, `the remedy is "…"`) &&
					(message != "" || !strings.Contains(text, "a detail needs code and message")) {
					t.Errorf("%s\n%s", text, draft)
				}
			}
		}
	}
}

func TestObserveNeedsAContract(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); text != "observe: New was given no contract: check the error of fixtures.Load first" {
			t.Errorf("panicked with %s", text)
		}
	}()
	observe.New(nil, nil)
}

func TestObserveAllocatesNothingOnASuccess(t *testing.T) {
	observer, request := succeeding(t)
	if n := testing.AllocsPerRun(1000, func() { _, _ = observer.RoundTrip(request) }); n != 0 { //nolint:bodyclose // it has none
		t.Errorf("a success allocates %v times", n)
	}
}

// succeeding is an observer whose transport allocates nothing, and a request for it.
func succeeding(tb testing.TB) (*observe.Observer, *http.Request) {
	tb.Helper()
	response := &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}
	observer := observe.New(transport(func(*http.Request) (*http.Response, error) { return response, nil }), load(tb, "classroom"))
	return observer, httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "https://classroom.googleapis.com/v1/courses/7", nil)
}

func BenchmarkObserve(b *testing.B) {
	b.Run("success", func(b *testing.B) {
		observer, request := succeeding(b)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = observer.RoundTrip(request) //nolint:bodyclose // it has none
		}
	})
	for _, id := range []string{
		"graph.update.learner-license", "classroom.courses.patch.failed-precondition.CourseNotModifiable",
	} {
		b.Run(id, func(b *testing.B) {
			provider, _, _ := strings.Cut(id, ".")
			clause := load(b, provider).Clause(id)
			observer := observe.New(answering(clause.Wordings[0].Response()), clause.Operation.Contract)
			request := httptest.NewRequestWithContext(b.Context(), clause.Operation.Method, clause.Operation.URL(), nil)
			b.ReportAllocs()
			for b.Loop() {
				response, _ := observer.RoundTrip(request)
				response.Body.Close()
			}
		})
	}
}

func encoded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// overlay has another text for the contract that is written by hand.
type overlay struct {
	fs.FS
	text []byte
}

func (o overlay) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".yaml") && strings.HasPrefix(name, "graph/") {
		return fstest.MapFS{name: {Data: o.text}}.Open(name)
	}
	return o.FS.Open(name)
}
