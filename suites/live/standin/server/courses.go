package server

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// courseState is what a course has beyond its fields.
type courseState struct {
	behind   int            // how many more reads of the course show its former state
	shown    map[string]any // that state; nil if the course is not there yet
	transfer int            // how many more reads the transfer to its owner lasts
	former   string         // who owned it before the transfer
}

// seen are the fields of a course as everybody sees them, nil if nobody sees it yet.
func (i *item) seen() map[string]any {
	if i.behind > 0 {
		return i.shown
	}
	return i.fields
}

// read is seen, and counts as a read.
func (i *item) read() map[string]any {
	fields := i.seen()
	i.behind, i.transfer = max(0, i.behind-1), max(0, i.transfer-1)
	return fields
}

// changed notes that a course has changed, or is about to be.
func (c *call) changeCourse(i *item, fields map[string]any) {
	if i.behind == 0 {
		i.shown = i.fields
	}
	i.behind = c.options.Lag
	c.set(i, fields)
}

// findCourse finds a course by its id or by an alias.
func (c *call) findCourse(id string) (*item, error) {
	found := c.items["courses/"+id]
	if found == nil {
		found = c.aliased(id)
	}
	switch {
	case found == nil:
		return nil, reject("not-found")
	case found.seen() == nil:
		if c.method.ID == "courses.get" {
			found.read()
		}
		return nil, reject("course-not-found")
	}
	return found, nil
}

var aliasForm = regexp.MustCompile(`^[dp]:.+`)

// aliased is the course that has an alias, nil if none has.
func (k *classroom) aliased(alias string) *item {
	for _, i := range k.items {
		if i.kind == kinds["aliases"] && i.text("alias") == alias {
			return k.items["courses/"+i.path[len("courses/"):len(i.path)-len("/aliases/"+alias)]]
		}
	}
	return nil
}

// standing is what a user is in a course. An administrator is one in the courses of the domain.
func (k *classroom) standing(course *item, user *googleUser) (s standing) {
	ownerID := course.text("ownerId")
	if k.items[course.path+"/students/"+user.ID] != nil {
		s |= student
	}
	if k.items[course.path+"/teachers/"+user.ID] != nil {
		s |= teacher
	}
	if ownerID == user.ID {
		s |= owner | teacher
	}
	if user.Admin && anyUser(ownerID).domain() == user.domain() {
		s |= admin
	}
	if s == 0 {
		return outside
	}
	return s
}

// orphaned reports whether a course's owner is no longer there.
func orphaned(course *item) bool { return anyUser(course.text("ownerId")).Deleted }

// archived reports whether a course is seen to be archived.
func archived(course *item) bool { return text(course.seen(), "courseState") == "ARCHIVED" }

// modifiable reports whether members and settings of a course can be changed.
func modifiable(course *item) error {
	switch {
	case archived(course):
		return reject("course-not-modifiable")
	case orphaned(course):
		return reject("inactive-owner")
	}
	return nil
}

// titleURL is a URL in the name of a course. Which forms Classroom looks for is not documented.
var titleURL = regexp.MustCompile(`(?i)\bhttps?://|\bwww\.\w`)

func (c *call) createCourse() (any, error) {
	name, state, alias := text(c.body, "name"), text(c.body, "courseState"), text(c.body, "id")
	switch {
	case name == "":
		return nil, reject("name-missing")
	case text(c.body, "ownerId") == "":
		return nil, reject("invalid")
	}
	if !c.user.Teacher && !c.user.Admin {
		if state == "ACTIVE" {
			return nil, reject("course-state")
		}
		return nil, reject("no-permission")
	}
	of := c.member(text(c.body, "ownerId"))
	switch {
	case titleURL.MatchString(name):
		return nil, reject("course-title")
	case of == nil:
		return nil, reject("not-found")
	case of.Suspended:
		return nil, reject("precondition")
	case of != c.user && !c.user.Admin, of.domain() != c.user.domain(), !of.Teacher:
		return nil, reject("cannot-own")
	case alias != "" && !aliasForm.MatchString(alias):
		return nil, reject("invalid")
	case alias != "" && c.aliased(alias) != nil:
		return nil, reject("already-exists")
	case state == "":
		state = "PROVISIONED"
	case state != "ACTIVE" && state != "PROVISIONED":
		return nil, reject("invalid")
	}
	course := c.addCourse("", name, of, state, c.project)
	for _, field := range []string{"section", "descriptionHeading", "description", "room", "subject", "levels"} {
		if value, ok := c.body[field]; ok {
			course.fields[field] = value
		}
	}
	course.behind = c.options.Lag
	if alias != "" {
		c.add(kinds["aliases"], course.path+"/aliases", alias, map[string]any{}, c.project)
	}
	return course.fields, nil
}

