package call

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/stub"
)

// adds is what the client declares to send beside the minimal request of an operation.
func (c *Client) adds(o *fixtures.Operation) client.Addition {
	if adds, own := c.Adds[o.ID]; own {
		return adds
	}
	return c.Adds["*"]
}

// want is the request of an operation with these values of its parameters: by any documented path, with what the client declares.
func (s *session) want(o *fixtures.Operation, params, query map[string]string) stub.Request {
	adds := s.client.adds(o)
	r := stub.Request{
		Method: o.Method, URL: withQuery(s.base+o.Expand(params, query), s.client.Query), Example: o.URLAt(s.base), Body: o.Body,
		Query: adds.Query, Fields: adds.Fields, Headers: adds.Headers,
	}
	for _, path := range o.Paths(params)[1:] {
		r.Paths = append(r.Paths, s.client.api.EscapedPath()+path)
	}
	return r
}

// addReads stubs the declared reads of a call. A parameter has the value of the call, if that has one.
func (s *session) addReads(l *line) error {
	for _, id := range s.client.adds(l.request.Operation).Reads {
		read := s.client.Contract.Operation(id)
		if read == nil || read.ID == l.request.Operation.ID { // declared for every operation
			continue
		}
		params := client.Minimal(read).Params
		for name, value := range l.minimal.Params {
			if _, has := params[name]; has {
				params[name] = value
			}
		}
		want := s.want(read, params, read.Query)
		want.Repeat = true
		if err := l.beside.RespondAt(want, read.SuccessResponse().At); err != nil {
			return err
		}
	}
	return nil
}

// besides is the transport of a request that is declared beside those of a call, nil for any other.
func (s *session) besides(l *line, r *http.Request) http.RoundTripper {
	switch {
	case s.client.isTokenRequest(r):
		return roundTripper(token)
	case r.Method == http.MethodGet && l.beside.Takes(r):
		return l.besideRecorder
	}
	return nil
}

// isTokenRequest reports whether the client signs in.
func (c *Client) isTokenRequest(r *http.Request) bool {
	endpoint, err := url.Parse(c.TokenURL)
	return c.TokenURL != "" && err == nil && (r.Method == http.MethodPost || r.Method == http.MethodGet) &&
		r.URL.Scheme == endpoint.Scheme && strings.EqualFold(r.URL.Host, endpoint.Host) && r.URL.Path == endpoint.Path
}

// token is the response of a token endpoint (RFC 6749, 5.1).
func token(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err // as http.Transport does
	}
	const content = `{"access_token":"offline","token_type":"Bearer","expires_in":3600}`
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
		ContentLength: int64(len(content)), Body: newBody(r.Context(), []byte(content), Together), Request: r,
	}, nil
}

// undeclared names the declaration that would allow a request that was rejected, "" if none would.
func (s *session) undeclared(o *fixtures.Operation, r *http.Request) string {
	if o.Method == http.MethodGet || r.Method != http.MethodGet {
		return ""
	}
	read, _, _ := s.client.Contract.Route(r.Method, r.URL.EscapedPath())
	switch {
	case read == nil:
		return ""
	case slices.Contains(s.client.adds(o).Reads, read.ID):
		return fmt.Sprintf("Config.Adds[%q].Reads has %s, whose minimal request with the values of the call is another.", o.ID, read.ID)
	}
	return fmt.Sprintf("If the client means to read before it writes, name %s in Config.Adds[%q].Reads.", read.ID, o.ID)
}
