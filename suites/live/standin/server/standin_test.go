package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// state is what a user sees of a course: its state, or the failure.
func (n *tenant) state(path string) string {
	a := n.as("teacher", http.MethodGet, path, "")
	if a.status != http.StatusOK {
		return a.failure()
	}
	return a.at("courseState").(string)
}

func TestChangesOfACourseAreSeenLate(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{Lag: 2})
	before := n.Inventory()
	path := "courses/" + n.must("teacher", http.MethodPost, "courses", `{"name":"x","ownerId":"me","courseState":"ACTIVE"}`).id()
	const notYet = "404 NOT_FOUND @CourseNotFound"
	g.Expect(n.as("teacher", http.MethodPost, path+"/topics", `{"name":"x"}`).failure()).To(Equal(notYet))
	g.Expect([]string{n.state(path), n.state(path), n.state(path)}).To(Equal([]string{notYet, notYet, "ACTIVE"}))

	n.must("teacher", http.MethodPatch, path+"?updateMask=courseState", `{"courseState":"ARCHIVED"}`)
	g.Expect(n.as("teacher", http.MethodDelete, path, "").failure()).To(Equal("400 FAILED_PRECONDITION Precondition check failed."))
	g.Expect([]string{n.state(path), n.state(path), n.state(path)}).To(Equal([]string{"ACTIVE", "ACTIVE", "ARCHIVED"}))
	n.must("teacher", http.MethodDelete, path, "")

	g.Expect(n.state(path)).To(HavePrefix("404"))
	g.Expect(n.Inventory()).To(Equal(before))
	for _, want := range []bool{true, true, false} {
		listed := strings.Contains(n.must("teacher", http.MethodGet, "courses", "").text, strings.TrimPrefix(path, "courses/"))
		g.Expect(listed).To(Equal(want), "a deleted course lingers in lists")
	}
}

func TestAListCountsAsARead(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{Lag: 1})
	id := n.must("teacher", http.MethodPost, "courses", `{"name":"x","ownerId":"me","courseState":"ACTIVE"}`).id()
	g.Expect(n.must("teacher", http.MethodGet, "courses", "").text).NotTo(ContainSubstring(id))
	g.Expect(n.must("teacher", http.MethodGet, "courses", "").text).To(ContainSubstring(id))
}

func TestListsAreGivenByThePage(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	path := n.course() + "/topics"
	for i := range 35 {
		n.must("teacher", http.MethodPost, path, fmt.Sprintf(`{"name":"topic %d"}`, i))
	}
	sizes := func(query string) (sizes []int) {
		token := ""
		for {
			a := n.must("student", http.MethodGet, path+"?"+query+"&pageToken="+token, "")
			sizes = append(sizes, len(a.at("topic").([]any)))
			next, ok := a.at("nextPageToken").(string)
			if !ok {
				return sizes
			}
			token = next
		}
	}
	g.Expect(sizes("")).To(Equal([]int{30, 5}))
	g.Expect(sizes("pageSize=20")).To(Equal([]int{20, 15}))
	g.Expect(sizes("pageSize=35")).To(Equal([]int{35}))
}

func TestCoursesAreListedAsAsked(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	names := func(as, query string) (names []string) {
		all, _ := n.must(as, http.MethodGet, "courses?"+query, "").at("courses").([]any)
		for _, course := range all {
			names = append(names, course.(map[string]any)["name"].(string))
		}
		return names
	}
	g.Expect(names("student", "")).To(Equal([]string{"Geography"}))
	g.Expect(names("teacher", "teacherId=me")).To(Equal(
		[]string{"learncontract sandbox", "Staff room", "Geography", "Latin", "learncontract-notes", "Mathematics 8b"}), "the newest first")
	g.Expect(names("admin", "courseStates=ARCHIVED")).To(Equal([]string{"History 2019"}))
	g.Expect(names("admin", "studentId="+n.ids["classroom.student"])).To(Equal([]string{"Geography"}))
	g.Expect(names("admin", "")).NotTo(ContainElement("Chess club"), "it is of another domain")
	g.Expect(names("outsider", "")).To(Equal([]string{"Chess club"}))
}

func TestAnInvitationIsAccepted(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	s := scene{n, n.course()}
	n.must("admin", http.MethodPost, s.make("teacher", "/invitations", s.invitation("admin", "TEACHER"))+":accept", "")
	n.must("teacher", http.MethodGet, s.course+"/teachers/"+n.ids["classroom.admin"], "")

	n.must("otherTeacher", http.MethodPost, s.make("teacher", "/invitations", s.invitation("otherTeacher", "OWNER"))+":accept", "")
	g.Expect(n.must("teacher", http.MethodGet, s.course, "").at("ownerId")).To(Equal(s.userID("otherTeacher")))
	g.Expect(n.must("teacher", http.MethodGet, "invitations?courseId="+strings.TrimPrefix(s.course, "courses/"), "").text).To(Equal("{}"))
}

func TestAStudentJoinsByTheCode(t *testing.T) {
	n := start(t, server.Options{})
	s := scene{n, n.course()}
	n.must("teacher", http.MethodDelete, s.course+"/students/"+n.ids["classroom.student"], "")
	code := n.must("teacher", http.MethodGet, s.course, "").at("enrollmentCode").(string)
	g := NewWithT(t)
	g.Expect(n.as("student", http.MethodPost, s.course+"/students?enrollmentCode=x", `{"userId":"me"}`).status).To(Equal(403))
	n.must("student", http.MethodPost, s.course+"/students?enrollmentCode="+code, `{"userId":"me"}`)
}

