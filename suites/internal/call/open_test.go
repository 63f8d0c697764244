package call_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/client"
	"github.com/learncontract/learncontract/suites/internal/call"
)

// performs is a client that performs operations, and never is called.
func performs(ids ...string) client.Config {
	return client.Config{Name: "connector", New: func(*http.Client, string) (client.Calls, error) {
		calls := client.Calls{}
		for _, id := range ids {
			calls[id] = func(context.Context, client.Call) error { panic("it was called") }
		}
		return calls, nil
	}}
}

// anothers is the id of an operation of another provider.
func anothers(t *testing.T) string {
	t.Helper()
	providers := fixtures.Providers()
	contract, err := fixtures.Load(providers[len(providers)-1])
	if err != nil {
		t.Fatal(err)
	}
	return contract.Operations[0].ID
}

func TestOpen(t *testing.T) {
	t.Parallel()
	contract := sample(t)
	another := anothers(t)
	provider, _, _ := strings.Cut(another, ".")
	var lock sync.Mutex
	lock.Lock()
	constructor := func(calls client.Calls, err error) client.Config {
		return client.Config{Name: "connector", New: func(*http.Client, string) (client.Calls, error) { return calls, err }}
	}
	changed := func(change func(*client.Config)) client.Config {
		c := performs("*")
		change(&c)
		return c
	}
	adding := func(id string, adds client.Addition) client.Config {
		return changed(func(c *client.Config) { c.Adds = map[string]client.Addition{id: adds} })
	}
	const list = ": go tool contract list sample shows them"
	for name, test := range map[string]struct {
		config  client.Config
		problem string // the start; "" for none
	}{
		"all operations":                {performs("*"), ""},
		"some operations":               {performs("sample.things.get", "sample.things.update"), ""},
		"operations of two providers":   {performs("sample.things.get", another), ""},
		"operations of another only":    {performs(another), `the Calls of connector have no operation of sample: give the functions that perform some, by their ids, or one by "*"`},
		"no operation":                  {performs(), `the Calls of connector have no operation of sample`},
		"an unknown operation":          {performs("sample.things.get", "sample.things.grow"), `the Calls of connector have "sample.things.grow", which is no operation of sample` + list},
		"an unknown one of another":     {performs("sample.things.get", provider+".grow"), `the Calls of connector have "` + provider + `.grow", which is no operation of sample` + list},
		"one of an unknown provider":    {performs("sample.things.get", "nosuch.get"), `the Calls of connector have "nosuch.get"`},
		"several unknown ones":          {performs("sample.a", "sample.b"), `"sample.b"`},
		"no name":                       {changed(func(c *client.Config) { c.Name = " " }), "Name is empty: say what reports should call the client"},
		"nothing at all":                {client.Config{}, "Name is empty: say what reports should call the client\ngive one of New, which constructs the client from an http.Client, and Dial, which constructs it from a base URL"},
		"New and Dial":                  {changed(func(c *client.Config) { c.Dial = dialling(do).Dial }), "give one of New, which"},
		"nothing exposed":               {changed(func(c *client.Config) { c.Exposes = []client.Field{} }), "Exposes is empty, so nothing would be compared: leave it nil for all fields, or name some"},
		"an unknown field":              {changed(func(c *client.Config) { c.Exposes = []client.Field{client.Code, "codes"} }), `Exposes has "codes": use the constants of package client, ["status" "code"`},
		"retries that are not declared": {changed(func(c *client.Config) { c.RetriesOn = []int{429} }), "RetriesOn, RetriesIf and ReadsMinutes say how the client retries: set Retries too"},
		"minutes that are not declared": {changed(func(c *client.Config) { c.ReadsMinutes = true }), "RetriesOn, RetriesIf and ReadsMinutes say how the client retries: set Retries too"},
		"retries after no failure":      {changed(func(c *client.Config) { c.Retries, c.RetriesOn = true, []int{399} }), "RetriesOn has 399, which is no status of a failure: use 400 to 599"},
		"retries after no status":       {changed(func(c *client.Config) { c.Retries, c.RetriesOn = true, []int{600} }), "RetriesOn has 600"},
		"retries":                       {changed(func(c *client.Config) { c.Retries, c.RetriesOn, c.ReadsMinutes = true, []int{400, 599}, true }), ""},
		"a token endpoint":              {changed(func(c *client.Config) { c.TokenURL = "https://login.sample.example/token" }), ""},
		"a relative token endpoint":     {changed(func(c *client.Config) { c.TokenURL = "/token" }), `TokenURL is "/token", which is no absolute URL: give the token endpoint whole`},
		"a token endpoint, by Dial":     {func() client.Config { c := dialling(do); c.TokenURL = "https://login.sample.example/token"; return c }(), "TokenURL is set, but a client that dials signs in by a transport of its own: give it a token in Dial"},
		"additions":                     {adding("sample.things.update", client.Addition{Query: []string{"fields"}, Fields: []string{"/due"}, Reads: []string{"sample.things.get"}}), ""},
		"additions to all":              {adding("*", client.Addition{Reads: []string{"sample.things.get", another}}), ""},
		"additions to another's":        {adding(another, client.Addition{Reads: []string{"nosuch"}}), ""},
		"additions to an unknown one":   {adding("sample.things.grow", client.Addition{}), `the Adds of connector have "sample.things.grow", which is no operation of sample`},
		"a field that is no pointer":    {adding("*", client.Addition{Fields: []string{"due"}}), `Adds["*"].Fields has "due", which is no JSON Pointer of a member: write it as /dueDateTime`},
		"the body for a field":          {adding("*", client.Addition{Fields: []string{""}}), `Adds["*"].Fields has "", which is no JSON Pointer`},
		"an unknown read":               {adding("*", client.Addition{Reads: []string{"sample.things.grow"}}), `Adds["*"].Reads has "sample.things.grow", which is no operation of sample`},
		"a read that writes":            {adding("*", client.Addition{Reads: []string{"sample.things.delete"}}), `Adds["*"].Reads has "sample.things.delete", which is a DELETE: only what reads (GET) can be called beside`},
		"a read of itself":              {adding("sample.things.get", client.Addition{Reads: []string{"sample.things.get"}}), `Adds["sample.things.get"].Reads has the operation itself`},
		"a constructor that fails":      {constructor(nil, errors.New("no token")), "connector cannot be constructed: no token"},
		"nil Calls":                     {constructor(nil, nil), "connector cannot be constructed: its constructor returned no Calls and no error"},
		"a nil function":                {constructor(client.Calls{"sample.things.get": nil}, nil), `connector cannot be constructed: its Calls have no function for "sample.things.get"`},
		"a constructor that panics": {changed(func(c *client.Config) {
			c.New = func(*http.Client, string) (client.Calls, error) { panic("no config") }
		}), "connector cannot be constructed: its constructor panicked: no config"},
		"a constructor that waits": {changed(func(c *client.Config) { c.New = func(*http.Client, string) (client.Calls, error) { select {} } }), "connector cannot be constructed: its constructor had not returned after "},
		"a constructor that sends": {changed(func(c *client.Config) {
			c.New = func(given *http.Client, base string) (client.Calls, error) {
				_, err := given.Get(base + "/token?secret=value") //nolint:bodyclose,noctx // it is refused
				return nil, err
			}
		}), "connector cannot be constructed: a client's constructor must send no request, but its calls:\nGET https://api.sample.example.invalid/v1/token?secret=… was refused"},
		"a constructor that sends otherwise": {changed(func(c *client.Config) {
			c.New = func(*http.Client, string) (client.Calls, error) {
				_, err := http.Get("https://elsewhere.example/token") //nolint:bodyclose,noctx // it is refused
				return nil, err
			}
		}), "a client's constructor must send no request, but its calls:\n"},
		"a constructor that sleeps": {changed(func(c *client.Config) {
			constructed := c.New
			c.New = func(given *http.Client, base string) (client.Calls, error) {
				time.Sleep(time.Hour)
				return constructed(given, base)
			}
		}), ""},
		"some exposed":             {changed(func(c *client.Config) { c.Exposes = []client.Field{client.Code} }), ""},
		"Dial":                     {dialling(do), ""},
		"Dial that fails":          {client.Config{Name: "connector", Dial: func(string) (client.Calls, error) { return nil, errors.New("no token") }}, "connector cannot be constructed: no token"},
		"Dial that gives no Calls": {client.Config{Name: "connector", Dial: func(string) (client.Calls, error) { return nil, nil }}, "connector cannot be constructed: its constructor returned no Calls and no error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := call.Open(test.config, contract)
			switch {
			case test.problem == "" && err != nil:
				t.Error(err)
			case test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)):
				t.Errorf("the error is %v, want %s", err, test.problem)
			case c == nil || c.Contract != contract || c.Name != test.config.Name:
				t.Errorf("the client is %+v", c)
			}
		})
	}
	lock.Unlock()
}

