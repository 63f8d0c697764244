package call

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// about is what every fault is about.
type about struct {
	client   string
	what     string // the id of what was, or was to be, received; empty in the constructor
	received bool   // whether the client had received it
}

// Received reports whether the client had received a response.
func (a about) Received() bool { return a.received }

func (a about) when() string {
	switch {
	case a.received:
		return "after it received " + a.what
	case a.what == "":
		return "in its constructor"
	}
	return "before it sent the request that receives " + a.what
}

// Panic is a client that panicked, or ended its goroutine.
type Panic struct {
	about
	Value any
	Stack []byte
}

// Error implements error.
func (f *Panic) Error() string {
	return fmt.Sprintf("%s panicked %s: %s\n%s", f.client, f.when(), exchange.Printable(fmt.Sprint(f.Value)), f.Stack)
}

// Hang is a client that did not return.
type Hang struct {
	about
	After time.Duration
	Stuck bool // in real time, for no virtual time passed
}

// Error implements error.
func (f *Hang) Error() string {
	if f.Stuck {
		return fmt.Sprintf("%s hangs %s: in %s it neither returned nor waited for anything that time can end. It waits for a lock or "+
			"a channel that New did not make, reads a socket of its own, or loops. Make in New what it waits for, or give Dial.",
			f.client, f.when(), f.After)
	}
	if f.what == "" {
		return fmt.Sprintf("%s hangs %s: it had not returned after %s.", f.client, f.when(), f.waited())
	}
	return fmt.Sprintf("%s hangs %s: it had not returned after %s, though its context was done after half of that. "+
		"Have it return with its context.", f.client, f.when(), f.waited())
}

// waited says how long it had not returned, and on which clock.
func (f *Hang) waited() string {
	if f.After == virtualPatience {
		return f.After.String() + " of virtual time, which takes none"
	}
	return f.After.String()
}

// TimedOut is a client that dials, and that returned only when the suite had ended its context.
type TimedOut struct {
	about
	After time.Duration
	Text  string // of the error that the call returned; empty for nil
}

// Error implements error.
func (f *TimedOut) Error() string {
	return fmt.Sprintf("%s took too long %s: the suite ended its context after %s, and it returned %s. If it needs longer, set its Timeout.",
		f.client, f.when(), f.After, cmp.Or(exchange.Printable(f.Text), "nil"))
}

// UnclosedBody is a client that returned without closing the body of a response.
type UnclosedBody struct {
	Client string
	Status string // the response's status line
	What   string // the id of what it received
}

// Error implements error.
func (f *UnclosedBody) Error() string {
	return fmt.Sprintf("%s returned without closing the body of the response %s (%s): net/http cannot use the connection again. "+
		"Have it close each response's body (http.Response.Body).", f.Client, f.Status, f.What)
}

// GivenUp is a client that is not called, because it hung in several calls before.
type GivenUp struct {
	client string
	calls  int32
}

// Error implements error.
func (f *GivenUp) Error() string {
	return fmt.Sprintf("%s is not called any more: it hung in %d calls before. Fix those first.", f.client, f.calls)
}

// ForeignHost is a client that sent a request to another host than the base URL's.
type ForeignHost struct {
	about
	BaseURL string // the API's
	Err     error  // the refused requests, with the transport that they were sent by
}

// Error implements error.
func (f *ForeignHost) Error() string {
	return fmt.Sprintf("%s called another host than %s %s:\n%v\nSend every request with the given http.Client below the given base URL. "+
		"If the client signs in there, name the token endpoint in Config.TokenURL, or give the client a token of its own in New.", f.client, f.BaseURL, f.when(), f.Err)
}

// UnexpectedRequest is a client that sent a request that nothing responds to.
type UnexpectedRequest struct {
	about
	Err    error  // the requests, and what they differ in
	Remedy string // the declaration that would allow them; empty if none would
	Why    string // why the client must send one request only
}

// Error implements error.
func (f *UnexpectedRequest) Error() string {
	text := fmt.Sprintf("%s sent an unexpected request %s", f.client, f.when())
	if f.received {
		text = fmt.Sprintf("%s sent another request %s", f.client, f.when())
		if f.Why != "" {
			text += ", though " + f.Why
		}
	}
	return strings.TrimSuffix(fmt.Sprintf("%s:\n%v\n%s", text, f.Err, f.Remedy), "\n")
}

// NoRequest is a client that did not send the request of its call by the transport that it was given.
type NoRequest struct {
	about
	Want    string // the request that the call asks for
	Text    string // of the error that the call returned; empty for nil
	Refused error  // what was sent by another transport, and refused; nil for nothing
	Dialled bool   // whether the client was given a base URL, and no transport
}

// Error implements error.
func (f *NoRequest) Error() string {
	returned := "nil"
	if f.Text != "" {
		returned = exchange.Printable(f.Text)
	}
	switch {
	case f.Refused != nil && f.Dialled:
		return fmt.Sprintf("%s did not send %s to the base URL that it was given:\n%v\nHave Dial pass that base URL on. The call returned: %s",
			f.client, f.Want, f.Refused, returned)
	case f.Refused != nil:
		return fmt.Sprintf("%s did not send %s with the http.Client that it was given:\n%v\nHave New pass that http.Client on. The call returned: %s",
			f.client, f.Want, f.Refused, returned)
	case f.Text != "":
		return fmt.Sprintf("%s did not send %s with what it was given. The call returned:\n%s\n%s", f.client, f.Want, returned, f.remedy())
	}
	return fmt.Sprintf("%s did not send %s, and returned nil. %s", f.client, f.Want, f.remedy())
}

// remedy says how to fix a client of which nothing was seen.
func (f *NoRequest) remedy() string {
	const gone = "If it sent the request otherwise, by a resolver or to an address of its own, that may have left this machine. "
	if f.Dialled {
		return gone + "Have Dial pass on the base URL that it was given."
	}
	return gone + "Have New pass on the http.Client that it was given, and the call its context."
}
