package observe

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// A batch is one request with other requests in its body, whose response has theirs. Two formats are known: OData's JSON
// (OData JSON Format 4.01, 19), and multipart/mixed with a part of application/http for each request, as Google's APIs have it
// (developers.google.com/classroom/best-practices/batch).

// maxBatch is the size in bytes up to which a batch is looked into.
const maxBatch = exchange.MaxBody

// isBatch reports whether a request is a batch.
func isBatch(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL != nil && isBatchPath(r.URL.Path) || isMultipart(r.Header.Get("Content-Type")))
}

func isBatchPath(path string) bool { return strings.HasSuffix(path, "/$batch") }

func isMultipart(contentType string) bool {
	const mixed = "multipart/mixed"
	return len(contentType) >= len(mixed) && strings.EqualFold(contentType[:len(mixed)], mixed)
}

// inner is a request within a batch, or a response with its request.
type inner struct {
	id        string // as both have it; empty in a part without Content-ID
	head      head   // without a URL if no request has the response's id
	body      []byte // of the response
	dependent bool   // the request is performed after others, and not if one of them fails
}

// message is the header and the body of a batch, or of its response.
type message struct {
	header http.Header
	text   []byte
}

// readBatch reads the responses of a batch, each with its request. Its error says why it cannot.
func readBatch(sent, received message) ([]inner, error) {
	requests, _, err := sent.read(readJSONRequests, readRequest)
	if err != nil {
		return nil, fmt.Errorf("in the request, %w", err)
	}
	for i, r := range requests {
		if r.id != "" && slices.ContainsFunc(requests[:i], func(other inner) bool { return other.id == r.id }) {
			return nil, fmt.Errorf("two of its requests have the id %q", r.id)
		}
	}
	responses, ordered, err := received.read(readJSONResponses, readResponse)
	if err != nil {
		return nil, fmt.Errorf("in the response, %w", err)
	}
	for i := range responses {
		r := &responses[i]
		at := slices.IndexFunc(requests, func(request inner) bool { return r.id != "" && request.id == r.id })
		if at < 0 && ordered && len(requests) == len(responses) {
			at = i
		}
		if at >= 0 {
			r.head.method, r.head.url, r.dependent = requests[at].head.method, requests[at].head.url, requests[at].dependent
		}
	}
	return responses, nil
}

// read reads requests or responses by the readers of a JSON body and of a part. They are ordered in a format whose responses
// stand in the order of the requests.
func (m message) read(
	readJSON func([]byte) ([]inner, error), readPart func(id string, text []byte) (inner, error),
) (list []inner, ordered bool, err error) {
	text, err := exchange.Decode(m.header, m.text)
	if err != nil {
		return nil, false, err
	}
	if len(text) > maxBatch {
		return nil, false, fmt.Errorf("the body is larger than %d bytes", maxBatch)
	}
	if contentType := m.header.Get("Content-Type"); isMultipart(contentType) {
		list, err = readParts(contentType, text, readPart)
		return list, true, err
	}
	list, err = readJSON(text)
	return list, false, err
}

func readJSONRequests(text []byte) (list []inner, err error) {
	var batch struct {
		Requests *[]struct {
			ID        string   `json:"id"`
			Method    string   `json:"method"`
			URL       string   `json:"url"`
			DependsOn []string `json:"dependsOn"`
		} `json:"requests"`
	}
	if err := unmarshal(text, &batch); err != nil {
		return nil, err
	}
	if batch.Requests == nil {
		return nil, errors.New(`the body has no array "requests"`)
	}
	for _, r := range *batch.Requests {
		one, err := newRequest(r.ID, r.Method, r.URL)
		if err != nil {
			return nil, err
		}
		one.dependent = len(r.DependsOn) > 0
		list = append(list, one)
	}
	return list, nil
}

func readJSONResponses(text []byte) (list []inner, err error) {
	var batch struct {
		Responses *[]struct {
			ID      string            `json:"id"`
			Status  int               `json:"status"`
			Headers map[string]string `json:"headers"`
			Body    jsontext.Value    `json:"body"`
		} `json:"responses"`
	}
	if err := unmarshal(text, &batch); err != nil {
		return nil, err
	}
	if batch.Responses == nil {
		return nil, errors.New(`the body has no array "responses"`)
	}
	for _, r := range *batch.Responses {
		header := http.Header{}
		for name, value := range r.Headers {
			header.Add(name, value)
		}
		list = append(list, inner{
			id: r.ID, head: head{status: r.Status, header: header}, body: bodyOf(r.Body, header.Get("Content-Type")),
		})
	}
	return list, nil
}

// unmarshal is json.Unmarshal with an error that says where the fault is.
func unmarshal(text []byte, value any) error {
	err := json.Unmarshal(text, value)
	if err == nil {
		return nil
	}
	place := jsontext.Pointer("")
	if wrong, ok := errors.AsType[*json.SemanticError](err); ok {
		place = wrong.JSONPointer
	} else if wrong, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		place = wrong.JSONPointer
	}
	if place == "" {
		return errors.New("the body is not the JSON of a batch")
	}
	return fmt.Errorf("the body is not the JSON of a batch, in %s", place)
}

