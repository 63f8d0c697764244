package call

import "time"

// SetPatience has the client be called for that long in real time. What must hang, hangs for less.
func (c *Client) SetPatience(patience time.Duration) { c.patience = patience }
