// Package mutation tests the suites themselves: its operators change a documented response in one way. A harmful change must
// break the contract, a harmless one must honor it.
//
// It knows the documentation, and how a response is built. It must not know how a response is compared: only its tests do.
package mutation

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/learncontract/learncontract/fixtures"
)

// Operator changes the response of a wording in one way.
type Operator struct {
	Name string // the field, a colon and the change
	// Apply returns the mutants of the wording's response, none where the operator cannot apply. It leaves the response
	// itself as it is.
	Apply func(w *fixtures.Wording, r fixtures.Response) []fixtures.Response
}

// Harmful returns the operators whose every mutant breaks the contract, compared strictly. The code is Wording.Code.
func Harmful() []Operator { return slices.Clone(harmful) }

// Harmless returns the operators whose every mutant honors the contract, compared strictly.
func Harmless() []Operator { return slices.Clone(harmless) }

var harmful = []Operator{
	{"status: a neighbour", status(neighbours)},
	{"status: another class", status(otherClasses)},
	{"status: 200", status(success)},

	{"code: case", replace(code, otherCase)},
	{"code: punctuation", replace(code, otherPunctuation)},
	{"code: another clause's", replace(code, othersCode)},
	{"code: another of the schema", replace(code, othersOfSchema)},
	{"code: missing", replace(code, always(absent{}))},
	{"code: null", replace(code, always(nil))},
	{"code: a number", replace(code, httpStatus)},
	{"code: moved out of error", rebuild(codeMovedOut)},

	{"message: a word changed", replace(message, wordChanged)},
	{"message: an apostrophe swapped", replace(message, apostropheSwapped)},
	{"message: empty", replace(message, always(""))},
	{"message: missing", replace(message, always(absent{}))},
	{"message: null", replace(message, always(nil))},
	{"message: an object", replace(message, inObject)},
	{"message: braces left unexpanded", replace(message, unexpanded)},
	{"message: another clause's", replace(message, othersMessage)},

	{"details: dropped", replace(details, dropped)},
	{"details: a string", replace(details, always(changed))},
	{"details: an entry's code changed", replace(details, entryChanged("/code"))},
	{"details: an entry's message changed", replace(details, entryChanged("/message"))},
	{"details: braces left unexpanded", replace(details, detailsUnexpanded)},

	{"error: a string", replace(errorObject, always(changed))},
	{"error: missing", replace(errorObject, always(absent{}))},
	{"error: inside an array", replace(errorObject, inArray)},

	{"innerError: missing", replace(innerError, always(absent{}))},
	{"innerError: a string", replace(innerError, always(changed))},

	{"repeated status: another", replace(repeatedStatus, otherStatus)},
	{"repeated status: missing", replace(repeatedStatus, always(absent{}))},

	{"name: missing", replace(message, nameMissing)},
	{"name: without the space", replace(message, nameWithoutSpace)},
	{"name: of a sibling", replace(message, siblingsName)},

	{"body: HTML", rewrite(html)},
	{"body: empty", rewrite(empty)},
	{"body: inside an array", rewrite(bodyInArray)},
	{"body: truncated", rewrite(truncated)},
	{"body: trailing text", rewrite(trailing)},
	{"body: duplicate keys", rebuild(duplicateKeys)},

	{"content type: another", header("Content-Type", otherContentTypes)},
	{"content type: missing", header("Content-Type", missing)},

	{"Retry-After: missing", header("Retry-After", missing)},
	{"Retry-After: negative", header("Retry-After", negative)},
	{"Retry-After: at odds with the message", header("Retry-After", atOdds)},
}

var harmless = []Operator{
	{"body: unknown fields", rebuild(unknownFields)},
	{"body: optional members null", rebuild(optionalNull)},
	{"body: key order", rewrite(keyOrder)},
	{"body: white space", rewrite(whiteSpace)},
	{"body: escapes", rewrite(escapes)},
	{"header: case", headerCase},
	{"header: request ids and dates", headerIDs},
	{"content type: a charset", header("Content-Type", charset)},
	{"Retry-After: an HTTP date", header("Retry-After", httpDate)},
	{"Retry-After: another time, as in the message", anotherWait},
	{"details: more", replace(details, moreDetails)},
	{"details: another order", replace(details, otherOrder)},
	{"innerError: the other spelling", rebuild(innerErrorSpelling)},
	{"innerError: request ids and dates", replace(innerError, otherIDs)},
}

