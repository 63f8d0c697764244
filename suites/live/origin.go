package live

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"slices"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// refusal is how the platform before the API rejected a request, nil if it did not.
func (tr *Transport) refusal(x exchange.Exchange) (refusal *fixtures.Refusal, reason string) {
	if tr.options.Contract == nil {
		return nil, ""
	}
	return x.Refusal(tr.options.Contract)
}

// disturbed is the error of a response that says nothing of the API, nil if it does: the platform rejected the request before the API
// saw it, or somebody else responded. What an identity is rejected for that must be limited is what it is for.
func (tr *Transport) disturbed(as string, x exchange.Exchange) error {
	refusal, reason := tr.refusal(x)
	line := fixtures.StatusLine(x.Status())
	switch {
	case refusal != nil && refusal.Wait:
		return engineErrorf(opWait, "%s throttled the request with %s, %d times: try again later", tr.provider, line, mostTries)
	case refusal != nil && refusal.Rights && !isLimited(as):
		return engineErrorf(opSetUp, "%s responded %s to %s, and %s (%s), which says nothing of the clause: grant it %s", tr.provider, line, as,
			refusal.Says, exchange.Printable(reason), tr.sandbox.facts.Grants[tr.provider])
	case refusal != nil && !refusal.Rights:
		return engineErrorf(opSetUp, "%s responded %s, and %s (%s), which says nothing of the clause: see to that first", tr.provider, line,
			refusal.Says, exchange.Printable(reason))
	}
	return tr.foreign(x)
}

// foreign is the error of a response that the API did not write, nil if it may have. Those that ask to wait are waited for first.
func (tr *Transport) foreign(x exchange.Exchange) error {
	line := fixtures.StatusLine(x.Status())
	var envelope fixtures.Envelope
	if tr.options.Contract != nil {
		envelope = tr.options.Contract.Envelope
	}
	switch {
	case x.Status() >= http.StatusMultipleChoices && x.Status() < http.StatusBadRequest:
		return engineErrorf(opHost, "%s responded %s, and a run follows no redirect: check the sandbox file's endpoint, and proxies", tr.provider, line)
	case isPage(x) && (x.Status() < http.StatusBadRequest || envelope.FrontEnd == "" || !bytes.Contains(x.Body(), []byte(envelope.FrontEnd))):
		return engineErrorf(opNetwork, "a gateway before %s responded %s with a page of its own: check the network and its proxies\n%s", tr.provider, line, x)
	case slices.Contains(gateways, x.Status()):
		return engineErrorf(opNetwork, "a gateway before %s responded %s: check the network and its proxies, or try again later", tr.provider, line)
	case envelope.Origin != "" && x.Header(envelope.Origin) == "":
		return engineErrorf(opNetwork, "something before %s responded %s, for the response has no %s, as each of the API's has: check the network and its proxies\n%s",
			tr.provider, line, envelope.Origin, x)
	}
	return nil
}

// gateways are the statuses that stand for what is between a client and the provider, those of RFC 9110, RFC 6585 and RFC 7725, and
// those of widespread gateways.
var gateways = []int{
	http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly,
	http.StatusUnavailableForLegalReasons, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusNetworkAuthenticationRequired,
	520, 521, 522, 523, 524, 525, 526, 527, 530,
}

// isPage reports a text that no API of JSON has written, by its Content-Type or its beginning. A number or a word is JSON, too, and no
// API's.
func isPage(x exchange.Exchange) bool {
	body := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(x.Body()), []byte("\ufeff")))
	media, _, _ := mime.ParseMediaType(x.Header("Content-Type"))
	switch {
	case len(body) > 0 && (body[0] == '{' || body[0] == '[') && json.Valid(body):
		return false
	case slices.Contains([]string{"text/html", "application/xhtml+xml"}, media):
		return true
	}
	return len(body) > 0 && (media == "text/plain" || body[0] == '<')
}
