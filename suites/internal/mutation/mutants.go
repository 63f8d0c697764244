package mutation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
)

type (
	// apply makes the mutants of a response.
	apply = func(w *fixtures.Wording, r fixtures.Response) []fixtures.Response
	// values are what a field, or a whole body, becomes: each in a mutant of its own.
	values = func(w *fixtures.Wording, was any) []any
)

// absent is the value of a field that is taken out.
type absent struct{}

// always is the one value of every mutant.
func always(value any) values {
	return func(*fixtures.Wording, any) []any { return []any{value} }
}

// status changes the HTTP status, and its repetition in the body: nothing else gives the change away.
func status(others func(status int) []int) apply {
	return func(w *fixtures.Wording, r fixtures.Response) (mutants []fixtures.Response) {
		for _, other := range others(r.Status) {
			mutant := r
			if place := envelope(w).Status; place != "" {
				mutant = withBody(r, encode(set(decode(string(r.Body)), place, other)))
			}
			mutant.Status = other
			mutants = append(mutants, mutant)
		}
		return mutants
	}
}

// replace changes what stands at a place of the body, where something does.
func replace(place func(*fixtures.Envelope) string, others values) apply {
	return rebuild(func(w *fixtures.Wording, body any) (bodies []any) {
		at := place(envelope(w))
		was, found := get(body, at)
		if !found {
			return nil
		}
		for _, other := range others(w, was) {
			bodies = append(bodies, set(body, at, other))
		}
		return bodies
	})
}

// rebuild changes the body as a value.
func rebuild(others values) apply {
	return rewrite(func(w *fixtures.Wording, body string) (bodies []string) {
		for _, other := range others(w, decode(body)) {
			bodies = append(bodies, encode(other))
		}
		return bodies
	})
}

// rewrite changes the body as text.
func rewrite(others func(w *fixtures.Wording, body string) []string) apply {
	return func(w *fixtures.Wording, r fixtures.Response) (mutants []fixtures.Response) {
		for _, other := range others(w, string(r.Body)) {
			mutants = append(mutants, withBody(r, other))
		}
		return mutants
	}
}

// header changes a field of the header, where there is one; "" takes it out.
func header(name string, others func(w *fixtures.Wording, r fixtures.Response) []string) apply {
	return func(w *fixtures.Wording, r fixtures.Response) (mutants []fixtures.Response) {
		if r.Header.Get(name) == "" {
			return nil
		}
		for _, other := range others(w, r) {
			mutants = append(mutants, withHeader(r, name, other))
		}
		return mutants
	}
}

func withBody(r fixtures.Response, body string) fixtures.Response {
	r.Body = []byte(body)
	return r
}

func withHeader(r fixtures.Response, name, value string) fixtures.Response {
	r.Header = r.Header.Clone()
	if value == "" {
		r.Header.Del(name)
	} else {
		r.Header.Set(name, value)
	}
	return r
}

// different are the candidates that are not what was, each once.
func different(was any, candidates ...any) (others []any) {
	for _, candidate := range candidates {
		if candidate != was && !slices.Contains(others, candidate) {
			others = append(others, candidate)
		}
	}
	return others
}

// get returns what a JSON Pointer points at. "" points at nothing.
func get(value any, place string) (member any, found bool) {
	if place == "" {
		return nil, false
	}
	return fixtures.Lookup(value, place)
}

// set returns a copy of an object with the member that a JSON Pointer points at set, or taken out if it is absent.
func set(value any, place string, member any) any {
	key, rest, deeper := strings.Cut(strings.TrimPrefix(place, "/"), "/")
	object, _ := value.(map[string]any)
	if object = maps.Clone(object); object == nil {
		object = map[string]any{}
	}
	_, gone := member.(absent)
	switch {
	case deeper:
		object[key] = set(object[key], rest, member)
	case gone:
		delete(object, key)
	default:
		object[key] = member
	}
	return object
}

// parent is the place of the object whose member a place is; "" is the body.
func parent(place string) string { return place[:strings.LastIndexByte(place, '/')] }

func decode(text string) (value any) {
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		panic(fmt.Sprintf("mutation: %q is not JSON: %v", text, err)) // a documented response is
	}
	return value
}

// encode writes a value as Wording.Response does: what is not changed keeps its bytes.
func encode(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("mutation: %v cannot be written as JSON: %v", value, err)) // decode read it
	}
	return strings.TrimSpace(text.String())
}
