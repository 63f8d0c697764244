//go:build !nodate

package coursesync

import (
	"net/http"
	"time"
)

// until is the time until a date, 0 if it is none.
func until(date string) time.Duration {
	at, err := http.ParseTime(date)
	if err != nil {
		return 0
	}
	return max(0, time.Until(at))
}
