package observe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// errClosed is the end of a body that was closed before all of it was read.
var errClosed = errors.New("closed")

// copied is a body that keeps a copy of what its reader reads of it. It reads nothing by itself, and returns what the body
// itself returns: a body still ends with its Close, with its request's context, and where its connection breaks off.
type copied struct {
	body  io.ReadCloser
	limit int                          // of the copy, in bytes: one more is kept, to see that there is more
	size  int64                        // in bytes, as Content-Length has it; 0 or negative if that is unknown
	done  func(text []byte, end error) // called once: with no error after all of it, with errClosed, or with that of Read

	mutex sync.Mutex // guards what follows: a body may be closed while it is read
	text  []byte
	read  int64
	ended bool
}

// Read implements io.Reader.
func (c *copied) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	c.note(p[:n], err)
	return n, err
}

// Close implements io.Closer.
func (c *copied) Close() error {
	err := c.body.Close()
	c.note(nil, errClosed)
	return err
}

func (c *copied) note(read []byte, end error) {
	c.mutex.Lock()
	if c.ended {
		c.mutex.Unlock()
		return
	}
	c.text = append(c.text, read[:min(len(read), c.limit+1-len(c.text))]...)
	c.read += int64(len(read))
	c.ended = end != nil
	text, all := c.text, errors.Is(end, io.EOF) || c.size > 0 && c.read == c.size
	if end != nil && c.done != nil {
		c.text = nil // the caller may keep the response
	}
	c.mutex.Unlock()
	if end == nil || c.done == nil {
		return
	}
	if all {
		end = nil
	}
	c.done(text, end)
}

// soFar is what was read so far.
func (c *copied) soFar() []byte {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return bytes.Clone(c.text)
}

// follow calls done when the caller has read the response's body, or closed it. Until then the response is pending.
func (o *Observer) follow(response *http.Response, pending Unmatched, limit int, done func(text []byte, end error)) {
	if response.Body == nil || response.Body == http.NoBody {
		done(nil, nil)
		return
	}
	pending.Reason = "its body was neither read to its end nor closed"
	o.countPending(pending, 1)
	response.Body = &copied{body: response.Body, limit: limit, size: response.ContentLength, done: func(text []byte, end error) {
		o.countPending(pending, -1)
		done(text, end)
	}}
}

// copyBody returns the request to send, and what was sent of its body by the time that sent is called. A request that can give
// its body again is sent as it is.
func copyBody(request *http.Request) (again *http.Request, sent func() ([]byte, error)) {
	if request.Body == nil || request.Body == http.NoBody {
		return request, func() ([]byte, error) { return nil, nil }
	}
	if request.GetBody == nil {
		c := &copied{body: request.Body, limit: maxBatch}
		clone := *request
		clone.Body = c
		return &clone, func() ([]byte, error) { return c.soFar(), nil }
	}
	body, err := request.GetBody()
	var read []byte
	if err == nil {
		read, err = io.ReadAll(io.LimitReader(body, maxBatch+1)) // now: its owner may use its memory again after the response
		body.Close()
	}
	return request, func() ([]byte, error) { return read, err }
}

// endError is the reason why the end of a body is not known, after that many bytes.
func endError(size int, end error) error {
	if errors.Is(end, errClosed) {
		return fmt.Errorf("the response's body was closed after %d bytes, before its end was read", size)
	}
	return fmt.Errorf("the response's body breaks off after %d bytes: %w", size, end)
}
