package suites_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/classroom"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/clients/wire"
	"github.com/learncontract/learncontract/suites/graph"
)

// retrying is the reference client that retries.
var retrying = clients.Config{
	Name: "wire that retries", Retries: true, RetriesOn: wire.RetriedOn,
	New: func(client *http.Client, baseURL string) clients.Client { return wire.NewRetrying(client, baseURL) },
}

func TestARetryingClientHonorsEveryClause(t *testing.T) {
	graph.Test(t, retrying)
	classroom.Test(t, retrying)
}

// TestRetriesAreDescribed holds the tree of each kind of client against what a run must have.
func TestRetriesAreDescribed(t *testing.T) {
	for _, provider := range fixtures.Providers() {
		actions := map[string]bool{}
		for _, spec := range specs(t, provider) {
			labels := spec.Labels()
			if slices.ContainsFunc(labels, func(label string) bool { return strings.HasPrefix(label, "retries:") }) {
				for _, label := range labels {
					actions[label] = true
				}
				if !strings.HasSuffix(spec.LeafNodeText, ", asks once, however short the wait it is asked for") {
					t.Errorf("%q is asked of a client that does not retry", spec.FullText())
				}
			}
		}
		contract, err := fixtures.Load(provider)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range contract.Operations {
			if !actions["action:"+o.Action] {
				t.Errorf("no spec of the retries of %s asks for %s", provider, o.Action)
			}
		}
	}
}

// impatientVariable has TestImpatient run.
const impatientVariable = "CONTRACT_RETRIES_IMPATIENT"

// TestImpatient runs the suite with a client that is told to wait in fractions of a second, and waits too short.
func TestImpatient(t *testing.T) {
	if os.Getenv(impatientVariable) == "" {
		t.Skip("it is the child of TestAFailureShowsTheSchedule: run that")
	}
	impatient := retrying
	impatient.Name = "our connector"
	impatient.New = func(client *http.Client, baseURL string) clients.Client {
		return wire.NewRetrying(&http.Client{Transport: truncating{client.Transport}}, baseURL)
	}
	graph.Test(t, impatient)
}

// truncating drops the fraction of Retry-After.
type truncating struct{ http.RoundTripper }

func (t truncating) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err == nil {
		whole, _, _ := strings.Cut(response.Header.Get("Retry-After"), ".")
		response.Header.Set("Retry-After", whole)
	}
	return response, err
}

func TestAFailureShowsTheSchedule(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, self, "-test.run=^TestImpatient$", "-ginkgo.no-color")
	child.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", impatientVariable+"=1")
	output, err := child.CombinedOutput()
	if err == nil {
		t.Error("the run succeeds")
	}
	for _, want := range []string{
		"our connector asks again too early: attempt 2 follows after 1s, and the answer before asks to wait 1.9s (Retry-After: 1.9).",
		"  attempt  at  answered               wait asked               wait kept\n",
		"  1        0s  429 Too Many Requests  1.9s (Retry-After: 1.9)  1s, too early by 900ms\n",
		"  told its caller of the failure at 4s\n",
		"our connector, refused with graph.create.throttled, Retry-After: 1.9:\n", // the report entry
		"  broken  graph.create.throttled, answered 429 Too Many Requests, waits for Retry-After in fractions of a second and 7 more: our connector asks again too early: ",
		"8 broken",
	} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the output does not have %q", want)
		}
	}
	if t.Failed() {
		t.Log(string(output))
	}
}
