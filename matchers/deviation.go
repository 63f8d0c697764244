package matchers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/learncontract/learncontract/fixtures"
)

// Deviation is one field in which a response differs from its wording, or what a client surfaced from the response. The
// texts are printable.
type Deviation struct {
	Wording    string `json:"wording"`            // its id; empty where one wording was compared
	Field      string `json:"field"`              // such as "status", "code" or "Retry-After"
	Documented string `json:"documented"`         //
	Received   string `json:"received"`           // from the provider
	Surfaced   string `json:"surfaced,omitempty"` // to the client's caller; empty if only the response was checked
	Note       string `json:"note,omitempty"`     // what else there is to say, such as "differs by spelling only"
	Binds      bool   `json:"binds"`              // whether the field is bound so strongly that the clause is broken
}

// spellingOnly is the note of a field that is as documented but for case, spaces, punctuation and apostrophes.
const spellingOnly = "differs by spelling only"

// verdict is an exchange held against one wording.
type verdict struct {
	wording    *fixtures.Wording
	deviations []Deviation // in the order of the fields
}

func (v verdict) broken() int {
	n := 0
	for _, d := range v.deviations {
		if d.Binds {
			n++
		}
	}
	return n
}

// details counts the documented details if the answer has them, and is 0 if it hasn't.
func (v verdict) details() int {
	if slices.ContainsFunc(v.deviations, func(d Deviation) bool { return d.Field == "details" }) {
		return 0
	}
	return len(v.wording.Details)
}

// binder says how strongly the fields of a wording are bound. Nil binds them as the provider's own words do.
type binder func(*fixtures.Wording) fixtures.Bindings

func strictly(*fixtures.Wording) fixtures.Bindings { return fixtures.Strict }

func asPublished(w *fixtures.Wording) fixtures.Bindings {
	bindings := fixtures.Strict
	if w.Text == "synthetic" {
		bindings.Message = fixtures.Advisory
	}
	return bindings
}

// nearest judges the exchange by each wording and returns the verdict with the fewest broken fields, then the fewest
// deviations, then the most details that are as documented, then the closest message. Without wordings the verdict has none.
func nearest(x Exchange, wordings []*fixtures.Wording, bind binder) verdict {
	var best verdict
	var faults []fault // of the body's shape: the wordings share a contract, and so its schema
	if len(wordings) > 0 && x.fault == "" {
		faults = shapeOf(x, wordings[0].Clause.Operation.Contract.Envelope.Schema)
	}
	for _, w := range wordings {
		bindings := w.Clause.Bindings
		if bind != nil {
			bindings = bind(w)
		}
		v := verdict{w, deviations(x, w, bindings, faults)}
		if best.wording == nil || v.nearer(best, x) {
			best = v
		}
		if len(best.deviations) == 0 {
			break
		}
	}
	return best
}

// nearer reports whether the exchange is nearer to the verdict's wording than to the other's. The messages are compared last:
// it takes longest, and few are as near otherwise.
func (v verdict) nearer(other verdict, x Exchange) bool {
	order := cmp.Or(
		cmp.Compare(v.broken(), other.broken()),
		cmp.Compare(len(v.deviations), len(other.deviations)),
		cmp.Compare(other.details(), v.details()),
	)
	if order == 0 {
		order = cmp.Compare(closeness(x, other.wording), closeness(x, v.wording))
	}
	return order < 0
}

// closeness is that of the answer's message to the documented one.
func closeness(x Exchange, w *fixtures.Wording) float64 {
	answered, _ := x.at(w.Clause.Operation.Contract.Envelope.Message)
	text, _ := answered.(string)
	return fixtures.Closeness(text, w.Message.String())
}

// comparison gathers the deviations of one exchange from one wording.
type comparison struct {
	Exchange
	*fixtures.Wording
	envelope *fixtures.Envelope
	bindings fixtures.Bindings
	found    []Deviation
	told     []string // JSON Pointers of the fields told of as broken
}

// deviations lists every field of the answer that is not exactly as the wording documents it, but for those bound by
// None.
func deviations(x Exchange, w *fixtures.Wording, bindings fixtures.Bindings, faults []fault) []Deviation {
	c := &comparison{Exchange: x, Wording: w, envelope: &w.Clause.Operation.Contract.Envelope, bindings: bindings}
	if x.answer.Status != w.Clause.Status {
		c.deviate(bindings.Status, "", Deviation{
			Field: "status", Documented: fixtures.StatusLine(w.Clause.Status), Received: fixtures.StatusLine(x.answer.Status),
		})
	}
	c.contentType()
	var minutes string
	if x.fault != "" {
		c.deviate(bindings.Shape, "", Deviation{
			Field: "body", Documented: "JSON, as " + c.envelope.Schema.Name, Received: x.fault,
		})
	} else {
		c.code()
		c.repeatedStatus()
		c.name()
		minutes = c.message()
		c.details()
		c.innerError()
		c.shape(faults)
	}
	c.retryAfter(minutes)
	return c.found
}

