package server

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed methods.json
var methodsText []byte

// api is what Google's discovery document says of Classroom's methods and of the bodies they take.
var api = mustReadMethods()

type discovery struct {
	Revision string
	Methods  []*method
	Schemas  map[string]map[string]string // the type of each field, by the name of what it is a field of
}

// method is one method of Classroom.
type method struct {
	ID     string // without "classroom."
	Verb   string
	Path   string
	Body   string            // the schema of the request's body, "" for none
	Items  string            // of a list: the field with the items
	Query  map[string]string // the type of each parameter
	Mask   []string          // what updateMask can name
	Scopes []string          // of which a token needs one

	segments     []string
	kind, action string
}

func mustReadMethods() (d discovery) {
	if err := json.Unmarshal(methodsText, &d); err != nil {
		panic(fmt.Sprintf("server: methods.json: %v", err))
	}
	for _, m := range d.Methods {
		m.segments = strings.Split(m.Path, "/")
		parts := strings.Split(m.ID, ".")
		m.kind, m.action = parts[len(parts)-2], parts[len(parts)-1]
		if strings.HasSuffix(m.ID, ".addOnAttachments.studentSubmissions."+m.action) {
			m.kind = addOnSubmissions
		}
		for i := range m.Mask {
			m.Mask[i] = camel(m.Mask[i])
		}
	}
	return d
}

// route finds the method that a request is for, and the path's segments as they were before they were escaped.
func route(verb, escapedPath string) (*method, []string) {
	segments := strings.Split(strings.TrimPrefix(escapedPath, "/"), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" {
			return nil, nil
		}
		segments[i] = plain
	}
	for _, m := range api.Methods {
		if m.Verb == verb && slices.EqualFunc(m.segments, segments, fits) {
			last := len(segments) - 1
			if _, custom, ok := strings.Cut(m.segments[last], "}"); ok {
				segments[last] = strings.TrimSuffix(segments[last], custom)
			}
			return m, segments
		}
	}
	return nil, nil
}

// fits reports whether a segment is one of a path template: a literal, {name}, or {name}:verb.
func fits(template, segment string) bool {
	if !strings.HasPrefix(template, "{") {
		return template == segment
	}
	_, custom, _ := strings.Cut(template, "}")
	return len(segment) > len(custom) && strings.HasSuffix(segment, custom)
}

// common are the parameters that every method has.
var common = []string{
	"$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser", "uploadType",
	"upload_protocol",
}

// checkQuery compares the parameters with what the method takes.
func (m *method) checkQuery(query url.Values) error {
	for name, given := range query {
		kind, ok := m.Query[name]
		if !ok && !slices.Contains(common, name) {
			return reject("payload-invalid", "problem", fmt.Sprintf("Unknown name %q: Cannot bind query parameter.", name))
		}
		for _, text := range given {
			if problem := checkParameter(kind, text); problem {
				return reject("payload-invalid", "problem", fmt.Sprintf("Invalid value at '%s'.", name))
			}
		}
	}
	if size, err := strconv.Atoi(query.Get("pageSize")); err == nil && size < 0 {
		return reject("invalid")
	}
	if _, err := offset(query.Get("pageToken")); err != nil {
		return reject("invalid")
	}
	return nil
}

func checkParameter(kind, text string) (wrong bool) {
	kind = strings.TrimPrefix(kind, "[]")
	switch {
	case kind == "integer":
		_, err := strconv.Atoi(text)
		return err != nil
	case strings.Contains(kind, "|"):
		return !slices.Contains(strings.Split(kind, "|"), text)
	}
	return false
}

// checkBody compares a body with its schema, and names its fields as the schema does: a_name is aName.
func checkBody(schema string, body map[string]any, at string) error {
	for name, value := range body {
		field := camel(name)
		kind, ok := api.Schemas[schema][field]
		if !ok {
			return reject("payload-invalid", "problem", fmt.Sprintf("Unknown name %q%s: Cannot find field.", name, at))
		}
		if err := checkValue(kind, value, field); err != nil {
			return err
		}
		if field != name {
			delete(body, name)
			body[field] = value
		}
	}
	return nil
}

func checkValue(kind string, value any, field string) error {
	ok := true
	switch {
	case value == nil:
	case strings.HasPrefix(kind, "[]"):
		var list []any
		list, ok = value.([]any)
		for _, entry := range list {
			if err := checkValue(kind[2:], entry, field); err != nil {
				return err
			}
		}
	case strings.HasPrefix(kind, "#"):
		var object map[string]any
		if object, ok = value.(map[string]any); ok {
			return checkBody(kind[1:], object, " at '"+field+"'")
		}
	case kind == "number", kind == "integer":
		_, ok = value.(json.Number)
	case kind == "boolean":
		_, ok = value.(bool)
	case kind == "object":
		_, ok = value.(map[string]any)
	default:
		var text string
		if text, ok = value.(string); ok && strings.Contains(kind, "|") {
			ok = slices.Contains(strings.Split(kind, "|"), text)
		}
	}
	if !ok {
		return reject("payload-invalid", "problem", fmt.Sprintf("Invalid value at '%s'.", field))
	}
	return nil
}

// camel writes a name as JSON does: due_date is dueDate.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts[1:] {
		if part != "" {
			parts[i+1] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}

// pageSize is how many items a list has if the request does not say.
const pageSize = 30

// page is a part of a list, and what leads to the next.
func page(all []any, query url.Values) (part []any, next string) {
	start, _ := offset(query.Get("pageToken")) // checked before
	size, _ := strconv.Atoi(query.Get("pageSize"))
	if size == 0 {
		size = pageSize
	}
	start = min(start, len(all))
	end := min(start+size, len(all))
	if end < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte("from " + strconv.Itoa(end)))
	}
	return all[start:end], next
}

// offset is where the page of a token starts.
func offset(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	var start int
	if _, err := fmt.Sscanf(string(text), "from %d", &start); err != nil || start < 0 {
		return 0, fmt.Errorf("no page has the token %q", token)
	}
	return start, nil
}

func allScopes() (all []string) {
	for _, m := range api.Methods {
		for _, scope := range m.Scopes {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	return all
}
