package suites

import (
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
	"github.com/learncontract/learncontract/suites/report"
)

func TestLookAlikesOfAClient(t *testing.T) {
	for _, test := range []struct {
		provider string
		client   clients.Config
		want     string // the first lines
		lines    int
	}{
		{
			"graph", clients.Config{Operations: []string{"graph.update"}, Exposes: []clients.Field{clients.Status, clients.Code}},
			"look-alikes: 9 of 14 clauses by what our connector exposes (status, code), 9 by what graph says to rely on\n" +
				"           graph.update: missing-scope, service-plan-missing, content-of-another-provider, learner-license\n" +
				"           graph.update: provider-not-enabled, registration-id-invalid, required-fields-missing, fields-invalid, fields-empty", 3,
		},
		{
			"graph", clients.Config{}, // the message tells apart what no caller should rely on
			"look-alikes: 0 of 41 clauses by what our connector exposes (status, code, name, message, details, retry-after, request id), " +
				"23 by what graph says to rely on", 1,
		},
		{
			"classroom", clients.Config{Exposes: []clients.Field{clients.Status}},
			"look-alikes: 437 of 819 clauses by what our connector exposes (status), 0 by what classroom says to rely on\n", 2 + 12,
		},
		{
			"classroom", clients.Config{Operations: []string{"classroom.courses.patch"}, Exposes: []clients.Field{}},
			"look-alikes: 13 of 13 clauses by what our connector exposes (nothing), 0 by what classroom says to rely on\n", 2,
		},
	} {
		contract, err := fixtures.Load(test.provider)
		if err != nil {
			t.Fatal(err)
		}
		test.client.Name = "our connector"
		run := &report.Run{
			Provider: test.provider, LookAlikes: lookAlikesOf(contract, test.client),
			Client: report.Client{Name: test.client.Name, Exposes: names(test.client.Exposed())},
		}
		var printed strings.Builder
		if err := report.WriteLookAlikes(&printed, run); err != nil {
			t.Fatal(err)
		}
		got := strings.TrimSuffix(printed.String(), "\n")
		if !strings.HasPrefix(got, test.want) || strings.Count(got, "\n")+1 != test.lines {
			t.Errorf("printed\n%s\nwant %d lines, at first\n%s", got, test.lines, test.want)
		}
	}
}
