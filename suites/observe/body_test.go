package observe_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/learncontract/learncontract/matchers/exchange"
	"github.com/learncontract/learncontract/suites/observe"
)

// caller is what sends a request and uses its response, and what it saw.
type caller struct {
	*testing.T
	client *http.Client
	url    string
	goOn   chan struct{} // lets the server go on
	saw    []string
}

func (c *caller) see(format string, values ...any) {
	c.saw = append(c.saw, fmt.Sprintf(format, values...))
}

// seeError notes an error by its text and type, and what it wraps.
func (c *caller) seeError(what string, err error) {
	c.see("%s: %T %v", what, err, err)
	for _, target := range []error{
		io.EOF, io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded, http.ErrBodyReadAfterClose, errCause, errSent,
	} {
		c.see("  is %v: %v, is it %v", target, errors.Is(err, target), err == target) //nolint:errorlint // the very value counts
	}
}

var (
	errCause = errors.New("the test has ended its context")
	errSent  = errors.New("the test's request cannot be sent")
)

// request makes a request that the contract's operations have, unless the method is another.
func (c *caller) request(ctx context.Context, method string, body io.Reader) *http.Request {
	c.Helper()
	request, err := http.NewRequestWithContext(ctx, method, c.url+thing, body)
	if err != nil {
		c.Fatal(err)
	}
	return request
}

// send sends a request and notes the response, all but its body. The test fails if there is none.
func (c *caller) send(request *http.Request) *http.Response {
	c.Helper()
	response, err := c.client.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	c.see("%s %s, length %d, encoded %v, inflated %v, close %v, NoBody %v, of its request %v", response.Proto, response.Status,
		response.ContentLength, response.TransferEncoding, response.Uncompressed, response.Close, response.Body == http.NoBody,
		response.Request == request)
	for _, name := range slices.Sorted(maps.Keys(response.Header)) {
		if name != "Date" {
			c.see("%s: %q", name, response.Header[name])
		}
	}
	c.seeTrailer(response)
	return response
}

func (c *caller) seeTrailer(response *http.Response) {
	c.see("the trailer is %v", response.Trailer)
}

// read notes what is left of the body.
func (c *caller) read(response *http.Response) {
	text, err := io.ReadAll(response.Body)
	c.see("read %d bytes, %.40q", len(text), text)
	c.seeError("read", err)
}

func (c *caller) close(response *http.Response) { c.seeError("close", response.Body.Close()) }

// failing sends an error of the sample's, in one piece.
func failing(w http.ResponseWriter, _ *http.Request) {
	response := failure(http.StatusNotFound, "notFound", "The thing 7 doesn't exist.")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(response.Status)
	_, _ = w.Write(response.Body)
}

// flushing sends the header of an error, and goes on with the body when the caller says so, or has gone.
func flushing(goOn <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		w.(http.Flusher).Flush()
		select {
		case <-goOn:
			_, _ = io.WriteString(w, "{}")
		case <-r.Context().Done():
		}
	}
}

