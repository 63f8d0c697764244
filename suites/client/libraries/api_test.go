package libraries_test

import (
	"bytes"
	"context"
	"encoding/json"
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

// perform is what a client does for a call.
type perform func(ctx context.Context, call client.Call) error

// all performs every operation alike.
func (p perform) all() client.Calls { return client.Calls{"*": p} }

// addressOf is the URL of a call.
func addressOf(baseURL string, call client.Call) string {
	path := call.Operation.Path
	for name, value := range call.Params {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	if len(call.Query) == 0 {
		return baseURL + path
	}
	query := url.Values{}
	for name, value := range call.Query {
		query.Set(name, value)
	}
	return baseURL + path + "?" + query.Encode()
}

// requestOf is the request of a call.
func requestOf(ctx context.Context, baseURL string, call client.Call) (*http.Request, error) {
	if call.Body == nil {
		return http.NewRequestWithContext(ctx, call.Operation.Method, addressOf(baseURL, call), http.NoBody)
	}
	request, err := http.NewRequestWithContext(ctx, call.Operation.Method, addressOf(baseURL, call), bytes.NewReader(call.Body))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, err
}

// finish reads a response to its end, and returns the failure that it is, nil for none.
func finish(response *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return failure(response.StatusCode, response.Header, body)
}

// failure is the failure that a response is, nil for none.
func failure(status int, header http.Header, body []byte) error {
	if status < http.StatusBadRequest {
		return nil
	}
	var envelope struct {
		Error struct {
			Code    any    `json:"code"` // Google's is the HTTP status
			Status  string `json:"status"`
			Message string `json:"message"`
			Details []struct {
				Code    *string `json:"code"` // of Google's, none
				Message string  `json:"message"`
			} `json:"details"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return fmt.Errorf("the response %d has no error that can be read: %w", status, err)
	}
	f := client.Failure{
		Status: status, Code: envelope.Error.Status, Message: envelope.Error.Message,
		RetryAfter: retryAfter(header), RequestID: header.Get("request-id"),
	}
	if code, ok := envelope.Error.Code.(string); ok {
		f.Code = code
	}
	for _, detail := range envelope.Error.Details {
		if detail.Code != nil {
			f.Details = append(f.Details, client.Detail{Code: *detail.Code, Message: detail.Message})
		}
	}
	if name, _, spaced := strings.Cut(f.Message, " "); spaced && strings.HasPrefix(name, "@") {
		f.Name = name[1:]
	}
	return f
}

// retryAfter is the time that a response asks to wait, 0 for none.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		if seconds > math.MaxInt64/float64(time.Second) {
			return math.MaxInt64
		}
		return max(0, time.Duration(math.Round(seconds*float64(time.Second))))
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		sent = time.Now()
	}
	return max(0, at.Sub(sent))
}