func TestOperations(t *testing.T) {
	t.Parallel()
	all, some := open(t, performs("*")), open(t, performs("sample.things.update", "sample.things.get", anothers(t)))
	get, create := all.Contract.Operation("sample.things.get"), all.Contract.Operation("sample.things.create")
	if all.Operations() != nil || !all.Performs(get) || !all.Performs(create) {
		t.Errorf("all are %q", all.Operations())
	}
	if want := []string{"sample.things.get", "sample.things.update"}; !slices.Equal(some.Operations(), want) || !some.Performs(get) || some.Performs(create) {
		t.Errorf("some are %q, want %q", some.Operations(), want)
	}
	if !slices.Equal(all.Exposed(), client.Fields()) {
		t.Errorf("exposed are %q", all.Exposed())
	}
	all.Exposes = []client.Field{client.Code}
	if !slices.Equal(all.Exposed(), all.Exposes) {
		t.Errorf("exposed are %q", all.Exposed())
	}
}

func TestRetriesAreDeclared(t *testing.T) {
	t.Parallel()
	const throttled, unavailable, forbidden = "sample.things.update.throttled", "sample.things.get.unavailable", "sample.things.update.scope-missing"
	const waits = "sample.things.delete.failed-precondition.CannotDeleteOwnerTransferIncomplete" // a 400 whose remedy is to wait
	idempotent := func(clause *fixtures.Clause) bool { return clause.Operation.Method == http.MethodGet }
	for name, test := range map[string]struct {
		config  client.Config
		retried []string
		once    string // why the clauses that are not retried are not, the first of them
	}{
		"none":            {client.Config{}, nil, "it does not declare Retries"},
		"all":             {client.Config{Retries: true}, []string{throttled, unavailable}, "the remedy is to ask an administrator"},
		"some":            {client.Config{Retries: true, RetriesOn: []int{429, 504}}, []string{throttled}, "its RetriesOn does not have 503"},
		"a 400":           {client.Config{Retries: true, RetriesOn: []int{400}}, []string{waits}, "its RetriesOn does not have 429"},
		"some operations": {client.Config{Retries: true, RetriesIf: idempotent}, []string{unavailable}, "its RetriesIf is false for the clause"},
		"some operations and statuses": {client.Config{Retries: true, RetriesOn: []int{429}, RetriesIf: idempotent}, nil,
			"its RetriesIf is false for the clause"},
		"forbidden": {client.Config{Retries: true, RetriesOn: []int{403}}, nil, "its RetriesOn does not have 429"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.config.Name, test.config.New = name, performs("*").New
			c := open(t, test.config)
			var retried, once []string
			for _, id := range []string{throttled, unavailable, forbidden, waits} {
				if clause := c.Contract.Clause(id); c.RetriesAfter(clause) {
					retried = append(retried, id)
				} else {
					once = append(once, c.WhyOnce(clause))
				}
			}
			if !slices.Equal(retried, test.retried) || once[0] != test.once {
				t.Errorf("it retries after %q, want %q, and once %q, want %q", retried, test.retried, once, test.once)
			}
		})
	}
}

