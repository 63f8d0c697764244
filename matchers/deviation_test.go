package matchers_test

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// A provider may vary these freely: they are no deviation, even strictly.
func TestHarmless(t *testing.T) {
	var (
		license    = clause(t, "sample.things.update.license-missing")
		missingOne = clause(t, "sample.things.update.fields-missing")
		all        = clause(t, "sample.things.create.fields-invalid")
		throttled  = clause(t, "sample.things.update.throttled")
		modifiable = clause(t, "sample.things.update.failed-precondition.ThingNotModifiable")
		spaced     = func(a *fixtures.Response) { a.Body = []byte("\n\t " + string(a.Body) + "\r\n") }
	)
	for name, c := range map[string]struct {
		clause *fixtures.Clause
		change change
	}{
		"an unknown field":       {license, set("target", "learnerUserId")},
		"a charset":              {license, header("Content-Type", "Application/JSON; charset=utf-8")},
		"a type with parameters": {license, header("Content-Type", "application/json;odata.metadata=minimal")},
		"other request ids":      {license, header("Request-Id", "other")},
		"no request ids":         {license, header("Request-Id")},
		"innererror":             {license, chain(set("innererror", map[string]any{}), set("innerError", missing))},
		"white space":            {license, spaced},
		"undocumented detail":    {license, set("details", []any{detail("other", "other")})},
		"one more detail": {missingOne, set("details", []any{
			detail("x", "y"), detail("badRequest", "Input field f is required"),
		})},
		"another order": {all, set("details", []any{
			detail("badRequest", "Input field a.blength exceeded than 250"), detail("badRequest", "Input field c is required"),
			detail("badRequest", "Input field d shouldn't be empty")})},
		"a date that agrees":     {throttled, header("Retry-After", "Wed, 17 Aug 2022 03:40:03 GMT")},
		"errors[] of format 1":   {modifiable, set("errors", []any{map[string]any{"domain": "global"}})},
		"Retry-After on 400":     {modifiable, header("Retry-After", "1")},
		"another minute's wait":  {throttled, chain(set("message", "Retry after 12 minutes"), header("Retry-After", "720"))},
		"Retry-After on the 403": {license, header("Retry-After", "garbage")},
	} {
		x := respond(c.clause, c.change)
		if m := matchers.HonorClause(c.clause).Strictly(); !matches(t, m, x) {
			t.Errorf("%s: %s", name, m.FailureMessage(x))
		}
	}
}

