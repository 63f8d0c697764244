package server

import (
	"encoding/json"
	"slices"
	"strconv"
)

// creatingRubric checks a new rubric of course work, which the same Cloud project must have made.
func (c *call) creatingRubric(fields map[string]any) (string, error) {
	if err := c.ours(c.parent); err != nil {
		return "", err
	}
	if err := c.checkRubric(fields); err != nil {
		return "", err
	}
	fields["courseWorkId"] = c.parent.id()
	fields["creationTime"], fields["updateTime"] = c.timestamp(), c.timestamp()
	return "", nil
}

func (c *call) changingRubric(fields map[string]any) error {
	if c.graded() {
		return reject("no-permission") // "if grading has already started on the rubric"
	}
	return c.checkRubric(fields)
}

func (c *call) removingRubric() error {
	if c.graded() {
		return reject("invalid") // "if grading has already started on the rubric"
	}
	return nil
}

// graded reports whether grading of the target's course work has started.
func (c *call) graded() bool {
	return slices.ContainsFunc(c.children(c.parent.path+"/studentSubmissions"), func(i *item) bool {
		return i.fields["assignedGrade"] != nil || i.fields["draftGrade"] != nil
	})
}

// checkRubric reports whether the user may set a rubric, and whether it is well made: from a spreadsheet that the user sees,
// or of criteria that have titles, and levels that have points in order or none at all. Google's own trigger was never seen.
func (c *call) checkRubric(fields map[string]any) error {
	if !c.options.Licensed {
		return reject("rubrics-unlicensed")
	}
	if sheet := text(fields, "sourceSpreadsheetId"); sheet != "" {
		if sheet != seed.Google.DriveFile {
			return reject("attachment-not-visible")
		}
		return nil
	}
	criteria, _ := fields["criteria"].([]any)
	if len(criteria) == 0 {
		return reject("rubric-format")
	}
	for n, entry := range criteria {
		criterion, _ := entry.(map[string]any)
		levels, _ := criterion["levels"].([]any)
		if text(criterion, "title") == "" || len(levels) == 0 || !orderly(levels) {
			return reject("rubric-format")
		}
		criterion["id"] = strconv.Itoa(n + 1)
	}
	return nil
}

// orderly reports whether levels have titles and no points, or points that only rise or only fall.
func orderly(levels []any) bool {
	var points []float64
	for _, entry := range levels {
		level, _ := entry.(map[string]any)
		number, ok := level["points"].(json.Number)
		if !ok && text(level, "title") == "" {
			return false
		}
		if value, err := number.Float64(); ok && err == nil {
			points = append(points, value)
		}
	}
	if len(points) != 0 && len(points) != len(levels) {
		return false
	}
	rises := slices.IsSorted(points)
	slices.Reverse(points)
	return (rises || slices.IsSorted(points)) && len(slices.Compact(points)) == len(points)
}

// updateRubric changes the rubric of course work, by its id or the only one.
func (c *call) updateRubric() (any, error) {
	c.parent, c.collection = c.target, c.target.path+"/rubrics"
	rubrics := c.children(c.collection)
	id := c.query.Get("id")
	i := slices.IndexFunc(rubrics, func(r *item) bool { return id == "" || r.id() == id })
	if i < 0 {
		return nil, reject("not-found")
	}
	c.target, c.kind = rubrics[i], kinds["rubrics"]
	return c.patch()
}

// addOn reports whether the add-on that calls may have to do with a post: by the token that Classroom gave it, or because the
// post was made by the same Cloud project.
func (c *call) addOn(post *item) error {
	switch {
	case c.query.Get("addOnToken") != "":
		return reject("add-on-token") // Classroom gives one only to an add-on that it shows
	case post.project != c.project:
		return reject("no-permission")
	}
	return nil
}

func (c *call) creatingAttachment(fields map[string]any) (string, error) {
	if err := c.addOn(c.parent); err != nil {
		return "", err
	}
	for _, name := range []string{"teacherViewUri", "studentViewUri", "studentWorkReviewUri"} {
		uri, ok := fields[name].(map[string]any)
		if ok && text(uri, "uri") == "" {
			return "", reject("invalid")
		}
	}
	fields["itemId"], fields["postId"] = c.parent.id(), c.parent.id()
	return "", nil
}

func (c *call) getAddOnContext() (any, error) {
	if err := c.addOn(c.target); err != nil {
		return nil, err
	}
	response := map[string]any{"courseId": c.course.id(), "itemId": c.target.id(), "postId": c.target.id()}
	if c.standing&teacher != 0 {
		response["teacherContext"] = map[string]any{}
	} else {
		response["studentContext"] = map[string]any{}
	}
	return response, nil
}

// work is the post of an attachment's submissions.
func (c *call) work(attachment *item) *item {
	return c.items[attachment.path[:len(attachment.path)-len("/addOnAttachments/"+attachment.id())]]
}

// findAddOnSubmission finds what a student hands in by an attachment, which is there if the student's submission is.
func (c *call) findAddOnSubmission(id string) (*item, error) {
	submission := c.items[c.work(c.parent).path+"/studentSubmissions/"+id]
	if submission == nil {
		return nil, reject("not-found")
	}
	if there := c.items[c.collection+"/"+id]; there != nil {
		return there, nil
	}
	fields := map[string]any{
		"id": id, "courseWorkSubmissionId": id, "userId": submission.text("userId"),
		"postSubmissionState": submission.text("state"),
	}
	return &item{kind: kinds[addOnSubmissions], path: c.collection + "/" + id, fields: fields}, nil
}

func (c *call) listAddOnSubmissions() (any, error) {
	var all []*item
	for _, submission := range c.children(c.work(c.parent).path + "/studentSubmissions") {
		i, err := c.findAddOnSubmission(submission.id())
		if err == nil && c.seesSubmission(i) {
			all = append(all, i)
		}
	}
	return c.listed(all)
}

// changingPoints checks points, which an attachment without a maximum has none of, and keeps the submission from now on.
func (c *call) changingPoints(fields map[string]any) error {
	most, _ := c.parent.fields["maxPoints"].(json.Number)
	given, _ := fields["pointsEarned"].(json.Number)
	points, _ := given.Float64() // checked with the body
	limit, _ := most.Float64()
	if limit <= 0 || points < 0 || points > limit {
		return reject("invalid")
	}
	c.items[c.target.path] = c.target
	return nil
}
