// Package matchers holds what was answered against what is documented: Gomega matchers on an exchange.Exchange or an
// *http.Response, whose body stays readable.
//
// HonorClause is the one that tells everything: every mismatch at once, the clause and the row of the documentation it
// stands in, and the clause the answer is nearest to. The others each look at one field and need no contract.
//
// It knows documentation (package fixtures) and exchanges. It must not know who was called or over which transport
// (package suites).
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

// exchangeOf takes what a matcher was given.
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

// FieldMatcher looks at one field of an answer.
type FieldMatcher struct {
	name  string // the constructor's
	field string // as texts name it
	err   error  // what is wrong with the constructor's argument
	// extract takes the field from an answer. The fault is why there is none to look at.
	extract func(x exchange.Exchange) (value any, fault error)

	// Either inner matches the field, or match does, which may have a note on why it doesn't.
	inner    types.GomegaMatcher
	match    func(value any) (ok bool, note string, err error)
	expected string // by match, printable

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
		return m.text("The response's " + m.field + ":\n" + indented(exchange.Printable(m.inner.FailureMessage(m.value))))
	}
	return m.text("Expected the response to have\n  " + m.field + " " + m.expected)
}

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *FieldMatcher) NegatedFailureMessage(any) string {
	if m.inner != nil && m.fault == nil {
		return m.text("The response's " + m.field + ":\n" + indented(exchange.Printable(m.inner.NegatedFailureMessage(m.value))))
	}
	return m.text("Expected the response not to have\n  " + m.field + " " + m.expected)
}

func (m *FieldMatcher) text(expected string) string {
	var text strings.Builder
	fmt.Fprintln(&text, expected)
	switch {
	case m.fault != nil:
		fmt.Fprintf(&text, "Got\n  %s\n", m.fault)
	case m.inner == nil:
		fmt.Fprintf(&text, "Got\n  %s %s\n", m.field, m.printed())
	}
	if m.note != "" {
		fmt.Fprintf(&text, "  <- %s\n", m.note)
	}
	writeExchange(&text, m.exchange)
	return text.String()
}

// printed is the field as answered.
func (m *FieldMatcher) printed() string {
	switch value := m.value.(type) {
	case int:
		return fixtures.StatusLine(value)
	case time.Duration:
		return value.String()
	}
	return quoted(m.value, true)
}

// equal is the match of a field that must be the expected value.
func equal(expected any) func(any) (bool, string, error) {
	return func(value any) (bool, string, error) { return value == expected, "", nil }
}

// HaveStatus succeeds if the answer has the HTTP status: a number, or a matcher of the number.
func HaveStatus(expected any) *FieldMatcher {
	status := func(x exchange.Exchange) (any, error) { return x.Status(), nil }
	m := &FieldMatcher{name: "HaveStatus", field: "status", extract: status}
	switch expected := expected.(type) {
	case int:
		m.expected, m.match = fixtures.StatusLine(expected), equal(expected)
	case types.GomegaMatcher:
		m.inner = expected
	default:
		m.err = wrongArgument(m.name, "an HTTP status such as http.StatusNotFound, or a matcher of one", expected)
	}
	return m
}

// HaveErrorCode succeeds if the answer has the error code: a text, or a matcher of the text. The code is Graph's
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
	m := &FieldMatcher{name: "HaveErrorCode", field: "error code", extract: text("error code", code)}
	switch expected := expected.(type) {
	case string:
		m.expected, m.match = quoted(expected, true), equal(expected)
	case types.GomegaMatcher:
		m.inner = expected
	default:
		m.err = wrongArgument(m.name, "a text, or a matcher of one", expected)
	}
	return m
}

