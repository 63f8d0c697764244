package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

func TestRulesOfMembers(t *testing.T) { testRules(t, memberRules) }

var memberRules = []rule{
	{
		name: "a course is given to a co-teacher", as: "admin", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.course + "?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.admin"])
		},
		want: "400 FAILED_PRECONDITION @IneligibleOwner",
	},
	{
		name: "who does not own it", as: "admin", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.course + "?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.teacher"])
		},
		want: "400 FAILED_PRECONDITION @UserAlreadyOwner",
	},
	{
		name: "by an administrator", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.course + "?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.otherTeacher"])
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "unless somebody was asked before", as: "admin", verb: "PATCH",
		ask: func(s scene) (string, string) {
			s.make("teacher", "/invitations", s.invitation("otherTeacher", "OWNER"))
			return s.course + "?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.otherTeacher"])
		},
		want: "400 FAILED_PRECONDITION @PendingInvitationExists",
	},
	{
		name: "one transfer after the other", as: "admin", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.course + "?updateMask=ownerId"
			s.must("admin", "PATCH", path, fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.otherTeacher"]))
			return path, fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.teacher"])
		},
		want: "400 FAILED_PRECONDITION @OwnershipTransferInProgress",
	},
	{
		name: "two users are not run to own a course", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			s.make("teacher", "/invitations", s.invitation("otherTeacher", "OWNER"))
			s.must("admin", "POST", s.course+"/teachers", s.user("admin"))
			return "invitations", s.invitation("admin", "OWNER")
		},
		want: "400 FAILED_PRECONDITION @PendingInvitationExists",
	},
	{
		name: "who is asked to own a course teaches it", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return "invitations", s.invitation("admin", "OWNER") },
		want: "400 FAILED_PRECONDITION @IneligibleOwner",
	},
	{
		name: "who has a role is not invited to it", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return "invitations", s.invitation("otherTeacher", "STUDENT") },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "who is suspended is not invited", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return "invitations", s.invitation("suspended", "STUDENT") },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "nobody is invited twice", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			s.make("teacher", "/invitations", s.invitation("admin", "TEACHER"))
			return "invitations", s.invitation("admin", "STUDENT")
		},
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "who is invited exists", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return "invitations", strings.Replace(s.invitation("admin", "TEACHER"), s.ids["classroom.admin"], nobody, 1)
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "and is of a domain that is trusted", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return "invitations", s.invitation("outsider", "STUDENT") },
		want: "403 PERMISSION_DENIED @CannotInviteUserInUntrustedDomain",
	},
	{
		name: "a student invites nobody", as: "student", verb: "POST",
		ask:  func(s scene) (string, string) { return "invitations", s.invitation("admin", "STUDENT") },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "nobody accepts for another", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "/invitations", s.invitation("admin", "TEACHER")) + ":accept", ""
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "nobody sees what is none of theirs", as: "outsider", verb: "GET",
		ask: func(s scene) (string, string) {
			return s.make("teacher", "/invitations", s.invitation("admin", "TEACHER")), ""
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "invitations are listed of a user or a course", as: "admin", verb: "GET",
		ask:  func(scene) (string, string) { return "invitations", "" },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "of a course for its members", as: "outsider", verb: "GET",
		ask: func(s scene) (string, string) {
			return "invitations?courseId=" + strings.TrimPrefix(s.course, "courses/"), ""
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "and of a user for that user", as: "teacher", verb: "GET",
		ask:  func(s scene) (string, string) { return "invitations?userId=" + s.ids["classroom.student"], "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "teachers add no teachers", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/teachers", s.user("admin") },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "an outsider is not added", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/students", s.user("outsider") },
		want: "403 PERMISSION_DENIED @CannotDirectAddUser",
	},
	{
		name: "not as a teacher either", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/teachers", s.user("outsider") },
		want: "403 PERMISSION_DENIED @CannotDirectAddUser",
	},
	{
		name: "who is nobody is not added", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/teachers", `{"userId":"` + nobody + `"}` },
		want: "403 PERMISSION_DENIED @CannotDirectAddUser",
	},
	{
		name: "with the smallest edition the domain is not trusted", as: "admin", verb: "POST", options: server.Options{Fundamentals: true},
		ask:  func(s scene) (string, string) { return s.course + "/students", s.user("outsider") },
		want: "403 PERMISSION_DENIED @CannotInviteUserInUntrustedDomain",
	},
	{
		name: "teachers add nobody", as: "teacher", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/students", s.user("admin") },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "who is in a course is not added to it", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/students", s.user("student") },
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "not as something else either", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/teachers", s.user("student") },
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "who is suspended is not added", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.course + "/teachers", s.user("suspended") },
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "a course has 50 teachers at most", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.fixture("fullCourse") + "/teachers", s.user("otherTeacher") },
		want: "400 FAILED_PRECONDITION @CourseTeacherLimitReached",
	},
	{
		name: "those who were invited among them", as: "otherTeacher", verb: "POST",
		ask: func(s scene) (string, string) {
			s.course = s.fixture("fullCourse")
			return s.make("teacher", "/invitations", s.invitation("otherTeacher", "TEACHER")) + ":accept", ""
		},
		want: "400 FAILED_PRECONDITION @CourseTeacherLimitReached",
	},
	{
		name: "a course keeps its owner", as: "teacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.course + "/teachers/me", "" },
		want: "400 FAILED_PRECONDITION @CannotRemoveCourseOwner",
	},
	{
		name: "a teacher removes no other", as: "otherTeacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.course + "/teachers/" + s.ids["classroom.teacher"], "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "a former owner stays while the course is transferred", as: "admin", verb: "DELETE",
		ask: func(s scene) (string, string) {
			s.must("admin", "PATCH", s.course+"?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.otherTeacher"]))
			return s.course + "/teachers/" + s.ids["classroom.teacher"], ""
		},
		want: "400 FAILED_PRECONDITION @CannotRemoveCourseOwnerTransferIncomplete",
	},
	{
		name: "and while the folder is", as: "admin", verb: "DELETE",
		ask: func(s scene) (string, string) {
			s.must("admin", "PATCH", s.course+"?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.otherTeacher"]))
			s.must("admin", "GET", s.course, "")
			return s.course + "/teachers/" + s.ids["classroom.teacher"], ""
		},
		want: "400 FAILED_PRECONDITION @CannotRemoveCourseFolderOwner",
	},
	{
		name: "and then goes", as: "admin", verb: "DELETE",
		ask: func(s scene) (string, string) {
			s.must("admin", "PATCH", s.course+"?updateMask=ownerId", fmt.Sprintf(`{"ownerId":%q}`, s.ids["classroom.otherTeacher"]))
			s.must("admin", "GET", s.course, "")
			s.must("admin", "GET", s.course, "")
			return s.course + "/teachers/" + s.ids["classroom.teacher"], ""
		},
		want: "200",
	},
	{
		name: "who is no teacher cannot be removed as one", as: "teacher", verb: "DELETE",
		ask:  func(s scene) (string, string) { return s.course + "/teachers/" + s.ids["classroom.student"], "" },
		want: "404 NOT_FOUND",
	},
	{
		name: "a course without an owner keeps its teachers", as: "admin", verb: "DELETE",
		ask: func(s scene) (string, string) {
			return s.fixture("orphanedCourse") + "/teachers/" + s.ids["classroom.teacher"], ""
		},
		want: "400 FAILED_PRECONDITION @CannotRemoveTeacherWithNoCourseOwner",
	},
	{
		name: "and gets none", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			return s.fixture("orphanedCourse") + "/teachers", s.user("otherTeacher")
		},
		want: "400 FAILED_PRECONDITION @InactiveCourseOwner",
	},
	{
		name: "nor students", as: "admin", verb: "POST",
		ask:  func(s scene) (string, string) { return s.fixture("orphanedCourse") + "/students", s.user("student") },
		want: "400 FAILED_PRECONDITION @InactiveCourseOwner",
	},
	{
		name: "nor another name", as: "teacher", verb: "PATCH",
		ask: func(s scene) (string, string) {
			return s.fixture("orphanedCourse") + "?updateMask=name", `{"name":"x"}`
		},
		want: "400 FAILED_PRECONDITION @InactiveCourseOwner",
	},
}
