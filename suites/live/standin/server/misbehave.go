package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Misbehaviour is a way in which a provider, or what is before it, may fail a client. What it does, it does by turns where it has several
// forms, and to Graph and Classroom alone: signing in works.
type Misbehaviour struct {
	Name     string
	Sentence string
	// wrap is put around an API, and keeps its own state.
	wrap func(s *Server, api string, next http.Handler) http.Handler
}

// Misbehaviours are all there are, in the order in which they are put around an API: the first is the innermost.
func Misbehaviours() []Misbehaviour {
	return []Misbehaviour{
		{"endless-pages", "Each page of a list names a next one, by a token that was never given before.", endlessPages},
		{"flapping-states", "Reads show a course ACTIVE and ARCHIVED by turns, whatever it is.", flappingStates},
		{"hidden-news", "What was made shows in its first three lists neither there nor by its id.", hiddenNews},
		{"unread-news", "What was made shows in lists, and is 404 by its id for ever.", unreadNews},
		{"lost-creates", "A POST is done, and then receives 503 or a cut connection by turns.", lostCreates},
		{"lost-writes", "A POST, PATCH, PUT or DELETE is done, and then receives 503 or a cut connection by turns.", lostWrites},
		{"lying-deletes", "A DELETE receives success and 404 by turns, and nothing is removed.", lyingDeletes},
		{"foreign-ids", "The response to a POST has the id of something of somebody else's.", foreignIDs},
		{"odd-ids", "Responses to POST and entries of lists have ids that no path may hold, such as \"..\", and page links that climb.", oddIDs},
		{"missing-scopes", "Every request but the one for the user's own profile is rejected, for the token lacks a scope or role.", missingScopes},
		{"portal", "Every request but the one for the user's own profile receives an HTML page, of status 200, 403, 404, 451 and 511 by turns.", portal},
	}
}

// misbehave puts the named misbehaviours around an API.
func (s *Server) misbehave(api string, handler http.Handler) http.Handler {
	for _, m := range Misbehaviours() {
		if slices.Contains(s.options.Misbehave, m.Name) {
			handler = m.wrap(s, api, handler)
		}
	}
	return handler
}

