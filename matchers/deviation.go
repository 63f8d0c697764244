package matchers

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// Deviation is one field of a response, or of what a client surfaces from it, that differs from the wording. Its texts are
// printable.
type Deviation struct {
	Wording    string `json:"wording"`            // its id
	Field      string `json:"field"`              // such as "code"
	Documented string `json:"documented"`         // in the contract
	Received   string `json:"received"`           // over the wire
	Surfaced   string `json:"surfaced,omitempty"` // to the client's caller; empty where only the wire was compared
	Note       string `json:"note,omitempty"`     // such as "differs by spelling only"
	Binds      bool   `json:"binds"`              // whether it breaks the contract
}

// spellingOnly is the note of a field that is as documented but for case, spaces, punctuation and apostrophes.
const spellingOnly = "differs by spelling only"

// comparison is the result of comparing an exchange with one wording.
type comparison struct {
	wording    *fixtures.Wording
	deviations []Deviation // in the order of the fields
}

func (v comparison) broken() int {
	n := 0
	for _, d := range v.deviations {
		if d.Binds {
			n++
		}
	}
	return n
}

// details counts the documented details if the response has all of them, and is 0 otherwise.
func (v comparison) details() int {
	if slices.ContainsFunc(v.deviations, func(d Deviation) bool { return d.Field == "details" }) {
		return 0
	}
	return len(v.wording.Details)
}

// binder returns the bindings of a wording's fields. A nil binder stands for those of the provider's own words.
type binder func(*fixtures.Wording) fixtures.Bindings

func bindStrictly(*fixtures.Wording) fixtures.Bindings { return fixtures.Strict() }

func bindPublished(w *fixtures.Wording) fixtures.Bindings {
	bindings := fixtures.Strict()
	if w.Text == "synthetic" {
		bindings.Message = fixtures.Advisory
	}
	return bindings
}

// nearest compares the exchange with each wording and returns the comparison with the fewest broken fields, then the fewest
// deviations, then the most documented details, then the closest message. Without wordings the comparison has none.
func nearest(x exchange.Exchange, wordings []*fixtures.Wording, bind binder) comparison {
	var best comparison
	var faults []fault // of the body's shape: the wordings share one contract, and so one schema
	if len(wordings) > 0 && x.Fault() == nil {
		faults = shapeFaults(x, wordings[0].Clause.Operation.Contract.Envelope.Schema)
	}
	for _, w := range wordings {
		bindings := w.Clause.Bindings
		if bind != nil {
			bindings = bind(w)
		}
		v := comparison{w, compare(x, w, bindings, faults)}
		if best.wording == nil || v.nearer(best, x) {
			best = v
		}
		if len(best.deviations) == 0 {
			break
		}
	}
	return best
}

// compare is deviations, once for each exchange: the verdict and the assertions of a spec ask for them. They are the caller's own.
func compare(x exchange.Exchange, w *fixtures.Wording, bindings fixtures.Bindings, faults []fault) []Deviation {
	type key struct {
		wording  *fixtures.Wording
		bindings fixtures.Bindings
	}
	found, _ := x.Once(key{w, bindings}, func(any) any { return deviations(x, w, bindings, faults) }).([]Deviation)
	return slices.Clone(found)
}