// changed is what no documentation says.
const changed = "mutated"

// The places of the fields. "" is none.

func envelope(w *fixtures.Wording) *fixtures.Envelope { return &w.Clause.Operation.Contract.Envelope }

func code(e *fixtures.Envelope) string           { return e.Code }
func message(e *fixtures.Envelope) string        { return e.Message }
func details(e *fixtures.Envelope) string        { return e.Details }
func repeatedStatus(e *fixtures.Envelope) string { return e.Status }
func errorObject(e *fixtures.Envelope) string    { return parent(e.Code) }

// innerError is the one of its places in which the provider's responses have it.
func innerError(e *fixtures.Envelope) string {
	for _, place := range e.InnerError {
		if _, found := get(e.Body, place); found {
			return place
		}
	}
	return ""
}

// Changes of the status.

func neighbours(status int) []int   { return []int{status - 1, status + 1} }
func otherClasses(status int) []int { return []int{status - 100, status + 100} }
func success(int) []int             { return []int{http.StatusOK} }

// Changes of the code.

func otherCase(_ *fixtures.Wording, was any) []any {
	text, _ := was.(string)
	return different(was, strings.ToLower(text), strings.ToUpper(text))
}

func otherPunctuation(_ *fixtures.Wording, was any) []any {
	text, _ := was.(string)
	return different(was, strings.NewReplacer(" ", "_", "_", " ").Replace(text), text+".")
}

func othersCode(w *fixtures.Wording, was any) (codes []any) {
	for other := range others(w) {
		codes = append(codes, other.Code)
	}
	return different(was, codes...)
}

// othersOfSchema are the other codes where the schema lists them: those with the same HTTP status are among them.
func othersOfSchema(w *fixtures.Wording, was any) []any {
	var schema any
	if err := json.Unmarshal(envelope(w).Schema.JSON, &schema); err != nil {
		panic(fmt.Sprintf("mutation: %s is not JSON: %v", envelope(w).Schema.Name, err)) // Load has checked it
	}
	codes, _ := get(schema, strings.ReplaceAll(envelope(w).Code, "/", "/properties/")+"/enum")
	list, _ := codes.([]any)
	return different(was, list...)
}

func httpStatus(w *fixtures.Wording, _ any) []any { return []any{w.Clause.Status} }

func codeMovedOut(w *fixtures.Wording, body any) []any {
	place := envelope(w).Code
	was, _ := get(body, place)
	outside := parent(parent(place)) + strings.TrimPrefix(place, parent(place))
	return []any{set(set(body, place, absent{}), outside, was)}
}

// Changes of the message. The @Name at its start has operators of its own.

var word = regexp.MustCompile(`[\pL\pN'’]+`)

// wordChanged changes each documented word in turn.
func wordChanged(w *fixtures.Wording, _ any) (texts []any) {
	text := w.Message.String()
	for _, at := range word.FindAllStringIndex(text, -1) {
		if at[0] < len(carrier(w)) {
			continue
		}
		t, err := fixtures.ParseTemplate(text[:at[0]] + changed + text[at[1]:])
		if err != nil {
			continue // the word is the name of a placeholder
		}
		texts = append(texts, expand(w, t))
	}
	return texts
}

func apostropheSwapped(_ *fixtures.Wording, was any) []any {
	text, _ := was.(string)
	return different(was, strings.NewReplacer("'", "’", "’", "'").Replace(text))
}

func inObject(_ *fixtures.Wording, was any) []any { return []any{map[string]any{"value": was}} }

func unexpanded(w *fixtures.Wording, was any) []any { return different(was, w.Message.String()) }

func othersMessage(w *fixtures.Wording, was any) (texts []any) {
	for other := range others(w) {
		texts = append(texts, expand(other, other.Message))
	}
	return different(was, texts...)
}

