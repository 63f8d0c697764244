package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

const (
	unknown = "99999999-9999-4999-8999-999999999999"
	item    = "/employeeExperience/learningCourseActivities/"
)

// of is the path of the activities of a provider, by the provider's key or id.
func (n *tenant) of(provider string) string {
	if id, ok := n.ids["graph."+provider]; ok {
		provider = id
	}
	return "/employeeExperience/learningProviders/" + provider + "/learningCourseActivities"
}

// activity is the body of a new activity. Changes are names and values in JSON, "" for none.
func (n *tenant) activity(changes ...string) string {
	fields := map[string]string{
		"@odata.type": `"#microsoft.graph.learningAssignment"`, "assignmentType": `"required"`, "status": `"notStarted"`,
		"learningContentId": `"` + n.ids["graph.content"] + `"`, "learningProviderId": `"` + n.ids["graph.provider"] + `"`,
		"learnerUserId": `"` + n.ids["graph.learner"] + `"`, "externalCourseActivityId": `"learncontract-1-activity"`,
	}
	for i := 0; i < len(changes); i += 2 {
		fields[changes[i]] = changes[i+1]
	}
	var body []string
	for name, value := range fields {
		if value != "" {
			body = append(body, fmt.Sprintf("%q:%s", name, value))
		}
	}
	return "{" + strings.Join(body, ",") + "}"
}

// rejected is a failure of Graph as a line: status, code, message, and the details' messages.
func (a response) rejected() string {
	line := fmt.Sprintf("%d %v %v", a.status, a.at("error", "code"), a.at("error", "message"))
	details, _ := a.at("error", "details").([]any)
	for _, detail := range details {
		line += fmt.Sprintf("; %v", detail.(map[string]any)["message"])
	}
	return line
}

const completed = `{"@odata.type":"#microsoft.graph.learningAssignment","status":"completed"`

