package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

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
	seen := map[string]bool{}
	for next := path; next != ""; {
		if seen[next] {
			return all, fmt.Errorf("the pages of %s never end: remove by hand what is called %s…", path, prefix)
		}
		seen[next] = true
		var page struct {
			Courses []struct {
				ID   string `json:"id"`
				Name string `json:"name"`
			} `json:"courses"`
			Next string `json:"nextPageToken"`
		}
		if err := t.read(ctx, as, next, &page); err != nil {
			if answered, is := errors.AsType[*rejection](err); is && answered.status == http.StatusForbidden && turnedOff[as] != "" {
				err = nil // whom Classroom does not let list any, it lets make none
			}
			return all, err
		}
		for _, c := range page.Courses {
			all = append(all, found{id: c.ID, name: c.Name})
		}
		if next = ""; page.Next != "" {
			next = path + "&pageToken=" + url.QueryEscape(page.Next)
		}
	}
	return all, nil
}

// readCourse looks for a course.
func readCourse(ctx context.Context, t *Tenant, as string, c *found) (there bool, err error) {
	x, err := t.request(ctx, remover(t, as), http.MethodGet, "/v1/courses/"+url.PathEscape(c.id), nil)
	c.name = x.TextAt("/name")
	return err == nil && x.Status() == http.StatusOK, err
}

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

// nextStateToDelete is the state a course must be brought to next on its way to be removed: only an archived one can be, and one that is
// provisioned cannot be archived. One that is declined can never be removed, and no recipe declines one.
var nextStateToDelete = map[string]string{"PROVISIONED": "ACTIVE", "ACTIVE": "ARCHIVED", "SUSPENDED": "ARCHIVED"}

// removeCourse brings a course to where it can be removed, and removes it.
func removeCourse(ctx context.Context, t *Tenant, as string, c found) error {
	as = remover(t, as)
	path := "/v1/courses/" + url.PathEscape(c.id)
	for {
		x, err := t.request(ctx, as, http.MethodGet, path, nil)
		if err != nil || x.Status() == http.StatusNotFound {
			return err
		}
		state := x.TextAt("/courseState")
		next, further := nextStateToDelete[state]
		if !further {
			break
		}
		x, err = t.request(ctx, as, http.MethodPatch, path+"?updateMask=courseState", map[string]string{"courseState": next})
		if err == nil && x.Status() >= http.StatusBadRequest && x.Status() != http.StatusNotFound {
			err = fmt.Errorf("it is %s, and the request to make it %s received %s\n%s", state, next, fixtures.StatusLine(x.Status()), x)
		}
		if err == nil {
			err = t.leaves(ctx, as, path, state)
		}
		if err != nil {
			return err
		}
	}
	x, err := t.request(ctx, as, http.MethodDelete, path, nil)
	if err != nil {
		return err
	}
	if !slices.Contains([]int{http.StatusOK, http.StatusNoContent, http.StatusNotFound}, x.Status()) {
		return fmt.Errorf("DELETE received %s: remove it yourself, or sweep as somebody who may\n%s", fixtures.StatusLine(x.Status()), x)
	}
	return nil
}

// leaves waits until a course has another state: changes are eventually consistent.
func (t *Tenant) leaves(ctx context.Context, as, path, state string) error {
	err := t.transport.poll(ctx, longestWaitForState, "the course to be "+state+" no more", func() (bool, error) {
		x, err := t.request(ctx, as, http.MethodGet, path, nil)
		return x.TextAt("/courseState") != state, err
	})
	if errors.Is(err, errPolledEnough) {
		return engineErrorf(opCleanUp, "the course stays %s: %w", state, err)
	}
	return err
}

func receivedCourse(x exchange.Exchange) found { return found{id: x.TextAt("/id")} }
