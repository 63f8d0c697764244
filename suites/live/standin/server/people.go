package server

import (
	"net/mail"
	"regexp"
	"slices"
)

// profile is what Classroom says of a user. the address is shown only where a profile is asked for.
func (u *googleUser) profile(whole bool) map[string]any {
	profile := map[string]any{"id": u.ID, "name": map[string]any{"fullName": u.Name}}
	if whole {
		profile["emailAddress"], profile["verifiedTeacher"] = u.Address, u.Teacher
	}
	return profile
}

var userIDForm = regexp.MustCompile(`^\d+$`)

// findProfile finds a user, or the student whose guardians the path goes on to.
func (c *call) findProfile(name string) (*item, error) {
	user := c.member(name)
	if c.method.kind != "userProfiles" {
		if err := c.guards(name, user); err != nil {
			return nil, err
		}
	} else if user == nil || !c.knows(user) {
		return nil, reject("no-permission") // "if no profile exists with the requested ID" too
	}
	if user == nil {
		user = &googleUser{ID: name}
	}
	return &item{kind: kinds["userProfiles"], path: "userProfiles/" + user.ID, fields: user.profile(true)}, nil
}

// knows reports whether a user is the caller, of the domain that one administers, or in a course with them.
func (c *call) knows(user *googleUser) bool {
	if user == c.user || c.user.Admin && user.domain() == c.user.domain() {
		return true
	}
	return slices.ContainsFunc(c.children("courses"), func(course *item) bool {
		return c.classroom.standing(course, c.user)&taking != 0 && c.classroom.standing(course, user)&taking != 0
	})
}

// guards reports whether the user has to do with a student's guardians: administrators with all, students with their own as
// far as they only look.
func (c *call) guards(name string, of *googleUser) error {
	reads := c.method.action == "get" || c.method.action == "list"
	address, err := mail.ParseAddress(name)
	formed := userIDForm.MatchString(name) || err == nil && address.Address == name || reads && name == "me"
	switch {
	case name == "-" && c.method.action == "list":
		if !c.user.Admin {
			return reject("no-permission")
		}
		return nil
	case !formed:
		return reject("invalid")
	case !c.user.Admin && (!reads || of != c.user):
		return reject("no-permission")
	case of == nil && c.method.kind == "guardians" && c.method.action != "list":
		return reject("no-permission") // "if no user that matches the provided student_id is visible"
	case of == nil:
		return reject("not-found")
	}
	return nil
}

func (c *call) creatingGuardianInvitation(fields map[string]any) (string, error) {
	address := text(fields, "invitedEmailAddress")
	parsed, err := mail.ParseAddress(address)
	state := text(fields, "state")
	switch {
	case err != nil || parsed.Address != address || len(address) > 254,
		fields["invitationId"] != nil || fields["creationTime"] != nil, state != "" && state != "PENDING":
		return "", reject("invalid")
	case slices.ContainsFunc(c.children(c.collection), func(i *item) bool {
		return i.text("state") == "PENDING" && i.text("invitedEmailAddress") == address
	}), slices.ContainsFunc(c.children(c.parent.path+"/guardians"), func(i *item) bool {
		return i.text("invitedEmailAddress") == address
	}):
		return "", reject("already-exists")
	}
	fields["studentId"], fields["state"], fields["creationTime"] = c.parent.id(), "PENDING", c.timestamp()
	return "", nil
}

// changingGuardianInvitation lets an invitation be withdrawn, and nothing else.
func (c *call) changingGuardianInvitation(fields map[string]any) error {
	switch {
	case fields["state"] != "COMPLETE":
		return reject("invalid")
	case c.target.text("state") != "PENDING":
		return reject("precondition")
	}
	return nil
}

var pubsubTopicForm = regexp.MustCompile(`^projects/[^/]+/topics/[^/]+$`)

func (c *call) creatingRegistration(fields map[string]any) (string, error) {
	destination, _ := fields["cloudPubsubTopic"].(map[string]any)
	feed, _ := fields["feed"].(map[string]any)
	topic := text(destination, "topicName")
	var about map[string]any
	switch text(feed, "feedType") {
	case "COURSE_ROSTER_CHANGES":
		about, _ = feed["courseRosterChangesInfo"].(map[string]any)
	case "COURSE_WORK_CHANGES":
		about, _ = feed["courseWorkChangesInfo"].(map[string]any)
	case "DOMAIN_ROSTER_CHANGES":
		if !c.user.Admin {
			return "", reject("no-permission")
		}
	default:
		return "", reject("invalid")
	}
	ofCourse := text(feed, "feedType") != "DOMAIN_ROSTER_CHANGES"
	if !pubsubTopicForm.MatchString(topic) || ofCourse && text(about, "courseId") == "" {
		return "", reject("invalid")
	}
	if ofCourse {
		course, err := c.findCourse(text(about, "courseId"))
		if err != nil {
			return "", err
		}
		switch standing := c.classroom.standing(course, c.user); {
		case standing == outside:
			return "", reject("not-found") // to whom it is not shown whether there is such a course
		case standing&running == 0:
			return "", reject("no-permission")
		}
	}
	switch {
	case c.delegated:
		return "", reject("no-permission") // "domain-wide delegation of authority is not currently supported"
	case topic != seed.Google.PubsubTopic:
		return "", reject("not-found")
	}
	fields["expiryTime"] = c.timestamp()
	return "", nil
}