// HaveErrorMessage succeeds if the answer's error.message is the documented one: a text with {placeholders}, a
// fixtures.Template, or a matcher of the text. A placeholder sent unexpanded is a mismatch.
func HaveErrorMessage(expected any) *FieldMatcher {
	message := func(x exchange.Exchange) (any, bool) { return x.At("/error/message") }
	m := &FieldMatcher{name: "HaveErrorMessage", field: "error message", extract: text("error message", message)}
	switch expected := expected.(type) {
	case string:
		template, err := fixtures.ParseTemplate(expected)
		if err != nil {
			m.err = fmt.Errorf("%s: %w", m.name, err)
		}
		m.expected, m.match = quoted(expected, true), matching(template)
	case fixtures.Template:
		m.expected, m.match = quoted(expected.String(), true), matching(expected)
	case types.GomegaMatcher:
		m.inner = expected
	default:
		m.err = wrongArgument(m.name, "a text with {placeholders}, a fixtures.Template, or a matcher of a text", expected)
	}
	return m
}

// text is the extract of a field of the body that must be a text.
func text(field string, at func(exchange.Exchange) (any, bool)) func(exchange.Exchange) (any, error) {
	return func(x exchange.Exchange) (any, error) {
		if x.Fault() != nil {
			return nil, x.Fault()
		}
		value, found := at(x)
		if _, isText := value.(string); !isText {
			return nil, errors.New(field + " " + quoted(value, found))
		}
		return value, nil
	}
}

// matching is the match of a message that must match a template.
func matching(template fixtures.Template) func(any) (bool, string, error) {
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

// HaveErrorDetail succeeds if an entry of the answer's error.details has the code and the message, a text with
// {placeholders}.
func HaveErrorDetail(code, message string) *FieldMatcher {
	m := &FieldMatcher{
		name: "HaveErrorDetail", field: "details",
		expected: "with code " + quoted(code, true) + " and message " + quoted(message, true),
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
		_, ok := unmatched([]fixtures.Detail{{Code: code, Message: template}}, entries, exactly)
		return ok, unexpanded(template, quoted(value, true)), nil
	}
	return m
}

// HaveRetryAfter succeeds if the answer's Retry-After header asks to wait for the time: a time.Duration, or a matcher
// of one.
func HaveRetryAfter(expected any) *FieldMatcher {
	m := &FieldMatcher{name: "HaveRetryAfter", field: "Retry-After", extract: func(x exchange.Exchange) (any, error) {
		values := strings.Join(x.Values("Retry-After"), ", ")
		if values == "" {
			return nil, errors.New("no Retry-After")
		}
		wait, err := exchange.RetryAfter(x)
		if err != nil {
			return nil, fmt.Errorf("Retry-After %s: %v", exchange.Printable(values), err)
		}
		return wait, nil
	}}
	switch expected := expected.(type) {
	case time.Duration:
		m.expected, m.match = expected.String(), equal(expected)
	case types.GomegaMatcher:
		m.inner = expected
	default:
		m.err = wrongArgument(m.name, "a time.Duration, or a matcher of one", expected)
	}
	return m
}

// HaveErrorShape succeeds if the answer's body is JSON that is valid against the JSON Schema. The providers' schemas
// are the Envelope.Schema of their contracts.
func HaveErrorShape(schema fixtures.Schema) *FieldMatcher {
	m := &FieldMatcher{
		name: "HaveErrorShape", field: "a body", expected: "valid against " + schema.Name,
		extract: func(x exchange.Exchange) (any, error) {
			body, _ := x.At("")
			return body, x.Fault()
		},
	}
	if len(schema.JSON) == 0 {
		m.err = fmt.Errorf("%s was given no schema: pass a contract's Envelope.Schema, or a fixtures.Schema with JSON", m.name)
	}
	m.match = func(body any) (bool, string, error) {
		faults, err := validate(schema, body)
		if err != nil {
			return false, "", fmt.Errorf("%s: %w", m.name, err)
		}
		return len(faults) == 0, strings.Join(lines(faults), "\n  <- "), nil
	}
	return m
}

// given prints a value of a wrong type for an error, of one that may hold a token the type only.
func given(value any) string {
	switch value.(type) {
	case nil, string, []byte, error, bool, int, int64, float64:
		return exchange.Printable(format.Object(value, 1))
	}
	return fmt.Sprintf("    <%T>", value)
}

func wrongArgument(matcher, takes string, value any) error {
	return fmt.Errorf("%s takes %s; pass one of them instead of\n%s", matcher, takes, given(value))
}
