package exchange

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"
)

// content is a body as its Content-Encoding and its first bytes say that it is to be read.
type content struct {
	text  []byte   // decoded, for the reader too
	notes []string // what is odd, and keeps nobody from reading it
	fault error    // why it cannot be read as JSON; nil if it may be
	page  bool     // whether it begins as no JSON does
}

// Decode is a body without the codings that its header names (RFC 9110, 8.4). The error says in a sentence why it cannot be decoded,
// or that it is larger than MaxBody then.
func Decode(header http.Header, body []byte) (text []byte, err error) {
	codings := strings.Split(strings.ToLower(strings.Join(header.Values("Content-Encoding"), ",")), ",")
	text = body
	for _, coding := range slices.Backward(codings) {
		switch coding = strings.TrimSpace(coding); coding {
		case "", "identity":
		case "gzip", "x-gzip": // RFC 9110, 8.4.1.3: the same
			text, err = inflate(text, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
		case "deflate":
			text, err = inflate(text, newZlibOrFlateReader)
		default:
			return nil, fmt.Errorf("the body is coded as %s (Content-Encoding), which is not decoded here", coding)
		}
		if err != nil {
			return nil, fmt.Errorf("the body is not %s, as its Content-Encoding says: %w", coding, err)
		}
	}
	return text, nil
}

// readContent decodes a body, and names what it is.
func readContent(header http.Header, body []byte) content {
	if len(bytes.TrimSpace(body)) == 0 {
		return content{fault: errors.New("the body is empty")}
	}
	text, err := Decode(header, body)
	if err != nil {
		return undecoded(body, err)
	}
	c := content{text: text}
	switch {
	case bytes.HasPrefix(c.text, []byte("\x1f\x8b")):
		return undecoded(body, errors.New("the body is gzip, and no Content-Encoding says so"))
	case bytes.HasPrefix(c.text, []byte("\xef\xbb\xbf")):
		c.text = c.text[3:]
		c.notes = append(c.notes, "a byte order mark (EF BB BF) before the JSON, which RFC 8259, 8.1, forbids to send and lets a reader ignore")
	}
	if order, name := utf16Order(c.text); order != nil {
		c.text = fromUTF16(order, c.text)
		c.fault = fmt.Errorf("the body is UTF-16, %s, and JSON is UTF-8 (RFC 8259, 8.1)", name)
		return c
	}
	_, parameters, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if charset := parameters["charset"]; charset != "" && !slices.Contains([]string{"utf-8", "utf8", "us-ascii"}, strings.ToLower(charset)) {
		c.notes = append(c.notes, fmt.Sprintf("charset=%s in Content-Type, and JSON is UTF-8 (RFC 8259, 8.1)", charset))
	}
	begins := bytes.TrimSpace(c.text)
	begins = bytes.ToLower(begins[:min(len(begins), len("<?xml"))])
	c.page = len(begins) > 0 && !bytes.ContainsAny(begins[:1], `{["`)
	switch {
	case bytes.HasPrefix(begins, []byte("<?xml")):
		c.fault = errors.New("the body is XML, not JSON")
	case bytes.HasPrefix(begins, []byte("<")):
		c.fault = errors.New("the body is HTML, not JSON")
	}
	return c
}

// undecoded is a body that is no text.
func undecoded(body []byte, fault error) content {
	return content{text: fmt.Appendf(nil, "(%d bytes, not shown)", len(body)), fault: fault}
}

// inflate decompresses a text, up to MaxBody.
func inflate(text []byte, open func(io.Reader) (io.Reader, error)) ([]byte, error) {
	rest := bytes.NewReader(text)
	reader, err := open(rest)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(reader, MaxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(plain) > MaxBody:
		return nil, fmt.Errorf("it is larger than %d bytes: no response of the API is", MaxBody)
	case rest.Len() > 0:
		return nil, fmt.Errorf("%d bytes follow it", rest.Len())
	}
	return plain, nil
}

// newZlibOrFlateReader reads zlib, which deflate is (RFC 9110, 8.4.1.2), or what some servers send for it without zlib's header.
func newZlibOrFlateReader(r io.Reader) (io.Reader, error) {
	var head [2]byte
	text, _ := r.(*bytes.Reader)
	_, _ = text.ReadAt(head[:], 0) // of a shorter text the head is 0
	if head[0]&0x0f == 8 && binary.BigEndian.Uint16(head[:])%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// utf16Order is the byte order of a text in UTF-16, with or without its mark, nil for any other: JSON begins with ASCII.
func utf16Order(text []byte) (order binary.ByteOrder, name string) {
	if len(text) < 2 {
		return nil, ""
	}
	switch head := binary.BigEndian.Uint16(text); {
	case head == 0xfeff, text[0] == 0 && text[1] != 0:
		return binary.BigEndian, "big-endian"
	case head == 0xfffe, text[0] != 0 && text[1] == 0:
		return binary.LittleEndian, "little-endian"
	}
	return nil, ""
}

func fromUTF16(order binary.ByteOrder, text []byte) []byte {
	units := make([]uint16, 0, len(text)/2)
	for ; len(text) >= 2; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
}
