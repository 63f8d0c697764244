package server

import (
	"maps"
	"slices"
	"strings"
)

// standing is what a user is in a course, as a set of bits.
type standing int

const (
	outside standing = 1 << iota // none of the others
	student
	teacher
	owner // who is a teacher too
	admin // of the domain that the course is in
)

const (
	inside  = student | teacher | admin
	taking  = student | teacher // part in what is going on
	running = teacher | admin
)

// kind is what all resources of a collection have in common. What it does not say is the same for all kinds.
type kind struct {
	id        string              // the field that holds the id
	may       map[string]standing // who in a course may do an action
	hides     []string            // actions of which users outside the course are told that there is no such thing
	numbered  bool                // whether ids are numbers, and what is none is malformed; no page says it of other ids
	ours      bool                // whether only the Cloud project that made one may change it
	remembers bool                // whether a deleted one is known to have been there
	needs     []string            // fields that must not be empty

	find     func(*call, string) (*item, error)          // the one with an id; by its path if nil
	visible  func(*call, *item) bool                     // whether the user may see one
	creating func(*call, map[string]any) (string, error) // completes the fields of a new one, and may give an id
	changing func(c *call, fields map[string]any) error  // of what a patch sets
	removing func(*call) error
}

// addOnSubmissions is the kind of what addOnAttachments.studentSubmissions are.
const addOnSubmissions = "addOnAttachments.studentSubmissions"

func read(who standing) map[string]standing { return map[string]standing{"list": who, "get": who} }

// also are the actions of one table and others.
func also(table map[string]standing, who standing, actions ...string) map[string]standing {
	table = maps.Clone(table)
	for _, action := range actions {
		table[action] = who
	}
	return table
}

var kinds map[string]*kind

func init() { // the rules of a kind speak of other kinds
	posts := also(also(read(inside), teacher, "create", "patch", "delete", "modifyAssignees"), taking, "getAddOnContext")
	groups := also(read(inside), running, "create", "patch", "delete")
	kinds = map[string]*kind{
		"courses": {
			id: "id", find: (*call).findCourse, removing: (*call).removingCourse,
			may: map[string]standing{
				"get": inside, "patch": running, "update": running, "delete": owner | admin,
				"getGradingPeriodSettings": running, "updateGradingPeriodSettings": inside,
			},
		},
		"aliases": {
			id: "alias", needs: []string{"alias"}, creating: (*call).creatingAlias, find: (*call).findAlias,
			may: map[string]standing{"list": inside, "create": running, "delete": running},
		},
		"teachers": {
			may:  also(read(inside), inside, "create", "delete"),
			find: (*call).findMember, creating: (*call).creatingTeacher, removing: (*call).removingTeacher,
		},
		"students": {
			may:  also(also(read(inside), inside|outside, "create"), running, "delete"),
			find: (*call).findMember, creating: (*call).creatingStudent,
		},
		"topics": {
			id: "topicId", numbered: true, remembers: true, needs: []string{"name"},
			may:      also(read(inside), teacher, "create", "patch", "delete"),
			creating: (*call).creatingTopic, changing: (*call).changingTopic,
		},
		"announcements": {
			id: "id", numbered: true, remembers: true, ours: true, needs: []string{"text"}, may: posts,
			visible: (*call).seesPost, creating: (*call).creatingPost, changing: (*call).changingPost,
		},
		"courseWork": {
			id: "id", numbered: true, remembers: true, ours: true, needs: []string{"title", "workType"}, may: also(posts, teacher, "updateRubric"),
			visible: (*call).seesPost, creating: (*call).creatingPost, changing: (*call).changingPost,
		},
		"courseWorkMaterials": {
			id: "id", numbered: true, remembers: true, ours: true, needs: []string{"title"}, may: posts,
			visible: (*call).seesPost, creating: (*call).creatingPost, changing: (*call).changingPost,
		},
		"posts": {may: map[string]standing{"getAddOnContext": taking}, find: (*call).findPost},
		"rubrics": {
			id: "id", hides: []string{"list", "get", "create", "patch", "delete"}, ours: true,
			may:      also(read(inside), teacher, "create", "patch", "delete"),
			creating: (*call).creatingRubric, changing: (*call).changingRubric, removing: (*call).removingRubric,
		},
		"studentSubmissions": {
			id: "id", ours: true, visible: (*call).seesSubmission, changing: (*call).changingGrades,
			may: also(also(read(inside), teacher, "patch", "return"), student, "turnIn", "reclaim", "modifyAttachments"),
		},
		"addOnAttachments": {
			id: "id", ours: true, needs: []string{"title", "teacherViewUri"},
			may: also(read(taking), teacher, "create", "patch", "delete"), creating: (*call).creatingAttachment,
		},
		addOnSubmissions: {
			id: "id", visible: (*call).seesSubmission, changing: (*call).changingPoints,
			may: also(read(taking), teacher, "patch"), find: (*call).findAddOnSubmission,
		},
		"studentGroups": {id: "id", hides: []string{"create", "patch", "delete"}, needs: []string{"title"}, may: groups},
		"studentGroupMembers": {
			id: "userId", hides: []string{"create", "delete"}, needs: []string{"userId"}, may: groups,
			find: (*call).findMember, creating: (*call).creatingGroupMember,
		},
		"invitations": {
			id: "id", needs: []string{"courseId", "userId", "role"}, visible: (*call).seesInvitation,
			creating: (*call).creatingInvitation,
		},
		"registrations": {id: "registrationId", creating: (*call).creatingRegistration},
		"userProfiles":  {find: (*call).findProfile},
		"guardians":     {id: "guardianId"},
		"guardianInvitations": {
			id: "invitationId", needs: []string{"invitedEmailAddress"},
			creating: (*call).creatingGuardianInvitation, changing: (*call).changingGuardianInvitation,
		},
	}
}

