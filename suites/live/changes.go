package live

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// Change is one request that may have changed something: any that is no GET. It is a line of a run's audit.
type Change struct {
	Time     time.Time `json:"time"`
	Identity string    `json:"identity"` // such as "teacher"
	Method   string    `json:"method"`
	Path     string    `json:"path"`           // with the query
	ID       string    `json:"id,omitempty"`   // of what the response is of
	Name     string    `json:"name,omitempty"` // of the response or, without one, of the request
	Status   int       `json:"status,omitempty"`
	Failure  string    `json:"failure,omitempty"` // why there is no response: whether anything has changed is not known
}

// nameFields hold the name of what a body is of.
var nameFields = []string{"name", "externalCourseActivityId", "title", "text", "alias"}

// note has the run's audit know of a request that was sent, and leaves the response as it was.
func (tr *Transport) note(identity string, r *http.Request, response *http.Response, failure error) {
	if tr.options.Changed == nil || !changes(r) {
		return
	}
	c := Change{Time: time.Now().UTC().Truncate(time.Millisecond), Identity: identity, Method: r.Method, Path: r.URL.RequestURI()}
	var body map[string]any
	if response != nil {
		c.Status = response.StatusCode
		if x, err := exchange.Capture(response); err == nil {
			_ = json.Unmarshal(x.Body(), &body) // what is no object, has no name
		}
	}
	if failure != nil {
		c.Failure = exchange.Printable(failure.Error())
	}
	c.ID, _ = body["id"].(string)
	c.Name = nameOf(body)
	if c.Name == "" && r.GetBody != nil {
		if sent, err := r.GetBody(); err == nil {
			text, _ := io.ReadAll(io.LimitReader(sent, exchange.MaxBody)) // of memory
			_ = sent.Close()
			body = nil
			_ = json.Unmarshal(text, &body) // as above
			c.Name = nameOf(body)
		}
	}
	tr.options.Changed(c)
}

func nameOf(body map[string]any) string {
	for _, field := range nameFields {
		if name, _ := body[field].(string); name != "" {
			return exchange.Printable(name)
		}
	}
	return ""
}

// mayChange counts a change that is about to be sent, or refuses it: what removes what was made is not counted. The mutex is held.
func (tr *Transport) mayChange(removes bool) error {
	o := tr.options
	switch {
	case removes:
	case o.ReadOnly:
		return engineErrorf(opBudget, "the request may change something, and with --read-only nothing does: take that out")
	case o.MaxChanges > 0 && tr.changes >= o.MaxChanges:
		return engineErrorf(opBudget, "%w: the run has sent the %d changes that --max-changes grants: select fewer clauses, or grant more", ErrBudget,
			tr.changes)
	default:
		tr.changes++
	}
	return nil
}
