package call_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
)

var update = flag.Bool("update", false, "rewrite suites/internal/call/testdata/*.golden with the texts as they are")

// changedRequest is a client that changes each request of its call.
func changedRequest(change func(*http.Request)) client.Config {
	return connector(func(ctx context.Context, given *http.Client, base string, c client.Call) error {
		changed := *given
		changed.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			r = r.Clone(r.Context())
			change(r)
			return given.Transport.RoundTrip(r)
		})
		return do(ctx, &changed, base, c)
	})
}

// changedBody is a client that replaces a text of each body.
func changedBody(from, to string) client.Config {
	return connector(func(ctx context.Context, given *http.Client, base string, c client.Call) error {
		c.Body = []byte(strings.Replace(string(c.Body), from, to, 1))
		return do(ctx, given, base, c)
	})
}

// reads is a client that reads before it writes.
func reads(path string, declared ...string) client.Config {
	c := connector(before(func(ctx context.Context, given *http.Client, base string) { get(ctx, given, base+path) }))
	c.Adds = map[string]client.Addition{"sample.things.update": {Reads: declared}}
	return c
}

// The whole texts of what a client does undeclared: one request, what it differs in, and the declaration that would allow it.
func TestUndeclared(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, test := range []struct {
		name   string
		config client.Config
	}{
		{"a query parameter", changedRequest(func(r *http.Request) { r.URL.RawQuery += "&fields=id" })},
		{"another value of a query parameter", changedRequest(func(r *http.Request) { r.URL.RawQuery = "mask=all" })},
		{"a field", changedBody("{", `{"dueDateTime": {"timeZone": "UTC"}, `)},
		{"a text for another value", changedBody(":", `: ["a", 1], "x":`)},
		{"no JSON", changedBody("{", "")},
		{"no Content-Type", changedRequest(func(r *http.Request) { r.Header.Del("Content-Type") })},
		{"another method", changedRequest(func(r *http.Request) { r.Method = http.MethodPut })},
		{"another path", changedRequest(func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/v1/groups/1", "" })},
		{"a read", reads("/things/t-1")},
		{"a read with other values than those of the call", reads("/things/t-1", "sample.things.get")},
		{"a sign-in", connector(before(func(ctx context.Context, given *http.Client, _ string) {
			get(ctx, given, "https://login.sample.example/oauth2/token")
		}))},
	} {
		fmt.Fprintf(&all, "== %s ==\n%v\n\n", test.name, receive(t, open(t, test.config)).Fault)
	}
	c := open(t, changedRequest(func(r *http.Request) { r.URL.RawQuery = "token=1" }))
	list := c.Contract.Operation("sample.things.list")
	first, err := c.Do(call.Successes(list, call.Together)[1])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&all, "== a page ==\n%v\n", first.Fault)
	const file = "testdata/undeclared.golden"
	if *update {
		if err := os.WriteFile(file, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || all.String() != string(want) {
		t.Errorf("%v: the texts are\n%s\nand %s has\n%s", err, all.String(), file, want)
	}
}

// A declared read is no exchange of the call, whose response is the last.
func TestReadsAreBeside(t *testing.T) {
	t.Parallel()
	o := open(t, connector(do)).Contract.Operation("sample.things.update")
	for name, path := range map[string]string{"by its path": "/things/" + o.Params["id"], "by another": "/me/things/" + o.Params["id"]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := receive(t, open(t, reads(path, "sample.things.get")))
			if r.Fault != nil || len(r.Exchanges) != 1 || r.Unclosed != nil {
				t.Errorf("it came to %+v", r)
			}
		})
	}
}
