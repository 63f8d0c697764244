package suites_test

import "testing"

// Of a client that dials, the retries are measured in real time: declared, and found where they are not.
func TestAClientThatDialsAndRetries(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a client that dials waits for seconds: run without -short")
	}
	for kind, test := range map[string]struct {
		fails bool
		texts []string
	}{
		"dials, retries": {false, []string{
			"--- PASS: TestGraphErrors/graph.create.throttled/error", "--- PASS: TestGraphErrors/graph.create.throttled/retries-fraction",
			"--- SKIP: TestGraphErrors/graph.create.throttled/retries-date", "acme dials, so it is called in real time, in which this takes minutes",
		}},
		"dials, retries undeclared": {true, []string{
			"acme sent another request after it received graph.create.throttled#error, though it does not declare Retries:",
			"unexpected request: POST https://graph.microsoft.com/v1.0/",
		}},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := process{
				binary: "plain", args: []string{"-test.v", "-test.run=^TestGraphErrors$/^graph.create.throttled"},
				env: []string{"HOST_GRAPH=acme=" + kind}, fails: test.fails,
			}
			expectLines(t, p.run(t), test.texts...)
		})
	}
}