// Whatever a caller does, it sees the same with an observer as without one.
func TestACallerSeesTheSame(t *testing.T) {
	t.Parallel()
	huge := bytes.Repeat([]byte("x"), 3*exchange.MaxBody)
	partly := func(size int) func(c *caller) {
		return func(c *caller) {
			response := c.send(c.request(c.Context(), http.MethodPatch, nil))
			_, err := io.ReadFull(response.Body, make([]byte, size))
			c.seeError("part", err)
			c.close(response)
			c.read(response)
		}
	}
	for name, behaviour := range map[string]struct {
		handle func(goOn <-chan struct{}) http.HandlerFunc // failing, if it is nil
		use    func(*caller)                               // whole, if it is nil
		only1  bool                                        // HTTP/1.1 only
	}{
		"whole":            {},
		"read after close": {use: partly(0)}, "read in part": {use: partly(10)}, "too short to fill": {use: partly(1000)},
		"byte by byte": {use: func(c *caller) {
			response := c.send(c.request(c.Context(), http.MethodPatch, nil))
			defer response.Body.Close()
			read := 0
			for {
				n, err := response.Body.Read(make([]byte, 1))
				if read += n; err != nil {
					c.see("read %d, %v", read, err)
					return
				}
			}
		}},
		"header before body": {
			flushing,
			func(c *caller) {
				response := c.send(c.request(c.Context(), http.MethodPatch, nil)) //nolint:bodyclose // c.close closes it
				close(c.goOn)                                                     // who reads the body before this waits for ever
				c.read(response)
				c.close(response)
			}, false,
		},
		"canceled": {
			flushing,
			func(c *caller) {
				ctx, cancel := context.WithCancel(c.Context())
				response := c.send(c.request(ctx, http.MethodPatch, nil)) //nolint:bodyclose // c.close closes it
				cancel()
				c.read(response)
				c.close(response)
				c.read(response)
			}, false,
		},
		"canceled with a cause, while it reads": {
			flushing,
			func(c *caller) {
				ctx, cancel := context.WithCancelCause(c.Context())
				response := c.send(c.request(ctx, http.MethodPatch, nil)) //nolint:bodyclose // c.close closes it
				go cancel(errCause)
				c.read(response)
				c.close(response)
			}, false,
		},
		"chunks and flushes": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusConflict)
				for _, chunk := range []string{`{"error"`, ":", "{}}"} {
					_, _ = io.WriteString(w, chunk)
					w.(http.Flusher).Flush()
				}
			}
		}},
		"trailers": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-Known")
				failing(w, r)
				w.Header().Set("X-Known", "1")
				w.Header().Set(http.TrailerPrefix+"X-Late", "2")
			}
		}},
		"broken off": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"error":`)
			}
		}},
		"aborted": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"error":`)
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
		}},
		"huge error": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write(huge)
			}
		}},
		"without a body": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
		}},
		"HEAD": {use: func(c *caller) {
			response := c.send(c.request(c.Context(), http.MethodHead, nil)) //nolint:bodyclose // c.close closes it
			c.read(response)
			c.close(response)
		}},
		"204": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
		}},
		"304": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }
		}},
		"download": {handle: func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(huge) }
		}},
		"early hints": {
			func(<-chan struct{}) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Link", "</a>")
					w.WriteHeader(http.StatusEarlyHints)
					failing(w, r)
				}
			},
			func(c *caller) {
				ctx := httptrace.WithClientTrace(c.Context(), &httptrace.ClientTrace{
					Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
						c.see("%d %v", code, header)
						return nil
					},
				})
				response := c.send(c.request(ctx, http.MethodPatch, nil)) //nolint:bodyclose // c.close closes it
				c.read(response)
				c.close(response)
			}, false,
		},
		"inflated by the transport": {handle: zipping},
		"inflated by the caller": {zipping, func(c *caller) {
			request := c.request(c.Context(), http.MethodPatch, nil)
			request.Header.Set("Accept-Encoding", "gzip")
			response := c.send(request) //nolint:bodyclose // c.close closes it
			c.read(response)
			c.close(response)
		}, false},
		"upgrade": {
			func(<-chan struct{}) http.HandlerFunc {
				return func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Connection", "Upgrade")
					w.Header().Set("Upgrade", "echo")
					w.WriteHeader(http.StatusSwitchingProtocols)
					connection, buffered, err := http.NewResponseController(w).Hijack()
					if err == nil {
						_, _ = io.CopyN(connection, buffered, 4)
						_ = connection.Close()
					}
				}
			},
			func(c *caller) {
				request := c.request(c.Context(), http.MethodGet, nil)
				request.Header.Set("Connection", "Upgrade")
				request.Header.Set("Upgrade", "echo")
				response := c.send(request)
				both, ok := response.Body.(io.ReadWriteCloser)
				if !ok {
					c.Fatalf("the body is a %T, which writes nothing", response.Body)
				}
				_, err := both.Write([]byte("ping"))
				c.seeError("write", err)
				c.read(response)
				c.close(response)
			}, true,
		},
		"closed while it is read": {
			flushing,
			func(c *caller) {
				response := c.send(c.request(c.Context(), http.MethodPatch, nil))
				var group sync.WaitGroup
				group.Go(func() {
					_, err := io.ReadAll(response.Body)
					if err == nil {
						c.Error("the whole body was read, which was never sent")
					}
				})
				group.Go(func() { response.Body.Close() })
				group.Wait()
			}, false,
		},
		"batch in JSON":            {handle: batching, use: sendBatch(func(r io.Reader) io.Reader { return r }, batchJSON)},
		"batch in JSON, sent once": {handle: batching, use: sendBatch(once, batchJSON)},
		"batch, whose sending fails": {handle: batching, use: sendBatch(func(r io.Reader) io.Reader {
			return io.MultiReader(r, failingReader{})
		}, batchJSON)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, http2 := range []bool{false, true} {
				if behaviour.only1 && http2 {
					continue
				}
				direct := see(t, http2, false, behaviour.handle, behaviour.use)
				if observed := see(t, http2, true, behaviour.handle, behaviour.use); !reflect.DeepEqual(observed, direct) {
					t.Errorf("HTTP/2 %v: observed, the caller sees\n  %s\nand not\n  %s",
						http2, strings.Join(observed, "\n  "), strings.Join(direct, "\n  "))
				}
				if len(direct) == 0 && name != "closed while it is read" {
					t.Error("the caller has seen nothing")
				}
			}
		})
	}
}

