package server

import (
	"encoding/json"
	"slices"
	"strings"
)

// How many there can be.
const (
	mostTopics    = 200 // in a course
	mostMaterials = 20  // of an item
)

func (c *call) creatingTopic(fields map[string]any) (string, error) {
	topics := c.children(c.collection)
	switch {
	case archived(c.course):
		return "", reject("precondition")
	case slices.ContainsFunc(topics, called(text(fields, "name"), nil)):
		return "", reject("already-exists")
	case len(topics) >= mostTopics:
		return "", reject("topic-limit")
	}
	fields["updateTime"] = c.timestamp()
	return "", nil
}

func (c *call) changingTopic(fields map[string]any) error {
	switch {
	case c.target.project != c.project: // which changes alone ask for, and deletion does not
		return reject("other-project")
	case archived(c.course), slices.ContainsFunc(c.children(c.collection), called(text(fields, "name"), c.target)):
		return reject("precondition")
	}
	return nil
}

// called reports whether an item, other than one, has a name.
func called(name string, except *item) func(*item) bool {
	return func(i *item) bool { return i != except && i.text("name") == name }
}

// findPost finds an announcement, course work or course work material.
func (c *call) findPost(id string) (*item, error) {
	if !numberForm.MatchString(id) {
		return nil, reject("invalid")
	}
	for _, collection := range []string{"announcements", "courseWork", "courseWorkMaterials"} {
		if found := c.items[c.course.path+"/"+collection+"/"+id]; found != nil && !found.deleted {
			return found, nil
		}
	}
	return nil, reject("not-found")
}

// seesPost reports whether the user sees a post. Students see what is published.
func (c *call) seesPost(i *item) bool {
	return c.standing&running != 0 || i.text("state") == "PUBLISHED"
}

func (c *call) creatingPost(fields map[string]any) (string, error) {
	if archived(c.course) {
		return "", reject("precondition")
	}
	if err := c.attachable(fields["materials"]); err != nil {
		return "", err
	}
	if err := c.checkPost(fields); err != nil {
		return "", err
	}
	if text(fields, "state") == "" {
		fields["state"] = "DRAFT"
	}
	if text(fields, "assigneeMode") == "" {
		fields["assigneeMode"] = "ALL_STUDENTS"
	}
	fields["creatorUserId"], fields["associatedWithDeveloper"] = c.user.ID, true
	fields["creationTime"], fields["updateTime"] = c.timestamp(), c.timestamp()
	if c.kind != kinds["courseWork"] {
		delete(fields, "associatedWithDeveloper")
	}
	return "", nil
}

func (c *call) changingPost(fields map[string]any) error {
	if archived(c.course) {
		return reject("precondition")
	}
	return c.checkPost(fields)
}

// checkPost compares the values of a post with what they can be.
func (c *call) checkPost(fields map[string]any) error {
	points, _ := fields["maxPoints"].(json.Number)
	topic := text(fields, "topicId")
	state := text(fields, "state")
	switch {
	case strings.HasPrefix(string(points), "-"),
		topic != "" && c.items[c.course.path+"/topics/"+topic] == nil,
		strings.HasSuffix(state, "_UNSPECIFIED"), state == "DELETED":
		return reject("invalid")
	}
	return nil
}

// attachable reports whether the user can attach the materials.
func (c *call) attachable(value any) error {
	materials, _ := value.([]any)
	if len(materials) > mostMaterials {
		return reject("invalid")
	}
	for _, entry := range materials {
		material, _ := entry.(map[string]any)
		if len(material) != 1 {
			return reject("invalid")
		}
		shared, _ := material["driveFile"].(map[string]any)
		file, _ := shared["driveFile"].(map[string]any)
		if material["driveFile"] != nil && text(file, "id") != seed.Google.DriveFile {
			return reject("attachment-not-visible")
		}
	}
	return nil
}

func (c *call) modifyAssignees() (any, error) {
	mode := text(c.body, "assigneeMode")
	options, _ := c.body["modifyIndividualStudentsOptions"].(map[string]any)
	if mode == "ALL_STUDENTS" && options == nil {
		c.set(c.target, map[string]any{"assigneeMode": mode, "individualStudentsOptions": nil})
		return c.target.fields, nil
	}
	add, drop := texts(options["addStudentIds"]), texts(options["removeStudentIds"])
	if mode != "INDIVIDUAL_STUDENTS" || len(add)+len(drop) == 0 {
		return nil, reject("invalid")
	}
	assigned := assignees(c.target)
	for _, id := range add {
		if c.items[c.course.path+"/students/"+id] == nil {
			return nil, reject("invalid")
		}
		if !slices.Contains(assigned, id) {
			assigned = append(assigned, id)
		}
	}
	assigned = slices.DeleteFunc(assigned, func(id string) bool { return slices.Contains(drop, id) })
	if len(assigned) == 0 {
		return nil, reject("empty-assignees")
	}
	c.set(c.target, map[string]any{"assigneeMode": mode, "individualStudentsOptions": map[string]any{"studentIds": assigned}})
	return c.target.fields, nil
}

