package server

import (
	"slices"
	"strings"
)

// How many there can be in a course.
const (
	mostTeachers = 50
	mostMembers  = 1000
)

// member is the user whom a request calls by "me", an id or an address; nil if there is none.
func (c *call) member(name string) *googleUser {
	if name == "me" {
		return c.user
	}
	return findUser(name)
}

// findMember finds one of the collection by what a request calls a user.
func (c *call) findMember(name string) (*item, error) {
	if user := c.member(name); user != nil {
		name = user.ID
	}
	return c.child(name)
}

// addMember makes a user a teacher or a student of a course.
func (k *classroom) addMember(course *item, collection string, user *googleUser) {
	path := course.path + "/" + collection
	if k.items[path+"/"+user.ID] != nil {
		return
	}
	k.add(kinds[collection], path, user.ID, map[string]any{
		"courseId": course.id(), "userId": user.ID, "profile": user.profile(false),
	}, "")
}

// joining reports whether a user can be added to a course, and what forbids it.
func (k *classroom) joining(course *item, collection string, user *googleUser) error {
	if err := modifiable(course); err != nil {
		return err
	}
	teachers, students := k.children(course.path+"/teachers"), k.children(course.path+"/students")
	is := func(i *item) bool { return i.id() == user.ID }
	switch {
	case user.Suspended:
		return reject("precondition")
	case slices.ContainsFunc(teachers, is) || slices.ContainsFunc(students, is):
		return reject("already-exists")
	case len(teachers)+len(students) >= mostMembers:
		return reject("member-limit")
	case collection == "teachers" && len(teachers) >= mostTeachers:
		return reject("teacher-limit")
	}
	return nil
}

// directly is the user whom an administrator may add to the course without an invitation, who is one of the domain.
func (c *call) directly(name string) (*googleUser, error) {
	user := c.member(name)
	if user != nil && user.domain() == c.user.domain() {
		return user, nil
	}
	if user != nil && c.options.Fundamentals {
		return nil, reject("untrusted-domain")
	}
	return nil, reject("direct-add")
}

func (c *call) creatingTeacher(fields map[string]any) (string, error) {
	if c.standing&admin == 0 {
		return "", reject("no-permission") // "Non-admin users should send an Invitation instead"
	}
	return c.joins(fields)
}

func (c *call) creatingStudent(fields map[string]any) (string, error) {
	if c.standing&admin == 0 {
		code := c.course.text("enrollmentCode")
		if c.member(text(fields, "userId")) != c.user || c.query.Get("enrollmentCode") != code {
			return "", reject("no-permission")
		}
	}
	return c.joins(fields)
}

// joins completes the fields of a new member.
func (c *call) joins(fields map[string]any) (string, error) {
	if err := c.filled(fields, []string{"userId"}); err != nil {
		return "", err
	}
	user, err := c.directly(text(fields, "userId"))
	if err != nil {
		return "", err
	}
	fields["userId"], fields["profile"] = user.ID, user.profile(false)
	return user.ID, c.joining(c.course, c.collection[strings.LastIndexByte(c.collection, '/')+1:], user)
}

func (c *call) removingTeacher() error {
	id, course := c.target.id(), c.course
	switch {
	case c.standing&(owner|admin) == 0 && id != c.user.ID:
		return reject("no-permission")
	case orphaned(course):
		return reject("remove-teacher-of-orphan")
	case id == course.text("ownerId"):
		return reject("remove-course-owner")
	case id == course.former && course.transfer > c.options.Transfer:
		return reject("remove-owner-in-transfer")
	case id == course.former && course.transfer > 0:
		return reject("remove-folder-owner")
	}
	return nil
}

// findAlias finds an alias, which a user of no domain cannot request by a domain's.
func (c *call) findAlias(alias string) (*item, error) {
	if err := c.aliasing(alias); err != nil {
		return nil, err
	}
	return c.child(alias)
}

func (c *call) creatingAlias(fields map[string]any) (string, error) {
	alias := text(fields, "alias")
	switch {
	case !aliasForm.MatchString(alias):
		return "", reject("invalid")
	case c.aliased(alias) != nil:
		return "", reject("already-exists")
	}
	return alias, c.aliasing(alias)
}

