package stub

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// changesMeaning reports whether a request header, by its canonical name, changes what the request means or what responds to it:
// conditions and ranges (RFC 9110, 13.1 and 14), preferences (RFC 7240), and what stands for another method.
func changesMeaning(name string) bool {
	switch name {
	case "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range", "Prefer",
		"X-Http-Method-Override", "X-Http-Method", "X-Method-Override":
		return true
	}
	return false
}

// differingHeader names a header of a request that makes another request of it, nil if none does.
func (r Request) differingHeader(header http.Header) error {
	for name, values := range header {
		name = http.CanonicalHeaderKey(name)
		switch {
		case slices.ContainsFunc(values, func(value string) bool { return strings.ContainsAny(value, "\r\n\x00") }):
			return fmt.Errorf("header %s: got a line break or NUL, with which net/http sends no request", name)
		case name == "Authorization" && len(values) > 1:
			return fmt.Errorf("header Authorization: got %d, want one", len(values))
		case name == "Accept" && !acceptsJSON(values):
			return fmt.Errorf("header Accept: got %s, which excludes application/json", strconv.Quote(strings.Join(values, ", ")))
		case changesMeaning(name) && !slices.ContainsFunc(r.Headers, func(allowed string) bool { return http.CanonicalHeaderKey(allowed) == name }):
			return fmt.Errorf("header %s: got one, want none; if the client means to send it, name it in Config.Adds, as Headers", name)
		}
	}
	return nil
}

// acceptsJSON reports whether the values of an Accept header admit JSON (RFC 9110, 12.5.1). What cannot be read is ignored.
func acceptsJSON(values []string) bool {
	if slices.Contains(values, "application/json") {
		return true
	}
	readable := false
	for element := range strings.SplitSeq(strings.Join(values, ","), ",") {
		media, parameters, err := mime.ParseMediaType(element)
		if err != nil {
			continue
		}
		readable = true
		if quality, err := strconv.ParseFloat(parameters["q"], 64); err == nil && quality == 0 {
			continue
		}
		if slices.Contains([]string{"application/json", "application/*", "*/*"}, media) {
			return true
		}
	}
	return !readable
}
