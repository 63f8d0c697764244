package live

import (
	"net/http"
	"slices"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// What the tests of the package use of its inside.
var (
	Child           = child
	FromEnvironment = fromEnvironment
	CheckID         = checkID
	Implausible     = implausible

	Disturbed = (*Transport).disturbed
)

const Marker = marker

// SandboxKey is something that a sandbox file can name.
type SandboxKey = sandboxKey

func SandboxKeys() []sandboxKey { return slices.Clone(sandboxKeys) }

// NameAt is the name of what a run of the tenant makes that began then.
func NameAt(sandbox *Sandbox, provider string, began time.Time) string {
	return newNames(sandbox, provider).name(newRun(began), 7)
}

// BeganAt is when the run began that has given a name, and whether one of the tenant has.
func BeganAt(sandbox *Sandbox, provider, name string) (time.Time, bool) {
	return newNames(sandbox, provider).parse(bareName(name))
}

func TokenValue(token Token) string { return token.value() }

// Redact is what a recording has of a text, or of a JSON body, of a response.
func Redact(o *fixtures.Operation, response fixtures.Response, sandbox *Sandbox, text string) string {
	x := exchange.New("GET", "https://sample.example/", response, time.Time{})
	return newRedaction(newVocabulary(o.Contract), o, x, sandbox, nil, &Secrets{}).body(text)
}

// Anonymous sends requests as nobody, past what proves an identity.
func (tr *Transport) Anonymous() http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if err := tr.checkHost(r); err != nil {
			return nil, err
		}
		return tr.send("", r, "")
	})
}