// A client cannot tell a clause from one of another operation that responds alike, whose remedy is to wait.
func TestWhatLooksLikeARetryableClauseIsRetried(t *testing.T) {
	t.Parallel()
	config := performs("*")
	config.Retries, config.RetriesOn = true, []int{400, 409, 429, 500, 503}
	c := open(t, config)
	for clause := range c.Contract.Clauses() {
		alike := false
		for other := range c.Contract.Clauses() {
			alike = alike || other.Status == clause.Status && other.Name == clause.Name && other.Wordings[0].Code == clause.Wordings[0].Code &&
				other.Remedy.AllowsRetry()
		}
		if got := c.RetriesAfter(clause); got != alike || clause.Remedy.AllowsRetry() && !got {
			t.Errorf("after %s it retries: %t, want %t", clause.ID, got, alike)
		}
	}
}

// After a status that says that something is wrong with the request, nobody retries who does not say so.
func TestStatusesAreRetriedByDefault(t *testing.T) {
	t.Parallel()
	config := performs("*")
	config.Retries = true
	c := open(t, config)
	clause := *c.Contract.Clause("sample.things.update.throttled")
	for status, want := range map[int]bool{400: false, 404: false, 408: true, 409: false, 425: false, 429: true, 499: false, 500: true, 503: true, 504: true} {
		clause.Status = status
		clause.Operation.Contract.Clause("sample.things.update.throttled").Status = status // the remedy of which is to wait
		if why := c.WhyOnce(&clause); c.RetriesAfter(&clause) != want || want == strings.Contains(why, fmt.Sprintf("its RetriesOn does not name %d, and by default", status)) {
			t.Errorf("after %d it retries: %t, %s", status, !want, why)
		}
	}
}

