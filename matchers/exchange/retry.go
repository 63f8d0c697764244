package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// maxWait bounds Retry-After: a longer wait counts as a mistake.
const maxWait = 366 * 24 * time.Hour

// RetryAfter reads the response's Retry-After header (RFC 9110, 10.2.3): seconds, for which Microsoft Graph sends decimal
// fractions too, or an HTTP date. The date counts from the response's Date or, without one, from the time of receipt. The
// error says what is wrong with the header.
func RetryAfter(x Exchange) (time.Duration, error) {
	values := x.parts().response.Header.Values("Retry-After")
	if len(values) != 1 {
		return 0, fmt.Errorf("the header occurs %d times instead of once", len(values))
	}
	value := strings.TrimSpace(values[0])
	if strings.HasPrefix(value, "-") {
		return 0, errors.New("the header is negative")
	}
	if strings.Trim(value, "0123456789.") == "" {
		if whole, _, _ := strings.Cut(value, "."); len(strings.TrimLeft(whole, "0")) > len("31622400") {
			return 0, ErrTooLong
		}
		wait, err := time.ParseDuration(value + "s") // exact, as ParseFloat is not
		if err != nil {
			return 0, errors.New("the header is neither seconds nor an HTTP date")
		}
		return limitWait(wait)
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, errors.New("the header is neither seconds nor an HTTP date")
	}
	sent, err := http.ParseTime(x.Header("Date"))
	if err != nil {
		sent = x.parts().received
	}
	return limitWait(max(0, date.Sub(sent)))
}

// ErrTooLong is RetryAfter's error for a header that says to wait longer than a year.
var ErrTooLong = errors.New("the header says to wait longer than a year")

func limitWait(wait time.Duration) (time.Duration, error) {
	if wait > maxWait {
		return 0, ErrTooLong
	}
	return wait, nil
}