// generic serve an action of every kind.
var generic = map[string]func(*call) (any, error){
	"create": (*call).create, "list": (*call).list, "get": (*call).get, "patch": (*call).patch, "delete": (*call).delete,
}

// custom serve the methods that are like no other.
var custom = map[string]func(*call) (any, error){
	"courses.create":                      (*call).createCourse,
	"courses.list":                        (*call).listCourses,
	"courses.get":                         (*call).getCourse,
	"courses.patch":                       (*call).patchCourse,
	"courses.update":                      (*call).updateCourse,
	"courses.getGradingPeriodSettings":    (*call).getGradingPeriods,
	"courses.updateGradingPeriodSettings": (*call).updateGradingPeriods,

	"courses.announcements.modifyAssignees":                   (*call).modifyAssignees,
	"courses.courseWork.modifyAssignees":                      (*call).modifyAssignees,
	"courses.courseWork.updateRubric":                         (*call).updateRubric,
	"courses.courseWork.studentSubmissions.list":              (*call).listSubmissions,
	"courses.courseWork.studentSubmissions.turnIn":            (*call).turnIn,
	"courses.courseWork.studentSubmissions.reclaim":           (*call).reclaim,
	"courses.courseWork.studentSubmissions.return":            (*call).giveBack,
	"courses.courseWork.studentSubmissions.modifyAttachments": (*call).modifyAttachments,

	"courses.announcements.getAddOnContext":                       (*call).getAddOnContext,
	"courses.courseWork.getAddOnContext":                          (*call).getAddOnContext,
	"courses.courseWorkMaterials.getAddOnContext":                 (*call).getAddOnContext,
	"courses.posts.getAddOnContext":                               (*call).getAddOnContext,
	"courses.courseWork.addOnAttachments.studentSubmissions.list": (*call).listAddOnSubmissions,

	"invitations.list":   (*call).listInvitations,
	"invitations.accept": (*call).accept,
}

