package libraries_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/graph"
)

// dialling are clients with a transport of their own.
func dialling() []client.Config {
	return []client.Config{
		{Name: "a transport of its own", Dial: func(baseURL string) (client.Calls, error) {
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Second}, Timeout: 20 * time.Second}
			return sending(c.Do, baseURL).all(), nil
		}},
		{Name: "fasthttp", Dial: func(baseURL string) (client.Calls, error) {
			c := &fasthttp.Client{MaxIdleConnDuration: time.Second, DisablePathNormalizing: true} // or it decodes %2F
			return perform(func(ctx context.Context, call client.Call) error { return byFastHTTP(ctx, c, baseURL, call) }).all(), nil
		}},
	}
}

// byFastHTTP performs a call by fasthttp, which knows deadlines and no contexts: a call that ends before leaves its request behind.
func byFastHTTP(ctx context.Context, c *fasthttp.Client, baseURL string, call client.Call) error {
	done := make(chan error, 1)
	go func() {
		request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(request)
		defer fasthttp.ReleaseResponse(response)
		request.SetRequestURI(addressOf(baseURL, call))
		request.Header.SetMethod(call.Operation.Method)
		if call.Body != nil {
			request.Header.SetContentType("application/json")
			request.SetBody(call.Body)
		}
		deadline, ok := ctx.Deadline()
		if !ok {
			deadline = time.Now().Add(time.Minute)
		}
		if err := c.DoDeadline(request, response, deadline); err != nil {
			done <- err
			return
		}
		header := http.Header{}
		for name, value := range response.Header.All() {
			header.Add(string(name), string(value))
		}
		done <- failure(response.StatusCode(), header, response.Body())
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestProxy has a client send its requests through a proxy on this machine.
func TestProxy(t *testing.T) {
	t.Parallel()
	var passed atomic.Int32
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Transport: &http.Transport{DisableKeepAlives: true}, // each server lives for one call, and a port may have another's after it
		ErrorLog:  log.New(io.Discard, "", 0),               // a call that is interrupted breaks off here, too
		Rewrite: func(r *httputil.ProxyRequest) {
			passed.Add(1)
			r.Out.Host = r.In.Host
		},
	})
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	graph.Test(t, client.Config{Name: "a proxy on this machine", Dial: func(baseURL string) (client.Calls, error) {
		c := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(address)}}
		return sending(c.Do, baseURL).all(), nil
	}})
	if passed.Load() == 0 {
		t.Error("no request went through the proxy")
	}
}

// TestChildren has clients in other languages, each call in a process of its own.
func TestChildren(t *testing.T) {
	for _, child := range []struct{ name, program, script string }{
		{"Python's urllib", "python3", "testdata/client.py"},
		{"Node's fetch", "node", "testdata/client.mjs"},
	} {
		t.Run(child.name, func(t *testing.T) {
			t.Parallel()
			program, err := exec.LookPath(child.program)
			if err != nil {
				t.Skipf("install %s: %v", child.program, err)
			}
			config := client.Config{Name: child.name, Dial: func(baseURL string) (client.Calls, error) {
				return perform(func(ctx context.Context, call client.Call) error {
					return byChild(ctx, program, child.script, baseURL, call)
				}).all(), nil
			}}
			graph.Test(t, performing(config, "graph.create")) // one operation: starting a process takes long
		})
	}
}

// byChild performs a call in a process, which gets it as JSON and says what failed as JSON.
func byChild(ctx context.Context, program, script, baseURL string, call client.Call) error {
	input, err := json.Marshal(map[string]string{
		"method": call.Operation.Method, "url": addressOf(baseURL, call), "body": string(call.Body),
	})
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, program, script)
	child.Stdin, child.WaitDelay = bytes.NewReader(input), time.Second
	output, err := child.Output()
	if err != nil {
		stderr := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			stderr = string(exit.Stderr)
		}
		return fmt.Errorf("%w: %s", cmp.Or(ctx.Err(), err), stderr)
	}
	var result *struct { // null for a success
		client.Failure
		RetryAfter float64 // seconds
	}
	if err := json.Unmarshal(output, &result); err != nil || result == nil {
		return err
	}
	result.Failure.RetryAfter = time.Duration(result.RetryAfter * float64(time.Second))
	return result.Failure
}
