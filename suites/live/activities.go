package live

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers/exchange"
)

// learnerKeys name the users whose activities are looked for.
var learnerKeys = []string{"graph.learner", "graph.unlicensedLearner"}

// findActivities are the course activities of the learners that the sandbox file names. What one learner's list refuses keeps
// nobody from another's.
func findActivities(ctx context.Context, t *Tenant, as string) (all []found, err error) {
	for _, key := range learnerKeys {
		if learner, named := t.config.Sandbox.Value(key); named {
			some, problem := t.activitiesOf(ctx, activityReader(t, as), learner)
			all, err = append(all, some...), errors.Join(err, problem)
		}
	}
	return all, err
}

// activityReader is as whom an activity is looked for, and removed: the app that has the roles, whoever made it.
func activityReader(t *Tenant, as string) string {
	if t.hasKey("graph.app.clientID") {
		return "app"
	}
	return as
}

// activitiesOf are those of one learner, up to where they could not be read.
func (t *Tenant) activitiesOf(ctx context.Context, as, learner string) (all []found, err error) {
	seen := map[string]bool{}
	path := "/users/" + url.PathEscape(learner) + "/employeeExperience/learningCourseActivities"
	for path != "" {
		var page struct {
			Value []struct {
				ID       string `json:"id"`
				External string `json:"externalcourseActivityId"`
				Provider string `json:"learningProviderId"`
			} `json:"value"`
			Next string `json:"@odata.nextLink"`
		}
		if err := t.read(ctx, as, path, &page); err != nil {
			return all, err
		}
		for _, a := range page.Value {
			all = append(all, found{id: a.ID, name: a.External, provider: a.Provider})
		}
		next, below := strings.CutPrefix(page.Next, t.config.Sandbox.Endpoint("graph"))
		switch {
		case page.Next != "" && !below:
			return all, fmt.Errorf("the page after %s is elsewhere, at %s", path, exchange.PrintableURL(page.Next))
		case next != "" && seen[next]:
			return all, fmt.Errorf("the pages of %s never end: remove by hand what is called %s…", path, prefix)
		}
		path, seen[next] = next, true
	}
	return all, nil
}

func receivedActivity(x exchange.Exchange) found {
	return found{id: x.TextAt("/id"), provider: x.TextAt("/learningProviderId")}
}

// readActivity looks for an activity.
func readActivity(ctx context.Context, t *Tenant, as string, a *found) (there bool, err error) {
	x, err := t.request(ctx, activityReader(t, as), http.MethodGet, "/employeeExperience/learningCourseActivities/"+url.PathEscape(a.id), nil)
	if a.name = x.TextAt("/externalcourseActivityId"); a.name == "" {
		a.name = x.TextAt("/externalCourseActivityId") // the documentation spells it in two ways
	}
	return err == nil && x.Status() == http.StatusOK, err
}

// removeActivity removes an activity.
func removeActivity(ctx context.Context, t *Tenant, as string, a found) error {
	path := "/employeeExperience/learningProviders/" + url.PathEscape(a.provider) + "/learningCourseActivities/" + url.PathEscape(a.id)
	x, err := t.request(ctx, activityReader(t, as), http.MethodDelete, path, nil)
	if err != nil {
		return err
	}
	if x.Status() != http.StatusNoContent && x.Status() != http.StatusNotFound {
		return fmt.Errorf("DELETE received %s: remove it yourself, or sweep as somebody who may\n%s", fixtures.StatusLine(x.Status()), x)
	}
	return nil
}
