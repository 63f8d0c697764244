// Package server is a stand-in for the providers of a sandbox tenant: Microsoft Graph's learningCourseActivity with Entra's
// token endpoint, and Google Classroom with Google's, each on a TLS listener of its own on loopback.
//
// It behaves as the providers say they do: bearer tokens are checked, resources have state, requests are validated in an
// order, and rejections are the documented ones. It is written from the providers' pages, Google's discovery document and what
// was seen in public. It must not know the contract (packages fixtures, matchers and suites), so that a clause that is wrong
// is caught; and no tenant has ever shown whether the stand-in is right where the pages are silent.
package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options shape the tenant. The zero value is a tenant in which what most tenants show can be seen.
type Options struct {
	Now           func() time.Time // the servers' clock; time.Now if nil
	TokenLifetime time.Duration    // of access tokens; an hour if zero

	// Lag is how many reads of a course, by courses.get or courses.list, still show its former state after a change: a new
	// one is not there yet, and what depends on a course's state goes by what is shown.
	Lag int
	// Transfer is how many reads of a course each of the two steps of an ownership transfer lasts, 1 if zero: first the
	// transfer is under way, then the course's Drive folder is the former owner's.
	Transfer int

	NoServicePlan bool // of Microsoft's tenant: no plan includes Viva Learning
	Licensed      bool // of Google's tenant: its edition includes rubrics and grading periods
	Fundamentals  bool // of Google's tenant: its edition has no users of other domains in courses

	Misbehave []string // the names of Misbehaviours

	// Wrap, if set, is put around the handlers of Graph and of Classroom, for a test to change responses and to fail.
	Wrap func(http.Handler) http.Handler
}

// Server is a running stand-in. Its methods may be called at any time.
type Server struct {
	CA []byte // the certificate to trust, PEM

	Graph       string // base URL of Microsoft Graph, with /v1.0
	Entra       string // base URL of Entra
	Classroom   string // base URL of Google Classroom
	GoogleToken string // URL of Google's token endpoint

	options   Options
	entra     *entra
	graph     *graph
	google    *google
	classroom *classroom
	listeners map[string]net.Listener // by API
	servers   []*http.Server
	serving   sync.WaitGroup
	mutex     sync.Mutex // guards requests
	requests  []Request
}

// Request is one request as the stand-in got it.
type Request struct {
	API      string // graph, entra, classroom or google
	Method   string
	Path     string // without the query
	Identity string // the caller: an application's client id or a user's address; "" without a valid token
}

// Start starts a stand-in, which must be closed.
func Start(options Options) (*Server, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.TokenLifetime == 0 {
		options.TokenLifetime = time.Hour
	}
	if options.Wrap == nil {
		options.Wrap = func(h http.Handler) http.Handler { return h }
	}
	if options.Transfer == 0 {
		options.Transfer = 1
	}
	if err := checkMisbehave(options.Misbehave); err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	s := &Server{options: options}
	if err := s.listen(); err != nil {
		s.Close()
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	s.entra = newEntra(options, s.Entra)
	s.graph = newGraph(options, s.entra, s.Graph)
	s.google = newGoogle(options, s.GoogleToken)
	s.classroom = newClassroom(options, s.google)
	nobody := func(*http.Request) string { return "" }
	s.serve("entra", s.entra, nobody)
	s.serve("graph", options.Wrap(s.misbehave("graph", s.graph)), s.graph.identity)
	s.serve("google", s.google, nobody)
	s.serve("classroom", options.Wrap(s.misbehave("classroom", s.classroom)), s.google.identity)
	return s, nil
}

// listen opens the four listeners, all with certificates of one authority.
func (s *Server) listen() error {
	authority, err := newAuthority()
	if err != nil {
		return err
	}
	s.CA = authority.pem()
	s.listeners = map[string]net.Listener{}
	for api, base := range map[string]*string{
		"entra": &s.Entra, "graph": &s.Graph, "google": &s.GoogleToken, "classroom": &s.Classroom,
	} {
		certificate, err := authority.issue()
		if err != nil {
			return err
		}
		listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.listeners[api] = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		})
		*base = "https://" + listener.Addr().String()
	}
	s.Graph += "/v1.0"
	s.GoogleToken += "/token"
	return nil
}

// serve serves an API.
func (s *Server) serve(api string, handler http.Handler, identity func(*http.Request) string) {
	server := &http.Server{
		Handler:           s.counted(api, handler, identity),
		ErrorLog:          log.New(io.Discard, "", 0), // of clients that do not trust it, or break off
		ReadHeaderTimeout: time.Minute,
	}
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		_ = server.Serve(s.listeners[api]) // returns when the server is closed
	})
}

// Close stops the stand-in. Requests under way are cut off.
func (s *Server) Close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
	for _, listener := range s.listeners { // a server that has not begun to serve does not know its own
		_ = listener.Close()
	}
	s.serving.Wait()
}

// counted notes each request before it is served.
func (s *Server) counted(api string, next http.Handler, identity func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request := Request{API: api, Method: r.Method, Path: r.URL.Path, Identity: identity(r)}
		s.mutex.Lock()
		s.requests = append(s.requests, request)
		s.mutex.Unlock()
		w.Header().Set("Date", s.options.Now().UTC().Format(http.TimeFormat))
		next.ServeHTTP(w, r)
	})
}

// Requests lists every request so far, in the order they came.
func (s *Server) Requests() []Request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.requests)
}

// Inventory lists every resource there is, one line each, sorted: what it is, its path, and what it is called. Two lists are
// equal if nothing was added, lost or changed between them.
func (s *Server) Inventory() []string {
	lines := append(s.graph.inventory(), s.classroom.inventory()...)
	slices.Sort(lines)
	return lines
}
