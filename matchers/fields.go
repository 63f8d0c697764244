// Package matchers compares a response with its documentation: Gomega matchers of an exchange.Exchange or an
// *http.Response, whose body stays readable.
//
// HonorClause reports everything: every mismatch at once, the clause, its row of the documentation, and the clause nearest
// to the response. The matchers of one field need no contract.
//
// The package knows documentation (package fixtures) and exchanges. It must not know who was called or over which
// transport (package suites).
package matchers

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// exchangeOf returns the exchange that a matcher was given.
func exchangeOf(matcher string, actual any) (exchange.Exchange, error) {
	switch actual := actual.(type) {
	case exchange.Exchange:
		if actual.IsZero() {
			return exchange.Exchange{}, fmt.Errorf(
				"%s was given an empty exchange.Exchange: make it with exchange.Capture or exchange.New", matcher)
		}
		return actual, nil
	case *http.Response:
		x, err := exchange.Capture(actual)
		if err != nil {
			return exchange.Exchange{}, fmt.Errorf("%s: %w", matcher, err)
		}
		return x, nil
	}
	return exchange.Exchange{}, wrongArgument(matcher, "an exchange.Exchange or an *http.Response", actual)
}

// FieldMatcher matches one field of a response.
type FieldMatcher struct {
	name  string // the constructor's
	field string // as texts name it
	err   error  // what is wrong with the constructor's argument
	// extract takes the field from a response. The fault says why there is none.
	extract func(x exchange.Exchange) (value any, fault error)

	// Either inner matches the field, or match, whose note may say why it doesn't.
	inner    types.GomegaMatcher
	match    func(value any) (ok bool, note string, err error)
	expected any // for match; a phrase is printable as it is

	exchange exchange.Exchange
	value    any
	fault    error
	note     string
}

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *FieldMatcher) Match(actual any) (ok bool, err error) {
	if m.err != nil {
		return false, m.err
	}
	if m.exchange, err = exchangeOf(m.name, actual); err != nil {
		return false, err
	}
	switch m.value, m.fault = m.extract(m.exchange); {
	case m.fault != nil:
		return false, nil
	case m.inner != nil:
		if ok, err = m.inner.Match(m.value); err != nil {
			err = fmt.Errorf("%s: %s", m.name, exchange.Printable(err.Error())) // it may show the value
		}
		return ok, err
	}
	ok, m.note, err = m.match(m.value)
	return ok, err
}

// FailureMessage implements types.GomegaMatcher.
func (m *FieldMatcher) FailureMessage(any) string {
	if m.inner != nil && m.fault == nil {
		return m.text("The response's " + m.field + ":\n" + indent(exchange.Printable(m.inner.FailureMessage(m.value))))
	}
	return m.text("Expected the response to have\n  " + m.field + " " + printed(m.expected))
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *FieldMatcher) NegatedFailureMessage(any) string {
	if m.inner != nil {
		return m.text("The response's " + m.field + ":\n" + indent(exchange.Printable(m.inner.NegatedFailureMessage(m.value))))
	}
	return m.text("Expected the response not to have\n  " + m.field + " " + printed(m.expected))
}

func (m *FieldMatcher) text(expected string) string {
	var text strings.Builder
	fmt.Fprintln(&text, expected)
	switch {
	case m.fault != nil:
		fmt.Fprintf(&text, "Got\n  %s\n", m.fault)
	case m.inner == nil:
		fmt.Fprintf(&text, "Got\n  %s %s\n", m.field, printed(m.value))
	}
	if m.note != "" {
		fmt.Fprintf(&text, "  <- %s\n", m.note)
	}
	writeExchange(&text, m.exchange)
	return text.String()
}

// phrase is a text about what is expected.
type phrase string

// printed is a field, as expected or as received.
func printed(value any) string {
	switch value := value.(type) {
	case phrase:
		return string(value)
	case int:
		return fixtures.StatusLine(value)
	case time.Duration:
		return value.String()
	case exchange.Exchange: // the whole body
		body, _ := value.At("")
		return quote(body, true)
	}
	return quote(value, true)
}

// expecting has the matcher expect a T, or what a matcher of one does. Takes says so for an argument that is neither.
func expecting[T comparable](m *FieldMatcher, expected any, takes string) *FieldMatcher {
	switch expected := expected.(type) {
	case T:
		m.expected, m.match = expected, func(value any) (bool, string, error) { return value == any(expected), "", nil }
	case types.GomegaMatcher:
		m.inner = expected
	default:
		m.err = wrongArgument(m.name, takes, expected)
	}
	return m
}

// HaveStatus succeeds if the response has the HTTP status: a number, or a matcher of the number.
func HaveStatus(expected any) *FieldMatcher {
	status := func(x exchange.Exchange) (any, error) { return x.Status(), nil }
	return expecting[int](&FieldMatcher{name: "HaveStatus", field: "status", extract: status}, expected,
		"an HTTP status such as http.StatusNotFound, or a matcher of one")
}

// HaveErrorCode succeeds if the response has the error code: a text, or a matcher of the text. The code is Graph's
// error.code or, where that is a number as Google's is, the canonical error.status.
func HaveErrorCode(expected any) *FieldMatcher {
	code := func(x exchange.Exchange) (any, bool) {
		value, found := x.At("/error/code")
		if _, isNumber := value.(float64); isNumber {
			if status, isGoogles := x.At("/error/status"); isGoogles {
				return status, true
			}
		}
		return value, found
	}
	return expecting[string](&FieldMatcher{name: "HaveErrorCode", field: "error code", extract: text("error code", code)}, expected,
		"a text, or a matcher of one")
}