func TestWhatIsInACourseGoesWithIt(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	before := n.Inventory()
	s := scene{n, n.course()}
	s.submission(s.work())
	s.make("teacher", "topics", `{"name":"x"}`)
	s.make("teacher", "aliases", `{"alias":"d:x"}`)
	s.make("teacher", "/invitations", s.invitation("admin", "TEACHER"))
	s.archive()
	n.must("admin", http.MethodDelete, s.course, "")
	g.Expect(n.Inventory()).To(Equal(before))
}

func TestAPatchSetsWhatItNames(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	path := n.course()
	n.must("teacher", http.MethodPatch, path+"?updateMask=section,room", `{"section":"a","room":"b"}`)
	a := n.must("teacher", http.MethodPatch, path+"?updateMask=room", `{"section":"ignored","name":"ignored"}`)
	g.Expect(a.at("section")).To(Equal("a"))
	g.Expect(a.at("room")).To(BeNil(), "what the mask names and the body does not is cleared")
	g.Expect(a.at("name")).To(Equal("learncontract-1-course"))
	g.Expect(n.must("teacher", http.MethodPut, path, `{"name":"y","room":"c"}`).at("section")).To(BeNil(), "an update is of all")
}

func TestAFailureIsInTheFormThatIsAskedFor(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	const text = "@ListCoursesStudentAndTeacherFilter Courses cannot be listed by student and by teacher at once."
	g.Expect(n.as("teacher", http.MethodGet, "courses?teacherId=me&studentId=me", "").text).To(MatchJSON(`{"error":{
		"code":400,"message":"` + text + `","status":"FAILED_PRECONDITION",
		"errors":[{"message":"` + text + `","domain":"global","reason":"failedPrecondition"}]}}`))
	g.Expect(n.as("teacher", http.MethodGet, "courses?teacherId=me&studentId=me&%24.xgafv=2", "").text).To(MatchJSON(`{"error":{
		"code":400,"message":"` + text + `","status":"FAILED_PRECONDITION"}}`))
}

func TestAPathOfNoMethodIsRespondedByThePageOfTheFrontEnd(t *testing.T) {
	n := start(t, server.Options{})
	for _, c := range [][2]string{{"GET", "nothing"}, {"PUT", "courses"}, {"POST", "invitations/1:decline"}, {"DELETE", "courses/"}} {
		g := NewWithT(t)
		a := n.as("teacher", c[0], c[1], "")
		g.Expect(a.status).To(Equal(404), c[1])
		g.Expect(a.header.Get("Content-Type")).To(HavePrefix("text/html"))
		g.Expect(a.text).To(ContainSubstring("/v1/" + c[1]))
	}
}

func TestRespondsCanBeChangedOnTheWay(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Content-Type") == "" {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Wrapped", "yes")
			next.ServeHTTP(w, r)
		})
	}})
	g.Expect(n.must("teacher", http.MethodGet, "courses", "").header.Get("Wrapped")).To(Equal("yes"))
	g.Expect(n.graph("app", http.MethodGet, item+unknown, "").header.Get("Wrapped")).To(Equal("yes"))
	// A GET would be sent again, on another connection.
	g.Expect(ask(t, n.client, http.MethodPost, n.Classroom+"/v1/courses")).To(HaveOccurred())
	g.Expect(n.Requests()).To(HaveExactElements(
		server.Request{API: "google", Method: "POST", Path: "/token"},
		server.Request{API: "classroom", Method: "GET", Path: "/v1/courses", Identity: n.ids["classroom.teacher"]},
		server.Request{API: "entra", Method: "POST", Path: "/" + n.env["AZURE_TENANT_ID"] + "/oauth2/v2.0/token"},
		server.Request{API: "graph", Method: "GET", Path: "/v1.0" + item + unknown, Identity: n.env["AZURE_CLIENT_ID"]},
		server.Request{API: "classroom", Method: "POST", Path: "/v1/courses"},
	), "and each request is counted before")
}

func TestManyAskAtOnce(t *testing.T) {
	n := start(t, server.Options{Lag: 1})
	n.must("teacher", http.MethodGet, "courses", "") // signs in
	n.graph("app", http.MethodGet, "/", "")
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for range 10 {
				n.as("teacher", http.MethodGet, "courses", "")
				n.as("teacher", http.MethodPatch, "courses/640000000002?updateMask=room", `{"room":"x"}`)
				n.as("teacher", http.MethodGet, "courses/640000000002", "")
				n.graph("app", http.MethodPost, n.of("provider"), n.activity())
				n.Inventory()
				n.Requests()
			}
		})
	}
	asking.Wait()
	NewWithT(t).Expect(n.Requests()).To(HaveLen(4 + 4*10*4))
}

func TestTheInventoryHasWhatWasThereBefore(t *testing.T) {
	g := NewWithT(t)
	n := start(t, server.Options{})
	all := strings.Join(n.Inventory(), "\n")
	for _, name := range []string{"graph.unlicensedActivity", "classroom.orphanedCourse", "classroom.otherProjectCourse.rubrics"} {
		g.Expect(all).To(ContainSubstring(n.ids[name]), name)
	}
	g.Expect(all).To(ContainSubstring(`"learncontract-notes"`), "a bystander whose name resembles the prefix of a run")
	g.Expect(n.Inventory()).To(Equal(start(t, server.Options{}).Inventory()), "every stand-in starts as the same tenant")
}
