package matchers

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/types"

	"github.com/learncontract/learncontract/fixtures"
)

// exchangeOf takes what a matcher was given.
func exchangeOf(matcher string, actual any) (Exchange, error) {
	switch actual := actual.(type) {
	case Exchange:
		if actual.answer.Header == nil {
			return Exchange{}, fmt.Errorf("%s was given an empty matchers.Exchange: make it with matchers.Capture or matchers.NewExchange", matcher)
		}
		return actual, nil
	case *http.Response:
		x, err := Capture(actual)
		if err != nil {
			return Exchange{}, fmt.Errorf("%s: %w", matcher, err)
		}
		return x, nil
	}
	return Exchange{}, fmt.Errorf("%s takes a matchers.Exchange or an *http.Response; pass one of them instead of\n%s",
		matcher, format.Object(actual, 1))
}

// FieldMatcher looks at one field of an answer.
type FieldMatcher struct {
	name     string // the constructor's
	expected string // printable
	err      error  // what is wrong with the constructor's arguments
	// look returns whether the field is as expected, and the field as answered, printable.
	look func(x Exchange) (ok bool, answered string, err error)

	exchange Exchange
	answered string
}

// Match implements types.GomegaMatcher for an Exchange or an *http.Response.
func (m *FieldMatcher) Match(actual any) (ok bool, err error) {
	if m.err != nil {
		return false, m.err
	}
	if m.exchange, err = exchangeOf(m.name, actual); err != nil {
		return false, err
	}
	ok, m.answered, err = m.look(m.exchange)
	return ok, err
}

// FailureMessage implements types.GomegaMatcher.
func (m *FieldMatcher) FailureMessage(any) string { return m.text("to have") }

// NegatedFailureMessage implements types.GomegaMatcher.
func (m *FieldMatcher) NegatedFailureMessage(any) string { return m.text("not to have") }

func (m *FieldMatcher) text(to string) string {
	return fmt.Sprintf("Expected the answer to %s\n  %s %s\nIt has\n  %s\n\nThe answer:\n%s",
		m.exchange.request(), to, m.expected, m.answered, indented(m.exchange.String()))
}

// HaveStatus succeeds if the answer has the HTTP status: a number, or a matcher of the number.
func HaveStatus(expected any) *FieldMatcher {
	m := &FieldMatcher{name: "HaveStatus"}
	switch expected := expected.(type) {
	case int:
		m.expected = "status " + fixtures.StatusLine(expected)
		m.look = func(x Exchange) (bool, string, error) {
			return x.Status() == expected, "status " + fixtures.StatusLine(x.Status()), nil
		}
	case types.GomegaMatcher:
		m.expected = "a status matching\n" + format.Object(expected, 2)
		m.look = func(x Exchange) (bool, string, error) {
			ok, err := expected.Match(x.Status())
			return ok, "status " + fixtures.StatusLine(x.Status()), err
		}
	default:
		m.err = wrongArgument("HaveStatus", "an HTTP status such as http.StatusNotFound, or a matcher of one", expected)
	}
	return m
}

// HaveErrorCode succeeds if the answer has the error code: a text, or a matcher of the text. The code is Graph's
// error.code or, where that is a number as Google's is, the canonical error.status.
func HaveErrorCode(expected any) *FieldMatcher {
	return textField("HaveErrorCode", "error code", expected, errorCode, func(text string) (func(string) bool, error) {
		return func(answered string) bool { return answered == text }, nil
	})
}

// HaveErrorMessage succeeds if the answer's error.message is the documented one: a text with {placeholders}, a
// fixtures.Template, or a matcher of the text. A placeholder sent unexpanded is a mismatch.
func HaveErrorMessage(expected any) *FieldMatcher {
	if template, ok := expected.(fixtures.Template); ok {
		expected = template.String()
	}
	message := func(x Exchange) (any, bool) { return x.At("/error/message") }
	return textField("HaveErrorMessage", "error message", expected, message, func(text string) (func(string) bool, error) {
		template, err := fixtures.ParseTemplate(text)
		return func(answered string) bool { _, ok := template.Match(answered); return ok }, err
	})
}

// textField matches a text of the body by a matcher, or by what compile makes of an expected text.
func textField(name, field string, expected any, of func(Exchange) (any, bool), compile func(string) (func(string) bool, error)) *FieldMatcher {
	m := &FieldMatcher{name: name}
	var matches func(string) (bool, error)
	switch expected := expected.(type) {
	case string:
		same, err := compile(expected)
		if err != nil {
			m.err = fmt.Errorf("%s: %w", name, err)
		}
		m.expected = field + " " + quoted(expected, true)
		matches = func(answered string) (bool, error) { return same(answered), nil }
	case types.GomegaMatcher:
		m.expected = "an " + field + " matching\n" + format.Object(expected, 2)
		matches = func(answered string) (bool, error) { return expected.Match(answered) }
	default:
		m.err = wrongArgument(name, "a text, or a matcher of one", expected)
	}
	m.look = func(x Exchange) (bool, string, error) {
		if x.fault != "" {
			return false, x.fault, nil
		}
		answered, found := of(x)
		text, isText := answered.(string)
		if !isText {
			return false, field + " " + quoted(answered, found), nil
		}
		ok, err := matches(text)
		return ok, field + " " + quoted(text, true), err
	}
	return m
}

func errorCode(x Exchange) (any, bool) {
	code, found := x.At("/error/code")
	if _, isNumber := code.(float64); isNumber {
		return x.At("/error/status")
	}
	return code, found
}

// HaveErrorDetail succeeds if an entry of the answer's error.details has the code and the message, a text with
// {placeholders}.
func HaveErrorDetail(code, message string) *FieldMatcher {
	template, err := fixtures.ParseTemplate(message)
	if err != nil {
		err = fmt.Errorf("HaveErrorDetail: %w", err)
	}
	detail := fixtures.Detail{Code: code, Message: template}
	return &FieldMatcher{
		name: "HaveErrorDetail", err: err,
		expected: "a detail with code " + quoted(code, true) + " and message " + quoted(message, true),
		look: func(x Exchange) (bool, string, error) {
			if x.fault != "" {
				return false, x.fault, nil
			}
			answered, found := x.At("/error/details")
			entries, _ := answered.([]any)
			_, ok := unmatched([]fixtures.Detail{detail}, entries, exactly)
			return ok, "details " + quoted(answered, found), nil
		},
	}
}

// HaveErrorShape succeeds if the answer's body is JSON that is valid against the JSON Schema. The providers' schemas
// are the Envelope.Schema of their contracts.
func HaveErrorShape(schema fixtures.Schema) *FieldMatcher {
	return &FieldMatcher{
		name: "HaveErrorShape", expected: "a body valid against " + schema.Name,
		look: func(x Exchange) (bool, string, error) {
			if x.fault != "" {
				return false, x.fault, nil
			}
			faults, err := validate(schema, x.body)
			if err != nil {
				return false, "", fmt.Errorf("HaveErrorShape: %w", err)
			}
			if len(faults) == 0 {
				return true, "a valid body", nil
			}
			var lines []string
			for _, f := range faults {
				lines = append(lines, fmt.Sprintf("at %s: %s", cmp.Or(f.place, "the root"), f.text))
			}
			slices.Sort(lines)
			return false, strings.Join(lines, "\n  "), nil
		},
	}
}

func wrongArgument(matcher, takes string, given any) error {
	return fmt.Errorf("%s takes %s; pass one of them instead of\n%s", matcher, takes, format.Object(given, 1))
}
