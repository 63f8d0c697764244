package server_test

import (
	"fmt"
	"testing"
)

func TestRulesOfPeople(t *testing.T) { testRules(t, peopleRules) }

var peopleRules = []rule{
	{
		name: "a guardian is invited at an address", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			return "userProfiles/" + s.ids["classroom.student"] + "/guardianInvitations", `{"invitedEmailAddress":"nobody"}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "once", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			path := "userProfiles/" + s.ids["classroom.student"] + "/guardianInvitations"
			s.must("admin", "POST", path, `{"invitedEmailAddress":"p@elsewhere.example"}`)
			return path, `{"invitedEmailAddress":"p@elsewhere.example"}`
		},
		want: "409 ALREADY_EXISTS",
	},
	{
		name: "by an administrator", as: "student", verb: "POST",
		ask: func(s scene) (string, string) {
			return "userProfiles/" + s.ids["classroom.student"] + "/guardianInvitations", `{"invitedEmailAddress":"p@elsewhere.example"}`
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "a withdrawn invitation of a guardian is withdrawn", as: "admin", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.make("admin", "/userProfiles/"+s.ids["classroom.student"]+"/guardianInvitations",
				`{"invitedEmailAddress":"p@elsewhere.example"}`) + "?updateMask=state"
			s.must("admin", "PATCH", path, `{"state":"COMPLETE"}`)
			return path, `{"state":"COMPLETE"}`
		},
		want: "400 FAILED_PRECONDITION Precondition check failed.",
	},
	{
		name: "and can be nothing else", as: "admin", verb: "PATCH",
		ask: func(s scene) (string, string) {
			path := s.make("admin", "/userProfiles/"+s.ids["classroom.student"]+"/guardianInvitations",
				`{"invitedEmailAddress":"p@elsewhere.example"}`) + "?updateMask=state"
			return path, `{"state":"PENDING"}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "a student is known by an id or an address", as: "admin", verb: "GET",
		ask:  func(scene) (string, string) { return "userProfiles/sam/guardians", "" },
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "guardians of all are for administrators", as: "teacher", verb: "GET",
		ask:  func(scene) (string, string) { return "userProfiles/-/guardians", "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "a registration is of a course that exists", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":%q},"feed":{"feedType":"COURSE_ROSTER_CHANGES",
				"courseRosterChangesInfo":{"courseId":%q}}}`, s.ids["classroom.pubsubTopic"], nobody)
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "that one teaches", as: "student", verb: "POST",
		ask: func(s scene) (string, string) {
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":%q},"feed":{"feedType":"COURSE_ROSTER_CHANGES",
				"courseRosterChangesInfo":{"courseId":%q}}}`, s.ids["classroom.pubsubTopic"], s.course[len("courses/"):])
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "and none is said of to those outside", as: "outsider", verb: "POST",
		ask: func(s scene) (string, string) {
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":%q},"feed":{"feedType":"COURSE_ROSTER_CHANGES",
				"courseRosterChangesInfo":{"courseId":%q}}}`, s.ids["classroom.pubsubTopic"], s.course[len("courses/"):])
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "a domain's changes are for administrators", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":%q},"feed":{"feedType":"DOMAIN_ROSTER_CHANGES"}}`,
				s.ids["classroom.pubsubTopic"])
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "who get them", as: "admin", verb: "POST",
		ask: func(s scene) (string, string) {
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":%q},"feed":{"feedType":"DOMAIN_ROSTER_CHANGES"}}`,
				s.ids["classroom.pubsubTopic"])
		},
		want: "200",
	},
	{
		name: "unless they asked as somebody else", as: "delegated", verb: "POST",
		ask: func(s scene) (string, string) {
			s.tokens["delegated"] = s.serviceAccount(map[string]any{
				"sub": s.ids["classroom.admin"], "scope": "https://www.googleapis.com/auth/classroom.push-notifications",
			}).at("access_token").(string)
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":%q},"feed":{"feedType":"DOMAIN_ROSTER_CHANGES"}}`,
				s.ids["classroom.pubsubTopic"])
		},
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
	{
		name: "a registration says where to", as: "admin", verb: "POST",
		ask: func(scene) (string, string) {
			return "registrations", `{"cloudPubsubTopic":{"topicName":"x"},"feed":{"feedType":"DOMAIN_ROSTER_CHANGES"}}`
		},
		want: "400 INVALID_ARGUMENT",
	},
	{
		name: "for a topic that exists", as: "teacher", verb: "POST",
		ask: func(s scene) (string, string) {
			return "registrations", fmt.Sprintf(`{"cloudPubsubTopic":{"topicName":"projects/none/topics/none"},
				"feed":{"feedType":"COURSE_WORK_CHANGES","courseWorkChangesInfo":{"courseId":%q}}}`, s.course[len("courses/"):])
		},
		want: "404 NOT_FOUND",
	},
	{
		name: "a stranger's profile is not shown", as: "outsider", verb: "GET",
		ask:  func(s scene) (string, string) { return "userProfiles/" + s.ids["classroom.student"], "" },
		want: "403 PERMISSION_DENIED The caller does not have permission",
	},
}