// A deviation that the provider binds by spelling or as advisory is reported and passes; strictly, it fails.
func TestBindings(t *testing.T) {
	var (
		notFound   = clause(t, "sample.things.delete.not-found")
		missingOne = clause(t, "sample.things.update.fields-missing")
		unavail    = clause(t, "sample.things.get.unavailable")
		inferred   = clause(t, "sample.things.create.license-inferred")
		modifiable = clause(t, "sample.things.update.failed-precondition.ThingNotModifiable")
	)
	const spelling = "differs by spelling only"
	for name, c := range map[string]struct {
		clause      *fixtures.Clause
		change      change
		field, note string
		broken      bool // under the provider's own bindings
	}{
		"status":           {notFound, status(410), "status", "", true},
		"content type":     {notFound, header("Content-Type", "text/json"), "Content-Type", "", true},
		"code, camel case": {notFound, set("status", "notFound"), "code", spelling, false},
		"code, lower case": {notFound, set("status", "not found"), "code", spelling, false},
		"code, another":    {notFound, set("status", "NotFoundHere"), "code", "", true},
		"code, empty":      {notFound, set("status", ""), "code", "", true},
		"code, missing":    {notFound, set("status", missing), "code", "", true},
		"code, inferred":   {inferred, set("status", "accessDenied"), "code", "", false},
		"message, spelling": {notFound, set("message", "the thing 8ba2 doesn’t exist"),
			"message", spelling, false},
		"message, another": {notFound, set("message", "No such thing."), "message", "", false},
		"message, empty":   {notFound, set("message", ""), "message", "", false},
		"message, unexpanded": {notFound, set("message", "The thing {id} doesn't exist."), "message",
			"the placeholder {id} was sent unexpanded", false},
		"details, missing": {missingOne, set("details", missing), "details", "", false},
		"details, empty":   {missingOne, set("details", []any{}), "details", "", false},
		"details, another": {missingOne, set("details", []any{detail("x", "Input field f is required")}),
			"details", "", false},
		"details, spelling": {missingOne, set("details", []any{detail("BadRequest", "input field f is required.")}),
			"details", spelling, false},
		"innerError":           {notFound, set("innerError", missing), "innerError", "", false},
		"Retry-After, missing": {unavail, header("Retry-After"), "Retry-After", "", false},
		"Retry-After, garbage": {unavail, header("Retry-After", "soon"), "Retry-After",
			"the header is neither seconds nor an HTTP date", true},
		"canonical status, case": {modifiable, set("status", "failed_precondition"), "code", spelling, true},
		"status in the body":     {modifiable, set("code", 412), "error.code", "", true},
		"status as text":         {modifiable, set("code", "400"), "error.code", "", true},
		"name, missing":          {modifiable, set("message", "Precondition check failed."), "name", "", true},
		"name, without the space": {modifiable, set("message", "@ThingNotModifiable"), "name",
			"the space after the name is missing", true},
		"name, within":           {modifiable, set("message", "See @ThingNotModifiable here"), "name", "", true},
		"name, case":             {modifiable, set("message", "@thingNotModifiable now"), "name", "", true},
		"text after the name":    {modifiable, set("message", "@ThingNotModifiable Not now."), "message", "", false},
		"no text after the name": {modifiable, set("message", "@ThingNotModifiable "), "message", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			x := respondWording(c.clause.Wordings[0], c.change)
			// One wording: another reading of the row would hide the deviation.
			m := matchers.HonorWording(c.clause.Wordings[0])
			if ok := matches(t, m, x); ok == c.broken {
				t.Errorf("honored is %v: %v", ok, m.Deviations())
			}
			if d, found := findDeviation(m.Deviations(), c.field); !found || d.Binds != c.broken || d.Note != c.note {
				t.Errorf("%s is not reported with note %q, broken %v: %+v", c.field, c.note, c.broken, m.Deviations())
			}
			if m = m.Strictly(); matches(t, m, x) {
				t.Error("honored strictly")
			}
			if d, found := findDeviation(m.Deviations(), c.field); !found || !d.Binds {
				t.Errorf("%s is not broken strictly: %+v", c.field, m.Deviations())
			}
		})
	}
}

// Shape is exact: a field of a wrong JSON type fails even if its text is advisory.
func TestShapeIsExact(t *testing.T) {
	missingOne := clause(t, "sample.things.update.fields-missing")
	modifiable := clause(t, "sample.things.update.failed-precondition.ThingNotModifiable")
	object := detail("badRequest", "Input field f is required")
	for name, c := range map[string]struct {
		clause *fixtures.Clause
		change change
		place  string
	}{
		"message a number":      {missingOne, set("message", 1), "/error/message"},
		"message null":          {missingOne, set("message", nil), "/error/message"},
		"message an object":     {missingOne, set("message", object), "/error/message"},
		"message missing":       {missingOne, set("message", missing), "/error/message"},
		"details a string":      {missingOne, set("details", "badRequest"), "/error/details"},
		"details an object":     {missingOne, set("details", object), "/error/details"},
		"a detail a string":     {missingOne, set("details", []any{object, "badRequest"}), "/error/details/1"},
		"a detail without code": {missingOne, set("details", []any{map[string]any{"message": ""}}), "/error/details/0/code"},
		"a detail's message":    {missingOne, set("details", []any{detail("x", 1)}), "/error/details/0/message"},
		"innerError a string":   {missingOne, set("innerError", "none"), "/error/innerError"},
		"innererror an array":   {missingOne, set("innererror", []any{}), "/error/innererror"},
		"innerError's date":     {missingOne, set("innerError", map[string]any{"date": 20220817}), "/error/innerError/date"},
		"error a string":        {missingOne, body(`{"error":"invalid_token"}`), "/error"},
		"error missing":         {missingOne, body(`{"code":"badRequest","message":""}`), "/error"},
		"error within an array": {missingOne, body(`[{"error":{}}]`), "the root"},
		"a detail's code":       {modifiable, set("details", []any{detail("", "")}), "/error/details/0/code"},
		"the body is an object": {modifiable, body(`"error"`), "the root"},
		"no error":              {modifiable, body(`{}`), "/error"},
	} {
		t.Run(name, func(t *testing.T) {
			x := respondWording(c.clause.Wordings[0], c.change)
			m := matchers.HonorClause(c.clause)
			if matches(t, m, x) {
				t.Error("honored")
			}
			reported := false
			for _, d := range m.Deviations() {
				reported = reported || d.Field == "shape" && d.Binds && strings.HasPrefix(d.Received, "at "+c.place+": ")
			}
			if !reported {
				t.Errorf("the shape at %s is not reported: %+v", c.place, m.Deviations())
			}
			if matches(t, matchers.BeDocumented(c.clause.Operation), x) {
				t.Error("documented")
			}
		})
	}
}

