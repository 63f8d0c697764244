// Package coursesync is an example of a connector under contract: it writes to Microsoft Graph which courses learners are assigned,
// and how far they are.
package coursesync

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Connector writes the course activities of one learning provider.
type Connector struct {
	HTTP     *http.Client
	BaseURL  string // such as "https://graph.microsoft.com/v1.0"
	Provider string // registration id of the learning provider
}

// Failure is the error of a request that Graph rejected.
type Failure struct {
	Status    int           // HTTP status
	Code      string        // error.code
	Message   string        // error.message
	RequestID string        // for a support case
	Wait      time.Duration // before a retry
}

// Error implements error.
func (f *Failure) Error() string {
	return fmt.Sprintf("graph: %d %s: %s (request %s)", f.Status, f.Code, f.Message, f.RequestID)
}

// Assign adds a course activity. If Graph rejects it, the error is a *Failure, as that of Progress and Withdraw is.
func (c *Connector) Assign(ctx context.Context, activity json.RawMessage) error {
	return c.do(ctx, http.MethodPost, "", activity)
}

// Progress changes a course activity.
func (c *Connector) Progress(ctx context.Context, id string, change json.RawMessage) error {
	return c.do(ctx, http.MethodPatch, "/"+url.PathEscape(id), change)
}

// Withdraw removes a course activity.
func (c *Connector) Withdraw(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/"+url.PathEscape(id), nil)
}

func (c *Connector) do(ctx context.Context, method, path string, content []byte) error {
	address := c.BaseURL + "/employeeExperience/learningProviders/" + url.PathEscape(c.Provider) + "/learningCourseActivities" + path
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return err
	}
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 300 {
		return nil
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return fmt.Errorf("graph: %s: %w", response.Status, err)
	}
	return &Failure{
		Status: response.StatusCode, Code: body.Error.Code, Message: body.Error.Message,
		RequestID: response.Header.Get("request-id"), Wait: wait(response.Header),
	}
}

// wait reads Retry-After, which is a number of seconds or a date (RFC 9110, 10.2.3); 0 without the header.
func wait(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return time.Duration(seconds * float64(unit))
	}
	return until(value)
}