// bodyOf is the body that a JSON value stands for: the value where it is JSON, the text of a string where that is a text, and what
// the string has in Base64 where it is something else. Graph sends JSON in Base64, too.
func bodyOf(value jsontext.Value, contentType string) []byte {
	var text string
	switch value.Kind() {
	case 0, 'n': // absent, or null
		return nil
	case '"':
		if err := json.Unmarshal(value, &text); err != nil {
			return value
		}
	default:
		return value
	}
	media, _, _ := mime.ParseMediaType(contentType)
	if strings.HasPrefix(media, "text/") {
		return []byte(text)
	}
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	binary, err := base64.RawURLEncoding.DecodeString(text)
	isJSON := media == "" || strings.HasSuffix(media, "json")
	if err != nil || isJSON && !jsontext.Value(binary).IsValid() {
		return value
	}
	return binary
}

// readParts reads a multipart body.
func readParts(contentType string, text []byte, read func(id string, text []byte) (inner, error)) (list []inner, err error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, errors.New("the Content-Type has no boundary")
	}
	for reader := multipart.NewReader(bytes.NewReader(text), params["boundary"]); ; {
		part, err := reader.NextRawPart()
		if err == io.EOF { //nolint:errorlint // the error of a body that breaks off wraps it
			return list, nil
		}
		var message []byte
		if err == nil {
			message, err = io.ReadAll(part)
		}
		if err != nil {
			return nil, errors.New("the body is not multipart/mixed, or breaks off")
		}
		if media, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); media != "application/http" {
			return nil, fmt.Errorf("a part of the body is %q and not application/http", part.Header.Get("Content-Type"))
		}
		one, err := read(strings.Trim(part.Header.Get("Content-ID"), "<> "), bytes.TrimLeft(message, "\r\n"))
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
}

// readRequest reads a request, whose first line may lack the version of HTTP.
func readRequest(id string, text []byte) (inner, error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) < 2 {
		return inner{}, errors.New("the first line of a part is no method and path")
	}
	return newRequest(id, words[0], words[1])
}

// newRequest is a request within a batch. Its URL is absolute, or a path with or without its first slash.
func newRequest(id, method, address string) (inner, error) {
	if path, _, _ := strings.Cut(address, "?"); !strings.Contains(path, "://") {
		address = "/" + strings.TrimLeft(address, "/")
	}
	u, err := url.Parse(address)
	if err != nil {
		return inner{}, errors.New("one has a URL that cannot be read")
	}
	return inner{id: id, head: head{method: strings.ToUpper(method), url: u}}, nil
}

// readResponse reads a response. Its part ends its body, whatever its Content-Length is.
func readResponse(id string, text []byte) (inner, error) {
	buffer := bufio.NewReader(bytes.NewReader(text))
	reader := textproto.NewReader(buffer)
	line, err := reader.ReadLine()
	words := strings.Fields(line)
	if err != nil || len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/") {
		return inner{}, errors.New("the first line of a part is no status line")
	}
	status, wrong := strconv.Atoi(words[1])
	header, err := reader.ReadMIMEHeader()
	if wrong != nil || err != nil && !errors.Is(err, io.EOF) { // which a header without a body ends with
		return inner{}, errors.New("the status or the header of a part cannot be read")
	}
	body, err := io.ReadAll(buffer)
	return inner{id: strings.TrimPrefix(id, "response-"), head: head{status: status, header: http.Header(header)}, body: body}, err
}

// observeBatch notes the error responses within the response to a batch.
func (o *Observer) observeBatch(h head, sentHeader http.Header, sent func() ([]byte, error), response *http.Response) {
	unmatched := Unmatched{Request: h.request(), Status: h.status}
	if h.status >= http.StatusBadRequest {
		unmatched.Reason = "a batch that was rejected as a whole"
		o.noteUnmatched(unmatched)
		return
	}
	o.follow(response, unmatched, maxBatch, func(text []byte, end error) {
		request, err := sent()
		var responses []inner
		if err == nil {
			responses, err = readBatch(message{sentHeader, request}, message{h.header, text})
		}
		if end != nil && (err != nil || !errors.Is(end, errClosed)) {
			err = endError(len(text), end)
		}
		if err != nil {
			unmatched.Reason = exchange.Printable("a batch that was not looked into: " + err.Error())
			o.noteUnmatched(unmatched)
		}
		for _, r := range responses {
			if err == nil {
				r.head.received = h.received
				o.observeInner(r)
			}
		}
	})
}

func (o *Observer) observeInner(r inner) {
	reason := ""
	switch {
	case r.head.url != nil && isBatchPath(r.head.url.Path):
		reason = "a batch within a batch, which was not looked into"
	case r.head.status < http.StatusBadRequest:
		return
	case r.head.url == nil:
		reason = fmt.Sprintf("no request of the batch has the id %q", r.id)
	case r.head.status == http.StatusFailedDependency && r.dependent:
		reason = "not performed, for a request that it depends on failed"
	default:
		if _, compare := o.comparison(r.head); compare != nil {
			compare(r.body, nil)
		}
		return
	}
	o.noteUnmatched(Unmatched{Request: r.head.request(), Status: r.head.status, Reason: exchange.Printable(reason)})
}