func TestWhatLooksAlikeHasItsStatusNameAndCode(t *testing.T) {
	t.Parallel()
	contract := &fixtures.Contract{Provider: "made up"}
	o := &fixtures.Operation{Contract: contract, ID: "o"}
	contract.Operations = []*fixtures.Operation{o}
	clause := func(status int, name, code, remedy string) *fixtures.Clause {
		c := &fixtures.Clause{Operation: o, Status: status, Name: name, Remedy: fixtures.Remedy{Do: remedy}}
		c.Wordings = []*fixtures.Wording{{Clause: c, Code: code}}
		return c
	}
	const report, wait = "report", "wait"
	o.Clauses = []*fixtures.Clause{clause(429, "N", "C", wait)}
	c := &call.Client{Config: client.Config{Retries: true}, Contract: contract}
	for _, test := range []struct {
		status     int
		name, code string
		want       bool
	}{{429, "N", "C", true}, {503, "N", "C", false}, {429, "M", "C", false}, {429, "N", "D", false}} {
		if got := c.RetriesAfter(clause(test.status, test.name, test.code, report)); got != test.want {
			t.Errorf("after %+v it retries: %t", test, got)
		}
	}
}

// Another edition of an embedded contract may lack an operation, and is that of no other provider.
func TestAnOperationOfAnotherEditionIsUnknown(t *testing.T) {
	t.Parallel()
	another := anothers(t)
	contract := *sample(t)
	contract.Provider, _, _ = strings.Cut(another, ".")
	if _, err := call.Open(performs("sample.things.get", another), &contract); err == nil || !strings.Contains(err.Error(), `have "`+another+`", which is no operation of`) {
		t.Errorf("the error is %v", err)
	}
}

// A constructor that waits for what is outside of its bubble would hold up every run.
func TestAConstructorThatHangsInRealTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it waits for five seconds: run without -short")
	}
	var lock sync.Mutex
	lock.Lock()
	began := time.Now()
	_, err := call.Open(client.Config{Name: "connector", New: func(*http.Client, string) (client.Calls, error) {
		lock.Lock()
		return nil, nil
	}}, sample(t))
	if want := "connector cannot be constructed: its constructor had not returned after 5s"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %s", err, want)
	}
	if took := time.Since(began); took < 5*time.Second || took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	lock.Unlock()
}
