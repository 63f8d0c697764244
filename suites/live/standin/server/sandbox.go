package server

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// inSandbox are the names in a sandbox file of the long-lived things that it calls otherwise than Fixtures, and "" of those
// that have none in it.
var inSandbox = map[string]string{
	"graph.app": "", "graph.roleless": "", "classroom.pubsubTopic": "", "classroom.driveFile": "",
	"classroom.otherProjectCourse.courseWork":          "otherProjectWork",
	"classroom.otherProjectCourse.courseWorkMaterials": "otherProjectMaterial",
	"classroom.otherProjectCourse.announcements":       "otherProjectAnnouncement",
	"classroom.otherProjectCourse.topics":              "otherProjectTopic",
	"classroom.otherProjectCourse.rubrics":             "", "classroom.otherProjectCourse.studentSubmissions": "",
}

// SandboxHeader is the first line of a sandbox file that a stand-in made.
const SandboxHeader = "# Made by the stand-in tenant, which is the only one it is of."

// Sandbox is the sandbox.yaml of the stand-in. The path of the file with its CA is as given, absolute or relative to the
// sandbox file. No secret stands in it. What else there is to ask about stands in comments.
func (s *Server) Sandbox(ca string) []byte {
	sections := map[string]map[string]any{
		"graph":     {"tenant": seed.Graph.Tenant, "endpoint": s.Graph, "authority": s.Entra},
		"classroom": {"domain": seed.Google.Domain, "endpoint": s.Classroom, "tokenEndpoint": s.GoogleToken},
	}
	comments := bytes.NewBufferString(SandboxHeader + "\n")
	fixtures := s.Fixtures()
	for _, name := range slices.Sorted(maps.Keys(fixtures)) {
		provider, key, _ := strings.Cut(name, ".")
		if other, otherwise := inSandbox[name]; otherwise {
			key = other
		}
		if key != "" {
			sections[provider][key] = fixtures[name]
			continue
		}
		fmt.Fprintf(comments, "# %s: %s\n", name, fixtures[name])
	}
	sections["classroom"][otherProject] = s.google.clients[otherProject].id
	sections["classroom"]["allow"] = []string{fixtures["classroom.suspended"]}
	sections["graph"]["allow"] = []string{fixtures["graph.learner"], fixtures["graph.unlicensedLearner"]}
	for _, app := range seed.Graph.Apps {
		sections["graph"][app.Key] = map[string]string{"clientID": app.ClientID}
	}
	text, err := yaml.Marshal(map[string]any{"graph": sections["graph"], "classroom": sections["classroom"], "ca": ca})
	if err != nil {
		panic(fmt.Sprintf("server: a sandbox cannot be encoded: %v", err)) // of maps and texts
	}
	return append(comments.Bytes(), text...)
}

// Fixtures are the long-lived things of the tenant by provider and key, such as classroom.orphanedCourse: ids, and of
// Classroom's users the addresses.
func (s *Server) Fixtures() map[string]string {
	all := map[string]string{}
	note := func(provider, key, id string) {
		if key != "" { // else it is a bystander
			all[provider+"."+key] = id
		}
	}
	for _, a := range seed.Graph.Apps {
		note("graph", a.Key, a.ClientID)
	}
	for _, p := range seed.Graph.Providers {
		note("graph", p.Key, p.ID)
	}
	for _, c := range seed.Graph.Contents {
		note("graph", c.Key, c.ID)
	}
	for _, u := range seed.Graph.Users {
		note("graph", u.Key, u.ID)
	}
	for _, a := range seed.Graph.Activities {
		note("graph", a.Key, a.ID)
	}
	for _, u := range seed.Google.Users {
		note("classroom", u.Key, u.Address)
	}
	for _, c := range seed.Google.Courses {
		note("classroom", c.Key, c.ID)
	}
	for key, id := range s.classroom.seeded {
		note("classroom", key, id)
	}
	note("classroom", "pubsubTopic", seed.Google.PubsubTopic)
	note("classroom", "driveFile", seed.Google.DriveFile)
	return all
}

var hump = regexp.MustCompile(`([a-z])([A-Z])`)

// Env are the environment variables by which a client signs in: the stand-in's own secrets, made up when it started.
func (s *Server) Env() map[string]string {
	env := map[string]string{
		"AZURE_TENANT_ID": seed.Graph.Tenant,

		"LEARNCONTRACT_GOOGLE_CLIENT_ID":            s.google.clients[""].id,
		"LEARNCONTRACT_GOOGLE_CLIENT_SECRET":        s.google.clients[""].secret,
		"LEARNCONTRACT_OTHER_PROJECT_CLIENT_ID":     s.google.clients[otherProject].id,
		"LEARNCONTRACT_OTHER_PROJECT_CLIENT_SECRET": s.google.clients[otherProject].secret,
	}
	for _, app := range seed.Graph.Apps {
		switch app.Key {
		case "app":
			env["AZURE_CLIENT_ID"], env["AZURE_CLIENT_SECRET"] = app.ClientID, s.entra.secrets[app.ClientID]
		case "roleless":
			env["LEARNCONTRACT_ROLELESS_CLIENT_SECRET"] = s.entra.secrets[app.ClientID]
		}
	}
	for token, consent := range s.google.refresh {
		name := strings.ToUpper(hump.ReplaceAllString(consent.key, "${1}_$2"))
		env["LEARNCONTRACT_CLASSROOM_"+name+"_REFRESH_TOKEN"] = token
	}
	return env
}