// nearer reports whether the exchange is nearer to the comparison's wording than to the other's. It compares messages last:
// that takes longest, and is seldom needed.
func (v comparison) nearer(other comparison, x exchange.Exchange) bool {
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

// closeness is how close the response's message is to the documented one.
func closeness(x exchange.Exchange, w *fixtures.Wording) float64 {
	received, _ := x.At(w.Clause.Operation.Contract.Envelope.Message)
	text, _ := received.(string)
	return fixtures.Closeness(text, w.Message.String())
}

// comparer gathers the deviations of one exchange from one wording.
type comparer struct {
	exchange.Exchange
	*fixtures.Wording
	envelope *fixtures.Envelope
	bindings fixtures.Bindings
	found    []Deviation
	reported []string // JSON Pointers of the fields reported as broken
}

// deviations lists every field of the response that is not exactly as the wording documents it, except for those bound
// by None.
func deviations(x exchange.Exchange, w *fixtures.Wording, bindings fixtures.Bindings, faults []fault) []Deviation {
	c := &comparer{Exchange: x, Wording: w, envelope: &w.Clause.Operation.Contract.Envelope, bindings: bindings}
	if x.Status() != w.Clause.Status {
		c.deviate(bindings.Status, "", Deviation{
			Field: "status", Documented: fixtures.StatusLine(w.Clause.Status), Received: fixtures.StatusLine(x.Status()),
		})
	}
	c.contentType()
	c.notes()
	c.refusal()
	var minutes string
	if x.Fault() != nil {
		c.deviate(bindings.Shape, "", Deviation{
			Field: "body", Documented: "JSON, as " + c.envelope.Schema.Name, Received: x.Fault().Error(),
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

// deviate adds a deviation of the field at a JSON Pointer ("" for one outside the body) unless its binding is None.
func (c *comparer) deviate(binding fixtures.Binding, at string, d Deviation) {
	if binding == fixtures.None {
		return
	}
	d.Binds = binding == fixtures.Exact || binding == fixtures.Spelling && d.Note != spellingOnly
	c.found = append(c.found, d)
	if d.Binds && at != "" {
		c.reported = append(c.reported, at)
	}
}

func (c *comparer) contentType() {
	if received, ok := contentType(c.Exchange); !ok {
		c.deviate(c.bindings.Shape, "", Deviation{
			Field: "Content-Type", Documented: "application/json", Received: received,
		})
	}
}

// notes reports what is odd about the body. A reader may ignore it, and so it binds only where every field does.
func (c *comparer) notes() {
	binding := fixtures.Advisory
	if strict := fixtures.Strict(); c.bindings.RetryAfter == strict.RetryAfter && c.bindings.InnerError == strict.InnerError {
		binding = fixtures.Exact
	}
	for _, note := range c.Notes() {
		c.deviate(binding, "", Deviation{Field: "body", Documented: "JSON, as " + c.envelope.Schema.Name, Received: exchange.Printable(note)})
	}
}

// refusal reports what the platform rejected before the API saw it: no clause documents that, though one may respond alike.
func (c *comparer) refusal() {
	if refusal, reason := c.Refusal(c.Clause.Operation.Contract); refusal != nil && !refusal.Rights {
		c.deviate(fixtures.Exact, "", Deviation{
			Field: "reason", Documented: "(none of the platform's)", Received: quote(reason, true), Note: refusal.Says,
		})
	}
}

// contentType reports whether the response's content type is JSON, and what it is where it is not, printable.
func contentType(x exchange.Exchange) (other string, isJSON bool) {
	value := strings.Join(x.Values("Content-Type"), ", ") // two values together are no media type
	media, _, err := mime.ParseMediaType(value)
	if media == "application/json" && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) {
		return "", true
	}
	return cmp.Or(exchange.Printable(value), "(missing)"), false
}

func (c *comparer) code() {
	received, found := c.At(c.envelope.Code)
	if received == c.Code {
		return
	}
	d := Deviation{Field: "code", Documented: quote(c.Code, true), Received: quote(received, found)}
	if text, ok := received.(string); ok && fixtures.Normalize(text) == fixtures.Normalize(c.Code) {
		d.Note = spellingOnly
	}
	c.deviate(c.bindings.Code, c.envelope.Code, d)
}

// repeatedStatus compares the status in the body, if the provider repeats it there, with the HTTP status.
func (c *comparer) repeatedStatus() {
	if c.envelope.Status == "" {
		return
	}
	if received, found := c.At(c.envelope.Status); received != float64(c.Status()) {
		c.deviate(c.bindings.Status, c.envelope.Status, Deviation{
			Field:      strings.ReplaceAll(c.envelope.Status[1:], "/", "."),
			Documented: fmt.Sprintf("%d, the HTTP status", c.Status()), Received: quote(received, found),
		})
	}
}

// name compares the "@Name " at the start of the message with the clause's name, which may be empty.
func (c *comparer) name() {
	received, _ := c.At(c.envelope.Message)
	text, _ := received.(string)
	carrier := ""
	if c.Clause.Name != "" {
		carrier = "@" + c.Clause.Name + " "
	}
	if carrier == "" && !strings.HasPrefix(text, "@") || carrier != "" && strings.HasPrefix(text, carrier) {
		return
	}
	d := Deviation{Field: "name", Documented: "(no @name)", Received: "(no @name)"}
	if carrier != "" {
		d.Documented = quote(carrier, true) + " at the start of the message"
	}
	if strings.HasPrefix(text, "@") {
		name, _, _ := strings.Cut(text, " ")
		d.Received = quote(name, true)
		if rest, ok := strings.CutPrefix(text, "@"+c.Clause.Name); ok && !startsWithName(rest) {
			d.Note = "the space after the name is missing"
		}
	}
	c.deviate(c.bindings.Name, c.envelope.Message, d)
}

// startsWithName reports whether the name continues in text.
func startsWithName(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// message compares the message and returns the minutes it gives, "" if it gives none.
func (c *comparer) message() (minutes string) {
	received, found := c.At(c.envelope.Message)
	text, isText := received.(string)
	captures, ok := c.Message.Match(text)
	if isText && ok {
		return captures[fixtures.Minutes]
	}
	d := Deviation{Field: "message", Documented: quote(c.Message.String(), true), Received: quote(received, found)}
	switch {
	case c.Text == "synthetic":
		d.Documented += " (the text is ours: the page gives none)"
	case c.Text != "":
		d.Documented += " (the text was seen in public: the page gives none)"
	}
	if _, ok = c.Message.MatchSpelling(text); isText && ok {
		d.Note = spellingOnly
	} else {
		d.Note = unexpanded(c.Message, text)
	}
	c.deviate(c.bindings.Message, c.envelope.Message, d)
	// Another reading of the row gives the minutes too: the header must agree with them whichever is compared.
	for _, w := range c.Clause.Wordings {
		captures, _ = w.Message.MatchSpelling(text)
		minutes = cmp.Or(minutes, captures[fixtures.Minutes])
	}
	return minutes
}

// details finds for each documented detail an entry of its own, in any order.
func (c *comparer) details() {
	if len(c.Details) == 0 {
		return
	}
	received, found := c.At(c.envelope.Details)
	entries, _ := received.([]any)
	if pair(c.Details, c.MoreDetails, entries, equalDetail) {
		return
	}
	d := Deviation{Field: "details", Documented: c.documentedDetails(), Received: quote(received, found)}
	if pair(c.Details, c.MoreDetails, entries, similarDetail) {
		d.Note = spellingOnly
	}
	for _, detail := range c.Details {
		d.Note = cmp.Or(d.Note, unexpanded(detail.Message, d.Received))
	}
	c.deviate(c.bindings.Details, c.envelope.Details, d)
}

// unexpanded is the note that text contains a placeholder of the template with its braces, "" if it contains none.
func unexpanded(template fixtures.Template, text string) string {
	if raw := template.Unexpanded(text); raw != "" {
		return "the placeholder " + raw + " was sent unexpanded"
	}
	return ""
}

// pair pairs each detail with the first unpaired entry that is the same. It reports whether every detail has a pair, and,
// unless there may be more, every entry.
func pair(details []fixtures.Detail, more bool, entries []any, same func(d fixtures.Detail, code, message string) bool) bool {
	entries = slices.Clone(entries)
	for _, d := range details {
		at := slices.IndexFunc(entries, func(entry any) bool {
			object, _ := entry.(map[string]any)
			code, _ := object["code"].(string)
			message, isText := object["message"].(string)
			return isText && same(d, code, message)
		})
		if at < 0 {
			return false
		}
		entries = slices.Delete(entries, at, at+1)
	}
	return more || len(entries) == 0
}

func equalDetail(d fixtures.Detail, code, message string) bool {
	_, ok := d.Message.Match(message)
	return ok && d.Code == code
}

func similarDetail(d fixtures.Detail, code, message string) bool {
	_, ok := d.Message.MatchSpelling(message)
	return ok && fixtures.Normalize(d.Code) == fixtures.Normalize(code)
}

func (c *comparer) documentedDetails() string {
	list := []any{}
	for _, d := range c.Details {
		list = append(list, map[string]any{"code": d.Code, "message": d.Message.String()})
	}
	if c.MoreDetails {
		return quote(list, true) + ", possibly with more"
	}
	return quote(list, true)
}

func (c *comparer) innerError() {
	places := c.envelope.InnerError
	present := func(place string) bool { value, _ := c.At(place); return value != nil } // null is absence
	if len(places) == 0 || slices.ContainsFunc(places, present) {
		return // one that is no object deviates in shape
	}
	c.deviate(c.bindings.InnerError, "", Deviation{
		Field: "innerError", Documented: "an object with the request's id and date", Received: "(missing)",
	})
}

// shapeFaults lists the faults in the shape of the body.
func shapeFaults(x exchange.Exchange, schema fixtures.Schema) []fault {
	faults, err := validate(schema, x)
	if err != nil {
		// A test compiles the embedded schemas; a wrong one of a user's own contract is reported here.
		faults = []fault{{text: err.Error()}}
	}
	return faults
}

// shape reports the faults, except for those at a place that is already reported as broken.
func (c *comparer) shape(faults []fault) {
	unreported := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return slices.Contains(c.reported, f.place) })
	for _, line := range faultLines(unreported) {
		c.deviate(c.bindings.Shape, "", Deviation{Field: "shape", Documented: c.envelope.Schema.Name, Received: line})
	}
}

func (c *comparer) retryAfter(minutes string) {
	if !slices.Contains(c.envelope.RetryAfter, c.Clause.Status) {
		return
	}
	d := Deviation{Field: "Retry-After", Documented: "a time to wait"}
	said, err := time.ParseDuration(minutes + "m")
	if minutes != "" {
		d.Documented = minutes + " min, as in the message"
	}
	if c.Header("Retry-After") == "" {
		d.Received = "(missing)"
		c.deviate(c.bindings.RetryAfter, "", d)
		return
	}
	// A header that contradicts itself or the message breaks every contract that documents it.
	binding := fixtures.Exact
	if c.bindings.RetryAfter == fixtures.None {
		binding = fixtures.None
	}
	wait, unreadable := exchange.RetryAfter(c.Exchange)
	switch {
	case unreadable != nil:
		d.Note = unreadable.Error()
	case minutes != "" && (err != nil || wait <= said-time.Minute || wait >= said+time.Minute):
		d.Note = fmt.Sprintf("the header says %s, the message %s min", wait, minutes)
	default:
		return
	}
	d.Received = exchange.Printable(strings.Join(c.Values("Retry-After"), ", "))
	c.deviate(binding, "", d)
}

// quote prints a value of a body as JSON, with special characters escaped and tokens masked.
func quote(value any, found bool) string {
	if !found {
		return "(missing)"
	}
	text, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Sprint(value)
	}
	return exchange.Printable(string(text))
}
