package server_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

type method struct {
	ID, Verb, Path, Body string
	Query                map[string]string
	Scopes               []string
}

// methods are all of Classroom's.
func methods(t *testing.T) []method {
	t.Helper()
	text, err := os.ReadFile("methods.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Methods []method }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Methods) != 105 {
		t.Fatalf("%d methods", len(file.Methods))
	}
	return file.Methods
}

var parameter = regexp.MustCompile(`\{(\w+)\}`)

// path is a method's path without /v1, one text for every parameter other than a course's id.
func (m method) path(course, id string) string {
	path := strings.TrimPrefix(m.Path, "v1/")
	if rest, ok := strings.CutPrefix(path, "courses/{"); ok {
		path = "courses/" + course + rest[strings.IndexByte(rest, '}')+1:]
	}
	return parameter.ReplaceAllString(path, id)
}

const nobody = "999999999999999"

// TestEveryMethod calls each method with what any of them must reject.
func TestEveryMethod(t *testing.T) {
	n := start(t, server.Options{})
	before := n.Inventory()
	course := n.ids["classroom.otherProjectCourse"]
	for _, c := range []struct {
		name   string
		ask    func(m method) (response, bool)
		want   string
		except map[string]string
	}{
		{
			name: "without a token",
			ask: func(m method) (response, bool) {
				return n.send(m.Verb, n.Classroom+"/v1/"+m.path("1", "1"), "", "", ""), true
			},
			want: "401 UNAUTHENTICATED",
		},
		{
			name: "with a token of another provider",
			ask: func(m method) (response, bool) {
				n.graph("app", http.MethodGet, "/", "")
				return n.send(m.Verb, n.Classroom+"/v1/"+m.path("1", "1"), "", "Bearer "+n.tokens["app"], ""), true
			},
			want: "401 UNAUTHENTICATED",
		},
		{
			name: "of what does not exist, as the administrator",
			ask:  func(m method) (response, bool) { return n.as("admin", m.Verb, m.path(nobody, nobody), ""), true },
			want: "404 NOT_FOUND",
			except: map[string]string{
				"courses.create":       "400 INVALID_ARGUMENT Course name must be specified.",
				"courses.list":         "200",
				"invitations.create":   "400 INVALID_ARGUMENT",
				"invitations.list":     "400 INVALID_ARGUMENT",
				"registrations.create": "400 INVALID_ARGUMENT",
				// Of these the descriptions say so.
				"userProfiles.get":              "403 PERMISSION_DENIED",
				"userProfiles.guardians.get":    "403 PERMISSION_DENIED",
				"userProfiles.guardians.delete": "403 PERMISSION_DENIED",
			},
		},
		{
			name: "in a course of which one is no member",
			ask: func(m method) (response, bool) {
				return n.as("outsider", m.Verb, m.path(course, nobody), ""), strings.HasPrefix(m.Path, "v1/courses/{")
			},
			want: "403 PERMISSION_DENIED The caller does not have permission",
			except: map[string]string{ // the descriptions say NOT_FOUND "if the user does not have access"
				"courses.courseWork.rubrics.create":                "404 NOT_FOUND",
				"courses.courseWork.rubrics.delete":                "404 NOT_FOUND",
				"courses.courseWork.rubrics.get":                   "404 NOT_FOUND",
				"courses.courseWork.rubrics.list":                  "404 NOT_FOUND",
				"courses.courseWork.rubrics.patch":                 "404 NOT_FOUND",
				"courses.courseWork.updateRubric":                  "404 NOT_FOUND",
				"courses.studentGroups.create":                     "404 NOT_FOUND",
				"courses.studentGroups.delete":                     "404 NOT_FOUND",
				"courses.studentGroups.patch":                      "404 NOT_FOUND",
				"courses.studentGroups.studentGroupMembers.create": "404 NOT_FOUND",
				"courses.studentGroups.studentGroupMembers.delete": "404 NOT_FOUND",
			},
		},
		{
			name: "with a body that has an unknown field",
			ask: func(m method) (response, bool) {
				return n.as("teacher", m.Verb, m.path("1", "1"), `{"noSuchField":1}`), m.Body != ""
			},
			want: `400 INVALID_ARGUMENT Invalid JSON payload received. Unknown name "noSuchField": Cannot find field.`,
		},
		{
			name: "with an unknown parameter",
			ask: func(m method) (response, bool) {
				return n.as("teacher", m.Verb, m.path("1", "1")+"?noSuchParameter=1", ""), true
			},
			want: `400 INVALID_ARGUMENT Invalid JSON payload received. Unknown name "noSuchParameter"`,
		},
		{
			name: "with a page size below 0",
			ask: func(m method) (response, bool) {
				return n.as("teacher", m.Verb, m.path("1", "1")+"?pageSize=-1", ""), m.Query["pageSize"] != ""
			},
			want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
		},
		{
			name: "with a page token that is none",
			ask: func(m method) (response, bool) {
				return n.as("teacher", m.Verb, m.path("1", "1")+"?pageToken=garbage", ""), m.Query["pageToken"] != ""
			},
			want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
		},
		{
			name: "with a token that is for something else",
			ask: func(m method) (response, bool) {
				scope := "classroom.profile.photos"
				if slices.Contains(m.Scopes, scope) {
					scope = "classroom.topics"
				}
				if n.tokens[scope] == "" {
					n.tokens[scope] = n.userToken("teacher", "scope", "https://www.googleapis.com/auth/"+scope)
				}
				return n.send(m.Verb, n.Classroom+"/v1/"+m.path("1", "1"), "", "Bearer "+n.tokens[scope], ""), true
			},
			want:   "403 PERMISSION_DENIED Request had insufficient authentication scopes.",
			except: map[string]string{"courses.courseWork.rubrics.create": "500 INTERNAL Internal error encountered."},
		},
		{
			name: "as a user for whom Classroom is off",
			ask:  func(m method) (response, bool) { return n.as("classroomOff", m.Verb, m.path("1", "1"), ""), true },
			want: "403 PERMISSION_DENIED @ClassroomDisabled",
		},
		{
			name: "as a user for whom the API is off",
			ask:  func(m method) (response, bool) { return n.as("apiOff", m.Verb, m.path("1", "1"), ""), true },
			want: "403 PERMISSION_DENIED @ClassroomApiDisabled",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := NewWithT(t)
			seen := map[string]bool{}
			for _, m := range methods(t) {
				got, applies := c.ask(m)
				if !applies {
					continue
				}
				want := c.want
				if other, ok := c.except[m.ID]; ok {
					want, seen[m.ID] = other, true
				}
				g.Expect(got.failure()).To(HavePrefix(want), "%s: %s", m.ID, got.text)
			}
			g.Expect(seen).To(HaveLen(len(c.except)), "an exception is for no method")
			g.Expect(n.Inventory()).To(Equal(before))
		})
	}
}