func nameMissing(w *fixtures.Wording, was any) []any { return renamed(w, was, "") }

func nameWithoutSpace(w *fixtures.Wording, was any) []any {
	return renamed(w, was, strings.TrimSuffix(carrier(w), " "))
}

// siblingsName gives the message the name of another clause that starts with the clause's own name, or the reverse.
func siblingsName(w *fixtures.Wording, was any) (texts []any) {
	name := w.Clause.Name
	for sibling := range w.Clause.Operation.Contract.Clauses() {
		other := sibling.Name
		if other != "" && (strings.HasPrefix(other, name) || strings.HasPrefix(name, other)) {
			texts = append(texts, renamed(w, was, carrier(sibling.Wordings[0]))...)
		}
	}
	return different(was, texts...)
}

// renamed gives the message another carrier of its name, if it has one.
func renamed(w *fixtures.Wording, was any, to string) []any {
	text, _ := was.(string)
	rest, named := strings.CutPrefix(text, carrier(w))
	if w.Clause.Name == "" || !named {
		return nil
	}
	return []any{to + rest}
}

// carrier is the "@Name " at the start of the message, "" if the clause has no name.
func carrier(w *fixtures.Wording) string {
	if w.Clause.Name == "" {
		return ""
	}
	return "@" + w.Clause.Name + " "
}

// Changes of the details.

// dropped drops all of them, and each in turn.
func dropped(_ *fixtures.Wording, was any) []any {
	lists := []any{absent{}}
	for i := range entries(was) {
		lists = append(lists, slices.Delete(entries(was), i, i+1))
	}
	return lists
}

// entryChanged changes what stands at the place in each entry in turn.
func entryChanged(place string) values {
	return func(_ *fixtures.Wording, was any) (lists []any) {
		for i := range entries(was) {
			lists = append(lists, withEntry(was, i, place, changed))
		}
		return lists
	}
}

func detailsUnexpanded(w *fixtures.Wording, was any) (lists []any) {
	for i, d := range w.Details {
		if raw := d.Message.String(); raw != expand(w, d.Message) {
			lists = append(lists, withEntry(was, i, "/message", raw))
		}
	}
	return lists
}

// moreDetails adds an entry before the documented ones, and one after them.
func moreDetails(w *fixtures.Wording, was any) []any {
	if !w.MoreDetails {
		return nil
	}
	another := set(entries(was)[0], "/message", changed)
	return []any{slices.Insert(entries(was), 0, another), append(entries(was), another)}
}

func otherOrder(_ *fixtures.Wording, was any) []any {
	list := entries(was)
	if len(list) < 2 {
		return nil
	}
	slices.Reverse(list)
	return []any{list}
}

// entries is a copy of the list of details.
func entries(details any) []any {
	list, _ := details.([]any)
	return slices.Clone(list)
}

func withEntry(details any, i int, place string, value any) []any {
	list := entries(details)
	list[i] = set(list[i], place, value)
	return list
}

// Changes of the error object, of innerError and of the status where it is repeated.

func inArray(_ *fixtures.Wording, was any) []any { return []any{[]any{was}} }

func innerErrorSpelling(w *fixtures.Wording, body any) (bodies []any) {
	here := innerError(envelope(w))
	for _, place := range envelope(w).InnerError {
		if place != here {
			was, _ := get(body, here)
			bodies = append(bodies, set(set(body, here, absent{}), place, was))
		}
	}
	return bodies
}

func otherIDs(_ *fixtures.Wording, was any) []any {
	object, _ := was.(map[string]any)
	others := any(object)
	for name, value := range object {
		if text, ok := value.(string); ok {
			others = set(others, "/"+name, otherID(text))
		}
	}
	return []any{others}
}

func otherStatus(w *fixtures.Wording, _ any) []any {
	s := w.Clause.Status
	return []any{s - 1, s + 1, strconv.Itoa(s)}
}

// Changes of the body.

