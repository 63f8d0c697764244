package live

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/learncontract/learncontract/matchers/exchange"
)

// What can fail that is no response of the provider.
const (
	opSignIn    = "sign-in"   // no token, or an expired one
	opNetwork   = "network"   // no response, or one that breaks off
	opGuard     = "guard"     // not the tenant or the user that the sandbox file names
	opHost      = "host"      // a request to somebody else than the provider
	opBudget    = "budget"    // more requests than the run may send
	opWait      = "wait"      // a wait that is longer than the request, or the run, may take
	opSetUp     = "set-up"    // what a clause needs could not be made
	opCleanUp   = "clean-up"  // what was made could not be removed
	opRecord    = "recording" // the responses could not be kept
	opInterrupt = "interrupt" // somebody ended the run
)

// EngineError is why there is no response: the run's fault or its surroundings', never a broken contract. Its text is a
// sentence that holds no secret.
type EngineError struct {
	Op  string // what failed, such as "sign-in", "network" or "guard"
	Err error  // why, and what to do about it
}

// Error implements error.
func (e *EngineError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *EngineError) Unwrap() error { return e.Err }

// The causes that are in the chain of an EngineError, by its Op.
var (
	ErrOtherTenant = errors.New("not whom the sandbox file names") // of opGuard
	ErrOtherHost   = errors.New("not the provider's host")         // of opHost
	ErrBudget      = errors.New("the budget is spent")             // of opBudget
	ErrLongWait    = errors.New("too long a wait")                 // of opWait; it ends the run
)

func engineErrorf(op string, format string, args ...any) *EngineError {
	return &EngineError{op, fmt.Errorf(format, args...)}
}

// networkError words why a host gave no response.
func networkError(ctx context.Context, host string, err error) *EngineError {
	if already, ok := errors.AsType[*EngineError](err); ok {
		return already
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return wrapWithText(opInterrupt, context.Canceled, "the request to %s was canceled, because the run was interrupted", host)
	}
	return wrapWithText(opNetwork, err, "%s %s (%s)", host, NetworkReason(err), exchange.Printable(err.Error()))
}

// wrapWithText is engineErrorf with a cause that is shown in other words than its own, which may be longer, or hold more, than is to be shown.
func wrapWithText(op string, cause error, format string, args ...any) *EngineError {
	return &EngineError{op, &replacedText{fmt.Sprintf(format, args...), cause}}
}

type replacedText struct {
	text string
	err  error
}

func (w *replacedText) Error() string { return w.text }
func (w *replacedText) Unwrap() error { return w.err }

// NetworkReason words why a host gave no response, and what to do about it, as it goes on after the host's name.
func NetworkReason(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsNotFound {
			return "is not known to the name server: check the network, the proxy and the sandbox file's endpoint"
		}
		return "could not be looked up: check the network and the name server"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "shows a certificate of an unknown authority: if it is a loopback address, name its ca in the sandbox file"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "shows a certificate of another host, and another server may be responding: check the sandbox file's endpoint, and proxies"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if invalid.Reason == x509.Expired {
			return "shows a certificate that is not valid now: check this machine's clock"
		}
		return "shows an invalid certificate: check the sandbox file's endpoint, and proxies"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "does not speak TLS: check the sandbox file's endpoint"
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout():
		return "did not respond in time: try again later"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses the connection, because nothing listens there: check the sandbox file's endpoint, or start what it names"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset the connection: check the network and its proxies, or try again later"
	case errors.Is(err, io.EOF):
		return "closed the connection without a response: check the network and its proxies, or try again later"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "ended its response early: try again later"
	}
	return "cannot be reached: check the network and its proxies"
}
