package live

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/client"
)

// callOnly lets requests pass that read, and those that are the call. Others that may change something it refuses: a client that has an
// id or a name of its own would change what is somebody's, or make what no clean-up finds.
type callOnly struct {
	transport http.RoundTripper
	method    string
	address   *url.URL
	segments  map[string]bool // that a path may have: words of the contract's paths, what the call names, and the file's provider
	field     string          // that holds the name of what the call makes; "" if it makes nothing of a kind
	name      string

	mutex   sync.Mutex
	strayed error // of the first that was refused
}

func (t *Tenant) callOnly(call client.Call, m *made, transport http.RoundTripper) (*callOnly, error) {
	address, err := url.Parse(t.config.Sandbox.Endpoint(t.contract.Provider) + expand(call))
	if err != nil {
		return nil, err
	}
	c := &callOnly{transport: transport, method: call.Operation.Method, address: address, segments: map[string]bool{}}
	known := strings.Split(address.Path, "/")
	for _, o := range t.contract.Operations {
		known = append(known, strings.Split(o.Path, "/")...)
	}
	for _, value := range call.Params {
		known = append(known, value)
	}
	if own, named := t.config.Sandbox.Value(t.contract.Provider + ".provider"); named { // a client may be configured with it
		known = append(known, own)
	}
	final := map[string]bool{} // examples that name what an operation is of
	for _, o := range t.contract.Operations {
		for name, value := range o.Params {
			final[value] = final[value] || strings.HasSuffix(o.Path, "{"+name+"}")
		}
	}
	for value, is := range final {
		if !is { // client.Example is what a client is configured with
			known = append(known, value)
		}
	}
	for _, segment := range known {
		c.segments[segment] = true
	}
	var body map[string]any
	if m != nil && json.Unmarshal(call.Body, &body) == nil {
		c.field, c.name = m.kind.field, fieldOf(body, m.kind.field)
	}
	return c, nil
}

// RoundTrip implements http.RoundTripper.
func (c *callOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL == nil || r.URL.Host != c.address.Host || !changes(r) { // another host is refused below, in words of its own
		return c.transport.RoundTrip(r)
	}
	if r.Method != c.method || slices.ContainsFunc(strings.Split(r.URL.Path, "/"), func(segment string) bool { return !c.segments[segment] }) {
		return c.refuse(r, engineErrorf(opHost, "the client sent %s %s, and it was to call %s %s: have it take ids from the call, for others may be somebody's",
			r.Method, exchange.Printable(r.URL.Path), c.method, c.address.Path))
	}
	if c.name == "" || r.Body == nil {
		return c.transport.RoundTrip(r)
	}
	text, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // it was read
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if json.Unmarshal(text, &body) == nil && fieldOf(body, c.field) != c.name {
		return c.refuse(r, engineErrorf(opHost, "the client sent %s %q, and it was to send %q: have it take the body from the call, for what has another name is not removed again",
			c.field, exchange.Printable(fieldOf(body, c.field)), c.name))
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(text))
	return c.transport.RoundTrip(r)
}

func (c *callOnly) refuse(r *http.Request, err error) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // the request was refused, and its error says why
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.strayed == nil {
		c.strayed = err
	}
	return nil, err
}

// stray is why a request was refused, nil if none was.
func (c *callOnly) stray() error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.strayed
}
