package mutation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/call"
	"github.com/learncontract/learncontract/suites/internal/instance"
	"github.com/learncontract/learncontract/suites/internal/retry"
	"github.com/learncontract/learncontract/suites/internal/verdict"
	"github.com/learncontract/learncontract/suites/report"
)

// brokenClient is the reference client, broken in one way.
type brokenClient struct {
	name   string
	config client.Config
	reason string // what the reason of a verdict must say
}

// brokenClients are the reference client, broken in one way each, and what the reason of a verdict must say.
var brokenClients = []brokenClient{
	{"returns nil after 404", changed404(nil), "returned nil although the API responded with a failure"},
	{"returns nil after 5xx", surfacing(func(f client.Failure) error {
		if f.Status >= 500 {
			return nil
		}
		return f
	}), "returned nil although the API responded with a failure"},
	{"returns nil after everything", surfacing(func(client.Failure) error { return nil }), "returned nil although the API responded with a failure"},
	{"returns an error without the failure", surfacing(func(f client.Failure) error { return errors.New(f.Error()) }),
		"returned an error that carries no failure"},
	{"returns a sentinel after 404", changed404(io.EOF), "returned an error that carries no failure"},
	{"takes 429 for 503", misreading(func(f *client.Failure) {
		if f.Status == 429 {
			f.Status = 503
		}
	}), "status is not surfaced as received"},
	{"has no status", misreading(func(f *client.Failure) { f.Status = 0 }), "status is not surfaced as received"},
	{"writes the code in lower case", misreading(func(f *client.Failure) { f.Code = strings.ToLower(f.Code) }), "code is not surfaced as received"},
	{"takes the status for the code", misreading(func(f *client.Failure) { f.Code = http.StatusText(f.Status) }), "code is not surfaced as received"},
	{"has no code", misreading(func(f *client.Failure) { f.Code = "" }), "code is not surfaced"},
	{"swaps code and message", misreading(func(f *client.Failure) { f.Code, f.Message = f.Message, f.Code }), "code is not surfaced as received"},
	{"cuts the message", misreading(func(f *client.Failure) { f.Message = f.Message[:len(f.Message)-1] }), "message is not surfaced as received"},
	{"takes the name out of the message", misreading(func(f *client.Failure) {
		f.Message = strings.TrimPrefix(f.Message, "@"+f.Name+" ")
	}), "message is not surfaced as received"},
	{"has the name with its @", misreading(func(f *client.Failure) {
		if f.Name != "" {
			f.Name = "@" + f.Name
		}
	}), "name is not surfaced as received"},
	{"has no name", misreading(func(f *client.Failure) { f.Name = "" }), "name is not surfaced"},
	{"takes any first word for the name", misreading(func(f *client.Failure) { f.Name, _, _ = strings.Cut(f.Message, " ") }), "name is not surfaced as received"},
	{"has the first detail alone", misreading(func(f *client.Failure) { f.Details = f.Details[:min(1, len(f.Details))] }), "details is not surfaced as received"},
	{"has no details", misreading(func(f *client.Failure) { f.Details = nil }), "details is not surfaced"},
	{"takes seconds for minutes", misreading(func(f *client.Failure) { f.RetryAfter *= 60 }), "retry-after is not surfaced as received"},
	{"does not read Retry-After", misreading(func(f *client.Failure) { f.RetryAfter = 0 }), "retry-after is not surfaced"},
	{"makes a time to wait up", misreading(func(f *client.Failure) { f.RetryAfter = 5 * time.Minute }), "retry-after is surfaced, and was not received"},
	{"has no request id", misreading(func(f *client.Failure) { f.RequestID = "" }), "request id is not surfaced"},
	{"panics", misreading(func(f *client.Failure) { _ = f.Details[0] }), "panicked: runtime error: index out of range"},
	{"ends its goroutine", misreading(func(*client.Failure) { runtime.Goexit() }), "panicked: it ended its goroutine by runtime.Goexit"},
	{"waits for ever", misreading(func(*client.Failure) { select {} }), "hangs"},
	{"takes 204 for a failure", calling(func(ctx context.Context, c client.Call, do perform) error {
		if err := do(ctx, c); err != nil || c.Operation.Success.Status != http.StatusNoContent {
			return err
		}
		return client.Failure{Status: http.StatusNoContent}
	}), "returned an error although the API responded with a success"},
	{"sends nothing", calling(func(context.Context, client.Call, perform) error { return nil }), "did not send the request of its call"},
	{"sends the request twice", calling(func(ctx context.Context, c client.Call, do perform) error {
		return errors.Join(do(ctx, c), do(ctx, c))
	}), "sent another request, though it does not declare Retries"},
	{"reads before it writes", calling(func(ctx context.Context, c client.Call, do perform) error {
		o := *c.Operation
		o.Method = http.MethodGet
		if o.Method != c.Operation.Method {
			_ = do(ctx, client.Call{Operation: &o, Params: c.Params})
		}
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"sends no body", calling(func(ctx context.Context, c client.Call, do perform) error {
		c.Body = nil
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"sends no query", calling(func(ctx context.Context, c client.Call, do perform) error {
		c.Query = nil
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"sends PUT for PATCH", sending(func(r *http.Request) {
		if r.Method == http.MethodPatch {
			r.Method = http.MethodPut
		}
	}), "sent an unexpected request"},
	{"does not escape parameters", sending(func(r *http.Request) { r.URL.RawPath = "" }), "sent an unexpected request"},
	{"escapes parameters twice", sending(func(r *http.Request) {
		r.URL.RawPath = strings.ReplaceAll(r.URL.EscapedPath(), "%", "%25")
		r.URL.Path, _ = url.PathUnescape(r.URL.RawPath)
	}), "sent an unexpected request"},
	{"does not escape the query", sending(func(r *http.Request) {
		r.URL.RawQuery, _ = url.QueryUnescape(r.URL.RawQuery)
	}), "sent an unexpected request"},
	{"ignores the call's parameters", calling(func(ctx context.Context, c client.Call, do perform) error {
		c.Params = client.Minimal(c.Operation).Params
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"reads no date in Retry-After", reading(func(r *http.Response, _ []byte, f *client.Failure) {
		if _, err := http.ParseTime(r.Header.Get("Retry-After")); err == nil {
			f.RetryAfter = 0
		}
	}), "retry-after is not surfaced"},
	{"takes client-request-id for the request id", reading(func(r *http.Response, _ []byte, f *client.Failure) {
		f.RequestID = cmp.Or(r.Header.Get("Client-Request-Id"), f.RequestID)
	}), "request id is not surfaced as received"},
	{"drops what is not ASCII", misreading(func(f *client.Failure) {
		f.Message = strings.Map(func(r rune) rune {
			if r > 127 {
				return -1
			}
			return r
		}, f.Message)
	}), "message is not surfaced as received"},
	{"straightens apostrophes", misreading(func(f *client.Failure) { f.Message = strings.ReplaceAll(f.Message, "’", "'") }),
		"message is not surfaced as received"},
	{"cuts messages at 512 bytes", misreading(func(f *client.Failure) { f.Message = f.Message[:min(512, len(f.Message))] }),
		"message is not surfaced as received"},
	{"takes the message for a format", misreading(func(f *client.Failure) {
		format := fmt.Sprintf // or vet sees it
		f.Message = format(f.Message)
	}), "message is not surfaced as received"},
	{"takes the first line of the message", misreading(func(f *client.Failure) { f.Message, _, _ = strings.Cut(f.Message, "\n") }),
		"message is not surfaced as received"},
	{"rejects unknown members", reading(func(_ *http.Response, body []byte, f *client.Failure) {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.DisallowUnknownFields()
		var known struct {
			Error struct {
				Code            int
				Status, Message string
				Details         []struct{ Code, Message string }
				InnerError      map[string]string
			}
		}
		if decoder.Decode(&known) != nil {
			f.Code = ""
		}
	}), "code is not surfaced"},
	{"panics without innerError", reading(func(_ *http.Response, body []byte, _ *client.Failure) {
		var known struct {
			Error struct{ InnerError *struct{ Date string } }
		}
		if json.Unmarshal(body, &known) == nil {
			_ = known.Error.InnerError.Date
		}
	}), "panicked: runtime error: invalid memory address"},
	{"searches the body's text", reading(func(_ *http.Response, body []byte, f *client.Failure) {
		_, text, _ := strings.Cut(string(body), `"message":"`)
		f.Message, _, _ = strings.Cut(text, `"`)
	}), "message is not surfaced"},
	{"names no content type", sending(func(r *http.Request) { r.Header.Del("Content-Type") }), "sent an unexpected request"},
	{"calls another host", sending(func(r *http.Request) { r.URL.Host = "other.example" }), "called another host"},
	{"uses http.DefaultClient", constructing(func(_ *http.Client, baseURL string) *wire.Client { return wire.New(http.DefaultClient, baseURL) }),
		"did not send the request of its call"},
	{"sends a query parameter that is not declared", adding("fields", ""), "sent an unexpected request"},
	{"sends another query parameter than that declared", declaringAdds(adding("fields", ""), client.Addition{Query: []string{"field"}}), "sent an unexpected request"},
	{"changes a query parameter of the minimal request", declaringAdds(sending(func(r *http.Request) {
		setQuery(r, "mask", "all")
	}), client.Addition{Query: []string{"mask"}}), "sent an unexpected request"},
	{"sends a field that is not declared", adding("", "due"), "sent an unexpected request"},
	{"sends another field than that declared", declaringAdds(adding("", "due"), client.Addition{Fields: []string{"/due/on"}}), "sent an unexpected request"},
	{"reads another than it declares", declaringAdds(readingFirst(http.MethodGet, "/others"), client.Addition{Reads: []string{"sample.things.get"}}),
		"sent an unexpected request"},
	{"reads with another method", declaringAdds(readingFirst(http.MethodPost, ""), client.Addition{Reads: []string{"sample.things.get"}}), "sent an unexpected request"},
	{"reads, and writes twice", declaringAdds(calling(func(ctx context.Context, c client.Call, do perform) error {
		return errors.Join(do(ctx, c), do(ctx, c))
	}), client.Addition{Reads: []string{"sample.things.get"}}), "sent another request, though it does not declare Retries"},
	{"reads, and does not write", declaringAdds(calling(func(ctx context.Context, c client.Call, do perform) error {
		return do(ctx, readOf(c))
	}), client.Addition{Reads: []string{"sample.things.get"}}), "did not send the request of its call"},
	{"signs in where it does not declare to", signingIn(tokenURL, ""), "called another host"},
	{"signs in at another path than it declares", signingIn(tokenURL+"s", tokenURL), "called another host"},
	{"signs in, and sends nothing", func() client.Config {
		config := signingIn(tokenURL, tokenURL)
		config.New = func(hc *http.Client, _ string) (client.Calls, error) {
			return client.Calls{"*": func(ctx context.Context, _ client.Call) error { return signIn(ctx, hc, tokenURL) }}, nil
		}
		return config
	}(), "did not send the request of its call"},
	{"takes another page parameter", paging(false, func(r *http.Request, token string) { setQuery(r, "token", token) }), "it can only follow the page's token"},
	{"does not escape the page's token", paging(false, func(r *http.Request, token string) {
		r.URL.RawQuery += "&pageToken=" + token
	}), "it can only follow the page's token"},
	{"escapes the page's token twice", paging(false, func(r *http.Request, token string) {
		setQuery(r, "pageToken", url.QueryEscape(token))
	}), "it can only follow the page's token"},
	{"follows the page's token for ever", paging(true, follow), "it can only follow the page's token"},
	{"requests the first page again", paging(false, func(*http.Request, string) {}), "it can only follow the page's token"},
	{"drops other query parameters with the page's token", paging(false, func(r *http.Request, token string) {
		r.URL.RawQuery = url.Values{"pageToken": {token}}.Encode()
	}), "it can only follow the page's token"},
	{"requests a page after a success without a token", calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if err == nil && c.Operation.Success.Paged {
			err = do(ctx, client.Call{Operation: c.Operation, Query: map[string]string{"pageToken": "2"}})
		}
		return err
	}), "sent another request, though nothing failed"},
	{"takes an undocumented path", byPath(func(*fixtures.Operation) string {
		return "/groups/{userId}/things/{id}"
	}), "sent an unexpected request"},
	{"takes a documented path with another value", calling(func(ctx context.Context, c client.Call, do perform) error {
		if len(c.Operation.Alternatives) > 1 {
			o := *c.Operation
			o.Path, c.Operation = o.Alternatives[1].Path, &o
			c.Params["name"] = "another"
		}
		return do(ctx, c)
	}), "sent an unexpected request"},
	{"declares retries, and does not retry", declaring(func(c *client.Config) { c.Retries = true }), "declares Retries but did not retry after 429"},
	{"retries at once", retrying(func(context.Context, int, client.Failure) bool { return true }), "retried at once: attempt 2 follows without any wait"},
	{"backs off whatever Retry-After says", retrying(func(ctx context.Context, attempt int, _ client.Failure) bool {
		return slept(ctx, time.Second<<attempt+rand.N(time.Second))
	}), "retried too early: attempt 2 follows after"},
	{"waits the same time each time", retrying(func(ctx context.Context, _ int, f client.Failure) bool {
		return slept(ctx, cmp.Or(f.RetryAfter, 10*time.Second))
	}), "does not back off"},
	{"waits minutes for seconds", retrying(waiting(func(f client.Failure) time.Duration { return 60 * f.RetryAfter })), "waits far too long: it waited 3m0s, and the response requests 3s"},
	{"waits seconds for hours", retrying(waiting(func(f client.Failure) time.Duration { return 3600 * f.RetryAfter })), "waits far too long: it waited"},
	{"reads dates in a local time to the west", retrying(waiting(shiftingDates(5 * time.Hour))), "waits far too long: it waited 5h1m"},
	{"reads dates in a local time to the east", retrying(waiting(shiftingDates(-5 * time.Hour))), "retried too early: attempt 2 follows after 0s"},
	{"cuts the fraction, and jitters", retrying(waiting(func(f client.Failure) time.Duration {
		return f.RetryAfter.Truncate(time.Second) + rand.N(time.Second)
	})), "retried too early"},
	{"drops Authorization again", retryingBy(&transport{header: func(attempt int, header http.Header) {
		if attempt == 1 {
			header.Set("Authorization", "Bearer token")
		}
	}}), "drops headers of its first attempt: attempt 2 has no Authorization"},
	{"drops a header again", retryingBy(&transport{header: func(attempt int, header http.Header) {
		if attempt == 1 {
			header.Set("X-Tenant", "t")
		}
	}}), "drops headers of its first attempt: attempt 2 has no X-Tenant"},
	{"retries 400, undeclared", declared(retryingBy(&transport{statuses: []int{400, 429}}), func(c *client.Config) { c.RetriesOn = nil }),
		"though its RetriesOn does not name 400, and by default"},
	{"retries 409, undeclared", declared(retryingBy(&transport{statuses: []int{409, 429}}), func(c *client.Config) { c.RetriesOn = nil }),
		"though its RetriesOn does not name 409, and by default"},
	{"retries undeclared", declared(retryingBy(&transport{}), func(c *client.Config) { c.Retries, c.RetriesOn = false, nil }),
		"though it does not declare Retries"},
	{"retries PATCH, though it declares idempotent methods only", declared(retryingBy(&transport{}), onlyGET), "though its RetriesIf is false for the clause"},
	{"declares every method, and retries idempotent ones only", retryingBy(&transport{methods: []string{http.MethodGet}}), "declares Retries but did not retry after 429"},
	{"waits on after its context is done", retrying(func(_ context.Context, _ int, f client.Failure) bool {
		return slept(context.Background(), cmp.Or(f.RetryAfter, 10*time.Second))
	}), "does not end with its context"},
}

// declaringClients are right by what they declare.
var declaringClients = []correctClient{
	{"follows pages", paging(false, follow)},
	{"signs in with the given http.Client", signingIn(tokenURL, tokenURL)},
	{"signs in by GET, with a query", signingIn(tokenURL+"?tenant=1", tokenURL)},
	{"sends a declared query parameter", declaringAdds(adding("fields", ""), client.Addition{Query: []string{"fields"}})},
	{"sends a declared field", declaringAdds(adding("", "due"), client.Addition{Fields: []string{"/due"}})},
	{"does not send what it declares", declaringAdds(wire.Config(), client.Addition{
		Query: []string{"fields"}, Fields: []string{"/due"}, Reads: []string{"sample.things.get"},
	})},
	{"reads before it writes, as declared", declaringAdds(readingFirst(http.MethodGet, ""), client.Addition{Reads: []string{"sample.things.get"}})},
	{"takes the first other documented path", byPath(func(o *fixtures.Operation) string { return o.Alternatives[0].Path })},
	{"takes the second other documented path", byPath(func(o *fixtures.Operation) string { return o.Alternatives[1].Path })},
}

// brokenDiallers retry by a transport of their own.
var brokenDiallers = []brokenClient{
	{"retries undeclared", declared(dialling(&transport{}), func(c *client.Config) { c.Retries, c.RetriesOn = false, nil }),
		"though it does not declare Retries"},
	{"retries too early", dialling(&transport{wait: func(client.Failure) time.Duration { return 300 * time.Millisecond }}), "retried too early"},
	{"does not retry", dialling(&transport{statuses: []int{504}}), "declares Retries but did not retry after 429"},
	{"drops Authorization again", dialling(&transport{header: func(attempt int, header http.Header) {
		if attempt == 1 {
			header.Set("Authorization", "Bearer token")
		}
	}}), "drops headers of its first attempt"},
}

// rightClients retry as a client may.
var rightClients = []correctClient{
	{"retries", retryingBy(&transport{})},
	{"retries idempotent methods only", declared(retryingBy(&transport{methods: []string{http.MethodGet}}), onlyGET)},
	{"gives up on long waits", retryingBy(&transport{longest: time.Minute})},
	{"counts its attempts in a header", retryingBy(&transport{header: func(attempt int, header http.Header) {
		if attempt > 1 {
			header.Set("X-Attempt", strconv.Itoa(attempt))
		}
	}})},
	{"refreshes its token between attempts", retryingBy(&transport{header: func(attempt int, header http.Header) {
		header.Set("Authorization", "Bearer token-"+strconv.Itoa(attempt))
	}})},
	{"backs off for longer than a short Retry-After", retryingBy(&transport{wait: func(f client.Failure) time.Duration {
		return max(f.RetryAfter, 20*time.Second)
	}})},
	{"adds jitter to Retry-After", retryingBy(&transport{wait: func(f client.Failure) time.Duration {
		jitter := rand.N(min(f.RetryAfter/2, time.Hour) + 1)
		return min(f.RetryAfter, math.MaxInt64-jitter) + jitter
	}})},
	{"retries by its own transport", dialling(&transport{})},
}

func TestBrokenDiallers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a client that dials waits for seconds: run without -short")
	}
	contract := sample(t)
	for _, broken := range brokenDiallers {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel()
			all := verdicts(t, broken.config, contract)
			at := slices.IndexFunc(all, func(v named) bool {
				return v.Outcome == report.Broken && strings.Contains(v.Reason, broken.reason)
			})
			if at < 0 {
				t.Fatalf("no verdict is broken because it %q", broken.reason)
			}
			if broken.name == "retries undeclared" {
				golden(t, "dialled.golden", all[at].Text+"\n")
			}
		})
	}
}

// shown are the broken clients whose failure stands in testdata/texts.golden, as their users read it: of each kind of fault one.
var shown = []string{
	"reads the body after it has closed it", "never closes a body", "reads no date in Retry-After", "cuts the fraction of a wait",
	"does not escape parameters", "sends If-Match", "accepts XML", "trims messages", "has details of the call before", "loses a slot with each failure",
	"clears the caller's parameters", "returns errors from a pool", "authorizes its first call alone", "resends POST where the connection was closed",
	"returns its last failure where there is no response", "waits for one of its slots without its context",
	"drops a declared parameter from the second page",
}

// TestBrokenClients shows that each is found, for the reason that is given, and by whom: testdata/clients.golden lists the clauses
// and the behaviours that notice it.
func TestBrokenClients(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	all := slices.Concat(brokenClients, brokenInstances, brokenHabits)
	notes, texts := make([]string, len(all)), make([]string, len(all))
	t.Run("clients", func(t *testing.T) {
		for i, broken := range all {
			t.Run(broken.name, func(t *testing.T) {
				t.Parallel()
				var text string
				notes[i], text = noticed(t, broken, contract)
				if slices.Contains(shown, broken.name) {
					texts[i] = broken.name + ":\n\n" + text + "\n\n----\n\n"
				}
			})
		}
	})
	killed := len(notes) - len(slices.DeleteFunc(slices.Clone(notes), func(note string) bool { return note != "" }))
	t.Logf("killed: %d/%d client mutants of the sample", killed, len(all))
	if len(all) < 60 {
		t.Errorf("there are %d client mutants", len(all))
	}
	golden(t, "clients.golden", strings.Join(notes, ""))
	ofTheTime := regexp.MustCompile(`\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT|\d+[hm][\dhm.]*s`)
	golden(t, "texts.golden", ofTheTime.ReplaceAllString(strings.Join(texts, ""), "<time>"))
}

// noticed says by whom a broken client is noticed, "" if by none, and the first failure for its reason.
func noticed(t *testing.T, broken brokenClient, contract *fixtures.Contract) (note, text string) {
	t.Helper()
	var clauses, behaviours, reasons []string
	found, all := false, 0
	for _, v := range verdicts(t, broken.config, contract) {
		if v.behaviour == "" {
			all++
		}
		switch v.Outcome {
		case report.Honored, report.NotRun:
		case report.Broken:
			if !found && strings.Contains(v.Reason, broken.reason) {
				found, text = true, v.Text
			}
			reasons = append(reasons, v.Reason)
			if v.behaviour == "" {
				clauses = append(clauses, v.id)
			} else if !slices.Contains(behaviours, v.behaviour) {
				behaviours = append(behaviours, v.behaviour)
			}
		default:
			t.Errorf("a verdict is %s: %s", v.Outcome, v.Text)
		}
	}
	if !found {
		slices.Sort(reasons)
		t.Errorf("no verdict is broken because it %q; the reasons are\n%s", broken.reason, strings.Join(slices.Compact(reasons), "\n"))
		return "", ""
	}
	slices.Sort(behaviours)
	if len(clauses) == all {
		clauses = []string{"every wording and success"}
	}
	return fmt.Sprintf("%s:\n    %s\n", broken.name, strings.Join(append(clauses, behaviours...), "\n    ")), text
}

// No correct client is accused.
func TestCorrectClients(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	if len(correctClients) < 20 {
		t.Errorf("there are %d correct clients", len(correctClients))
	}
	for _, correct := range slices.Concat(correctClients, declaringClients, rightClients, correctHabits) {
		t.Run(correct.name, func(t *testing.T) {
			t.Parallel()
			if correct.config.Dial != nil && testing.Short() {
				t.Skip("a client that dials waits for seconds: run without -short")
			}
			for _, v := range verdicts(t, correct.config, contract) {
				if v.Outcome != report.Honored && (v.Outcome != report.NotRun || correct.config.Dial == nil) {
					t.Errorf("%s %s: %s: %s", v.id, v.behaviour, v.Outcome, v.Text)
				}
			}
		})
	}
}

// named is a verdict of a wording or of an operation's success, or of one behaviour of a client.
type named struct {
	id, behaviour string
	verdict.Verdict
}

// verdicts are all of a client: of each wording, of each success, of each behaviour where it is throttled, and of its instances.
func verdicts(t *testing.T, config client.Config, contract *fixtures.Contract) (all []named) {
	t.Helper()
	opened, err := call.Open(config, contract)
	if err != nil {
		t.Fatal(err)
	}
	judge := &verdict.Judge{Client: opened, Today: time.Now()}
	retries := &retry.Subject{Judge: judge, Respond: (*fixtures.Wording).Response}
	if opened.Dial != nil {
		retries.Respond = retry.ShortWaits(retries.Respond)
	}
	instances := &instance.Subject{Judge: judge, Vary: (*fixtures.Wording).Vary}
	do := func(request call.Request) *call.Result {
		r, err := opened.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	n := 0
	for w := range wordings(contract) {
		n++
		if opened.RetriesAfter(w.Clause) {
			_, v := retries.Documented(w)
			all = append(all, named{w.ID(), "", v})
			continue
		}
		v := w.Vary(n)
		request := call.Request{
			Operation: w.Clause.Operation, Variation: &v, Pace: call.Pace(n) % call.Paces, What: w.ID(), Once: opened.WhyOnce(w.Clause),
		}
		if opened.Dial != nil {
			v.Wording, request.Variation, request.Response = w, nil, retries.Respond(w)
		}
		r := do(request)
		all = append(all, named{w.ID(), "", judge.Wording(v.Wording, "", r)})
	}
	for _, o := range contract.Operations {
		for _, request := range call.Successes(o, call.Together) {
			all = append(all, named{"success:" + o.ID, "", judge.Success(o, do(request))})
		}
	}
	for _, w := range retries.Wordings() {
		for _, b := range retries.Behaviours(w) {
			all = append(all, named{w.ID(), b.Key, retries.Check(w, b)})
		}
	}
	for _, w := range instances.Wordings() {
		for _, b := range instance.Behaviours() {
			all = append(all, named{w.ID(), b.Key, instances.Check(w, b)})
		}
	}
	return all
}

// perform performs a call as the reference client does.
type perform = func(context.Context, client.Call) error

// declaring is the reference client, declared otherwise.
func declaring(change func(*client.Config)) client.Config {
	config := wire.Config()
	change(&config)
	return config
}

// constructing is the reference client, constructed otherwise.
func constructing(construct func(hc *http.Client, baseURL string) *wire.Client) client.Config {
	return declaring(func(c *client.Config) {
		c.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": construct(hc, baseURL).Do}, nil
		}
	})
}

// calling performs each call otherwise.
func calling(call func(ctx context.Context, c client.Call, do perform) error) client.Config {
	return declaring(func(config *client.Config) {
		config.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			do := wire.New(hc, baseURL).Do
			return client.Calls{"*": func(ctx context.Context, c client.Call) error { return call(ctx, c, do) }}, nil
		}
	})
}

// retrying retries where the provider allows it, at most five times, after another has waited.
func retrying(wait func(ctx context.Context, attempt int, f client.Failure) (ok bool)) client.Config {
	config := calling(func(ctx context.Context, c client.Call, do perform) error {
		for attempt := 0; ; attempt++ {
			err := do(ctx, c)
			failure, failed := errors.AsType[client.Failure](err)
			if !failed || attempt == 5 || failure.Status != http.StatusTooManyRequests || !wait(ctx, attempt, failure) {
				return err
			}
		}
	})
	config.Retries, config.RetriesOn = true, []int{http.StatusTooManyRequests}
	return config
}

// slept reports whether a time has passed before the context was done.
func slept(ctx context.Context, wait time.Duration) bool {
	select {
	case <-time.After(wait):
		return true
	case <-ctx.Done():
		return false
	}
}

// waiting waits for what it makes of the failure, and backs off where that asks for nothing.
func waiting(wait func(client.Failure) time.Duration) func(context.Context, int, client.Failure) bool {
	return func(ctx context.Context, attempt int, f client.Failure) bool {
		if f.RetryAfter == 0 {
			return slept(ctx, backoff(attempt))
		}
		return slept(ctx, wait(f))
	}
}

// backoff is a wait that no response asks for.
func backoff(attempt int) time.Duration { return time.Second<<attempt + rand.N(time.Second) }

// shiftingDates reads a Retry-After of more than a minute, which is a date, by another clock.
func shiftingDates(by time.Duration) func(client.Failure) time.Duration {
	return func(f client.Failure) time.Duration {
		if f.RetryAfter > time.Minute && f.RetryAfter < 2*time.Minute {
			return f.RetryAfter + by
		}
		return f.RetryAfter
	}
}

// transport retries below the client, at most four times, after 429 if it has no statuses.
type transport struct {
	http.RoundTripper
	statuses []int
	methods  []string      // nil for all
	longest  time.Duration // of a wait, after which it gives up; 0 for an hour
	wait     func(client.Failure) time.Duration
	header   func(attempt int, header http.Header)
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	statuses := t.statuses
	if statuses == nil {
		statuses = []int{http.StatusTooManyRequests}
	}
	for attempt := 1; ; attempt++ {
		again := r.Clone(r.Context())
		if r.GetBody != nil {
			again.Body, _ = r.GetBody()
		}
		if t.header != nil {
			t.header(attempt, again.Header)
		}
		response, err := t.RoundTripper.RoundTrip(again)
		if err != nil || attempt == 4 || !slices.Contains(statuses, response.StatusCode) ||
			t.methods != nil && !slices.Contains(t.methods, r.Method) {
			return response, err
		}
		wait := wire.RetryAfter(response.Header)
		if t.wait != nil && wait > 0 {
			wait = t.wait(client.Failure{RetryAfter: wait})
		}
		if response.Header.Get("Retry-After") != "0" && wait == 0 {
			wait = backoff(attempt - 1)
		}
		if wait > cmp.Or(t.longest, time.Hour) || !slept(r.Context(), wait) {
			return response, nil
		}
		response.Body.Close()
	}
}

// retryingBy retries by the transport.
func retryingBy(t *transport) client.Config {
	config := constructing(func(hc *http.Client, baseURL string) *wire.Client {
		own := *t
		own.RoundTripper = hc.Transport
		return wire.New(&http.Client{Transport: &own}, baseURL)
	})
	config.Retries, config.RetriesOn = true, []int{http.StatusTooManyRequests}
	return config
}

// dialling retries by a transport of its own.
func dialling(t *transport) client.Config {
	config := retryingBy(t)
	construct := config.New
	config.New, config.Dial = nil, func(baseURL string) (client.Calls, error) {
		return construct(&http.Client{Transport: &http.Transport{}}, baseURL)
	}
	return config
}

// declared is a client, declared otherwise.
func declared(config client.Config, change func(*client.Config)) client.Config {
	change(&config)
	return config
}

func onlyGET(c *client.Config) {
	c.RetriesIf = func(clause *fixtures.Clause) bool { return clause.Operation.Method == http.MethodGet }
}

// surfacing returns something else for each failure.
func surfacing(change func(client.Failure) error, declare ...func(*client.Config)) client.Config {
	config := calling(func(ctx context.Context, c client.Call, do perform) error {
		err := do(ctx, c)
		if failure, ok := errors.AsType[client.Failure](err); ok {
			return change(failure)
		}
		return err
	})
	for _, change := range declare {
		change(&config)
	}
	return config
}

// misreading has another failure.
func misreading(change func(*client.Failure)) client.Config {
	return surfacing(func(f client.Failure) error { change(&f); return f })
}

// reading has another failure, made of the response.
func reading(change func(r *http.Response, body []byte, f *client.Failure)) client.Config {
	return declaring(func(config *client.Config) {
		config.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": func(ctx context.Context, c client.Call) error {
				kept := &keepingTransport{RoundTripper: hc.Transport}
				err := wire.New(&http.Client{Transport: kept}, baseURL).Do(ctx, c)
				failure, failed := errors.AsType[client.Failure](err)
				if !failed {
					return err
				}
				change(kept.response, kept.body, &failure)
				return failure
			}}, nil
		}
	})
}