// What a caller does not read is not compared, and the report says so.
func TestAResponseThatIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(failing))
	server.EnableHTTP2 = true // the end of a body comes by itself, and not with its last byte
	server.StartTLS()
	defer server.Close()
	const (
		request = "unmatched PATCH /users/{userId}/things/{id}, 404: "
		closed  = request + "the response's body was closed after %d bytes, before its end was read 1"
		met     = "met sample.things.update.not-found 1"
	)
	size := len(failure(http.StatusNotFound, "notFound", "The thing 7 doesn't exist.").Body)
	for name, c := range map[string]struct {
		use  func(body io.ReadCloser) error
		want string
	}{
		"never read": {
			func(io.ReadCloser) error { return nil },
			request + "its body was neither read to its end nor closed 1",
		},
		"closed": {io.ReadCloser.Close, fmt.Sprintf(closed, 0)},
		"closed within it": {func(body io.ReadCloser) error {
			_, err := io.ReadFull(body, make([]byte, size-1))
			return errors.Join(err, body.Close())
		}, fmt.Sprintf(closed, size-1)},
		"decoded": {func(body io.ReadCloser) error {
			var value any
			return errors.Join(json.NewDecoder(body).Decode(&value), body.Close())
		}, met},
		"read to its end, and never closed": {func(body io.ReadCloser) error {
			_, err := io.Copy(io.Discard, body)
			return err
		}, met},
	} {
		client := server.Client()
		observer := observe.New(client.Transport, sample(t))
		c1 := &caller{T: t, client: &http.Client{Transport: observer}, url: server.URL}
		ctx, cancel := context.WithCancel(t.Context())
		response := c1.send(c1.request(ctx, http.MethodPatch, nil))
		if err := c.use(response.Body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if lines := noted(observer.Report()); !slices.Equal(lines, []string{c.want}) {
			t.Errorf("%s: noted %q, want %q", name, lines, c.want)
		}
		cancel()
		response.Body.Close()
	}
}

// see is what a caller sees of a server.
func see(t *testing.T, http2, observed bool, handle func(<-chan struct{}) http.HandlerFunc, use func(*caller)) []string {
	t.Helper()
	c := &caller{T: t, goOn: make(chan struct{})}
	handler := http.HandlerFunc(failing)
	if handle != nil {
		handler = handle(c.goOn)
	}
	server := httptest.NewUnstartedServer(handler)
	if http2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	defer server.Close()
	c.client, c.url = server.Client(), server.URL
	if observed {
		c.client.Transport = observe.New(c.client.Transport, sample(t))
	}
	if use == nil {
		use = readWhole
	}
	use(c)
	return c.saw
}

// readWhole reads a response to its end, closes it twice, and reads on.
func readWhole(c *caller) {
	response := c.send(c.request(c.Context(), http.MethodPatch, nil)) //nolint:bodyclose // c.close closes it
	c.read(response)
	c.seeTrailer(response)
	c.close(response)
	c.close(response)
	c.read(response)
}

// zipping compresses an error for who accepts it.
func zipping(<-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		response := failure(http.StatusNotFound, "notFound", "The thing 7 doesn't exist.")
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Accept-Encoding") == "gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			response.Body = zipped(response.Body)
		}
		w.WriteHeader(response.Status)
		_, _ = w.Write(response.Body)
	}
}

func zipped(text []byte) []byte {
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	_, _ = writer.Write(text)
	_ = writer.Close()
	return buffer.Bytes()
}

// batching responds to a batch with the length of what it received.
func batching(<-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Received", fmt.Sprint(r.ContentLength, len(text)))
		_, _ = io.WriteString(w, `{"responses":[{"id":"1","status":404}]}`)
	}
}

const batchJSON = `{"requests":[{"id":"1","method":"GET","url":"/things/7"}]}`

// sendBatch sends a batch.
func sendBatch(as func(io.Reader) io.Reader, text string) func(*caller) {
	return func(c *caller) {
		request := c.request(c.Context(), http.MethodPost, as(strings.NewReader(text)))
		request.URL.Path = "/v1/$batch"
		response, err := c.client.Do(request)
		if err != nil {
			wrapped := errors.Unwrap(err)
			c.see("sent: %v, is it %v", wrapped, wrapped == errSent) //nolint:errorlint // the very value counts
			return
		}
		c.see("received %q, of its request %v", response.Header["X-Received"], response.Request == request)
		c.read(response)
		c.close(response)
		c.read(response)
	}
}

// once hides that a reader can give its text again.
func once(r io.Reader) io.Reader { return struct{ io.Reader }{r} }

// failingReader is a body that cannot be read.
type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errSent }