// assignees are the students whom a post is for one by one.
func assignees(post *item) []string {
	options, _ := post.fields["individualStudentsOptions"].(map[string]any)
	return texts(options["studentIds"])
}

// texts is a copy of a list of texts.
func texts(value any) (all []string) {
	if list, ok := value.([]string); ok {
		return slices.Clone(list)
	}
	list, _ := value.([]any)
	for _, entry := range list {
		text, _ := entry.(string)
		all = append(all, text)
	}
	return all
}

// settle makes the submissions that a course's published work asks its students for, and takes away those of nobody.
func (k *classroom) settle(course *item) {
	students := k.children(course.path + "/students")
	for _, work := range k.children(course.path + "/courseWork") {
		collection := work.path + "/studentSubmissions"
		there := k.children(collection)
		for _, submission := range there {
			if !slices.ContainsFunc(students, func(s *item) bool { return s.id() == submission.text("userId") }) {
				k.remove(submission)
			}
		}
		for _, s := range students {
			has := slices.ContainsFunc(there, func(i *item) bool { return i.text("userId") == s.id() })
			asked := work.text("assigneeMode") != "INDIVIDUAL_STUDENTS" || slices.Contains(assignees(work), s.id())
			if has || !asked || work.text("state") != "PUBLISHED" {
				continue
			}
			k.add(kinds["studentSubmissions"], collection, "", map[string]any{
				"courseId": course.id(), "courseWorkId": work.id(), "userId": s.id(), "state": "CREATED",
				"courseWorkType": work.fields["workType"], "associatedWithDeveloper": true,
				"creationTime": k.timestamp(), "updateTime": k.timestamp(),
			}, work.project)
		}
	}
}

// seesSubmission reports whether the user sees a submission. Students see their own.
func (c *call) seesSubmission(i *item) bool {
	return c.standing&running != 0 || i.text("userId") == c.user.ID
}

// listSubmissions lists those of one work, or of all for a hyphen.
func (c *call) listSubmissions() (any, error) {
	works := []*item{c.parent}
	if c.parent.id() == "-" {
		works = c.children(c.course.path + "/courseWork")
	}
	of := c.query.Get("userId")
	if of != "" {
		user := c.member(of)
		if user == nil {
			return nil, reject("not-found")
		}
		of = user.ID
	}
	var all []*item
	states := c.query["states"]
	for _, work := range works {
		all = append(all, slices.DeleteFunc(c.children(work.path+"/studentSubmissions"), func(i *item) bool {
			return !c.seesSubmission(i) || of != "" && of != i.text("userId") ||
				len(states) > 0 && !slices.Contains(states, i.text("state"))
		})...)
	}
	return c.listed(all)
}

// changingGrades checks the grades that a teacher gives.
func (c *call) changingGrades(fields map[string]any) error {
	for _, grade := range fields {
		if number, ok := grade.(json.Number); ok && strings.HasPrefix(string(number), "-") {
			return reject("invalid")
		}
	}
	return nil
}

// moveTo changes the state of a submission that is in one of some states.
func (c *call) moveTo(state string, from ...string) (any, error) {
	if err := c.ours(c.target); err != nil {
		return nil, err
	}
	if !slices.Contains(from, c.target.text("state")) {
		return nil, reject("precondition")
	}
	c.set(c.target, map[string]any{"state": state})
	return nil, nil
}

func (c *call) turnIn() (any, error) {
	return c.moveTo("TURNED_IN", "NEW", "CREATED", "RETURNED", "RECLAIMED_BY_STUDENT")
}

func (c *call) reclaim() (any, error) { return c.moveTo("RECLAIMED_BY_STUDENT", "TURNED_IN") }

// giveBack serves the method "return", which is a word of Go.
func (c *call) giveBack() (any, error) {
	return c.moveTo("RETURNED", "NEW", "CREATED", "TURNED_IN", "RETURNED", "RECLAIMED_BY_STUDENT")
}

func (c *call) modifyAttachments() (any, error) {
	if err := c.ours(c.target); err != nil {
		return nil, err
	}
	attachments, _ := c.body["addAttachments"].([]any)
	if len(attachments) == 0 || len(attachments) > mostMaterials || c.parent.text("workType") != "ASSIGNMENT" {
		return nil, reject("invalid")
	}
	c.set(c.target, map[string]any{"assignmentSubmission": map[string]any{"attachments": attachments}})
	return c.target.fields, nil
}
