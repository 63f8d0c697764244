package server

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The names of what an activity's rules speak of.
const (
	assignmentType    = "#microsoft.graph.learningAssignment"
	selfInitiatedType = "#microsoft.graph.learningSelfInitiatedCourse"
	externalID        = "externalcourseActivityId" // as the service's metadata spell it; the pages write a capital C
)

// longestText is the length in characters up to which the stand-in takes a text. No page says the service's.
const longestText = 2048

// values are what a field may be, which the gateway checks before the service sees it.
var values = map[string][]string{
	"@odata.type":    {assignmentType, selfInitiatedType},
	"assignmentType": {"required", "recommended", "unknownFutureValue", "peerRecommended"},
	"status":         {"notStarted", "inProgress", "completed", "unknownFutureValue"},
}

// body reads the request's body, or responds that it cannot be read.
func (c *graphCall) body() (fields map[string]any) {
	decoder := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, 1<<20))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil || fields == nil {
		c.reject("body-unreadable")
		return nil
	}
	for name, value := range fields {
		allowed := values[name]
		text, isText := value.(string)
		if allowed != nil && (!isText || text != "" && !slices.Contains(allowed, text)) {
			c.reject("body-unreadable")
			return nil
		}
		if strings.EqualFold(name, externalID) && name != externalID {
			delete(fields, name)
			fields[externalID] = value
		}
	}
	return fields
}

// details collects what is wrong with a body, field by field.
type details []map[string]string

func (d *details) add(key, field string) {
	detail := named(responses.GraphDetails, key)
	message := fill(detail.Message, []string{"field", field, "length", strconv.Itoa(longestText)})
	*d = append(*d, map[string]string{"code": detail.Code, "message": message})
}

// each adds a detail for each of the fields for which it holds.
func (d *details) each(key string, fields []string, holds func(field string) bool) {
	for _, field := range fields {
		if holds(field) {
			d.add(key, field)
		}
	}
}

func (g *graph) create(c *graphCall) {
	if !c.provider() {
		return
	}
	fields := c.body()
	if fields == nil {
		return
	}
	provider := c.r.PathValue("provider")
	if content, ok := fields["learningContentId"].(string); ok && content != "" && contentProvider(content) != provider {
		c.reject("content-of-another-provider")
		return
	}
	if of, ok := fields["learningProviderId"].(string); ok && of != "" && of != provider {
		c.reject("content-of-another-provider")
		return
	}
	if learner, ok := fields["learnerUserId"].(string); ok && learner != "" && !licensed(learner) {
		c.reject("licence-missing-create")
		return
	}

	required := []string{"@odata.type", "learningContentId", "learningProviderId", "learnerUserId"}
	if fields["@odata.type"] != selfInitiatedType {
		required = append(required, "assignmentType", "status")
	}
	var wrong details
	wrong.each("create-required", required, func(name string) bool { return fields[name] == nil })
	names := slices.Sorted(maps.Keys(fields))
	wrong.each("create-empty", names, func(name string) bool { return fields[name] == "" })
	wrong.each("create-length", names, func(name string) bool {
		text, _ := fields[name].(string)
		return utf8.RuneCountInString(text) > longestText
	})
	if !percentage(fields) {
		wrong.add("update-invalid", "completionPercentage")
	}
	if len(wrong) > 0 {
		c.rejectWith("create-fields", wrong)
		return
	}
	a := &activity{id: guid(), provider: provider, fields: fields}
	delete(fields, "id")
	g.activities[a.id] = a
	writeJSON(c.w, http.StatusCreated, a.object())
}

func (g *graph) update(c *graphCall) {
	if !c.provider() {
		return
	}
	a := c.activity("activity-unknown-update")
	if a == nil {
		return
	}
	fields := c.body()
	if fields == nil {
		return
	}
	if content, ok := a.fields["learningContentId"].(string); ok && contentProvider(content) != a.provider {
		c.reject("content-of-another-provider")
		return
	}
	if learner, ok := a.fields["learnerUserId"].(string); ok && !licensed(learner) {
		c.reject("licence-missing-update")
		return
	}

	var missing, empty, invalid details
	missing.each("update-required", []string{"@odata.type", "status"}, func(name string) bool { return fields[name] == nil })
	empty.each("update-empty", slices.Sorted(maps.Keys(fields)), func(name string) bool {
		nested, _ := fields[name].(map[string]any)
		return fields[name] == "" || nested["content"] == ""
	})
	if !percentage(fields) {
		invalid.add("update-invalid", "completionPercentage")
	}
	switch {
	case len(missing) > 0:
		c.rejectWith("update-fields-missing", missing)
	case len(empty) > 0:
		c.rejectWith("update-fields-empty", empty)
	case len(invalid) > 0:
		c.rejectWith("update-fields-invalid", invalid)
	default:
		for _, name := range []string{"status", "completionPercentage", "assignedDateTime", "startedDateTime",
			"completedDateTime", "dueDateTime", "notes"} {
			if value, ok := fields[name]; ok {
				a.fields[name] = value
			}
		}
		c.w.WriteHeader(http.StatusNoContent)
	}
}

