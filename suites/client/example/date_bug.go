//go:build nodate

package coursesync

import "time"

// until is wrong: the header may be a date. go test -tags nodate shows how the contract catches it.
func until(string) time.Duration { return 0 }