func (c *call) create() (any, error) {
	fields := c.body
	if err := c.filled(fields, c.kind.needs); err != nil {
		return nil, err
	}
	id := ""
	if c.kind.creating != nil {
		var err error
		if id, err = c.kind.creating(c, fields); err != nil {
			return nil, err
		}
	}
	if c.course != nil {
		fields["courseId"] = c.course.id()
	}
	if c.kind.id == "alias" {
		delete(fields, "courseId")
	}
	return c.add(c.kind, c.collection, id, fields, c.project).fields, nil
}

// filled reports whether none of the fields is empty.
func (c *call) filled(fields map[string]any, names []string) error {
	for _, name := range names {
		if value := fields[name]; value == nil || value == "" || strings.HasSuffix(text(fields, name), "_UNSPECIFIED") {
			return reject("invalid")
		}
	}
	return nil
}

func (c *call) get() (any, error) { return c.target.fields, nil }

func (c *call) list() (any, error) {
	all := c.children(c.collection)
	states := c.query[statesParameter(c.method)]
	return c.listed(slices.DeleteFunc(all, func(i *item) bool {
		hidden := i.kind.visible != nil && !i.kind.visible(c, i)
		return hidden || len(states) > 0 && !slices.Contains(states, i.text("state"))
	}))
}

// statesParameter is the parameter of a list that names states, "" if there is none.
func statesParameter(m *method) string {
	for name := range m.Query {
		if strings.HasSuffix(strings.ToLower(name), "states") {
			return name
		}
	}
	return ""
}

// listed is a page of the items as a list returns it.
func (c *call) listed(items []*item) (any, error) {
	all := make([]any, len(items))
	for i := range items {
		all[i] = items[i].fields
	}
	response := map[string]any{}
	part, next := page(all, c.query)
	if len(part) > 0 {
		response[c.method.Items] = part
	}
	if next != "" {
		response["nextPageToken"] = next
	}
	return response, nil
}

// mask are the fields that a patch is to set.
func (c *call) mask() ([]string, error) {
	fields := strings.FieldsFunc(c.query.Get("updateMask"), func(r rune) bool { return r == ',' })
	for i := range fields {
		fields[i] = camel(strings.TrimSpace(fields[i]))
		if !slices.Contains(c.method.Mask, fields[i]) {
			return nil, reject("invalid")
		}
	}
	if len(fields) == 0 {
		return nil, reject("invalid")
	}
	return fields, nil
}

// masked are the values that a patch sets, nil for one that it clears.
func (c *call) masked() (map[string]any, error) {
	mask, err := c.mask()
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for _, name := range mask {
		fields[name] = c.body[name]
	}
	return fields, c.filled(fields, slices.DeleteFunc(slices.Clone(c.kind.needs), func(name string) bool {
		return !slices.Contains(mask, name)
	}))
}

func (c *call) patch() (any, error) {
	fields, err := c.masked()
	if err != nil {
		return nil, err
	}
	if err := c.ours(c.target); err != nil {
		return nil, err
	}
	if c.kind.changing != nil {
		if err := c.kind.changing(c, fields); err != nil {
			return nil, err
		}
	}
	c.set(c.target, fields)
	return c.target.fields, nil
}

// ours reports whether the request's Cloud project may change an item.
func (c *call) ours(i *item) error {
	if i.kind.ours && i.project != c.project {
		return reject("other-project")
	}
	return nil
}

// set gives fields new values.
func (c *call) set(i *item, fields map[string]any) {
	i.fields = maps.Clone(i.fields) // what was sent before may still be on its way
	for name, value := range fields {
		if value == nil {
			delete(i.fields, name)
			continue
		}
		i.fields[name] = value
	}
	if i.fields["updateTime"] != nil {
		i.fields["updateTime"] = c.timestamp()
	}
}

func (c *call) delete() (any, error) {
	if err := c.ours(c.target); err != nil {
		return nil, err
	}
	if c.kind.removing != nil {
		if err := c.kind.removing(c); err != nil {
			return nil, err
		}
	}
	c.remove(c.target)
	return nil, nil
}