// addCourse makes a course with its owner as the teacher.
func (k *classroom) addCourse(id, name string, of *googleUser, state, project string) *item {
	course := k.add(kinds["courses"], "courses", id, map[string]any{
		"name": name, "ownerId": of.ID, "courseState": state, "creationTime": k.timestamp(), "updateTime": k.timestamp(),
		"guardiansEnabled": false, "gradebookSettings": map[string]any{"displaySetting": "HIDE_OVERALL_GRADE"},
	}, project)
	course.fields["enrollmentCode"] = "code" + course.id()
	course.fields["alternateLink"] = "https://classroom.google.com/c/" + course.id()
	k.addMember(course, "teachers", of)
	return course
}

func (c *call) getCourse() (any, error) { return c.target.read(), nil }

func (c *call) listCourses() (any, error) {
	if c.query.Has("studentId") && c.query.Has("teacherId") {
		return nil, reject("student-and-teacher")
	}
	as := map[string]*googleUser{}
	for parameter, collection := range map[string]string{"studentId": "students", "teacherId": "teachers"} {
		if !c.query.Has(parameter) {
			continue
		}
		user := c.member(c.query.Get(parameter))
		switch {
		case user == nil:
			return nil, reject("not-found")
		case user != c.user && !c.user.Admin:
			return nil, reject("no-permission")
		}
		as[collection] = user
	}
	var all []*item
	for _, course := range c.children("courses") {
		if c.classroom.standing(course, c.user) == outside {
			continue
		}
		with := func(collection string) bool {
			return as[collection] == nil || c.items[course.path+"/"+collection+"/"+as[collection].ID] != nil
		}
		if !with("students") || !with("teachers") {
			continue
		}
		if fields := course.read(); fields != nil {
			all = append(all, &item{kind: course.kind, path: course.path, fields: fields, order: course.order})
		}
	}
	all = append(all, c.lingers()...)
	if states := c.query["courseStates"]; len(states) > 0 {
		all = slices.DeleteFunc(all, func(i *item) bool { return !slices.Contains(states, i.text("courseState")) })
	}
	slices.SortFunc(all, func(a, b *item) int { return b.order - a.order })
	return c.listed(all)
}

// lingers are the deleted courses of the user that lists still have.
func (c *call) lingers() (all []*item) {
	c.lingering = slices.DeleteFunc(c.lingering, func(i *item) bool {
		if c.classroom.standing(i, c.user) == outside {
			return false
		}
		all = append(all, i)
		i.behind--
		return i.behind <= 0
	})
	return all
}

// transitions are the states that a course can go to from each.
var transitions = map[string][]string{
	"PROVISIONED": {"ACTIVE", "DECLINED"}, "ACTIVE": {"ARCHIVED"}, "ARCHIVED": {"ACTIVE"},
}

func (c *call) patchCourse() (any, error) {
	fields, err := c.masked()
	if err != nil {
		return nil, err
	}
	return c.changeTo(fields)
}

func (c *call) updateCourse() (any, error) {
	fields := map[string]any{}
	for _, name := range []string{"section", "descriptionHeading", "description", "room", "subject"} {
		fields[name] = c.body[name]
	}
	for _, name := range []string{"name", "courseState", "levels"} {
		if value, ok := c.body[name]; ok {
			fields[name] = value
		}
	}
	if text(fields, "name") == "" {
		return nil, reject("name-missing")
	}
	return c.changeTo(fields)
}

