package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// scene is where a rule of Classroom is asked.
type scene struct {
	*tenant
	course string // the path of a course: teacher owns it, otherTeacher teaches it, student is in it
}

// make makes something in the course, or elsewhere if the path begins with a slash, and returns its path.
func (s scene) make(as, collection, body string) string {
	s.t.Helper()
	path := s.course + "/" + collection
	if elsewhere, ok := strings.CutPrefix(collection, "/"); ok {
		path = elsewhere
	}
	return path + "/" + s.must(as, http.MethodPost, path, body).id()
}

func (s scene) archive() {
	s.t.Helper()
	s.must("teacher", http.MethodPatch, s.course+"?updateMask=courseState", `{"courseState":"ARCHIVED"}`)
}

// invitation is the body that invites a user to the course.
func (s scene) invitation(user, role string) string {
	return fmt.Sprintf(`{"courseId":%q,"userId":%q,"role":%q}`, strings.TrimPrefix(s.course, "courses/"), s.ids["classroom."+user], role)
}

// user is the body that names a user.
func (s scene) user(key string) string { return fmt.Sprintf(`{"userId":%q}`, s.ids["classroom."+key]) }

// userID is the number of a user.
func (s scene) userID(key string) string {
	return s.must("admin", http.MethodGet, "userProfiles/"+s.ids["classroom."+key], "").id()
}

// work makes published course work and returns its path.
func (s scene) work() string {
	s.t.Helper()
	return s.make("teacher", "courseWork", `{"title":"Work","workType":"ASSIGNMENT","state":"PUBLISHED","maxPoints":10}`)
}

// submission is the path of the student's submission of work.
func (s scene) submission(work string) string {
	s.t.Helper()
	all, _ := s.must("student", http.MethodGet, work+"/studentSubmissions", "").body["studentSubmissions"].([]any)
	if len(all) != 1 {
		s.t.Fatalf("%d submissions", len(all))
	}
	return work + "/studentSubmissions/" + all[0].(map[string]any)["id"].(string)
}

// fixture is the path of a long-lived course, or of the first item of a collection in it.
func (s scene) fixture(name string) string {
	course, collection, inside := strings.Cut(name, ".")
	path := "courses/" + s.ids["classroom."+course]
	if inside {
		path += "/" + collection + "/" + s.ids["classroom."+name]
	}
	return path
}

// rule is one of Classroom's: it is asked by one request, after whatever leads to it.
type rule struct {
	name    string
	options server.Options
	as      string
	verb    string
	ask     func(s scene) (path, body string)
	want    string // how the failure begins; a name stands for the message
}

func testRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			n := start(t, rule.options)
			path, body := rule.ask(scene{n, n.course()})
			before := n.Inventory()
			a := n.as(rule.as, rule.verb, path, body)
			g := NewWithT(t)
			g.Expect(a.failure()).To(HavePrefix(rule.want), a.text)
			if a.status != http.StatusOK {
				g.Expect(n.Inventory()).To(Equal(before), "what was rejected must change nothing")
			}
		})
	}
}

func TestRulesOfCourses(t *testing.T) { testRules(t, courseRules) }

