package call

import (
	"net/http"
	"time"
)

// SetPatience has the client be called for that long in real time. What must hang, hangs for less.
func (c *Client) SetPatience(patience time.Duration) { c.patience = patience }

// Ended is the transport of an instance whose calls have ended.
func (c *Client) Ended() http.RoundTripper { return &session{client: c, ended: true} }