// changeTo gives the course new values.
func (c *call) changeTo(fields map[string]any) (any, error) {
	course := c.target
	state, hasState := fields["courseState"].(string)
	from := text(course.seen(), "courseState")
	_, hasName := fields["name"]
	_, hasOwner := fields["ownerId"]
	switch {
	case hasName && text(fields, "name") == "":
		return nil, reject("name-missing")
	case hasName && titleURL.MatchString(text(fields, "name")):
		return nil, reject("course-title")
	case archived(course) && !hasState:
		return nil, reject("course-not-modifiable")
	case orphaned(course):
		return nil, reject("inactive-owner")
	case hasState && state != from && !slices.Contains(transitions[from], state):
		return nil, reject("precondition")
	case state == "ACTIVE" && !c.user.Teacher && !c.user.Admin:
		return nil, reject("course-state")
	}
	if hasOwner {
		to, err := c.newOwner(text(fields, "ownerId"))
		if err != nil {
			return nil, err
		}
		fields["ownerId"] = to.ID
		c.transferTo(course, to)
	}
	c.changeCourse(course, fields)
	return course.fields, nil
}

// newOwner is the user to whom an administrator may give the course.
func (c *call) newOwner(id string) (*googleUser, error) {
	to := c.member(id)
	switch {
	case c.standing&admin == 0:
		return nil, reject("no-permission")
	case to != nil && to.ID == c.target.text("ownerId"):
		return nil, reject("already-owner")
	case c.target.transfer > 0:
		return nil, reject("transfer-in-progress")
	case slices.ContainsFunc(c.invitationsTo(c.target), isOwners):
		return nil, reject("pending-invitation")
	case to == nil || c.items[c.target.path+"/teachers/"+to.ID] == nil:
		return nil, reject("ineligible-owner")
	}
	return to, nil
}

// transferTo starts the transfer of a course: its owner is another at once, and all else takes its time.
func (c *call) transferTo(course *item, to *googleUser) {
	course.former = course.text("ownerId")
	course.transfer = 2 * c.options.Transfer
	c.addMember(course, "teachers", to)
}

func (c *call) removingCourse() error {
	if !archived(c.target) {
		return reject("precondition") // only archived courses can be deleted
	}
	if c.options.Lag > 0 {
		gone := *c.target
		gone.fields, gone.behind = maps.Clone(gone.seen()), c.options.Lag
		c.lingering = append(c.lingering, &gone)
	}
	for _, invitation := range c.invitationsTo(c.target) {
		c.remove(invitation)
	}
	return nil
}

func (c *call) getGradingPeriods() (any, error) {
	return map[string]any{"gradingPeriods": []any{}}, nil
}

// updateGradingPeriods checks what is wanted. Where it may, it keeps nothing: nobody reads it again.
func (c *call) updateGradingPeriods() (any, error) {
	if _, err := c.mask(); err != nil {
		return nil, err
	}
	if !c.options.Licensed || c.standing&running == 0 {
		return nil, reject("grading-periods")
	}
	periods, _ := c.body["gradingPeriods"].([]any)
	for n, period := range periods {
		fields, _ := period.(map[string]any)
		starts, ends := day(fields["startDate"]), day(fields["endDate"])
		if text(fields, "title") == "" || starts == 0 || ends == 0 || ends < starts {
			return nil, reject("invalid")
		}
		fields["id"] = strconv.Itoa(n + 1)
	}
	return c.body, nil
}

// day counts the days to a date, every month as long; 0 if it is none.
func day(value any) (days int64) {
	date, _ := value.(map[string]any)
	for _, part := range []struct {
		name string
		size int64
	}{{"year", 12}, {"month", 31}, {"day", 1}} {
		number, _ := date[part.name].(json.Number)
		n, err := number.Int64()
		if err != nil {
			return 0
		}
		days = (days + n) * part.size
	}
	return days
}
