package live

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/learncontract/learncontract/fixtures"
	"github.com/learncontract/learncontract/matchers"
)

// findActivities are the course activities of the learners that the sandbox file names.
func findActivities(ctx context.Context, t *Tenant, as string) (all []found, err error) {
	for _, key := range []string{"graph.learner", "graph.unlicensedLearner"} {
		learner, named := t.config.Sandbox.Value(key)
		if !named {
			continue
		}
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
				return nil, err
			}
			for _, a := range page.Value {
				all = append(all, found{id: a.ID, name: a.External, provider: a.Provider})
			}
			var ours bool
			if path, ours = strings.CutPrefix(page.Next, t.config.Sandbox.Endpoint("graph")); !ours && page.Next != "" {
				return nil, fmt.Errorf("the next page of %s is elsewhere", path)
			}
		}
	}
	return all, nil
}

func answeredActivity(x matchers.Exchange) found {
	return found{id: textAt(x, "/id"), provider: textAt(x, "/learningProviderId")}
}

// removeActivity removes an activity.
func removeActivity(ctx context.Context, t *Tenant, as string, a found) error {
	path := "/employeeExperience/learningProviders/" + url.PathEscape(a.provider) + "/learningCourseActivities/" + url.PathEscape(a.id)
	x, err := t.ask(ctx, as, http.MethodDelete, path, nil)
	if err != nil {
		return err
	}
	if x.Status() != http.StatusNoContent && x.Status() != http.StatusNotFound {
		return fmt.Errorf("DELETE was answered %s\n%s", fixtures.StatusLine(x.Status()), x)
	}
	return nil
}