func html(w *fixtures.Wording, _ string) []string {
	line := fixtures.StatusLine(w.Clause.Status)
	return []string{"<!DOCTYPE html>\n<html><title>" + line + "</title><body><h1>" + line + "</h1></body></html>"}
}

func empty(*fixtures.Wording, string) []string { return []string{""} }

func bodyInArray(_ *fixtures.Wording, body string) []string { return []string{"[" + body + "]"} }

func truncated(_ *fixtures.Wording, body string) []string {
	return []string{body[:len(body)/2], body[:len(body)-1]}
}

func trailing(_ *fixtures.Wording, body string) []string {
	return []string{body + " " + changed, body + "{}", body + "}"}
}

// duplicateKeys has the error object twice, and the code twice in it.
func duplicateKeys(w *fixtures.Wording, body any) []any {
	place := errorObject(envelope(w))
	object, _ := get(body, place)
	return []any{twice(body, place), set(body, place, twice(object, strings.TrimPrefix(envelope(w).Code, place)))}
}

// twice is an object with the key that the place names standing twice.
func twice(object any, place string) json.RawMessage {
	value, _ := get(object, place)
	again := encode(set(map[string]any{}, place, value))
	return json.RawMessage(strings.TrimSuffix(encode(object), "}") + "," + strings.TrimPrefix(again, "{"))
}

// unknownFields adds one to the body, to the error object, to innerError, and to each entry of details.
func unknownFields(w *fixtures.Wording, body any) []any {
	e := envelope(w)
	unknown := map[string]any{changed: []any{changed}}
	bodies := []any{set(body, "/"+changed, unknown)}
	for _, place := range []string{errorObject(e), innerError(e)} {
		if place != "" {
			bodies = append(bodies, set(body, place+"/"+changed, unknown))
		}
	}
	list, _ := get(body, e.Details)
	for i := range entries(list) {
		bodies = append(bodies, set(body, e.Details, withEntry(list, i, "/"+changed, unknown)))
	}
	return bodies
}

// optionalNull has null for each optional member of the error that the schema names and the response has not, and for all.
func optionalNull(w *fixtures.Wording, body any) (bodies []any) {
	place, all := errorObject(envelope(w)), body
	var schema any
	if err := json.Unmarshal(envelope(w).Schema.JSON, &schema); err != nil {
		panic(fmt.Sprintf("mutation: %s is not JSON: %v", envelope(w).Schema.Name, err)) // Load has checked it
	}
	members, _ := get(schema, strings.ReplaceAll(place, "/", "/properties/")+"/properties")
	object, _ := members.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, has := get(body, place+"/"+name); !has {
			bodies, all = append(bodies, set(body, place+"/"+name, nil)), set(all, place+"/"+name, nil)
		}
	}
	if len(bodies) > 0 {
		bodies = append(bodies, all)
	}
	return bodies
}

// keyOrder reverses the order of the keys of every object.
func keyOrder(_ *fixtures.Wording, body string) []string { return []string{reversed(decode(body))} }