// checkMisbehave reports a name that is none.
func checkMisbehave(names []string) error {
	var known []string
	for _, m := range Misbehaviours() {
		known = append(known, m.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("there is no misbehaviour %q: use %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// recorded is a response before it is sent.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorded) Header() http.Header         { return w.header }
func (w *recorded) Write(p []byte) (int, error) { return w.body.Write(p) }
func (w *recorded) WriteHeader(status int)      { w.status = status }

func record(next http.Handler, r *http.Request) *recorded {
	w := &recorded{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(w, r)
	return w
}

// object is the body as a JSON object, nil if it is none.
func (w *recorded) object() (object map[string]any) {
	decoder := json.NewDecoder(bytes.NewReader(w.body.Bytes()))
	decoder.UseNumber()
	_ = decoder.Decode(&object) // nil, else
	return object
}

// send sends the response, with another body if there is one.
func (w *recorded) send(to http.ResponseWriter, object map[string]any) {
	maps.Copy(to.Header(), w.header)
	if object != nil {
		writeJSON(to, w.status, object)
		return
	}
	to.WriteHeader(w.status)
	_, _ = to.Write(w.body.Bytes()) // a client that went away needs no response
}

// rewritten has change change the objects in successful responses of the methods.
func rewritten(next http.Handler, methods []string, change func(r *http.Request, object map[string]any)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		response := record(next, r)
		object := response.object()
		if response.status < http.StatusMultipleChoices && object != nil {
			change(r, object)
		}
		response.send(w, object)
	})
}

// turns returns one of the values after the other, again and again.
func turns[T any](values ...T) func() T {
	var mutex sync.Mutex
	count := 0
	return func() T {
		mutex.Lock()
		defer mutex.Unlock()
		count++
		return values[(count-1)%len(values)]
	}
}

// counter returns 1, 2, 3 and so on.
func counter() func() int {
	var mutex sync.Mutex
	count := 0
	return func() int {
		mutex.Lock()
		defer mutex.Unlock()
		count++
		return count
	}
}

// isCollection reports the path of a list, or of where something is made.
func isCollection(api, path string) bool {
	if api == "graph" {
		return strings.HasSuffix(path, "/learningCourseActivities") || strings.HasSuffix(path, "/learningProviders")
	}
	return strings.Count(path, "/")%2 == 0 // of the version, and of each name and id
}

// entries are the objects in a list.
func entries(list map[string]any) (all []map[string]any) {
	for _, value := range list {
		values, _ := value.([]any)
		for _, entry := range values {
			if object, ok := entry.(map[string]any); ok {
				all = append(all, object)
			}
		}
	}
	return all
}

func endlessPages(s *Server, api string, next http.Handler) http.Handler {
	count := counter()
	parameter := map[string]string{"graph": "$skiptoken", "classroom": "pageToken"}[api]
	withNext := rewritten(next, []string{http.MethodGet}, func(r *http.Request, object map[string]any) {
		if !isCollection(api, r.URL.Path) {
			return
		}
		token := fmt.Sprintf("more-%d", count())
		if api == "classroom" {
			object["nextPageToken"] = token
			return
		}
		object["@odata.nextLink"] = s.Graph + strings.TrimPrefix(r.URL.Path, "/v1.0") + "?" + parameter + "=" + token
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); strings.HasPrefix(query.Get(parameter), "more-") {
			query.Del(parameter)
			r = r.Clone(r.Context())
			r.URL.RawQuery = query.Encode()
		}
		withNext.ServeHTTP(w, r)
	})
}

func flappingStates(_ *Server, _ string, next http.Handler) http.Handler {
	state := turns("ARCHIVED", "ACTIVE")
	return rewritten(next, []string{http.MethodGet}, func(_ *http.Request, object map[string]any) {
		if _, has := object["courseState"]; has {
			object["courseState"] = state()
		}
	})
}

// respondNotFound responds as if there were nothing, as the API itself does: Graph with its own header.
func respondNotFound(w http.ResponseWriter, api string) {
	code := map[string]any{"graph": "NotFound", "classroom": 404}[api]
	if api == "graph" {
		w.Header().Set("request-id", guid())
	}
	writeJSON(w, http.StatusNotFound, map[string]any{"error": map[string]any{
		"code": code, "message": "Requested entity was not found.", "status": "NOT_FOUND",
	}})
}

// news is what was made.
type news struct {
	mutex sync.Mutex
	reads map[string]int // of lists since, by id
}

// note notes what the response to a POST has made.
func (n *news) note(_ *http.Request, object map[string]any) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if id, ok := object["id"].(string); ok {
		n.reads[id] = 0
	}
}

// is reports what was made, if no more lists than that were read since.
func (n *news) is(id any, most int) bool {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	text, _ := id.(string)
	reads, made := n.reads[text]
	return made && reads <= most
}

func (n *news) listed() {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for id := range n.reads {
		n.reads[id]++
	}
}

// notFound responds as if what was made were not there, until more lists than that were read.
func (n *news) notFound(api string, most int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if id := path[strings.LastIndexByte(path, '/')+1:]; r.Method == http.MethodGet && n.is(id, most) {
			respondNotFound(w, api)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func hiddenNews(_ *Server, api string, next http.Handler) http.Handler {
	const lists = 3
	n := &news{reads: map[string]int{}}
	next = rewritten(next, []string{http.MethodPost}, n.note)
	next = rewritten(next, []string{http.MethodGet}, func(r *http.Request, object map[string]any) {
		if !isCollection(api, r.URL.Path) {
			return
		}
		n.listed()
		for name, value := range object {
			if values, ok := value.([]any); ok {
				object[name] = slices.DeleteFunc(values, func(entry any) bool {
					fields, _ := entry.(map[string]any)
					return n.is(fields["id"], lists)
				})
			}
		}
	})
	return n.notFound(api, lists, next)
}

func unreadNews(_ *Server, api string, next http.Handler) http.Handler {
	n := &news{reads: map[string]int{}}
	return n.notFound(api, 0, rewritten(next, []string{http.MethodPost}, n.note))
}

// lost serves the methods, and loses the response.
func lost(next http.Handler, methods ...string) http.Handler {
	cut := turns(false, true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		record(next, r)
		if cut() {
			panic(http.ErrAbortHandler) // which cuts the connection
		}
		writeJSON(w, http.StatusServiceUnavailable, map[string]any{"error": map[string]any{
			"code": 503, "message": "The service is currently unavailable.", "status": "UNAVAILABLE",
		}})
	})
}

func lostCreates(_ *Server, _ string, next http.Handler) http.Handler {
	return lost(next, http.MethodPost)
}

func lostWrites(_ *Server, _ string, next http.Handler) http.Handler {
	return lost(next, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete)
}

func lyingDeletes(_ *Server, api string, next http.Handler) http.Handler {
	status := turns(map[string]int{"graph": http.StatusNoContent, "classroom": http.StatusOK}[api], http.StatusNotFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodDelete {
			next.ServeHTTP(w, r)
			return
		}
		switch status := status(); status {
		case http.StatusNotFound:
			respondNotFound(w, api)
		case http.StatusOK:
			writeJSON(w, status, struct{}{})
		default: // as Graph does
			w.Header().Set("request-id", guid())
			w.WriteHeader(status)
		}
	})
}

// bystander is the id of what resembles what a run makes, and is somebody's.
func bystander(api string) string {
	const resembling = "learncontract-"
	if api == "graph" {
		return seed.Graph.Activities[slices.IndexFunc(seed.Graph.Activities, func(a activitySeed) bool {
			return strings.HasPrefix(a.External, resembling)
		})].ID
	}
	return seed.Google.Courses[slices.IndexFunc(seed.Google.Courses, func(c courseSeed) bool {
		return strings.HasPrefix(c.Name, resembling)
	})].ID
}

func foreignIDs(_ *Server, api string, next http.Handler) http.Handler {
	return rewritten(next, []string{http.MethodPost}, func(r *http.Request, object map[string]any) {
		if strings.HasSuffix(r.URL.Path, "/courses") || strings.HasSuffix(r.URL.Path, "/learningCourseActivities") {
			object["id"] = bystander(api)
		}
	})
}

func oddIDs(s *Server, api string, next http.Handler) http.Handler {
	odd := turns("..", ".", "", "../x", "a/b", "a?b", "a#b", "%2e%2e", "a%2Fb", "a\\b", " ", "a\nb", "a\x00b", "a;b", "-", "me",
		"\u202e1", strings.Repeat("7", 5000))
	climb := turns(false, true)
	return rewritten(next, []string{http.MethodPost, http.MethodGet}, func(r *http.Request, object map[string]any) {
		switch {
		case r.Method == http.MethodPost && object["id"] != nil:
			object["id"] = odd()
		case r.Method == http.MethodGet && isCollection(api, r.URL.Path):
			for _, entry := range entries(object) {
				if entry["id"] != nil {
					entry["id"] = odd()
				}
			}
			if api == "graph" && climb() {
				object["@odata.nextLink"] = s.Graph + "/users/../employeeExperience/learningProviders?page=" + strconv.Itoa(len(object))
			}
		}
	})
}

// aside reports the one request by which a user is known, which is not in the way of what misbehaves.
func aside(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/userProfiles/") }

func missingScopes(s *Server, api string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, _ := route(r.Method, r.URL.EscapedPath())
		switch {
		case api == "graph":
			s.graph.call(w, r).reject("role-missing")
		case m == nil, aside(r):
			next.ServeHTTP(w, r)
		default:
			s.classroom.reject(w, r, m, rejection{key: "scope-missing"})
		}
	})
}

func portal(_ *Server, _ string, next http.Handler) http.Handler {
	status := turns(http.StatusOK, http.StatusForbidden, http.StatusNotFound, http.StatusUnavailableForLegalReasons,
		http.StatusNetworkAuthenticationRequired)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if aside(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status())
		_, _ = w.Write([]byte("<!doctype html><title>Sign in to the network</title><form>")) // a client that went away needs no response
	})
}
