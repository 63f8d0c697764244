package clients_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/clients"
)

func TestRetriesAreDeclared(t *testing.T) {
	contract, err := fixtures.Load("graph")
	if err != nil {
		t.Fatal(err)
	}
	const throttled, unavailable, unlicensed = "graph.create.throttled", "graph.create.unavailable", "graph.create.service-plan-missing"
	for name, test := range map[string]struct {
		config  clients.Config
		problem string
		retried string
	}{
		"none":           {clients.Config{}, "", ""},
		"all":            {clients.Config{Retries: true}, "", throttled + " " + unavailable},
		"some":           {clients.Config{Retries: true, RetriesOn: []int{429, 504}, ReadsMinutes: true}, "", throttled},
		"not at all":     {clients.Config{RetriesOn: []int{429}}, "RetriesOn and ReadsMinutes say how the client retries: set Retries too", ""},
		"no failure":     {clients.Config{Retries: true, RetriesOn: []int{42}}, "RetriesOn has 42, which is no status of a failure: use 400 to 599", ""},
		"only forbidden": {clients.Config{Retries: true, RetriesOn: []int{403}}, "", ""},
	} {
		test.config.Name, test.config.New = name, func(*http.Client, string) clients.Client { return nil }
		if err := test.config.Check(contract); err == nil && test.problem != "" || err != nil && err.Error() != test.problem {
			t.Errorf("%s: Check says %v, want %q", name, err, test.problem)
		}
		var retried []string
		for _, id := range []string{throttled, unavailable, unlicensed} {
			if test.config.RetriesAfter(contract.Clause(id)) {
				retried = append(retried, id)
			}
		}
		if got := strings.Join(retried, " "); got != test.retried {
			t.Errorf("%s: it retries after %s, want %s", name, got, test.retried)
		}
	}
}
