package live_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learncontract/learncontract/suites/live"
	"github.com/learncontract/learncontract/suites/live/standin/server"
)

// course makes a course as a person does, and returns its id.
func (s *standIn) course(as, name, section string) string {
	s.t.Helper()
	return s.create("classroom/"+as, "/v1/courses", map[string]any{"name": name, "section": section, "ownerId": "me", "courseState": "ACTIVE"})
}

// activity makes an activity, with what a run gives it but for some fields.
func (s *standIn) activity(name string, other map[string]any) string {
	s.t.Helper()
	value := func(key string) string {
		value, _ := s.sandbox().Value("graph." + key)
		return value
	}
	provider := value("provider")
	fields := map[string]any{
		"@odata.type": "#microsoft.graph.learningAssignment", "assignmentType": "required", "status": "notStarted",
		"learningContentId": value("content"), "learningProviderId": provider, "learnerUserId": value("learner"), "externalcourseActivityId": name,
	}
	maps.Copy(fields, other)
	if p, is := other["learningProviderId"].(string); is {
		provider = p
	}
	return s.create("graph/app", "/employeeExperience/learningProviders/"+provider+"/learningCourseActivities", fields)
}

// swept sweeps, and compares what is left, spared and other, each by an id and a part of the reason.
func swept(t *testing.T, tenant *live.Tenant, sparing time.Duration, remove bool, left []string, spared map[string]string, others []string) {
	t.Helper()
	result, err := tenant.Sweep(t.Context(), sparing, remove)
	if err != nil {
		t.Error(err)
	}
	has := func(lines []string, id string) (line string) {
		if at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, "(id "+id) }); at >= 0 {
			return lines[at]
		}
		return ""
	}
	for _, id := range left {
		if has(result.Left, id) == "" {
			t.Errorf("%s is not left of a run", id)
		}
	}
	for id, why := range spared {
		if line := has(result.Spared, id); !strings.Contains(line, why) || line == "" {
			t.Errorf("%s is not spared because %s", id, why)
		}
	}
	for _, id := range others {
		if has(result.Others, id) == "" {
			t.Errorf("%s does not resemble what runs leave", id)
		}
	}
	if len(result.Left) != len(left) || len(result.Spared) != len(spared) || len(result.Others) != len(others) {
		t.Errorf("left is %q,\nspared %q,\nothers %q", result.Left, result.Spared, result.Others)
	}
}

// TestASweepTakesNothingOfAnybodys makes what resembles what runs leave, in one way or another.
func TestASweepTakesNothingOfAnybodys(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	now := time.Now()
	name := func(ago time.Duration) string { return live.NameAt(s.sandbox(), "classroom", now.Add(-ago)) }
	old := name(2 * time.Hour)
	for _, other := range []string{
		"Copy of " + old, old + " (2)", strings.ToUpper(old), "learncontract-notes", "Learncontract 8b", old[:len(old)-1], old[:len(old)-1] + "1",
	} {
		s.course("teacher", other, live.Marker)
	}
	resembling := []string{
		s.course("teacher", "learncontract-homework-1", live.Marker), s.course("teacher", "learncontract-a4c3oaabcdefgh-1", live.Marker),
		s.course("teacher", strings.Replace(old, "-7-", "-8-", 1), live.Marker),
		s.course("teacher", live.NameAt(load(t, "classroom: {domain: other.example}"), "classroom", now), live.Marker),
	}
	spared := map[string]string{
		s.course("teacher", name(2*time.Hour), ""):             "lacks the marker",
		s.course("teacher", name(2*time.Hour), "8b"):           "lacks the marker",
		s.course("teacher", name(30*time.Hour), live.Marker):   "and it was made at",
		s.course("teacher", name(-30*time.Hour), live.Marker):  "when no run can have begun",
		s.course("teacher", name(2e4*time.Hour), live.Marker):  "when no run can have begun",
		s.course("teacher", name(10*time.Minute), live.Marker): "may be going on",
	}
	theirs := s.course("otherTeacher", name(2*time.Hour), live.Marker)
	s.create("classroom/admin", "/v1/courses/"+theirs+"/teachers", map[string]any{"userId": "teacher@school.example"})
	spared[theirs] = "it is of nobody whom "
	s.before = s.Inventory()
	left := []string{s.course("teacher", old, live.Marker), s.course("teacher", name(61*time.Minute), live.Marker)}
	with := s.Inventory()
	alone := s.tenant("classroom", "otherTeacher", "")
	swept(t, alone, time.Hour, false, left, spared, resembling)
	if after := s.Inventory(); !slices.Equal(with, after) || s.count("classroom", http.MethodDelete)+s.count("classroom", http.MethodPatch) > 0 {
		t.Error("what is only listed is changed")
	}
	swept(t, s.tenant("classroom", "otherTeacher", ""), time.Hour, true, left, spared, resembling)
	if changed := s.changes(); len(changed) > 0 {
		t.Errorf("changed is %q", changed)
	}
	swept(t, s.tenant("classroom", "otherTeacher", ""), time.Hour, true, nil, spared, resembling)
	if deleted := s.count("classroom", http.MethodDelete); deleted != len(left) {
		t.Errorf("%d removals were sent", deleted)
	}
}