var courseRules = []rule{
	{
		name: "a course needs a name", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"ownerId":"me"}` },
		want: "400 INVALID_ARGUMENT Course name must be specified.",
	},
	{
		name: "and an owner", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x"}` },
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "and begins before it is over", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x","ownerId":"me","courseState":"ARCHIVED"}` },
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "a new course's id is an alias if it is given", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x","ownerId":"me","id":"math"}` },
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "an update has a name", as: "teacher", verb: "PUT",
		ask:  func(s scene) (string, string) { return s.course, `{"section":"x"}` },
		want: "400 INVALID_ARGUMENT Course name must be specified.",
	},
	{
		name: "and a patch does not take it away", as: "teacher", verb: "PATCH",
		ask:  func(s scene) (string, string) { return s.course + "?updateMask=name", `{}` },
		want: "400 INVALID_ARGUMENT Course name must be specified.",
	},
	{
		name: "who is no teacher starts no course", as: "student", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "/courses", `{"name":"x","ownerId":"me"}`)
			s.must("admin", "POST", path+"/teachers", s.user("student"))
			return path + "?updateMask=courseState", `{"courseState":"ACTIVE"}`
		},
		want: "403 PERMISSION_DENIED @CourseStateDenied",
	},
	{
		name: "the name of a new course is no URL", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"http://example.com","ownerId":"me"}` },
		want: "400 FAILED_PRECONDITION @CourseTitleCannotContainUrl",
	},
	{
		name: "nor does a course get a URL for its name", as: "teacher", verb: "PATCH",
		ask:  func(s scene) (string, string) { return s.course + "?updateMask=name", `{"name":"http://example.com"}` },
		want: "400 FAILED_PRECONDITION @CourseTitleCannotContainUrl",
	},
	{
		name: "nor by an update", as: "teacher", verb: "PUT",
		ask:  func(s scene) (string, string) { return s.course, `{"name":"see www.example.com"}` },
		want: "400 FAILED_PRECONDITION @CourseTitleCannotContainUrl",
	},
	{
		name: "a teacher makes no course for another", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return "courses", `{"name":"x","ownerId":"` + s.ids["classroom.otherTeacher"] + `"}`
		},
		want: "400 FAILED_PRECONDITION @UserCannotOwnCourse",
	},
	{
		name: "an administrator makes no course for an outsider", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			return "courses", `{"name":"x","ownerId":"` + s.ids["classroom.outsider"] + `"}`
		},
		want: "400 FAILED_PRECONDITION @UserCannotOwnCourse",
	},
	{
		name: "a course's owner is a user", as: "admin", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x","ownerId":"` + nobody + `"}` },
		want: "404 NOT_FOUND",
	},
	{
		name: "whose account is not suspended", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			return "courses", `{"name":"x","ownerId":"` + s.ids["classroom.suspended"] + `"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "who is no teacher makes no course", as: "student", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x","ownerId":"me"}` },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "and still less an active one", as: "student", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x","ownerId":"me","courseState":"ACTIVE"}` },
		want: "403 PERMISSION_DENIED @CourseStateDenied",
	},
	{
		name: "an alias is of one course", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":"x","ownerId":"me","id":"d:math-8b"}` },
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "a body is an object", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `["x"]` },
		want: "400 INVALID_ARGUMENT Invalid JSON payload received. Expected a JSON object.",
	},
	{
		name: "a field has a type", as: "teacher", verb: "POST",
		ask:  func(scene) (string, string) { return "courses", `{"name":5,"ownerId":"me"}` },
		want: "400 INVALID_ARGUMENT Invalid JSON payload received. Invalid value at 'name'.",
	},
	{
		name: "so have those within", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.course + "/courseWork", `{"title":"x","workType":"ASSIGNMENT","materials":[{"link":{"uri":"x"}}]}`
		},
		want: `400 INVALID_ARGUMENT Invalid JSON payload received. Unknown name "uri" at 'link': Cannot find field.`,
	},
	{
		name: "a parameter has values", as: "teacher", verb: "GET",
		ask:  func(scene) (string, string) { return "courses?courseStates=GONE", "" },
		want: "400 INVALID_ARGUMENT Invalid JSON payload received. Invalid value at 'courseStates'.",
	},
	{
		name: "or is a number", as: "teacher", verb: "GET",
		ask:  func(scene) (string, string) { return "courses?pageSize=many", "" },
		want: "400 INVALID_ARGUMENT Invalid JSON payload received. Invalid value at 'pageSize'.",
	},
	{
		name: "courses are listed by student or by teacher", as: "teacher", verb: "GET",
		ask:  func(scene) (string, string) { return "courses?teacherId=me&studentId=me", "" },
		want: "400 FAILED_PRECONDITION @ListCoursesStudentAndTeacherFilter",
	},
	{
		name: "who exists", as: "admin", verb: "GET",
		ask:  func(scene) (string, string) { return "courses?teacherId=" + nobody, "" },
		want: "404 NOT_FOUND",
	},
	{
		name: "and is oneself", as: "teacher", verb: "GET",
		ask:  func(s scene) (string, string) { return "courses?teacherId=" + s.ids["classroom.otherTeacher"], "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "an active course is not deleted", as: "teacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.course, "" },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "by a student never", as: "student", verb: "DELETE",
		ask:  func(s scene) (string, string) { s.archive(); return s.course, "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "a provisioned course is not archived", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "/courses", `{"name":"x","ownerId":"me"}`) + "?updateMask=courseState", `{"courseState":"ARCHIVED"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "a declined course is not taken up again", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "/courses", `{"name":"x","ownerId":"me"}`) + "?updateMask=courseState"
			s.must("teacher", "PATCH", path, `{"courseState":"DECLINED"}`)
			return path, `{"courseState":"ACTIVE"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "a patch says what it is of", as: "teacher", verb: "PATCH",
		ask:  func(s scene) (string, string) { return s.course, `{"name":"x"}` },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "and that is something it can be of", as: "teacher", verb: "PATCH",
		ask:  func(s scene) (string, string) { return s.course + "?updateMask=name,enrollmentCode", `{"name":"x"}` },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "an archived course is not patched", as: "teacher", verb: "PATCH",
		ask:  func(s scene) (string, string) { s.archive(); return s.course + "?updateMask=name", `{"name":"x"}` },
		want: "400 FAILED_PRECONDITION @CourseNotModifiable",
	},
	{
		name: "nor updated", as: "teacher", verb: "PUT",
		ask:  func(s scene) (string, string) { s.archive(); return s.course, `{"name":"x"}` },
		want: "400 FAILED_PRECONDITION @CourseNotModifiable",
	},
	{
		name: "nor does it get students", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { s.archive(); return s.course + "/students", s.user("admin") },
		want: "400 FAILED_PRECONDITION @CourseNotModifiable",
	},
	{
		name: "nor teachers", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { s.archive(); return s.course + "/teachers", s.user("admin") },
		want: "400 FAILED_PRECONDITION @CourseNotModifiable",
	},
	{
		name: "not by an invitation either", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "/invitations", s.invitation("admin", "TEACHER"))
			s.archive()
			return path + ":accept", ""
		},
		want: "400 FAILED_PRECONDITION @CourseNotModifiable",
	},
	{
		name: "nor topics", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { s.archive(); return s.course + "/topics", `{"name":"x"}` },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "nor posts", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { s.archive(); return s.course + "/announcements", `{"text":"x"}` },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "an alias exists once", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/aliases", `{"alias":"d:math-8b"}` },
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "an alias has a scope", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/aliases", `{"alias":"math"}` },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "which a user of no domain does not have", as: "outsider", verb: "POST",
		ask:  func(s scene) (string, string) { return s.fixture("outsiderCourse") + "/aliases", `{"alias":"d:chess"}` },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "nor can remove by", as: "outsider", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.fixture("outsiderCourse") + "/aliases/d:chess", "" },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "a course is found by its alias", as: "teacher", verb: "GET",
		ask:  func(scene) (string, string) { return "courses/d%3Amath-8b/topics", "" },
		want: "200",
	},
	{
		name: "licences for grading periods are not had", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.course + "/gradingPeriodSettings?updateMask=gradingPeriods", `{"gradingPeriods":[]}`
		},
		want: "403 PERMISSION_DENIED @UserIneligibleToUpdateGradingPeriodSettings",
	},
	{
		name: "nor by a student if they were", as: "student", verb: "PATCH", options: server.Options{Licensed: true},
		ask: func(s scene) (string, string) {
			return s.course + "/gradingPeriodSettings?updateMask=gradingPeriods", `{"gradingPeriods":[]}`
		},
		want: "403 PERMISSION_DENIED @UserIneligibleToUpdateGradingPeriodSettings",
	},
	{
		name: "a grading period does not end before it starts", as: "teacher", verb: "PATCH", options: server.Options{Licensed: true},
		ask: func(s scene) (string, string) {
			return s.course + "/gradingPeriodSettings?updateMask=grading_periods", `{"gradingPeriods":[{"title":"x",
				"startDate":{"year":2026,"month":9,"day":2},"endDate":{"year":2026,"month":9,"day":1}}]}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "grading periods are set with a licence", as: "teacher", verb: "PATCH", options: server.Options{Licensed: true},
		ask: func(s scene) (string, string) {
			return s.course + "/gradingPeriodSettings?updateMask=gradingPeriods", `{"gradingPeriods":[{"title":"x",
				"startDate":{"year":2026,"month":9,"day":2},"endDate":{"year":2027,"month":1,"day":1}}]}`
		},
		want: "200",
	},
	{
		name: "grading periods are for teachers to see", as: "student", verb: "GET",
		ask:  func(s scene) (string, string) { return s.course + "/gradingPeriodSettings", "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
}