// keepingTransport keeps the last response and its body.
type keepingTransport struct {
	http.RoundTripper
	response *http.Response
	body     []byte
}

// RoundTrip implements http.RoundTripper.
func (t *keepingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	t.response = response
	if t.body, err = io.ReadAll(response.Body); err != nil {
		return nil, err
	}
	changed := *response
	changed.Body = io.NopCloser(bytes.NewReader(t.body))
	return &changed, nil
}

// changed404 returns an error in place of each failure of status 404.
func changed404(err error) client.Config {
	return surfacing(func(f client.Failure) error {
		if f.Status == http.StatusNotFound {
			return err
		}
		return f
	})
}

// sending changes each request.
func sending(change func(*http.Request)) client.Config {
	return constructing(func(hc *http.Client, baseURL string) *wire.Client {
		changed := *hc
		changed.Transport = changingTransport{hc.Transport, change}
		return wire.New(&changed, baseURL)
	})
}

// declaringAdds declares what the client adds to each operation.
func declaringAdds(config client.Config, adds client.Addition) client.Config {
	config.Adds = map[string]client.Addition{"*": adds}
	return config
}

// adding adds a parameter to each query, or a field to each body.
func adding(parameter, field string) client.Config {
	return calling(func(ctx context.Context, c client.Call, do perform) error {
		if parameter != "" {
			c.Query = maps.Clone(c.Query)
			if c.Query == nil {
				c.Query = map[string]string{}
			}
			c.Query[parameter] = "1"
		}
		if field != "" && c.Body != nil {
			c.Body = append([]byte(`{"`+field+`":{"on":"2022-09-22"},`), c.Body[1:]...)
		}
		return do(ctx, c)
	})
}

