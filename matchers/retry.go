package matchers

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega/format"
	"github.com/onsi/gomega/types"
)

// longestWait bounds Retry-After: a longer one is taken for a mistake.
const longestWait = 366 * 24 * time.Hour

// RetryAfter reads the answer's Retry-After header (RFC 9110, 10.2.3): seconds, of which Microsoft Graph sends decimal
// fractions too, or an HTTP date, counted from the answer's Date or, without one, from when it was received. The error
// says what is wrong with the header.
func RetryAfter(x Exchange) (time.Duration, error) {
	values := x.answer.Header.Values("Retry-After")
	if len(values) != 1 {
		return 0, fmt.Errorf("the header stands %d times, and must once", len(values))
	}
	value := strings.TrimSpace(values[0])
	if strings.HasPrefix(value, "-") {
		return 0, errors.New("the header is negative")
	}
	if strings.Trim(value, "0123456789.") == "" {
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, errors.New("the header is neither seconds nor an HTTP date")
		}
		if seconds > longestWait.Seconds() {
			return 0, errors.New("the header asks to wait longer than a year")
		}
		return time.Duration(seconds * float64(time.Second)), nil
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, errors.New("the header is neither seconds nor an HTTP date")
	}
	sent, err := http.ParseTime(x.Header("Date"))
	if err != nil {
		sent = x.received
	}
	return max(0, date.Sub(sent)), nil
}

// HaveRetryAfter succeeds if the answer's Retry-After header asks to wait for the time: a time.Duration, or a matcher
// of one.
func HaveRetryAfter(expected any) *FieldMatcher {
	m := &FieldMatcher{name: "HaveRetryAfter"}
	var matches func(time.Duration) (bool, error)
	switch expected := expected.(type) {
	case time.Duration:
		m.expected = "Retry-After " + expected.String()
		matches = func(wait time.Duration) (bool, error) { return wait == expected, nil }
	case types.GomegaMatcher:
		m.expected = "a Retry-After matching\n" + format.Object(expected, 2)
		matches = func(wait time.Duration) (bool, error) { return expected.Match(wait) }
	default:
		m.err = wrongArgument("HaveRetryAfter", "a time.Duration, or a matcher of one", expected)
	}
	m.look = func(x Exchange) (bool, string, error) {
		if x.Header("Retry-After") == "" {
			return false, "no Retry-After", nil
		}
		wait, err := RetryAfter(x)
		if err != nil {
			return false, fmt.Sprintf("Retry-After %s: %v", strings.Join(x.answer.Header.Values("Retry-After"), ", "), err), nil
		}
		ok, err := matches(wait)
		return ok, "Retry-After " + wait.String(), err
	}
	return m
}