// deviate notes a deviation of the field at a JSON Pointer ("" for one outside the body) unless its binding is None.
func (c *comparison) deviate(binding fixtures.Binding, at string, d Deviation) {
	if binding == fixtures.None {
		return
	}
	d.Binds = binding == fixtures.Exact || binding == fixtures.Spelling && d.Note != spellingOnly
	c.found = append(c.found, d)
	if d.Binds && at != "" {
		c.told = append(c.told, at)
	}
}

func (c *comparison) contentType() {
	if answered, ok := contentType(c.Exchange); !ok {
		c.deviate(c.bindings.Shape, "", Deviation{
			Field: "Content-Type", Documented: "application/json", Received: answered,
		})
	}
}

// contentType is the answer's content type as it may be printed, and whether it is JSON.
func contentType(x Exchange) (printable string, isJSON bool) {
	value := strings.Join(x.answer.Header.Values("Content-Type"), ", ") // two are one that is no media type
	media, _, err := mime.ParseMediaType(value)
	isJSON = media == "application/json" && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter))
	return cmp.Or(Printable(value), "(missing)"), isJSON
}

func (c *comparison) code() {
	answered, found := c.at(c.envelope.Code)
	if answered == c.Code {
		return
	}
	d := Deviation{Field: "code", Documented: quoted(c.Code, true), Received: quoted(answered, found)}
	if text, ok := answered.(string); ok && fixtures.Normalize(text) == fixtures.Normalize(c.Code) {
		d.Note = spellingOnly
	}
	c.deviate(c.bindings.Code, c.envelope.Code, d)
}

// repeatedStatus holds the status in the body, where the provider repeats it, against the HTTP status.
func (c *comparison) repeatedStatus() {
	if c.envelope.Status == "" {
		return
	}
	if answered, found := c.at(c.envelope.Status); answered != float64(c.Status()) {
		c.deviate(c.bindings.Status, c.envelope.Status, Deviation{
			Field:      strings.ReplaceAll(c.envelope.Status[1:], "/", "."),
			Documented: fmt.Sprintf("%d, the HTTP status", c.Status()), Received: quoted(answered, found),
		})
	}
}

// name holds the "@Name " at the start of the message against the clause's name, or against it having none.
func (c *comparison) name() {
	answered, _ := c.at(c.envelope.Message)
	text, _ := answered.(string)
	carrier := ""
	if c.Clause.Name != "" {
		carrier = "@" + c.Clause.Name + " "
	}
	if carrier == "" && !strings.HasPrefix(text, "@") || carrier != "" && strings.HasPrefix(text, carrier) {
		return
	}
	d := Deviation{Field: "name", Documented: "(no @name)", Received: "(no @name)"}
	if carrier != "" {
		d.Documented = quoted(carrier, true) + " at the start of the message"
	}
	if strings.HasPrefix(text, "@") {
		name, _, _ := strings.Cut(text, " ")
		d.Received = quoted(name, true)
		if rest, ok := strings.CutPrefix(text, "@"+c.Clause.Name); ok && !startsWithName(rest) {
			d.Note = "the space after the name is missing"
		}
	}
	c.deviate(c.bindings.Name, c.envelope.Message, d)
}

