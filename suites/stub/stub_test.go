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

// zipped is {"a":1} as gzip has it.
func zipped() string {
	var compressed strings.Builder
	writer := gzip.NewWriter(&compressed)
	_, err := io.WriteString(writer, `{"a":1}`)
	if err = errors.Join(err, writer.Close()); err != nil {
		panic(err) // a strings.Builder takes everything
	}
	return compressed.String()
}

// ask sends a request and returns the body of the answer.
func ask(ctx SpecContext, client *http.Client, method, url, body string) (string, error) {
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

func answered(body string) fixtures.Response {
	return fixtures.Response{Status: http.StatusNotFound, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// The request a stub of the two doors answers.
const query, body = "?mask=name&size=1", `{"name":"a","size":[1]}`

// exact are requests that are it, and some that are not, with what they differ in.
// Pitfall 3: gock's own matchers are unanchored regular expressions, and ignore what they aren't told of.
var exact = []TableEntry{
	Entry("the same", "PATCH", course+query, body, ""),
	Entry("query in another order", "PATCH", course+"?size=1&mask=name", body, ""),
	Entry("JSON written in another way", "PATCH", course+query, `{ "size": [1], "name": "\u0061" }`, ""),
	Entry("a path escaped in another way", "PATCH", host+"/v1/course%73/1"+query, body, ""),
	Entry("another method", "PUT", course+query, body, "method"),
	Entry("a longer path", "PATCH", course+"2"+query, body, "path"),
	Entry("a deeper path", "PATCH", course+"/students"+query, body, "path"),
	Entry("one more query parameter", "PATCH", course+query+"&x=1", body, `query parameter "x"`),
	Entry("a longer query value", "PATCH", course+"?mask=name&size=100", body, `query parameter "size"`),
	Entry("no query", "PATCH", course+"?", body, `query parameter "mask"`),
	Entry("a query that cannot be read", "PATCH", course+"?mask=%zz", body, "query, which cannot be read"),
	// Pitfall 5: a JSON array is a character class to gock.
	Entry("another array", "PATCH", course+query, `{"name":"a","size":[2]}`, `body: it sends {"name":"a","size":[2]}, and the documented request `+body),
	Entry("a number that differs past a float's precision", "PATCH", course+query, `{"name":"a","size":[1.00000000000000000001]}`, "body"),
	Entry("text after the body", "PATCH", course+query, body+"}", "body"),
	Entry("one more key", "PATCH", course+query, `{"name":"a","size":[1],"x":1}`, "body"),
	Entry("no JSON", "PATCH", course+query, "name", "body: it sends name, and the documented request "+body),
	// Pitfall 6: gock dereferences the body that isn't there, and then deadlocks.
	Entry("no body", "PATCH", course+query, "", "body: it sends no body, and the documented request "+body),
}

var _ = Describe("a stub", func() {
	var s *stub.Stub
	BeforeEach(func() {
		s = stub.New()
		DeferCleanup(func() { _ = s.Close() }) // the specs that look at its error close it themselves
	})

	It("gives the whole answer", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered(`{"a":1}`))).To(Succeed())
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

	DescribeTable("answers its exact request only",
		func(ctx SpecContext, method, url, sent, differs string) {
			Expect(s.Respond(stub.Request{Method: "PATCH", URL: course + query, Body: []byte(body)}, answered("{}"))).To(Succeed())
			_, err := ask(ctx, s.Client(), method, url, sent)
			if differs == "" {
				Expect(err).NotTo(HaveOccurred())
				return
			}
			path, _, _ := strings.Cut(url, "?")
			Expect(err).To(MatchError(stub.ErrRefused))
			Expect(err).To(MatchError(And(ContainSubstring("it differs in "+differs), ContainSubstring("expected: PATCH "+course+"?mask=…&size=…"))))
			Expect(s.Close()).To(MatchError(And(
				HavePrefix("unexpected request"), ContainSubstring(": "+method+" "+path), Not(ContainSubstring("never sent")))))
		}, exact,
		Entry("another scheme", "PATCH", "http://classroom.example/v1/courses/1"+query, body, "scheme"),
		Entry("a host the dot would match", "PATCH", "https://classroomXexample/v1/courses/1"+query, body, "host"),
		Entry("a host it is part of", "PATCH", "https://classroom.example.bad/v1/courses/1"+query, body, "host"),
	)

	DescribeTable("answers its exact request only, to a client with a transport of its own",
		func(ctx SpecContext, method, url, sent, differs string) {
			server := s.Serve(s)
			DeferCleanup(server.Close)
			here := func(url string) string { return strings.Replace(url, host, server.URL, 1) }
			Expect(s.Respond(stub.Request{Method: "PATCH", URL: here(course) + query, Body: []byte(body)}, answered("{}"))).To(Succeed())
			answer, err := ask(ctx, server.Client(), method, here(url), sent)
			if differs == "" {
				Expect(answer, err).To(Equal("{}"))
				Expect(s.Close()).To(Succeed())
				return
			}
			Expect(err).To(MatchError(io.EOF), "the connection is closed")
			Expect(s.Close()).To(MatchError(ContainSubstring("differs in " + differs)))
		}, exact)

	// What a server of JSON could not read, the stub does not take for what it is meant to be.
	DescribeTable("tells a body that is not what it is labelled",
		func(ctx SpecContext, body string, contentType, encoding []string, differs string) {
			Expect(s.Respond(stub.Request{Method: "POST", URL: course, Body: []byte(`{"a":1}`)}, answered("{}"))).To(Succeed())
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, course, strings.NewReader(body))
			Expect(err).NotTo(HaveOccurred())
			request.Header["Content-Type"], request.Header["Content-Encoding"] = contentType, encoding
			response, err := s.Client().Do(request)
			if differs == "" {
				Expect(err).NotTo(HaveOccurred())
				Expect(response.Body.Close()).To(Succeed())
				return
			}
			Expect(err).To(MatchError(ContainSubstring("differs in body: it " + differs)))
		},
		Entry("JSON", `{"a":1}`, isJSON, nil, ""),
		Entry("JSON of a charset", `{"a":1}`, []string{"application/json; charset=utf-8"}, nil, ""),
		Entry("JSON that is not compressed", `{"a":1}`, isJSON, []string{"identity"}, ""),
		Entry("compressed JSON", zipped(), isJSON, []string{"gzip"}, ""),
		Entry("compressed JSON, in capitals", zipped(), isJSON, []string{"GZIP"}, ""),
		Entry("no label", `{"a":1}`, nil, nil, "is labelled Content-Type: (missing), and the provider takes application/json"),
		Entry("another label", `{"a":1}`, []string{"text/plain"}, nil, "is labelled Content-Type: text/plain"),
		Entry("two labels", `{"a":1}`, []string{"application/json", "text/plain"}, nil, "is labelled Content-Type: application/json, text/plain"),
		Entry("plain JSON labelled gzip", `{"a":1}`, isJSON, []string{"gzip"}, `is labelled Content-Encoding: gzip, and sends {"a":1} as it is`),
		Entry("half of the gzip", zipped()[:20], isJSON, []string{"gzip"}, "sends gzip that cannot be read: unexpected EOF"),
		Entry("gzip without its checksum", zipped()[:len(zipped())-4], isJSON, []string{"gzip"}, "sends gzip that cannot be read: unexpected EOF"),
		Entry("gzip twice labelled", zipped(), isJSON, []string{"gzip", "gzip"}, "is labelled Content-Encoding: gzip, gzip"),
		Entry("another compression", `{"a":1}`, isJSON, []string{"br"}, "is labelled Content-Encoding: br, which the provider does not document"),
		Entry("gzip that is not labelled", zipped(), isJSON, nil, "sends "),
	)

	It("tells a body that breaks off, or is not as long as it is said to be", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "POST", URL: course, Body: []byte(`{"a":1}`)}, answered("{}"))).To(Succeed())
		send := func(body io.Reader, length int64) error {
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, course, body)
			Expect(err).NotTo(HaveOccurred())
			request.Header["Content-Type"], request.ContentLength = isJSON, length
			response, err := s.RoundTrip(request)
			if err == nil {
				response.Body.Close()
			}
			return err
		}
		err := send(io.MultiReader(strings.NewReader(`{"a"`), iotest.ErrReader(errors.New("gone"))), -1)
		Expect(err).To(MatchError(stub.ErrRefused))
		Expect(err).To(MatchError(ContainSubstring("has a body that cannot be read: gone")))
		Expect(send(strings.NewReader(`{"a":1}`), 9)).To(MatchError(ContainSubstring("announces 9 bytes, and sends 7")))
	}, SpecTimeout(time.Minute))

	// Pitfall 4: parentheses are groups to gock, and it loses the literal form of an escaped path.
	DescribeTable("takes OData paths and filters as they are",
		func(ctx SpecContext, url string) {
			Expect(s.Respond(stub.Request{Method: "GET", URL: url}, answered("{}"))).To(Succeed())
			_, err := ask(ctx, s.Client(), "GET", url, "")
			Expect(err).NotTo(HaveOccurred())
		},
		Entry("a key in parentheses", "https://graph.example/activities(externalId='x')"),
		Entry("an escaped key", "https://graph.example/activities(externalId='a%2Fb%20c%27d')"),
		Entry("a filter", "https://graph.example/activities?$filter=contains(x,%20'a')&$top=1"),
		Entry("a colon", "https://graph.example/v1/courses/1:accept"),
	)

	It("tells an escaped slash from a slash, and a Host from another", func(ctx SpecContext) {
		const escaped = "https://graph.example/activities/a%2Fb"
		Expect(s.Respond(stub.Request{Method: "GET", URL: escaped}, answered("{}"))).To(Succeed())
		_, err := ask(ctx, s.Client(), "GET", "https://graph.example/activities/a/b", "")
		Expect(err).To(MatchError(ContainSubstring("differs in path")))
		request, err := http.NewRequestWithContext(ctx, "GET", escaped, nil)
		Expect(err).NotTo(HaveOccurred())
		request.Host = "other.example"
		_, err = s.RoundTrip(request)
		Expect(err).To(MatchError(ContainSubstring("differs in host")))
		Expect(ask(ctx, s.Client(), "GET", escaped, "")).To(Equal("{}"))
	}, SpecTimeout(time.Minute))

	// Pitfall 1: an intercepted client reaches the network before gock's first stub and after it was switched off.
	It("refuses the network before the first answer, between answers and after the last", func(ctx SpecContext) {
		var hits atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
		DeferCleanup(server.Close)
		refused := func(when string) {
			GinkgoHelper()
			_, err := ask(ctx, s.Client(), "GET", server.URL, "")
			Expect(err).To(MatchError(stub.ErrRefused), when)
		}
		refused("before the first answer")
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered("{}"))).To(Succeed())
		refused("while an answer waits")
		_, err := ask(ctx, s.Client(), "GET", course, "")
		Expect(err).NotTo(HaveOccurred())
		refused("after the last answer")
		_ = s.Close() // tells of the refused requests
		refused("after the spec")
		Expect(hits.Load()).To(BeZero(), "requests that reached the server")
	}, SpecTimeout(time.Minute))

	It("says what to mend where nothing is stubbed", func(ctx SpecContext) {
		_, err := ask(ctx, s.Client(), "GET", course, "")
		Expect(err).To(MatchError(HaveSuffix("unexpected request: GET " + course + ": there is no stub")))
	}, SpecTimeout(time.Minute))

	// Pitfall 6, second half: the request after a refused one must not hang.
	It("goes on after a request without the body that was expected", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "POST", URL: course, Body: []byte(`[1]`)}, answered("{}"))).To(Succeed())
		_, err := ask(ctx, s.Client(), "POST", course, "")
		Expect(err).To(MatchError(stub.ErrRefused))
		_, err = ask(ctx, s.Client(), "POST", course, `[1]`)
		Expect(err).NotTo(HaveOccurred())
	}, SpecTimeout(time.Minute))

	// Pitfall 7: gock's counter is neither atomic nor per client.
	It("gives an answer once, however many ask at once", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered("{}"))).To(Succeed())
		var given atomic.Int64
		var askers sync.WaitGroup
		for range 16 {
			askers.Go(func() {
				defer GinkgoRecover()
				if _, err := ask(ctx, s.Client(), "GET", course, ""); err == nil {
					given.Add(1)
				}
			})
		}
		askers.Wait()
		Expect(given.Load()).To(BeEquivalentTo(1))
		Expect(strings.Count(s.Close().Error(), "unexpected request")).To(Equal(15))
	}, SpecTimeout(time.Minute))

	// Pitfall 10: a retry must be an answer of its own.
	It("gives several answers to one request in the order they were set, and then none", func(ctx SpecContext) {
		for _, body := range []string{"1", "2"} {
			Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered(body))).To(Succeed())
		}
		Expect(ask(ctx, s.Client(), "GET", course, "")).To(Equal("1"))
		Expect(ask(ctx, s.Client(), "GET", course, "")).To(Equal("2"))
		_, err := ask(ctx, s.Client(), "GET", course, "")
		Expect(err).To(MatchError(ContainSubstring("the response to GET " + course + " was given before")))
	}, SpecTimeout(time.Minute))

	It("fails the spec whose response was never requested", func() {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered("{}"))).To(Succeed())
		Expect(s.Close()).To(MatchError("expected GET " + course + ", and it was never sent"))
	})

	It("leaves nothing for the next spec", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered("{}"))).To(Succeed())
		Expect(s.Close()).NotTo(Succeed())
		next := stub.New()
		_, err := ask(ctx, next.Client(), "GET", course, "")
		Expect(err).To(MatchError(stub.ErrRefused))
		Expect(next.Close()).To(MatchError(stub.ErrRefused))
	}, SpecTimeout(time.Minute))

	It("does not give another stub's answer", func(ctx SpecContext) {
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered("{}"))).To(Succeed())
		other := stub.New()
		_, err := ask(ctx, other.Client(), "GET", course, "")
		Expect(err).To(MatchError(stub.ErrRefused))
		_, err = ask(ctx, s.Client(), "GET", course, "")
		Expect(err).NotTo(HaveOccurred())
	}, SpecTimeout(time.Minute))

	// Pitfalls 8, 9 and 15: gock's store and settings are global, and it exchanges http.DefaultTransport.
	It("leaves the rest of the process alone", func(ctx SpecContext) {
		before := http.DefaultTransport
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
		DeferCleanup(server.Close)
		Expect(s.Respond(stub.Request{Method: "GET", URL: course}, answered("{}"))).To(Succeed())
		Expect(http.DefaultTransport).To(BeIdenticalTo(before))
		Expect(ask(ctx, http.DefaultClient, "GET", server.URL, "")).To(Equal("here"))
		Expect(ask(ctx, s.Client(), "GET", course, "")).To(Equal("{}"))
	}, SpecTimeout(time.Minute))

	It("keeps passwords and query values out of the error", func(ctx SpecContext) {
		_, err := ask(ctx, s.Client(), "GET", "https://user:secret@classroom.example/v1?token=secret", "")
		Expect(err).To(MatchError(stub.ErrRefused))
		Expect(errors.Unwrap(err)).To(MatchError(HavePrefix("unexpected request: GET https://classroom.example/v1?token=…")), "below net/http")
		Expect(s.Close()).To(MatchError(HavePrefix("unexpected request: GET https://classroom.example/v1?token=…")))
	}, SpecTimeout(time.Minute))

	// Pitfalls 12 and 14: gock answers what HTTP does not have, and drops its own errors.
	DescribeTable("refuses what it could not answer truly",
		func(request stub.Request, answer fixtures.Response, why string) {
			Expect(s.Respond(request, answer)).To(MatchError(ContainSubstring(why)))
		},
		Entry("a body on a 204", stub.Request{Method: "GET", URL: course}, fixtures.Response{Status: 204, Body: []byte("x")}, "status 204"),
		Entry("a body on a 304", stub.Request{Method: "GET", URL: course}, fixtures.Response{Status: 304, Body: []byte("x")}, "status 304"),
		Entry("a body on a HEAD", stub.Request{Method: "HEAD", URL: course}, fixtures.Response{Status: 404, Body: []byte("x")}, "HEAD"),
		Entry("a status that is none", stub.Request{Method: "GET", URL: course}, fixtures.Response{}, "0 is no status"),
		Entry("a relative URL", stub.Request{Method: "GET", URL: "/v1"}, answered("{}"), `"/v1" is not an absolute URL`),
		Entry("a body that is no JSON", stub.Request{Method: "POST", URL: course, Body: []byte("{")}, answered("{}"), "is not JSON"),
		Entry("a body with text after it", stub.Request{Method: "POST", URL: course, Body: []byte("{} {}")}, answered("{}"), "after top-level value"),
		Entry("a body with a key twice", stub.Request{Method: "POST", URL: course, Body: []byte(`{"a":1,"a":1}`)}, answered("{}"), "duplicate"),
	)
})
