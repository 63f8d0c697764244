package live_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/client/wire"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// TestAClientWithIDsOfItsOwn has the client under contract send, to the provider itself, something else than the call, before it or in its
// place.
func TestAClientWithIDsOfItsOwn(t *testing.T) {
	t.Parallel()
	request := func(ctx context.Context, given *http.Client, method, address, body string) error {
		r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := given.Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		return errors.Join(err, response.Body.Close())
	}
	const create, get = "classroom.courses.create.failed-precondition.UserCannotOwnCourse", "classroom.courses.get.not-found"
	for name, test := range map[string]struct {
		clause  string
		perform func(ctx context.Context, given *http.Client, base string, call client.Call) error
		says    string // "" if nothing is refused
	}{
		"another course, beside the call": {get, func(ctx context.Context, given *http.Client, base string, call client.Call) error {
			_ = request(ctx, given, http.MethodPatch, base+"/v1/courses/640000000002?updateMask=name", `{"name":"x"}`)
			return wire.New(given, base).Do(ctx, call)
		}, "host: the client sent PATCH /v1/courses/640000000002, and it was to call GET /v1/courses/"},
		"another name": {create, func(ctx context.Context, given *http.Client, base string, _ client.Call) error {
			return request(ctx, given, http.MethodPost, base+"/v1/courses", `{"name":"Homework","ownerId":"me"}`)
		}, `host: the client sent name "Homework", and it was to send "learncontract-`},
		"the contract's example of a course": {create, func(ctx context.Context, given *http.Client, base string, _ client.Call) error {
			return request(ctx, given, http.MethodPost, base+"/v1/courses/"+client.Example("classroom.courses.get", "id")+"/teachers", `{"userId":"me"}`)
		}, "host: the client sent POST /v1/courses/"},
		"the example of what a client is configured with": {
			"graph.create.fields-invalid",
			func(ctx context.Context, given *http.Client, base string, call client.Call) error {
				call.Params["registrationId"] = client.Example("graph.create", "registrationId")
				return wire.New(given, base).Do(ctx, call)
			}, "",
		},
		"a body in another order": {create, func(ctx context.Context, given *http.Client, base string, call client.Call) error {
			return request(ctx, given, http.MethodPost, base+"/v1/courses?alt=json", " "+string(call.Body))
		}, ""},
		"a read, beside the call": {get, func(ctx context.Context, given *http.Client, base string, call client.Call) error {
			return errors.Join(request(ctx, given, http.MethodGet, base+"/v1/courses", ""), wire.New(given, base).Do(ctx, call))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStandIn(t, server.Options{})
			provider, _, _ := strings.Cut(test.clause, ".")
			contract, err := fixtures.Load(provider)
			if err != nil {
				t.Fatal(err)
			}
			tenant := s.tenant(provider)
			_, err = tenant.Provoke(t.Context(), tenant.Recipe(contract.Clause(test.clause)), test.perform)
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("it is said by %v", err)
			}
			if err := tenant.Close(t.Context()); err != nil || len(s.changes()) > 0 {
				t.Errorf("changed is %q, and the run ends with %v", s.changes(), err)
			}
		})
	}
}