// readOf is the call of sample.things.get for what another call is about.
func readOf(c client.Call) client.Call {
	get := c.Operation.Contract.Operation("sample.things.get")
	read := client.Minimal(get)
	if id, has := c.Params["id"]; has {
		read.Params["id"] = id
	}
	return read
}

// reading reads before it writes, by a method and with a longer path.
func readingFirst(method, more string) client.Config {
	return calling(func(ctx context.Context, c client.Call, do perform) error {
		read := readOf(c)
		if read.Operation != c.Operation {
			o := *read.Operation
			o.Method, o.Path, read.Operation = method, o.Path+more, &o
			if err := do(ctx, read); err != nil {
				return err
			}
		}
		return do(ctx, c)
	})
}

// byPath takes another path of each operation that has several.
func byPath(path func(*fixtures.Operation) string) client.Config {
	return calling(func(ctx context.Context, c client.Call, do perform) error {
		if len(c.Operation.Alternatives) > 0 {
			o := *c.Operation
			o.Path, c.Operation = path(c.Operation), &o
		}
		return do(ctx, c)
	})
}

const tokenURL = "https://login.sample.example/oauth2/token"

// signingIn signs in before each call.
func signingIn(endpoint, declared string) client.Config {
	return declaring(func(config *client.Config) {
		config.TokenURL = declared
		config.New = func(hc *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": func(ctx context.Context, c client.Call) error {
				if err := signIn(ctx, hc, endpoint); err != nil {
					return err
				}
				return wire.New(hc, baseURL).Do(ctx, c)
			}}, nil
		}
	})
}

