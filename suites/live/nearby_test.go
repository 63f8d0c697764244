package live_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// takesCourse is a clause that is run in a course of its own.
const takesCourse = "classroom.courses.delete.failed-precondition"

// beside is another request of whoever sent one, which the run does not see.
func beside(next http.Handler, r *http.Request, method, path, body string) {
	other := r.Clone(r.Context())
	other.Method, other.URL, other.RequestURI = method, r.URL.JoinPath(), path
	other.URL.Path, other.URL.RawQuery, _ = strings.Cut(path, "?")
	other.Body, other.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	other.Header.Set("Content-Type", "application/json")
	next.ServeHTTP(httptest.NewRecorder(), other)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "1")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a client that went away needs no response
}

const notFound = `{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}`

// TestWhatPeopleDoNearby has somebody, within a run, copy its course by name, give that another name, or become a student of a course
// that is to take none: each is left alone, and the run's end names it.
func TestWhatPeopleDoNearby(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		clause  string
		meddle  func(w http.ResponseWriter, r *http.Request, next http.Handler) (done bool) // once for each request
		changed string
		says    string
	}{
		"a copy of a course whose response is lost": {takesCourse, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.Method != http.MethodPost || r.URL.Path != "/v1/courses" {
				return false
			}
			var course struct{ Name string }
			text, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(text, &course)
			beside(next, r, http.MethodPost, "/v1/courses", fmt.Sprintf(`{"name":%q,"section":"8b","ownerId":"me","courseState":"ACTIVE"}`, course.Name))
			r.Body = io.NopCloser(bytes.NewReader(text))
			next.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}, `left: classroom courses/`, "has a name of this run and is left alone, for it lacks the marker that a run gives what it makes"},
		"another name": {takesCourse, func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.Method != http.MethodDelete {
				return false
			}
			beside(next, r, http.MethodPatch, r.URL.Path+"?updateMask=name", `{"name":"Homework"}`)
			next.ServeHTTP(w, r)
			return true
		}, `"Homework"`, "may be left, and no sweep knows it: it has another name now, and so it is left alone"},
		"a student whom the first look does not show": {
			"classroom.courses.students.create.failed-precondition.InactiveCourseOwner",
			func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
				if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/students/") {
					return false
				}
				beside(next, r, http.MethodPost, "/v1/courses/640000000001/students", `{"userId":"student@school.example"}`)
				writeText(w, http.StatusNotFound, notFound)
				return true
			}, "left: classroom courses/640000000001/students/", "it is there already: look at who has added it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var done atomic.Bool
			s := startStandIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if done.Load() || !test.meddle(w, r, next) {
						next.ServeHTTP(w, r)
						return
					}
					done.Store(true)
				})
			}})
			tenant := s.tenant("classroom", "orphanedCourse", `"640000000001"`)
			problems := provoke(t, tenant, test.clause)
			err := tenant.Close(t.Context())
			changed := strings.Join(s.changes(), "\n")
			if !done.Load() || !strings.Contains(changed, test.changed) || strings.Count(changed, " \"ACTIVE\" ") > 1 {
				t.Errorf("changed is %s", changed)
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the clause ends with %v, and the run with %v", errors.Join(problems...), err)
			}
		})
	}
}

// TestAReplicaThatLacksWhatIsNew has every other read of what was made, or of a list, come from a replica that has nothing new, or a portal
// respond to lists: nothing is left that is not named.
func TestAReplicaThatLacksWhatIsNew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		byID, listed bool
		list         string
		says         string
	}{
		"by id":            {true, false, "", ""},
		"lists":            {false, true, `{}`, ""},
		"both":             {true, true, `{}`, ""},
		"a portal of JSON": {false, true, `{"status":"sign in to the network"}`, "received something else than a list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reads atomic.Int32
			s := startStandIn(t, server.Options{Wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					isList, id := r.URL.Path == "/v1/courses", strings.TrimPrefix(r.URL.Path, "/v1/courses/")
					isNew := !isList && strings.HasPrefix(id, "74")
					switch {
					case r.Method != http.MethodGet, !isList && !isNew, isList && !test.listed, isNew && !test.byID, reads.Add(1)%2 == 1 && !isList:
						next.ServeHTTP(w, r)
					case isList:
						writeText(w, http.StatusOK, test.list)
					default:
						writeText(w, http.StatusNotFound, notFound)
					}
				})
			}})
			tenant := s.tenant("classroom")
			problems := errors.Join(provoke(t, tenant, takesCourse, takesCourse)...)
			err := tenant.Close(t.Context())
			if changed := s.changes(); len(changed) > 0 {
				t.Errorf("changed is %q: %v, %v", changed, problems, err)
			}
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("the run ends with %v", err)
			}
		})
	}
}
