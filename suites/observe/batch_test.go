package observe_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/observe"
)

// noted are the lines of a report, in short.
func noted(report observe.Observation) (lines []string) {
	for _, m := range report.Met {
		lines = append(lines, fmt.Sprintf("met %s %d", m.Clause.ID, m.Responses))
	}
	for _, u := range report.Undocumented {
		lines = append(lines, fmt.Sprintf("undocumented %s %d", u.Operation.ID, u.Responses))
	}
	for _, u := range report.Unmatched {
		lines = append(lines, fmt.Sprintf("unmatched %s, %d: %s %d", u.Request, u.Status, u.Reason, u.Responses))
	}
	return lines
}

// batch is a batch and the response to it.
type batch struct {
	url, contentType, request string
	status                    int
	header                    http.Header // of the response
	response                  string
	encoding                  string // of the request
}

// observeBatch sends the batch, reads the response, and returns what was noted.
func observeBatch(tb testing.TB, b batch) []string {
	tb.Helper()
	response := fixtures.Response{Status: cmp.Or(b.status, http.StatusOK), Header: b.header, Body: []byte(b.response)}
	observer := observe.New(transport(func(r *http.Request) (*http.Response, error) {
		if sent, err := io.ReadAll(r.Body); err != nil || string(sent) != b.request {
			tb.Errorf("sent %q, %v", sent, err)
		}
		return responding(response)(r)
	}), sample(tb))
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, cmp.Or(b.url, "https://h/v1/$batch"), strings.NewReader(b.request))
	if err != nil {
		tb.Fatal(err)
	}
	request.Header.Set("Content-Type", b.contentType)
	request.Header.Set("Content-Encoding", b.encoding)
	got, err := (&http.Client{Transport: observer}).Do(request)
	if err != nil {
		tb.Fatal(err)
	}
	defer got.Body.Close()
	if text, err := io.ReadAll(got.Body); err != nil || string(text) != b.response {
		tb.Errorf("received %q, %v", text, err)
	}
	if text := observer.Report().String(); strings.Contains(text, token[:20]) || strings.Contains(text, "ada.l") {
		tb.Errorf("the text shows a token or an address:\n%s", text)
	}
	return noted(observer.Report())
}

// notFound is the body of a documented error, and unknown of one that is not.
var (
	notFound = string(failure(404, "notFound", "The thing 7 doesn't exist.").Body)
	unknown  = string(failure(418, "teapot", "Bearer "+token+" of ada.l@school.example").Body)
)

// multi is a multipart body, each part with its header lines.
func multi(parts ...string) string {
	var text strings.Builder
	for _, part := range parts {
		text.WriteString("--b\r\nContent-Type: application/http\r\n" + part + "\r\n")
	}
	return text.String() + "--b--\r\n"
}

