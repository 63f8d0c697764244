package server

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// classroom is Google Classroom. Every request is validated in this order: path, token, body and query against the discovery
// document, scope, whether Classroom is on for the user, course, what the user may do there, what else the path names, and
// then the rules of what is done. The order is the stand-in's own: no page says it.
type classroom struct {
	options Options
	google  *google

	mutex     sync.Mutex
	items     map[string]*item  // by path, such as courses/1/topics/2
	made      int               // how many items were ever made
	lingering []*item           // deleted courses that lists still have
	seeded    map[string]string // ids of what stands in the seed's courses that have a key, such as orphanedCourse.topics
}

// item is a resource: a course, or what is in one, or what belongs to a user.
type item struct {
	kind    *kind
	path    string
	fields  map[string]any
	project string // the Cloud project that made it
	order   int
	deleted bool // and remembered

	courseState // of a course only
}

// rejection is an error that is sent as the entry of a key.
type rejection struct {
	key    string
	values []string
}

func (r rejection) Error() string { return r.key }

// reject makes a rejection. The values fill in what stands in braces, names and values taking turns.
func reject(key string, values ...string) error { return rejection{key, values} }

// call is a request that is for a method, of a user who may use Classroom.
type call struct {
	*classroom
	grant
	method *method
	kind   *kind
	query  url.Values
	body   map[string]any

	course     *item    // in which all of it is; nil if in none
	standing   standing // of the user in the course
	parent     *item    // of the collection, or of the target; nil if it has none
	target     *item    // what the path names; nil if it names a collection
	collection string   // the path of the collection that the path names or that the target is in
}

// ServeHTTP implements http.Handler.
func (k *classroom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, segments := route(r.Method, r.URL.EscapedPath())
	if m == nil && r.URL.Path == "/tokeninfo" { // for who names no token endpoint
		k.google.ServeHTTP(w, r)
		return
	}
	if m == nil {
		notFoundPage(w, r)
		return
	}
	value, err := k.serve(m, segments, r)
	var rejected rejection
	switch {
	case errors.As(err, &rejected):
		k.reject(w, r, m, rejected)
	case value == nil:
		writeJSON(w, http.StatusOK, struct{}{})
	default:
		writeJSON(w, http.StatusOK, value)
	}
}

// reject responds with an error as Google writes it.
func (k *classroom) reject(w http.ResponseWriter, r *http.Request, m *method, rejected rejection) {
	response := named(responses.Classroom, rejected.key)
	message := fill(response.Message, rejected.values)
	failure := map[string]any{"code": response.Status, "message": message, "status": response.Canonical}
	if r.URL.Query().Get("$.xgafv") != "2" {
		failure["errors"] = []any{map[string]string{"message": message, "domain": "global", "reason": response.Reason}}
	}
	if response.Info != "" {
		failure["details"] = []any{map[string]any{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": response.Info, "domain": "googleapis.com",
			"metadata": map[string]string{"service": "classroom.googleapis.com", "method": m.ID},
		}}
	}
	if response.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/"`)
	}
	writeJSON(w, response.Status, map[string]any{"error": failure})
}

// serve validates a request and does what it asks.
func (k *classroom) serve(m *method, segments []string, r *http.Request) (any, error) {
	c := &call{classroom: k, method: m, kind: kinds[m.kind], query: r.URL.Query()}
	token := bearer(r.Header.Get("Authorization"))
	var ok bool
	if c.grant, ok = k.google.lookUp(token); !ok || !k.options.Now().Before(c.expires) {
		if token == "" {
			return nil, reject("token-missing")
		}
		return nil, reject("token-invalid")
	}
	if err := c.readBody(r.Body); err != nil {
		return nil, err
	}
	if err := m.checkQuery(c.query); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(m.Scopes, func(scope string) bool { return slices.Contains(c.scopes, scope) }) {
		if m.ID == "courses.courseWork.rubrics.create" {
			return nil, reject("internal") // "if the request has insufficient OAuth scopes", says discovery
		}
		return nil, reject("scope-missing")
	}
	switch c.user.Off {
	case "classroom":
		return nil, reject("classroom-disabled")
	case "api":
		return nil, reject("api-disabled")
	}

	k.mutex.Lock()
	defer k.mutex.Unlock()
	if err := c.resolve(segments[1:]); err != nil {
		return nil, err
	}
	serve, ok := custom[m.ID]
	if !ok {
		serve = generic[m.action]
	}
	value, err := serve(c)
	if err == nil && m.Verb != http.MethodGet && c.course != nil {
		k.settle(c.course)
	}
	return value, err
}

// readBody reads the body that the method takes; none is as good as an empty one.
func (c *call) readBody(from io.Reader) error {
	c.body = map[string]any{}
	if c.method.Body == "" {
		return nil
	}
	decoder := json.NewDecoder(io.LimitReader(from, 1<<20))
	decoder.UseNumber()
	if err := decoder.Decode(&c.body); err != nil && !errors.Is(err, io.EOF) || c.body == nil {
		return reject("payload-invalid", "problem", "Expected a JSON object.")
	}
	return checkBody(c.method.Body, c.body, "")
}

