package server

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// graph is Microsoft Graph as far as activities go. Every request is validated in this order: token, role, service plan,
// method, registration id, whether the provider is enabled, whether the activity exists, licence and content, fields of the
// body. The order is the stand-in's own: no page says it.
type graph struct {
	*http.ServeMux
	options Options
	entra   *entra
	base    string // its own URL, with /v1.0

	mutex      sync.Mutex
	activities map[string]*activity // by id
}

// activity is a learningCourseActivity.
type activity struct {
	id       string
	provider string // the registration id under which it was made
	fields   map[string]any
}

func newGraph(options Options, e *entra, base string) *graph {
	g := &graph{ServeMux: http.NewServeMux(), options: options, entra: e, base: base, activities: map[string]*activity{}}
	for _, a := range seed.Graph.Activities {
		g.activities[a.ID] = &activity{a.ID, providerID(a.Provider), map[string]any{
			"@odata.type": assignmentType, "assignmentType": "required", "status": "inProgress",
			"learningContentId": contentID(a.Content), "learningProviderId": providerID(a.Provider),
			"learnerUserId": userID(a.User), externalID: a.External,
		}}
	}
	const activities = "/v1.0/employeeExperience/learningProviders/{provider}/learningCourseActivities"
	g.resource(activities, verbs{http.MethodPost: {g.create, writing}})
	g.resource(activities+"/{id}", verbs{
		http.MethodGet: {g.get, reading}, http.MethodPatch: {g.update, writing}, http.MethodDelete: {g.remove, writing},
	})
	g.resource("/v1.0/employeeExperience/learningProviders", verbs{http.MethodGet: {g.listProviders, reading}})
	g.resource("/v1.0/employeeExperience/learningProviders/{provider}", verbs{http.MethodGet: {g.getProvider, reading}})
	g.resource("/v1.0/employeeExperience/learningProviders/{provider}/{function}", verbs{http.MethodGet: {g.find, reading}})
	g.resource("/v1.0/employeeExperience/learningCourseActivities/{id}", verbs{http.MethodGet: {g.get, reading}})
	g.resource("/v1.0/users/{user}/employeeExperience/learningCourseActivities", verbs{http.MethodGet: {g.list, reading}})
	g.resource("/v1.0/users/{user}/employeeExperience/learningCourseActivities/{id}", verbs{http.MethodGet: {g.get, reading}})
	g.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c := g.call(w, r)
		if c.admit(reading) {
			c.reject("segment-unknown", "segment", r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
		}
	})
	return g
}

// verb serves one method of a resource for applications that have one of the roles.
type verb struct {
	serve func(*graphCall)
	roles []string
}

type verbs map[string]verb

// The roles of application permissions, without the resource's name.
var (
	writing = []string{"LearningAssignedCourse.ReadWrite.All", "LearningSelfInitiatedCourse.ReadWrite.All"}
	reading = append([]string{"LearningAssignedCourse.Read.All", "LearningSelfInitiatedCourse.Read.All"}, writing...)
)

// graphCall is a request and its response.
type graphCall struct {
	*graph
	w http.ResponseWriter
	r *http.Request

	requestID, clientRequestID string
}

func (g *graph) call(w http.ResponseWriter, r *http.Request) *graphCall {
	c := &graphCall{graph: g, w: w, r: r, requestID: guid()}
	c.clientRequestID = cmp.Or(r.Header.Get("client-request-id"), c.requestID)
	w.Header().Set("request-id", c.requestID)
	w.Header().Set("client-request-id", c.clientRequestID)
	return c
}

// resource serves the methods of a path, and rejects the others.
func (g *graph) resource(pattern string, methods verbs) {
	g.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := g.call(w, r)
		allowed, ok := methods[r.Method]
		if !ok {
			allowed = verb{func(c *graphCall) { c.reject("method-not-allowed") }, reading}
		}
		if c.admit(allowed.roles) {
			g.mutex.Lock()
			defer g.mutex.Unlock()
			allowed.serve(c)
		}
	})
}

// reject responds with the rejection of a key.
func (c *graphCall) reject(key string, values ...string) { c.rejectWith(key, nil, values...) }

// rejectWith is reject with details.
func (c *graphCall) rejectWith(key string, details []map[string]string, values ...string) {
	response := named(responses.Graph, key)
	failure := map[string]any{
		"code": response.Code, "message": fill(response.Message, values),
		"innerError": map[string]any{
			"date":       c.options.Now().UTC().Format("2006-01-02T15:04:05"), // without a zone, as Graph writes it
			"request-id": c.requestID, "client-request-id": c.clientRequestID,
		},
	}
	if len(details) > 0 {
		failure["details"] = details
	}
	writeJSON(c.w, response.Status, map[string]any{"error": failure})
}

// admit reports whether the caller's token, its roles and the tenant's plan let the request pass, and responds if not.
func (c *graphCall) admit(roles []string) bool {
	token := bearer(c.r.Header.Get("Authorization"))
	var claims appClaims
	now := c.options.Now().Unix()
	switch {
	case token == "":
		c.reject("token-missing")
	case c.entra.tokens.verify(token, &claims) != nil:
		c.reject("token-unreadable")
	case claims.Audience != graphAudience && claims.Audience != graphAppID:
		c.reject("token-audience")
	case now >= claims.Expires:
		c.reject("token-expired")
	case !slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(claims.Roles, role) }):
		c.reject("role-missing")
	case c.options.NoServicePlan:
		c.reject("no-service-plan")
	default:
		return true
	}
	return false
}

// identity is the client id of the caller.
func (g *graph) identity(r *http.Request) string {
	var claims appClaims
	if token := bearer(r.Header.Get("Authorization")); token == "" || g.entra.tokens.verify(token, &claims) != nil {
		return ""
	}
	return claims.AppID
}

// provider reports whether the path's registration id is one of a provider that is enabled, and responds if not.
func (c *graphCall) provider() bool {
	for _, p := range seed.Graph.Providers {
		if p.ID != c.r.PathValue("provider") {
			continue
		}
		if !p.Enabled {
			c.reject("provider-disabled")
		}
		return p.Enabled
	}
	c.reject("registration-unknown")
	return false
}

// activity returns the activity that the path names, or responds that there is none by the key.
func (c *graphCall) activity(key string) *activity {
	a := c.activities[c.r.PathValue("id")]
	of, user := c.r.PathValue("provider"), c.r.PathValue("user")
	if a == nil || of != "" && of != a.provider || user != "" && user != a.fields["learnerUserId"] {
		c.reject(key)
		return nil
	}
	return a
}

func (g *graph) remove(c *graphCall) {
	if !c.provider() {
		return
	}
	if a := c.activity("activity-unknown-delete"); a != nil {
		delete(g.activities, a.id)
		c.w.WriteHeader(http.StatusNoContent)
	}
}

func (g *graph) inventory() (lines []string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, a := range g.activities {
		lines = append(lines, fmt.Sprintf("graph learningProviders/%s/learningCourseActivities/%s %q of %v, %v",
			a.provider, a.id, a.fields[externalID], a.fields["learnerUserId"], a.fields["status"]))
	}
	return lines
}
