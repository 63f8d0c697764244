package exchange_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// coded is a text as a coding has it.
func coded(t *testing.T, coding, text string) string {
	t.Helper()
	var buffer bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&buffer)
	case "zlib":
		w = zlib.NewWriter(&buffer)
	case "flate":
		w, _ = flate.NewWriter(&buffer, flate.DefaultCompression)
	}
	_, err := io.WriteString(w, text)
	if err != nil || w.Close() != nil {
		t.Fatal(coding, err)
	}
	return buffer.String()
}

func inUTF16(order binary.ByteOrder, text string) string {
	var all []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		pair := make([]byte, 2)
		order.PutUint16(pair, unit)
		all = append(all, pair...)
	}
	return string(all)
}

// Each body is read, or named for what it is.
func TestContent(t *testing.T) {
	t.Parallel()
	const text = `{"error":{"code":"Forbidden"}}`
	le, be := inUTF16(binary.LittleEndian, text), inUTF16(binary.BigEndian, text)
	for name, c := range map[string]struct {
		coding, body string
		fault        string // how it begins; empty for none
		note         string
		page         bool
		shown        string // of the body; text if empty
	}{
		"plain":                {body: text},
		"identity":             {coding: "identity", body: text},
		"gzip":                 {coding: "gzip", body: coded(t, "gzip", text)},
		"x-gzip, in capitals":  {coding: "X-GZIP", body: coded(t, "gzip", text)},
		"deflate, zlib":        {coding: "deflate", body: coded(t, "zlib", text)},
		"deflate, raw":         {coding: "deflate", body: coded(t, "flate", text)},
		"gzip, identity":       {coding: "gzip, identity", body: coded(t, "gzip", text)},
		"deflate, then gzip":   {coding: "deflate, gzip", body: coded(t, "gzip", coded(t, "zlib", text))},
		"a mark in gzip":       {coding: "gzip", body: coded(t, "gzip", "\ufeff"+text), note: "a byte order mark (EF BB BF)"},
		"HTML in gzip":         {coding: "gzip", body: coded(t, "gzip", "<html>"), fault: "the body is HTML, not JSON", page: true, shown: "<html>"},
		"br":                   {coding: "br", body: "\x0b\x02\x80", fault: "the body is coded as br (Content-Encoding), which is not decoded here", shown: "(3 bytes, not shown)"},
		"gzip, br":             {coding: "gzip, br", body: "\x0b\x02", fault: "the body is coded as br", shown: "(2 bytes, not shown)"},
		"unknown":              {coding: "x-\u202e", body: text, fault: `the body is coded as x-\u202e`, shown: "(30 bytes, not shown)"},
		"no gzip":              {coding: "gzip", body: text, fault: "the body is not gzip, as its Content-Encoding says: gzip: invalid header", shown: "(30 bytes, not shown)"},
		"gzip, cut off":        {coding: "gzip", body: coded(t, "gzip", text)[:30], fault: "the body is not gzip, as its Content-Encoding says: unexpected EOF", shown: "(30 bytes, not shown)"},
		"zlib and more":        {coding: "deflate", body: coded(t, "zlib", text) + "xx", fault: "the body is not deflate, as its Content-Encoding says: 2 bytes follow it", shown: "("},
		"gzip and more":        {coding: "gzip", body: coded(t, "gzip", text) + "xx", fault: "the body is not gzip, as its Content-Encoding says", shown: "("},
		"a bomb":               {coding: "gzip", body: coded(t, "gzip", strings.Repeat(" ", exchange.MaxBody+1)), fault: "the body is not gzip, as its Content-Encoding says: it is larger than 1048576 bytes", shown: "("},
		"gzip without a word":  {body: coded(t, "gzip", text), fault: "the body is gzip, and no Content-Encoding says so", shown: "("},
		"a mark":               {body: "\ufeff" + text, note: "a byte order mark (EF BB BF) before the JSON, which RFC 8259, 8.1, forbids to send"},
		"UTF-16, a mark":       {body: "\xff\xfe" + le, fault: "the body is UTF-16, little-endian, and JSON is UTF-8"},
		"UTF-16":               {body: le, fault: "the body is UTF-16, little-endian"},
		"UTF-16, big, a mark":  {body: "\xfe\xff" + be, fault: "the body is UTF-16, big-endian"},
		"UTF-16, big":          {body: be, fault: "the body is UTF-16, big-endian"},
		"empty":                {coding: "gzip", fault: "the body is empty", shown: "403 Forbidden"},
		"XML":                  {body: "<?xml version='1.0'?>", fault: "the body is XML, not JSON", page: true, shown: "<?xml version='1.0'?>"},
		"a text":               {body: "Forbidden", fault: "the body is not JSON: invalid character 'F'", page: true, shown: "Forbidden"},
		"truncated":            {body: text[:20], fault: "the body is not JSON: it breaks off", shown: text[:20]},
		"an array, broken off": {body: "[" + text, fault: "the body is not JSON: it breaks off", shown: "[" + text},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Content-Type": {"application/json"}}
			if c.coding != "" {
				header["Content-Encoding"] = strings.SplitN(c.coding, ", ", 1)
			}
			x := exchange.New("GET", "https://h", fixtures.Response{Status: 403, Header: header, Body: []byte(c.body)}, received)
			if fault := x.Fault(); (fault != nil) != (c.fault != "") || fault != nil && !strings.HasPrefix(fault.Error(), c.fault) {
				t.Errorf("the fault is %v, want %q", fault, c.fault)
			}
			if notes := strings.Join(x.Notes(), "; "); !strings.HasPrefix(notes, c.note) || (notes == "") != (c.note == "") {
				t.Errorf("the note is %q, want %q", notes, c.note)
			}
			if code := x.TextAt("/error/code"); (code == "Forbidden") != (c.fault == "") {
				t.Errorf("the code is %q", code)
			}
			if x.IsPage() != c.page || string(x.Body()) != c.body {
				t.Errorf("a page is %t; the body is %q", x.IsPage(), x.Body())
			}
			shown := c.shown
			if shown == "" {
				shown = text
			}
			if !strings.Contains(x.String(), shown) || c.coding != "" && !strings.Contains(x.String(), "Content-Encoding: ") {
				t.Errorf("it is shown as %s", x)
			}
		})
	}
}

func TestAnotherCharsetIsNoted(t *testing.T) {
	t.Parallel()
	for value, note := range map[string]string{
		"application/json": "", "application/json; charset=UTF-8": "", "application/json;charset=us-ascii": "",
		"application/json; charset=iso-8859-1": "charset=iso-8859-1 in Content-Type, and JSON is UTF-8 (RFC 8259, 8.1)",
	} {
		response := fixtures.Response{Status: 403, Header: http.Header{"Content-Type": {value}}, Body: []byte("{}")}
		if got := strings.Join(exchange.New("GET", "https://h", response, received).Notes(), ""); got != note {
			t.Errorf("of %s the note is %q, want %q", value, got, note)
		}
	}
}
