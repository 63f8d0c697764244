package server_test

import (
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

const oneCourse = `{"name":"x","ownerId":"me","courseState":"ACTIVE"}`

// listed are the ids of the courses in one page, and the token of the next.
func (n *tenant) listed(token string) (ids []string, next string) {
	a := n.must("admin", http.MethodGet, "courses?pageToken="+token, "")
	courses, _ := a.at("courses").([]any)
	for _, course := range courses {
		ids = append(ids, course.(map[string]any)["id"].(string))
	}
	next, _ = a.at("nextPageToken").(string)
	return ids, next
}

// newest is the id of the course that was made last, whatever was responded.
func (n *tenant) newest() (id string) {
	for _, line := range n.Inventory() {
		if rest, ok := strings.CutPrefix(line, "classroom courses/"); ok && strings.Contains(line, `"x"`) {
			id, _, _ = strings.Cut(rest, " ")
		}
	}
	return id
}

func TestItMisbehavesOnDemand(t *testing.T) {
	t.Parallel()
	tests := map[string]func(g Gomega, n *tenant){
		"endless-pages": func(g Gomega, n *tenant) {
			all, first := n.listed("")
			again, second := n.listed(first)
			g.Expect(again).To(Equal(all))
			g.Expect(first).NotTo(BeEmpty())
			g.Expect(second).NotTo(Or(BeEmpty(), Equal(first)))
		},
		"flapping-states": func(g Gomega, n *tenant) {
			path := "courses/" + n.must("teacher", http.MethodPost, "courses", oneCourse).id()
			g.Expect([]string{n.state(path), n.state(path), n.state(path)}).To(Equal([]string{"ARCHIVED", "ACTIVE", "ARCHIVED"}))
		},
		"hidden-news": func(g Gomega, n *tenant) {
			id := n.must("teacher", http.MethodPost, "courses", oneCourse).id()
			for range 3 {
				g.Expect(n.as("teacher", http.MethodGet, "courses/"+id, "").status).To(Equal(404))
				ids, _ := n.listed("")
				g.Expect(ids).NotTo(Or(BeEmpty(), ContainElement(id)))
			}
			ids, _ := n.listed("")
			g.Expect(ids).To(ContainElement(id))
			n.must("teacher", http.MethodGet, "courses/"+id, "")
		},
		"unread-news": func(g Gomega, n *tenant) {
			id := n.must("teacher", http.MethodPost, "courses", oneCourse).id()
			ids, _ := n.listed("")
			g.Expect(ids).To(ContainElement(id))
			g.Expect(n.as("teacher", http.MethodGet, "courses/"+id, "").status).To(Equal(404))
		},
		"lost-creates": func(g Gomega, n *tenant) {
			before := len(n.Inventory())
			g.Expect(n.as("teacher", http.MethodPost, "courses", oneCourse).status).To(Equal(503))
			g.Expect(len(n.Inventory())).To(BeNumerically(">", before))
			n.must("teacher", http.MethodPatch, "courses/"+n.newest()+"?updateMask=room", `{"room":"1"}`)
		},
		"lost-writes": func(g Gomega, n *tenant) {
			g.Expect(n.as("teacher", http.MethodPatch, "courses/640000000002?updateMask=courseState", `{"courseState":"ARCHIVED"}`).status).To(Equal(503))
			g.Expect(n.state("courses/640000000002")).To(Equal("ARCHIVED"))
		},
		"lying-deletes": func(g Gomega, n *tenant) {
			before := n.Inventory()
			g.Expect(n.as("teacher", http.MethodDelete, "courses/640000000002", "").status).To(Equal(200))
			g.Expect(n.as("teacher", http.MethodDelete, "courses/640000000002", "").status).To(Equal(404))
			g.Expect(n.Inventory()).To(Equal(before))
		},
		"foreign-ids": func(g Gomega, n *tenant) {
			g.Expect(n.must("teacher", http.MethodPost, "courses", oneCourse).id()).To(Equal("640000000002"))
		},
		"odd-ids": func(g Gomega, n *tenant) {
			g.Expect(n.must("teacher", http.MethodPost, "courses", oneCourse).id()).To(Equal(".."))
			ids, _ := n.listed("")
			g.Expect(ids[0]).To(Equal("."))
		},
		"missing-scopes": func(g Gomega, n *tenant) {
			g.Expect(n.as("teacher", http.MethodGet, "courses", "").failure()).To(HavePrefix("403 PERMISSION_DENIED Request had insufficient"))
			n.must("teacher", http.MethodGet, "userProfiles/me", "")
		},
		"portal": func(g Gomega, n *tenant) {
			for _, status := range []int{200, 403, 404, 451, 511, 200} {
				a := n.as("teacher", http.MethodGet, "courses", "")
				g.Expect([]any{a.status, a.header.Get("Content-Type")}).To(Equal([]any{status, "text/html; charset=utf-8"}))
			}
			n.must("teacher", http.MethodGet, "userProfiles/me", "")
		},
	}
	for _, m := range server.Misbehaviours() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			test, has := tests[m.Name]
			if !has {
				t.Fatal("nothing shows what it does: add a test")
			}
			test(NewWithT(t), start(t, server.Options{Misbehave: []string{m.Name}}))
		})
	}
}

func TestAMisbehaviourThatIsNone(t *testing.T) {
	t.Parallel()
	_, err := server.Start(server.Options{Misbehave: []string{"portal", "portals"}})
	NewWithT(t).Expect(err).To(MatchError(And(ContainSubstring(`"portals": use `), ContainSubstring("lying-deletes"))))
}
