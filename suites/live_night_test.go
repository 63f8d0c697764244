package suites

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// night counts what a stand-in has done.
type night struct{ courses, activities, enrolments, invitations, publications int }

// wrap counts what is not rejected.
func (n *night) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		if r.Method == http.MethodPost && recorder.Code < http.StatusMultipleChoices {
			switch collection := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]; {
			case collection == "courses":
				n.courses++
			case collection == "learningCourseActivities":
				n.activities++
			case collection == "students", collection == "teachers":
				n.enrolments++
			case collection == "invitations":
				n.invitations++
			case bytes.Contains(body, []byte(`"PUBLISHED"`)):
				n.publications++
			}
		}
		maps.Copy(w.Header(), recorder.Header())
		w.WriteHeader(recorder.Code)
		_, _ = w.Write(recorder.Body.Bytes())
	})
}

// TestANightIsQuiet counts what a run does to a tenant that chooses no class: nobody hears of it.
func TestANightIsQuiet(t *testing.T) {
	t.Parallel()
	for _, provider := range fixtures.Providers() {
		for _, provoke := range [][]string{nil, {"fixture"}, {"fixture", "notifies"}} {
			var n night
			stand, file := standIn(t, server.Options{Wrap: n.wrap})
			s := openSuite(t, provider, options{
				sandbox: file, provoke: provoke, signIn: signInAt(t, stand, file),
				transport: live.Options{Rate: rate.Inf, Pause: time.Millisecond, FirstLook: time.Millisecond},
			})
			for clause := range s.suite.Contract.Clauses() {
				r := s.suite.tenant.Recipe(clause)
				if s.suite.tenant.WhyNot(r) == "" {
					s.provoke(t.Context(), r)
					if err := s.suite.tenant.CleanUp(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.suite.tenant.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			spent, expected := s.suite.tenant.Spent(), s.suite.tenant.Plan().Totals.Expected
			t.Logf("%s %v: %d requests, %d planned, %+v", provider, provoke, spent, expected, n)
			if spent > expected || spent < expected*9/10-5 {
				t.Errorf("%s %v: %d requests, and the plan expects %d", provider, provoke, spent, expected)
			}
			if provoke == nil && (n.courses > 10 || n.activities+n.enrolments+n.invitations+n.publications > 0) {
				t.Errorf("%s: %+v", provider, n)
			}
		}
	}
}
