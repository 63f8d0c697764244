//go:build bug

package coursesync

import "time"

// unit is wrong: the message says minutes, the header seconds. go test -tags bug shows how the contract catches it.
const unit = time.Minute
