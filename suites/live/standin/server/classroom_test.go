package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// as asks Classroom as one of the users.
func (n *tenant) as(user, method, path, body string) response {
	n.t.Helper()
	if n.tokens[user] == "" {
		n.tokens[user] = n.userToken(user)
	}
	return n.send(method, n.Classroom+"/v1/"+path, "application/json", "Bearer "+n.tokens[user], body)
}

var hump = regexp.MustCompile(`([a-z])([A-Z])`)

// userToken signs a user in by the refresh token.
func (n *tenant) userToken(user string, more ...string) string {
	n.t.Helper()
	variable := "LEARNCONTRACT_CLASSROOM_" + strings.ToUpper(hump.ReplaceAllString(user, "${1}_$2")) + "_REFRESH_TOKEN"
	form := append([]string{
		"grant_type", "refresh_token", "refresh_token", n.env[variable],
		"client_id", n.env["LEARNCONTRACT_GOOGLE_CLIENT_ID"], "client_secret", n.env["LEARNCONTRACT_GOOGLE_CLIENT_SECRET"],
	}, more...)
	a := n.form(n.GoogleToken, form...)
	token, _ := a.at("access_token").(string)
	if token == "" {
		n.t.Fatalf("no token for %s: %d %s", user, a.status, a.text)
	}
	return token
}

// must is as, of what has to succeed.
func (n *tenant) must(user, method, path, body string) response {
	n.t.Helper()
	a := n.as(user, method, path, body)
	if a.status != http.StatusOK {
		n.t.Fatalf("%s %s as %s: %d %s", method, path, user, a.status, a.text)
	}
	return a
}

// id is the id of what was made.
func (a response) id() string {
	for _, name := range []string{"id", "topicId", "registrationId", "invitationId"} {
		if id, ok := a.body[name].(string); ok {
			return id
		}
	}
	return ""
}

// course makes an active course of the teacher, with the other teacher and the student in it.
func (n *tenant) course() string {
	n.t.Helper()
	id := n.must("teacher", http.MethodPost, "courses", `{"name":"learncontract-1-course","ownerId":"me","courseState":"ACTIVE"}`).id()
	path := "courses/" + id
	n.must("admin", http.MethodPost, path+"/teachers", `{"userId":"`+n.ids["classroom.otherTeacher"]+`"}`)
	n.must("admin", http.MethodPost, path+"/students", `{"userId":"`+n.ids["classroom.student"]+`"}`)
	return path
}

// failure is an error as a line: status, canonical status and the message's beginning.
func (a response) failure() string {
	message, _ := a.at("error", "message").(string)
	if name, _, ok := strings.Cut(message, " "); ok && strings.HasPrefix(name, "@") {
		message = name
	}
	return fmt.Sprintf("%d %v %s", a.status, a.at("error", "status"), message)
}

func TestACourseLivesAndGoes(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	before := n.Inventory()
	path := n.course()
	g.Expect(n.Inventory()).NotTo(Equal(before))
	g.Expect(n.as("teacher", http.MethodDelete, path, "").failure()).To(Equal("400 FAILED_PRECONDITION Precondition check failed."))
	n.must("teacher", http.MethodPatch, path+"?updateMask=courseState", `{"courseState":"ARCHIVED"}`)
	n.must("teacher", http.MethodDelete, path, "")
	g.Expect(n.as("teacher", http.MethodGet, path, "").failure()).To(HavePrefix("404 NOT_FOUND"))
	g.Expect(n.Inventory()).To(Equal(before))
}
