// Package leaky has a client that prints every response as it is, for the tests of live runs.
package leaky

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httputil"
	"os"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/learncontract/learncontract/suites"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

func TestMain(m *testing.M) { os.Exit(suites.Run(m)) }

func TestLeaky(t *testing.T) { suites.RunSpecs(t, "A leaky client") }

var _ = graph.Describe("leaky", func() client.Config {
	c := wire.Config()
	c.Name = "leaky"
	c.New = func(given *http.Client, baseURL string) (client.Calls, error) {
		printing := *given
		printing.Transport = printer{given.Transport}
		reference := wire.New(&printing, baseURL)
		return client.Calls{"*": func(ctx context.Context, call client.Call) error { return reference.Do(ctx, call) }}, nil
	}
	return c
}())

// printer prints the responses of a transport.
type printer struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p printer) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.RoundTripper.RoundTrip(r)
	if err == nil {
		text, _ := httputil.DumpResponse(response, true) // what cannot be printed is not
		if os.Getenv("LEAKY") == "stdout" {
			fmt.Println(string(text))
		} else {
			ginkgo.GinkgoWriter.Println(string(text))
		}
	}
	return response, err
}
