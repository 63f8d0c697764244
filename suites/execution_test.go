package suites

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/internal/collect"
	"github.com/learncontract/learncontract/suites/report"
)

// checked runs the specs of the sample contract for a client by a front end that is neither Ginkgo nor testing, and returns each
// spec's outcome and the text that it fails with, by its id.
func checked(t *testing.T, config client.Config, body func(gomega.Gomega, *fixtures.Wording, Result)) (outcomes map[string]report.Outcome, texts map[string]string) {
	t.Helper()
	sample, err := fixtures.Open(os.DirFS(filepath.Join("..", "fixtures", "testdata", "sample")))
	if err != nil {
		t.Fatal(err)
	}
	s := Provider{Name: "sample", Contract: sample, Specs: func(s *Suite) {
		for _, action := range fixtures.Actions() {
			s.Each(action, body)
			s.EachSuccess(action, func(g gomega.Gomega, _ *fixtures.Operation, r Result) {
				g.Expect(r.Failure.Err).NotTo(gomega.HaveOccurred())
			})
		}
		s.It("responds with another key beside the error", Case{Key: "more", Clauses: "sample.*", Change: func(_ *fixtures.Wording, body map[string]any) {
			body["more"] = true
		}})
	}}.newRun(config, options{})
	if err := s.setUp(writer{t.Name(), t}); err != nil {
		t.Fatal(err)
	}
	outcomes, texts = map[string]report.Outcome{}, map[string]string{}
	for _, sp := range s.suite.specs {
		record, text, done := &collect.Record{Spec: sp.Spec}, "", make(chan bool)
		go func() {
			defer close(done)
			s.execute(sp, record, front{
				ctx: context.Background(), skip: func(string) { runtime.Goexit() },
				fail: func(whole string, _ int) { text = whole; runtime.Goexit() },
			})
		}()
		<-done
		if record.Verdict == nil || record.Seconds <= 0 || record.Verdict.Outcome.Fails() != (text != "") {
			t.Errorf("%s left %v behind, after %gs, and failed with %q", sp.ID, record.Verdict, record.Seconds, text)
			continue
		}
		outcomes[sp.ID], texts[sp.ID] = record.Verdict.Outcome, text
	}
	return outcomes, texts
}

func surface(g gomega.Gomega, w *fixtures.Wording, r Result) {
	g.Expect(r.Failure).To(client.Surface(w))
}

// changing is the reference client, which makes something else of its error.
func changing(change func(call client.Call, err error) error) client.Config {
	return client.Config{Name: "acme", New: func(hc *http.Client, baseURL string) (client.Calls, error) {
		reference := wire.New(hc, baseURL)
		return client.Calls{"*": func(ctx context.Context, call client.Call) error { return change(call, reference.Do(ctx, call)) }}, nil
	}}
}

// The specs fail where the client is wrong, and nowhere else.
func TestSpecsAssert(t *testing.T) {
	t.Parallel()
	all := func(string) bool { return true }
	success := func(id string) bool { return strings.HasPrefix(id, "success:") }
	for name, test := range map[string]struct {
		client client.Config
		body   func(gomega.Gomega, *fixtures.Wording, Result)
		fails  func(id string) bool // but for the network
		says   string
	}{
		"right": {wire.Config(), surface, func(string) bool { return false }, ""},
		"wrong code": {changing(func(_ client.Call, err error) error {
			if f := (client.Failure{}); errors.As(err, &f) {
				f.Code = "Other"
				return f
			}
			return err
		}), surface, func(id string) bool { return !success(id) }, `"Other"`},
		"always fails": {changing(func(_ client.Call, err error) error {
			if err == nil {
				return errors.New("it was empty")
			}
			return err
		}), surface, success, "it was empty"},
		"panics": {changing(func(client.Call, error) error { panic("no such code") }), surface, all, "acme panicked"},
		"an assertion of the body's own": {wire.Config(), func(g gomega.Gomega, _ *fixtures.Wording, r Result) {
			g.Expect(r.Failure.Client).To(gomega.Equal("another"))
		}, func(id string) bool { return !success(id) && !strings.Contains(id, "~") }, "another"},
		"a body that asserts nothing": {changing(func(client.Call, error) error { return nil }), func(gomega.Gomega, *fixtures.Wording, Result) {},
			func(id string) bool { return !success(id) }, "acme returned nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcomes, texts := checked(t, test.client, test.body)
			kinds, said := map[bool]int{}, false
			for id, outcome := range outcomes {
				fails := id != networkSpec && test.fails(id)
				kinds[success(id)]++
				if want := map[bool]report.Outcome{true: report.Broken, false: report.Honored}[fails]; outcome != want {
					t.Errorf("%s is %s, want %s: %s", id, outcome, want, texts[id])
				}
				said = said || strings.Contains(texts[id], test.says)
			}
			if kinds[true] == 0 || kinds[false] < 10 || !said {
				t.Errorf("%v specs ran, and none says %q", kinds, test.says)
			}
		})
	}
}

// A client that performs one operation has specs of that alone.
func TestSpecsOfTheOperationsPerformed(t *testing.T) {
	t.Parallel()
	whole, _ := checked(t, wire.Config(), surface)
	var one string
	for id := range whole {
		if operation, ok := strings.CutPrefix(id, "success:"); ok && (one == "" || operation < one) {
			one = operation
		}
	}
	part, _ := checked(t, client.Config{Name: "acme", New: func(hc *http.Client, baseURL string) (client.Calls, error) {
		return client.Calls{one: wire.New(hc, baseURL).Do}, nil
	}}, surface)
	for id := range whole {
		is := id == networkSpec || id == "success:"+one || strings.HasPrefix(id, one+".")
		if _, ran := part[id]; ran != is {
			t.Errorf("%s ran: %t, want %t", id, ran, is)
		}
	}
}

// A token in what a client returns is in no failure.
func TestAFailureOfTheVerdictIsMasked(t *testing.T) {
	t.Parallel()
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJob3N0In0.c2lnbmF0dXJlLW9mLWEtdG9rZW4" //nolint:gosec // nobody's
	_, texts := checked(t, changing(func(client.Call, error) error { return errors.New("sent Bearer " + token) }), surface)
	for id, text := range texts {
		if strings.Contains(text, "c2lnbmF0dXJl") {
			t.Errorf("%s has the token:\n%s", id, text)
		}
	}
}