func TestBatch(t *testing.T) {
	t.Parallel()
	const (
		mixed     = "Multipart/Mixed; boundary=b"
		notLooked = "unmatched POST https://h/v1/$batch, 200: a batch that was not looked into: "
	)
	inMixed := http.Header{"Content-Type": {"multipart/mixed; boundary=b"}}
	requests := func(list string) string { return `{"requests":[` + list + `]}` }
	responses := func(list string) string { return `{"responses":[` + list + `]}` }
	get := `{"id":"1","method":"GET","url":"/things/7"}`
	getPart := "\r\nGET /v1/things/7?fields=name\r\n\r\n"
	patchPart := "\r\nPATCH /v1/users/u/things/7 HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}\r\n"
	missing := "\r\nHTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n" + notFound
	inJSON := `"headers":{"content-type":"application/json"},"body":`
	for name, c := range map[string]struct {
		batch
		want []string
	}{
		"each response counts with its own request, in any order": {
			batch{request: requests(get + `,{"id":"2","method":"patch","url":"users/u/things/7","headers":{},"body":{}},` +
				`{"id":"3","method":"GET","url":"https://h/beta/me/things/7?$select=name"},{"id":"4","method":"GET","url":"/other?token=` + token + `"}`),
				response: responses(`{"id":"4","status":403},{"id":"2","status":404,` + inJSON + notFound + `},` +
					`{"id":"1","status":200,` + inJSON + `{}},{"id":"3","status":418,` + inJSON + unknown + `}`)},
			[]string{
				"met sample.things.update.not-found 1", "undocumented sample.things.get 1",
				"unmatched GET /other?token=…, 403: no operation of the contract 1",
			},
		},
		"bodies in Base64": {
			batch{
				request: requests(get + strings.Replace(","+get, `"1"`, `"2"`, 1) + strings.Replace(","+get, `"1"`, `"3"`, 1)),
				response: responses(`{"id":"1","status":404,` + inJSON + `"` + base64.StdEncoding.EncodeToString([]byte(notFound)) + `"},` +
					`{"id":"2","status":404,"body":"` + base64.RawURLEncoding.EncodeToString([]byte(notFound)) + `"},` +
					`{"id":"3","status":404,"headers":{"Content-Type":"text/plain"},"body":"bm90aGluZw=="}`),
			},
			[]string{
				"met sample.things.get.not-found 1",
				"undocumented sample.things.get 1", "undocumented sample.things.get 1", // whose forms are wrong
			},
		},
		"a dependency that failed": {
			batch{
				request:  requests(get + `,{"id":"2","method":"GET","url":"/things/8","dependsOn":["1"]},{"id":"3","method":"GET","url":"/things/9"}`),
				response: responses(`{"id":"1","status":204},{"id":"2","status":424},{"id":"3","status":424,` + inJSON + unknown + `}`),
			},
			[]string{
				"undocumented sample.things.get 1", "unmatched GET /things/8, 424: not performed, for a request that it depends on failed 1",
			},
		},
		"an id that no request has": {
			batch{request: requests(get), response: responses(`{"id":"ada.l@school.example","status":404},{"id":"2","status":200}`)},
			[]string{`unmatched (unknown), 404: no request of the batch has the id "{id}" 1`},
		},
		"a batch within a batch": {
			batch{request: requests(`{"id":"1","method":"POST","url":"/$batch"}`), response: responses(`{"id":"1","status":200}`)},
			[]string{"unmatched POST /$batch, 200: a batch within a batch, which was not looked into 1"},
		},
		"rejected as a whole": {
			batch{request: requests(get), status: 429, response: "{}"},
			[]string{"unmatched POST https://h/v1/$batch, 429: a batch that was rejected as a whole 1"},
		},
		"redirected": {batch{request: requests(get), status: 304}, nil},
		"compressed": {
			batch{request: string(zipped([]byte(requests(get)))), encoding: "gzip", header: http.Header{"Content-Encoding": {"x-gzip"}},
				response: string(zipped([]byte(responses(`{"id":"1","status":500}`))))},
			[]string{"undocumented sample.things.get 1"},
		},
		"compressed otherwise": {
			batch{request: requests(get), header: http.Header{"Content-Encoding": {"br"}}, response: "x"},
			[]string{notLooked + `in the response, the body is coded as br (Content-Encoding), which is not decoded here 1`},
		},
		"a request that is no batch": {
			batch{request: `{"requests":[{"id":1}]}`, response: responses("")},
			[]string{notLooked + "in the request, the body is not the JSON of a batch, in /requests/0/id 1"},
		},
		"a response that is no batch": {
			batch{request: requests(get), response: `{"value":[]}`}, []string{notLooked + `in the response, the body has no array "responses" 1`},
		},
		"a request without requests": {
			batch{request: `{}`, response: responses("")}, []string{notLooked + `in the request, the body has no array "requests" 1`},
		},
		"not JSON": {
			batch{request: requests(get), response: "<html>"}, []string{notLooked + "in the response, the body is not the JSON of a batch 1"},
		},
		"an id twice": {
			batch{request: requests(get + "," + get), response: responses("")}, []string{notLooked + `two of its requests have the id "1" 1`},
		},
		"an unreadable URL": {
			batch{request: requests(`{"id":"1","method":"GET","url":"/%zz"}`), response: responses("")},
			[]string{notLooked + "in the request, one has a URL that cannot be read 1"},
		},
		"too large a request": {
			batch{request: requests(get) + strings.Repeat(" ", exchange.MaxBody), response: responses("")},
			[]string{notLooked + "in the request, the body is larger than 1048576 bytes 1"},
		},
		"too large a response": {
			batch{request: requests(get), response: responses("") + strings.Repeat(" ", exchange.MaxBody)},
			[]string{notLooked + "in the response, the body is larger than 1048576 bytes 1"},
		},
		"too large when it is inflated": {
			batch{request: requests(get), header: http.Header{"Content-Encoding": {"gzip"}}, response: string(zipped(make([]byte, 64<<20)))},
			[]string{notLooked + "in the response, the body is not gzip, as its Content-Encoding says: " +
				"it is larger than 1048576 bytes: no response of the API is 1"},
		},
		"parts by Content-ID": {
			batch{
				url: "https://h/batch", contentType: mixed,
				request:  multi("Content-ID: <a:1@h>\r\n"+getPart, "Content-ID: <b:2@h>\r\n"+patchPart),
				header:   inMixed,
				response: multi("Content-ID: <response-b:2@h>\r\n"+missing, "Content-ID: response-a:1@h\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"),
			},
			[]string{"met sample.things.update.not-found 1"},
		},
		"parts in their order": {
			batch{
				url: "https://h/batch", contentType: mixed, header: inMixed,
				request:  multi(getPart, patchPart, getPart),
				response: multi("Content-ID: response-\r\n\r\nHTTP/1.1 204 No Content", missing, "Content-ID: <x>\r\n\r\nHTTP/2 502\n\n<html>"),
			},
			[]string{"met sample.things.update.not-found 1", "undocumented sample.things.get 1"},
		},
		"parts that have no order": {
			batch{
				url: "https://h/batch", contentType: mixed, header: inMixed, request: multi(getPart, patchPart), response: multi(missing),
			},
			[]string{`unmatched (unknown), 404: no request of the batch has the id "" 1`},
		},
		"a change set of OData": {
			batch{contentType: mixed, request: strings.Replace(multi(getPart), "application/http", "multipart/mixed; boundary=c", 1)},
			[]string{notLooked + `in the request, a part of the body is "multipart/mixed; boundary=c" and not application/http 1`},
		},
		"a multipart body that breaks off": {
			batch{contentType: mixed, header: inMixed, request: multi(getPart), response: strings.TrimSuffix(multi(missing), "--b--\r\n")},
			[]string{notLooked + "in the response, the body is not multipart/mixed, or breaks off 1"},
		},
		"without a boundary": {
			batch{contentType: "multipart/mixed", request: "x"}, []string{notLooked + "in the request, the Content-Type has no boundary 1"},
		},
		"a part that is no request": {
			batch{contentType: mixed, request: multi("\r\n\r\n")}, []string{notLooked + "in the request, the first line of a part is no method and path 1"},
		},
		"a part that is no response": {
			batch{contentType: mixed, header: inMixed, request: multi(getPart), response: multi("\r\n404 Not Found\r\n\r\n")},
			[]string{notLooked + "in the response, the first line of a part is no status line 1"},
		},
		"a part without a status": {
			batch{contentType: mixed, header: inMixed, request: multi(getPart), response: multi("\r\nHTTP/1.1 Not Found\r\n\r\n")},
			[]string{notLooked + "in the response, the status or the header of a part cannot be read 1"},
		},
		"a part with a broken header": {
			batch{contentType: mixed, header: inMixed, request: multi(getPart), response: multi("\r\nHTTP/1.1 404 Not Found\r\nnone\r\n\r\n")},
			[]string{notLooked + "in the response, the status or the header of a part cannot be read 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.contentType == "" {
				c.contentType = "application/json"
			}
			if got := observeBatch(t, c.batch); !slices.Equal(got, c.want) {
				t.Errorf("noted\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

// A batch that its caller does not read is not looked into, and one that it decodes, without reading on, is.
func TestABatchThatIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	response := `{"responses":[{"id":"1","status":500}]}`
	for size, want := range map[int]string{
		len(response): "undocumented sample.things.get 1",
		10: "unmatched POST http://h/$batch, 200: a batch that was not looked into: " +
			"the response's body was closed after 10 bytes, before its end was read 1",
	} {
		observer := observe.New(responding(fixtures.Response{Status: 200, Body: []byte(response)}), sample(t))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h/$batch", strings.NewReader(batchJSON))
		if err != nil {
			t.Fatal(err)
		}
		got, err := observer.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(got.Body, make([]byte, size)); err != nil {
			t.Fatal(err)
		}
		pending := "unmatched POST http://h/$batch, 200: its body was neither read to its end nor closed 1"
		if lines := noted(observer.Report()); !slices.Equal(lines, []string{pending}) {
			t.Errorf("before, noted %q", lines)
		}
		got.Body.Close()
		if lines := noted(observer.Report()); !slices.Equal(lines, []string{want}) {
			t.Errorf("after %d bytes, noted %q", size, lines)
		}
	}
}

// FuzzBatch gives two texts as a batch and the response to it, in both formats. The caller's texts are what they are.
func FuzzBatch(f *testing.F) {
	f.Add(batchJSON, `{"responses":[{"id":"1","status":404,"headers":{"a":"b"},"body":`+notFound+`}]}`)
	f.Add(batchJSON, `{"responses":[{"id":"1","status":404,"headers":{"content-type":"image/png"},"body":"aGk="},{"id":"2","status":424}]}`)
	f.Add(multi("Content-ID: <a>\r\n\r\nGET /things/7\r\n\r\n"), multi("Content-ID: <response-a>\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n"+notFound))
	f.Add(multi("\r\nPOST /$batch\r\n\r\n"), multi("\r\nHTTP/1.1 404 Not Found\r\nContent-Encoding: gzip\r\n\r\n"+string(zipped([]byte(notFound)))))
	f.Add(multi("", ""), "--b\r\n\r\n--b--")
	contentTypes := []string{"application/json", "multipart/mixed; boundary=b"}
	contract := sample(f)
	f.Fuzz(func(t *testing.T, sent, received string) {
		for _, of := range contentTypes {
			for _, to := range contentTypes {
				response := fixtures.Response{Status: 200, Header: http.Header{"Content-Type": {to}}, Body: []byte(received)}
				observer := observe.New(responding(response), contract)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://h/$batch", strings.NewReader(sent))
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Content-Type", of)
				got, err := observer.RoundTrip(request) //nolint:bodyclose // it is read to its end
				if err != nil {
					t.Fatal(err)
				}
				if text, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(text, response.Body) {
					t.Errorf("received %q, %v", text, err)
				}
				report := observer.Report()
				if text := report.String(); strings.Contains(text, token[:20]) {
					t.Errorf("the text shows a token: %s", text)
				}
				for _, u := range report.Undocumented {
					if id := u.Operation.ID; !strings.Contains(strings.ToUpper(sent), u.Operation.Method) {
						t.Errorf("counts for %s, which was not sent", id)
					}
				}
			}
		}
	})
}