// TestASweepOfActivities makes activities of others, and some that resemble a run's.
func TestASweepOfActivities(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	now := time.Now()
	name := func(ago time.Duration) string { return live.NameAt(s.sandbox(), "graph", now.Add(-ago)) }
	otherProvider, _ := s.sandbox().Value("graph.otherProvider")
	otherContent, _ := s.sandbox().Value("graph.otherContent")
	resembling := []string{s.activity("learncontract-homework-1", nil), s.activity(name(0)[:20]+"abcdefgh-1", nil)}
	s.activity("Copy of "+name(time.Hour), nil)
	spared := map[string]string{
		s.activity(name(2*time.Hour), map[string]any{"learningProviderId": otherProvider, "learningContentId": otherContent}): "lacks the marker",
		s.activity(name(time.Minute), nil): "may be going on",
	}
	s.before = s.Inventory()
	left := []string{s.activity(name(3*time.Hour), nil)}
	tenant := s.tenant("graph", "otherProvider", "")
	swept(t, tenant, time.Hour, true, left, spared, resembling)
	if changed := s.changes(); len(changed) > 0 {
		t.Errorf("changed is %q", changed)
	}
	for id, why := range spared {
		if strings.Contains(why, "going on") {
			delete(spared, id)
			left = []string{id}
		}
	}
	swept(t, s.tenant("graph", "otherProvider", ""), 0, true, left, spared, resembling)
}

// TestASweepOfAProviderThatMisbehaves has one that does not remove, or whose lists do not end.
func TestASweepOfAProviderThatMisbehaves(t *testing.T) {
	t.Parallel()
	for misbehaviour, says := range map[string]string{
		"lying-deletes": "may be left: try again, or remove it yourself: ",
		"endless-pages": "do not end: what is called learncontract-",
		"odd-ids":       "which is no id: nothing is sent with it",
	} {
		t.Run(misbehaviour, func(t *testing.T) {
			t.Parallel()
			s := startStandIn(t, server.Options{Misbehave: []string{misbehaviour}})
			s.course("teacher", live.NameAt(s.sandbox(), "classroom", time.Now().Add(-2*time.Hour)), live.Marker)
			before := len(s.Inventory())
			result, err := s.tenant("classroom").Sweep(t.Context(), time.Hour, true)
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("it ends with %v", err)
			}
			if gone := before - len(s.Inventory()); gone > 0 != (len(result.Left) > 0) || s.count("classroom", "") > 260 {
				t.Errorf("%d things are gone, and %q is said to be removed, by %d requests", gone, result.Left, s.count("classroom", ""))
			}
		})
	}
}

// TestASweepThatLooksAtNobodyFails has a sandbox file name too little.
func TestASweepThatLooksAtNobodyFails(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	for _, test := range []struct {
		provider string
		without  []string
		want     string
	}{
		{"graph", []string{"learner", "", "unlicensedLearner", ""}, "name graph.learner or graph.unlicensedLearner in "},
		{"classroom", []string{"teacher", "", "admin", ""}, "name classroom.teacher or classroom.admin in "},
	} {
		if result, err := s.tenant(test.provider, test.without...).Sweep(t.Context(), 0, true); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("without %q, %v is swept, %v", test.without, result, err)
		}
	}
}

// TestASweepRemovesWhereTheTenantIsMarked has the file name no marker, or what is none.
func TestASweepRemovesWhereTheTenantIsMarked(t *testing.T) {
	t.Parallel()
	for name, marker := range map[string]string{"no marker": "", "somebody's course": `"640000000006"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStandIn(t, server.Options{})
			course := s.course("teacher", live.NameAt(s.sandbox(), "classroom", time.Now().Add(-2*time.Hour)), live.Marker)
			without := []string{"marker", marker, "fullCourse", ""} // which that course is
			if _, err := s.tenant("classroom", without...).Sweep(t.Context(), 0, true); err == nil || !strings.Contains(err.Error(), "is not marked as a sandbox") {
				t.Errorf("it ends with %v", err)
			}
			if s.count("classroom", http.MethodDelete)+s.count("classroom", http.MethodPatch) > 0 {
				t.Error("something was changed")
			}
			swept(t, s.tenant("classroom", without...), 0, false, []string{course}, nil, nil) // which only reads
		})
	}
}

// TestASweepSaysOnceWhoCannotSignIn has an administrator read the lists of all, and be unable to.
func TestASweepSaysOnceWhoCannotSignIn(t *testing.T) {
	t.Parallel()
	s := startStandIn(t, server.Options{})
	s.nobody = "classroom/admin"
	_, err := s.tenant("classroom").Sweep(t.Context(), 0, false)
	if err == nil || strings.Count(err.Error(), "the password has expired") != 1 {
		t.Errorf("it ends with %v", err)
	}
}

// TestWhoeverMakesSomethingIsLookedAt has courses of several accounts left, with and without an administrator who sees them all.
func TestWhoeverMakesSomethingIsLookedAt(t *testing.T) {
	t.Parallel()
	for name, without := range map[string][]string{"with an administrator": nil, "without": {"admin", ""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startStandIn(t, server.Options{})
			var left []string
			for _, as := range []string{"teacher", "otherTeacher"} {
				left = append(left, s.course(as, live.NameAt(s.sandbox(), "classroom", time.Now()), live.Marker))
			}
			var sent []string
			s.options.Changed = func(c live.Change) { sent = append(sent, fmt.Sprintf("%s %s %d", c.Method, c.Path, c.Status)) }
			swept(t, s.tenant("classroom", without...), 0, true, left, nil, nil)
			for _, id := range left {
				if line := "DELETE /v1/courses/" + id + " 200"; !slices.Contains(sent, line) {
					t.Errorf("the audit is %q, without %s", sent, line)
				}
			}
			if changed := s.changes(); len(changed) > 0 {
				t.Errorf("changed is %q", changed)
			}
		})
	}
}
