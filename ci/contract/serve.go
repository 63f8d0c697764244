package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

func serveCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:   "serve [" + strings.Join(fixtures.Providers(), "|") + "]",
		Short: "Respond on a loopback address as the contract documents",
		Long: "serve starts a server on a loopback address, for a quick try with curl or a client whose base URL can be set.\n\n" +
			"Each operation returns all its wordings in turn, then its success, then starts over. The request header\n" +
			"Prefer: clause=ID chooses an error by the id of a wording, or of a clause for its first wording. The response header\n" +
			chooser + " names what was returned. GET / lists the errors with a command line each, or as JSON if Accept\n" +
			"has application/json. The server looks only at the method, the path and Prefer. Ctrl-C stops it.",
		Example: "  go tool contract serve\n" +
			"  go tool contract serve graph --address 127.0.0.1:8080",
		RunE: func(cmd *cobra.Command, args []string) error {
			contracts, err := load(args)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), cmd.OutOrStdout(), address, contracts)
		},
	}
	takeProvider(cmd)
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:0", "the loopback `address` to listen on; port 0 takes any free port")
	return cmd
}

// serve responds on the address until the context ends, and writes a line for each request.
func serve(ctx context.Context, out io.Writer, address string, contracts []*fixtures.Contract) error {
	if err := loopback(address); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("--address %s cannot be listened on (%w): give another port, or 0 for any free one",
			address, err)
	}
	s := &server{
		base: "http://" + listener.Addr().String(), contracts: contracts, calls: map[*fixtures.Operation]int{}, out: out,
	}
	for _, c := range contracts {
		s.logf("%s %s is at %s\n", c.Provider, c.API, s.base+basePath(c))
	}
	s.logf("curl %s/ lists the errors; Ctrl-C stops\n", s.base)

	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// loopback rejects an address that other machines can reach.
func loopback(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--address %q is no HOST:PORT, such as 127.0.0.1:8080", address)
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--address %s can be reached by other machines: use 127.0.0.1:%s or [::1]:%s", address, port, port)
}

// server responds as contracts document.
type server struct {
	base      string // its own URL, without a final slash
	contracts []*fixtures.Contract

	mutex sync.Mutex
	calls map[*fixtures.Operation]int // without a preference
	out   io.Writer
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && r.Method == http.MethodGet {
		s.list(w, r)
		return
	}
	o, methods := s.operation(r)
	if o == nil && len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		s.reject(w, r, http.StatusMethodNotAllowed,
			fmt.Sprintf("the path takes %s, and not %s: GET / lists all", joinOr(methods), r.Method))
		return
	}
	if o == nil {
		s.reject(w, r, http.StatusNotFound, "no operation has the path: GET / lists all")
		return
	}
	wording, err := s.wording(o, r)
	if err != nil {
		s.reject(w, r, http.StatusUnprocessableEntity, err.Error())
		return
	}
	response, name := o.SuccessResponse(), o.ID
	if wording != nil {
		response, name = wording.Response(), wording.ID()
	}
	for field, value := range sentFields(response) {
		w.Header().Set(field, value)
	}
	w.Header().Set(chooser, name)
	s.respond(w, r, response.Status, response.Body, name)
}

// operation returns the operation that the request calls or, if there is none, the methods that its path takes, sorted.
func (s *server) operation(r *http.Request) (called *fixtures.Operation, methods []string) {
	for _, c := range s.contracts {
		for _, method := range []string{"DELETE", "GET", "PATCH", "POST", "PUT"} {
			o, base, _ := c.Route(method, r.URL.EscapedPath())
			switch {
			case o == nil || base != basePath(c):
			case method == r.Method:
				return o, nil
			default:
				methods = append(methods, method)
			}
		}
	}
	return nil, methods
}

// wording returns the wording that the request prefers, or else the next one of the operation; nil is the success.
func (s *server) wording(o *fixtures.Operation, r *http.Request) (*fixtures.Wording, error) {
	if id := preferred(r.Header); id != "" {
		return s.chosen(o, id)
	}
	var all []*fixtures.Wording
	for _, clause := range o.Clauses {
		all = append(all, clause.Wordings...)
	}
	all = append(all, nil)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	next := all[s.calls[o]%len(all)]
	s.calls[o]++
	return next, nil
}

// preferred returns the id that a Prefer header (RFC 7240) names as the clause, "" if none does.
func preferred(header http.Header) string {
	for preference := range strings.SplitSeq(strings.Join(header.Values("Prefer"), ","), ",") {
		preference, _, _ = strings.Cut(preference, ";")
		if name, value, _ := strings.Cut(preference, "="); strings.EqualFold(strings.TrimSpace(name), "clause") {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// chosen returns the operation's wording with the id, or the first wording of its clause with the id.
func (s *server) chosen(o *fixtures.Operation, id string) (*fixtures.Wording, error) {
	all := clauses(s.contracts)
	clause, err := find(all, id)
	switch {
	case err != nil && len(nearest(o.Clauses, id)) > 0:
		_, err = find(o.Clauses, id) // proposes those of the operation
		return nil, err
	case err != nil:
		return nil, err
	case clause.Operation != o:
		return nil, fmt.Errorf("%s is an error of %s, and the request calls %s: GET / lists the errors of both",
			id, clause.Operation.ID, o.ID)
	}
	for _, w := range clause.Wordings {
		if w.ID() == id {
			return w, nil
		}
	}
	return clause.Wordings[0], nil
}

// list lists the clauses.
func (s *server) list(w http.ResponseWriter, r *http.Request) {
	var text bytes.Buffer // writing to it cannot fail
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), jsonMedia) {
		w.Header().Set("Content-Type", jsonMedia)
		_ = writeJSON(&text, clauses(s.contracts)) // nor can encoding a contract
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		s.writeText(&text)
	}
	s.respond(w, r, http.StatusOK, text.Bytes(), "the list")
}

// writeText writes each clause, its wordings if it has several, and a command line that gets it.
func (s *server) writeText(text *bytes.Buffer) {
	fmt.Fprintf(text, "Without a Prefer header, an operation returns its wordings in turn, then its success.\n")
	for _, clause := range clauses(s.contracts) {
		o := clause.Operation
		fmt.Fprintf(text, "\n%s\n  %s\n", clause.ID, clause.Title())
		address := o.URLAt(s.base + basePath(o.Contract))
		fmt.Fprintf(text, "  curl -i -X %s -H 'Prefer: clause=%s' '%s'\n", o.Method, clause.ID, address)
		if len(clause.Wordings) > 1 {
			for _, w := range clause.Wordings {
				fmt.Fprintf(text, "  wording %s\n", w.ID())
			}
		}
	}
}

// reject responds to a request that no contract documents with a sentence that says why.
func (s *server) reject(w http.ResponseWriter, r *http.Request, status int, why string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	why = "contract serve: " + exchange.Safe(why)
	s.respond(w, r, status, []byte(why+"\n"), why)
}

// respond sends a response, and writes a line about it.
func (s *server) respond(w http.ResponseWriter, r *http.Request, status int, body []byte, name string) {
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no response
	s.logf("%s %s %d %s\n", r.Method, r.URL.EscapedPath(), status, name)
}

// logf writes a line for the user of the server.
func (s *server) logf(format string, args ...any) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, _ = fmt.Fprintf(s.out, format, args...) // an output that fails delays no response
}
