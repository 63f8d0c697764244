package stub_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/stub"
)

func TestStub(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "stub")
}

const (
	host   = "https://classroom.example"
	course = host + "/v1/courses/1"
)

var isJSON = []string{"application/json"}

// gzipped is {"a":1}, compressed by gzip.
func gzipped() string {
	var compressed strings.Builder
	writer := gzip.NewWriter(&compressed)
	_, err := io.WriteString(writer, `{"a":1}`)
	if err = errors.Join(err, writer.Close()); err != nil {
		panic(err) // cannot happen: a strings.Builder returns no error
	}
	return compressed.String()
}

// send sends a request and returns the body of the response.
func send(ctx SpecContext, client *http.Client, method, url, body string) (string, error) {
	GinkgoHelper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, reader)
	Expect(err).NotTo(HaveOccurred())
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	Expect(err).NotTo(HaveOccurred())
	return string(text), nil
}

// respondJSON is a 404 with the body.
func respondJSON(body string) fixtures.Response {
	return fixtures.Response{Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// The request to which the stub responds in both tables.
const query, body = "?mask=name&size=1", `{"name":"a","size":[1]}`

// exactRequests are equal requests, and different ones with the difference.
// Pitfall 3: gock's own matchers are unanchored regular expressions, and ignore everything else.
var exactRequests = []TableEntry{
	Entry("the same", "PATCH", course+query, body, ""),
	Entry("query in another order", "PATCH", course+"?size=1&mask=name", body, ""),
	Entry("JSON written in another way", "PATCH", course+query, `{ "size": [1], "name": "\u0061" }`, ""),
	Entry("a path escaped in another way", "PATCH", host+"/v1/course%73/1"+query, body, ""),
	Entry("another method", "PUT", course+query, body, "method: got PUT, want PATCH"),
	Entry("a longer path", "PATCH", course+"2"+query, body, "path"),
	Entry("a deeper path", "PATCH", course+"/students"+query, body, "path"),
	Entry("one more query parameter", "PATCH", course+query+"&x=1", body, `query parameter "x": got one, want nothing; if the client means to send it, name it in Config.Adds, as Query`),
	Entry("a longer query value", "PATCH", course+"?mask=name&size=100", body, `query parameter "size": got another value than that of the call`),
	Entry("no query", "PATCH", course+"?", body, `query parameter "mask": got nothing, want one`),
	Entry("a query that cannot be read", "PATCH", course+"?mask=%zz", body, "query: it cannot be read"),
	// Pitfall 5: a JSON array is a character class to gock.
	Entry("another array", "PATCH", course+query, `{"name": "a", "size": [2]}`, "body at /size/0: got 2, want 1"),
	Entry("a number that differs past a float's precision", "PATCH", course+query, `{"name":"a","size":[1.00000000000000000001]}`, "body at /size/0: got 1.00000000000000000001, want 1"),
	Entry("text after the body", "PATCH", course+query, body+"}", "body: got "+body+"}, which is not JSON"),
	Entry("one more key", "PATCH", course+query, `{"name":"a","size":[1],"x":1}`, "body at /x: got 1, want nothing; if the client means to send it, name it in Config.Adds, as Fields"),
	Entry("a text for a number", "PATCH", course+query, `{"name":"a","size":["1"]}`, `body at /size/0: got "1", want 1`),
	Entry("one more element", "PATCH", course+query, `{"name":"a","size":[1,null]}`, "body at /size/1: got null, want nothing"),
	Entry("one less element", "PATCH", course+query, `{"name":"a","size":[]}`, "body at /size/0: got nothing, want 1"),
	Entry("one less key", "PATCH", course+query, `{"size":[1]}`, `body at /name: got nothing, want "a"`),
	Entry("null for a key", "PATCH", course+query, `{"name":null,"size":[1]}`, `body at /name: got null, want "a"`),
	Entry("an object for an array", "PATCH", course+query, `{"name":"a","size":{"0":1}}`, `body at /size: got {"0":1}, want [1]`),
	Entry("a key twice", "PATCH", course+query, `{"name":"a","size":[1],"name":"a"}`, `body: got {"name":"a","size":[1],"name":"a"}, which is not JSON`),
	Entry("another value", "PATCH", course+query, "null", "body: got null, want "),
	Entry("no JSON", "PATCH", course+query, "name", "body: got name, which is not JSON"),
	// Pitfall 6: gock dereferences the missing body, and then deadlocks.
	Entry("no body", "PATCH", course+query, "", "body: got no body, want "+body),
}

var _ = Describe("a stub", func() {
	var s *stub.Stub
	BeforeEach(func() {
		s = stub.New()
		DeferCleanup(func() { _ = s.Close() }) // specs that check its error close it themselves
	})

	It("gives the whole response", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON(`{"a":1}`))).To(Succeed())
		request, err := http.NewRequestWithContext(ctx, "GET", course, nil)
		Expect(err).NotTo(HaveOccurred())
		response, err := s.Client().Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		Expect(response).To(HaveHTTPStatus(http.StatusNotFound))
		Expect(response.Header).To(Equal(http.Header{"Content-Type": {"application/json"}}))
		Expect(response.ContentLength).To(BeEquivalentTo(len(`{"a":1}`)))
		Expect(response.Request).To(BeIdenticalTo(request))
		Expect(response).To(HaveHTTPBody(`{"a":1}`))
		Expect(s.Close()).To(Succeed())
	}, SpecTimeout(time.Minute))

	It("serves the whole response", func(ctx SpecContext) {
		server := stub.Serve(s)
		DeferCleanup(server.Close)
		Expect(s.Respond(stub.Request{Method: "GET", URL: server.URL + "/v1"}, respondJSON(`{"a":1}`))).To(Succeed())
		request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/v1", nil)
		Expect(err).NotTo(HaveOccurred())
		response, err := server.Client().Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer response.Body.Close()
		Expect(response).To(HaveHTTPStatus(http.StatusNotFound))
		Expect(response).To(HaveHTTPHeaderWithValue("Content-Type", "application/json"))
		Expect(response).To(HaveHTTPBody(`{"a":1}`))
	}, SpecTimeout(time.Minute))

	It("distinguishes a request to a host of no response", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		_, err := send(ctx, s.Client(), "GET", "https://other.example/v1/courses/1", "")
		Expect(err).To(MatchError(stub.ErrOtherHost))
		_, err = send(ctx, s.Client(), "GET", course+"2", "")
		Expect(err).NotTo(MatchError(stub.ErrOtherHost))
	}, SpecTimeout(time.Minute))

	It("takes what a request may have, as often as it may be sent", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{
			Method: "PATCH", URL: course + query, Body: []byte(body), Repeat: true,
			Paths: []string{"/v1/users/a%2Fb/course"}, Query: []string{"size", "fields"}, Fields: []string{"/due~1on", "/size/1"},
		}, respondJSON("{}"))).To(Succeed())
		for url, sent := range map[string]string{
			course + query:                          body,
			host + "/v1/users/a%2Fb/course" + query: body,
			course + query + "&fields=id":           `{"name":"a","due/on":{"a":[]},"size":[1,2]}`,
		} {
			Expect(send(ctx, s.Client(), "PATCH", url, sent)).To(Equal("{}"))
			Expect(send(ctx, s.Client(), "PATCH", url, sent)).To(Equal("{}"))
		}
		Expect(s.Close()).To(Succeed())
	}, SpecTimeout(time.Minute))

	It("keeps what the request has exact, whatever else it may have", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{
			Method: "PATCH", URL: course + query, Body: []byte(body), Repeat: true,
			Paths: []string{"/v1/users/a%2Fb/course"}, Query: []string{"size"}, Fields: []string{"/name", "/size/0", "/due"},
		}, respondJSON("{}"))).To(Succeed())
		for _, request := range [][3]string{
			{course + "?mask=name&size=2", body, `query parameter "size"`},
			{course + "?mask=name", body, `query parameter "size"`},
			{host + "/v1/users/a/b/course" + query, body, "path: "},
			{course + query, `{"name":"b","size":[1]}`, "body at /name: "},
			{course + query, `{"name":"a","size":[2]}`, "body at /size/0: "},
			{course + query, `{"size":[1],"due":1}`, "body at /name: got nothing"},
		} {
			_, err := send(ctx, s.Client(), "PATCH", request[0], request[1])
			Expect(err).To(MatchError(ContainSubstring("\n  " + request[2])))
		}
	}, SpecTimeout(time.Minute))

	It("says whether it has a response to a request without a body", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course, Repeat: true}, respondJSON("{}"))).To(Succeed())
		takes := func(method, url string, body io.Reader) bool {
			request, err := http.NewRequestWithContext(ctx, method, url, body)
			Expect(err).NotTo(HaveOccurred())
			return s.Takes(request)
		}
		Expect(takes("GET", course, nil)).To(BeTrue())
		Expect(takes("GET", course+"2", nil)).To(BeFalse())
		Expect(takes("POST", course, nil)).To(BeFalse())
		Expect(takes("GET", course, strings.NewReader("{}"))).To(BeFalse())
	}, SpecTimeout(time.Minute))

	It("rejects everything once it is closed", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		Expect(s.Close()).NotTo(Succeed())
		_, err := send(ctx, s.Client(), "GET", course, "")
		Expect(err).To(MatchError(HaveSuffix("unexpected request: GET " + course + ": the stub is closed")))
	}, SpecTimeout(time.Minute))

	It("takes a request's Host from its URL if it has none", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		request, err := http.NewRequestWithContext(ctx, "GET", "https://other.example/v1/courses/1", nil)
		Expect(err).NotTo(HaveOccurred())
		request.Host = "classroom.example"
		_, err = s.RoundTrip(request)
		Expect(err).To(MatchError(ContainSubstring("host: it is not that of the expected request")))
		request.URL.Host, request.Host = "classroom.example", ""
		response, err := s.RoundTrip(request)
		Expect(err).NotTo(HaveOccurred())
		Expect(response.Body.Close()).To(Succeed())
	}, SpecTimeout(time.Minute))

	DescribeTable("takes every status of a response", func(status int) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, fixtures.Response{Status: status})).To(Succeed())
	}, Entry(nil, 200), Entry(nil, 599))

	DescribeTable("responds to its exact request only",
		func(ctx SpecContext, method, url, sent, differs string) {
			Expect(s.Respond(stub.Request{Method: "PATCH", URL: course + query, Body: []byte(body)}, respondJSON("{}"))).To(Succeed())
			_, err := send(ctx, s.Client(), method, url, sent)
			if differs == "" {
				Expect(err).NotTo(HaveOccurred())
				return
			}
			path, _, _ := strings.Cut(url, "?")
			Expect(err).To(MatchError(stub.ErrUnexpected))
			Expect(err).To(MatchError(And(ContainSubstring("\n  "+differs), Not(ContainSubstring("PATCH "+course+query)))))
			Expect(s.Close()).To(MatchError(And(
				HavePrefix("unexpected request"), ContainSubstring(": "+method+" "+path), Not(ContainSubstring("never sent")))))
		}, exactRequests,
		Entry("another scheme", "PATCH", "http://classroom.example/v1/courses/1"+query, body, "scheme"),
		Entry("a host the dot would match", "PATCH", "https://classroomXexample/v1/courses/1"+query, body, "host"),
		Entry("a host it is part of", "PATCH", "https://classroom.example.bad/v1/courses/1"+query, body, "host"),
	)

	DescribeTable("responds to its exact request only, for a client with its own transport",
		func(ctx SpecContext, method, url, sent, differs string) {
			server := stub.Serve(s)
			DeferCleanup(server.Close)
			here := func(url string) string { return strings.Replace(url, host, server.URL, 1) }
			Expect(s.Respond(stub.Request{Method: "PATCH", URL: here(course) + query, Body: []byte(body)}, respondJSON("{}"))).To(Succeed())
			response, err := send(ctx, server.Client(), method, here(url), sent)
			if differs == "" {
				Expect(response, err).To(Equal("{}"))
				Expect(s.Close()).To(Succeed())
				return
			}
			Expect(err).To(MatchError(io.EOF), "the connection is closed")
			Expect(s.Close()).To(MatchError(ContainSubstring("\n  " + differs)))
		}, exactRequests)

	// The stub rejects a body that a JSON server could not read.
	DescribeTable("checks that a body is as its header labels it",
		func(ctx SpecContext, body string, contentType, encoding []string, differs string) {
			Expect(s.Respond(stub.Request{Method: "POST", URL: course, Body: []byte(`{"a":1}`)}, respondJSON("{}"))).To(Succeed())
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, course, strings.NewReader(body))
			Expect(err).NotTo(HaveOccurred())
			request.Header["Content-Type"], request.Header["Content-Encoding"] = contentType, encoding
			response, err := s.Client().Do(request)
			if differs == "" {
				Expect(err).NotTo(HaveOccurred())
				Expect(response.Body.Close()).To(Succeed())
				return
			}
			Expect(err).To(MatchError(ContainSubstring("\n  body: " + differs)))
		},
		Entry("JSON", `{"a":1}`, isJSON, nil, ""),
		Entry("JSON of a charset", `{"a":1}`, []string{"application/json; charset=utf-8"}, nil, ""),
		Entry("JSON of another charset", `{"a":1}`, []string{"application/json; charset=iso-8859-1"}, nil,
			"it has Content-Type application/json; charset=iso-8859-1, and JSON is UTF-8"),
		Entry("JSON that is not compressed", `{"a":1}`, isJSON, []string{"identity"}, ""),
		Entry("compressed JSON", gzipped(), isJSON, []string{"gzip"}, ""),
		Entry("compressed JSON, in capitals", gzipped(), isJSON, []string{"GZIP"}, ""),
		Entry("no label", `{"a":1}`, nil, nil, "it has no Content-Type; want application/json"),
		Entry("another label", `{"a":1}`, []string{"text/plain"}, nil, "it has Content-Type text/plain; want application/json"),
		Entry("a label with a token", `{"a":1}`, []string{"Bearer 0123456789abcdef"}, nil, "it has Content-Type [masked]; want"),
		Entry("two labels", `{"a":1}`, []string{"application/json", "text/plain"}, nil, "it has Content-Type application/json, text/plain; want"),
		Entry("plain JSON labelled gzip", `{"a":1}`, isJSON, []string{"gzip"}, `it is labelled Content-Encoding: gzip, and sends {"a":1} as it is`),
		Entry("half of the gzip", gzipped()[:20], isJSON, []string{"gzip"}, "it sends gzip that cannot be read: unexpected EOF"),
		Entry("gzip without its checksum", gzipped()[:len(gzipped())-4], isJSON, []string{"gzip"}, "it sends gzip that cannot be read: unexpected EOF"),
		Entry("gzip twice labelled", gzipped(), isJSON, []string{"gzip", "gzip"}, "it is labelled Content-Encoding: gzip, gzip"),
		Entry("another compression", `{"a":1}`, isJSON, []string{"br"}, "it is labelled Content-Encoding: br, which the provider does not document"),
		Entry("gzip that is not labelled", gzipped(), isJSON, nil, "got "),
	)

	It("rejects a body that breaks off or has another length than announced", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "POST", URL: course, Body: []byte(`{"a":1}`)}, respondJSON("{}"))).To(Succeed())
		sendBody := func(body io.Reader, length int64) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, course, body)
			Expect(err).NotTo(HaveOccurred())
			request.Header["Content-Type"], request.ContentLength = isJSON, length
			response, err := s.RoundTrip(request)
			if err == nil {
				response.Body.Close()
			}
			return err
		}
		err := sendBody(io.MultiReader(strings.NewReader(`{"a"`), iotest.ErrReader(errors.New("gone"))), -1)
		Expect(err).To(MatchError(stub.ErrUnexpected))
		Expect(err).To(MatchError(ContainSubstring("body: it cannot be read: gone")))
		Expect(sendBody(strings.NewReader(`{"a":1}`), 9)).To(MatchError(ContainSubstring("announces 9 bytes, and sends 7")))
		Expect(sendBody(strings.NewReader(`{"a":1}`), 0)).To(Succeed(), "its length is not announced")
	}, SpecTimeout(time.Minute))

	// Pitfall 4: parentheses are groups to gock, and it loses the literal form of an escaped path.
	DescribeTable("accepts OData paths and filters",
		func(ctx SpecContext, url string) {
			Expect(s.Respond(stub.Request{Method: "GET", URL: url}, respondJSON("{}"))).To(Succeed())
			_, err := send(ctx, s.Client(), "GET", url, "")
			Expect(err).NotTo(HaveOccurred())
		},
		Entry("a key in parentheses", "https://graph.example/activities(externalId='x')"),
		Entry("an escaped key", "https://graph.example/activities(externalId='a%2Fb%20c%27d')"),
		Entry("a filter", "https://graph.example/activities?$filter=contains(x,%20'a')&$top=1"),
		Entry("a colon", "https://graph.example/v1/courses/1:accept"),
	)

	It("distinguishes an escaped slash from a slash, and one Host from another", func(ctx SpecContext) {
		const escaped = "https://graph.example/activities/a%2Fb"
		Expect(s.Respond(stub.Request{Method: "GET", URL: escaped}, respondJSON("{}"))).To(Succeed())
		_, err := send(ctx, s.Client(), "GET", "https://graph.example/activities/a/b", "")
		Expect(err).To(MatchError(ContainSubstring("path: want /activities/a%2Fb")))
		request, err := http.NewRequestWithContext(ctx, "GET", escaped, nil)
		Expect(err).NotTo(HaveOccurred())
		request.Host = "other.example"
		_, err = s.RoundTrip(request)
		Expect(err).To(MatchError(ContainSubstring("header Host: got other.example, want the host of the URL")))
		Expect(send(ctx, s.Client(), "GET", escaped, "")).To(Equal("{}"))
	}, SpecTimeout(time.Minute))

	// Pitfall 1: an intercepted client reaches the network before gock's first stub and after it was switched off.
	It("blocks the network before the first response, between responses and after the last", func(ctx SpecContext) {
		var hits atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
		DeferCleanup(server.Close)
		expectRejected := func(when string) {
			GinkgoHelper()
			_, err := send(ctx, s.Client(), "GET", server.URL, "")
			Expect(err).To(MatchError(stub.ErrUnexpected), when)
		}
		expectRejected("before the first response")
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		expectRejected("while a response is set")
		_, err := send(ctx, s.Client(), "GET", course, "")
		Expect(err).NotTo(HaveOccurred())
		expectRejected("after the last response")
		_ = s.Close() // returns the rejected requests
		expectRejected("after the spec")
		Expect(hits.Load()).To(BeZero(), "requests that reached the server")
	}, SpecTimeout(time.Minute))

	It("says that there is no stub", func(ctx SpecContext) {
		_, err := send(ctx, s.Client(), "GET", course, "")
		Expect(err).To(MatchError(HaveSuffix("unexpected request: GET " + course + ": there is no stub")))
	}, SpecTimeout(time.Minute))

	// Pitfall 6, second half: the request after a rejected one must not hang.
	It("continues after a request without the expected body", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "POST", URL: course, Body: []byte(`[1]`)}, respondJSON("{}"))).To(Succeed())
		_, err := send(ctx, s.Client(), "POST", course, "")
		Expect(err).To(MatchError(stub.ErrUnexpected))
		_, err = send(ctx, s.Client(), "POST", course, `[1]`)
		Expect(err).NotTo(HaveOccurred())
	}, SpecTimeout(time.Minute))

	// Pitfall 7: gock's counter is neither atomic nor per client.
	It("gives a response once, to one of many concurrent requests", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		var responses atomic.Int64
		var callers sync.WaitGroup
		for range 16 {
			callers.Go(func() {
				defer GinkgoRecover()
				if _, err := send(ctx, s.Client(), "GET", course, ""); err == nil {
					responses.Add(1)
				}
			})
		}
		callers.Wait()
		Expect(responses.Load()).To(BeEquivalentTo(1))
		Expect(strings.Count(s.Close().Error(), "unexpected request")).To(Equal(15))
	}, SpecTimeout(time.Minute))

	// Pitfall 10: a retry must get its own response.
	It("gives several responses to one request in their order, and then none", func(ctx SpecContext) {
		for _, body := range []string{"1", "2"} {
			Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON(body))).To(Succeed())
		}
		Expect(send(ctx, s.Client(), "GET", course, "")).To(Equal("1"))
		Expect(send(ctx, s.Client(), "GET", course, "")).To(Equal("2"))
		_, err := send(ctx, s.Client(), "GET", course, "")
		Expect(err).To(MatchError(ContainSubstring("its response was given before")))
	}, SpecTimeout(time.Minute))

	It("fails the spec whose response was never requested", func() {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		Expect(s.Close()).To(MatchError("expected GET " + course + ", and it was never sent"))
	})

	It("leaves nothing for the next spec", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		Expect(s.Close()).NotTo(Succeed())
		next := stub.New()
		_, err := send(ctx, next.Client(), "GET", course, "")
		Expect(err).To(MatchError(stub.ErrUnexpected))
		Expect(next.Close()).To(MatchError(stub.ErrUnexpected))
	}, SpecTimeout(time.Minute))

	It("does not give another stub's response", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		other := stub.New()
		_, err := send(ctx, other.Client(), "GET", course, "")
		Expect(err).To(MatchError(stub.ErrUnexpected))
		_, err = send(ctx, s.Client(), "GET", course, "")
		Expect(err).NotTo(HaveOccurred())
	}, SpecTimeout(time.Minute))

	// Pitfalls 8, 9 and 15: gock's store and settings are global, and it exchanges http.DefaultTransport.
	It("leaves the rest of the process alone", func(ctx SpecContext) {
		before := http.DefaultTransport
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
		DeferCleanup(server.Close)
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, respondJSON("{}"))).To(Succeed())
		Expect(http.DefaultTransport).To(BeIdenticalTo(before))
		Expect(send(ctx, http.DefaultClient, "GET", server.URL, "")).To(Equal("here"))
		Expect(send(ctx, s.Client(), "GET", course, "")).To(Equal("{}"))
	}, SpecTimeout(time.Minute))

	It("keeps passwords and query values out of the error", func(ctx SpecContext) {
		_, err := send(ctx, s.Client(), "GET", "https://user:secret@classroom.example/v1?token=secret", "")
		Expect(err).To(MatchError(stub.ErrUnexpected))
		Expect(errors.Unwrap(err)).To(MatchError(HavePrefix("unexpected request: GET https://classroom.example/v1?token=…")), "below net/http")
		Expect(s.Close()).To(MatchError(HavePrefix("unexpected request: GET https://classroom.example/v1?token=…")))
	}, SpecTimeout(time.Minute))

	// Pitfalls 12 and 14: gock gives responses that HTTP does not allow, and drops its own errors.
	DescribeTable("rejects an impossible response",
		func(request stub.Request, response fixtures.Response, why string) {
			Expect(s.Respond(request, response)).To(MatchError(ContainSubstring(why)))
		},
		Entry("a body on a 204", stub.Request{Method: "GET", URL: course}, fixtures.Response{Status: 204, Body: []byte("x")}, "status 204"),
		Entry("a body on a 304", stub.Request{Method: "GET", URL: course}, fixtures.Response{Status: 304, Body: []byte("x")}, "status 304"),
		Entry("a body on a HEAD", stub.Request{Method: "HEAD", URL: course}, fixtures.Response{Status: 404, Body: []byte("x")}, "HEAD"),
		Entry("a status that is none", stub.Request{Method: "GET", URL: course}, fixtures.Response{}, "0 is no status"),
		Entry("a status that is too large", stub.Request{Method: "GET", URL: course}, fixtures.Response{Status: 600}, "600 is no status"),
		Entry("a URL that cannot be read", stub.Request{Method: "GET", URL: "https://h:x/"}, respondJSON("{}"), `"https://h:x/" is not an absolute URL`),
		Entry("a URL without a scheme", stub.Request{Method: "GET", URL: "//h/v1"}, respondJSON("{}"), `"//h/v1" is not an absolute URL`),
		Entry("a relative URL", stub.Request{Method: "GET", URL: "/v1"}, respondJSON("{}"), `"/v1" is not an absolute URL`),
		Entry("a body that is no JSON", stub.Request{Method: "POST", URL: course, Body: []byte("{")}, respondJSON("{}"), "is not JSON"),
		Entry("a body with text after it", stub.Request{Method: "POST", URL: course, Body: []byte("{} {}")}, respondJSON("{}"), "after top-level value"),
		Entry("a body with a key twice", stub.Request{Method: "POST", URL: course, Body: []byte(`{"a":1,"a":1}`)}, respondJSON("{}"), "duplicate"),
	)
})
