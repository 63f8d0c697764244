package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// FuzzNothingBreaksTheStandIn sends what nobody would: a request that breaks the server gets no response, or one of a kind that
// a stand-in has no reason to give.
func FuzzNothingBreaksTheStandIn(f *testing.F) {
	for _, seed := range [][4]string{
		{"POST", "courses", "", `{"name":"x","ownerId":"me","courseState":"ACTIVE"}`},
		{"PATCH", "courses/640000000002", "updateMask=name,courseState", `{"name":"x","courseState":"ARCHIVED"}`},
		{"GET", "courses/640000000005/courseWork/-/studentSubmissions", "pageSize=1&pageToken=ZnJvbSAx", ""},
		{"POST", "courses/d:math-8b/announcements", "$.xgafv=2", `{"text":"x","materials":[{"driveFile":{"driveFile":{"id":null}}}]}`},
		{"POST", "courses/640000000002/posts/1/addOnAttachments", "addOnToken=x", `{"title":"x","teacherViewUri":{"uri":null}}`},
		{"POST", "courses/640000000002/aliases", "", `{"alias":"d:a/b"}`},
		{"POST", "registrations", "", `{"cloudPubsubTopic":{},"feed":{"feedType":"COURSE_WORK_CHANGES","courseWorkChangesInfo":null}}`},
		{"PATCH", "courses/640000000002/gradingPeriodSettings", "updateMask=grading_periods", `{"gradingPeriods":[null,{"startDate":{"year":1e999}}]}`},
		{"POST", "userProfiles/-/guardianInvitations", "", `{"invitedEmailAddress":"a@b"}`},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	s, err := server.Start(server.Options{Licensed: true, Lag: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	ids, env := s.Fixtures(), s.Env()
	tokens, client := map[string]string{}, trusting(f, s.CA)
	f.Fuzz(func(t *testing.T, verb, path, query, body string) {
		n := &tenant{s, t, client, env, ids, tokens}
		address := n.Classroom + "/v1/" + (&url.URL{Path: path}).EscapedPath() + "?" + url.PathEscape(query)
		if decoded, err := url.ParseQuery(query); err == nil {
			address = n.Classroom + "/v1/" + (&url.URL{Path: path}).EscapedPath() + "?" + decoded.Encode()
		}
		for _, as := range []string{"teacher", "admin", "outsider"} {
			if tokens[as] == "" {
				tokens[as] = n.userToken(as)
			}
			if _, err := http.NewRequestWithContext(t.Context(), verb, address, strings.NewReader(body)); err != nil {
				t.Skip("no request")
			}
			if a := n.send(verb, address, "application/json", "Bearer "+tokens[as], body); a.status >= 500 {
				t.Errorf("%s %s as %s: %d %s", verb, address, as, a.status, a.text)
			}
		}
	})
}
