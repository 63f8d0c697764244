package server

import (
	_ "embed"
)

//go:embed seed.yaml
var seedText []byte

// seed is the tenant before a run.
var seed = mustRead[struct {
	Graph graphSeed
}](seedText)

type graphSeed struct {
	Tenant     string
	Apps       []graphApp
	Providers  []graphProvider
	Contents   []graphContent
	Users      []graphUser
	Activities []struct{ Key, ID, Provider, Content, User, External string }
}

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

// licensed tells whether a user has a licence.
func licensed(id string) bool {
	for _, u := range seed.Graph.Users {
		if u.ID == id {
			return u.Licensed
		}
	}
	return false
}
