package observe

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// draft is the clause that would document a response, as far as the response shows it.
type draft struct {
	operation           *fixtures.Operation
	status              int
	code, name, message string // empty where the response has none
	details             []exchange.Detail
}

var namedMessage = regexp.MustCompile(`^@([A-Za-z][A-Za-z0-9]{0,80}) `)

// Draft is a clause for a response of the operation that none documents, as the YAML of the contract has it, with … where a
// person must decide.
func Draft(o *fixtures.Operation, x exchange.Exchange) string { return newDraft(o, x, nil).String() }

// newDraft reads the response to a request with these parameters in its path. A value that a message repeats becomes {id}: the
// next response has another.
func newDraft(o *fixtures.Operation, x exchange.Exchange, params map[string]string) draft {
	envelope := o.Contract.Envelope
	d := draft{operation: o, status: x.Status(), code: x.TextAt(envelope.Code), message: x.TextAt(envelope.Message)}
	if name := namedMessage.FindStringSubmatch(d.message); name != nil && o.Clauses[0].Bindings.Name != fixtures.None {
		d.name = name[1]
	}
	const maxDetails = 5 // enough for a person to see what they are
	d.details = x.DetailsAt(envelope.Details)
	d.details = d.details[:min(len(d.details), maxDetails)]
	const minLength = 6 // "me" is a user's id, and part of many words
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if value := params[name]; len(value) >= minLength {
			d.message = strings.ReplaceAll(d.message, value, "{id}")
			for i := range d.details {
				d.details[i].Message = strings.ReplaceAll(d.details[i].Message, value, "{id}")
			}
		}
	}
	return d
}

// String is the clause as the YAML of the contract has it, with … where a person must decide.
func (d draft) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "  - key: %s\n", d.key())
	if d.name != "" {
		fmt.Fprintf(&text, "    name: %s\n", d.name)
	}
	fmt.Fprintf(&text, "    when: '…'\n    status: %d\n    remedy: {do: …, from: ours}\n", d.status)
	fmt.Fprintf(&text, "    on: [{operation: %s, evidence: inferred, basis: seen in a test run}]\n", d.operation.ID)
	fmt.Fprintf(&text, "    wordings:\n      - code: %s\n        message: %s\n", scalar(d.code), scalar(d.message))
	for i, detail := range d.details {
		if i == 0 {
			text.WriteString("        details:\n")
		}
		fmt.Fprintf(&text, "          - {code: %s, message: %s}\n", scalar(detail.Code), scalar(detail.Message))
	}
	return text.String()
}

var (
	hump     = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	notPlain = regexp.MustCompile(`[^A-Za-z0-9]+`)
)

// key is the code in lower case with hyphens, and the name after a dot if there is one: "failed-precondition.SomeName". No
// clause of the operation has it.
func (d draft) key() string {
	key := strings.Trim(notPlain.ReplaceAllString(hump.ReplaceAllString(exchange.Printable(d.code), "$1-$2"), "-"), "-")
	if key = strings.ToLower(key); key == "" {
		key = fmt.Sprintf("status-%d", d.status)
	}
	const maxLength = 60
	key = strings.TrimRight(key[:min(len(key), maxLength)], "-")
	if d.name != "" {
		key += "." + d.name
	}
	free := key
	for n := 2; d.operation.Contract.Clause(d.operation.ID+"."+free) != nil; n++ {
		free = fmt.Sprintf("%s-%d", key, n)
	}
	return free
}

// scalar is a printable text in YAML, on one line.
func scalar(text string) string {
	text = exchange.Printable(text)
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text) // whose escapes are YAML's too
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