// HaveErrorMessage succeeds if the response's error.message is the expected one: a text with {placeholders}, a
// fixtures.Template, or a matcher of the text. An unexpanded placeholder is a mismatch.
func HaveErrorMessage(expected any) *FieldMatcher {
	message := func(x exchange.Exchange) (any, bool) { return x.At("/error/message") }
	m := &FieldMatcher{name: "HaveErrorMessage", field: "error message", extract: text("error message", message)}
	switch message := expected.(type) {
	case string:
		template, err := fixtures.ParseTemplate(message)
		if err != nil {
			m.err = fmt.Errorf("%s: %w", m.name, err)
		}
		m.expected, m.match = message, matchTemplate(template)
	case fixtures.Template:
		m.expected, m.match = message.String(), matchTemplate(message)
	default:
		return expecting[string](m, expected, "a text with {placeholders}, a fixtures.Template, or a matcher of a text")
	}
	return m
}

// text returns the extract of a field of the body that must be a text.
func text(field string, at func(exchange.Exchange) (any, bool)) func(exchange.Exchange) (any, error) {
	return func(x exchange.Exchange) (any, error) {
		if x.Fault() != nil {
			return nil, x.Fault()
		}
		value, found := at(x)
		if _, isText := value.(string); !isText {
			return nil, errors.New(field + " " + quote(value, found))
		}
		return value, nil
	}
}

// matchTemplate returns the match of a message that must match a template.
func matchTemplate(template fixtures.Template) func(any) (bool, string, error) {
	return func(value any) (bool, string, error) {
		text, _ := value.(string)
		if _, ok := template.Match(text); ok {
			return true, "", nil
		}
		if _, ok := template.MatchSpelling(text); ok {
			return false, spellingOnly, nil
		}
		return false, unexpanded(template, text), nil
	}
}

// HaveErrorDetail succeeds if an entry of the response's error.details has the code and the message, a text with
// {placeholders}.
func HaveErrorDetail(code, message string) *FieldMatcher {
	m := &FieldMatcher{
		name: "HaveErrorDetail", field: "details",
		expected: phrase("with code " + quote(code, true) + " and message " + quote(message, true)),
		extract: func(x exchange.Exchange) (any, error) {
			if x.Fault() != nil {
				return nil, x.Fault()
			}
			value, found := x.At("/error/details")
			if !found {
				return nil, errors.New("no details")
			}
			return value, nil
		},
	}
	template, err := fixtures.ParseTemplate(message)
	if err != nil {
		m.err = fmt.Errorf("%s: %w", m.name, err)
	}
	m.match = func(value any) (bool, string, error) {
		entries, _ := value.([]any)
		ok := pair([]fixtures.Detail{{Code: code, Message: template}}, true, entries, equalDetail)
		return ok, unexpanded(template, quote(value, true)), nil
	}
	return m
}

// HaveRetryAfter succeeds if the response's Retry-After header gives the time to wait: a time.Duration, or a matcher of
// one.
func HaveRetryAfter(expected any) *FieldMatcher {
	m := &FieldMatcher{name: "HaveRetryAfter", field: "Retry-After", extract: func(x exchange.Exchange) (any, error) {
		values := strings.Join(x.Values("Retry-After"), ", ")
		if values == "" {
			return nil, errors.New("no Retry-After")
		}
		wait, err := exchange.RetryAfter(x)
		if err != nil {
			return nil, fmt.Errorf("Retry-After %s: %w", exchange.Printable(values), err)
		}
		return wait, nil
	}}
	return expecting[time.Duration](m, expected, "a time.Duration, or a matcher of one")
}

// HaveErrorShape succeeds if the response's body is JSON that is valid against the JSON Schema. A provider's schema is the
// Envelope.Schema of its contract.
func HaveErrorShape(schema fixtures.Schema) *FieldMatcher {
	m := &FieldMatcher{
		name: "HaveErrorShape", field: "a body", expected: phrase("valid against " + schema.Name),
		extract: func(x exchange.Exchange) (any, error) { return x, x.Fault() },
	}
	if len(schema.JSON) == 0 {
		m.err = fmt.Errorf("%s was given no schema: pass a contract's Envelope.Schema, or a fixtures.Schema with JSON", m.name)
	}
	m.match = func(any) (bool, string, error) {
		faults, err := validate(schema, m.exchange)
		if err != nil {
			return false, "", fmt.Errorf("%s: %w", m.name, err)
		}
		return len(faults) == 0, strings.Join(faultLines(faults), "\n  <- "), nil
	}
	return m
}

// printArgument prints an argument of a wrong type for an error: only its type if the value may contain a token.
func printArgument(value any) string {
	switch value.(type) {
	case nil, string, []byte, error, bool, int, int64, float64:
		return exchange.Printable(format.Object(value, 1))
	}
	return fmt.Sprintf("    <%T>", value)
}

func wrongArgument(matcher, takes string, value any) error {
	return fmt.Errorf("%s takes %s; pass one of them instead of\n%s", matcher, takes, printArgument(value))
}