func TestRulesOfActivities(t *testing.T) {
	standIns := map[bool]*tenant{ // two for all: each makes a key to sign tokens with
		false: start(t, server.Options{}), true: start(t, server.Options{NoServicePlan: true}),
	}
	for _, rule := range []struct {
		name   string
		noPlan bool
		as     string // the app if ""
		verb   string
		ask    func(n *tenant) (path, body string)
		want   string
	}{
		{
			name: "who has no role deletes nothing", as: "roleless", verb: "DELETE",
			ask:  func(n *tenant) (string, string) { return n.of(unknown) + "/" + unknown, "" },
			want: "403 Forbidden Your account doesn't have access to this report or data. Contact your administrator",
		},
		{
			name: "nor creates", as: "roleless", verb: "POST",
			ask:  func(n *tenant) (string, string) { return n.of("provider"), n.activity() },
			want: "403 Forbidden Your account doesn't have access",
		},
		{
			name: "nor gets", as: "roleless", verb: "GET",
			ask:  func(*tenant) (string, string) { return item + unknown, "" },
			want: "403 Forbidden Your account doesn't have access",
		},
		{
			name: "without a plan nothing is there", noPlan: true, verb: "GET",
			ask:  func(*tenant) (string, string) { return item + unknown, "" },
			want: "403 Forbidden You don't have an adequate service plan for this request.",
		},
		{
			name: "and a role is asked for before", noPlan: true, as: "roleless", verb: "GET",
			ask:  func(*tenant) (string, string) { return item + unknown, "" },
			want: "403 Forbidden Your account doesn't have access",
		},
		{
			name: "an activity is not put", verb: "PUT",
			ask:  func(n *tenant) (string, string) { return n.of("provider") + "/" + unknown, "{}" },
			want: "405 methodNotAllowed This method isn't supported for this entity type.",
		},
		{
			name: "a user's is only got", verb: "DELETE",
			ask: func(n *tenant) (string, string) {
				return "/users/" + n.ids["graph.learner"] + item + unknown, ""
			},
			want: "405 methodNotAllowed",
		},
		{
			name: "a provider is registered", verb: "POST",
			ask:  func(n *tenant) (string, string) { return n.of(unknown), n.activity() },
			want: "400 badRequest There was an issue with your request.",
		},
		{
			name: "for an update too", verb: "PATCH",
			ask:  func(n *tenant) (string, string) { return n.of(unknown) + "/" + unknown, completed + "}" },
			want: "400 badRequest There was an issue with your request.",
		},
		{
			name: "and to find one", verb: "GET",
			ask: func(n *tenant) (string, string) {
				return n.of(unknown) + "(externalcourseActivityId='" + unknown + "')", ""
			},
			want: "400 badRequest There was an issue with your request.",
		},
		{
			name: "and enabled", verb: "DELETE",
			ask:  func(n *tenant) (string, string) { return n.of("disabledProvider") + "/" + unknown, "" },
			want: "400 badRequest This provider isn't enabled for the given tenant.",
		},
		{
			name: "what is deleted exists", verb: "DELETE",
			ask:  func(n *tenant) (string, string) { return n.of("provider") + "/" + unknown, "" },
			want: "404 notFound The requested assignment ID doesn't exist.",
		},
		{
			name: "with the same provider", verb: "DELETE",
			ask: func(n *tenant) (string, string) {
				return n.of("otherProvider") + "/" + n.graph("app", "POST", n.of("provider"), n.activity()).id(), ""
			},
			want: "404 notFound The requested assignment ID doesn't exist.",
		},
		{
			name: "what is updated exists", verb: "PATCH",
			ask:  func(n *tenant) (string, string) { return n.of("provider") + "/" + unknown, completed + "}" },
			want: "404 notFound The assignment ID requested doesn’t exist.",
		},
		{
			name: "what is got exists", verb: "GET",
			ask:  func(*tenant) (string, string) { return item + unknown, "" },
			want: "404 notFound The requested assignment ID doesn’t exist.",
		},
		{
			name: "what is found exists", verb: "GET",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "(externalCourseActivityId='" + unknown + "')", ""
			},
			want: "404 notFound The requested assignment ID doesn’t exist.",
		},
		{
			name: "the content is the provider's", verb: "POST",
			ask: func(n *tenant) (string, string) {
				return n.of("provider"), n.activity("learningContentId", `"`+n.ids["graph.otherContent"]+`"`)
			},
			want: "403 Forbidden The provider isn't valid to create course activity for the given learning content",
		},
		{
			name: "and so is the activity", verb: "POST",
			ask: func(n *tenant) (string, string) {
				return n.of("provider"), n.activity("learningProviderId", `"`+n.ids["graph.otherProvider"]+`"`)
			},
			want: "403 Forbidden The provider isn't valid to create course activity for the given learning content",
		},
		{
			name: "still so when it is updated", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.ids["graph.mismatchedActivity"], completed + "}"
			},
			want: "403 Forbidden The provider isn't valid to create course activity for the given learning content",
		},
		{
			name: "the learner has a licence", verb: "POST",
			ask: func(n *tenant) (string, string) {
				return n.of("provider"), n.activity("learnerUserId", `"`+n.ids["graph.unlicensedLearner"]+`"`)
			},
			want: "403 Forbidden The user license isn't valid to perform the operation",
		},
		{
			name: "and keeps it", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.ids["graph.unlicensedActivity"], completed + "}"
			},
			want: "403 Forbidden The user license is not valid to perform the operation",
		},
		{
			name: "fields are required", verb: "POST",
			ask: func(n *tenant) (string, string) {
				return n.of("provider"), `{"@odata.type":"#microsoft.graph.learningAssignment"}`
			},
			want: "400 badRequest badRequest; Input field learningContentId is required; Input field learningProviderId is required; " +
				"Input field learnerUserId is required; Input field assignmentType is required; Input field status is required",
		},
		{
			name: "and not empty", verb: "POST",
			ask:  func(n *tenant) (string, string) { return n.of("provider"), n.activity("learningContentId", `""`) },
			want: "400 badRequest badRequest; Input field learningContentIdshouldn't be empty",
		},
		{
			name: "nor endless, and all is said at once", verb: "POST",
			ask: func(n *tenant) (string, string) {
				return n.of("provider"), n.activity("status", "", "learningContentId", `""`,
					"externalCourseActivityId", `"`+strings.Repeat("x", 10_000)+`"`)
			},
			want: "400 badRequest badRequest; Input field status is required; Input field learningContentIdshouldn't be empty; " +
				"Input field externalcourseActivityIdlength exceeded than 2048",
		},
		{
			name: "an update has a status", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.graph("app", "POST", n.of("provider"), n.activity()).id(),
					`{"@odata.type":"#microsoft.graph.learningAssignment"}`
			},
			want: "400 badRequest Required fields are missing; Input field status is required",
		},
		{
			name: "that is not empty", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.graph("app", "POST", n.of("provider"), n.activity()).id(),
					`{"@odata.type":"#microsoft.graph.learningAssignment","status":""}`
			},
			want: "400 badRequest badRequest; Input field status shouldn't be empty",
		},
		{
			name: "nor are its notes", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.graph("app", "POST", n.of("provider"), n.activity()).id(),
					completed + `,"notes":{"contentType":"text","content":""}}`
			},
			want: "400 badRequest badRequest; Input field notes shouldn't be empty",
		},
		{
			name: "and no more than all of it is complete", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.graph("app", "POST", n.of("provider"), n.activity()).id(),
					completed + `,"completionPercentage":101}`
			},
			want: "400 badRequest Input fields are invalid; Input field completionPercentage is invalid",
		},
		{
			name: "a status that is none does not reach the service", verb: "PATCH",
			ask: func(n *tenant) (string, string) {
				return n.of("provider") + "/" + n.graph("app", "POST", n.of("provider"), n.activity()).id(),
					`{"@odata.type":"#microsoft.graph.learningAssignment","status":"bogus"}`
			},
			want: "400 BadRequest Unable to read JSON request payload.",
		},
		{
			name: "nor what is no JSON", verb: "POST",
			ask:  func(n *tenant) (string, string) { return n.of("provider"), "{" },
			want: "400 BadRequest Unable to read JSON request payload.",
		},
		{
			name: "nor a path that is none", verb: "GET",
			ask:  func(*tenant) (string, string) { return "/employeeExperience/mef", "" },
			want: "400 BadRequest Resource not found for the segment 'mef'.",
		},
		{
			name: "nor a function that is none", verb: "GET",
			ask: func(n *tenant) (string, string) {
				return strings.Replace(n.of("provider"), "Activities", "Things", 1), ""
			},
			want: "400 BadRequest Resource not found for the segment 'learningCourseThings'.",
		},
		{
			name: "a provider that is got is registered", verb: "GET",
			ask:  func(*tenant) (string, string) { return "/employeeExperience/learningProviders/" + unknown, "" },
			want: "400 badRequest There was an issue with your request.",
		},
		{
			name: "a list is a user's", verb: "GET",
			ask:  func(*tenant) (string, string) { return "/users/" + unknown + strings.TrimSuffix(item, "/"), "" },
			want: "404 Request_ResourceNotFound",
		},
	} {
		t.Run(rule.name, func(t *testing.T) {
			n := standIns[rule.noPlan]
			path, body := rule.ask(n)
			before := n.Inventory()
			as := rule.as
			if as == "" {
				as = "app"
			}
			a := n.graph(as, rule.verb, path, body)
			g := NewWithT(t)
			g.Expect(a.rejected()).To(HavePrefix(rule.want), a.text)
			g.Expect(a.at("error", "innerError", "request-id")).To(Equal(a.header.Get("request-id")))
			g.Expect(a.at("error", "innerError", "client-request-id")).To(Equal(a.header.Get("client-request-id")))
			_, err := time.Parse("2006-01-02T15:04:05", a.at("error", "innerError", "date").(string))
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(n.Inventory()).To(Equal(before), "what was rejected must change nothing")
		})
	}
}