// The report of a number too large for a float64 uses the words of JSON, not of Go, and not every digit.
func TestLargeNumber(t *testing.T) {
	license := clause(t, "sample.things.update.license-missing")
	for _, number := range []string{"1e999", "-1e999", strings.Repeat("9", 1000)} {
		m := matchers.HonorClause(license)
		if matches(t, m, respond(license, body(`{"error":{"code":`+number+`,"message":"","innerError":{}}}`))) {
			t.Errorf("%.20s is honored", number)
		}
		for _, d := range m.Deviations() {
			if strings.Contains(d.Received, "float64") || len(d.Received) > 700 {
				t.Errorf("%.20s is reported as %.700s", number, d.Received)
			}
		}
	}
}

// A response may be as large as MaxBody and wrong in every byte: its report must be cheap and short.
func TestFaultsAreBounded(t *testing.T) {
	fields := clause(t, "sample.things.create.fields-invalid")
	const many = 20_000
	for name, text := range map[string]string{
		"a number of many digits": strings.Repeat("9", many),
		"a long key twice":        `{"` + strings.Repeat("k", many) + `":1,"` + strings.Repeat("k", many) + `":2}`,
		"a long key of a list":    `{"` + strings.Repeat("k", many) + `":[` + strings.Repeat("0,", many) + `0]}`,
		"many wrong details":      `{"error":{"details":[` + strings.Repeat("0,", many) + `0]}}`,
		"a long wrong key":        `{"error":{"details":{"` + strings.Repeat("k", many) + `":0}}}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		x := respond(fields, body(text))
		m, shape := matchers.HonorClause(fields), matchers.HaveErrorShape(fields.Operation.Contract.Envelope.Schema)
		if matches(t, m, x) || matches(t, shape, x) {
			t.Errorf("%s is honored", name)
		}
		for matcher, text := range map[string]string{
			"HonorClause": m.FailureMessage(x), "HaveErrorShape": shape.FailureMessage(x),
		} {
			if len(text) > 16<<10 {
				t.Errorf("%s: the text of %s has %d bytes", name, matcher, len(text))
			}
		}
		runtime.ReadMemStats(&after)
		if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 256 {
			t.Errorf("%s: %d bytes of body take %d MiB to compare", name, len(text), used)
		}
	}
}

// A user's own contract may use other JSON Pointers, allow no further details, and have a wrong schema.
func TestOwnContract(t *testing.T) {
	message := func(text string) fixtures.Template {
		template, err := fixtures.ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		return template
	}
	own := &fixtures.Contract{Provider: "own", Envelope: fixtures.Envelope{
		Schema: fixtures.Schema{Name: "own.schema.json", JSON: []byte(`{"type": "object"}`)},
		Code:   "/reason", Message: "/text", Details: "/causes", RetryAfter: []int{429},
	}}
	operation := &fixtures.Operation{Contract: own, ID: "own.get", Method: "GET"}
	c := &fixtures.Clause{ID: "own.get.busy", Operation: operation, Status: 429, Bindings: fixtures.Strict()}
	c.Bindings.RetryAfter = fixtures.None
	operation.Clauses = []*fixtures.Clause{c}
	c.Wordings = []*fixtures.Wording{{
		Clause: c, Sources: []*fixtures.Source{{Edition: &fixtures.Edition{}}}, Code: "busy",
		Details: []fixtures.Detail{{Code: "queue", Message: message("{expectedLength} wait")}},
	}, {
		Clause: c, Sources: []*fixtures.Source{{Edition: &fixtures.Edition{}}}, Code: "busy", Message: message("Busy"),
	}}
	responded := func(text string) exchange.Exchange {
		response := fixtures.Response{Status: 429, Header: http.Header{}, Body: []byte(text)}
		response.Header.Set("Content-Type", "application/json")
		response.Header.Set("Retry-After", "not looked at")
		return exchange.New("GET", "https://h", response, received)
	}
	compare := func(text string) (bool, []matchers.Deviation) {
		m := matchers.HonorClause(c)
		return matches(t, m, responded(text)), m.Deviations()
	}
	const wait = `{"code":"queue","message":"5 wait"}`
	const spelled, spelling = `{"code":"Queue","message":"5 Wait."}`, "differs by spelling only"
	for _, c := range []struct{ text, field, note string }{
		{`{"reason":"busy","text":"Busy"}`, "", ""},
		{`{"reason":"busy","text":"","causes":[` + wait + `]}`, "", ""},
		{`{"reason":"busy","text":"","causes":[` + wait + `,` + wait + `]}`, "details", ""},
		{`{"reason":"busy","text":"","causes":[` + spelled + `]}`, "details", spelling},
		{`{"reason":"busy","text":"","causes":[` + spelled + `,` + spelled + `]}`, "details", ""},
		{`{"reason":"busy","text":""}`, "details", ""},
		{`{"reason":"busy","causes":[` + wait + `]}`, "message", ""},
		{`{"error":{"reason":"busy"}}`, "code", ""},
	} {
		honored, deviations := compare(c.text)
		d, reported := findDeviation(deviations, c.field)
		if honored != (c.field == "") || reported == honored || d.Note != c.note {
			t.Errorf("%s: honored is %v: %+v, want %q, %q", c.text, honored, deviations, c.field, c.note)
		}
	}
	nearest := matchers.HonorClause(c) // of two wordings that deviate equally, the one whose details are there
	x := responded(`{"reason":"busy","text":"Busy now","causes":[` + wait + `]}`)
	if matches(t, nearest, x) || nearest.Wording() != c.Wordings[0] {
		t.Errorf("nearest is %s", nearest.Wording().ID())
	}
	// Of two clauses that deviate equally, one whose details are missing is nearer by none of them: the message decides.
	late := &fixtures.Clause{ID: "own.get.late", Operation: operation, Status: 503, Bindings: fixtures.Strict()}
	late.Wordings = []*fixtures.Wording{{
		Clause: late, Sources: []*fixtures.Source{{Edition: &fixtures.Edition{}}}, Code: "late", Message: message("Late"),
	}}
	busy := c.Wordings
	c.Wordings, operation.Clauses = c.Wordings[:1], append(operation.Clauses, late)
	documented := matchers.BeDocumented(operation)
	if x = responded(`{"reason":"busy","text":"Late"}`); matches(t, documented, x) || documented.Wording() != late.Wordings[0] {
		t.Errorf("nearest is %s", documented.Wording().ID())
	}
	c.Wordings, operation.Clauses = busy, operation.Clauses[:1]
	own.Envelope.Schema = fixtures.Schema{Name: "wrong.schema.json", JSON: []byte(`{"type": "thing"}`)}
	honored, deviations := compare(`{"reason":"busy","text":"Busy"}`)
	if d, _ := findDeviation(deviations, "shape"); honored || !strings.Contains(d.Received, "schema wrong.schema.json") {
		t.Errorf("a wrong schema is not reported: %+v", deviations)
	}
}

// Null for an optional member is its absence, which the provider's bindings judge.
func TestNullIsAbsence(t *testing.T) {
	missingOne := clause(t, "sample.things.update.fields-missing")
	for field, place := range map[string]string{"details": "details", "innerError": "innerError"} {
		null, gone := matchers.HonorClause(missingOne), matchers.HonorClause(missingOne)
		if !matches(t, null, respondWording(missingOne.Wordings[0], set(place, nil))) || !matches(t, gone, respondWording(missingOne.Wordings[0], set(place, missing))) {
			t.Errorf("%s null or missing is not honored: %+v, %+v", place, null.Deviations(), gone.Deviations())
		}
		if a, b := null.Deviations(), gone.Deviations(); len(a) != 1 || len(b) != 1 || a[0].Field != field || b[0].Field != field || a[0].Binds || b[0].Binds {
			t.Errorf("null %s deviates in %+v, and missing in %+v", place, a, b)
		}
	}
}