// signIn requires a token as RFC 6749, 5.1, has it.
func signIn(ctx context.Context, hc *http.Client, endpoint string) error {
	method, form := http.MethodPost, strings.NewReader("grant_type=client_credentials")
	if strings.Contains(endpoint, "?") {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, endpoint, form)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := hc.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var token struct {
		Token  string `json:"access_token"`
		Type   string `json:"token_type"`
		Expiry int    `json:"expires_in"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil || token.Token == "" || token.Type != "Bearer" || token.Expiry <= 0 {
		return fmt.Errorf("the token is %+v: %w", token, err)
	}
	return nil
}

func setQuery(r *http.Request, name, value string) {
	query := r.URL.Query()
	query.Set(name, value)
	r.URL.RawQuery = query.Encode()
}

// follow requests the next page.
func follow(r *http.Request, token string) { setQuery(r, "pageToken", token) }

// paging follows page tokens, the last one for ever if it is endless. It declares a query of its own, and sends further parameters.
func paging(endless bool, next func(r *http.Request, token string), further ...string) client.Config {
	config := constructing(func(hc *http.Client, baseURL string) *wire.Client {
		changed := *hc
		changed.Transport = pagingTransport{hc.Transport, endless, next, further}
		return wire.New(&changed, baseURL)
	})
	config.Query = map[string]string{"alt": "json"}
	return config
}

type pagingTransport struct {
	http.RoundTripper
	endless bool
	next    func(r *http.Request, token string)
	further []string // parameters
}

// RoundTrip implements http.RoundTripper.
func (t pagingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	setQuery(r, "alt", "json")
	for _, name := range t.further {
		setQuery(r, name, "1")
	}
	var token string
	for {
		response, err := t.RoundTripper.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(text))
		var page struct{ Next string }
		_ = json.Unmarshal(text, &page) // what is no page has no token
		if page.Next == "" && (!t.endless || token == "") {
			return response, nil
		}
		token = cmp.Or(page.Next, token)
		r = r.Clone(r.Context())
		t.next(r, token)
	}
}

type changingTransport struct {
	http.RoundTripper
	change func(*http.Request)
}

// RoundTrip implements http.RoundTripper.
func (t changingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	t.change(r)
	return t.RoundTripper.RoundTrip(r)
}