// percentage reports whether the field, if there, is from 0 to 100.
func percentage(fields map[string]any) bool {
	value, ok := fields["completionPercentage"]
	number, isNumber := value.(json.Number)
	if !ok {
		return true
	}
	percent, err := strconv.Atoi(number.String())
	return isNumber && err == nil && percent >= 0 && percent <= 100
}

func (g *graph) get(c *graphCall) {
	if c.r.PathValue("provider") != "" && !c.provider() {
		return
	}
	if a := c.activity("activity-unknown-get"); a != nil {
		writeJSON(c.w, http.StatusOK, a.object())
	}
}

// byExternalID is the OData function that finds an activity. Older text leaves out the quotes.
var byExternalID = regexp.MustCompile(`^learningCourseActivities\((?i:externalCourseActivityId)='?(.*?)'?\)$`)

func (g *graph) find(c *graphCall) {
	function := byExternalID.FindStringSubmatch(c.r.PathValue("function"))
	if function == nil {
		c.reject("segment-unknown", "segment", c.r.PathValue("function"))
		return
	}
	if !c.provider() {
		return
	}
	for _, a := range g.sorted() {
		if a.provider == c.r.PathValue("provider") && a.fields[externalID] == strings.ReplaceAll(function[1], "''", "'") {
			writeJSON(c.w, http.StatusOK, a.object())
			return
		}
	}
	c.reject("activity-unknown-get")
}

// list responds with a user's activities, a page at a time.
func (g *graph) list(c *graphCall) {
	user := c.r.PathValue("user")
	if !slices.ContainsFunc(seed.Graph.Users, func(u graphUser) bool { return u.ID == user }) {
		c.reject("user-unknown", "id", user)
		return
	}
	var all []any
	for _, a := range g.sorted() {
		if a.fields["learnerUserId"] == user {
			all = append(all, a.object())
		}
	}
	query := c.r.URL.Query()
	skip, top := number(query, "$skip", 0), number(query, "$top", 50)
	start := min(skip, len(all))
	end := min(start+top, len(all))
	response := map[string]any{"value": append([]any{}, all[start:end]...)}
	if end < len(all) {
		query.Set("$skip", strconv.Itoa(end))
		response["@odata.nextLink"] = g.base + strings.TrimPrefix(c.r.URL.Path, "/v1.0") + "?" + query.Encode()
	}
	if query.Get("$count") == "true" {
		response["@odata.count"] = len(all)
	}
	writeJSON(c.w, http.StatusOK, response)
}

// number is a query parameter that is a positive number; else the default.
func number(query url.Values, name string, or int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil && n > 0 {
		return n
	}
	return or
}

func (g *graph) listProviders(c *graphCall) {
	var all []any
	for _, p := range seed.Graph.Providers {
		all = append(all, p.object())
	}
	writeJSON(c.w, http.StatusOK, map[string]any{"value": all})
}

func (g *graph) getProvider(c *graphCall) {
	for _, p := range seed.Graph.Providers {
		if p.ID == c.r.PathValue("provider") {
			writeJSON(c.w, http.StatusOK, p.object())
			return
		}
	}
	c.reject("registration-unknown")
}

func (p graphProvider) object() map[string]any {
	return map[string]any{"id": p.ID, "displayName": p.Name, "isCourseActivitySyncEnabled": p.Enabled}
}

func (a *activity) object() map[string]any {
	object := maps.Clone(a.fields)
	object["id"] = a.id
	return object
}

func (g *graph) sorted() (all []*activity) {
	for _, id := range slices.Sorted(maps.Keys(g.activities)) {
		all = append(all, g.activities[id])
	}
	return all
}
