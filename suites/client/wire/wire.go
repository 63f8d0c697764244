// Package wire is the reference client: net/http, and the error envelope read with encoding/json. It shows what a
// caller can learn of a response, and shares no code with what builds the responses or compares them.
package wire

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/suites/client"
)

// Config declares the reference client. It performs every operation of any contract, and exposes every field.
func Config() client.Config {
	return client.Config{
		Name: "wire",
		New: func(http *http.Client, baseURL string) (client.Calls, error) {
			return client.Calls{"*": New(http, baseURL).Do}, nil
		},
	}
}

// Client performs operations with an http.Client.
type Client struct {
	http    *http.Client
	baseURL string
}

// New makes a client of the API below baseURL, which has no final slash.
func New(http *http.Client, baseURL string) *Client { return &Client{http: http, baseURL: baseURL} }

// Do performs the call. The error is a client.Failure where the API responded with one.
func (c *Client) Do(ctx context.Context, call client.Call) error {
	request, err := c.request(ctx, call)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the response: %w", err)
	}
	if response.StatusCode < http.StatusBadRequest {
		return nil
	}
	return failure(response, body)
}

func (c *Client) request(ctx context.Context, call client.Call) (*http.Request, error) {
	path := call.Operation.Path
	for name, value := range call.Params {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value)) // which has no brace
	}
	address := c.baseURL + path
	if len(call.Query) > 0 {
		query := url.Values{}
		for name, value := range call.Query {
			query.Set(name, value)
		}
		address += "?" + query.Encode()
	}
	var body io.Reader
	if call.Body != nil {
		body = bytes.NewReader(call.Body)
	}
	request, err := http.NewRequestWithContext(ctx, call.Operation.Method, address, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if call.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// envelope is the error object of both providers. A field of another type loses no other.
type envelope struct {
	Error map[string]any `json:"error"`
}

// text is a field that is a text, "" if it is missing or something else.
func (e envelope) text(field string) string {
	text, _ := e.Error[field].(string)
	return text
}

// details are the entries of details that have a code and a message, as Graph's have.
func (e envelope) details() (details []client.Detail) {
	entries, _ := e.Error["details"].([]any)
	for _, entry := range entries {
		object, _ := entry.(map[string]any)
		code, hasCode := object["code"].(string)
		message, hasMessage := object["message"].(string)
		if hasCode && hasMessage {
			details = append(details, client.Detail{Code: code, Message: message})
		}
	}
	return details
}

// failure reads a response that is no success.
func failure(response *http.Response, body []byte) error {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil && e.Error == nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			err = fmt.Errorf("its %s is a JSON %s, and no object", cmp.Or(wrong.Field, "body"), wrong.Value)
		}
		return fmt.Errorf("the response %s has no error envelope: %w", response.Status, err)
	}
	f := client.Failure{
		Status:     response.StatusCode,
		RequestID:  response.Header.Get("request-id"),
		RetryAfter: RetryAfter(response.Header),
		Message:    e.text("message"),
		Details:    e.details(),
	}
	if f.Code = e.text("code"); f.Code == "" { // Google's is the HTTP status, a number
		f.Code = e.text("status")
	}
	if rest, named := strings.CutPrefix(f.Message, "@"); named {
		f.Name, _, _ = strings.Cut(rest, " ")
	}
	return f
}

// RetryAfter is the time the header of a response asks to wait, 0 if it asks for none that can be read. One too long to count is the longest
// there is (RFC 9111, 1.2.2).
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	switch seconds, _ := strconv.ParseFloat(value, 64); {
	case seconds >= math.MaxInt64/float64(time.Second):
		return math.MaxInt64
	case seconds > 0:
		return time.Duration(math.Round(seconds * float64(time.Second)))
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		sent = time.Now()
	}
	return max(0, date.Sub(sent))
}