// resolve looks up what the path names, from the course downwards, and whether the user may do this there.
func (c *call) resolve(segments []string) error {
	for i := 0; i < len(segments); i += 2 {
		name := segments[i]
		within := kinds[name]
		if i > 0 && name == "studentSubmissions" && segments[i-2] == "addOnAttachments" {
			within = kinds[addOnSubmissions]
		}
		if within == nil { // a part that is alone of its kind, such as a course's grading periods
			return nil
		}
		c.parent, c.target = c.target, nil
		c.collection = name
		if c.parent != nil {
			c.collection = c.parent.path + "/" + name
		}
		if i+1 == len(segments) {
			return nil
		}
		find := within.find
		if find == nil {
			find = (*call).child
		}
		target, err := find(c, segments[i+1])
		if err != nil {
			return err
		}
		c.target = target
		if i == 0 && target.kind == kinds["courses"] {
			c.course, c.standing = target, c.classroom.standing(target, c.user)
			if err := c.permitted(); err != nil {
				return err
			}
		}
		if target.kind.visible != nil && !target.kind.visible(c, target) {
			return reject("no-permission")
		}
	}
	return nil
}

// permitted reports whether the user may do in the course what the method does.
func (c *call) permitted() error {
	may, ruled := c.kind.may[c.method.action]
	switch {
	case c.course == nil || !ruled || c.standing&may != 0:
		return nil
	case c.standing == outside && (slices.Contains(c.kind.hides, c.method.action) || c.method.action == "updateRubric"):
		return reject("not-found")
	}
	return reject("no-permission")
}

var numberForm = regexp.MustCompile(`^[0-9]+$`)

// child finds an item of the collection by its id.
func (c *call) child(id string) (*item, error) {
	if id == "-" && c.method.ID == "courses.courseWork.studentSubmissions.list" { // of all course work
		return &item{kind: &kind{}, path: c.collection + "/-"}, nil
	}
	found := c.items[c.collection+"/"+id]
	if within := kinds[c.collection[strings.LastIndexByte(c.collection, '/')+1:]]; within != nil && within.numbered && !numberForm.MatchString(id) {
		return nil, reject("invalid")
	}
	if found == nil {
		return nil, reject("not-found")
	}
	if found.deleted {
		if c.method.action == "patch" || c.method.action == "delete" {
			return nil, reject("precondition") // "if … has already been deleted", says discovery
		}
		return nil, reject("not-found")
	}
	return found, nil
}

// add makes an item. The id is a new one if it is "".
func (k *classroom) add(of *kind, collection, id string, fields map[string]any, project string) *item {
	k.made++
	if id == "" {
		id = strconv.Itoa(740_000_000_000 + k.made)
	}
	if of.id != "" {
		fields[of.id] = id
	}
	made := &item{kind: of, path: collection + "/" + id, fields: fields, project: project, order: k.made}
	k.items[made.path] = made
	return made
}

// remove deletes an item and all that is in it.
func (k *classroom) remove(i *item) {
	maps.DeleteFunc(k.items, func(path string, _ *item) bool { return strings.HasPrefix(path, i.path+"/") })
	if i.kind.remembers {
		i.deleted = true
		return
	}
	delete(k.items, i.path)
}

// Remove takes a resource of Classroom away, such as courses/1, as somebody else may at any time.
func (s *Server) Remove(path string) {
	s.classroom.mutex.Lock()
	defer s.classroom.mutex.Unlock()
	if i := s.classroom.items[path]; i != nil {
		s.classroom.remove(i)
	}
}

// children are the items of a collection, in the order they were made.
func (k *classroom) children(collection string) (all []*item) {
	for path, i := range k.items {
		rest, ok := strings.CutPrefix(path, collection+"/")
		if ok && !i.deleted && !strings.Contains(rest, "/") {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b *item) int { return a.order - b.order })
	return all
}

// text is a field that is a text, "" if it is not there.
func (i *item) text(field string) string { return text(i.fields, field) }

func text(fields map[string]any, field string) string {
	value, _ := fields[field].(string)
	return value
}

// id is the last part of the path.
func (i *item) id() string { return i.path[strings.LastIndexByte(i.path, '/')+1:] }

func (k *classroom) timestamp() string { return k.options.Now().UTC().Format(time.RFC3339Nano) }

func (k *classroom) inventory() (lines []string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for path, i := range k.items {
		withdrawn := i.kind == kinds["guardianInvitations"] && i.text("state") == "COMPLETE" // it can be removed no further
		if i.deleted || withdrawn {
			continue
		}
		parts := []string{"classroom", path}
		for _, field := range []string{"name", "title", "text", "courseState", "state", "role", "ownerId"} {
			if value := i.text(field); value != "" {
				parts = append(parts, strconv.Quote(value))
			}
		}
		lines = append(lines, strings.Join(parts, " "))
	}
	return lines
}
