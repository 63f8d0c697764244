package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

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
	list := "/employeeExperience/learningCourseActivities"
	err = t.readPages(ctx, as, "/users/"+url.PathEscape(learner)+list, func(text []byte) (string, error) {
		var page struct {
			Value []activity `json:"value"`
			Next  string     `json:"@odata.nextLink"`
		}
		err := json.Unmarshal(text, &page)
		if err == nil && page.Value == nil { // an empty list has one, too
			err = errors.New("it has no value")
		}
		for _, a := range page.Value {
			all = append(all, a.found(t))
		}
		if err != nil || page.Next == "" {
			return "", err
		}
		next, below := strings.CutPrefix(page.Next, t.config.Sandbox.Endpoint("graph"))
		path, _, _ := strings.Cut(next, "?")
		if !below || !strings.HasSuffix(path, list) || !strings.Contains(path, learner) || strings.ContainsAny(path, `%\`) || strings.Contains(path, "/.") {
			return "", fmt.Errorf("the next page is elsewhere, at %s", exchange.PrintableURL(page.Next))
		}
		return next, nil
	})
	return all, err
}

// activity is one as Graph shows it. The documentation spells a field in two ways, which JSON's decoder takes as one.
type activity struct {
	ID, ExternalCourseActivityID, LearningProviderID, LearningContentID, LearnerUserID string
}

// found is marked by what else stands in it: no field of an activity is to spare, and nobody else has these ids. Graph does not say when
// one was made.
func (a activity) found(t *Tenant) found {
	is := func(value string, keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool {
			named, has := t.config.Sandbox.Value(key)
			return has && equalASCII(named, value)
		})
	}
	return found{
		id: a.ID, name: a.ExternalCourseActivityID, provider: a.LearningProviderID, owner: a.LearnerUserID,
		marked: is(a.LearningProviderID, "graph.provider", "graph.otherProvider", "graph.disabledProvider") &&
			is(a.LearningContentID, "graph.content", "graph.otherContent"),
	}
}

func shownActivity(t *Tenant, x exchange.Exchange) found {
	var a activity
	_ = json.Unmarshal(x.Body(), &a) // what is no activity has no id
	return a.found(t)
}

func activityPath(id string) string {
	return "/employeeExperience/learningCourseActivities/" + url.PathEscape(id)
}

func isLearners(_ context.Context, t *Tenant, _ string, a found) (bool, error) {
	return slices.ContainsFunc(learnerKeys, func(key string) bool {
		learner, named := t.config.Sandbox.Value(key)
		return named && equalASCII(learner, a.owner)
	}), nil
}

func removeActivity(a found) (method, path string, body any) {
	return http.MethodDelete, "/employeeExperience/learningProviders/" + url.PathEscape(a.provider) + "/learningCourseActivities/" + url.PathEscape(a.id), nil
}
