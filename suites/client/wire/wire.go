// Package wire is the reference client: net/http, and the error envelope read with encoding/json. It shows what a
// caller can learn of an answer, and shares no code with what builds the answers or judges them.
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

	"github.com/learncontract/learncontract/suites/clients"
)

// Client performs operations with an http.Client.
type Client struct {
	http    *http.Client
	baseURL string
}

// New makes a client of the API below baseURL, which has no final slash.
func New(client *http.Client, baseURL string) *Client {
	return &Client{http: client, baseURL: baseURL}
}

// Do implements clients.Client.
func (c *Client) Do(ctx context.Context, call clients.Call) (clients.Failure, error) {
	request, err := c.request(ctx, call)
	if err != nil {
		return clients.Failure{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return clients.Failure{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return clients.Failure{}, fmt.Errorf("reading the answer: %w", err)
	}
	return failure(response, body)
}

func (c *Client) request(ctx context.Context, call clients.Call) (*http.Request, error) {
	var pairs []string
	for name, value := range call.Params {
		pairs = append(pairs, "{"+name+"}", url.PathEscape(value))
	}
	address := c.baseURL + strings.NewReplacer(pairs...).Replace(call.Operation.Path)
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

// envelope is the error object of both providers. Fields are read one by one, so that one of another type loses no other.
type envelope struct {
	Error map[string]json.RawMessage `json:"error"`
}

// text is a field that is a text, "" if it is missing or something else.
func (e envelope) text(field string) (text string) {
	// Another type leaves the text empty.
	_ = json.Unmarshal(e.Error[field], &text)
	return text
}

// details are the entries of details that have a code and a message, as Graph's have.
func (e envelope) details() (details []clients.Detail) {
	var entries []struct {
		Code    *string `json:"code"`
		Message *string `json:"message"`
	}
	if json.Unmarshal(e.Error["details"], &entries) != nil {
		return nil
	}
	for _, entry := range entries {
		if entry.Code != nil && entry.Message != nil {
			details = append(details, clients.Detail{Code: *entry.Code, Message: *entry.Message})
		}
	}
	return details
}

// failure reads the answer. A success is the zero Failure with its status.
func failure(response *http.Response, body []byte) (clients.Failure, error) {
	f := clients.Failure{
		Status:     response.StatusCode,
		RequestID:  response.Header.Get("request-id"),
		RetryAfter: RetryAfter(response.Header),
	}
	if response.StatusCode < 400 {
		return f, nil
	}
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			err = fmt.Errorf("its %s is a JSON %s, and no object", cmp.Or(wrong.Field, "body"), wrong.Value)
		}
		return f, fmt.Errorf("the answer %s has no error envelope: %w", response.Status, err)
	}
	f.Message = e.text("message")
	if f.Code = e.text("code"); f.Code == "" { // Google's is the HTTP status, a number
		f.Code = e.text("status")
	}
	if rest, named := strings.CutPrefix(f.Message, "@"); named {
		f.Name, _, _ = strings.Cut(rest, " ")
	}
	f.Details = e.details()
	return f, nil
}

// RetryAfter is the time the header of an answer asks to wait, 0 if it asks for none that can be read.
func RetryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 && seconds < math.MaxInt32 {
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
