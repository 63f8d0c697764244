package server

import (
	_ "embed"
	"strings"
)

//go:embed seed.yaml
var seedText []byte

// seed is the tenant before a run.
var seed = mustRead[struct {
	Graph  graphSeed
	Google googleSeed
}](seedText)

type graphSeed struct {
	Tenant     string
	Apps       []graphApp
	Providers  []graphProvider
	Contents   []graphContent
	Users      []graphUser
	Activities []activitySeed
}

type activitySeed struct{ Key, ID, Provider, Content, User, External string }

type graphApp struct {
	Key      string
	ClientID string `yaml:"clientID"`
	Roles    []string
}

type graphProvider struct {
	Key, ID, Name string
	Enabled       bool // whether course activity sync is on
}

type graphContent struct{ Key, ID, Provider string }

type graphUser struct {
	Key, ID  string
	Licensed bool
}

// providerID is the registration id of a provider that the seed names by its key.
func providerID(key string) string {
	for _, p := range seed.Graph.Providers {
		if p.Key == key {
			return p.ID
		}
	}
	return key
}

func contentID(key string) string {
	for _, c := range seed.Graph.Contents {
		if c.Key == key {
			return c.ID
		}
	}
	return key
}

func userID(key string) string {
	for _, u := range seed.Graph.Users {
		if u.Key == key {
			return u.ID
		}
	}
	return key
}

// contentProvider is the registration id of the provider that a content was created with, "" if there is no such content.
func contentProvider(id string) string {
	for _, c := range seed.Graph.Contents {
		if c.ID == id {
			return providerID(c.Provider)
		}
	}
	return ""
}

// licensed reports whether a user has a licence.
func licensed(id string) bool {
	for _, u := range seed.Graph.Users {
		if u.ID == id {
			return u.Licensed
		}
	}
	return false
}

type googleSeed struct {
	Domain   string
	Projects []struct {
		ID   string
		Ours bool // whether the sandbox's credentials are of this project
	}
	PubsubTopic string `yaml:"pubsubTopic"` // which Classroom may publish to
	DriveFile   string `yaml:"driveFile"`   // which everybody sees
	Users       []*googleUser
	Courses     []courseSeed
	Guardians   []struct{ ID, Student, Address string }
}

// googleUser is an account of the domain, or of another.
type googleUser struct {
	Key, ID, Address, Name string
	Admin                  bool   // of the domain
	Teacher                bool   // verified as one
	Off                    string // what is off for the user: classroom or api
	Suspended, Deleted     bool
}

// courseSeed is a course that was there before. Users are given by address, items by what they are called.
type courseSeed struct {
	Key, ID, Name, Owner, State, Project   string
	Teachers, Students, Aliases            []string
	Topics, Work, Materials, Announcements []string
	Staff                                  int  // how many further teachers it has
	Rubric                                 bool // whether its work has one
}

func (u *googleUser) domain() string { return u.Address[strings.IndexByte(u.Address, '@')+1:] }

// findUser returns the user with an id or an address, nil if there is none.
func findUser(name string) *googleUser {
	for _, user := range seed.Google.Users {
		if !user.Deleted && (user.ID == name || strings.EqualFold(user.Address, name)) {
			return user
		}
	}
	return nil
}

// ourProject is the Cloud project of the sandbox's credentials.
func ourProject() string {
	for _, project := range seed.Google.Projects {
		if project.Ours {
			return project.ID
		}
	}
	panic("server: seed.yaml has no project that is ours")
}

// otherProject is what sandbox.yaml calls the teacher who signs in by a client of theirProject.
const otherProject = "otherProject"

// theirProject is a Cloud project that is not ours.
func theirProject() string {
	for _, project := range seed.Google.Projects {
		if !project.Ours {
			return project.ID
		}
	}
	panic("server: seed.yaml has no project that is not ours")
}

// anyUser is findUser, deleted users among them; a user that never was has no id.
func anyUser(id string) *googleUser {
	for _, user := range seed.Google.Users {
		if user.ID == id {
			return user
		}
	}
	return &googleUser{}
}
