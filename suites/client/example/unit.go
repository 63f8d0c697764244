//go:build !bug

package coursesync

import "time"

// unit is that of a Retry-After header.
const unit = time.Second
