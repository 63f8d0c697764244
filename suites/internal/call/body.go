package call

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Pace is how the body of a response comes: the ways are those of real servers.
type Pace int

// The paces.
const (
	Together Pace = iota // with the header
	Later                // a little after the header, which the server flushes first
	Chunked              // in chunks, of a length that is not announced
	Paces                // how many there are
)

// bodyDelay is by how much a body that comes later follows its header.
const bodyDelay = 20 * time.Millisecond

// chunk is the size of a chunk in bytes: it divides no documented member.
const chunk = 7

// body is the body of a response as net/http gives it: it ends with its Close, and with the context of its request, which "controls
// the entire lifetime of a request and its response" (http.NewRequestWithContext).
type body struct {
	ctx     context.Context //nolint:containedctx // that of the request, as http.Transport's bodies have it
	content *bytes.Reader
	pace    Pace
	mutex   sync.Mutex
	delayed bool
	closed  chan struct{}
}

func newBody(ctx context.Context, content []byte, pace Pace) *body {
	return &body{ctx: ctx, content: bytes.NewReader(content), pace: pace, closed: make(chan struct{})}
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mutex.Lock()
	wait := b.pace == Later && !b.delayed
	b.delayed = true
	b.mutex.Unlock()
	if wait {
		timer := time.NewTimer(bodyDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-b.ctx.Done():
		case <-b.closed:
		}
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	switch {
	case b.isClosed():
		return 0, http.ErrBodyReadAfterClose
	case b.content.Len() == 0: // the connection has done with it
		return 0, io.EOF
	case b.ctx.Err() != nil:
		return 0, context.Cause(b.ctx)
	case b.pace == Chunked && len(p) > chunk:
		p = p[:chunk]
	}
	return b.content.Read(p)
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !b.isClosed() {
		close(b.closed)
	}
	return nil
}

func (b *body) isClosed() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}

// acceptsGzip reports whether a request asks for gzip by an explicit header (RFC 9110, 12.5.3). http.Transport adds it by itself, and then
// uncompresses; who sets it must do so too.
func acceptsGzip(header http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		name, parameter, _ := strings.Cut(coding, ";")
		_, quality, _ := strings.Cut(parameter, "=")
		refused, err := strconv.ParseFloat(strings.TrimSpace(quality), 64)
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && (err != nil || refused > 0) {
			return true
		}
	}
	return false
}

// zipped is a content as gzip.
func zipped(content []byte) []byte {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(content) // a bytes.Buffer takes everything
	_ = w.Close()
	return zipped.Bytes()
}
