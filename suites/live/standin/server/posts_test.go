package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

const hidden = `[{"driveFile":{"driveFile":{"id":"nonexistent"}}}]`

var licensed = server.Options{Licensed: true}

const (
	wellMade = `{"criteria":[{"title":"Style","levels":[{"title":"good","points":2},{"title":"bad","points":0}]}]}`
	illMade  = `{"criteria":[{"title":"Style","levels":[{"title":"good","points":2},{"title":"bad"}]}]}`
)

func TestRulesOfWhatIsInCourses(t *testing.T) { testRules(t, postRules) }

var postRules = []rule{
	{
		name: "a topic has a name", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/topics", `{}` },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "of its own", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			s.make("teacher", "topics", `{"name":"a"}`)
			return s.course + "/topics", `{"name":"a"}`
		},
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "still so when it is renamed", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			s.make("teacher", "topics", `{"name":"a"}`)
			return s.make("teacher", "topics", `{"name":"b"}`) + "?updateMask=name", `{"name":"a"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "and cannot be cleared", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "topics", `{"name":"b"}`) + "?updateMask=name", `{}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "a course has 200 topics at most", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			for i := range 200 {
				s.make("teacher", "topics", fmt.Sprintf(`{"name":"topic %d"}`, i))
			}
			return s.course + "/topics", `{"name":"one more"}`
		},
		want: "400 FAILED_PRECONDITION @CourseTopicLimitReached",
	},
	{
		name: "a topic is deleted once", as: "teacher", verb: "DELETE",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "topics", `{"name":"a"}`)
			s.must("teacher", "DELETE", path, "")
			return path, ""
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "and is gone then", as: "teacher", verb: "GET",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "topics", `{"name":"a"}`)
			s.must("teacher", "DELETE", path, "")
			return path, ""
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "an announcement too", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "announcements", `{"text":"a"}`)
			s.must("teacher", "DELETE", path, "")
			return path + "?updateMask=text", `{"text":"b"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "a topic of another project is not renamed", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.fixture("otherProjectCourse.topics") + "?updateMask=name", `{"name":"x"}`
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor course work", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.fixture("otherProjectCourse.courseWork") + "?updateMask=title", `{"title":"x"}`
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "which is not deleted either", as: "teacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.fixture("otherProjectCourse.courseWork"), "" },
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor an announcement", as: "teacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.fixture("otherProjectCourse.announcements"), "" },
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor material", as: "teacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.fixture("otherProjectCourse.courseWorkMaterials"), "" },
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor is it given a rubric", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.fixture("otherProjectCourse.courseWork") + "/rubrics", wellMade
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "or another one", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.fixture("otherProjectCourse.courseWork") + "/rubric?updateMask=criteria", wellMade
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor is it graded", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.submission(s.fixture("otherProjectCourse.courseWork")) + "?updateMask=draftGrade", `{"draftGrade":1}`
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor given back", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.submission(s.fixture("otherProjectCourse.courseWork")) + ":return", ""
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "nor turned in", as: "student", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.submission(s.fixture("otherProjectCourse.courseWork")) + ":turnIn", ""
		},
		want: "403 PERMISSION_DENIED @ProjectPermissionDenied",
	},
	{
		name: "an announcement's file is one that is seen", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.course + "/announcements", `{"text":"x","materials":` + hidden + `}`
		},
		want: "400 FAILED_PRECONDITION @AttachmentNotVisible",
	},
	{
		name: "so is one of course work", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.course + "/courseWork", `{"title":"x","workType":"ASSIGNMENT","materials":` + hidden + `}`
		},
		want: "400 FAILED_PRECONDITION @AttachmentNotVisible",
	},
	{
		name: "and of material", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.course + "/courseWorkMaterials", `{"title":"x","materials":` + hidden + `}`
		},
		want: "400 FAILED_PRECONDITION @AttachmentNotVisible",
	},
	{
		name: "a post has 20 materials at most", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			links := strings.Repeat(`{"link":{"url":"https://a.example"}},`, 20) + `{"link":{"url":"https://a.example"}}`
			return s.course + "/courseWorkMaterials", `{"title":"x","materials":[` + links + `]}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "each of them something", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/announcements", `{"text":"x","materials":[{}]}` },
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "work has no fewer points than none", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.course + "/courseWork", `{"title":"x","workType":"ASSIGNMENT","maxPoints":-1}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "and is about a topic that exists", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.course + "/courseWork", `{"title":"x","workType":"ASSIGNMENT","topicId":"` + nobody + `"}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "a patch deletes nothing", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "announcements", `{"text":"x"}`) + "?updateMask=state", `{"state":"DELETED"}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "a post of an archived course stays as it is", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "announcements", `{"text":"x"}`)
			s.archive()
			return path + "?updateMask=text", `{"text":"y"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "a student posts nothing", as: "student", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/announcements", `{"text":"x"}` },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "and sees no draft", as: "student", verb: "GET",
		ask:  func(s scene) (string, string) { return s.make("teacher", "announcements", `{"text":"x"}`), "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "a patch of a post says what it is of", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "announcements", `{"text":"x"}`) + "?updateMask=bogus", `{"text":"x"}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "a post has assignees", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "announcements", fmt.Sprintf(`{"text":"x","assigneeMode":"INDIVIDUAL_STUDENTS",
				"individualStudentsOptions":{"studentIds":[%q]}}`, s.userID("student")))
			return path + ":modifyAssignees", fmt.Sprintf(`{"assigneeMode":"INDIVIDUAL_STUDENTS",
				"modifyIndividualStudentsOptions":{"removeStudentIds":[%q]}}`, s.userID("student"))
		},
		want: "400 FAILED_PRECONDITION @EmptyAssignees",
	},
	{
		name: "so has course work", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "courseWork", fmt.Sprintf(`{"title":"x","workType":"ASSIGNMENT",
				"assigneeMode":"INDIVIDUAL_STUDENTS","individualStudentsOptions":{"studentIds":[%q]}}`, s.userID("student")))
			return path + ":modifyAssignees", fmt.Sprintf(`{"assigneeMode":"INDIVIDUAL_STUDENTS",
				"modifyIndividualStudentsOptions":{"removeStudentIds":[%q]}}`, s.userID("student"))
		},
		want: "400 FAILED_PRECONDITION @EmptyAssignees",
	},
	{
		name: "assignees are students of the course", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "announcements", `{"text":"x"}`) + ":modifyAssignees", `{"assigneeMode":"INDIVIDUAL_STUDENTS",
				"modifyIndividualStudentsOptions":{"addStudentIds":["` + nobody + `"]}}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "and are said one by one", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "announcements", `{"text":"x"}`) + ":modifyAssignees", `{"assigneeMode":"INDIVIDUAL_STUDENTS"}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "submissions are listed of users who exist", as: "teacher", verb: "GET",
		ask:  func(s scene) (string, string) { return s.work() + "/studentSubmissions?userId=" + nobody, "" },
		want: "404 NOT_FOUND",
	},
	{
		name: "a grade is not below 0", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.submission(s.work()) + "?updateMask=draftGrade", `{"draftGrade":-1}`
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "a submission is reclaimed after it was turned in", as: "student", verb: "POST",
		ask:  func(s scene) (string, string) { return s.submission(s.work()) + ":reclaim", "" },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "and then it is", as: "student", verb: "POST",
		ask: func(s scene) (string, string) {
			path := s.submission(s.work())
			s.must("student", "POST", path+":turnIn", "")
			return path + ":reclaim", ""
		},
		want: "200",
	},
	{
		name: "it is turned in by the student", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.submission(s.work()) + ":turnIn", "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "and given back by the teacher", as: "student", verb: "POST",
		ask:  func(s scene) (string, string) { return s.submission(s.work()) + ":return", "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "something is attached to it", as: "student", verb: "POST",
		ask:  func(s scene) (string, string) { return s.submission(s.work()) + ":modifyAttachments", "{}" },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "submissions of all work are listed by a hyphen", as: "teacher", verb: "GET",
		ask:  func(s scene) (string, string) { s.work(); return s.course + "/courseWork/-/studentSubmissions", "" },
		want: "200",
	},
	{
		name: "rubrics need a licence", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.work() + "/rubrics", wellMade },
		want: "403 PERMISSION_DENIED @UserIneligibleToModifyRubrics",
	},
	{
		name: "and are made with one", as: "teacher", verb: "POST", options: licensed,
		ask:  func(s scene) (string, string) { return s.work() + "/rubrics", wellMade },
		want: "200",
	},
	{
		name: "of criteria in a format", as: "teacher", verb: "POST", options: licensed,
		ask:  func(s scene) (string, string) { return s.work() + "/rubrics", illMade },
		want: "400 INVALID_ARGUMENT @RubricCriteriaInvalidFormat",
	},
	{
		name: "when it is changed too", as: "teacher", verb: "PATCH", options: licensed,
		ask: func(s scene) (string, string) {
			work := s.work()
			id := s.must("teacher", "POST", work+"/rubrics", wellMade).id()
			return work + "/rubrics/" + id + "?updateMask=criteria", illMade
		},
		want: "400 INVALID_ARGUMENT @RubricCriteriaInvalidFormat",
	},
	{
		name: "or a spreadsheet that is seen", as: "teacher", verb: "POST", options: licensed,
		ask:  func(s scene) (string, string) { return s.work() + "/rubrics", `{"sourceSpreadsheetId":"nonexistent"}` },
		want: "400 FAILED_PRECONDITION @AttachmentNotVisible",
	},
	{
		name: "a rubric does not change once somebody was graded", as: "teacher", verb: "PATCH", options: licensed,
		ask: func(s scene) (string, string) {
			work := s.work()
			s.must("teacher", "POST", work+"/rubrics", wellMade)
			s.must("teacher", "PATCH", s.submission(work)+"?updateMask=draftGrade", `{"draftGrade":1}`)
			return work + "/rubric?updateMask=criteria", wellMade
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "nor is it removed then", as: "teacher", verb: "DELETE", options: licensed,
		ask: func(s scene) (string, string) {
			work := s.work()
			id := s.must("teacher", "POST", work+"/rubrics", wellMade).id()
			s.must("teacher", "PATCH", s.submission(work)+"?updateMask=assignedGrade", `{"assignedGrade":1}`)
			return work + "/rubrics/" + id, ""
		},
		want: "400 INVALID_ARGUMENT Request contains an invalid argument.",
	},
	{
		name: "a rubric has criteria", as: "teacher", verb: "POST", options: licensed,
		ask:  func(s scene) (string, string) { return s.work() + "/rubrics", `{}` },
		want: "400 INVALID_ARGUMENT @RubricCriteriaInvalidFormat",
	},
	{
		name: "the rubric of work without one is not changed", as: "teacher", verb: "PATCH", options: licensed,
		ask:  func(s scene) (string, string) { return s.work() + "/rubric?updateMask=criteria", wellMade },
		want: "404 NOT_FOUND",
	},
	{
		name: "an add-on's token is one that it was given", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.work() + "/addOnAttachments?addOnToken=garbage", `{"title":"x","teacherViewUri":{"uri":"https://a.example"}}`
		},
		want: "403 PERMISSION_DENIED @InvalidAddOnToken",
	},
	{
		name: "for the context too", as: "teacher", verb: "GET",
		ask:  func(s scene) (string, string) { return s.work() + "/addOnContext?addOnToken=garbage", "" },
		want: "403 PERMISSION_DENIED @InvalidAddOnToken",
	},
	{
		name: "an attachment has a title", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.work() + "/addOnAttachments", `{}` },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "and addresses", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.work() + "/addOnAttachments", `{"title":"x","teacherViewUri":{}}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "what nobody handed in by it is not there", as: "teacher", verb: "GET",
		ask: func(s scene) (string, string) {
			work := s.work()
			id := s.must("teacher", "POST", work+"/addOnAttachments", `{"title":"x","teacherViewUri":{"uri":"https://a.example"}}`).id()
			return work + "/addOnAttachments/" + id + "/studentSubmissions/" + nobody, ""
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "and none is attached to another project's post without a token", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.fixture("otherProjectCourse.announcements") + "/addOnAttachments",
				`{"title":"x","teacherViewUri":{"uri":"https://a.example"}}`
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "an attachment without points has none to earn", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			work := s.work()
			id := s.must("teacher", "POST", work+"/addOnAttachments", `{"title":"x","teacherViewUri":{"uri":"https://a.example"}}`).id()
			of := s.submission(work)[len(work)+len("/studentSubmissions/"):]
			return work + "/addOnAttachments/" + id + "/studentSubmissions/" + of + "?updateMask=pointsEarned", `{"pointsEarned":1}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "one with points has", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			work := s.work()
			posts := s.course + "/posts" + work[len(s.course+"/courseWork"):]
			id := s.must("teacher", "POST", posts+"/addOnAttachments",
				`{"title":"x","maxPoints":5,"teacherViewUri":{"uri":"https://a.example"}}`).id()
			of := s.submission(work)[len(work)+len("/studentSubmissions/"):]
			return posts + "/addOnAttachments/" + id + "/studentSubmissions/" + of + "?updateMask=pointsEarned", `{"pointsEarned":1}`
		},
		want: "200",
	},
	{
		name: "a post is one of three kinds", as: "teacher", verb: "GET",
		ask: func(s scene) (string, string) {
			topic := s.make("teacher", "topics", `{"name":"x"}`)
			return s.course + "/posts" + topic[len(s.course+"/topics"):] + "/addOnContext", ""
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "a group has a title", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/studentGroups", `{}` },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "and is made by no student", as: "student", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/studentGroups", `{"title":"x"}` },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "its members are students of the course", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "studentGroups", `{"title":"x"}`) + "/studentGroupMembers", s.user("admin")
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "each of them once", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			path := s.make("teacher", "studentGroups", `{"title":"x"}`) + "/studentGroupMembers"
			s.must("teacher", "POST", path, s.user("student"))
			return path, s.user("student")
		},
		want: "409 ALREADY_EXISTS",
	},
}