func TestAnActivityLivesAndGoes(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	before := n.Inventory()
	made := n.graph("app", http.MethodPost, n.of("provider"), n.activity())
	g.Expect(made.status).To(Equal(201), made.text)
	path := n.of("provider") + "/" + made.id()
	g.Expect(n.graph("app", http.MethodPatch, path, completed+`,"completionPercentage":100}`).status).To(Equal(204))

	user := "/users/" + n.ids["graph.learner"]
	for _, got := range []string{
		path, item + made.id(), user + item + made.id(), n.of("provider") + "(externalcourseActivityId='learncontract-1-activity')",
	} {
		a := n.graph("app", http.MethodGet, got, "")
		g.Expect(a.status).To(Equal(200), got)
		g.Expect(a.at("id")).To(Equal(made.id()), got)
		g.Expect(a.at("status")).To(Equal("completed"), got)
		g.Expect(a.at("externalcourseActivityId")).To(Equal("learncontract-1-activity"), got)
	}
	deleted := n.graph("app", http.MethodDelete, path, "")
	g.Expect(deleted.status).To(Equal(204))
	g.Expect(deleted.text).To(BeEmpty())
	g.Expect(n.graph("app", http.MethodGet, path, "").status).To(Equal(404))
	g.Expect(n.Inventory()).To(Equal(before))
}

func TestActivitiesAreListedByThePage(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	want := map[any]bool{}
	for range 3 {
		want[n.graph("app", http.MethodPost, n.of("provider"), n.activity()).id()] = true
	}
	next := n.Graph + "/users/" + n.ids["graph.learner"] + strings.TrimSuffix(item, "/") + "?$top=2"
	pages := 0
	for next != "" {
		a := n.graph("app", http.MethodGet, strings.TrimPrefix(next, n.Graph), "")
		all := a.at("value").([]any)
		g.Expect(len(all)).To(BeNumerically("<=", 2))
		for _, one := range all {
			delete(want, one.(map[string]any)["id"])
		}
		next, _ = a.at("@odata.nextLink").(string)
		pages++
	}
	g.Expect(want).To(BeEmpty())
	g.Expect(pages).To(Equal(4), "three of the run, and four that were there")
}

func TestGraphEchoesTheClientsRequestID(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.Graph+item+unknown, http.NoBody)
	g.Expect(err).NotTo(HaveOccurred())
	request.Header.Set("client-request-id", unknown)
	response, err := n.client.Do(request)
	g.Expect(err).NotTo(HaveOccurred())
	defer response.Body.Close()
	g.Expect(response.Header.Get("client-request-id")).To(Equal(unknown))
	g.Expect(response.Header.Get("request-id")).NotTo(Equal(unknown))
}