// startsWithName reports whether a name goes on in text.
func startsWithName(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// message compares the message and returns the minutes it gives, "" if it gives none.
func (c *comparison) message() (minutes string) {
	answered, found := c.at(c.envelope.Message)
	text, isText := answered.(string)
	captures, ok := c.Message.Match(text)
	if isText && ok {
		return captures[fixtures.Minutes]
	}
	d := Deviation{Field: "message", Documented: quoted(c.Message.String(), true), Received: quoted(answered, found)}
	switch {
	case c.Text == "synthetic":
		d.Documented += " (the text is ours: the page gives none)"
	case c.Text != "":
		d.Documented += " (the text was seen in public: the page gives none)"
	}
	if isText {
		if captures, ok = c.Message.MatchSpelling(text); ok {
			d.Note = spellingOnly
		} else {
			d.Note = unexpanded(c.Message, text)
		}
	}
	c.deviate(c.bindings.Message, c.envelope.Message, d)
	// Another reading of the row gives the minutes too: the header must agree with them whichever is judged.
	for _, w := range c.Clause.Wordings {
		if other, ok := w.Message.MatchSpelling(text); ok && captures[fixtures.Minutes] == "" {
			captures = other
		}
	}
	return captures[fixtures.Minutes]
}

// details finds for each documented detail an entry of its own, in any order.
func (c *comparison) details() {
	if len(c.Details) == 0 {
		return
	}
	answered, found := c.at(c.envelope.Details)
	entries, _ := answered.([]any)
	rest, all := unmatched(c.Details, entries, exactly)
	if all && (c.MoreDetails || rest == 0) {
		return
	}
	d := Deviation{Field: "details", Documented: c.documentedDetails(), Received: quoted(answered, found)}
	rest, all = unmatched(c.Details, entries, bySpelling)
	if all && (c.MoreDetails || rest == 0) {
		d.Note = spellingOnly
	}
	for _, detail := range c.Details {
		d.Note = cmp.Or(d.Note, unexpanded(detail.Message, d.Received))
	}
	c.deviate(c.bindings.Details, c.envelope.Details, d)
}

// unexpanded is the note that a placeholder of the template stands in text with its braces, "" if none does.
func unexpanded(template fixtures.Template, text string) string {
	if raw := template.Unexpanded(text); raw != "" {
		return "the placeholder " + raw + " was sent unexpanded"
	}
	return ""
}

// unmatched gives each detail the first entry that is same and not yet given; it returns the number of entries left
// and whether each detail got one.
func unmatched(
	details []fixtures.Detail, entries []any, same func(d fixtures.Detail, code, message string) bool,
) (rest int, all bool) {
	entries = slices.Clone(entries)
	all = true
	for _, d := range details {
		at := slices.IndexFunc(entries, func(entry any) bool {
			object, _ := entry.(map[string]any)
			code, _ := object["code"].(string)
			message, isText := object["message"].(string)
			return isText && same(d, code, message)
		})
		if at < 0 {
			all = false
			continue
		}
		entries = slices.Delete(entries, at, at+1)
	}
	return len(entries), all
}

func exactly(d fixtures.Detail, code, message string) bool {
	_, ok := d.Message.Match(message)
	return ok && d.Code == code
}

func bySpelling(d fixtures.Detail, code, message string) bool {
	_, ok := d.Message.MatchSpelling(message)
	return ok && fixtures.Normalize(d.Code) == fixtures.Normalize(code)
}

func (c *comparison) documentedDetails() string {
	list := []any{}
	for _, d := range c.Details {
		list = append(list, map[string]any{"code": d.Code, "message": d.Message.String()})
	}
	if c.MoreDetails {
		return quoted(list, true) + ", possibly with more"
	}
	return quoted(list, true)
}

func (c *comparison) innerError() {
	places := c.envelope.InnerError
	if len(places) == 0 || slices.ContainsFunc(places, func(place string) bool { _, found := c.at(place); return found }) {
		return // one that is no object has the wrong shape
	}
	c.deviate(c.bindings.InnerError, "", Deviation{
		Field: "innerError", Documented: "an object with the request's id and date", Received: "(missing)",
	})
}

// shapeOf lists what is wrong with the shape of the body.
func shapeOf(x Exchange, schema fixtures.Schema) []fault {
	faults, err := validate(schema, x.body)
	if err != nil {
		// An embedded schema is compiled in a test; one of a user's contract is told of here.
		faults = []fault{{text: err.Error()}}
	}
	return faults
}

// shape leaves out what is wrong at a place already told of as broken.
func (c *comparison) shape(faults []fault) {
	untold := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return slices.Contains(c.told, f.place) })
	for _, line := range lines(untold) {
		c.deviate(c.bindings.Shape, "", Deviation{Field: "shape", Documented: c.envelope.Schema.Name, Received: line})
	}
}

func (c *comparison) retryAfter(minutes string) {
	if !slices.Contains(c.envelope.RetryAfter, c.Clause.Status) {
		return
	}
	values := strings.Join(c.answer.Header.Values("Retry-After"), ", ")
	d := Deviation{Field: "Retry-After", Documented: "a time to wait", Received: Printable(values)}
	said, err := time.ParseDuration(minutes + "m")
	if minutes != "" {
		d.Documented = minutes + " min, as in the message"
	}
	if c.Header("Retry-After") == "" {
		d.Received = "(missing)"
		c.deviate(c.bindings.RetryAfter, "", d)
		return
	}
	// A header that contradicts itself or the message breaks any contract that has it.
	binding := fixtures.Exact
	if c.bindings.RetryAfter == fixtures.None {
		binding = fixtures.None
	}
	wait, unreadable := RetryAfter(c.Exchange)
	switch {
	case unreadable != nil:
		d.Note = unreadable.Error()
		c.deviate(binding, "", d)
	case minutes != "" && (err != nil || wait <= said-time.Minute || wait >= said+time.Minute):
		d.Note = fmt.Sprintf("the header says %s, the message %s min", wait, minutes)
		c.deviate(binding, "", d)
	}
}

// quoted prints a value of a body as JSON, a text's special characters escaped and tokens masked.
func quoted(value any, found bool) string {
	if !found {
		return "(missing)"
	}
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return Printable(strings.TrimSpace(text.String()))
}
