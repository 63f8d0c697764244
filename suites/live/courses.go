package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// findCourses are the courses that an identity owns or teaches, as the domain's administrator sees them where the sandbox file
// names one.
func findCourses(ctx context.Context, t *Tenant, as string) (all []found, err error) {
	of := "me"
	switch {
	case t.hasKey("classroom.admin") && as != "outsider": // whom an administrator of the domain does not see
		address, err := t.config.Sandbox.Account(as)
		if err != nil {
			return nil, err
		}
		of, as = url.QueryEscape(address), "admin"
	case as == "limited": // is teacher
		as = "teacher"
	}
	path := "/v1/courses?pageSize=500&teacherId=" + of
	err = t.readPages(ctx, as, path, func(text []byte) (string, error) {
		var page struct {
			Courses []course `json:"courses"`
			Next    string   `json:"nextPageToken"`
		}
		var fields map[string]any
		err := errors.Join(json.Unmarshal(text, &page), json.Unmarshal(text, &fields))
		if err == nil && (fields == nil || len(fields) > 0 && page.Courses == nil && page.Next == "") { // an empty list is an empty object
			err = errors.New("it has no courses")
		}
		for _, c := range page.Courses {
			all = append(all, c.found())
		}
		if err != nil || page.Next == "" {
			return "", err
		}
		return path + "&pageToken=" + url.QueryEscape(page.Next), nil
	})
	if answered, is := errors.AsType[*rejection](err); is && answered.status == http.StatusForbidden && turnedOff[as] != "" {
		err = nil // whom Classroom does not let list any, it lets make none
	}
	return all, err
}

// course is one as Classroom shows it.
type course struct {
	ID, Name, Section, OwnerID, CourseState, CreationTime, AlternateLink string
}

func (c course) found() found {
	created, _ := time.Parse(time.RFC3339, c.CreationTime) // the zero time, where Classroom does not say
	return found{
		id: c.ID, name: bareName(c.Name), state: c.CourseState, owner: c.OwnerID, marked: c.Section == marker, created: created, link: c.AlternateLink,
	}
}

func shownCourse(_ *Tenant, x exchange.Exchange) found {
	var c course
	_ = json.Unmarshal(x.Body(), &c) // what is no course has no id
	return c.found()
}

func coursePath(id string) string { return "/v1/courses/" + url.PathEscape(id) }

// remover is as whom a course is removed: the domain's administrator where the sandbox file names one, for the ownership may
// have moved.
func remover(t *Tenant, as string) string {
	switch {
	case t.hasKey("classroom.admin") && as != "outsider":
		return "admin"
	case as == "limited":
		return "teacher"
	}
	return as
}

// userKeys name the users of the sandbox file.
var userKeys = []string{
	"classroom.admin", "classroom.teacher", "classroom.otherTeacher", "classroom.student", "classroom.outsider", "classroom.classroomOff",
	"classroom.apiOff", "classroom.suspended",
}

// isUsers looks up who owns a course.
func isUsers(ctx context.Context, t *Tenant, as string, c found) (bool, error) {
	owner, known := t.users[c.owner]
	if !known {
		if err := checkID(c.owner); err != nil {
			return false, fmt.Errorf("of its owner, %w", err)
		}
		t.transport.allow(1)
		x, err := t.request(ctx, remover(t, as), http.MethodGet, "/v1/userProfiles/"+url.PathEscape(c.owner), nil)
		if err != nil {
			return false, err
		}
		if x.Status() != http.StatusOK && x.Status() != http.StatusNotFound && x.Status() != http.StatusForbidden {
			return false, fmt.Errorf("GET of its owner received %s: try again later\n%s", fixtures.StatusLine(x.Status()), x)
		}
		if x.TextAt("/id") == c.owner {
			owner = x.TextAt("/emailAddress")
		}
		t.users[c.owner] = owner // "" of whom this identity does not see
	}
	for _, key := range userKeys {
		if address, named := t.config.Sandbox.Value(key); named && equalASCII(address, owner) {
			return true, nil
		}
	}
	return false, nil
}

// nextStateToDelete is the state a course must be brought to next on its way to be removed: only an archived one can be, and one that is
// provisioned cannot be archived. One that is declined can never be removed, and no recipe declines one.
var nextStateToDelete = map[string]string{"PROVISIONED": "ACTIVE", "ACTIVE": "ARCHIVED", "SUSPENDED": "ARCHIVED"}

// removeCourse brings a course to where it can be removed, and removes it.
func removeCourse(c found) (method, path string, body any) {
	if next, further := nextStateToDelete[c.state]; further {
		return http.MethodPatch, coursePath(c.id) + "?updateMask=courseState", map[string]string{"courseState": next}
	}
	return http.MethodDelete, coursePath(c.id), nil
}

// invitationCreate makes what is in no course, and goes with one.
const invitationCreate = "classroom.invitations.create"

// verifyInvitation reads an invitation, which is in no course, by the id that the response gave it, and compares the course that it is to.
func (t *Tenant) verifyInvitation(ctx context.Context, as string, sent []byte, x exchange.Exchange) error {
	var wanted struct{ CourseID string }
	if err := json.Unmarshal(sent, &wanted); err != nil {
		return engineErrorf(opSetUp, "the request for an invitation cannot be read: %w", err)
	}
	id := x.TextAt("/id")
	if err := checkID(id); err != nil {
		return engineErrorf(opSetUp, "the invitation is not to be used: %w", err)
	}
	x, err := t.request(ctx, as, http.MethodGet, "/v1/invitations/"+url.PathEscape(id), nil)
	if err == nil && x.TextAt("/courseId") != wanted.CourseID {
		err = engineErrorf(opSetUp, "the response to %s has the id %s, and GET of it shows no invitation to the run's own course: "+
			"nothing more is sent with it\n%s", invitationCreate, id, x)
	}
	return err
}