// aliasing reports whether an alias makes sense for the user.
func (c *call) aliasing(alias string) error {
	if strings.HasPrefix(alias, "d:") && c.user.domain() != seed.Google.Domain {
		return reject("precondition")
	}
	return nil
}

func isOwners(invitation *item) bool { return invitation.text("role") == "OWNER" }

// invitationsTo are the pending invitations to a course.
func (c *call) invitationsTo(course *item) []*item {
	return slices.DeleteFunc(c.children("invitations"), func(i *item) bool { return i.text("courseId") != course.id() })
}

func (c *call) creatingInvitation(fields map[string]any) (string, error) {
	course, err := c.findCourse(text(fields, "courseId"))
	if err != nil {
		return "", err
	}
	role, user := text(fields, "role"), c.member(text(fields, "userId"))
	may := running
	if role == "OWNER" {
		may = owner
	}
	if c.classroom.standing(course, c.user)&may == 0 {
		return "", reject("no-permission")
	}
	if user == nil {
		return "", reject("not-found")
	}
	pending, has := c.invitationsTo(course), c.classroom.standing(course, user)
	teaches := has&teacher != 0
	switch {
	case user.domain() != seed.Google.Domain:
		return "", reject("untrusted-domain")
	case slices.ContainsFunc(pending, func(i *item) bool { return i.text("userId") == user.ID }):
		return "", reject("already-exists")
	case role == "OWNER" && slices.ContainsFunc(pending, isOwners):
		return "", reject("pending-invitation")
	case user.Suspended, has&owner != 0, role != "OWNER" && teaches, role == "STUDENT" && has&student != 0:
		return "", reject("precondition") // "if the user already has this role or a role with greater permissions"
	case role == "OWNER" && !teaches:
		return "", reject("ineligible-owner")
	}
	fields["userId"], fields["courseId"] = user.ID, course.id()
	return "", nil
}

// seesInvitation reports whether the user is who is invited, or one who runs the course.
func (c *call) seesInvitation(i *item) bool {
	course := c.items["courses/"+i.text("courseId")]
	invited := i.text("userId") == c.user.ID
	if c.method.action == "accept" {
		return invited
	}
	return invited || course != nil && c.classroom.standing(course, c.user)&running != 0
}

func (c *call) listInvitations() (any, error) {
	if c.query.Get("courseId") == "" && c.query.Get("userId") == "" {
		return nil, reject("invalid")
	}
	all := slices.DeleteFunc(c.children("invitations"), func(i *item) bool { return !c.seesInvitation(i) })
	if id := c.query.Get("courseId"); id != "" {
		course, err := c.findCourse(id)
		if err != nil {
			return nil, err
		}
		if c.classroom.standing(course, c.user) == outside {
			return nil, reject("no-permission")
		}
		all = slices.DeleteFunc(all, func(i *item) bool { return i.text("courseId") != course.id() })
	}
	if name := c.query.Get("userId"); name != "" {
		user := c.member(name)
		if user != c.user && !c.user.Admin && c.query.Get("courseId") == "" {
			return nil, reject("no-permission")
		}
		all = slices.DeleteFunc(all, func(i *item) bool { return user == nil || i.text("userId") != user.ID })
	}
	return c.listed(all)
}

func (c *call) accept() (any, error) {
	course := c.items["courses/"+c.target.text("courseId")]
	role := c.target.text("role")
	if role == "OWNER" {
		if err := modifiable(course); err != nil {
			return nil, err
		}
		c.transferTo(course, c.user)
		c.changeCourse(course, map[string]any{"ownerId": c.user.ID})
	} else {
		collection := strings.ToLower(role) + "s"
		if err := c.joining(course, collection, c.user); err != nil {
			return nil, err
		}
		c.addMember(course, collection, c.user)
		c.settle(course)
	}
	c.remove(c.target)
	return nil, nil
}

func (c *call) creatingGroupMember(fields map[string]any) (string, error) {
	user := c.member(text(fields, "userId"))
	switch {
	case user == nil || c.items[c.course.path+"/students/"+user.ID] == nil:
		return "", reject("not-found")
	case c.items[c.collection+"/"+user.ID] != nil:
		return "", reject("already-exists")
	}
	fields["studentGroupId"] = c.parent.id()
	return user.ID, nil
}