func reversed(value any) string {
	var parts []string
	switch value := value.(type) {
	case map[string]any:
		for _, key := range slices.Backward(slices.Sorted(maps.Keys(value))) {
			parts = append(parts, encode(key)+":"+reversed(value[key]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case []any:
		for _, item := range value {
			parts = append(parts, reversed(item))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	return encode(value)
}

func whiteSpace(_ *fixtures.Wording, body string) []string {
	indented, err := json.MarshalIndent(json.RawMessage(body), " ", "\t")
	if err != nil {
		panic(fmt.Sprintf("mutation: %q is not JSON: %v", body, err))
	}
	return []string{"\r\n " + string(indented) + "\n"}
}

// escapes writes apostrophes as .NET does.
func escapes(_ *fixtures.Wording, body string) []string {
	if !strings.Contains(body, "'") {
		return nil
	}
	return []string{strings.ReplaceAll(body, "'", `\u0027`)}
}

// Changes of the header.

func missing(*fixtures.Wording, fixtures.Response) []string { return []string{""} }

func otherContentTypes(*fixtures.Wording, fixtures.Response) []string {
	return []string{"text/html", "text/plain", "application/xml", "application/problem+json"}
}

// charset gives the media type a charset, or another spelling of it.
func charset(_ *fixtures.Wording, r fixtures.Response) []string {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return []string{media + ";charset=utf-8", media + `; Charset="UTF-8"`}
}

func negative(_ *fixtures.Wording, r fixtures.Response) []string {
	return []string{"-" + r.Header.Get("Retry-After")}
}

// atOdds is a minute less than the message says, a minute more, and minutes where seconds should stand.
func atOdds(w *fixtures.Wording, r fixtures.Response) (times []string) {
	if !w.Message.Has(fixtures.Minutes) {
		return nil
	}
	said := wait(r)
	for _, wait := range []time.Duration{said - time.Minute, said + time.Minute, said / 60} {
		times = append(times, seconds(wait))
		times = append(times, date(r, wait)...)
	}
	return times
}

func httpDate(_ *fixtures.Wording, r fixtures.Response) []string { return date(r, wait(r)) }

// anotherWait has the provider ask for another time to wait, in header and message.
func anotherWait(w *fixtures.Wording, r fixtures.Response) []fixtures.Response {
	if !w.Message.Has(fixtures.Minutes) || r.Header.Get("Retry-After") == "" {
		return nil
	}
	wait := wait(r) + 2*time.Minute
	values := map[string]string{fixtures.Minutes: strconv.Itoa(int(wait.Minutes()))}
	maps.Copy(values, w.Clause.Operation.Params)
	body := set(decode(string(r.Body)), envelope(w).Message, w.Message.Expand(values))
	return []fixtures.Response{withBody(withHeader(r, "Retry-After", seconds(wait)), encode(body))}
}

// wait is the time the response's Retry-After asks to wait, 0 if it has none.
func wait(r fixtures.Response) time.Duration {
	// A documented response has whole seconds.
	seconds, _ := strconv.Atoi(r.Header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second
}

func seconds(wait time.Duration) string { return strconv.Itoa(int(wait.Seconds())) }

// date is the end of the wait as an HTTP date, none if the response has no Date to count from.
func date(r fixtures.Response, wait time.Duration) []string {
	sent, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return nil
	}
	return []string{sent.Add(wait).Format(http.TimeFormat)}
}

// headerCase writes the names of the header in lower case, as HTTP/2 does, and in upper case.
func headerCase(_ *fixtures.Wording, r fixtures.Response) []fixtures.Response {
	lower, upper := http.Header{}, http.Header{}
	for name, values := range r.Header {
		lower[strings.ToLower(name)] = values
		upper[strings.ToUpper(name)] = values
	}
	return []fixtures.Response{
		{Status: r.Status, Header: lower, Body: r.Body},
		{Status: r.Status, Header: upper, Body: r.Body},
	}
}

// headerIDs changes whatever the contract doesn't speak of.
func headerIDs(_ *fixtures.Wording, r fixtures.Response) []fixtures.Response {
	others := r
	for name := range r.Header {
		if name != "Content-Type" && name != "Retry-After" {
			others = withHeader(others, name, otherID(r.Header.Get(name)))
		}
	}
	return []fixtures.Response{others}
}

// otherID is the next day of a date, and of anything else the same with other digits.
func otherID(value string) string {
	for _, layout := range []string{http.TimeFormat, "2006-01-02T15:04:05"} {
		if day, err := time.Parse(layout, value); err == nil {
			return day.AddDate(0, 0, 1).Format(layout)
		}
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0' + (r-'0'+1)%10
		}
		return r
	}, value)
}

// others iterates over the wordings of the other clauses of the wording's operation.
func others(w *fixtures.Wording) iter.Seq[*fixtures.Wording] {
	return func(yield func(*fixtures.Wording) bool) {
		for _, clause := range w.Clause.Operation.Clauses {
			for _, other := range clause.Wordings {
				if clause != w.Clause && !yield(other) {
					return
				}
			}
		}
	}
}

func expand(w *fixtures.Wording, t fixtures.Template) string {
	return t.Expand(w.Clause.Operation.Params)
}
