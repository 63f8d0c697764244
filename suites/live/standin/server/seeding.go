package server

import (
	"encoding/json"
	"fmt"
	"strings"
)

// newClassroom makes a Classroom in which the seed's courses have been for long.
func newClassroom(options Options, o *google) *classroom {
	k := &classroom{options: options, google: o, items: map[string]*item{}, seeded: map[string]string{}}
	for _, s := range seed.Google.Courses {
		k.seedCourse(s)
	}
	for _, s := range seed.Google.Guardians {
		of := addressed(s.Student)
		k.add(kinds["guardians"], "userProfiles/"+of.ID+"/guardians", s.ID, map[string]any{
			"studentId": of.ID, "invitedEmailAddress": s.Address,
		}, "")
	}
	return k
}

// addressed is the user whom the seed gives by address, deleted or not.
func addressed(address string) *googleUser {
	for _, user := range seed.Google.Users {
		if user.Address == address {
			return user
		}
	}
	panic(fmt.Sprintf("server: seed.yaml has no user %q", address))
}

func (k *classroom) seedCourse(s courseSeed) {
	state, project := s.State, s.Project
	if state == "" {
		state = "ACTIVE"
	}
	if project == "" {
		project = ourProject()
	}
	by := addressed(s.Owner)
	course := k.addCourse(s.ID, s.Name, by, state, project)
	for _, address := range s.Teachers {
		k.addMember(course, "teachers", addressed(address))
	}
	for n := range s.Staff {
		k.addMember(course, "teachers", &googleUser{ID: fmt.Sprintf("2000000000000000000%02d", n), Name: fmt.Sprint("Staff ", n)})
	}
	for _, address := range s.Students {
		k.addMember(course, "students", addressed(address))
	}
	for _, alias := range s.Aliases {
		k.add(kinds["aliases"], course.path+"/aliases", alias, map[string]any{}, project)
	}
	post := func(collection string, fields map[string]any) *item {
		fields["courseId"], fields["creatorUserId"], fields["state"] = course.id(), by.ID, "PUBLISHED"
		fields["creationTime"], fields["updateTime"] = k.timestamp(), k.timestamp()
		return k.add(kinds[collection], course.path+"/"+collection, "", fields, project)
	}
	for _, name := range s.Topics {
		k.add(kinds["topics"], course.path+"/topics", "", map[string]any{
			"courseId": course.id(), "name": name, "updateTime": k.timestamp(),
		}, project)
	}
	for _, title := range s.Work {
		work := post("courseWork", map[string]any{
			"title": title, "workType": "ASSIGNMENT", "maxPoints": json.Number("10"), "assigneeMode": "ALL_STUDENTS",
		})
		if s.Rubric {
			k.add(kinds["rubrics"], work.path+"/rubrics", "", map[string]any{
				"courseId": course.id(), "courseWorkId": work.id(),
			}, project)
		}
	}
	for _, title := range s.Materials {
		post("courseWorkMaterials", map[string]any{"title": title, "assigneeMode": "ALL_STUDENTS"})
	}
	for _, text := range s.Announcements {
		post("announcements", map[string]any{"text": text, "assigneeMode": "ALL_STUDENTS"})
	}
	k.settle(course)
	if s.Key == "" {
		return
	}
	for path, i := range k.items {
		if strings.HasPrefix(path, course.path+"/") && i.kind != kinds["teachers"] && i.kind != kinds["students"] {
			parts := strings.Split(path, "/")
			k.seeded[s.Key+"."+parts[len(parts)-2]] = i.id()
		}
	}
}
